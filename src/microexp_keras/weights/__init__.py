"""Read and write weights files (.h5, .hdf5) of Keras 2.0.0 and Keras 3; what is in them is not trusted."""

import importlib
from typing import TYPE_CHECKING, Any

from microexp_keras.weights.api import inspect, load_model, load_weights, save_weights
from microexp_keras.weights.keras2_writer import save_keras2_hdf5
from microexp_keras.weights.learned import load_layers, read_arrays, read_metadata, save_arrays
from microexp_keras.weights.reader import WeightsFile

if TYPE_CHECKING:
    from microexp_keras.weights.__main__ import main

__all__ = [
    "WeightsFile",
    "inspect",
    "load_layers",
    "load_model",
    "load_weights",
    "main",
    "read_arrays",
    "read_metadata",
    "save_arrays",
    "save_keras2_hdf5",
    "save_weights",
]


def __getattr__(name: str) -> Any:  # the command stays unread until it is run, so that `python -m` reads it once
    if name == "main":
        return importlib.import_module(f"{__name__}.__main__").main
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
