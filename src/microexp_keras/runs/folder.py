"""The folder of a run: made, held by one process, and read again from its config.json."""

import argparse
import contextlib
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from microexp_keras.atomic import only_writer
from microexp_keras.errors import MicroExpError
from microexp_keras.regular import read_json
from microexp_keras.runs.settings import Settings


def require_free(out: str | Path | None, resumable: bool = False) -> None:
    """Raise unless results can go into the folder `out`, or if it is None below `runs`; nothing is written.

    Parameters
    ----------
    out : str, Path or None
    resumable : bool
        Whether the command takes `--resume`, for the advice.

    Raises
    ------
    MicroExpError
        If the folder holds something already, is a file, or cannot be written.
    """
    folder = Path("runs" if out is None else out).absolute()
    there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if not os.path.isdir(there):
        raise MicroExpError(out or "runs", "a folder", f"the file {there}", "Give another --out.")
    if not os.access(there, os.R_OK | os.W_OK | os.X_OK):
        raise MicroExpError(
            out or "runs", "a folder that can be written", f"that {there} is not yours to write", "Give another --out."
        )
    if out is not None and there == folder and any(child.name != ".lock" for child in folder.iterdir()):
        resume = f"; resume what began there with --resume {shlex.quote(str(out))}" if resumable else ""
        raise MicroExpError(out, "an empty or new folder", "files", f"Give another --out{resume}.")


def new_folder(out: str | Path | None, name: str) -> Path:
    """Make the folder of a new run: `out`, or by default the next free `runs/NAME-001`.

    Raises
    ------
    MicroExpError
        If `out` is a file, holds something already, or cannot be made.
    """
    require_free(out)
    try:
        if out is None:
            return _next_free(Path("runs"), name)
        Path(out).mkdir(parents=True, exist_ok=True)
        return Path(out)
    except OSError as error:
        raise MicroExpError(
            out or "runs", None, f"the run's folder could not be made ({error.strerror})", "Give another --out."
        ) from error


@contextlib.contextmanager
def results_in(out: str | Path | None, name: str) -> Iterator[Path]:
    """Make the folder of results before they are computed, and see that a file can be written into it.

    If the block fails before anything is written there, a folder that was made is removed.

    Parameters
    ----------
    out, name
        As for `new_folder`.

    Raises
    ------
    MicroExpError
        As `new_folder`, or if the folder cannot be written to.
    """
    there = out is not None and os.path.lexists(out)
    folder = new_folder(out, name)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
    except OSError as error:
        raise MicroExpError(folder, "a folder to write to", f"none ({error.strerror})", "Give another --out.") from None
    try:
        yield folder
    finally:
        if not there and not any(folder.iterdir()):
            folder.rmdir()


def _next_free(parent: Path, name: str) -> Path:
    for number in range(1, 10_000):
        folder = parent / f"{name}-{number:03d}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise MicroExpError(parent, None, f"holds 9,999 runs named {name}", "Give another --out.")


def make_folder(folder: Path) -> None:
    """Make the folder of a run or a fold, if it is not there.

    Raises
    ------
    MicroExpError
        If it cannot be made.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise MicroExpError(
            folder, "a folder", f"none, and none could be made ({error.strerror})", "Free it."
        ) from None


@contextlib.contextmanager
def writing(folder: Path, record: str, command: str) -> Iterator[None]:
    """Hold the folder of a run for this process; remove it if nothing was written; after Ctrl-C say how to resume.

    Parameters
    ----------
    folder : Path
    record : str
        The file with which a run begins.
    command : str
        What takes `--resume`.
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


def require_only(args: argparse.Namespace, *names: str) -> None:
    """Refuse options beside those that may go with `--resume`."""
    given = {name for name, value in vars(args).items() if value is not None and value is not False}
    others = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(given - {*names}))
    if others:
        raise MicroExpError("--resume", "no other option than those that its help names", others)


def read_config(folder: str | Path) -> tuple[Settings, dict[str, Any]]:
    """Read the config.json of a run.

    Returns
    -------
    Settings
    dict
        All of it, as JSON.

    Raises
    ------
    MicroExpError
        If there is none or it is not one of ours.
    """
    path = Path(folder) / "config.json"
    try:
        config = read_json(path)
        config["data"]["fingerprint"], config["folds"][0]["train"]
        if not isinstance(config["resumed"], list) or not isinstance(config["folds"], list):
            raise TypeError("resumed, folds")
        return Settings.from_json(config["settings"]), config
    except FileNotFoundError:
        raise MicroExpError(folder, "the folder of a run", "no config.json", "Start it without --resume.") from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise MicroExpError(path, "the record of a run", f"something else ({error!r})", "Start a new run.") from error
