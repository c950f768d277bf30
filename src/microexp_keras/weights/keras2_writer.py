"""From a model of this package to a file as Keras 2.0.0 writes the original: its layers and names, channels first."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from microexp_keras.models.networks import FILTERS, NETWORKS
from microexp_keras.weights import checksums
from microexp_keras.weights.layers import model_facts, pooled_shape, weighted_layers
from microexp_keras.weights.model_config import SETTINGS

if TYPE_CHECKING:
    import keras

_TRAINING_CONFIG = {  # how the original programs compile: 'SGD' of Keras 2.0.0
    "optimizer_config": {"class_name": "SGD", "config": {"lr": 0.01, "momentum": 0.0, "decay": 0.0, "nesterov": False}},
    "loss": "categorical_crossentropy",
    "metrics": ["accuracy"],
    "sample_weight_mode": None,
    "loss_weights": None,
}


def save_keras2_hdf5(model: "keras.Model", path: str | Path, whole_model: bool = True) -> None:
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
    model_facts(model)  # refuses other models before a file is made
    with checksums.written(path) as memory:
        _write(model, memory, whole_model)


def _write(model: "keras.Model", memory: BinaryIO, whole_model: bool) -> None:
    import h5py

    network, kernel_size, num_classes, shape = model_facts(model)
    pooled = pooled_shape(shape, kernel_size)
    plan = weighted_layers(network, kernel_size, FILTERS * math.prod(pooled), num_classes)
    streams_of = {layer.name: streams for layer, _, streams in plan}
    with h5py.File(memory, "w") as file:
        # Bytes, not str: h5py then marks them ASCII, and only then does the h5py of that time give what Keras decodes.
        written_by = {"backend": b"tensorflow", "keras_version": b"2.0.0"}
        root = file.create_group("model_weights") if whole_model else file
        root.attrs.update(written_by)
        if whole_model:
            config = _keras2_config(network, kernel_size, num_classes, shape)
            file.attrs.update(written_by)
            file.attrs["model_config"] = json.dumps(config).encode("ascii")
            file.attrs["training_config"] = json.dumps(_TRAINING_CONFIG).encode("ascii")
        root.attrs["layer_names"] = np.array(
            [layer.name.encode("ascii") for layer in NETWORKS[network].original_layers]
        )
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


def _keras2_config(network: str, kernel_size: Sequence[int], num_classes: int, shape: Sequence[int]) -> dict[str, Any]:
    """Return the `model_config` of the original network for clips of (rows, columns, frames)."""
    uniform = {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}
    conv_init: dict[str, Any] = {"class_name": "VarianceScaling", "config": uniform}
    dense_init = conv_init
    if network == "stcnn":
        dense_init = {"class_name": "RandomNormal", "config": {"mean": 0.0, "stddev": 0.05, "seed": None}}
    weighted: dict[str, Any] = dict.fromkeys(f"{part}_regularizer" for part in ("kernel", "bias", "activity"))
    weighted |= {"kernel_constraint": None, "bias_constraint": None, "use_bias": True}
    weighted["bias_initializer"] = {"class_name": "Zeros", "config": {}}
    batch: dict[str, Any] = {"batch_input_shape": [None, 1, *shape], "dtype": "float32"}
    first: dict[str, Any] = {"data_format": "channels_first"}
    special: dict[str, dict[str, Any]] = {
        "InputLayer": batch,
        "Conv3D": {"kernel_size": list(kernel_size), "kernel_initializer": conv_init, **first, **weighted},
        "MaxPooling3D": first,
        "Dense": {"kernel_initializer": dense_init, **weighted},
    }
    layers: list[dict[str, Any]] = []
    for layer in NETWORKS[network].original_layers:
        config = {"name": layer.name, **SETTINGS.get(layer.kind, {}), **special.get(layer.kind, {})}
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
