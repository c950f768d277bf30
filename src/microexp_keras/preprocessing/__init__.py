"""From clips to uint8 stacks of gray frames to standardised float32, pixel for pixel as the original programs."""

from microexp_keras.preprocessing.samples import Samples, arrange, folds, load_arrays, load_samples, remarks
from microexp_keras.preprocessing.stacks import face_stacks, gray, region_stacks
from microexp_keras.preprocessing.standardization import (
    StandardizedInput,
    Statistics,
    measure,
    network_inputs,
    standardize,
)

__all__ = [
    "Samples",
    "StandardizedInput",
    "Statistics",
    "arrange",
    "face_stacks",
    "folds",
    "gray",
    "load_arrays",
    "load_samples",
    "measure",
    "network_inputs",
    "region_stacks",
    "remarks",
    "standardize",
]
