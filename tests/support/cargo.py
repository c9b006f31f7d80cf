"""Programs of this repository, built for this machine. Uses the standard library alone."""

import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def target_directory():
    """Where cargo puts what it builds; CARGO_TARGET_DIR and cargo's configuration are heeded."""
    answer = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version", "1"],
                            cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return pathlib.Path(json.loads(answer.stdout)["target_directory"])


def built(*targets):
    """Paths of programs and tests by kind and name, built with the dev profile.

    `targets` are cargo's options, at least one of which must choose a test. With one, the whole workspace decides
    about the features of its dependencies, as it does for the test command: nothing is compiled a second time.
    """
    answer = subprocess.run(["cargo", "build", "--workspace", *targets, "--message-format=json-render-diagnostics"],
                            cwd=ROOT, check=True, stdout=subprocess.PIPE)
    messages = [json.loads(line) for line in answer.stdout.splitlines()]
    # A program compiled as a test of itself goes by the same name; the program is what is asked for.
    return {(message["target"]["kind"][0], message["target"]["name"]): pathlib.Path(message["executable"])
            for message in messages if message.get("executable")
            and message["profile"]["test"] == (message["target"]["kind"] == ["test"])}
