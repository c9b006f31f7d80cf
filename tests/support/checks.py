"""Counts what was checked, and says it in lines."""

import time
import traceback


class Checks:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.began = time.monotonic()

    def step(self, text):
        print(f"\n[{time.monotonic() - self.began:5.1f} s] {text}", flush=True)

    def check(self, text, holds, seen=None):
        """Notes whether something holds; where it does not, what was seen instead."""
        if holds:
            self.passed += 1
            print(f"  ok      {text}", flush=True)
        else:
            self.failed += 1
            print(f"  FAILED  {text}", flush=True)
            if seen is not None:
                print(f"          seen: {seen}", flush=True)
        return bool(holds)

    def broke_off(self, error):
        """What comes next depends on what did not work: that counts as one failed check."""
        traceback.print_exception(error)
        self.check("the run came to its end", False, error)

    def summary(self):
        print(f"\n{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0
