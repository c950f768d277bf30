"""Weights files (.h5, .hdf5) of Keras 2.0.0 and Keras 3 in and out, read without trusting what is in them."""

from microexp_keras.weights.api import WeightsFile, inspect, load_weights, main, save_keras2_hdf5, save_weights

__all__ = ["WeightsFile", "inspect", "load_weights", "main", "save_keras2_hdf5", "save_weights"]
