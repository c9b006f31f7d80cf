"""Python environments below the target directory of cargo. Uses the standard library alone."""

import subprocess
import venv


def prepared_python(directory, requirements):
    """The Python of an environment that holds exactly what the file `requirements` names."""
    wanted = requirements.read_text()
    stamp = directory / "requirements.txt"
    python = directory / "bin" / "python"
    if not (stamp.is_file() and stamp.read_text() == wanted):
        print("Preparing the Python environment …", flush=True)
        venv.create(directory, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements],
                       check=True)
        stamp.write_text(wanted)
    return python
