"""From an HDF5 file to its groups, arrays and texts, nothing of it trusted."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras.errors import MicroExpError
from microexp_keras.weights.layers import by_shape

if TYPE_CHECKING:
    import h5py

# Far above what a genuine file holds: 110 objects, 7 levels, 30 texts in an attribute, 13 KB of model_config.
MAX_OBJECTS, MAX_DEPTH, MAX_TEXTS, MAX_TEXT_BYTES = 1000, 10, 64, 2**20


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator["h5py.File"]:
    """Open an HDF5 file to read; every error inside becomes a MicroExpError that names the file.

    Without a lock: files on read-only media and network disks can be read so, and a writer of ours replaces the file
    instead of changing it.
    """
    import h5py

    if not Path(path).is_file():
        raise MicroExpError(f"{path}: no such file. Give the path of a .h5 or .hdf5 weights file.")
    try:
        file = h5py.File(path, "r", locking=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise MicroExpError(
            path,
            "a complete HDF5 file",
            f"something else ({error})",
            "Copy or download it again.",
        ) from error
    try:
        with file:
            yield file
    except MicroExpError as error:
        raise MicroExpError(f"{path}: {error}") from error
    except (OSError, RuntimeError, ValueError, TypeError, LookupError, MemoryError) as error:
        raise MicroExpError(f"{path}: damaged, it cannot be read ({error}). Copy or download it again.") from error


def audited(file: "h5py.File", file_bytes: int) -> tuple[dict[str, "h5py.Group"], dict[str, "h5py.Dataset"]]:
    """Give all groups and all datasets by path, after refusing whatever a weights file of Keras never has.

    Nothing is looked up in the file by a name that the file gives, so no name can lead out of what was audited.
    Chunked storage is refused because HDF5 inflates a compressed chunk to what is in it, not to what was declared.
    """
    import h5py

    groups, arrays, seen, pending = {"": file}, dict[str, h5py.Dataset](), 0, [("", file)]
    while pending:
        prefix, group = pending.pop()
        seen += len(group)
        if seen > MAX_OBJECTS or prefix.count("/") > MAX_DEPTH:
            raise MicroExpError(f"expected at most {MAX_OBJECTS} objects in {MAX_DEPTH} levels, found more.")
        for name in group:
            path, label = prefix + name, shown(prefix + name)
            if ".." in name or "/" in name or name == ".":
                raise MicroExpError(f"{label}: expected a plain name.")
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise MicroExpError(
                    label,
                    "data",
                    f"a link ({type(link).__name__})",
                )
            item = group[name]
            if isinstance(item, h5py.Group):
                groups[path] = item
                pending.append((path + "/", item))
                continue
            kind: Any = getattr(item, "dtype", None)
            if not isinstance(item, h5py.Dataset) or kind.kind not in "fiu" or item.id.get_type().committed():
                raise MicroExpError(
                    label,
                    "a plain array of numbers",
                    str(shown(str(kind))),
                )
            properties, stored = item.id.get_create_plist(), item.id.get_storage_size()
            if properties.get_layout() not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT):
                raise MicroExpError(
                    label,
                    "plain storage",
                    "it chunked, compressed or virtual",
                )
            if properties.get_external_count():
                raise MicroExpError(
                    label,
                    "data in the file",
                    "external storage",
                )
            if item.shape is None or item.nbytes != stored or stored > file_bytes:
                raise MicroExpError(
                    f"{label}: declares {by_shape(item.shape or ())} {kind}, found {stored} bytes stored."
                )
            arrays[path] = item
    return groups, arrays


def texts_of(owner: "h5py.Group", name: str) -> list[str]:
    """Give the text attribute `name` as a list of str, [] if it is empty or absent; its size is checked first."""
    import h5py

    if name not in owner.attrs:
        return []
    attribute = owner.attrs.get_id(name)
    count = attribute.get_space().get_simple_extent_npoints()
    if count == 0:
        return []
    if h5py.check_string_dtype(attribute.dtype) is None:
        raise MicroExpError(
            f"attribute {name}",
            "text",
            str(shown(str(attribute.dtype))),
        )
    if count <= MAX_TEXTS and attribute.get_storage_size() <= MAX_TEXT_BYTES:
        texts = np.asarray(owner.attrs[name]).ravel().tolist()
        texts = [text.decode("utf-8", "replace") if isinstance(text, bytes) else text for text in texts]
        if sum(map(len, texts)) <= MAX_TEXT_BYTES:
            return texts
    raise MicroExpError(
        f"attribute {name}",
        f"at most {MAX_TEXTS} texts and 1 MiB",
        "more",
    )


def finite(name: str, dataset: "h5py.Dataset") -> np.ndarray:
    """Read a dataset as a float32 array; refuse NaN and infinity."""
    with np.errstate(over="ignore"):
        values = dataset[()].astype("float32", copy=False)
    if not np.isfinite(values).all():
        raise MicroExpError(
            name,
            "finite numbers",
            "NaN or infinity",
            "Take an earlier checkpoint.",
        )
    return values


def shown(text: str) -> str:
    """Text from a file, shortened and without control characters that could reach a terminal."""
    return text if re.fullmatch(r"[\w./: +-]{1,80}", text, re.ASCII) else ascii(text)[:80]
