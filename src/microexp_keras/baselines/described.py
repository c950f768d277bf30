"""Descriptors of clips that the folds of a run share."""

from collections.abc import Callable
from typing import Any

import numpy as np

from microexp_keras.preprocessing import Samples

_described: dict[tuple[Any, ...], np.ndarray] = {}


def described(samples: Samples, key: tuple[Any, ...], describe: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Describe each clip, uint8 (rows, columns, time), by an array; the last result is kept for other folds.

    `key` tells this description from others of the same clips.
    """
    key = (samples.fingerprint, *key)
    if key not in _described:
        stacks = samples.stacks["face"]
        found = np.stack([describe(stacks[position]) for position in range(len(stacks))])
        _described.clear()
        _described[key] = found
    return _described[key]
