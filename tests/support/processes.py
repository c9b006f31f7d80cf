"""Processes that a run starts, and the waiting for them."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, ask, seconds, pause=0.2):
    """Asks until the answer is true, and returns it; raises once the time is spent."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise TimeoutError(f"Waited {seconds} s in vain: {what}.")
        time.sleep(pause)


def answers(url):
    """Whether anything at all, an error included, answers at this address."""
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


class Processes:
    """Processes that end with the run, together with everything that they started."""

    def __init__(self, log_dir):
        self.log_dir = log_dir
        self.running = []

    def start(self, name, command, env):
        log = open(self.log_dir / f"{name}.log", "wb")
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
        self.running.append(process)
        return process

    def stop(self):
        for process in reversed(self.running):
            try:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                pass
            except ProcessLookupError:
                continue
            try:
                os.killpg(process.pid, signal.SIGKILL)  # what a leader left behind when it ended
            except ProcessLookupError:
                pass
        self.running.clear()
