"""From an opened weights file to its network and the arrays of each layer, before any number is read."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import NETWORKS, RIVALS
from microexp_keras.models.original import LAYERS, frames_range_of, keras2_configs, kernel_shapes, steps_of
from microexp_keras.text import by
from microexp_keras.weights.hdf5 import Contents, opened

Layers = list[tuple[str, list[np.ndarray]]]
"""Name and arrays of each layer with weights, the kernel before the bias."""


@dataclass(frozen=True)
class WeightsFile:
    """What a weights file is; see `inspect`.

    `frames` and `size` (rows, columns) are exact when the file has a `model_config` (`exact`). Otherwise they are the
    paper's that agree with the weights, or None. Every frame count in `frames_range` fits the same weights: the
    pooling discards the rest. `dense_row_order` is the flatten order of the file: "channels_first" or
    "channels_last"; where it does not say so, `assumption` is a sentence on what is assumed, else "". `metadata` is
    what `save_weights` was given to write, {} in files of others.
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
    assumption: str
    parameters: int
    metadata: dict[str, Any]

    @property
    def recipe(self) -> str:
        """How a model is built that takes these weights."""
        clip = f"frames={self.frames}, size={self.size}" if self.frames else "frames=?, size=?"
        settings = f"{clip}, num_classes={self.num_classes}, kernel_size={self.kernel_size}"
        return f"models.{NETWORKS[self.network].builder}({settings})"


def inspect(path: str | Path) -> WeightsFile:
    """Say what a weights file is, reading only its structure; no array and no Keras is loaded.

    Parameters
    ----------
    path : str or Path
        A .h5 or .hdf5 file written by Keras 2 or Keras 3, whole model or weights only; the name does not matter.

    Raises
    ------
    MicroExpError
        If it is not such a file, or holds anything that is not the weights of one of the three networks.
    """
    with opened(path) as contents:
        return identify(contents, path)[0]


def identify(contents: Contents, path: str | Path) -> tuple[WeightsFile, Layers]:
    """Return what a file is, and its layers in our order; raise if it is none of our networks."""
    metadata = metadata_of(contents)
    if other := RIVALS.get(str(metadata.get("model"))):
        remedy = "Score clips with it: python -m microexp_keras.evaluate --weights FILE --data PATH"
        raise MicroExpError(path, f"{other.title} learned this, none of the three networks", remedy)
    if contents.texts("", "backend") == ["theano"]:
        found = "was written on Theano, which mirrors convolution kernels"
        raise MicroExpError(path, found, "Save it again on TensorFlow.")
    network, layers, flattened = _recognised(stored_layers(contents))
    shapes = [kernel.shape for _, (kernel, _) in layers]
    kernel_size = shapes[0][:3]

    whole, numbered, with_metrics = (name in contents.groups for name in ("model_weights", "layers", "metrics"))
    version = next(iter(contents.texts("model_weights" if whole else "", "keras_version")), "")
    keras_3 = version.startswith("3.") or (numbered and not with_metrics)  # Keras 2.15 writes both
    config = contents.texts("", "model_config")
    if config:
        order, size, frames = _config_facts(config[0], network)
    else:
        old = version.startswith(("1.", "2.0.", "2.1.")) and not version.endswith("-tf")
        order = "channels_first" if old else "channels_last"
        size, frames = (NETWORKS[network].size,) * 2, 0
    frames_range = frames_range_of(flattened, size, kernel_size)
    first, last = frames_range or (0, -1)
    if not config:
        frames = next((paper for paper in (18, 96) if first <= paper <= last), 0)
    elif not first <= frames <= last:
        raise MicroExpError("model_config", f"clips of {by((*size, frames))} do not give {flattened} features")
    assumed = (
        f"{Path(path).name} holds weights only and does not say in which order its model flattens: {order} is "
        "assumed. If that is wrong, its predictions here are wrong: save the whole model (model.save), which says it."
    )
    file = WeightsFile(
        path=str(path),
        kind=f"Keras {3 if keras_3 else 2} {'whole model' if whole else 'weights'}",
        keras_version=version or None,
        network=network,
        kernel_size=kernel_size,
        num_classes=shapes[-1][1],
        flattened=flattened,
        frames=frames or None,
        frames_range=frames_range,
        size=size if frames_range else None,
        exact=bool(config),
        dense_row_order=order,
        assumption="" if config or "microexp_keras" in contents.groups[""] else assumed,
        parameters=sum(math.prod(shape) + shape[-1] for shape in shapes),
        metadata=metadata,
    )
    return file, layers


def metadata_of(contents: Contents) -> dict[str, Any]:
    """Return the dictionary that `save_weights` wrote, {} if there is none."""
    text = (contents.texts("", "microexp_keras") or ["{}"])[0]
    try:
        return dict(json.loads(text).items())
    except (ValueError, AttributeError, RecursionError):
        raise MicroExpError("attribute microexp_keras", f"no JSON object: {text:.160}") from None


def stored_layers(contents: Contents) -> Layers:
    """List the layers with weights; in the order of `layer_names`, else convolutions first, then by their numbers.

    Keras 2 has them at `[model_weights/]LAYER/.../kernel:0`, a `.weights.h5` at `layers/CLASS_NUMBER/vars/0`, where
    Keras 3 adds the layer's own name as an attribute.
    """
    holder = next((name for name in ("model_weights", "layers") if name in contents.groups), "")
    names = contents.texts(holder, "layer_names")
    if not names and holder != "layers":
        raise MicroExpError("structure", "no weights of a Keras model: neither layer_names nor layers")
    groups: dict[str, list[np.ndarray]] = {}
    for path, array in contents.arrays.items():
        if not path.startswith(("optimizer", "metrics/")) and "/seed_generator/" not in path:
            groups.setdefault(path.rpartition("/")[0], []).append(array)
    places = {group: group.removeprefix(holder).lstrip("/").partition("/")[0] for group in groups}
    if names and {*places.values()} - {*names}:
        raise MicroExpError("layer_names", f"does not name all layers: {', '.join(places.values()):.160}")

    def order(group: str) -> tuple[int, str, int]:
        if names:
            return names.index(places[group]), "", 0
        stem, _, number = places[group].rpartition("_")
        return -max(array.ndim for array in groups[group]), stem, int(number) if number.isdecimal() else -1

    return [
        ((contents.texts(group, "name") or [places[group]])[0], sorted(groups[group], key=lambda array: -array.ndim))
        for group in sorted(groups, key=order)
    ]


def _recognised(stored: Layers) -> tuple[str, Layers, int]:
    """Return the network that has such layers, these in our order by name, and the features of a stream."""
    for name, arrays in stored:
        if len(arrays) != 2 or any(array.dtype.kind != "f" or array.dtype.itemsize > 8 for array in arrays):
            found = ", ".join(f"{by(array.shape)} {array.dtype}" for array in arrays)
            raise MicroExpError(f"layer {name:.160}", f"not a kernel and a bias of floats, but {found:.160}")
    network = next((name for name, layers in LAYERS.items() if len(layers) == len(stored)), None)
    if network is None:
        found = ", ".join(f"{name} {by(kernel.shape)}" for name, (kernel, _) in stored)
        said = "the networks have 1 convolution and 2 dense layers (stcnn), 2 and 3 (intermediate) or 2 and 5 (late)"
        raise MicroExpError("layers", f"{said}, found {len(stored)} layers with weights: {found or 'none':.160}")
    layers = LAYERS[network]
    ours = [layer.ours for layer in layers]
    if sorted(ours) == sorted(name for name, _ in stored):
        stored = sorted(stored, key=lambda layer: ours.index(layer[0]))
    kernels = [kernel.shape for _, (kernel, _) in stored]
    flattened = next(shape[0] // layer.streams for layer, shape in zip(layers, kernels, strict=True) if layer.streams)
    expected = kernel_shapes(network, kernels[0][:3], flattened, kernels[-1][1])
    for (name, arrays), shape in zip(stored, expected, strict=True):
        for part, array, wanted in zip(("kernel", "bias"), arrays, (shape, shape[-1:]), strict=True):
            if array.shape != wanted or 0 in wanted:
                found = f"its shape is {by(array.shape)} instead of {by(wanted)}"
                raise MicroExpError(f"{name:.160} {part}", found)
    return network, stored, flattened


OUR_CLASSES = {"ReLU": "relu", "Softmax": "softmax", "Cropping3D": "linear", "InputLayer": "linear"}
"""Activations of the layers that our builders use beside the original's."""


def _config_facts(text: str, network: str) -> tuple[str, tuple[int, int], int]:
    """Return flatten order, rows and columns, and frames of a `model_config` if it is our network."""
    try:
        steps = steps_of(json.loads(text))
        _require_same_mathematics(steps, network)
        (channels,) = {settings["data_format"] for name, settings in steps if name in ("Conv3D", "MaxPooling3D")}
        keys = ("batch_input_shape", "batch_shape")
        ((_, *shape),) = {tuple(settings[key]) for _, settings in steps for key in keys if key in settings}
        if shape.pop(0 if channels == "channels_first" else -1) != 1 or not all(0 < n < 10**5 for n in shape):
            raise ValueError(f"input shape {shape}")
        rows, columns, frames = shape
        # Since Keras 2.2 a flatten that is told channels first moves the channels to the end itself.
        moved = {"channels_first"} == {settings.get("data_format") for name, settings in steps if name == "Flatten"}
        return ("channels_last" if moved else channels), (rows, columns), frames
    except MicroExpError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise MicroExpError("model_config", f"cannot be understood ({error!s:.160})") from error


def _require_same_mathematics(steps: list[tuple[str, dict[str, Any]]], network: str) -> None:
    """Raise if layers `(class, settings)` would make other predictions of the same weights."""
    original = dict(steps_of(keras2_configs()[network]))
    for name, settings in steps:
        if name not in original and name not in OUR_CLASSES:
            raise MicroExpError("model_config", f"this network has no layer {name!s:.160}")
        for key in {"strides", "padding", "dilation_rate", "pool_size"} & original.get(name, {}).keys():
            if settings.get(key) != original[name][key]:
                found = f"{settings.get(key)!s:.160} instead of {original[name][key]}"
                raise MicroExpError(f"model_config: {name} {key}", found)
    activations = [OUR_CLASSES.get(name) or settings.get("activation", "linear") for name, settings in steps]
    flatten = max(place for place, (name, _) in enumerate(steps) if name == "Flatten")
    streams, head = set(activations[:flatten]) - {"linear"}, [*filter("linear".__ne__, activations[flatten:])]
    if streams != {"relu"} or head != ["relu", "softmax"][network != "stcnn" :]:
        found = f"other activations: {streams} before the flatten, {head} behind it"
        raise MicroExpError("model_config", f"{found:.300}")
