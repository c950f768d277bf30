"""On-disk cache of stacks and landmarks: from a kind and a key to a path, and what lies there, listed or removed."""

import contextlib
import json
import os
import stat
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
        If the folder cannot be made, or others may write there: they could put in what this user then trains on.
    """
    parent = folder() / kind
    try:
        for made in (folder(), parent):
            made.mkdir(0o755, parents=True, exist_ok=True)
        _require_own(folder(), parent)
    except OSError as error:
        raise MicroExpError(parent, found=f"the cache could not be made ({error.strerror})", remedy=REMEDY) from None
    return parent / f"{key}{SUFFIXES[kind]}"


def _require_own(*paths: Path) -> None:
    """Raise a MicroExpError if others may write into a folder of the cache, or put another in its place."""
    for path in paths:
        status = os.stat(path)
        strangers = stat.S_IWOTH | (stat.S_IWGRP if status.st_gid != os.getegid() else 0)
        if not status.st_mode & strangers:
            continue
        own = os.stat(paths[-1]).st_uid == os.geteuid()
        if path is paths[-1] or not (own and status.st_mode & stat.S_ISVTX):  # in /tmp nobody replaces our folders
            remedy = "Look at what it holds and run chmod go-w on it, or set MICROEXP_CACHE to another folder."
            raise MicroExpError(path, "a cache that nobody else may write", "one that others may", remedy)


def may_write(path: Path) -> bool:
    """Say whether this user may put a file at a path of the cache: somebody else's may be shared to read only."""
    return os.access(path.parent, os.W_OK | os.X_OK)


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
