"""The order of the run. `run` starts this file within the prepared Python environment."""

import argparse
import json
import os
import pathlib
import subprocess
import sys

import jsonschema
import yaml

import build
import cargo
import cli
import course
import inspection
import journey
from account import Account
from org import Org

STACK = "passerelle-test"
TEMPLATE = cargo.ROOT / "template.yaml"


def arguments():
    parser = argparse.ArgumentParser(prog="tests/sam/run")
    parser.add_argument("--state", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--bin-dir", type=pathlib.Path, help="take the programs here instead of building them")
    return parser.parse_args()


def everything(options, checks, processes, scratch):
    checks.step("cfn-lint reads the template")
    linted = subprocess.run([pathlib.Path(sys.executable).with_name("cfn-lint"), TEMPLATE], capture_output=True, text=True)
    checks.check("cfn-lint has nothing to say", linted.returncode == 0, linted.stdout + linted.stderr)

    checks.step("The presets are read with the committed JSON Schema, as an editor would")
    schema = jsonschema.Draft202012Validator(json.loads((cargo.ROOT / "docs/configuration.schema.json").read_text()))
    for preset in sorted((cargo.ROOT / "infra/presets").glob("*.yaml")):
        faults = [f"{fault.json_path}: {fault.message}" for fault in schema.iter_errors(yaml.load(preset.read_text(), Loader=cli.Yaml12))]
        checks.check(f"{preset.name} is valid", not faults, faults[:5])

    checks.step("The functions are built")
    programs = build.binaries(options.bin_dir)

    checks.step("The account and the org are started")
    # The account unpacks the functions' code where temporary files go, and leaves it there.
    os.environ["TMPDIR"] = str(scratch)
    account = Account(processes)
    org = Org(processes, programs["salesforce-sim"], scratch, journey.callback_url(account))

    # What an operator does before naming the sender; in SES's sandbox for recipients, too.
    for address in (journey.SENDER, cli.CONTACT):
        account.client("sesv2").create_email_identity(EmailIdentity=address)

    checks.step("CloudFormation makes the stack")
    outputs = account.deploy(
        STACK, TEMPLATE,
        {f"functions/{function}": programs[f"passerelle-{function}"] for function in build.FUNCTIONS},
        {"Architecture": build.architecture(), "PublicUrl": account.public_url, "AllowedHosts": org.hosts, "AlertSender": journey.SENDER},
    )
    checks.check("the stack stands", outputs["SecretPrefix"] == f"passerelle/{STACK}", outputs)
    inspection.routes(checks, account)
    inspection.policies(checks, account, STACK, outputs)

    try:
        journey.travel(checks, account, org, programs["passerelle"], STACK, outputs, scratch)
    except Exception as error:
        checks.broke_off(error)  # what it left behind may say why
    inspection.aftermath(checks, account, STACK, processes.log_dir)


if __name__ == "__main__":
    options = arguments()
    course.run("sam", options.state, lambda *ground: everything(options, *ground))
