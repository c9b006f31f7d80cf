"""Programs that report on their standard output, a line for each check."""

import subprocess


def relay(command, environment, read):
    """Runs a command to its end, gives each line of its output to `read`, and returns the exit code."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            read(line.rstrip("\n"))
        return process.wait()
    finally:
        process.kill()  # does nothing to one that has ended
