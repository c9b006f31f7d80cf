"""The order of the run. `run` starts this file within the prepared Python environment."""

import argparse
import dataclasses
import pathlib

import cargo
import course
import org
from simulated_org import SimulatedOrg

import with_cirrus
import with_jsforce
import with_simple_salesforce

CLIENTS = {
    "simple-salesforce": with_simple_salesforce.drive,
    "jsforce": with_jsforce.drive,
    "cirrus": with_cirrus.drive,
}


@dataclasses.dataclass
class Ground:
    """What a client finds."""

    simulated: SimulatedOrg
    private_key: str  # of the app Bearer
    state: pathlib.Path  # a directory for what a client needs to have installed
    cirrus: pathlib.Path  # the tests of cirrus, built


def arguments():
    parser = argparse.ArgumentParser(prog="tests/clients/run")
    parser.add_argument("--state", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help=f"any of {', '.join(CLIENTS)}; all if none is named")
    options = parser.parse_args()
    unknown = set(options.clients) - set(CLIENTS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(CLIENTS)}")
    return options


def everything(options, checks, processes, scratch):
    checks.step("The simulated org is built and started")
    built = cargo.built("--bin", "salesforce-sim", "--test", "cirrus")
    private_key, public_key = org.key_pair()
    simulated = SimulatedOrg(processes, built["bin", "salesforce-sim"], scratch, org.seed(public_key))
    ground = Ground(simulated, private_key, options.state, built["test", "cirrus"])

    for name in options.clients or CLIENTS:
        checks.step(name)
        try:
            CLIENTS[name](checks, ground)
        except Exception as error:
            checks.broke_off(error)  # the next client starts afresh
        simulated.control("reset")


if __name__ == "__main__":
    options = arguments()
    course.run("clients", options.state, lambda *ground: everything(options, *ground))
