"""Load and save weights files of Keras 2.0.0 and Keras 3; what is in them is not trusted.

`load_weights` and `inspect` find out by content which kind of file they have. They read it in Python alone, without
the HDF5 library: nothing from a file is executed or unpickled, its `model_config` is read as JSON and compared with
what the networks are, and arrays are read only after links, storage, types and shapes have been checked.
`python -m microexp_keras.weights inspect FILE` says what a file is without loading Keras. SECURITY.md says what is
promised of files from strangers. What is written here carries checksums, which loading compares.

The original networks are channels first and flatten in the order (channel, row, column, time); the models of this
package are channels last and flatten in the order (row, column, time, channel). The rows of each dense kernel behind
a flatten are permuted between the two; nothing else differs.

References
----------
The programs `{SMIC,CASME-SQUARE}/MicroExpSTCNN.py`, `Intermediate_*.py`, `Late_*.py` on Keras 2.0.0, whose files are
read and written here. What malicious files do: CVE-2026-0897 (declared sizes), CVE-2026-1669 (external storage).
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras.errors import MicroExpError
from microexp_keras.hdf5 import StoredArray, opened
from microexp_keras.models.networks import FILTERS, NETWORKS
from microexp_keras.weights import checksums
from microexp_keras.weights.layers import by_shape, model_facts, pooled_shape, weighted_layers
from microexp_keras.weights.reader import NamedWeights, WeightsFile, examined

if TYPE_CHECKING:
    import keras


def inspect(path: str | Path) -> WeightsFile:
    """Say what a weights file is, reading only its structure; no array and no Keras is loaded.

    Parameters
    ----------
    path : str or Path
        A .h5 or .hdf5 file written by Keras 2 or Keras 3, whole model or weights only; the name does not matter.

    Returns
    -------
    WeightsFile

    Raises
    ------
    MicroExpError
        If it is not such a file, or holds anything that is not the weights of one of the three networks.
    """
    with opened(path) as contents:
        return examined(contents, path).file


def load_weights(
    model: "keras.Model", path: str | Path, data_format: str | None = None, optimizer: bool = False
) -> WeightsFile:
    """Set the weights of a model of this package from a Keras 2 or Keras 3 weights file.

    Layers are assigned by name when the file has our names, otherwise in the order of the file. Everything is checked
    before the first assignment: after an error the model is as it was.

    Parameters
    ----------
    model : keras.Model
        From `models.build_microexp_stcnn`, `build_intermediate_fusenet` or `build_late_fusenet`.
    path : str or Path
        A .h5 or .hdf5 file: Keras 2 or Keras 3, whole model or weights only.
    data_format : "channels_first", "channels_last" or None
        For a file of weights only: the flatten order of the model that wrote it. None: channels first for files of
        Keras before 2.2 (the original programs set it, and Keras 2.2 began to flatten channels last regardless),
        channels last for newer ones. A whole-model file says it itself.
    optimizer : bool
        Also set the variables of the model's optimizer, from a Keras 3 `.weights.h5` file; by default such state is
        ignored.

    Returns
    -------
    WeightsFile
        What was loaded.

    Raises
    ------
    MicroExpError
        If the file is refused (see `inspect`), was written for another network, clip size, kernel or number of
        classes, or has a value that is not finite. The message says how to build the model that fits.
    """
    if data_format not in (None, "channels_first", "channels_last"):
        raise MicroExpError(
            "data_format",
            '"channels_first", "channels_last" or None',
            f"{data_format!r}",
        )
    facts = network, kernel_size, num_classes, shape = model_facts(model)
    with opened(path) as contents:
        file = examined(contents, path, data_format, shape[:2])
        found = file.file
        _require_fit(found, file.layers, *facts)
        plan = weighted_layers(network, kernel_size, found.flattened, num_classes)
        for assign in (False, True):  # all is read and judged before the first assignment, but never held together
            for (layer, _, streams), (name, *stored) in zip(plan, file.layers, strict=True):
                kernel, bias = (
                    judged(array, file.checksums, f"{name} {part}", again=assign)
                    for part, array in zip(("kernel", "bias"), stored, strict=True)
                )
                if not assign:
                    continue
                if found.dense_row_order == "channels_first" and streams:
                    blocks = kernel.reshape(streams, FILTERS, *pooled_shape(shape, kernel_size), -1)
                    kernel = blocks.transpose(0, 2, 3, 4, 1, 5).reshape(kernel.shape)
                model.get_layer(layer.ours).set_weights([kernel, bias])
            for variable, value in optimizer_values(model, file.arrays, file.checksums) if optimizer else ():
                if assign:
                    variable.assign(value)
    return found


def judged(array: StoredArray, said: dict[str, int] | None, label: str, again: bool = False) -> np.ndarray:
    """Read an array as float32 (integers unchanged); raise on a wrong checksum, NaN or infinity.

    The checksum is not compared `again`: the file is the same.
    """
    values = array[()]
    if not again:
        checksums.require(said, array.name, checksums.of_array(values), label)
    if values.dtype.kind in "iu":
        return values
    with np.errstate(over="ignore"):
        values = values.astype("float32", copy=False)
    if not np.isfinite(values).all():
        raise MicroExpError(label, "finite numbers", "NaN or infinity", "Take an earlier checkpoint.")
    return values


def load_model(
    path: str | Path,
    frames: int | None = None,
    size: int | tuple[int, int] | None = None,
    num_classes: int | None = None,
) -> tuple["keras.Model", WeightsFile]:
    """Build the network that a weights file belongs to and load its weights.

    Parameters
    ----------
    path : str or Path
        As for `load_weights`.
    frames, size, num_classes : optional
        Of the model; by default what the file says, or the paper's values that agree with it.

    Returns
    -------
    keras.Model
        Not compiled.
    WeightsFile

    Raises
    ------
    MicroExpError
        As `load_weights`; if the file does not say frames and size and they are not given.
    """
    file = inspect(path)
    frames, size = frames or file.frames, size or file.size
    if frames is None or size is None:
        missing = [name for name, value in (("frames", frames), ("size", size)) if value is None]
        remedy = f"Give them: load_model(path, {'=, '.join(missing)}=)."
        raise MicroExpError(path, f"{' and '.join(missing)} in the file", "none", remedy)
    network = NETWORKS[file.network]
    model = network.build(frames, size, num_classes or file.num_classes, file.kernel_size)
    load_weights(model, path)
    return model, file


def save_weights(
    model: "keras.Model", path: str | Path, metadata: dict[str, Any] | None = None, optimizer: bool = True
) -> None:
    """Write `path`, a Keras 3 `.weights.h5` file, whole or not at all.

    Parameters
    ----------
    model : keras.Model
        Its weights are written.
    path : str or Path
        Must end in ".weights.h5".
    metadata : dict, optional
        Of JSON's types: what `inspect` gives back as `metadata`, such as the statistics that the clips were
        standardised by. Keras passes over it.
    optimizer : bool
        Also write the variables of the model's optimizer, when it is compiled: with momentum they take as much room
        as the weights.

    Raises
    ------
    MicroExpError
        If `path` does not end in ".weights.h5", or the disk refuses.
    """
    if not str(path).endswith(".weights.h5"):
        raise MicroExpError(path, 'a name that ends in ".weights.h5", which Keras demands', remedy="Rename it.")
    import h5py
    from keras.src.saving import saving_lib

    with checksums.written(path) as memory:
        # What Model.save_weights does, which takes no memory for a file.
        store = saving_lib.H5IOStore(memory, mode="w")
        left_out = set() if optimizer else {id(getattr(model, "optimizer", None))}
        saving_lib._save_state(model, store, assets_store=None, inner_path="", visited_saveables=left_out)
        store.close()
        with h5py.File(memory, "r+") as file:
            file.attrs["microexp_keras"] = np.bytes_(json.dumps(metadata or {}, allow_nan=False))


def optimizer_values(
    model: "keras.Model", arrays: dict[str, StoredArray], said: dict[str, int] | None
) -> Iterator[tuple["keras.Variable", np.ndarray]]:
    """Yield `(variable, value)` of a model's optimizer from the arrays of a `.weights.h5` file and their checksums."""
    for index, variable in enumerate(model.optimizer.variables):
        name, shape = f"optimizer/vars/{index}", tuple(variable.shape)
        if name not in arrays or arrays[name].shape != shape:
            found = by_shape(arrays[name].shape) if name in arrays else "nothing"
            raise MicroExpError(
                name,
                str(by_shape(shape)),
                found,
                "Train with the same optimizer.",
            )
        yield variable, judged(arrays[name], said, name)


def _require_fit(
    found: WeightsFile,
    layers: list[NamedWeights],
    network: str,
    kernel_size: tuple[int, ...],
    num_classes: int,
    shape: tuple[int, ...],
) -> None:
    """Raise, with the remedy, unless the weights `found` fit a model of the other arguments."""
    if found.network != network:
        raise MicroExpError(
            found.path,
            found=f"written for {NETWORKS[found.network].title}, but the model is {NETWORKS[network].title}",
            remedy=f"Build it with models.{NETWORKS[found.network].builder}.",
        )
    *size, frames = shape
    differences = []  # what it was written for, what the model takes, the remedy
    if found.kernel_size != kernel_size:
        remedy = f"kernel_size={found.kernel_size}"
        differences.append((f"a {by_shape(found.kernel_size)} kernel", f"{by_shape(kernel_size)}", remedy))
    if found.num_classes != num_classes:
        remedy = f"num_classes={found.num_classes}"
        differences.append((f"{found.num_classes} classes", f"{num_classes} classes", remedy))
    pooled = pooled_shape(shape, found.kernel_size)
    features = FILTERS * math.prod(pooled)
    if found.size is None:
        remedy = "the frames and size of its training"
        differences.append((f"{found.flattened} features a stream", f"{features}", remedy))
    elif found.exact or features != found.flattened:  # weights alone do not tell 32x64 from 64x32
        if pooled_shape(found.size, found.kernel_size[:2]) != pooled[:2]:
            differences.append((f"{by_shape(found.size)} pixels", f"{by_shape(size)} pixels", f"size={found.size}"))
        first, last = found.frames_range or (0, 0)
        if not first <= frames <= last:
            written = found.frames or (first + last) // 2
            differences.append((f"{written} frames", f"{frames} frames", f"frames={written}"))
    if differences:
        written_for, taken, remedies = zip(*differences, strict=True)
        name, kernel, _ = next(layer for layer in layers if layer[1].ndim == 2)
        raise MicroExpError(
            found.path,
            found=f"written for {NETWORKS[network].title} with {' and '.join(written_for)} ({name} kernel "
            f"{by_shape(kernel.shape)}), but the model takes {' and '.join(taken)}",
            remedy=f"Build it with {', '.join(remedies)}.",
        )
