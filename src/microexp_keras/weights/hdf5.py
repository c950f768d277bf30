"""From an HDF5 file to its arrays and texts, nothing of it trusted: the one door for files from strangers.

The HDF5 library sees a file only in a process of its own, under limits (`hdf5_child`). It says where each array lies;
arrays are memory maps of these places.
"""

import contextlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from microexp_keras.atomic import replacing, reserve
from microexp_keras.errors import MicroExpError

if TYPE_CHECKING:
    import h5py

AGAIN = "Copy or download it again, or take another file."


class Contents(NamedTuple):
    """What is in a file: arrays by path (`group/group/name`), texts of each group by path ("" is the root) and name."""

    arrays: dict[str, np.ndarray]
    groups: dict[str, dict[str, list[str]]]

    def texts(self, group: str, name: str) -> list[str]:
        """Return the texts of an attribute, [] if it has none or is absent."""
        return self.groups[group].get(name, [])


@contextlib.contextmanager
def opened(path: str | Path, verify: bool = False) -> Iterator[Contents]:
    """Open an HDF5 file to read, after comparing checksums if `verify`; every error becomes one that names the file."""
    if not os.path.isfile(path):
        raise MicroExpError(path, "no such file", "Give the path of a .h5 or .hdf5 file.")
    try:
        with open(path, "rb") as file:
            if file.read(4) == b"PK\3\4":
                remedy = f"Unzip the weights from it and give them: unzip {path} model.weights.h5"
                raise MicroExpError(path, "a .keras archive of Keras, or another zip archive", remedy)
        found = _described(path, verify)
        if "error" in found:
            raise MicroExpError(path, f"{found['error']:.300}", AGAIN)
        yield Contents({name: _array(path, *told) for name, told in found["arrays"].items()}, found["groups"])
    except MicroExpError as error:
        raise error if error.where == str(path) else error.within(path) from error
    except (OSError, ValueError, TypeError, LookupError, MemoryError) as error:
        raise MicroExpError(path, f"it cannot be read ({error})", AGAIN) from error


def _array(path: str | Path, dtype: str, shape: list[int], place: int | str) -> np.ndarray:
    """Map an array at its first byte in the file; a small one comes as hexadecimals."""
    if isinstance(place, str):
        return np.frombuffer(bytes.fromhex(place), dtype).reshape(shape)
    return np.memmap(path, dtype, "r", place, math.prod(shape)).reshape(shape)


def _described(path: str | Path, verify: bool) -> dict[str, Any]:
    """Let another process look into a file; it takes as long as importing h5py."""
    script = Path(__file__).with_name("hdf5_child.py")
    child = [sys.executable, "-P", str(script), os.path.abspath(path), str(verify)]
    seconds = 60 + os.path.getsize(path) // 2**20  # where a system does not limit the child's own time
    try:  # in a session of its own: Ctrl-C is for the parent
        done = subprocess.run(child, capture_output=True, check=True, timeout=seconds, start_new_session=True)
    except subprocess.SubprocessError:
        return {"error": "no complete HDF5 file: the library gave up on it"}
    return json.loads(done.stdout)


@contextlib.contextmanager
def writing(path: str | Path, room: int, metadata: Mapping[str, Any] | None = None) -> Iterator["h5py.File"]:
    """Open an HDF5 file to write, whole or not at all; `room` is reserved: the library survives no full disk."""
    import h5py

    with replacing(path, room + 2**20) as temporary:
        # Since version 1.8 of the library names, types and texts carry checksums; Keras 2.0.0 reads such files.
        with h5py.File(temporary, "w", libver=("v108", "v108"), locking=False) as file:
            reserve(temporary, room + 2**20)  # again: opening the file gave it back
            yield file
            if metadata is not None:
                file.attrs["microexp_keras"] = np.bytes_(json.dumps(metadata, allow_nan=False))
            file.flush()
            size = file.id.get_filesize()
        os.truncate(temporary, size)  # what was reserved and not needed


def put(group: "h5py.Group", name: str, values: np.ndarray) -> None:
    """Store an array with a checksum: of its own, or inside the description of a small one."""
    import h5py

    if values.nbytes > 64:
        group.create_dataset(name, data=values, chunks=values.shape, fletcher32=True)
        return
    small = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    small.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple(values.shape) if values.shape else h5py.h5s.create(h5py.h5s.SCALAR)
    # Not by create_dataset, which stores single numbers as it likes.
    stored = h5py.h5d.create(group.id, name.encode(), h5py.h5t.py_create(values.dtype, logical=True), space, small)
    stored.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(values))
