"""Read and write weights files (.h5, .hdf5) of Keras 2.0.0 and Keras 3; what is in them is not trusted."""

from microexp_keras.weights.identify import WeightsFile, inspect
from microexp_keras.weights.store import (
    load_layers,
    load_model,
    load_weights,
    read_arrays,
    read_metadata,
    save_arrays,
    save_keras2_hdf5,
    save_weights,
)

__all__ = [
    "WeightsFile",
    "inspect",
    "load_layers",
    "load_model",
    "load_weights",
    "read_arrays",
    "read_metadata",
    "save_arrays",
    "save_keras2_hdf5",
    "save_weights",
]
