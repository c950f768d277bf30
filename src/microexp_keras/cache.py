"""On-disk cache of stacks and landmarks: from a kind and a key to a path, and what lies there, listed or removed."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from microexp_keras.errors import MicroExpError

SUFFIXES = {"stacks": ".h5", "landmarks": ".npz"}
"""Folders of the cache, and how the names of their files end."""

REMEDY = "Free space on that disk, or set MICROEXP_CACHE to a folder that can be written; then run the command again."


def folder() -> Path:
    """Return the folder of the cache: $MICROEXP_CACHE, else microexp_keras in the user's cache.

    The latter is `$XDG_CACHE_HOME/microexp_keras` or `~/.cache/microexp_keras`. The folder need not exist.
    """
    own, users = os.environ.get("MICROEXP_CACHE"), os.environ.get("XDG_CACHE_HOME")
    if own:
        return Path(own)
    try:
        return Path(users or Path.home() / ".cache") / "microexp_keras"
    except RuntimeError as error:
        raise MicroExpError("cache", "a home folder", f"none ({error})", "Set MICROEXP_CACHE to a folder.") from None


def place(kind: str, key: str) -> Path:
    """Return the path of a file of the cache, which need not exist, and make its folder.

    Parameters
    ----------
    kind : str
        One of `SUFFIXES`.
    key : str
        A hexadecimal digest of all that decides on the content.

    Raises
    ------
    MicroExpError
        If the folder cannot be made.
    """
    parent = folder() / kind
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MicroExpError(parent, found=f"the cache could not be made ({error.strerror})", remedy=REMEDY) from None
    return parent / f"{key}{SUFFIXES[kind]}"


class Kept(NamedTuple):
    """A file of the cache.

    Attributes
    ----------
    path : Path
    size : int
        Bytes.
    about : dict or None
        Of stacks: `origin`, `folder`, `clips`, `made` and so on; None if the file is damaged.
    """

    path: Path
    size: int
    about: dict[str, Any] | None


def find(kind: str) -> list[Kept]:
    """List the files of a kind, one of `SUFFIXES`, as `Kept`; half-written ones are not among them."""
    return [
        Kept(path, size, _about(path) if kind == "stacks" else None)
        for path, size in _files(kind)
        if not path.name.startswith(".")
    ]


def clear() -> dict[str, tuple[int, int]]:
    """Remove all files of the cache, those of killed processes too, and nothing else in its folder.

    Returns
    -------
    dict of str to (int, int)
        For each of `SUFFIXES` the number of files that were removed and their bytes.

    Raises
    ------
    MicroExpError
        If a file cannot be removed.
    """
    removed = {}
    for kind in SUFFIXES:
        files = _files(kind)
        try:
            for path, _ in files:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise MicroExpError(
                path, found=f"could not be removed ({error.strerror})", remedy="Change the permissions of its folder."
            ) from error
        removed[kind] = len(files), sum(size for _, size in files)
    return removed


def _files(kind: str) -> list[tuple[Path, int]]:
    """List the paths and sizes of what this package has written, or begun to write, into a folder of the cache."""
    suffix, files = SUFFIXES[kind], []
    for path in sorted((folder() / kind).glob(f"*{suffix}")):
        ours = len(path.stem) == 64 and not set(path.stem) - set("0123456789abcdef")
        if ours or path.name.startswith(".writing-"):
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                files.append((path, path.stat().st_size))
    return files


def _about(path: Path) -> dict[str, Any] | None:
    """Read what a file of stacks tells about itself; None if it is damaged."""
    from microexp_keras.hdf5 import contents

    try:
        about = json.loads(contents(path).arrays["about"][()].tobytes())
    except Exception:  # a damaged file fails in many ways
        return None
    return about if isinstance(about, dict) else None
