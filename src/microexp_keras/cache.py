"""Where what can be computed again is kept: gray stacks of data sets, one file each, in and out clip by clip."""

import contextlib
import hashlib
import json
import math
import os
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from microexp_keras.datasets import Video
from microexp_keras.errors import MicroExpError
from microexp_keras.files import replacing, reserve

FORMAT = 1  # of the stacks' files; another number makes all of them anew

SUFFIXES = {"stacks": ".h5", "landmarks": ".npz"}
"""Folders of the cache, and how the names of their files end."""

REMEDY = "Free space on that disk, or set MICROEXP_CACHE to a folder that can be written; then run the command again."

CLIP = np.dtype([("sha256", np.uint8, 32), ("sum", np.int64), ("max", np.uint8)])
"""What is known of the pixels of each clip."""

IN_MEMORY = 2**26  # gray levels of a data set; more than that are read and standardised batch by batch

ABANDONED = 3600  # seconds after which a file that nobody goes on writing was left behind by a killed process


def folder():
    """Return the folder of the cache: $MICROEXP_CACHE, else microexp_keras in the user's cache.

    The latter is `$XDG_CACHE_HOME/microexp_keras` or `~/.cache/microexp_keras`. The folder need not exist.
    """
    own, users = os.environ.get("MICROEXP_CACHE"), os.environ.get("XDG_CACHE_HOME")
    if own:
        return Path(own)
    try:
        return Path(users or Path.home() / ".cache") / "microexp_keras"
    except RuntimeError as error:
        raise MicroExpError(
            f"cache: expected a home folder, found none ({error}). Set MICROEXP_CACHE to a folder."
        ) from None


def place(kind, key):
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
        raise MicroExpError(f"{parent}: the cache could not be made ({error.strerror}). {REMEDY}") from None
    return parent / f"{key}{SUFFIXES[kind]}"


class Stacks:
    """Gray levels of clips in a file of the cache: like an array whose clips are read when they are asked for.

    Parameters
    ----------
    levels : h5py.Dataset or array
        uint8 (clips, rows, columns, time). The file stays open, so that removing it does no harm.
    digests : uint8 array (clips, 32)
        SHA-256 of the pixels of each clip.
    sums, highest : int arrays (clips,)
        Sum and maximum of the levels of each clip.
    order : int array (samples,), optional
        Which clip each sample shows; by default each clip once.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, levels, digests, sums, highest, order=None):
        self._levels, self._digests, self._sums, self._highest = levels, digests, sums, highest
        self._order = np.arange(len(levels)) if order is None else order

    def __len__(self):
        return len(self._order)

    @property
    def shape(self):
        """(samples, rows, columns, time)."""
        return (len(self), *self._levels.shape[1:])

    @property
    def digests(self):
        """SHA-256 of the pixels of each sample, uint8 (samples, 32)."""
        return self._digests[self._order]

    @property
    def mean(self):
        """Mean level of all samples. The sum is one of whole numbers, hence exact."""
        return int(self._sums[self._order].sum()) / math.prod(self.shape)

    @property
    def max(self):
        """Highest level of all samples."""
        return int(self._highest[self._order].max())

    def arranged(self, order):
        """Return the samples in another order, some of them several times; nothing is read."""
        return Stacks(self._levels, self._digests, self._sums, self._highest, self._order[order])

    def __getitem__(self, chosen):
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
                f"{self._levels.file.filename}: expected the stacks of clips, could not read them any more ({error}). "
                "Run: python -m microexp_keras.datasets cache clear"
            ) from error
        return stacks

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[:], dtype)


def pixel_digest(stack):
    """Return the SHA-256 of the numbers of a clip (array of any shape and type), as bytes."""
    return hashlib.sha256(np.ascontiguousarray(stack).data).digest()


def clips_key(clips, frames, settings):
    """Return the key of the stacks of some clips; no frame is read.

    Parameters
    ----------
    clips : list of datasets.Clip
    frames : int
        How many will be read of each clip.
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
        video = isinstance(clip.frames, Video)
        first = clip.frames.first if video else ""
        said = [f"\n{os.path.abspath(clip.path)}\0{clip.id}\0{clip.subject}\0{clip.label}\0{first}"]
        for path in map(str, [clip.frames.path] if video else clip.frames[:frames]):
            try:
                found = os.stat(path)
            except OSError as error:
                raise MicroExpError(
                    f"{path}: expected an image or a video, could not find it ({error.strerror}). Restore it."
                ) from None
            name = os.path.basename(path)
            said.append(f"{name}\0{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}")
        digest.update(os.fsencode("\0".join(said)))
    return digest.hexdigest()


def kept_stacks(path, names, shape):
    """Open the stacks that are kept at a path, after a look at every pixel.

    Parameters
    ----------
    path : Path
    names : sequence of str
        Inputs of the network.
    shape : (int, int, int, int)
        Clips, rows, columns, time.

    Returns
    -------
    (dict of str to Stacks, list of str) or None
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


def make_stacks(path, names, shape, about, read):
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
    (dict of str to Stacks, list of str)
        As `kept_stacks`.

    Raises
    ------
    MicroExpError
        If the file cannot be written, or what `read` raises. Nothing is kept then.
    """
    tables = {name: np.zeros(shape[0], CLIP) for name in names}
    room = len(names) * math.prod(shape) + 1024 * shape[0] + 2**16  # pixels, digests and notes, HDF5's own
    _remove_abandoned(path.parent)
    with replacing(path, room, REMEDY) as temporary:
        with h5py.File(temporary, "w", locking=False) as file:
            levels = {name: file.create_dataset(f"{name}/levels", shape, np.uint8) for name in names}
            reserve(temporary, room)  # again: opening the file gave it back

            def keep(position, stacks):
                for name, stack in stacks.items():
                    levels[name][position] = stack
                    digest = np.frombuffer(pixel_digest(stack), np.uint8)
                    tables[name][position] = digest, stack.sum(dtype=np.int64), stack.max()

            notes = read(keep)
            made = datetime.now(timezone.utc).isoformat(timespec="seconds")
            said = json.dumps({**about, "clips": shape[0], "made": made, "notes": notes})
            file["about"], file["sha256"] = said, _seal(said, tables)
            for name in names:
                file[f"{name}/clips"] = tables[name]
        return _opened(temporary, names, shape)


def _opened(path, names, shape):
    """Stacks and notes of a file; any exception if it is not what was written."""
    file = h5py.File(path, "r", locking=False)
    try:
        said = file["about"].asstr()[()]
        tables = {name: file[f"{name}/clips"][()] for name in names}
        if file["sha256"].asstr()[()] != _seal(said, tables):
            raise ValueError("other sums of clips")
        whole = len(names) * math.prod(shape) <= IN_MEMORY
        stacks = {name: _checked(file[f"{name}/levels"], tables[name], shape, whole) for name in names}
        return stacks, json.loads(said)["notes"]
    except BaseException:
        file.close()
        raise


def _checked(levels, table, shape, whole):
    """Stacks, after a look at every pixel; in memory if the whole is wanted there."""
    if (levels.shape, levels.dtype, len(table)) != (shape, np.uint8, shape[0]):
        raise ValueError(f"{levels.dtype} of shape {levels.shape}")
    if whole:
        levels = levels[()]
    for position, expected in enumerate(table["sha256"]):
        if pixel_digest(levels[position]) != expected.tobytes():
            raise ValueError(f"other pixels in clip {position}")
    return Stacks(levels, table["sha256"], table["sum"], table["max"])


def _seal(said, tables):
    return hashlib.sha256(said.encode() + b"".join(table.tobytes() for table in tables.values())).hexdigest()


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
    about: dict | None


def find(kind):
    """List the files of a kind, one of `SUFFIXES`, as `Kept`; half-written ones are not among them."""
    return [
        Kept(path, size, _about(path) if kind == "stacks" else None)
        for path, size in _files(kind)
        if not path.name.startswith(".")
    ]


def clear():
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
                f"{path}: could not be removed ({error.strerror}). Change the permissions of its folder."
            ) from error
        removed[kind] = len(files), sum(size for _, size in files)
    return removed


def _files(kind):
    """Paths and sizes of what this package has written, or begun to write, into a folder of the cache."""
    suffix, found = SUFFIXES[kind], []
    for path in sorted((folder() / kind).glob(f"*{suffix}")):
        ours = len(path.stem) == 64 and not set(path.stem) - set("0123456789abcdef")
        if ours or path.name.startswith(".writing-"):
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                found.append((path, path.stat().st_size))
    return found


def _about(path):
    try:
        with h5py.File(path, "r", locking=False) as file:
            return json.loads(file["about"].asstr()[()])
    except Exception:  # as in kept_stacks
        return None


def _remove_abandoned(parent):
    """Remove what killed processes have left half-written."""
    for path in parent.glob(".writing-*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED:
                path.unlink()
