"""From a fold to the trained weights of the two rival networks, on the package's own training loop."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras import weights
from microexp_keras.backend import import_keras
from microexp_keras.baselines import augmentation
from microexp_keras.baselines.flow import flow
from microexp_keras.baselines.parameters import CnnAugmentation, FlowFcnn
from microexp_keras.baselines.rival import Rival, described
from microexp_keras.baselines.scaling import Scale, measure
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import Samples
from microexp_keras.preprocessing.tim import interpolate
from microexp_keras.protocols import Fold
from microexp_keras.training.history import Outcome
from microexp_keras.training.task import Learned, Task, train

if TYPE_CHECKING:
    import keras

FLOW_SETTINGS = ("pyramid_scale", "levels", "window", "iterations", "neighbourhood", "sigma")

_CNN, _FCNN = CnnAugmentation(), FlowFcnn()


def fit_flow(task: Task) -> Learned:
    """Train 3D-FCNN on gray levels and flow, each scaled by the training clips; see `Rival`."""
    streams, scales = _streams(task.samples), {}
    for name, values in streams.items():
        scales[name] = measure(values, task.fold.train)
    inputs = {name: scales[name].apply(values)[..., None] for name, values in streams.items()}
    model, outcome = _train(task, "3d-fcnn", inputs, task.samples.labels, task.fold, scales)
    return Learned(outcome, _answers(model, inputs, task.fold.score))


def predict_flow(path: str | Path, samples: Samples, positions: np.ndarray) -> np.ndarray:
    """Predict clips with weights of 3D-FCNN; see `Rival`."""
    streams, metadata = _streams(samples), weights.read_metadata(path)
    scales = _known_scales(path, metadata, tuple(streams))
    inputs = {name: scales[name].apply(values[positions])[..., None] for name, values in streams.items()}
    return _answers(_loaded(path, "3d-fcnn", inputs, metadata), inputs, np.arange(len(positions)))


def fit_images(task: Task) -> Learned:
    """Train the CNN with augmentation on images of the training clips and changed copies of them; see `Rival`.

    Images and copies of a clip are on its side of the split. The epoch is chosen by single images.
    """
    images = _images(task.samples)
    clips, count = images.shape[:2]
    copies, owners = augmentation.training_images(
        images, task.fold.train, task.seed, _CNN.copies, _CNN.flip, _CNN.angle, _CNN.shift, _CNN.zoom
    )
    scale = measure(copies, np.arange(len(copies)))
    levels = np.concatenate([images.reshape(-1, *images.shape[2:]), copies])
    labels = task.samples.labels[np.concatenate([np.repeat(np.arange(clips), count), owners])]
    inputs = {"image": scale.apply(levels)[..., None]}
    select, score = (_images_of(part, count) for part in (task.fold.select, task.fold.score))
    fold = Fold(np.arange(clips * count, len(levels)), select, score)
    model, outcome = _train(task, "cnn-augmentation", inputs, labels, fold, {"image": scale})
    answers = _answers(model, inputs, score)
    right = int((answers.argmax(axis=1) == labels[score]).sum())
    return Learned(outcome, augmentation.clip_probabilities(answers, count), {"images": [right, len(score)]})


def predict_images(path: str | Path, samples: Samples, positions: np.ndarray) -> np.ndarray:
    """Predict clips with weights of the CNN with augmentation; see `Rival`."""
    images, metadata = _images(samples)[positions], weights.read_metadata(path)
    scale = _known_scales(path, metadata, ("image",))["image"]
    inputs = {"image": scale.apply(images.reshape(-1, *images.shape[2:]))[..., None]}
    answers = _answers(_loaded(path, "cnn-augmentation", inputs, metadata), inputs, np.arange(images[:, :, 0, 0].size))
    return augmentation.clip_probabilities(answers, images.shape[1])


def _streams(samples: Samples) -> dict[str, np.ndarray]:
    """Gray levels and both components of the flow: (clips, rows, columns, time), the flow's time one shorter."""

    def describe(stack: np.ndarray) -> np.ndarray:
        volume = interpolate(stack, _FCNN.frames)
        found = flow(volume, **{name: getattr(_FCNN, name) for name in FLOW_SETTINGS})
        return np.concatenate([volume.astype(np.float32), *found], axis=2)

    found, frames = described(samples, (_FCNN.title,), describe), _FCNN.frames
    borders = [0, frames, 2 * frames - 1, 3 * frames - 2]
    return {
        name: found[..., first:end] for name, first, end in zip(_FCNN.streams, borders[:-1], borders[1:], strict=True)
    }


def _images(samples: Samples) -> np.ndarray:
    """Images of all clips, uint8 (clips, images, rows, columns)."""
    return described(samples, (_CNN.title,), lambda stack: augmentation.pick_images(stack, _CNN.images))


def _images_of(clips: np.ndarray, count: int) -> np.ndarray:
    return (clips[:, None] * count + np.arange(count)).ravel()


def _build(name: str, inputs: Mapping[str, np.ndarray], classes: int, seed: int | None = None) -> "keras.Model":
    from microexp_keras.baselines import networks

    _, rows, columns, *time, _ = next(iter(inputs.values())).shape
    return networks.BUILDERS[name](*time, size=(rows, columns), num_classes=classes, seed=seed)


def _train(
    task: Task,
    name: str,
    inputs: dict[str, np.ndarray],
    labels: np.ndarray,
    fold: Fold,
    scales: Mapping[str, Scale],
) -> tuple["keras.Model", Outcome]:
    """Train, or resume; give the network with the weights of the best epoch."""
    import_keras()
    model = _build(name, inputs, len(task.protocol.database.class_names), task.seed)
    metadata = {**task.metadata, "scales": {input_name: asdict(scale) for input_name, scale in scales.items()}}
    outcome = train(task, model, inputs, labels, fold, metadata)
    weights.load_layers(model, outcome.best_path)
    return model, outcome


def _answers(model: "keras.Model", inputs: Mapping[str, np.ndarray], positions: np.ndarray) -> np.ndarray:
    from microexp_keras import training

    return training.predict(model, inputs, positions)


def _loaded(path: str | Path, name: str, inputs: Mapping[str, np.ndarray], metadata: dict[str, Any]) -> "keras.Model":
    import_keras()
    class_names = metadata.get("class_names")
    model = _build(name, inputs, len(class_names) if isinstance(class_names, list) else 1)
    weights.load_layers(model, path)
    return model


def _known_scales(path: str | Path, metadata: dict[str, Any], names: tuple[str, ...]) -> dict[str, Scale]:
    """Scales of the training clips, as the file names them."""
    try:
        named = metadata["scales"]
        scales = {name: Scale(float(named[name]["mean"]), float(named[name]["largest"])) for name in names}
        if all(math.isfinite(one.mean) and 0 < one.largest < math.inf for one in scales.values()):
            return scales
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    raise MicroExpError(
        path, f"mean and largest value of {' and '.join(names)}", "none", "Take the file that the training wrote."
    )


CNN_AUGMENTATION = Rival(_CNN, fit_images, predict_images)
FLOW_FCNN = Rival(_FCNN, fit_flow, predict_flow)
