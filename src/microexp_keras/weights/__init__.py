"""Weights files (.h5, .hdf5) of Keras 2.0.0 and Keras 3 in and out, read without trusting what is in them."""

from microexp_keras.weights.api import inspect, load_model, load_weights, save_weights
from microexp_keras.weights.keras2_writer import save_keras2_hdf5
from microexp_keras.weights.reader import WeightsFile

__all__ = ["WeightsFile", "inspect", "load_model", "load_weights", "save_keras2_hdf5", "save_weights"]
