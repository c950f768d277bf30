"""Where a number comes from: command, time, versions, commit and machine."""

import os
import platform
import shlex
import subprocess
import sys
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from microexp_keras import __version__


def provenance() -> dict[str, Any]:
    """Command, time, versions, commit (of the working tree that the package runs from, or why none) and machine."""
    known, why = _commit_or_why()
    packages = (
        "tensorflow",
        "jax",
        "torch",
        "keras",
        "numpy",
        "opencv-python",
        "dlib-bin",
        "h5py",
        "scikit-learn",
        "matplotlib",
    )
    return {
        "command": shlex.join([Path(sys.executable).name, *sys.orig_argv[1:]]),
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": {
            "microexp-keras": __version__,
            "python": platform.python_version(),
            **{name: version for name in packages if (version := installed(name))},
        },
        "commit": known,
        "commit_missing": why,
        "machine": {"system": platform.platform(), "cores": os.cpu_count(), "devices": devices()},
    }


def commit() -> str | None:
    """Commit of the checkout that this package runs from, with `+changes` if files differ; None outside git."""
    return _commit_or_why()[0]


def _commit_or_why() -> tuple[str | None, str | None]:
    """The commit, or why there is none."""
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
    except FileNotFoundError:
        return None, "there is no program git"
    except subprocess.CalledProcessError as error:
        return None, outside if "not a git repository" in error.stderr else f"git failed: {error.stderr.strip()}"
    except (OSError, subprocess.SubprocessError) as error:
        return None, f"git failed: {error}"


def installed(package: str) -> str | None:
    """Version of an installed package, if it is."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def devices() -> list[str] | None:
    """What the Keras backend computes on, such as `["cpu:0"]`; None before Keras is loaded."""
    if "keras" not in sys.modules:
        return None
    import keras

    return [f"{keras.backend.backend()} {device}" for device in keras.distribution.list_devices()]
