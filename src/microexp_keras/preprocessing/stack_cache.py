"""On-disk cache of gray stacks: one file for each data set, written and read clip by clip."""

import contextlib
import hashlib
import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras.atomic import replacing, reserve
from microexp_keras.cache import REMEDY
from microexp_keras.datasets import Clip, Problem
from microexp_keras.errors import MicroExpError
from microexp_keras.hdf5 import StoredArray, contents

FORMAT = 3  # of the files; another number makes all of them anew

TABLES: dict[str, tuple[type[np.integer], tuple[int, ...]]] = {
    "sha256": (np.uint8, (32,)),
    "sum": (np.int64, ()),
    "max": (np.uint8, ()),
}
"""What is known of the pixels of each clip: type and shape for one."""

IN_MEMORY = 2**26  # gray levels of a data set; more than that are read and standardised batch by batch

ABANDONED = 3600  # seconds after which a file that nobody writes any more was left behind by a killed process

Remark = str | Problem
"""What must be known of clips that were read: a note, or something in the data folder that is not as it should be."""

Keep = Callable[[int, Mapping[str, np.ndarray]], None]
"""Takes the position of a clip and its stacks by name."""


class Stacks:
    """Gray levels of clips in a file of the cache: like an array whose clips are read when they are asked for.

    Parameters
    ----------
    levels : hdf5.StoredArray or array
        uint8 (clips, rows, columns, time). The file stays open, so that removing it does no harm.
    digests : uint8 array (clips, 32)
        SHA-256 of the pixels of each clip.
    sums, highest : int arrays (clips,)
        Sum and maximum of the levels of each clip.
    order : int array (samples,), optional
        Which clip each sample shows; by default each clip once.
    """

    dtype = np.dtype(np.uint8)

    def __init__(
        self,
        levels: StoredArray | np.ndarray,
        digests: np.ndarray,
        sums: np.ndarray,
        highest: np.ndarray,
        order: np.ndarray | None = None,
    ) -> None:
        self._levels: Any = levels  # of the two only a stored array raises OSError and has a file
        self._digests, self._sums, self._highest = digests, sums, highest
        self._order = np.arange(len(levels)) if order is None else order

    def __len__(self) -> int:
        return len(self._order)

    @property
    def shape(self) -> tuple[int, ...]:
        """(samples, rows, columns, time)."""
        return (len(self), *self._levels.shape[1:])

    @property
    def digests(self) -> np.ndarray:
        """SHA-256 of the pixels of each sample, uint8 (samples, 32)."""
        return self._digests[self._order]

    @property
    def mean(self) -> float:
        """Mean level of all samples. The sum is one of whole numbers, hence exact."""
        return int(self._sums[self._order].sum()) / math.prod(self.shape)

    @property
    def max(self) -> int:
        """Highest level of all samples."""
        return int(self._highest[self._order].max())

    def arranged(self, order: np.ndarray) -> "Stacks":
        """Return the samples in another order, some of them several times; nothing is read."""
        return Stacks(self._levels, self._digests, self._sums, self._highest, self._order[order])

    def __getitem__(self, chosen: int | slice | np.ndarray) -> np.ndarray:
        """Read some samples.

        Parameters
        ----------
        chosen : int, slice or int array (chosen,)

        Returns
        -------
        uint8 array (rows, columns, time) for an int, else (chosen, rows, columns, time)
        """
        clips = self._order[chosen]
        try:
            if clips.ndim == 0:
                return self._levels[clips]
            stacks = np.empty((len(clips), *self.shape[1:]), np.uint8)
            for position, clip in enumerate(clips):
                stacks[position] = self._levels[clip]
        except OSError as error:
            raise MicroExpError(
                self._levels.path,
                "the stacks of clips",
                f"a file that can no longer be read ({error})",
                "Run: python -m microexp_keras.datasets cache clear",
            ) from error
        return stacks

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)


def pixel_digest(stack: np.ndarray) -> bytes:
    """Return the SHA-256 of the numbers of a clip (array of any shape and type), as bytes."""
    return hashlib.sha256(np.ascontiguousarray(stack).data).digest()


def clips_key(clips: Sequence[Clip], frames: int | None, settings: Mapping[str, Any]) -> str:
    """Return the key of the stacks of some clips; no frame is read.

    Parameters
    ----------
    clips : list of Clip
    frames : int or None
        How many will be read of each clip; None for all.
    settings : dict
        All else that decides on the pixels, as JSON takes it.

    Returns
    -------
    str
        SHA-256 over the settings and, of each clip, its name, subject and label and the names, sizes and times of its
        files. The time of the last change of any kind (`st_ctime`) is among them: no program can set it back.

    Raises
    ------
    MicroExpError
        If a file is missing.
    """
    digest = hashlib.sha256(json.dumps([FORMAT, settings]).encode())
    for clip in clips:
        first = "" if not clip.video else clip.video.first if clip.video.last is None else clip.video[1:]
        lines = [f"\n{os.path.abspath(clip.path)}\0{clip.id}\0{clip.subject}\0{clip.label}\0{first}"]
        for path in map(str, clip.images[:frames] or [clip.path]):
            try:
                status = os.stat(path)
            except OSError as error:
                raise MicroExpError(path, "an image or a video", f"none ({error.strerror})", "Restore it.") from None
            name = os.path.basename(path)
            lines.append(f"{name}\0{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}")
        digest.update(os.fsencode("\0".join(lines)))
    return digest.hexdigest()


def kept_stacks(
    path: Path, names: Sequence[str], shape: tuple[int, ...]
) -> tuple[dict[str, Stacks], list[Remark]] | None:
    """Open the stacks that are kept at a path, after checking every pixel.

    Parameters
    ----------
    path : Path
    names : sequence of str
        Inputs of the network.
    shape : (int, int, int, int)
        Clips, rows, columns, time.

    Returns
    -------
    (dict of str to Stacks, list of Remark) or None
        By name of the input, and what a reader of the scores must know. None if there are none, or damaged ones, which
        is said on stderr.
    """
    if not path.exists():
        return None
    try:
        return _opened(path, names, shape)
    except Exception as error:  # a damaged file fails in many ways, and none matters: it is made again
        print(f"{path}: damaged ({' '.join(str(error).split())}), so the clips are read again.", file=sys.stderr)
        return None


def make_stacks(
    path: Path,
    names: Sequence[str],
    shape: tuple[int, ...],
    about: Mapping[str, Any],
    read: Callable[[Keep], Sequence[Remark]],
) -> tuple[dict[str, Stacks], list[Remark]]:
    """Write the stacks of a data set, clip by clip; what is there already is replaced in the end.

    Parameters
    ----------
    path, names, shape
        As in `kept_stacks`.
    about : dict
        For the list of what is kept: `origin`, `folder` and whatever else is to be told.
    read : callable
        `read(keep)` calls `keep(position, stacks)` once for each clip, from any thread, with the clip's uint8 arrays
        (rows, columns, time) by name, and returns the notes.

    Returns
    -------
    (dict of str to Stacks, list of Remark)
        As `kept_stacks`.

    Raises
    ------
    MicroExpError
        If the file cannot be written, or what `read` raises. Nothing is kept then.
    """
    import h5py

    tables = {
        f"{name}/{column}": np.zeros((shape[0], *one), kind) for name in names for column, (kind, one) in TABLES.items()
    }
    room = len(names) * math.prod(shape) + 1024 * shape[0] + 2**16  # pixels, digests and notes, HDF5's own
    _remove_abandoned(path.parent)
    with replacing(path, room, REMEDY) as temporary:
        with h5py.File(temporary, "w", locking=False) as file:
            levels = {name: file.create_dataset(f"{name}/levels", shape, np.uint8) for name in names}
            reserve(temporary, room)  # again: opening the file gave it back

            def keep(position: int, stacks: Mapping[str, np.ndarray]) -> None:
                for name, stack in stacks.items():
                    levels[name][position] = stack
                    digest = np.frombuffer(pixel_digest(stack), np.uint8)
                    for column, value in zip(TABLES, (digest, stack.sum(dtype=np.int64), stack.max()), strict=True):
                        tables[f"{name}/{column}"][position] = value

            notes = [remark if isinstance(remark, str) else remark._asdict() for remark in read(keep)]
            made = datetime.now(timezone.utc).isoformat(timespec="seconds")
            said = json.dumps({**about, "clips": shape[0], "made": made, "notes": notes}).encode()
            file["about"], file["sha256"] = (np.frombuffer(text, np.uint8) for text in (said, _seal(said, tables)))
            for name, table in tables.items():
                file[name] = table
        return _opened(temporary, names, shape)


def _opened(path: Path, names: Sequence[str], shape: tuple[int, ...]) -> tuple[dict[str, Stacks], list[Remark]]:
    """Return the stacks and notes of a file; any exception means that it is not what was written."""
    arrays = contents(path).arrays
    said = arrays["about"][()].tobytes()
    tables = {
        f"{name}/{column}": _require(arrays[f"{name}/{column}"], kind, (shape[0], *one))[()]
        for name in names
        for column, (kind, one) in TABLES.items()
    }
    if arrays["sha256"][()].tobytes() != _seal(said, tables):
        raise ValueError("other sums of clips")
    whole = len(names) * math.prod(shape) <= IN_MEMORY
    stacks = {}
    for name in names:
        stored = _require(arrays[f"{name}/levels"], np.uint8, shape)
        levels = stored[()] if whole else stored
        digests, sums, highest = (tables[f"{name}/{column}"] for column in TABLES)
        for position, expected in enumerate(digests):
            if pixel_digest(levels[position]) != expected.tobytes():
                raise ValueError(f"other pixels in clip {position}")
        stacks[name] = Stacks(levels, digests, sums, highest)
    notes = json.loads(said)["notes"]
    return stacks, [Problem(**note) if isinstance(note, dict) else str(note) for note in notes]


def _require(array: StoredArray, kind: type[np.integer], shape: tuple[int, ...]) -> StoredArray:
    """Return an array that has a type and a shape, before any of it is read."""
    if (array.dtype, array.shape) != (np.dtype(kind), shape):
        raise ValueError(f"{array.dtype} of shape {array.shape}")
    return array


def _seal(said: bytes, tables: Mapping[str, np.ndarray]) -> bytes:
    return hashlib.sha256(said + b"".join(table.tobytes() for table in tables.values())).digest()


def _remove_abandoned(parent: Path) -> None:
    """Remove what killed processes have left half-written."""
    for path in parent.glob(".writing-*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED:
                path.unlink()
