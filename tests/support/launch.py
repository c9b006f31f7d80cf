"""How a run begins: its Python environment is prepared, and its `main.py` goes on within it. Uses the standard library alone."""

import os
import pathlib
import sys

from cargo import target_directory
from environment import prepared_python


def launch(here, name):
    """Goes on with `main.py` of the directory `here`, which keeps what it makes in `name` below cargo's target directory."""
    if sys.version_info < (3, 10):
        sys.exit("Python 3.10 or later is needed.")
    state = target_directory() / name
    python = prepared_python(state / "venv", here / "requirements.txt")
    environment = dict(os.environ, PYTHONPATH=str(pathlib.Path(__file__).parent))
    os.execve(python, [str(python), "-B", str(here / "main.py"), "--state", str(state), *sys.argv[1:]], environment)
