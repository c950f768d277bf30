"""Where the cache is and what lies in it: `stacks/KEY.npy` with `KEY.json` beside it, and `landmarks/KEY.npz`."""

import os
import re
from pathlib import Path

import platformdirs

from microexp_keras.errors import MicroExpError

KINDS = ("stacks", "landmarks")
"""Folders of the cache."""

OURS = re.compile(r"[0-9a-f]{64}\.(json|npy|npz)|\.writing-.*")
"""Names of its files, and of those that are written or that a killed process left half-written."""

REMEDY = "Free space on that disk, or set MICROEXP_CACHE to a folder that can be written; then run the command again."


def folder() -> Path:
    """Return the folder of the cache: $MICROEXP_CACHE, else the user's (`~/.cache/microexp_keras` on Linux)."""
    own = os.environ.get("MICROEXP_CACHE")
    try:
        return Path(own) if own else platformdirs.user_cache_path("microexp_keras", appauthor=False)
    except RuntimeError:
        raise MicroExpError("cache", "there is no home folder for it", "Set MICROEXP_CACHE to a folder.") from None


def place(kind: str, name: str) -> Path:
    """Return the path of a file of a kind, one of `KINDS`, after making its folder."""
    parent = folder() / kind
    parent.mkdir(parents=True, exist_ok=True)
    return parent / name


def files(kind: str) -> dict[Path, int]:
    """Return the files of a kind, one of `KINDS`, with their bytes."""
    return {path: path.stat().st_size for path in sorted((folder() / kind).glob("*")) if OURS.fullmatch(path.name)}
