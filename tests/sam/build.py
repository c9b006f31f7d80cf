"""The programs under test."""

import pathlib
import platform

import cargo

FUNCTIONS = ["oauth-callback", "trigger-intake", "upsert", "reconcile", "console"]
TOOLS = ["passerelle", "salesforce-sim"]


def architecture():
    """The value of the template's parameter that stands for this machine."""
    return {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]


def names():
    return [f"passerelle-{function}" for function in FUNCTIONS] + TOOLS


def binaries(bin_dir):
    """Paths of all programs by name: found in a directory, or built."""
    if bin_dir:
        found = {name: pathlib.Path(bin_dir).resolve() / name for name in names()}
    else:
        found = {name: path for (kind, name), path in cargo.built("--all-targets").items() if kind == "bin"}
    missing = [name for name in names() if name not in found or not found[name].is_file()]
    if missing:
        raise FileNotFoundError(f"These programs are missing: {', '.join(missing)}.")
    return found
