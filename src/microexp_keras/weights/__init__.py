"""Read and write weights files (.h5, .hdf5) of Keras 2.0.0 and Keras 3; what is in them is not trusted."""

import argparse

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
    "add_data_format",
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


def add_data_format(parser: argparse._ActionsContainer) -> None:
    """Add --data-format, the option of every command that loads weights."""
    parser.add_argument(
        "--data-format",
        choices=["channels_first", "channels_last"],
        help="of the model that wrote --weights, where they do not say (default: channels_first before Keras 2.2)",
    )
