"""jsforce, driven by jsforce/drive.js."""

import json
import os
import pathlib
import shutil
import subprocess

import org
from reports import relay

HERE = pathlib.Path(__file__).resolve().parent / "jsforce"


def installed(directory):
    """The modules that package-lock.json names, in a directory of their own."""
    wanted = (HERE / "package-lock.json").read_text()
    stamp = directory / "installed"
    if not (stamp.is_file() and stamp.read_text() == wanted):
        print("Installing the node modules …", flush=True)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, directory)
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=directory, check=True)
        stamp.write_text(wanted)
    return directory / "node_modules"


def drive(checks, ground):
    settings = {
        "login": ground.simulated.login_url,
        "instance": ground.simulated.instance_url,
        "username": org.USERNAME,
        "password": org.PASSWORD,
        "secret": org.SECRET,
        "bearer": org.BEARER_APP,
        "credentials": org.CREDENTIALS_APP,
        "web": org.WEB_APP,
        "callback": org.CALLBACK,
        "privateKey": ground.private_key,
        "rows": org.ROWS,
    }
    environment = dict(os.environ, NODE_PATH=str(installed(ground.state / "jsforce")), CLIENT_SETTINGS=json.dumps(settings))

    def read(line):
        report = json.loads(line)
        checks.check(report["check"], report["holds"], report.get("seen"))

    status = relay(["node", HERE / "drive.js"], environment, read)
    checks.check("the script came to its end", status == 0, f"exit code {status}")
