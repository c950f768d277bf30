"""What every method is given to fit on; how networks are trained on it, and those of the paper asked for classes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras import preprocessing, weights
from microexp_keras.backend import in_float32
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import NETWORKS, get_method
from microexp_keras.preprocessing import Samples, Statistics, original_npy
from microexp_keras.preprocessing.standardization import Inputs
from microexp_keras.protocols import Fold, Protocol
from microexp_keras.training.history import STATE, FoldResult


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
    start: str | None = None  # weights to start from
    progress: bool = True
    wanted: Callable[[], bool] = lambda: True  # asked before each epoch: if it says no, training ends with an error

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return self.protocol.database.num_classes

    def network_inputs(self) -> Inputs:
        """Standardise what a network sees, of all clips."""
        return preprocessing.network_inputs(self.samples.stacks, self.statistics)[0]

    def require_wanted(self, epoch: int, logs: Any = None) -> None:
        """Raise if nobody waits for it any longer; called by Keras before each epoch."""
        if not self.wanted():
            raise MicroExpError(f"stopped before epoch {epoch}: the run was cancelled")


def fit(job: Job) -> FoldResult:
    """Train one of the paper's networks on a fold, or resume it, and predict the test clips; see `models.Method`."""
    from microexp_keras import training

    protocol, labels = job.protocol, job.samples.labels
    network = NETWORKS[protocol.model]
    inputs = job.network_inputs()
    if not protocol.unseen_subjects:  # as the original programs do, of which each has one fold
        origin = {name: job.metadata[name] for name in ("synthetic", "dataset", "data_fingerprint")}
        seen = protocol.training_inputs(inputs)
        original_npy.write_validation(job.folder, network, seen, labels, job.num_classes, job.fold.held_out, origin)
    _, rows, columns, frames, _ = inputs[protocol.inputs[0]].shape
    with in_float32():
        model = network.build(
            frames, (rows, columns), job.num_classes, protocol.kernel_size, protocol.conv_initializer, job.seed
        )
    if job.start and not (job.folder / STATE).exists():
        weights.load_weights(model, job.start)
    return replace(training.fit(job, model, inputs, labels, job.fold, job.metadata), model=model)


def predict(file: weights.WeightsFile, samples: Samples, positions: np.ndarray, num_classes: int) -> np.ndarray:
    """Predict clips with weights of one of the paper's networks from a file; see `models.Method`."""
    from microexp_keras import training

    inputs, _ = preprocessing.network_inputs(samples.stacks, known_statistics(file))
    _, rows, columns, frames, _ = next(iter(inputs.values())).shape
    model = weights.load_model(file.path, frames, (rows, columns), num_classes)
    return training.predict(model, inputs, positions)


def known_statistics(file: Any) -> dict[str, Statistics]:
    """Return by what the clips that trained a file (see `models.Method.predict`) were standardised, {} if unknown."""
    named = file.metadata.get("statistics")
    if not named:
        return {}
    inputs = get_method(file.network).inputs
    try:
        known = {name: Statistics(float(named[name]["mean"]), float(named[name]["max"])) for name in inputs}
        if all(0 <= one.mean < one.max <= 255 for one in known.values()):
            return known
    except (TypeError, KeyError, ValueError, OverflowError):
        pass
    found = f"{str(named)[:80]!a} is not a mean and a larger maximum, 0 to 255, for {' and '.join(inputs)}"
    raise MicroExpError(f"{file.path}: statistics", found)
