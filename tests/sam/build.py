"""The programs under test, built for this machine. Uses the standard library alone."""

import json
import pathlib
import platform
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
FUNCTIONS = ["oauth-callback", "trigger-intake", "upsert", "reconcile", "console"]
TOOLS = ["passerelle", "salesforce-sim"]


def target_directory():
    """Where cargo puts what it builds; CARGO_TARGET_DIR and cargo's configuration are heeded."""
    answer = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version", "1"],
                            cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return pathlib.Path(json.loads(answer.stdout)["target_directory"])


def architecture():
    """The value of the template's parameter that stands for this machine."""
    return {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]


def names():
    return [f"passerelle-{function}" for function in FUNCTIONS] + TOOLS


def binaries(bin_dir):
    """Paths of all programs by name: found in a directory, or built with the dev profile."""
    if bin_dir:
        found = {name: pathlib.Path(bin_dir).resolve() / name for name in names()}
    else:
        # The whole workspace, tests included, because that is what the test command builds: the same features of the same
        # dependencies, so nothing is compiled a second time.
        answer = subprocess.run(["cargo", "build", "--workspace", "--all-targets", "--message-format=json-render-diagnostics"],
                                cwd=ROOT, check=True, stdout=subprocess.PIPE)
        messages = [json.loads(line) for line in answer.stdout.splitlines()]
        found = {message["target"]["name"]: pathlib.Path(message["executable"])
                 for message in messages if message.get("executable") and message["target"]["kind"] == ["bin"]
                 and not message["profile"]["test"]}
    missing = [name for name in names() if name not in found or not found[name].is_file()]
    if missing:
        raise FileNotFoundError(f"These programs are missing: {', '.join(missing)}.")
    return found
