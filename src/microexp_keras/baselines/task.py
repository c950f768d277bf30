"""What a rival method is given for a fold, and what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras.preprocessing import Samples
from microexp_keras.protocols import Fold, Protocol
from microexp_keras.training.history import Outcome


@dataclass(frozen=True, kw_only=True)
class Task:
    """A fold to learn from and to score.

    Attributes
    ----------
    samples : preprocessing.Samples
        With uint8 gray stacks `face`.
    fold : protocols.Fold
    protocol : protocols.Protocol
    folder : Path
        Gets the files.
    seed : int
    metadata : dict
        Of JSON's types, for the files.
    keep_all, progress : bool
        As for `training.fit`.
    callbacks : tuple of keras.callbacks.Callback
    """

    samples: Samples
    fold: Fold
    protocol: Protocol
    folder: Path
    seed: int
    metadata: Mapping[str, Any]
    keep_all: bool = False
    callbacks: tuple[Any, ...] = ()
    progress: bool = True


@dataclass(frozen=True)
class Learned:
    """How a fold ended.

    Attributes
    ----------
    outcome : training.Outcome
    probabilities : float array (scored clips, classes)
    more : dict
        Of JSON's types, for result.json: `chosen`, what was chosen on training subjects, and `images`, how many single
        images were called right of how many, where a method knows them.
    """

    outcome: Outcome
    probabilities: np.ndarray
    more: dict[str, Any] = field(default_factory=dict)


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
    """Describe every clip by itself, so that nothing is learned; what came out last is kept for the next fold.

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
