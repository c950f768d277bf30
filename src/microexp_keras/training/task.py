"""Input and output of training one fold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras.preprocessing import Samples
from microexp_keras.protocols import Fold, Protocol
from microexp_keras.training.history import Outcome

if TYPE_CHECKING:
    import keras

    from microexp_keras.training.batches import Inputs


@dataclass(frozen=True, kw_only=True)
class Task:
    """A fold to train on and to score.

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


def train(
    task: Task, model: "keras.Model", inputs: "Inputs", labels: np.ndarray, fold: Fold, metadata: Mapping[str, Any]
) -> Outcome:
    """Train a network by the task's protocol, or resume it; see `training.fit` for the parameters."""
    from microexp_keras import training

    protocol = task.protocol
    training.compile_model(model, protocol.learning_rate, protocol.momentum, protocol.probability_floor)
    return training.fit(
        model,
        inputs,
        labels,
        fold,
        task.folder,
        protocol,
        task.seed,
        dict(metadata),
        task.keep_all,
        task.callbacks,
        task.progress,
    )
