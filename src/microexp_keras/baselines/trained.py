"""The two rival networks: from a fold to trained weights, on the package's own training loop, and to answers."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras import training, weights
from microexp_keras.backend import import_keras
from microexp_keras.baselines import augmentation
from microexp_keras.baselines.described import described
from microexp_keras.baselines.flow import flow
from microexp_keras.baselines.settings import settings
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import Samples, Statistics, measure
from microexp_keras.preprocessing.tim import interpolate
from microexp_keras.protocols import Fold
from microexp_keras.training.history import FoldResult
from microexp_keras.training.job import Job, train

if TYPE_CHECKING:
    import keras

IMAGES, FLOW = settings("cnn-augmentation"), settings("3d-fcnn")


def fit(job: Job) -> FoldResult:
    """Train on a fold, or resume it, and predict the test clips; see `models.Method`."""
    return _fit_flow(job) if job.protocol.model == "3d-fcnn" else _fit_images(job)


def predict(file: Any, samples: Samples, positions: np.ndarray, num_classes: int) -> np.ndarray:
    """Predict clips with weights of either network; see `models.Method`."""
    path, name, metadata = file.path, file.network, file.metadata
    if name == "3d-fcnn":
        values = {stream: part[positions] for stream, part in _streams(samples).items()}
    else:
        values = {"image": np.concatenate(_images(samples)[positions])}
    inputs = {of_input: scaled(part, known_scale(path, metadata, of_input)) for of_input, part in values.items()}
    model = _build(name, inputs, num_classes)
    weights.load_layers(model, path)
    probabilities = training.predict(model, inputs)
    return probabilities if name == "3d-fcnn" else _mean_of_images(probabilities)


def _fit_flow(job: Job) -> FoldResult:
    """Train 3D-FCNN on gray levels and flow, each scaled by the training clips."""
    streams = _streams(job.samples)
    scales = {name: measure(values, job.fold.train) for name, values in streams.items()}
    return _train(job, streams, job.samples.labels, job.fold, scales)


def _fit_images(job: Job) -> FoldResult:
    """Train the CNN with augmentation on images of the training clips and changed copies of them.

    Images and copies of a clip are on its side of the split. The epoch is chosen by single images.
    """
    images = _images(job.samples)
    clips, count, *size = images.shape
    copies, owners = augmentation.training_images(images, job.fold.train, job.seed)
    levels = np.concatenate([images.reshape(-1, *size), copies])
    labels = job.samples.labels[np.concatenate([np.repeat(np.arange(clips), count), owners])]
    validation, test = (
        (part[:, None] * count + np.arange(count)).ravel() for part in (job.fold.validation, job.fold.test)
    )
    fold = Fold(train=np.arange(clips * count, len(levels)), validation=validation, test=test)
    result = _train(job, {"image": levels}, labels, fold, {"image": measure(copies)})
    right = int((result.probabilities.argmax(axis=1) == labels[test]).sum())
    return replace(result, probabilities=_mean_of_images(result.probabilities), images=[right, len(test)])


def scaled(values: np.ndarray, scale: Statistics) -> np.ndarray:
    """Subtract the mean and divide by the largest value left: float32 of the same shape and an axis for channels."""
    if scale.max <= scale.mean:
        raise MicroExpError(
            "scale: all values of the training clips are equal. Look at the frames, and at the face boxes."
        )
    largest = np.float32(scale.max - scale.mean)
    return ((values - np.float32(scale.mean)) / largest).astype(np.float32)[..., None]


def _streams(samples: Samples) -> dict[str, np.ndarray]:
    """Gray levels and both components of the flow: (clips, rows, columns, time), the flow's time one shorter."""

    def describe(stack: np.ndarray) -> np.ndarray:
        volume = interpolate(stack, FLOW.frames)
        return np.concatenate([volume.astype(np.float32), *flow(volume)], axis=2)

    together, frames = described(samples, ("3d-fcnn",), describe), FLOW.frames
    return dict(zip(FLOW.streams, np.split(together, [frames, 2 * frames - 1], axis=3), strict=True))


def _images(samples: Samples) -> np.ndarray:
    """Images of all clips, uint8 (clips, images, rows, columns)."""
    return described(samples, ("cnn-augmentation",), lambda stack: augmentation.pick_images(stack, IMAGES.images))


def _mean_of_images(probabilities: np.ndarray) -> np.ndarray:
    """From (clips * images, classes), clip by clip, to (clips, classes)."""
    return probabilities.reshape(-1, IMAGES.images, probabilities.shape[1]).mean(axis=1)


def _build(name: str, inputs: Mapping[str, np.ndarray], classes: int, seed: int | None = None) -> "keras.Model":
    import_keras()
    from microexp_keras.baselines import networks

    _, rows, columns, *time, _ = next(iter(inputs.values())).shape
    return networks.BUILDERS[name](*time, size=(rows, columns), num_classes=classes, seed=seed)


def _train(
    job: Job, values: dict[str, np.ndarray], labels: np.ndarray, fold: Fold, scales: Mapping[str, Statistics]
) -> FoldResult:
    """Train, or resume, on values that are scaled here; predict the test clips by the best epoch."""
    inputs = {name: scaled(part, scales[name]) for name, part in values.items()}
    model = _build(job.protocol.model, inputs, job.num_classes, job.seed)
    metadata = {**job.metadata, "scales": {name: scale._asdict() for name, scale in scales.items()}}
    return train(job, model, inputs, labels, fold, metadata)


def known_scale(path: str | Path, metadata: Mapping[str, Any], of_input: str) -> Statistics:
    """Read the scale of the training clips, as the file says it; earlier versions wrote `largest`, `max - mean`."""
    try:
        said = metadata["scales"][of_input]
        mean = float(said["mean"])
        scale = Statistics(mean, float(said["max"]) if "max" in said else mean + float(said["largest"]))
        if math.isfinite(scale.max - scale.mean) and scale.max > scale.mean:
            return scale
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    raise MicroExpError(
        path, f"expected mean and largest value of {of_input}, found none", "Take the file that the training wrote."
    )
