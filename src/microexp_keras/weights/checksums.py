"""Checksums of the arrays and texts of a weights file: written into it, and compared before anything is assigned.

CRC-32 finds every flip of a bit and every damaged run of up to 32 bits, and misses other damage once in four billion
times; it costs a tenth of the time of reading. It is no seal: who changes a file on purpose can change it too.
"""

import contextlib
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from microexp_keras.atomic import replacing
from microexp_keras.errors import MicroExpError
from microexp_keras.hdf5 import Contents, contents, shown

NAME = "microexp_keras_crc32"
"""Attribute of the root that holds them as JSON: by path of the array, "" for all texts."""

MARK = "microexp_keras_has_crc32"
"""Attribute of a group that says that the root has checksums, far from them: damage may make all of them disappear."""

REMEDY = "Copy or download it again, or take an earlier checkpoint."


@contextlib.contextmanager
def written(path: str | Path) -> Iterator[io.BytesIO]:
    """Give memory for an HDF5 file; when the block ends it is written with its checksums, whole or not at all.

    In memory, because the HDF5 library ends the whole program when a disk becomes full while it writes.

    Raises
    ------
    MicroExpError
        If it cannot be written.
    """
    memory = io.BytesIO()
    with replacing(path) as temporary:
        yield memory
        write(memory)
        temporary.write_bytes(memory.getbuffer())
    memory.close()  # Keras keeps references to it


def write(file: str | Path | io.BytesIO) -> None:
    """Add the checksums of what is in a file, or in one in memory, to it."""
    import h5py

    with h5py.File(file, "r+") as opened:
        if "layers" in opened:  # of Keras 3; the files for Keras 2.0.0 are as it writes them
            opened["layers"].attrs[MARK] = np.bytes_("1")
    inside = contents(file)
    found = {name: of_array(array[()]) for name, array in inside.arrays.items()}
    found[""] = of_texts(inside)
    with h5py.File(file, "r+") as opened:
        opened.attrs[NAME] = np.bytes_(json.dumps(found))


def read(inside: Contents) -> dict[str, int] | None:
    """Return the checksums that a file holds, by path of the array; None if it holds none.

    Raises
    ------
    MicroExpError
        If they are not for the arrays in the file, or its texts are not those that were written.
    """
    texts = inside.texts("", NAME)
    if not texts:
        if any(MARK in attributes for attributes in inside.groups.values()):
            raise MicroExpError(f"attribute {NAME}", "checksums, as the file says elsewhere", "none", REMEDY)
        return None
    try:
        said = json.loads(texts[0])
        if {*said} != {"", *inside.arrays} or not all(type(value) is int for value in said.values()):
            raise ValueError("of other arrays")
    except (ValueError, TypeError, RecursionError) as error:
        raise MicroExpError(
            f"attribute {NAME}", "a checksum of each array", f"something else ({shown(str(error))})", REMEDY
        ) from error
    require(said, "", of_texts(inside), "names and texts")
    return said


def require(said: dict[str, int] | None, path: str, found: int, label: str) -> None:
    """Raise a MicroExpError unless the checksum of an array, or of all texts, is the one that was written."""
    if said is not None and said[path] != found:
        raise MicroExpError(label, f"the checksum {said[path]:08x}", f"{found:08x}: it was changed or damaged", REMEDY)


def of_array(values: np.ndarray) -> int:
    """Return the checksum of an array with its type and shape."""
    about = f"{values.dtype.str} {values.shape}".encode()
    return zlib.crc32(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data, zlib.crc32(about))


def of_texts(inside: Contents) -> int:
    """Return the checksum of the attributes of all groups, but for the one that holds checksums."""
    texts = {
        path: {name: texts for name, texts in sorted(attributes.items()) if name != NAME}
        for path, attributes in sorted(inside.groups.items())
    }
    return zlib.crc32(json.dumps(texts).encode())
