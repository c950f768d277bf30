"""Read and write what a rival method has learned as .h5: plain arrays, or the layers of any Keras model.

The checks are those of `hdf5`: nothing in a file is trusted, executed or unpickled. Checksums are written and compared.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras.errors import MicroExpError
from microexp_keras.hdf5 import opened
from microexp_keras.weights import checksums
from microexp_keras.weights.api import judged, optimizer_values
from microexp_keras.weights.layers import by_shape
from microexp_keras.weights.reader import keras3_layers, metadata_of

if TYPE_CHECKING:
    import keras


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Read what `save_weights` or `save_arrays` was given to say of a file, {} in files of others; no array is read."""
    with opened(path) as contents:
        checksums.read(contents)
        return metadata_of(contents)


def save_arrays(path: str | Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, Any]) -> None:
    """Write arrays of numbers as an HDF5 file, whole or not at all.

    Parameters
    ----------
    path : str or Path
    arrays : dict of str to array
    metadata : dict
        Of JSON's types.
    """
    import h5py

    with checksums.written(path) as memory, h5py.File(memory, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
        file.attrs["microexp_keras"] = np.bytes_(json.dumps(metadata, allow_nan=False))


def read_arrays(path: str | Path, expected: Mapping[str, tuple[str, int]]) -> dict[str, np.ndarray]:
    """Read what `save_arrays` wrote.

    Parameters
    ----------
    path : str or Path
    expected : dict of str to (str, int)
        Of each array the kind of its numbers (`"f"`, `"i"` or `"u"`) and the number of its axes.

    Returns
    -------
    dict of str to array

    Raises
    ------
    MicroExpError
        If the file holds other arrays, numbers that are not finite, or other bytes than were written.
    """
    with opened(path) as contents:
        said, stored = checksums.read(contents), contents.arrays
        found = {name: (item.dtype.kind, item.ndim) for name, item in stored.items()}
        if found != dict(expected):
            raise MicroExpError(
                "arrays", str(dict(expected)), ascii(found)[:300], "Take the file that the training wrote."
            )
        arrays = {name: item[()] for name, item in stored.items()}
        for name, array in arrays.items():
            checksums.require(said, name, checksums.of_array(array), name)
            if not np.isfinite(array).all():
                raise MicroExpError(name, "finite numbers", "NaN or infinity", "Train again.")
        return arrays


def load_layers(model: "keras.Model", path: str | Path, optimizer: bool = False) -> dict[str, Any]:
    """Set the weights of a model from a file that `save_weights` wrote of the same model.

    Parameters
    ----------
    model : keras.Model
    path : str or Path
    optimizer : bool
        Also set the variables of its optimizer.

    Returns
    -------
    dict
        The file's metadata.

    Raises
    ------
    MicroExpError
        If the file is of another model, or has a value that is not finite or damaged; the model is then as it was.
    """
    with opened(path) as contents:
        said, stored = checksums.read(contents), dict(keras3_layers(contents))
        wanted = {layer.name: layer for layer in model.layers if layer.weights}
        shapes = [{name: [tuple(one.shape) for one in of] for name, of in stored.items()}]
        shapes.append({name: [tuple(one.shape) for one in layer.weights] for name, layer in wanted.items()})
        if shapes[0] != shapes[1]:
            written, taken = (
                ", ".join(f"{name} {' and '.join(map(by_shape, each))}" for name, each in of.items()) for of in shapes
            )
            raise MicroExpError("layers", taken, ascii(written)[:300], "Take weights of this very model.")
        values = {name: [judged(one, said, one.name) for one in of] for name, of in stored.items()}
        of_optimizer = list(optimizer_values(model, contents.arrays, said)) if optimizer else []
        for name, layer in wanted.items():
            layer.set_weights(values[name])
        for variable, value in of_optimizer:
            variable.assign(value)
        return metadata_of(contents)
