"""From an HDF5 file to its arrays and texts, nothing of it trusted.

The reader is pyfive, which is Python throughout: the HDF5 library itself can be made to loop, to crash and to take
gigabytes by a few bytes of a file, which no check from outside foresees. What pyfive reads passes through `_Source`,
which bounds it in number and length, and with it time and memory. Arrays are read from the file directly.
"""

import contextlib
import os
import re
import struct
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyfive
from pyfive.dataobjects import DATATYPE_MSG_TYPE, DataObjects
from pyfive.datatype_msg import (
    DATATYPE_FIXED_POINT,
    DATATYPE_FLOATING_POINT,
    DATATYPE_STRING,
    DATATYPE_VARIABLE_LENGTH,
)

from microexp_keras.errors import MicroExpError
from microexp_keras.regular import open_regular

# Far above what a genuine file holds: 110 objects, 7 levels, 30 texts in an attribute.
MAX_OBJECTS, MAX_DEPTH, MAX_TEXTS = 1000, 10, 64
# Reads of structure, bytes of one and of all. A genuine file: 783, 29 KB (a long model_config), 59 KB.
MAX_READS, MAX_READ_BYTES, MAX_STRUCTURE_BYTES = 10_000, 2**16, 2**18

Texts = dict[str, list[str] | None]
"""Attributes of a group: texts, [] for an empty one, None for one that is no text."""


class StoredArray:
    """An array in a file, read when it is asked for; it keeps the file open.

    Parameters
    ----------
    source : _Source
        The file.
    name : str
        Path in the file.
    dtype : np.dtype
    shape : tuple of int
    start : int
        Where in the file its first byte is.
    """

    def __init__(self, source: "_Source", name: str, dtype: np.dtype, shape: tuple[int, ...], start: int) -> None:
        self.name, self.dtype, self.shape = name, dtype, shape
        self._source, self._start = source, start

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def path(self) -> str:
        """Path of the file."""
        return self._source.path

    def __getitem__(self, index: Any) -> np.ndarray:
        """Read all of it for `()`, or one row for an int.

        Raises
        ------
        OSError
            If the file has become shorter or cannot be read any more.
        """
        shape, start = self.shape, self._start
        if not isinstance(index, tuple):
            shape = self.shape[1:]
            start += range(self.shape[0])[int(index)] * self.dtype.itemsize * int(np.prod(shape, dtype=object))
        values = np.empty(shape, self.dtype)
        self._source.read_into(values, start)
        return values


@dataclass(frozen=True)
class Contents:
    """What is in a file.

    Attributes
    ----------
    arrays : dict of str to StoredArray
        By path, `group/group/name`.
    groups : dict of str to Texts
        By path, "" the root.
    """

    arrays: dict[str, StoredArray]
    groups: dict[str, Texts]

    def texts(self, group: str, name: str) -> list[str]:
        """Return the texts of an attribute, [] if it is empty or absent."""
        texts = self.groups[group].get(name, [])
        if texts is None:
            raise MicroExpError(f"attribute {name}", "text", "numbers")
        return texts


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[Contents]:
    """Open an HDF5 file to read; every error inside becomes a MicroExpError that names the file.

    Without a lock: files on read-only media and network disks can be read so, and a writer of ours replaces the file
    instead of changing it.
    """
    if not os.path.exists(path) or os.path.isdir(path):
        raise MicroExpError(path, found="no such file", remedy="Give the path of a .h5 or .hdf5 file.")
    try:
        yield contents(path)
    except MicroExpError as error:
        if error.where == str(path):
            raise
        raise error.within(path) from error
    except (OSError, ValueError, TypeError, LookupError, MemoryError) as error:
        raise MicroExpError(
            path, found=f"damaged, it cannot be read ({error})", remedy="Copy or download it again."
        ) from error


def contents(path: str | Path | BinaryIO) -> Contents:
    """Read the structure of an HDF5 file, also in memory, after refusing what Keras and this package never write.

    Raises
    ------
    MicroExpError
        If it has links, arrays that are no numbers or not stored as they are, more or deeper groups than any network
        needs, or is no HDF5 file.
    """
    source = _Source(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # what pyfive passes over is refused here
            return _listed(_File(source), source)
    except MicroExpError:
        raise
    except Exception as error:  # pyfive fails in many ways on damaged files
        found = shown(f"{type(error).__name__}: {error}")
        raise MicroExpError(
            "structure", "a complete HDF5 file", f"something else ({found})", "Copy or download it again."
        ) from error


def shown(text: str) -> str:
    """Text from a file, shortened and without control characters that could reach a terminal."""
    return text if re.fullmatch(r"[\w./: +-]{1,80}", text, re.ASCII) else ascii(text)[:80]


class _Source:
    """A file as pyfive reads it, within limits; and as arrays are read from it."""

    def __init__(self, path: str | Path | BinaryIO) -> None:
        self.path, self._lock = str(path), threading.Lock()
        self._reads = self._bytes = 0
        self._file = open_regular(path) if isinstance(path, str | Path) else path
        self._ours = self._file is not path
        self.size = self._file.seek(0, os.SEEK_END)

    def seek(self, place: int, whence: int = 0) -> int:
        return self._file.seek(place, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, length: int) -> bytes:
        self._reads, self._bytes = self._reads + 1, self._bytes + length
        if self._reads > MAX_READS or not 0 <= length <= MAX_READ_BYTES or self._bytes > MAX_STRUCTURE_BYTES:
            raise MicroExpError(
                "structure",
                f"names and texts of at most {MAX_READ_BYTES} bytes and {MAX_STRUCTURE_BYTES} in all",
                "more",
            )
        return self._file.read(length)

    def read_into(self, values: np.ndarray, start: int) -> None:
        with self._lock:
            self._file.seek(start)
            if self._file.readinto(values.reshape(-1).view(np.uint8)) != values.nbytes:  # type: ignore[attr-defined]
                raise OSError("the file ends too early")

    def __del__(self) -> None:
        if getattr(self, "_ours", False):  # it may never have been opened
            self._file.close()


class _Objects(DataObjects):
    """Objects whose types are judged before pyfive reads them: types in types, in a few bytes, could take forever."""

    @property
    def ptype(self) -> Any:
        for message in self.find_msg_type(DATATYPE_MSG_TYPE):
            _require_type(self.msg_data, message["offset_to_message"], "a plain array of numbers", ())
        return super().ptype

    @property
    def is_datatype(self) -> bool:
        return bool(self.find_msg_type(DATATYPE_MSG_TYPE))

    def _parse_attribute_msg(self, buffer: bytes, offset: int) -> Any:
        version, _, length = struct.unpack_from("<BBH", buffer, offset)
        place = offset + (8 + -(-length // 8) * 8 if version == 1 else 9 + length)
        _require_type(buffer, place, "attributes of texts or numbers", (DATATYPE_STRING, DATATYPE_VARIABLE_LENGTH))
        return super()._parse_attribute_msg(buffer, offset)

    def _attr_value(self, ptype: Any, buf: bytes, count: int, offset: int) -> Any:
        if count > MAX_TEXTS:
            raise MicroExpError("attribute", f"at most {MAX_TEXTS} texts or numbers", str(count))
        return super()._attr_value(ptype, buf, count, offset)


def _require_type(buffer: bytes, place: int, expected: str, texts: tuple[int, ...]) -> None:
    """Refuse all types but numbers and `texts`, by the first bytes of a type's description."""
    version_and_class, kind = struct.unpack_from("<BB", buffer, place)
    found = version_and_class & 15
    list_of_others = found == DATATYPE_VARIABLE_LENGTH and kind & 15 != 1
    if found not in (DATATYPE_FIXED_POINT, DATATYPE_FLOATING_POINT, *texts) or list_of_others:
        raise MicroExpError("type", expected, f"another type ({found})")


class _File(pyfive.File):
    def _get_dataobjects(self, obj_addr: int) -> DataObjects:
        return _Objects(self._fh, obj_addr, global_heaps=self._global_heaps)


def _listed(file: _File, source: _Source) -> Contents:
    """Return what is in an opened file. No name that it holds is ever looked up outside the group that holds it."""
    if file.userblock_size:
        raise MicroExpError("structure", "HDF5 from the first byte", "a block before it")
    found, seen, pending = Contents({}, {}), 0, [("", file)]
    while pending:
        path, group = pending.pop()
        found.groups[path] = {name: _texts(value) for name, value in group.attrs.items()}
        seen += len(group)
        if seen > MAX_OBJECTS or path.count("/") >= MAX_DEPTH:
            raise MicroExpError("structure", f"at most {MAX_OBJECTS} objects in {MAX_DEPTH} levels", "more")
        for name in group:
            inner = f"{path}/{name}".lstrip("/")
            if not name or ".." in name or "/" in name or name == ".":
                raise MicroExpError(shown(inner), "a plain name")
            try:
                item = group.get_lazy_view(name)
            except MicroExpError as error:
                raise error.within(shown(inner)) from error
            if item is None or (isinstance(item, pyfive.Group | pyfive.Dataset) and item.name != f"/{inner}"):
                raise MicroExpError(shown(inner), "data", "a link")
            if isinstance(item, pyfive.Group):
                pending.append((inner, item))
            else:
                found.arrays[inner] = _array(inner, item, source)
    return found


def _array(name: str, item: Any, source: _Source) -> StoredArray:
    """Return an array that is numbers, stored plainly and in the file as a whole."""
    label = shown(name)
    if not isinstance(item, pyfive.Dataset):
        raise MicroExpError(label, "a plain array of numbers", "the type of one")
    if item.id.layout_class != 1:
        raise MicroExpError(label, "plain storage", "it chunked, compressed or virtual")
    dtype, start, size = item.dtype, item.id.data_offset, item.dtype.itemsize
    for length in item.shape:
        size *= length
    if size and start + size > source.size:
        raise MicroExpError(
            label, f"{size} bytes stored in a complete HDF5 file", "fewer or none", "Copy or download it again."
        )
    return StoredArray(source, name, dtype, item.shape, start if size else 0)  # an empty one has no place in the file


def _texts(value: Any) -> list[str] | None:
    """Return an attribute as pyfive reads it as texts; None if it is numbers."""
    if isinstance(value, pyfive.Empty):
        return []
    texts: list[Any] = ["" if text is None else text for text in np.asarray(value).ravel().tolist()]
    if not all(isinstance(text, bytes) for text in texts):
        return None
    return [text.decode("utf-8", "replace") for text in texts]
