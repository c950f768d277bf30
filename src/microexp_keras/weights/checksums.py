"""Checksums of the arrays and texts of a weights file: written into it, and compared before anything is assigned.

CRC-32 finds every flip of a bit and every damaged run of up to 32 bits, and misses other damage once in four billion
times; it costs a tenth of the time of reading. It is no seal: who changes a file on purpose can change it too.
"""

import json
import zlib
from pathlib import Path

import numpy as np

from microexp_keras.errors import MicroExpError
from microexp_keras.hdf5 import Contents, opened, shown

NAME = "microexp_keras_crc32"
"""Attribute of the root that holds them as JSON: by path of the array, "" for all texts."""

REMEDY = "Copy or download it again, or take an earlier checkpoint."


def write(path: str | Path) -> None:
    """Add the checksums of what is in a file to it."""
    import h5py

    with opened(path) as contents:
        found = {name: of_array(array[()]) for name, array in contents.arrays.items()}
        found[""] = of_texts(contents)
    with h5py.File(path, "r+") as file:
        file.attrs[NAME] = np.bytes_(json.dumps(found))


def read(contents: Contents) -> dict[str, int] | None:
    """Return the checksums that a file holds, by path of the array; None if it holds none.

    Raises
    ------
    MicroExpError
        If they are not for the arrays in the file, or its texts are not those that were written.
    """
    texts = contents.texts("", NAME)
    if not texts:
        return None
    try:
        said = json.loads(texts[0])
        if {*said} != {"", *contents.arrays} or not all(type(value) is int for value in said.values()):
            raise ValueError("of other arrays")
    except (ValueError, TypeError, RecursionError) as error:
        raise MicroExpError(
            f"attribute {NAME}", "a checksum of each array", f"something else ({shown(str(error))})", REMEDY
        ) from error
    require(said, "", of_texts(contents), "names and texts")
    return said


def require(said: dict[str, int] | None, path: str, found: int, label: str) -> None:
    """Raise a MicroExpError unless the checksum of an array, or of all texts, is the one that was written."""
    if said is not None and said[path] != found:
        raise MicroExpError(label, f"the checksum {said[path]:08x}", f"{found:08x}: it was changed or damaged", REMEDY)


def of_array(values: np.ndarray) -> int:
    """Return the checksum of an array with its type and shape."""
    about = f"{values.dtype.str} {values.shape}".encode()
    return zlib.crc32(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data, zlib.crc32(about))


def of_texts(contents: Contents) -> int:
    """Return the checksum of the attributes of all groups, but for the one that holds checksums."""
    texts = {
        path: {name: texts for name, texts in sorted(attributes.items()) if name != NAME}
        for path, attributes in sorted(contents.groups.items())
    }
    return zlib.crc32(json.dumps(texts).encode())
