"""The order of the run. `run` starts this file within the prepared Python environment."""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import build
import cargo
import inspection
import journey
from account import Account
from checks import Checks
from org import Org
from processes import Processes

STACK = "passerelle-test"
TEMPLATE = cargo.ROOT / "template.yaml"


def arguments():
    parser = argparse.ArgumentParser(prog="tests/sam/run")
    parser.add_argument("--state", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--bin-dir", type=pathlib.Path, help="take the programs here instead of building them")
    return parser.parse_args()


def everything(checks, options, processes, scratch):
    checks.step("cfn-lint reads the template")
    linted = subprocess.run([pathlib.Path(sys.executable).with_name("cfn-lint"), TEMPLATE], capture_output=True, text=True)
    checks.check("cfn-lint has nothing to say", linted.returncode == 0, linted.stdout + linted.stderr)

    checks.step("The functions are built")
    programs = build.binaries(options.bin_dir)

    checks.step("The account and the org are started")
    account = Account(processes)
    org = Org(processes, programs["salesforce-sim"], scratch, journey.callback_url(account))

    checks.step("CloudFormation makes the stack")
    outputs = account.deploy(
        STACK, TEMPLATE,
        {f"functions/{function}": programs[f"passerelle-{function}"] for function in build.FUNCTIONS},
        {"Architecture": build.architecture(), "PublicUrl": account.public_url, "AllowedHosts": org.hosts},
    )
    checks.check("the stack stands", outputs["SecretPrefix"] == f"passerelle/{STACK}", outputs)
    inspection.routes(checks, account)
    inspection.policies(checks, account, STACK, outputs)

    try:
        journey.travel(checks, account, org, programs["passerelle"], STACK, outputs, scratch)
    except Exception as error:
        checks.broke_off(error)  # what it left behind may say why
    inspection.aftermath(checks, account, STACK, processes.log_dir)


def main():
    options = arguments()
    checks = Checks()
    logs = options.state / "logs"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    processes = Processes(logs)
    with tempfile.TemporaryDirectory(prefix="passerelle-sam-") as scratch:
        # The account unpacks the functions' code where temporary files go, and leaves it there.
        os.environ["TMPDIR"] = scratch
        try:
            everything(checks, options, processes, pathlib.Path(scratch))
        except Exception as error:
            checks.broke_off(error)
        finally:
            processes.stop()
    if checks.failed:
        print(f"\nThe logs are in {logs}.")
    return checks.summary()


if __name__ == "__main__":
    # Ended from outside, the run still has to end its processes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
