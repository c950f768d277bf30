"""From an opened weights file to its network and the arrays of each layer, before any array is read."""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from microexp_keras.errors import MicroExpError
from microexp_keras.hdf5 import Contents, StoredArray, shown
from microexp_keras.models.networks import NETWORKS, RIVALS
from microexp_keras.weights import checksums
from microexp_keras.weights.layers import by_shape, frames_range_of, weighted_layers
from microexp_keras.weights.model_config import config_facts

NamedWeights = tuple[str, StoredArray, StoredArray]
"""Name, kernel and bias of a layer."""


@dataclass(frozen=True)
class WeightsFile:
    """What a weights file is; see `inspect`.

    `frames` and `size` (rows, columns) are exact when the file has a `model_config` (`exact`). Otherwise they are the
    paper's that agree with the weights, or None. Every frame count in `frames_range` fits the same weights: the
    pooling discards the rest. `dense_row_order` is the flatten order of the file: "channels_first" or
    "channels_last". `checksums` counts the arrays that have one, None in files of others and older ones of ours.
    `metadata` is what `save_weights` was given to write, {} in files of others.
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
    checksums: int | None
    metadata: dict[str, Any]


class Examined(NamedTuple):
    """What is in a weights file; no array is read yet.

    Attributes
    ----------
    file : WeightsFile
    layers : list of (name, kernel, bias)
        In our order.
    arrays : dict of str to StoredArray
        All of them by path.
    checksums : dict of str to int, or None
        By path.
    """

    file: WeightsFile
    layers: list[NamedWeights]
    arrays: dict[str, StoredArray]
    checksums: dict[str, int] | None


def examined(
    contents: Contents, path: str | Path, data_format: str | None = None, model_size: tuple[int, ...] | None = None
) -> Examined:
    """Identify the network that a file's contents belong to; raise if it is none of ours."""
    said, groups, arrays = checksums.read(contents), contents.groups, contents.arrays
    metadata = metadata_of(contents)
    if other := RIVALS.get(str(metadata.get("model"))):
        raise MicroExpError(
            "what was learned",
            "by one of the paper's three networks",
            f"by {other.title}",
            "Score clips with it: python -m microexp_keras.evaluate --weights FILE --data PATH",
        )
    root = "model_weights" if "model_weights" in groups else ""
    versions = contents.texts("", "keras_version") or contents.texts(root, "keras_version")
    version = versions[0] if versions else None
    if version and not re.fullmatch(r"[0-9A-Za-z.+-]{1,40}", version):
        raise MicroExpError(
            "keras_version",
            "one such as 2.0.0",
            str(shown(version)),
        )
    if contents.texts("", "backend") == ["theano"]:
        raise MicroExpError(
            "backend", found="Theano, which mirrors convolution kernels", remedy="Save it again on TensorFlow."
        )
    modern = "layers" in groups and not root
    stored = keras3_layers(contents) if modern else keras2_layers(contents, root)
    major = 3 if modern or (version or "").startswith("3.") else 2
    network, layers, flattened = recognised(stored)
    shapes = [kernel.shape for _, kernel, _ in layers]
    (height, width, duration, *_), num_classes = shapes[0], shapes[-1][1]
    kernel_size = (height, width, duration)
    size: tuple[int, ...] | None
    frames: int | None
    if config := contents.texts("", "model_config"):
        order, (rows, columns, frames) = config_facts(config[0], network)
        size = (rows, columns)
        frames_range = frames_range_of(flattened, size, kernel_size)
        if not frames_range or not frames_range[0] <= frames <= frames_range[1]:
            raise MicroExpError(
                "model_config", f"clips that give {flattened} features", f"clips of {by_shape((*size, frames))}"
            )
        if data_format not in (None, order):
            raise MicroExpError("data_format", f"{order}, as model_config says", repr(data_format), "Leave it out.")
    else:
        old = major == 2 and version and re.match(r"2\.[01]\.|1\.", version) and not version.endswith("-tf")
        order = data_format or ("channels_first" if old else "channels_last")
        sizes = [*([model_size] if model_size else []), (NETWORKS[network].size,) * 2]
        size = next((size for size in sizes if frames_range_of(flattened, size, kernel_size)), None)
        frames_range = frames_range_of(flattened, size, kernel_size) if size else None
        frames = next((n for n in (18, 96) if frames_range and frames_range[0] <= n <= frames_range[1]), None)
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
        size=(size[0], size[1]) if size else None,
        exact=bool(config),
        dense_row_order=order,
        parameters=sum(math.prod(shape) + shape[-1] for shape in shapes),
        optimizer=any(name.startswith(("optimizer/", "optimizer_weights/")) for name in arrays),
        checksums=len(said) - 1 if said else None,
        metadata=metadata,
    )
    return Examined(found, layers, arrays, said)


def metadata_of(contents: Contents) -> dict[str, Any]:
    """Return the dictionary that `save_weights` wrote, {} if there is none."""
    text = (contents.texts("", "microexp_keras") or ["{}"])[0]
    try:
        metadata = json.loads(text, parse_constant=_refuse)  # NaN and Infinity are no JSON
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        raise MicroExpError(
            "attribute microexp_keras",
            "a JSON object",
            str(shown(text)),
        )
    return metadata


def _refuse(name: str) -> None:
    raise ValueError(name)


def keras2_layers(contents: Contents, root: str) -> list[tuple[str, list[StoredArray]]]:
    """List `(name, [arrays])` of the layers with weights, in the order of the attribute `layer_names`."""
    layers, arrays = [], contents.arrays
    unread = {path for path in arrays if not path.startswith("optimizer_weights/")}
    names = contents.texts(root, "layer_names")
    if not names:
        raise MicroExpError("structure", "the weights of a Keras model (layer_names or layers)", "none")
    for name in names:
        path = f"{root}/{name}".lstrip("/")
        if "/" in name or path not in contents.groups:
            raise MicroExpError(f"layer {shown(name)}", "a group, as layer_names says", "none")
        paths = [f"{path}/{weight}" for weight in contents.texts(path, "weight_names")]
        for weight in paths:
            if weight not in unread:
                raise MicroExpError(shown(weight), "one array, as weight_names says", "none, or named twice")
            unread.remove(weight)
        if paths:
            layers.append((name, [arrays[weight] for weight in paths]))
    if unread:
        raise MicroExpError(shown(min(unread)), "no array that layer_names and weight_names do not name")
    return layers


def keras3_layers(contents: Contents) -> list[tuple[str, list[StoredArray]]]:
    """List `(name, [arrays])` of the layers with weights in a `.weights.h5` file, as far as possible in its order.

    Keras numbers the groups by class in the order of the model (conv3d, conv3d_1, dense, ...) and keeps the layer's
    own name in an attribute.
    """
    found: dict[str, dict[str, StoredArray]] = {}
    for path, item in contents.arrays.items():
        if path.startswith("optimizer/") or "/seed_generator/" in path:
            continue
        match = re.fullmatch(r"layers/([^/]+)/vars/([01])", path)
        if not match:
            raise MicroExpError(shown(path), "only layers/NAME/vars/0 (kernel) and /1 (bias)")
        found.setdefault(match[1], {})[match[2]] = item

    def order(group: str) -> tuple[int, str, int]:  # convolutions first, then by name and number
        match = re.fullmatch(r"(.*?)(?:_(\d{1,9}))?", group, re.DOTALL)
        stem, number = match.groups() if match else (group, None)
        return -max(item.ndim for item in found[group].values()), stem, int(number or 0)

    layers = []
    for group in sorted(found, key=order):
        name = contents.texts(f"layers/{group}/vars", "name") or [group]
        layers.append((name[0], [found[group][index] for index in sorted(found[group])]))
    return layers


def recognised(layers: list[tuple[str, list[StoredArray]]]) -> tuple[str, list[NamedWeights], int]:
    """Return `(network, [(name, kernel, bias), ...], features a stream)`, in our order by name, else as they stand."""
    for name, data in layers:
        if len(data) != 2 or any(item.dtype.kind != "f" or item.dtype.itemsize > 8 for item in data):
            found = ", ".join(f"{by_shape(item.shape)} {item.dtype}" for item in data)
            raise MicroExpError(
                f"layer {shown(name)}",
                "a kernel and a bias of floats",
                found,
            )
    for network in NETWORKS:
        plan = weighted_layers(network, (0, 0, 0), 0, 0)
        ours = [str(layer.ours) for layer, _, _ in plan]
        if sorted(ours) == sorted(name for name, _ in layers):
            layers = sorted(layers, key=lambda layer: ours.index(layer[0]))
        if [len(shape) for _, shape, _ in plan] == [kernel.ndim for _, (kernel, _) in layers]:
            break
    else:
        found = ", ".join(f"{shown(name)} {by_shape(kernel.shape)}" for name, (kernel, _) in layers[:12])
        raise MicroExpError(
            "layers",
            "1 convolution and 2 dense layers (stcnn), 2 and 3 (intermediate) or 2 and 5 (late)",
            f"{len(layers)} layers with weights: {found or 'none'}",
        )
    named = [(shown(name), kernel, bias) for name, (kernel, bias) in layers]
    place = next(i for i, (_, _, streams) in enumerate(plan) if streams)
    flattened = named[place][1].shape[0] // plan[place][2]
    plan = weighted_layers(network, named[0][1].shape[:3], flattened, named[-1][1].shape[1])
    for (name, kernel, bias), (_, expected, _) in zip(named, plan, strict=True):
        for part, stored, shape in (("kernel", kernel, expected), ("bias", bias, expected[-1:])):
            if stored.shape != shape or 0 in shape:
                raise MicroExpError(
                    f"{name} {part}",
                    str(by_shape(shape)),
                    str(by_shape(stored.shape)),
                )
    return network, named, flattened
