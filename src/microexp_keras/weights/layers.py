"""From a network and clip sizes to the layers that have weights, with their shapes."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import FILTERS, NETWORKS, POOL, Layer
from microexp_keras.text import by

if TYPE_CHECKING:
    import keras


class ModelFacts(NamedTuple):
    """What determines whether weights fit a model.

    Attributes
    ----------
    network : str
        Name of the network.
    kernel_size : tuple of int
        Rows, columns and frames of the convolution kernels.
    num_classes : int
    shape : tuple of int
        Rows, columns and frames of an input.
    """

    network: str
    kernel_size: tuple[int, ...]
    num_classes: int
    shape: tuple[int, ...]


def weighted_layers(
    network: str, kernel_size: Sequence[int], flattened: int, num_classes: int
) -> list[tuple[Layer, tuple[int, ...], int]]:
    """List `(layer, kernel shape, streams)` of the layers with weights; `streams` flattened streams make its rows."""
    rows: list[tuple[Layer, tuple[int, ...], int]] = []
    width: dict[str, int] = {}
    streams: dict[str, int] = {}
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


def flattened_features(shape: Sequence[int], kernel_size: Sequence[int]) -> int:
    """Return how many features a stream hands to the dense layers, from clips of (rows, columns, frames)."""
    return FILTERS * math.prod(pooled_shape(shape, kernel_size))


def pooled_shape(shape: Sequence[int], kernel_size: Sequence[int]) -> tuple[int, ...]:
    """Rows, columns and time steps behind the "valid" convolution and the pooling."""
    return tuple((length - kernel + 1) // POOL for length, kernel in zip(shape, kernel_size, strict=True))


def frames_range_of(flattened: int, size: Sequence[int], kernel_size: Sequence[int]) -> tuple[int, int] | None:
    """First and last number of frames that give `flattened` features at this size; None if no number does."""
    area = FILTERS * math.prod(max(length, 0) for length in pooled_shape(size, kernel_size[:2]))
    if not area or flattened % area:
        return None
    first = POOL * (flattened // area) + kernel_size[2] - 1
    return first, first + POOL - 1


def model_facts(model: "keras.Model") -> ModelFacts:
    """Network, kernel size, classes and (rows, columns, frames) of one of our models."""
    names = [layer.name for layer in model.layers if layer.weights]
    for network in NETWORKS:
        if set(names) == {layer.ours for layer in NETWORKS[network].original_layers if layer.ours}:
            kernel_size = model.get_layer(names[0]).kernel_size
            shape = tuple(model.inputs[0].shape[1:4])
            return ModelFacts(network, tuple(kernel_size), model.output_shape[-1], shape)
    raise MicroExpError(
        "model",
        "one built by microexp_keras.models",
        f"one with the layers {', '.join(names) or 'none'}",
    )


def by_shape(shape: Sequence[int]) -> str:
    return by(shape) or "a single number"
