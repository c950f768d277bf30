"""Weights files (.h5, .hdf5) in and out: those of Keras 2.0.0 and of Keras 3, read without trusting what is in them.

`load_weights` and `inspect` find out by content which kind of file they have. They use h5py only: nothing from a file
is executed or unpickled, its `model_config` is read as JSON and compared with what the networks are, and arrays are
read only after links, storage, types and shapes have been checked. `python -m microexp_keras.weights inspect FILE`
says what a file is without loading Keras. One thing is beyond this module: bytes damaged with intent can make the HDF5
library itself loop. Inspect a file from a stranger in a process of its own first.

The original networks are channels first and flatten in the order (channel, row, column, time); the models of this
package are channels last and flatten in the order (row, column, time, channel). The rows of each dense kernel behind
a flatten are permuted between the two; nothing else differs.

References
----------
The programs `{SMIC,CASME-SQUARE}/MicroExpSTCNN.py`, `Intermediate_*.py`, `Late_*.py` on Keras 2.0.0, whose files are
read and written here. What malicious files do: CVE-2026-0897 (declared sizes), CVE-2026-1669 (external storage).
"""

import argparse
import contextlib
import dataclasses
import json
import math
import re
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from microexp_keras.console import command
from microexp_keras.errors import MicroExpError
from microexp_keras.atomic import replacing
from microexp_keras.models.networks import FILTERS, LAYER_CLASSES, NETWORKS, POOL

# Far above what a genuine file holds: 110 objects, 7 levels, 30 texts in an attribute, 13 KB of model_config.
MAX_OBJECTS, MAX_DEPTH, MAX_TEXTS, MAX_TEXT_BYTES = 1000, 10, 64, 2**20


_OURS = {"ReLU": "relu", "Softmax": "softmax", "Cropping3D": "linear"}  # what `models.py` uses beside them
_SETTINGS = {
    "InputLayer": {"dtype": "float32", "sparse": False},
    "Conv3D": {"strides": [1, 1, 1], "padding": "valid", "dilation_rate": [1, 1, 1], "filters": FILTERS},
    "MaxPooling3D": {"strides": [POOL] * 3, "padding": "valid", "pool_size": [POOL] * 3},
    "Dropout": {"rate": 0.5},
    "Concatenate": {"axis": 1},
}
_TRAINING_CONFIG = {  # how the original programs compile: 'SGD' of Keras 2.0.0
    "optimizer_config": {"class_name": "SGD", "config": {"lr": 0.01, "momentum": 0.0, "decay": 0.0, "nesterov": False}},
    "loss": "categorical_crossentropy",
    "metrics": ["accuracy"],
    "sample_weight_mode": None,
    "loss_weights": None,
}


@dataclasses.dataclass(frozen=True)
class WeightsFile:
    """What a weights file is; see `inspect`.

    `frames` and `size` (rows, columns) are exact when the file has a `model_config` (`exact`). Otherwise they are the
    paper's that agree with the weights, or None. Every frame count in `frames_range` fits the same weights: the
    pooling discards the rest. `dense_row_order` is the flatten order of the file: "channels_first" or
    "channels_last". `metadata` is what `save_weights` was given to write, {} in files of others.
    """

    path: str
    kind: str
    keras_version: str | None
    network: str
    kernel_size: tuple[int, int, int]
    num_classes: int
    flattened: int
    frames: int | None
    frames_range: tuple[int, int] | None
    size: tuple[int, int] | None
    exact: bool
    dense_row_order: str
    parameters: int
    optimizer: bool
    metadata: dict


def inspect(path):
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
    with _opened(path) as file:
        return _examined(file, path)[0]


def load_weights(model, path, data_format=None, optimizer=False):
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
        raise MicroExpError(f'data_format: expected "channels_first", "channels_last" or None, found {data_format!r}.')
    facts = network, kernel_size, num_classes, shape = _model_facts(model)
    with _opened(path) as file:
        found, layers, state = _examined(file, path, data_format, shape[:2])
        _demand_fit(found, layers, *facts)
        plan = _weighted_layers(network, kernel_size, found.flattened, num_classes)
        for assign in (False, True):  # all is read and judged before the first assignment, but never held together
            for (layer, _, streams), (name, kernel, bias) in zip(plan, layers, strict=True):
                kernel, bias = _finite(f"{name} kernel", kernel), _finite(f"{name} bias", bias)
                if not assign:
                    continue
                if found.dense_row_order == "channels_first" and streams:
                    blocks = kernel.reshape(streams, FILTERS, *_pooled(shape, kernel_size), -1)
                    kernel = blocks.transpose(0, 2, 3, 4, 1, 5).reshape(kernel.shape)
                model.get_layer(layer.ours).set_weights([kernel, bias])
            for variable, value in _optimizer_values(model, state) if optimizer else ():
                if assign:
                    variable.assign(value)
    return found


def save_weights(model, path, metadata=None):
    """Write `path`, a Keras 3 `.weights.h5` file, whole or not at all.

    Parameters
    ----------
    model : keras.Model
        Its weights and, when it is compiled, its optimizer's variables are written.
    path : str or Path
        Must end in ".weights.h5".
    metadata : dict, optional
        Of JSON's types: what `inspect` gives back as `metadata`, such as the statistics that the clips were
        standardised by. Keras passes over it.

    Raises
    ------
    MicroExpError
        If `path` does not end in ".weights.h5", or the disk refuses.
    """
    if not str(path).endswith(".weights.h5"):
        raise MicroExpError(f'{path}: expected a name that ends in ".weights.h5", which Keras demands. Rename it.')
    import h5py

    optimizer_variables = model.optimizer.variables if getattr(model, "optimizer", None) else []
    with replacing(path, _bytes_of([*model.weights, *optimizer_variables])) as temporary:
        model.save_weights(temporary)
        with h5py.File(temporary, "r+") as file:
            file.attrs["microexp_keras"] = np.bytes_(json.dumps(metadata or {}, allow_nan=False))


def save_keras2_hdf5(model, path, whole_model=True):
    """Write a model of this package as Keras 2.0.0 writes the original: its layers and names, channels first.

    Parameters
    ----------
    model : keras.Model
        From one of the three builders.
    path : str or Path
        Where to write; replaced whole or not at all.
    whole_model : bool
        True: for `keras.models.load_model` of Keras 2.0.0, compiled as the original programs compile it, without
        optimizer state. False: for `load_weights` on the original network.

    Raises
    ------
    MicroExpError
        If `model` is not from one of the builders, or the disk refuses.
    """
    import h5py

    network, kernel_size, num_classes, shape = _model_facts(model)
    pooled = _pooled(shape, kernel_size)
    plan = _weighted_layers(network, kernel_size, FILTERS * math.prod(pooled), num_classes)
    streams_of = {layer.name: streams for layer, _, streams in plan}
    with replacing(path, _bytes_of(model.weights)) as temporary, h5py.File(temporary, "w") as file:
        # Bytes, not str: h5py then marks them ASCII, and only then does the h5py of that time give what Keras decodes.
        written_by = {"backend": b"tensorflow", "keras_version": b"2.0.0"}
        root = file.create_group("model_weights") if whole_model else file
        root.attrs.update(written_by)
        if whole_model:
            config = _keras2_config(network, kernel_size, num_classes, shape)
            file.attrs.update(written_by)
            file.attrs["model_config"] = json.dumps(config).encode("ascii")
            file.attrs["training_config"] = json.dumps(_TRAINING_CONFIG).encode("ascii")
        root.attrs["layer_names"] = np.array([layer.name.encode("ascii") for layer in NETWORKS[network].original_layers])
        for layer in NETWORKS[network].original_layers:
            weights = {}
            if layer.ours:
                kernel, bias = model.get_layer(layer.ours).get_weights()
                if streams := streams_of[layer.name]:
                    blocks = kernel.reshape(streams, *pooled, FILTERS, -1)
                    kernel = blocks.transpose(0, 4, 1, 2, 3, 5).reshape(kernel.shape)
                weights = {f"{layer.name}/kernel:0": kernel, f"{layer.name}/bias:0": bias}
            group = root.create_group(layer.name)
            group.attrs["weight_names"] = np.array([name.encode("ascii") for name in weights] or np.zeros(0))
            for name, values in weights.items():
                group.create_dataset(name, data=np.asarray(values, "float32"))


@command
def main(argv=None):
    """Say what a weights file is."""
    parser = argparse.ArgumentParser(prog="python -m microexp_keras.weights", description="Say what weights files are.")
    commands = parser.add_subparsers(dest="command", required=True)
    inspecting = commands.add_parser("inspect", help="say which network a .h5 or .hdf5 file holds and how to build it")
    inspecting.add_argument("file", help="written by Keras 2 or Keras 3: whole model or weights only")
    inspecting.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args(argv)
    found = inspect(arguments.file)
    facts = dataclasses.asdict(found)
    if arguments.json:
        print(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        print(f"{name.replace('_', ' '):16} {'not in the file' if value is None else value}")
    clip = f"frames={found.frames}, size={found.size}" if found.frames else "frames=?, size=?"
    settings = f"{clip}, num_classes={found.num_classes}, kernel_size={found.kernel_size}"
    print(f"{'build with':16} models.{NETWORKS[found.network].builder}({settings})")


# ---------------------------------------------------------------------------------------------------- the networks


def _weighted_layers(network, kernel_size, flattened, num_classes):
    """List `(layer, kernel shape, streams)` of the layers with weights; `streams` flattened streams make its rows."""
    rows, width, streams = [], {}, {}
    for layer in NETWORKS[network].original_layers:
        inputs, streams_in = (sum(of[name] for name in layer.inputs) for of in (width, streams))
        width[layer.name], streams[layer.name] = inputs, streams_in
        if layer.kind == "Conv3D":
            rows.append((layer, (*kernel_size, 1, FILTERS), 0))
        elif layer.kind == "Flatten":
            width[layer.name], streams[layer.name] = flattened, 1
        elif layer.kind == "Dense":
            units = layer.units or num_classes
            rows.append((layer, (inputs, units), streams_in))
            width[layer.name], streams[layer.name] = units, 0
    return rows


def _pooled(shape, kernel_size):
    """Rows, columns and time steps behind the "valid" convolution and the pooling."""
    return tuple((length - kernel + 1) // POOL for length, kernel in zip(shape, kernel_size, strict=True))


def _frames_range(flattened, size, kernel_size):
    """First and last number of frames that give `flattened` features at this size; None if no number does."""
    area = FILTERS * math.prod(max(length, 0) for length in _pooled(size, kernel_size[:2]))
    if not area or flattened % area:
        return None
    first = POOL * (flattened // area) + kernel_size[2] - 1
    return first, first + POOL - 1


def _model_facts(model):
    """Network, kernel size, classes and (rows, columns, frames) of one of our models."""
    names = [layer.name for layer in model.layers if layer.weights]
    for network in NETWORKS:
        if set(names) == {layer.ours for layer in NETWORKS[network].original_layers if layer.ours}:
            kernel_size = model.get_layer(names[0]).kernel_size
            return network, tuple(kernel_size), model.output_shape[-1], tuple(model.inputs[0].shape[1:4])
    raise MicroExpError(
        f"model: expected one built by microexp_keras.models, found one with the layers {', '.join(names) or 'none'}."
    )


def _keras2_config(network, kernel_size, num_classes, shape):
    """Give the `model_config` of the original network for clips of (rows, columns, frames)."""
    uniform = {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}
    conv_init = dense_init = {"class_name": "VarianceScaling", "config": uniform}
    if network == "stcnn":
        dense_init = {"class_name": "RandomNormal", "config": {"mean": 0.0, "stddev": 0.05, "seed": None}}
    weighted = dict.fromkeys(f"{part}_regularizer" for part in ("kernel", "bias", "activity"))
    weighted |= {"kernel_constraint": None, "bias_constraint": None, "use_bias": True}
    weighted["bias_initializer"] = {"class_name": "Zeros", "config": {}}
    batch = {"batch_input_shape": [None, 1, *shape], "dtype": "float32"}
    first = {"data_format": "channels_first"}
    special = {
        "InputLayer": batch,
        "Conv3D": {"kernel_size": list(kernel_size), "kernel_initializer": conv_init, **first, **weighted},
        "MaxPooling3D": first,
        "Dense": {"kernel_initializer": dense_init, **weighted},
    }
    layers = []
    for layer in NETWORKS[network].original_layers:
        config = {"name": layer.name, **_SETTINGS.get(layer.kind, {}), **special.get(layer.kind, {})}
        if layer.kind != "InputLayer":
            config["trainable"] = True
        if layer.kind == "Dense":
            config["units"] = layer.units or num_classes
        if layer.activation:
            config["activation"] = layer.activation
        layers.append({"class_name": layer.kind, "config": config})
    if network == "stcnn":
        layers[0]["config"] |= batch
        return {"class_name": "Sequential", "config": layers}
    for layer, described in zip(NETWORKS[network].original_layers, layers, strict=True):
        nodes = [[[name, 0, 0, {}] for name in layer.inputs]] if layer.inputs else []
        described |= {"name": layer.name, "inbound_nodes": nodes}
    ends = {"input_layers": [["input_1", 0, 0], ["input_2", 0, 0]], "output_layers": [[layer.name, 0, 0]]}
    return {"class_name": "Model", "config": {"name": "model_1", "layers": layers, **ends}}


# -------------------------------------------------------------------------------------------------- reading a file


@contextlib.contextmanager
def _opened(path):
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
            f"{path}: expected a complete HDF5 file, found something else ({error}). Copy or download it again."
        ) from error
    try:
        with file:
            yield file
    except MicroExpError as error:
        raise MicroExpError(f"{path}: {error}") from error
    except (OSError, RuntimeError, ValueError, TypeError, LookupError, MemoryError) as error:
        raise MicroExpError(f"{path}: damaged, it cannot be read ({error}). Copy or download it again.") from error


def _examined(file, path, data_format=None, model_size=None):
    """Give `(WeightsFile, [(name, kernel dataset, bias dataset), ...] in our order, other arrays)`; none is read."""
    groups, arrays = _audited(file, Path(path).stat().st_size)
    root = "model_weights" if "model_weights" in groups else ""
    version = (_texts(file, "keras_version") or _texts(groups[root], "keras_version") or [None])[0]
    if version and not re.fullmatch(r"[0-9A-Za-z.+-]{1,40}", version):
        raise MicroExpError(f"keras_version: expected one such as 2.0.0, found {_shown(version)}.")
    if _texts(file, "backend") == ["theano"]:
        raise MicroExpError("written on Theano, which mirrors convolution kernels. Save it again on TensorFlow.")
    modern = "layers" in groups and not root
    layers = _keras3_layers(groups, arrays) if modern else _keras2_layers(groups, arrays, root)
    major = 3 if modern or (version or "").startswith("3.") else 2
    network, layers, flattened = _recognised(layers)
    shapes = [kernel.shape for _, kernel, _ in layers]
    kernel_size, num_classes = shapes[0][:3], shapes[-1][1]
    if config := _texts(file, "model_config"):
        order, (*size, frames) = _config_facts(config[0], network)
        size, frames_range = tuple(size), _frames_range(flattened, size, kernel_size)
        if not frames_range or not frames_range[0] <= frames <= frames_range[1]:
            raise MicroExpError(f"model_config: its clips of {_by((*size, frames))} do not give {flattened} features.")
        if data_format not in (None, order):
            raise MicroExpError(f"model_config: says {order}, but data_format={data_format!r} was given. Leave it out.")
    else:
        old = major == 2 and version and re.match(r"2\.[01]\.|1\.", version) and not version.endswith("-tf")
        order = data_format or ("channels_first" if old else "channels_last")
        sizes = [model_size, (64, 64) if network == "stcnn" else (32, 32)]
        size = next((size for size in sizes if size and _frames_range(flattened, size, kernel_size)), None)
        frames_range = _frames_range(flattened, size, kernel_size) if size else None
        frames = next((n for n in (18, 96) if size and frames_range[0] <= n <= frames_range[1]), None)
    found = WeightsFile(
        path=str(path),
        kind=f"Keras {major} {'whole model' if root else 'weights'}",
        keras_version=version,
        network=network,
        kernel_size=kernel_size,
        num_classes=num_classes,
        flattened=flattened,
        frames=frames,
        frames_range=frames_range,
        size=size,
        exact=bool(config),
        dense_row_order=order,
        parameters=sum(math.prod(shape) + shape[-1] for shape in shapes),
        optimizer=any(name.startswith(("optimizer/", "optimizer_weights/")) for name in arrays),
        metadata=_metadata(file),
    )
    return found, layers, arrays


def _bytes_of(variables):
    """Bytes that a file of these variables takes at most; the margin is for HDF5's own structures."""
    return sum(4 * math.prod(variable.shape) for variable in variables) + 2**18


def _metadata(file):
    """Give the dictionary that `save_weights` wrote, {} if there is none."""
    text = (_texts(file, "microexp_keras") or ["{}"])[0]
    try:
        metadata = json.loads(text, parse_constant=_refuse)  # NaN and Infinity are no JSON
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        raise MicroExpError(f"attribute microexp_keras: expected a JSON object, found {_shown(text)}.")
    return metadata


def _refuse(name):
    raise ValueError(name)


def _optimizer_values(model, arrays):
    """Yield `(variable, value)` of the model's optimizer from the arrays of a `.weights.h5` file."""
    for index, variable in enumerate(model.optimizer.variables):
        name, shape = f"optimizer/vars/{index}", tuple(variable.shape)
        if name not in arrays or arrays[name].shape != shape:
            found = _by(arrays[name].shape) if name in arrays else "nothing"
            raise MicroExpError(f"{name}: expected {_by(shape)}, found {found}. Train with the same optimizer.")
        yield variable, arrays[name][()] if arrays[name].dtype.kind in "iu" else _finite(name, arrays[name])


def _audited(file, file_bytes):
    """Give all groups and all datasets by path, after refusing whatever a weights file of Keras never has.

    Nothing is looked up in the file by a name that the file gives, so no name can lead out of what was audited.
    Chunked storage is refused because HDF5 inflates a compressed chunk to what is in it, not to what was declared.
    """
    import h5py

    groups, arrays, seen, pending = {"": file}, {}, 0, [("", file)]
    while pending:
        prefix, group = pending.pop()
        seen += len(group)
        if seen > MAX_OBJECTS or prefix.count("/") > MAX_DEPTH:
            raise MicroExpError(f"expected at most {MAX_OBJECTS} objects in {MAX_DEPTH} levels, found more.")
        for name in group:
            path, shown = prefix + name, _shown(prefix + name)
            if ".." in name or "/" in name or name == ".":
                raise MicroExpError(f"{shown}: expected a plain name.")
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise MicroExpError(f"{shown}: expected data, found a link ({type(link).__name__}).")
            item = group[name]
            if isinstance(item, h5py.Group):
                groups[path] = item
                pending.append((path + "/", item))
                continue
            kind = getattr(item, "dtype", None)
            if not isinstance(item, h5py.Dataset) or kind.kind not in "fiu" or item.id.get_type().committed():
                raise MicroExpError(f"{shown}: expected a plain array of numbers, found {_shown(str(kind))}.")
            properties, stored = item.id.get_create_plist(), item.id.get_storage_size()
            if properties.get_layout() not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT):
                raise MicroExpError(f"{shown}: expected plain storage, found it chunked, compressed or virtual.")
            if properties.get_external_count():
                raise MicroExpError(f"{shown}: expected data in the file, found external storage.")
            if item.shape is None or item.nbytes != stored or stored > file_bytes:
                raise MicroExpError(f"{shown}: declares {_by(item.shape or ())} {kind}, found {stored} bytes stored.")
            arrays[path] = item
    return groups, arrays


def _texts(owner, name):
    """Give the text attribute `name` as a list of str, [] if it is empty or absent; its size is checked first."""
    import h5py

    attribute = owner.attrs.get_id(name) if name in owner.attrs else None
    count = attribute.get_space().get_simple_extent_npoints() if attribute else 0
    if count == 0:
        return []
    if h5py.check_string_dtype(attribute.dtype) is None:
        raise MicroExpError(f"attribute {name}: expected text, found {_shown(str(attribute.dtype))}.")
    if count <= MAX_TEXTS and attribute.get_storage_size() <= MAX_TEXT_BYTES:
        texts = np.asarray(owner.attrs[name]).ravel().tolist()
        texts = [text.decode("utf-8", "replace") if isinstance(text, bytes) else text for text in texts]
        if sum(map(len, texts)) <= MAX_TEXT_BYTES:
            return texts
    raise MicroExpError(f"attribute {name}: expected at most {MAX_TEXTS} texts and 1 MiB, found more.")


def _keras2_layers(groups, arrays, root):
    """List `(name, [datasets])` of the layers with weights, in the order of the attribute `layer_names`."""
    layers, unread = [], {path for path in arrays if not path.startswith("optimizer_weights/")}
    names = _texts(groups[root], "layer_names")
    if not names:
        raise MicroExpError("expected the weights of a Keras model (layer_names or layers), found none.")
    for name in names:
        path = f"{root}/{name}".lstrip("/")
        if "/" in name or path not in groups:
            raise MicroExpError(f"layer {_shown(name)}: named in layer_names, but it has no group.")
        paths = [f"{path}/{weight}" for weight in _texts(groups[path], "weight_names")]
        for weight in paths:
            if weight not in unread:
                raise MicroExpError(f"{_shown(weight)}: named in weight_names, but missing or named twice.")
            unread.remove(weight)
        if paths:
            layers.append((name, [arrays[weight] for weight in paths]))
    if unread:
        raise MicroExpError(f"{_shown(min(unread))}: expected no array that layer_names and weight_names do not name.")
    return layers


def _keras3_layers(groups, arrays):
    """List `(name, [datasets])` of the layers with weights in a `.weights.h5` file, as far as possible in its order.

    Keras numbers the groups by class in the order of the model (conv3d, conv3d_1, dense, ...) and keeps the layer's
    own name in an attribute.
    """
    found = {}
    for path, item in arrays.items():
        if path.startswith("optimizer/") or "/seed_generator/" in path:
            continue
        match = re.fullmatch(r"layers/([^/]+)/vars/([01])", path)
        if not match:
            raise MicroExpError(f"{_shown(path)}: expected only layers/NAME/vars/0 (kernel) and /1 (bias).")
        found.setdefault(match[1], {})[match[2]] = item

    def order(group):  # convolutions before dense layers, then by name and by the number behind it
        stem, number = re.fullmatch(r"(.*?)(?:_(\d{1,9}))?", group, re.DOTALL).groups()
        return -max(item.ndim for item in found[group].values()), stem, int(number or 0)

    layers = []
    for group in sorted(found, key=order):
        name = _texts(groups[f"layers/{group}/vars"], "name") or [group]
        layers.append((name[0], [found[group][index] for index in sorted(found[group])]))
    return layers


def _recognised(layers):
    """Give `(network, [(name, kernel, bias), ...], features a stream)`, in our order by name or else as they stand."""
    for name, data in layers:
        if len(data) != 2 or any(item.dtype.kind != "f" or item.dtype.itemsize > 8 for item in data):
            found = ", ".join(f"{_by(item.shape)} {item.dtype}" for item in data)
            raise MicroExpError(f"layer {_shown(name)}: expected a kernel and a bias of floats, found {found}.")
    for network in NETWORKS:
        plan = _weighted_layers(network, (0, 0, 0), 0, 0)
        ours = [layer.ours for layer, _, _ in plan]
        if sorted(ours) == sorted(name for name, _ in layers):
            layers = sorted(layers, key=lambda layer: ours.index(layer[0]))
        if [len(shape) for _, shape, _ in plan] == [kernel.ndim for _, (kernel, _) in layers]:
            break
    else:
        found = ", ".join(f"{_shown(name)} {_by(kernel.shape)}" for name, (kernel, _) in layers[:12])
        raise MicroExpError(
            "expected 1 convolution and 2 dense layers (stcnn), 2 and 3 (intermediate) or 2 and 5 (late), "
            f"found {len(layers)} layers with weights: {found or 'none'}."
        )
    layers = [(_shown(name), kernel, bias) for name, (kernel, bias) in layers]
    place = next(i for i, (_, _, streams) in enumerate(plan) if streams)
    flattened = layers[place][1].shape[0] // plan[place][2]
    plan = _weighted_layers(network, layers[0][1].shape[:3], flattened, layers[-1][1].shape[1])
    for (name, kernel, bias), (_, expected, _) in zip(layers, plan, strict=True):
        for part, data, shape in (("kernel", kernel, expected), ("bias", bias, expected[-1:])):
            if data.shape != shape or 0 in shape:
                raise MicroExpError(f"{name} {part}: expected {_by(shape)}, found {_by(data.shape)}.")
    return network, layers, flattened


def _config_facts(text, network):
    """Give the flatten order and (rows, columns, frames) of a `model_config` after checking that it is our network."""
    try:
        config = json.loads(text)["config"]
        config = config if isinstance(config, list) else config["layers"]
        steps = [(layer["class_name"], layer["config"]) for layer in config]
        for name, settings in steps:
            if name not in LAYER_CLASSES.values() and name not in _OURS:
                raise MicroExpError(f"model_config: expected no layer {_shown(str(name))} in this network.")
            for key in ("strides", "padding", "dilation_rate", "pool_size"):  # what would change predictions unnoticed
                expected, found = _SETTINGS.get(name, {}).get(key), settings.get(key)
                if expected not in (None, found):
                    raise MicroExpError(f"model_config: {name} {key}: expected {expected}, found {_shown(str(found))}.")
        activations = [_OURS.get(name) or settings.get("activation", "linear") for name, settings in steps]
        flatten = max(place for place, (name, _) in enumerate(steps) if name == "Flatten")
        streams = [name for name in activations[:flatten] if name != "linear"]
        head = [name for name in activations[flatten:] if name != "linear"]
        expected = ["relu", "softmax"] if network == "stcnn" else ["softmax"]
        if set(streams) != {"relu"} or head != expected:
            raise MicroExpError(
                f"model_config: expected the activations relu before the flatten and {expected} behind it, "
                f"found {_shown(str(streams))} and {_shown(str(head))}."
            )
        (channels,) = {settings["data_format"] for name, settings in steps if name in ("Conv3D", "MaxPooling3D")}
        keys = ("batch_input_shape", "batch_shape")
        ((_, *shape),) = {tuple(settings[key]) for _, settings in steps for key in keys if key in settings}
        if shape.pop(0 if channels == "channels_first" else -1) != 1 or not all(0 < n < 10**5 for n in shape):
            raise ValueError(f"input shape {shape}")
        rows, columns, frames = shape
        # Since Keras 2.2 a flatten that is told channels first moves the channels to the end itself.
        moved = {"channels_first"} == {settings.get("data_format") for name, settings in steps if name == "Flatten"}
        return ("channels_last" if moved else channels), (rows, columns, frames)
    except MicroExpError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise MicroExpError(f"model_config: cannot be understood ({_shown(str(error))}).") from error


def _demand_fit(found, layers, network, kernel_size, num_classes, shape):
    """Raise, with the remedy, unless the weights `found` fit a model of the other arguments."""
    if found.network != network:
        raise MicroExpError(
            f"written for {NETWORKS[found.network].title}, but the model is {NETWORKS[network].title}. "
            f"Build it with models.{NETWORKS[found.network].builder}."
        )
    *size, frames = shape
    differences = []  # what it was written for, what the model takes, the remedy
    if found.kernel_size != kernel_size:
        remedy = f"kernel_size={found.kernel_size}"
        differences.append((f"a {_by(found.kernel_size)} kernel", f"{_by(kernel_size)}", remedy))
    if found.num_classes != num_classes:
        remedy = f"num_classes={found.num_classes}"
        differences.append((f"{found.num_classes} classes", f"{num_classes} classes", remedy))
    pooled = _pooled(shape, found.kernel_size)
    features = FILTERS * math.prod(pooled)
    if found.size is None:
        remedy = "the frames and size of its training"
        differences.append((f"{found.flattened} features a stream", f"{features}", remedy))
    elif found.exact or features != found.flattened:  # weights alone do not tell 32x64 from 64x32
        if _pooled(found.size, found.kernel_size[:2]) != pooled[:2]:
            differences.append((f"{_by(found.size)} pixels", f"{_by(size)} pixels", f"size={found.size}"))
        if not found.frames_range[0] <= frames <= found.frames_range[1]:
            written = found.frames or sum(found.frames_range) // 2
            differences.append((f"{written} frames", f"{frames} frames", f"frames={written}"))
    if differences:
        written, taken, remedies = zip(*differences, strict=True)
        name, kernel, _ = next(layer for layer in layers if layer[1].ndim == 2)
        raise MicroExpError(
            f"written for {NETWORKS[network].title} with {' and '.join(written)} ({name} kernel {_by(kernel.shape)}), "
            f"but the model takes {' and '.join(taken)}. Build it with {', '.join(remedies)}."
        )


def _finite(name, dataset):
    """Read a dataset as a float32 array; refuse NaN and infinity."""
    with np.errstate(over="ignore"):
        values = dataset[()].astype("float32", copy=False)
    if not np.isfinite(values).all():
        raise MicroExpError(f"{name}: expected finite numbers, found NaN or infinity. Take an earlier checkpoint.")
    return values


def _by(shape):
    return "x".join(str(length) for length in shape) or "a single number"


def _shown(text):
    """Text from a file, shortened and without control characters that could reach a terminal."""
    return text if re.fullmatch(r"[\w./: +-]{1,80}", text, re.ASCII) else ascii(text)[:80]


if __name__ == "__main__":
    sys.exit(main())
