"""The paper's three networks as methods: fitted on a fold, and their weights asked for the classes of clips."""

from pathlib import Path

import numpy as np

from microexp_keras import preprocessing, weights
from microexp_keras.backend import computing_in, import_keras
from microexp_keras.models.networks import NETWORKS
from microexp_keras.preprocessing import Samples, Statistics
from microexp_keras.training.history import STATE, FoldResult
from microexp_keras.training.job import Job, train


def fit(job: Job) -> FoldResult:
    """Train a network on a fold, or resume it, and predict the test clips; see `models.Method`."""
    import_keras()
    protocol, labels = job.protocol, job.samples.labels
    inputs, _ = preprocessing.network_inputs(job.samples.stacks, job.statistics)
    _, rows, columns, frames, _ = inputs[protocol.inputs[0]].shape
    with computing_in(job.precision):
        model = NETWORKS[protocol.model].build(
            frames, (rows, columns), job.num_classes, protocol.kernel_size, protocol.conv_initializer, job.seed
        )
    if job.start and not (job.folder / STATE).exists():
        weights.load_weights(model, *job.start)
    return train(job, model, inputs, labels, job.fold, job.metadata)


def predict(
    path: str | Path,
    samples: Samples,
    positions: np.ndarray,
    num_classes: int,
    statistics: dict[str, Statistics] | None = None,
    data_format: str | None = None,
) -> np.ndarray:
    """Predict clips with weights from a file; see `models.Method`."""
    from microexp_keras import training

    inputs, _ = preprocessing.network_inputs(samples.stacks, statistics)
    _, rows, columns, frames, _ = next(iter(inputs.values())).shape
    model = weights.load_model(path, frames, (rows, columns), num_classes, data_format)
    return training.predict(model, inputs, positions)
