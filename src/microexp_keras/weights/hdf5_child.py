"""Say as JSON what is in an HDF5 file, FILE VERIFY on the command line; run as a process of its own.

A few bytes of a file can make the HDF5 library loop, crash or take gigabytes, which no check from outside foresees.
Here that ends a process that may take little time and memory, and its parent says that the file is damaged.
"""

import json
import math
import os
import sys
from typing import Any

import h5py
import numpy as np

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

SECONDS, BYTES = 4, 2**28
"""What the structure of a file may take; reading all of it may take more by its size."""


class Refused(Exception):
    """Something that no weights file holds."""


def answer(path: str, verify: bool) -> None:
    """Print groups with their texts and where each array lies, after comparing the checksums that arrays carry."""
    size = os.path.getsize(path)
    if resource:
        _limit(resource.RLIMIT_CPU, SECONDS + (size // 2**25 if verify else 0))
    if os.path.exists("/proc/self/statm"):
        with open("/proc/self/statm") as file:
            taken = int(file.read().split()[0]) * resource.getpagesize()
        _limit(resource.RLIMIT_AS, taken + BYTES + (3 * size if verify else 0))
    found: dict[str, Any] = {"groups": {}, "arrays": {}}
    try:
        with h5py.File(path, "r", locking=False) as file:
            _walk(file, "", size, verify, found)
    except Refused as error:
        found = {"error": str(error)}
    except Exception as error:
        found = {"error": f"no complete HDF5 file, or a damaged one ({' '.join(str(error).split())})"}
    print(json.dumps(found))


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _walk(group: h5py.Group, path: str, size: int, verify: bool, found: dict[str, Any]) -> None:
    """Add the texts of a group and those below it, and type, shape and place of arrays; follow no link."""
    found["groups"][path] = {name: _texts(group.attrs.get_id(name)) for name in group.attrs}
    for name in group:
        inner = f"{path}/{name}".lstrip("/")
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise Refused(f"{inner} is a link to {getattr(link, 'filename', '')}{link.path}")
        item = group[name]
        if isinstance(item, h5py.Group):
            _walk(item, inner, size, verify, found)
        elif isinstance(item, h5py.Dataset) and item.dtype.kind in "fiu" and item.shape is not None:
            found["arrays"][inner] = item.dtype.str, item.shape, _place(item, inner, size)
            try:
                if verify and item.fletcher32:
                    item[()]  # the library compares
            except OSError as error:
                raise Refused(f"the checksum of {inner} is wrong: it was changed or damaged") from error
        else:
            raise Refused(f"{inner} is not an array of numbers")


def _texts(attribute: h5py.h5a.AttrID) -> list[str]:
    """Return an attribute as texts, [] if it has none."""
    if not attribute.get_space().get_simple_extent_npoints() or not h5py.h5t.check_string_dtype(attribute.dtype):
        return []
    values = np.empty(attribute.shape, attribute.dtype)
    attribute.read(values)
    return [text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text) for text in values.flat]


def _place(array: h5py.Dataset, name: str, size: int) -> int | str:
    """Return the first byte of an array in its file, or all its bytes in hexadecimals if it is small or empty."""
    settings = array.id.get_create_plist()
    layout, filters = settings.get_layout(), settings.get_nfilters()
    length = math.prod(array.shape) * array.dtype.itemsize  # whole numbers without end, unlike array.nbytes
    if layout == h5py.h5d.COMPACT or not length:
        return array[()].tobytes().hex() if length else ""
    whole = layout == h5py.h5d.CONTIGUOUS or (array.chunks == array.shape and filters == array.fletcher32)
    if not whole or array.external:
        raise Refused(f"{name} is compressed, in pieces or in another file, as Keras and this package never store it")
    start, stored = array.id.get_offset(), array.id.get_storage_size()
    if layout == h5py.h5d.CHUNKED and array.id.get_num_chunks():
        chunk = array.id.get_chunk_info(0)
        start, stored = chunk.byte_offset, chunk.size - 4 * filters
    if start is None or stored != length or start + length > size:
        raise Refused(f"{name} says that it has {length} bytes, and the file does not hold them")
    return start


if __name__ == "__main__":
    answer(sys.argv[1], sys.argv[2] == "True")
