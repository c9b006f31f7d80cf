"""What surrounds the checks of a run: its logs, its processes, a directory for scratch, and the count at the end."""

import pathlib
import shutil
import signal
import sys
import tempfile

from checks import Checks
from processes import Processes


def run(name, state, everything):
    """Calls `everything(checks, processes, scratch)` and ends the program; the exit code is 0 only if every check passed.

    The logs of the run stand in `state`; whatever was started has ended, even if the run is ended from outside.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    checks = Checks()
    logs = state / "logs"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    processes = Processes(logs)
    with tempfile.TemporaryDirectory(prefix=f"passerelle-{name}-") as scratch:
        try:
            everything(checks, processes, pathlib.Path(scratch))
        except Exception as error:
            checks.broke_off(error)
        finally:
            processes.stop()
    if checks.failed:
        print(f"\nThe logs are in {logs}.")
    sys.exit(checks.summary())
