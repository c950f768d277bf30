"""Where a number comes from: command, time, versions, commit and machine."""

import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from microexp_keras import __version__
from microexp_keras.backend import devices

PACKAGES = ["tensorflow", "jax", "torch", "keras", "numpy", "opencv-python", "dlib-bin"]
PACKAGES += ["h5py", "scikit-learn", "matplotlib"]


def provenance() -> dict[str, Any]:
    """Command, time, versions, commit (of the working tree that the package runs from, or why none) and machine."""
    known, why = _commit()
    return {
        "command": shlex.join([Path(sys.executable).name, *sys.orig_argv[1:]]),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "microexp-keras": __version__,
            "python": platform.python_version(),
            **{name: version for name in PACKAGES if (version := installed(name))},
        },
        "commit": known,
        "commit_missing": why,
        "machine": {"system": platform.platform(), "cores": os.cpu_count(), "devices": devices()},
    }


def _commit() -> tuple[str | None, str | None]:
    """Commit of the checkout that this package runs from, with `+changes` if files differ; or None, and why."""
    package = Path(__file__).parents[1]

    def git(*arguments: str) -> str:
        line = ["git", "-C", str(package), *arguments]
        return subprocess.run(line, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        if git("ls-files", "__init__.py"):  # else installed inside somebody else's checkout
            return git("rev-parse", "HEAD") + "+changes" * bool(git("status", "--porcelain", ".")), None
        fault = ""
    except (OSError, subprocess.SubprocessError) as error:  # no git, or not a repository
        fault = f" ({error})"
    return None, f"the package does not run from a checkout of its repository, but from {package}{fault}"


def installed(package: str) -> str | None:
    """Version of an installed package, if it is."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
