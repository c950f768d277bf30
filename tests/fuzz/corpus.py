"""The worst files, made here from bytes: what hung the HDF5 library, what would fill a reader without limits."""

import io
import struct

import h5py
import numpy as np

SIZES = 16  # of a reference to a text: its length, where the collection is, which of the collection


def _file(fill):
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        fill(file)
    return bytearray(memory.getvalue())


def _with_text(text="text" * 100):
    return _file(lambda file: file.attrs.__setitem__("backend", text))


def _value_of(data, name):
    """Where the value of an attribute stands: behind its name, its type and its shape."""
    place = data.index(name + b"\0")
    _, kind, shape = struct.unpack_from("<HHH", data, place - 6)
    return place + sum(-(-length // 8) * 8 for length in (len(name) + 1, kind, shape))


def text_of_no_size():
    """Sixteen zeros where a text is described: the HDF5 library goes from it to itself."""
    data = _with_text()
    place = data.index(b"GCOL") + 16
    data[place : place + 16] = bytes(16)
    return bytes(data)


def free_space_in_a_cycle():
    """A block of free space that is followed by itself: the HDF5 library takes a gigabyte a second."""
    data = _file(lambda file: file.create_dataset("x", data=np.zeros(3, "f4")))
    place = data.index(b"HEAP")
    first, segment = struct.unpack_from("<QQ", data, place + 16)
    struct.pack_into("<QQ", data, segment + first, first, 16)
    return bytes(data)


def text_of_four_gigabytes():
    """A text that declares 4 GB, of 400 bytes: the HDF5 library takes them."""
    data = _with_text()
    struct.pack_into("<I", data, _value_of(data, b"backend"), 2**32 - 1)
    return bytes(data)


def lists_of_lists():
    """A list of a hundred lists of a hundred lists, eight deep, in 1,600 bytes: each refers to the same."""

    def fill(file):
        file.attrs["text"] = "x" * (100 * SIZES)
        kind = h5py.h5t.NATIVE_INT32
        for _ in range(8):
            kind = h5py.h5t.vlen_create(kind)
        h5py.h5a.create(file.id, b"laughs", kind, h5py.h5s.create_simple((1,)))

    data = _file(fill)
    heap = data.index(b"GCOL")
    reference = struct.pack("<IQI", 100, heap, 1)
    data[heap + 32 : heap + 32 + 100 * SIZES] = reference * 100
    place = _value_of(data, b"laughs")
    data[place : place + SIZES] = reference
    return bytes(data)


def texts_without_number():
    """An attribute that declares a hundred million texts."""
    data = _file(lambda file: file.attrs.__setitem__("names", ["a", "b"]))
    place = _value_of(data, b"names")
    shape = data.rindex(struct.pack("<Q", 2), 0, place)
    for at in (data.rindex(struct.pack("<Q", 2), 0, shape), shape):
        struct.pack_into("<Q", data, at, 10**8)
    return bytes(data)


def group_in_itself():
    """A group that holds itself."""
    return bytes(_file(lambda file: file.create_group("a").__setitem__("a", file["a"])))


HDF5 = [text_of_no_size, free_space_in_a_cycle, text_of_four_gigabytes]
HDF5 += [lists_of_lists, texts_without_number, group_in_itself]
