"""The folder of a run: made, held by one process, read again from its config.json, and where its numbers come from."""

import contextlib
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from microexp_keras import __version__
from microexp_keras.atomic import only_writer
from microexp_keras.backend import devices
from microexp_keras.errors import MicroExpError
from microexp_keras.runs.settings import Settings

# Whose versions are written down.
PACKAGES = ["tensorflow", "jax", "torch", "keras", "numpy", "opencv-python", "dlib-bin"]
PACKAGES += ["h5py", "scikit-learn", "matplotlib"]


def require_free(out: str | Path | None, resumable: bool = False) -> None:
    """Raise unless results can go into the folder `out`, or if it is None below `runs`; nothing is written.

    If the command is `resumable`, the advice names `--resume`.
    """
    folder = Path("runs" if out is None else out).absolute()
    there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if not os.path.isdir(there) or not os.access(there, os.R_OK | os.W_OK | os.X_OK):
        what = "the folder {} cannot be written to" if os.path.isdir(there) else "{} is a file, not a folder"
        raise MicroExpError(out or "runs", what.format(there), "Give another --out.")
    if out is not None and there == folder and any(child.name != ".lock" for child in folder.iterdir()):
        resume = f"; resume what began there with --resume {shlex.quote(str(out))}" if resumable else ""
        raise MicroExpError(out, "there are files in this folder", f"Give another --out{resume}.")


def new_folder(out: str | Path | None, name: str) -> Path:
    """Make the folder of a new run: `out`, or by default the next free `runs/NAME-001`; see `require_free`."""
    require_free(out)
    numbered = (Path("runs", f"{name}-{number:03d}") for number in range(1, 10_000))
    folder = next(place for place in numbered if not place.exists()) if out is None else Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=out is not None)
    except FileExistsError:  # another run was quicker
        return new_folder(out, name)
    except OSError as error:
        raise MicroExpError(folder, f"could not be made ({error.strerror})", "Give another --out.") from error
    return folder


@contextlib.contextmanager
def results_in(out: str | Path | None, name: str) -> Iterator[Path]:
    """Make the folder of results before they are computed; remove it again if nothing is written there."""
    there = out is not None and os.path.lexists(out)
    folder = new_folder(out, name)
    try:
        yield folder
    finally:
        if not there and not any(folder.iterdir()):
            folder.rmdir()


@contextlib.contextmanager
def writing(folder: Path, record: str, command: str) -> Iterator[None]:
    """Hold the folder of a run for this process; remove it if nothing was written; after Ctrl-C say how to resume.

    A run begins with the file `record`; `command` is what takes `--resume`.
    """
    with only_writer(folder):
        try:
            yield
        except KeyboardInterrupt:
            if (folder / record).exists():
                print(f"\nResume with: {command} --resume {shlex.quote(str(folder))}", file=sys.stderr)
            raise
        finally:
            if [child.name for child in folder.iterdir()] == [".lock"]:
                with contextlib.suppress(PermissionError):  # Windows removes no open file; the folder stays free
                    (folder / ".lock").unlink()
                    folder.rmdir()


def read_config(folder: str | Path) -> tuple[Settings, dict[str, Any]]:
    """Read the config.json of a run: its settings, and all of it as JSON."""
    path = Path(folder) / "config.json"
    if not path.exists():
        hint = "Check the path, or start a new run without --resume."
        raise MicroExpError(folder, "is not the folder of a run (it has no config.json)", hint)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        config["data"]["fingerprint"], config["folds"][0]["train"]["positions"], [*config["resumed"]]
        return Settings.from_json(config), config
    except MicroExpError as error:
        raise error.within(path) from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        found = f"is not the record of a run ({error!r})"
        raise MicroExpError(path, found, "Start a new run.") from error


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
    return next((found.version for found in metadata.distributions(name=package)), None)
