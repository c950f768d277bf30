"""What every method is given to fit on, and how those that are trained step by step do it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras import weights
from microexp_keras.backend import import_keras
from microexp_keras.preprocessing import Samples, Statistics
from microexp_keras.protocols import Fold, Protocol
from microexp_keras.training.history import FoldResult

if TYPE_CHECKING:
    import keras

    from microexp_keras.training.loop import Inputs


@dataclass(frozen=True, kw_only=True)
class Job:
    """A fold to fit a method on and to predict; `Method.fit` takes it."""

    samples: Samples
    fold: Fold
    protocol: Protocol
    statistics: Mapping[str, Statistics]  # by which each input is standardised; {} where it is, or the method does it
    folder: Path  # gets the files
    seed: int
    metadata: Mapping[str, Any]  # of JSON's types, for the files
    start: tuple[str, str | None] | None = None  # weights to start from, and their data format
    precision: str = "float32"
    tensorboard: bool = False
    progress: bool = True
    wanted: Callable[[], bool] | None = None  # see `training.fit`

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return self.protocol.database.num_classes


def train(
    job: Job, model: "keras.Model", inputs: "Inputs", labels: np.ndarray, fold: Fold, metadata: Mapping[str, Any]
) -> FoldResult:
    """Train a network by the job's protocol, or resume it, and predict the fold's test clips by the best epoch."""
    keras = import_keras()
    from microexp_keras import training

    protocol = job.protocol
    training.compile_model(model, protocol.learning_rate, protocol.momentum, protocol.probability_floor)
    result = training.fit(
        model,
        inputs,
        labels,
        fold,
        job.folder,
        protocol,
        job.seed,
        metadata,
        [keras.callbacks.TensorBoard(job.folder / "tensorboard")] if job.tensorboard else [],
        job.progress,
        job.wanted,
    )
    weights.load_layers(model, result.best_path)
    return replace(result, model=model, probabilities=training.predict(model, inputs, fold.test))
