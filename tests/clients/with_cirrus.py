"""cirrus: the tests of passerelle-clients-cirrus, each on an org of its own."""

import os
import re

from reports import relay

RESULT = re.compile(r"test (\S+) \.\.\. (ok|FAILED)")


def drive(checks, ground):
    rest = []

    def read(line):
        found = RESULT.fullmatch(line)
        if found:
            checks.check(found[1].replace("::", ": ").replace("_", " "), found[2] == "ok")
        else:
            rest.append(line)

    status = relay([ground.cirrus, "--format", "pretty"], dict(os.environ), read)
    if status != 0:
        print("\n".join(rest))
    checks.check("the tests came to their end", status == 0, f"exit code {status}")
