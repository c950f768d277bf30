"""Load and save weights files of Keras 2.0.0 and Keras 3; what is in them is not trusted.

The original networks are channels first and flatten in the order (channel, row, column, time); the models of this
package are channels last and flatten in the order (row, column, time, channel). The rows of each dense kernel behind
a flatten are permuted between the two; nothing else differs. What is written here carries HDF5's own checksums, which
loading compares.

References
----------
The programs `{SMIC,CASME-SQUARE}/MicroExpSTCNN.py`, `Intermediate_*.py`, `Late_*.py` on Keras 2.0.0, whose files are
read and written here. What malicious files do: CVE-2026-0897 (declared sizes), CVE-2026-1669 (external storage).
"""

import copy
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import NETWORKS
from microexp_keras.models.original import FILTERS, LAYERS, flattened_features, keras2_configs, pooled_shape, steps_of
from microexp_keras.weights.hdf5 import opened, put, writing
from microexp_keras.weights.identify import Layers, WeightsFile, identify, metadata_of, stored_layers

if TYPE_CHECKING:
    import keras


def load_weights(model: "keras.Model", path: str | Path) -> WeightsFile:
    """Set the weights of a model of this package from a Keras 2 or Keras 3 weights file.

    Layers are assigned by name when the file has our names, otherwise in the order of the file. Everything is checked
    before the first assignment: after an error the model is as it was.

    Parameters
    ----------
    model : keras.Model
        From one of the three builders in `models`.
    path : str or Path
        A .h5 or .hdf5 file: Keras 2 or Keras 3, whole model or weights only. A whole model says in which order it
        flattens. Of weights only it is assumed: channels first for files of Keras before 2.2 (the original programs set
        it, and Keras 2.2 began to flatten channels last regardless), channels last for newer ones.

    Raises
    ------
    MicroExpError
        If the file is refused (see `inspect`), was written for another network, clip size, kernel or number of
        classes, or has a value that is not finite. The message says how to build the model that fits.
    """
    with opened(path, verify=True) as contents:
        file, layers = identify(contents, path)
    _assign(model, file, layers)
    return file


def _facts(model: "keras.Model") -> tuple[str, tuple[int, ...], int, tuple[int, ...]]:
    """Return network, kernel, number of classes, and rows, columns and frames of a model of this package."""
    names = [layer.name for layer in model.layers if layer.weights]
    for network, layers in LAYERS.items():
        if set(names) == {layer.ours for layer in layers}:
            kernel_size, shape = model.get_layer(names[0]).kernel_size, model.inputs[0].shape[1:4]
            return network, tuple(kernel_size), model.output_shape[-1], tuple(shape)
    raise MicroExpError("model", f"not built by microexp_keras.models: its layers are {', '.join(names) or 'none'}")


def _assign(model: "keras.Model", file: WeightsFile, layers: Layers) -> None:
    """Set the weights of a model, or say how to build the one that they fit; all is judged before the first is set."""
    network, kernel_size, num_classes, shape = _facts(model)
    written = file.network, file.kernel_size, file.num_classes, file.flattened
    fits = written == (network, kernel_size, num_classes, flattened_features(shape, kernel_size))
    if fits and file.exact and file.size:  # 32x64 has as many features as 64x32
        fits = pooled_shape(shape[:2], kernel_size[:2]) == pooled_shape(file.size, kernel_size[:2])
    if not fits:
        *size, frames = shape
        of_model = f"num_classes={num_classes}, {frames=}, size={tuple(size)}, {kernel_size=}"
        found = f"other weights than of {NETWORKS[network].title} with {of_model}"
        raise MicroExpError(file.path, found, f"Build the model with {file.recipe}.")
    sound = [[_finite(array, name, file.path) for array in arrays] for name, arrays in layers]
    for layer, (kernel, bias) in zip(LAYERS[file.network], sound, strict=True):
        if file.dense_row_order == "channels_first" and layer.streams:
            blocks = kernel.reshape(layer.streams, FILTERS, *pooled_shape(shape, kernel_size), -1)
            kernel = blocks.transpose(0, 2, 3, 4, 1, 5).reshape(kernel.shape)
        model.get_layer(layer.ours).set_weights([kernel, bias])


def _finite(array: np.ndarray, name: str, path: str | Path) -> np.ndarray:
    """Return an array as float32 (integers unchanged); raise on NaN or infinity."""
    with np.errstate(over="ignore"):
        array = array if array.dtype.kind in "iu" else array.astype("float32", copy=False)
    if not np.isfinite(array).all():
        raise MicroExpError(path, f"{name} holds NaN or infinity", "Take an earlier checkpoint.")
    return array


def load_model(
    path: str | Path,
    frames: int | None = None,
    size: int | tuple[int, int] | None = None,
    num_classes: int | None = None,
) -> "keras.Model":
    """Build the network that a weights file belongs to, not compiled, and load its weights as `load_weights` does.

    `frames`, `size` (rows, columns, or both in one) and `num_classes` are by default what the file says, or the paper's
    values that agree with it; a MicroExpError says if it does not say them.
    """
    with opened(path, verify=True) as contents:
        file, layers = identify(contents, path)
    frames, size = frames or file.frames, size or file.size
    if frames is None or size is None:
        missing = [name for name, value in (("frames", frames), ("size", size)) if value is None]
        remedy = f"Give them: load_model(path, {'=, '.join(missing)}=)."
        raise MicroExpError(path, f"does not say {' and '.join(missing)} of its clips", remedy)
    model = NETWORKS[file.network].build(frames, size, num_classes or file.num_classes, file.kernel_size)
    _assign(model, file, layers)
    return model


def save_weights(
    model: "keras.Model", path: str | Path, metadata: dict[str, Any] | None = None, optimizer: bool = True
) -> None:
    """Write a Keras 3 file, which Keras loads if its name ends in ".weights.h5", whole or not at all.

    `metadata`, of JSON's types, is what `inspect` gives back, such as the statistics that the clips were standardised
    by; Keras passes over it. `optimizer` says whether the variables of the optimizer are written too: with momentum
    they take as much room as the weights.
    """
    import h5py
    from keras.src.saving import saving_lib

    memory = io.BytesIO()
    # What Model.save_weights does, which takes no memory for a file.
    store = saving_lib.H5IOStore(memory, mode="w")
    left_out = set() if optimizer else {id(getattr(model, "optimizer", None))}
    saving_lib._save_state(model, store, assets_store=None, inner_path="", visited_saveables=left_out)
    store.close()

    def sealed(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            put(file, name, item[()])
        else:
            file.require_group(name).attrs.update(item.attrs)

    with h5py.File(memory) as plain, writing(path, len(memory.getbuffer()), metadata or {}) as file:
        plain.visititems(sealed)
    memory.close()  # Keras keeps references to it


def save_keras2_hdf5(model: "keras.Model", path: str | Path, whole_model: bool = True) -> None:
    """Write a model of this package as Keras 2.0.0 writes the original: its layers and names, channels first.

    A whole model is for `keras.models.load_model` of Keras 2.0.0, compiled as the original programs compile it, without
    optimizer state; else the file is for `load_weights` on the original network. It is replaced whole or not at all.
    """
    network, kernel_size, num_classes, shape = _facts(model)
    config = copy.deepcopy(keras2_configs()[network])
    settings = {one["name"]: one for _, one in steps_of(config)}
    changed = {"batch_input_shape": [None, 1, *shape], "kernel_size": kernel_size}
    for one in settings.values():
        one |= {name: changed[name] for name in changed.keys() & one.keys()}
    layers = {layer.name: layer for layer in LAYERS[network]}
    settings[[*layers][-1]]["units"] = num_classes
    # Bytes, not str: h5py then marks them ASCII, and only then does the h5py of that time give what Keras decodes.
    written_by = {"backend": b"tensorflow", "keras_version": b"2.0.0"}
    with writing(path, 4 * model.count_params()) as file:
        root = file.create_group("model_weights") if whole_model else file
        file.attrs.update(written_by)
        root.attrs.update(written_by)
        if whole_model:
            file.attrs["model_config"] = json.dumps(config).encode("ascii")
            file.attrs["training_config"] = json.dumps(keras2_configs()["training_config"]).encode("ascii")
        root.attrs["layer_names"] = np.array([name.encode("ascii") for name in settings])
        for name in settings:
            arrays = {}
            if layer := layers.get(name):
                kernel, bias = model.get_layer(layer.ours).get_weights()
                if layer.streams:
                    blocks = kernel.reshape(layer.streams, *pooled_shape(shape, kernel_size), FILTERS, -1)
                    kernel = blocks.transpose(0, 4, 1, 2, 3, 5).reshape(kernel.shape)
                arrays = {f"{name}/kernel:0": kernel, f"{name}/bias:0": bias}
            group = root.create_group(name)
            group.attrs["weight_names"] = np.array([array.encode("ascii") for array in arrays] or np.zeros(0))
            for array, values in arrays.items():
                put(group, array, np.asarray(values, "float32"))


def load_layers(model: "keras.Model", path: str | Path, optimizer: bool = False) -> dict[str, Any]:
    """Set the weights of any model from a file that `save_weights` wrote of the same one; return its metadata.

    `optimizer` also sets the variables of its optimizer. After an error the model is as it was.
    """
    with opened(path, verify=True) as contents:
        stored = {f"{name} {place}": one for name, of in stored_layers(contents) for place, one in enumerate(of)}
        wanted = {f"{layer.name} {place}": one for layer in model.layers for place, one in enumerate(layer.weights)}
        if optimizer:
            stored |= {name: one for name, one in contents.arrays.items() if name.startswith("optimizer/")}
            wanted |= {f"optimizer/vars/{place}": one for place, one in enumerate(model.optimizer.variables)}
        written, taken = ({name: tuple(one.shape) for name, one in of.items()} for of in (stored, wanted))
        if written != taken:
            different = ", ".join(sorted({name for name, _ in written.items() ^ taken.items()}))
            remedy = "Take weights of this very model, trained with the same optimizer."
            raise MicroExpError(path, f"other arrays than the model has: {different:.160}", remedy)
        values = {name: _finite(array, name, path) for name, array in stored.items()}
        for name, variable in wanted.items():
            variable.assign(values[name])
        return metadata_of(contents)


def save_arrays(path: str | Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, Any]) -> None:
    """Write arrays of numbers, and metadata of JSON's types, as an HDF5 file, whole or not at all."""
    with writing(path, sum(array.nbytes for array in arrays.values()), metadata) as file:
        for name, array in arrays.items():
            put(file, name, array)


def read_arrays(path: str | Path, expected: Mapping[str, tuple[str, int]]) -> dict[str, np.ndarray]:
    """Read what `save_arrays` wrote: just the arrays named, each with the kind and dimensions expected of it."""
    with opened(path, verify=True) as contents:
        found = {name: (array.dtype.kind, array.ndim) for name, array in contents.arrays.items()}
        if found != dict(expected) or not all(np.isfinite(array).all() for array in contents.arrays.values()):
            said = f"are {found!s:.160} instead of {dict(expected)}, or not finite"
            raise MicroExpError("arrays", said, "Take the file that the training wrote.")
        return {name: np.array(array) for name, array in contents.arrays.items()}


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Read what `save_weights` or `save_arrays` was given to say of a file, {} in files of others; no array is read."""
    with opened(path) as contents:
        return metadata_of(contents)
