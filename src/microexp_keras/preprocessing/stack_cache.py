"""On-disk cache of gray stacks, a file for each data set: uint8 (inputs, clips, rows, columns, time) as plain .npy.

The .json beside it says what its reader must know; both are under one checksum.
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras import cache
from microexp_keras.atomic import replacing, reserve, write_json
from microexp_keras.datasets import Clip
from microexp_keras.errors import Issue

FORMAT = 7  # of the files; another number makes all of them anew

Remark = str | Issue
"""What must be known of clips that were read: a note, or something in the data folder that is not as it should be."""

Read = Callable[[np.ndarray], list[Remark]]
"""Reads all clips into a uint8 array (inputs, clips, rows, columns, time), and says what must be known of them."""


def clips_key(clips: Sequence[Clip], frames: int | None, settings: Mapping[str, Any]) -> str:
    """Return the key of the stacks of some clips, of which so many `frames` are read (None: all); no frame is read.

    SHA-256 over the settings, which are all else that decides on the pixels, and of each clip its name, subject and
    label, its apex unless its first frames are read, and the names, sizes and times of its files. The time of the last
    change of any kind (`st_ctime`) is among them: no program can set it back.
    """
    digest = hashlib.sha256(json.dumps([FORMAT, settings]).encode())
    for clip in clips:
        own = [clip.id, clip.subject, clip.label, None if frames else clip.apex, clip.video and clip.video[1:]]
        said: list[Any] = [os.path.abspath(clip.path), *own]
        for path in map(str, clip.images[:frames] or [clip.path]):
            status = os.stat(path)
            said += [os.path.basename(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns]
        digest.update(repr(said).encode())
    return digest.hexdigest()


def kept_stacks(
    path: Path, names: Sequence[str], shape: Sequence[int]
) -> tuple[dict[str, np.ndarray], list[Remark]] | None:
    """Map the stacks that a .npy keeps, and give their remarks; None without, or if damaged, which is said."""
    try:
        said = json.loads(path.with_suffix(".json").read_bytes())
        levels = np.asarray(np.lib.format.open_memmap(path, mode="r"))
        if said["sha256"] != _seal(said["remarks"], levels) or levels.shape != tuple(shape):
            raise ValueError("it is not what was written")
        remarks = [remark if isinstance(remark, str) else Issue(*remark) for remark in said["remarks"]]
        return dict(zip(names, levels, strict=True)), remarks
    except FileNotFoundError:
        return None
    except Exception:  # json and numpy fail in many ways on damaged files
        print(f"{path}: damaged, so the clips are read again.", file=sys.stderr)
        return None


def make_stacks(path: Path, shape: Sequence[int], read: Read) -> None:
    """Write the stacks of a data set, and what its reader must know; nothing if that fails."""
    with replacing(path, remedy=cache.REMEDY) as temporary:
        levels = np.lib.format.open_memmap(temporary, "w+", np.uint8, tuple(shape))
        reserve(temporary, temporary.stat().st_size)  # a full disk ends a program that writes to a mapping
        remarks = read(levels)
        sha256 = _seal(remarks, levels)
        levels.flush()
        del levels
    write_json(path.with_suffix(".json"), {"remarks": remarks, "sha256": sha256})


def _seal(remarks: Sequence[Any], levels: np.ndarray) -> str:
    """SHA-256 of remarks and stacks."""
    digest = hashlib.sha256(json.dumps([remarks, levels.dtype.str, levels.shape]).encode())
    digest.update(levels.data)
    return digest.hexdigest()
