"""A rival method, and descriptors of clips that its folds share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras.preprocessing import Samples
from microexp_keras.training.task import Learned, Task


@dataclass(frozen=True)
class Rival:
    """A rival method.

    Attributes
    ----------
    parameters : dataclass of `parameters`
        Its settings, each with whose it is.
    fit : callable
        `fit(task) -> Learned`.
    predict : callable
        `predict(path, samples, positions) -> float array (positions, classes)`, with the file that `fit` wrote.
    """

    parameters: Any
    fit: Callable[[Task], Learned]
    predict: Callable[[str | Path, Samples, np.ndarray], np.ndarray]


_described: dict[tuple[Any, ...], np.ndarray] = {}


def described(samples: Samples, key: tuple[Any, ...], describe: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return descriptors that are computed clip by clip, nothing learned; the last result is kept for other folds.

    Parameters
    ----------
    samples : preprocessing.Samples
    key : tuple
        What tells this description from others of the same clips.
    describe : callable
        From a clip, uint8 array (rows, columns, time), to an array.

    Returns
    -------
    array (clips, ...)
    """
    key = (samples.fingerprint, *key)
    if key not in _described:
        stacks = samples.stacks["face"]
        found = np.stack([describe(stacks[position]) for position in range(len(stacks))])
        _described.clear()
        _described[key] = found
    return _described[key]
