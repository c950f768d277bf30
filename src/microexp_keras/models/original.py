"""The original networks as Keras 2.0.0 saves them: which layer of ours takes whose weights, and of which shapes."""

import functools
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

FILTERS = 32  # of every convolution (Tables I and II)
POOL = 3  # edge of the max-pooling, in pixels and in frames


class Layer(NamedTuple):
    """A layer with weights of an original network, by the name that Keras 2.0.0 gave it."""

    name: str
    ours: str  # the layer of our builder that takes its weights
    inputs: int = 0  # features that a dense layer takes ...
    streams: int = 0  # ... or how many flattened streams of features
    units: int = 0  # of a dense layer; 0: the number of classes


CONVOLUTIONS = (Layer("conv3d_1", "eyes_conv"), Layer("conv3d_2", "mouth_conv"))

LAYERS = {
    "stcnn": (
        Layer("conv3d_1", "conv"),
        Layer("dense_1", "dense_1", streams=1, units=128),
        Layer("dense_2", "dense_2", inputs=128),
    ),
    "intermediate": (
        *CONVOLUTIONS,
        Layer("dense_1", "dense_1", streams=2, units=1024),
        Layer("dense_2", "dense_2", inputs=1024, units=128),
        Layer("dense_3", "dense_3", inputs=128),
    ),
    "late": (
        *CONVOLUTIONS,
        Layer("dense_1", "eyes_dense_1", streams=1, units=1024),
        Layer("dense_3", "mouth_dense_1", streams=1, units=1024),
        Layer("dense_2", "eyes_dense_2", inputs=1024, units=128),
        Layer("dense_4", "mouth_dense_2", inputs=1024, units=128),
        Layer("dense_5", "dense", inputs=256),
    ),
}
"""By network, in the order of the original's files and of our models."""


def kernel_shapes(network: str, kernel_size: Sequence[int], flattened: int, num_classes: int) -> list[tuple[int, ...]]:
    """List the shapes of the kernels of `LAYERS[network]`, from clips that give `flattened` features a stream."""
    return [
        (layer.inputs or layer.streams * flattened, layer.units or num_classes)
        if layer.inputs or layer.streams
        else (*kernel_size, 1, FILTERS)
        for layer in LAYERS[network]
    ]


def pooled_shape(shape: Sequence[int], kernel_size: Sequence[int]) -> tuple[int, ...]:
    """Rows, columns and time steps behind the "valid" convolution and the pooling."""
    return tuple((length - kernel + 1) // POOL for length, kernel in zip(shape, kernel_size, strict=True))


def flattened_features(shape: Sequence[int], kernel_size: Sequence[int]) -> int:
    """Return how many features a stream hands to the dense layers, from clips of (rows, columns, frames)."""
    return FILTERS * math.prod(pooled_shape(shape, kernel_size))


def frames_range_of(flattened: int, size: Sequence[int], kernel_size: Sequence[int]) -> tuple[int, int] | None:
    """First and last number of frames that give `flattened` features at this size; None if no number does."""
    area = FILTERS * math.prod(max(length, 0) for length in pooled_shape(size, kernel_size[:2]))
    if not area or flattened % area:
        return None
    first = POOL * (flattened // area) + kernel_size[2] - 1
    return first, first + POOL - 1


@functools.cache
def keras2_configs() -> dict[str, Any]:
    """Return each network's `model_config` as Keras 2.0.0 writes it, and `training_config`; shared, so copy them."""
    return json.loads(Path(__file__).with_name("original.json").read_text(encoding="utf-8"))


def steps_of(model_config: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """List class and settings of each layer of a `model_config`."""
    config = model_config["config"]
    layers = config if isinstance(config, list) else config["layers"]
    return [(layer["class_name"], layer["config"]) for layer in layers]
