"""On-disk cache of gray stacks, a file for each data set: uint8 (inputs, clips, rows, columns, time) as plain .npy.

The .json beside it says what it was made of, what is known of the pixels of each clip, and what its reader must know.
"""

import hashlib
import json
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from microexp_keras import cache
from microexp_keras.atomic import replacing, reserve, write_json
from microexp_keras.datasets import Clip
from microexp_keras.errors import Issue

FORMAT = 6  # of the files; another number makes all of them anew

Remark = str | Issue
"""What must be known of clips that were read: a note, or something in the data folder that is not as it should be."""

Read = Callable[[np.ndarray], list[Remark]]
"""Reads all clips into a uint8 array (inputs, clips, rows, columns, time), and says what must be known of them."""


class Pixels(NamedTuple):
    """What is known of the pixels of a clip: SHA-256 in hexadecimal digits, sum and maximum of its levels."""

    sha256: str
    sum: int
    max: int


class Stacks:
    """Gray levels of clips in a file of the cache, like an array: uint8 (clips, rows, columns, time).

    The file is mapped while some are read: a mapping that stayed would count as this process' memory. It stays open, so
    that removing it does no harm.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, path: Path, start: int, shape: tuple[int, ...], pixels: Sequence[Pixels]) -> None:
        self._file, self._start = open(path, "rb"), start  # noqa: SIM115
        self.shape, self.pixels = shape, pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, chosen: int | slice | np.ndarray) -> np.ndarray:
        """Read some clips: uint8 (rows, columns, time) for an int, else (chosen, rows, columns, time)."""
        return np.array(np.memmap(self._file, np.uint8, "r", self._start, self.shape)[chosen])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)


def pixel_digest(stack: np.ndarray) -> str:
    """Return the SHA-256 of the numbers of a clip (array of any shape and type) in hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(stack).data).hexdigest()


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
) -> tuple[dict[str, Stacks], list[Remark]] | None:
    """Open the stacks of inputs of these names that are kept in a .npy, with their remarks; no pixel is read.

    None if there are none, or damaged ones or of another shape, which is said on stderr.
    """
    try:
        beside = path.with_suffix(".json")
        if path.stat().st_mtime_ns > beside.stat().st_mtime_ns:
            raise ValueError("it was changed since")
        said = json.loads(beside.read_bytes())
        levels = np.lib.format.open_memmap(path, mode="r")
        if said["sha256"] != _seal(said) or levels.shape != tuple(shape) or levels.dtype != np.uint8:
            raise ValueError("it is not what was written")
        stacks = {}
        for number, (name, pixels) in enumerate(zip(names, said["pixels"], strict=True)):
            start = levels.offset + number * math.prod(shape[1:])
            stacks[name] = Stacks(path, start, levels.shape[1:], [Pixels(*one) for one in pixels])
        return stacks, [remark if isinstance(remark, str) else Issue(*remark) for remark in said["remarks"]]
    except FileNotFoundError:
        return None
    except Exception:  # json and numpy fail in many ways on damaged files
        print(f"{path}: damaged, so the clips are read again.", file=sys.stderr)
        return None


def make_stacks(path: Path, shape: Sequence[int], about: Mapping[str, Any], read: Read) -> None:
    """Write the stacks of a data set, and what `cache list` tells `about` them; nothing if that fails."""
    with replacing(path, remedy=cache.REMEDY) as temporary:
        levels = np.lib.format.open_memmap(temporary, "w+", np.uint8, tuple(shape))
        reserve(temporary, temporary.stat().st_size)  # a full disk ends a program that writes to a mapping
        remarks = read(levels)
        pixels = [
            [Pixels(pixel_digest(clip), int(clip.sum(dtype=np.int64)), int(clip.max())) for clip in of_input]
            for of_input in levels
        ]
        levels.flush()
        del levels
    made = datetime.now(UTC).isoformat(timespec="seconds")
    said = {"about": {**about, "clips": shape[1], "made": made}, "remarks": remarks, "pixels": pixels}
    write_json(path.with_suffix(".json"), {**said, "sha256": _seal(said)})


def _seal(said: Mapping[str, Any]) -> str:
    """SHA-256 of all that the .json says beside it."""
    others = {name: value for name, value in said.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()
