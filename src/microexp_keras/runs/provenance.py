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

from microexp_keras import __version__, backend

PACKAGES = ["tensorflow", "jax", "torch", "keras", "numpy", "opencv-python", "dlib-bin"]
PACKAGES += ["h5py", "scikit-learn", "matplotlib"]


def provenance() -> dict[str, Any]:
    """Command, time, versions, commit (of the working tree that the package runs from, or why none) and machine."""
    known, why = _commit_or_why()
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


def commit() -> str | None:
    """Commit of the checkout that this package runs from, with `+changes` if files differ; None outside git."""
    return _commit_or_why()[0]


def _commit_or_why() -> tuple[str | None, str | None]:
    package = Path(__file__).parents[1]

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(package), *arguments], capture_output=True, text=True, check=True, timeout=10
        )
        return done.stdout.strip()

    outside = f"the package does not run from a checkout of its repository, but from {package}"
    try:
        if not git("ls-files", "__init__.py"):  # installed inside somebody else's checkout
            return None, outside
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", ".") else ""), None
    except (OSError, subprocess.SubprocessError) as error:  # no git, or not a repository
        return None, f"{outside} ({error})"


def installed(package: str) -> str | None:
    """Version of an installed package, if it is."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def devices() -> list[str] | None:
    """What the Keras backend computes on, such as `["tensorflow cpu:0"]`; None before Keras is loaded."""
    return backend.devices() if "keras" in sys.modules else None
