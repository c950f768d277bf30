"""The rival networks: functional Keras graphs, channels last, trained on the package's own loop.

The two of Table V are our reconstructions: what is known of either is one sentence of an abstract or of another paper.
STSTNet, which is not in that table, is after its authors' programs. `settings.toml` says which value is whose.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from microexp_keras import training, weights
from microexp_keras.backend import keras
from microexp_keras.baselines.flow import flow, to_apex
from microexp_keras.baselines.settings import described, settings
from microexp_keras.errors import MicroExpError
from microexp_keras.models.layers import LAST, Seeds
from microexp_keras.preprocessing import Samples, Statistics, measure
from microexp_keras.preprocessing.tim import interpolate
from microexp_keras.protocols import Fold
from microexp_keras.training.history import FoldResult
from microexp_keras.training.job import Job

IMAGES, FLOW, APEX = (settings(name) for name in ("cnn-augmentation", "3d-fcnn", "ststnet"))

layers = keras.layers

_SAME: dict[str, Any] = {"padding": "same", "activation": "relu", "data_format": LAST}


def build_cnn_augmentation(
    size: int | tuple[int, int] = 64, num_classes: int = 3, seed: int | None = None
) -> keras.Model:
    """Build the network of the CNN with data augmentation, which sees one image at a time, of at least 8 pixels a side.

    From float32 `(images, rows, columns, 1)` named "image", scaled, to class probabilities `(images, num_classes)`. Not
    compiled; 548,099 parameters at its own size. `seed` is of initial weights and dropout; by default Keras draws them.

    Takalkar and Xu, "Image based facial micro-expression recognition using deep learning on small datasets",
    DICTA 2017, of which the abstract was seen: every number here is ours.
    """
    own, seeds = IMAGES, Seeds(seed)
    rows, columns = (size, size) if isinstance(size, int) else size
    _require_eight({"rows": rows, "columns": columns})
    image = keras.Input((rows, columns, 1), name="image")
    x = _convolved(image, layers.Conv2D, layers.MaxPooling2D, own, seeds)
    x = _classified(x, own, num_classes, seeds, "dropout")
    return keras.Model(image, x, name="cnn_augmentation")


def build_3d_fcnn(
    frames: int = 18, size: int | tuple[int, int] = 64, num_classes: int = 3, seed: int | None = None
) -> keras.Model:
    """Build 3D-FCNN: gray levels, flow to the right and flow downwards, fused at the fully connected layer.

    From float32 `(clips, rows, columns, frames, 1)` named "gray", and `(clips, rows, columns, frames - 1, 1)` named
    "flow_x" and "flow_y", each scaled, to class probabilities `(clips, num_classes)`; at least 9 frames of 8 pixels a
    side. Not compiled; 1,626,035 parameters at its own size. `seed` as above.

    Li, Wang, See and Liu, "Micro-expression recognition based on 3D flow convolutional neural network", Pattern
    Analysis and Applications 22(4), 2019, of which the abstract was seen; three streams and where they are fused, as
    reported in Computer Engineering 2022 no. 12. Every number here is ours.
    """
    own, seeds = FLOW, Seeds(seed)
    rows, columns = (size, size) if isinstance(size, int) else size
    _require_eight({"rows": rows, "columns": columns, "flow fields (one less than frames)": frames - 1})
    lengths = zip(own.streams, (frames, frames - 1, frames - 1), strict=True)
    inputs = [keras.Input((rows, columns, length, 1), name=name) for name, length in lengths]
    streams = [_convolved(x, layers.Conv3D, layers.MaxPooling3D, own, seeds, f"{x.name}_") for x in inputs]
    x = layers.Concatenate(name="fusion")(streams)
    x = layers.Dropout(own.dropout, seed=seeds.next(), name="dropout_1")(x)
    x = _classified(x, own, num_classes, seeds, "dropout_2")
    return keras.Model(inputs, x, name="fcnn_3d")


def build_ststnet(size: int | tuple[int, int] = 28, num_classes: int = 3, seed: int | None = None) -> keras.Model:
    """Build STSTNet, a shallow network on the optical flow from a clip's first frame to its apex.

    From float32 `(clips, rows, columns, 1)` named "flow_x" (to the right), "flow_y" (downwards) and "strain", each
    scaled, to class probabilities `(clips, num_classes)`. Not compiled; 1,715 parameters at its own size, 1,683 of them
    trained. `seed` as above.

    Liong, Gan, See, Khor and Huang, "Shallow triple stream three-dimensional CNN (STSTNet) for micro-expression
    recognition", FG 2019, and its authors' programs at github.com/christy1206/STSTNet.
    """
    own, seeds = APEX, Seeds(seed)
    rows, columns = (size, size) if isinstance(size, int) else size
    inputs = [keras.Input((rows, columns, 1), name=name) for name in own.streams]
    images, found = layers.Concatenate(name="images")(inputs), []
    for number, filters in enumerate(own.filters, start=1):
        name, glorot = f"conv_{number}", seeds.initializer()
        x = layers.Conv2D(filters, own.kernel_size, **_SAME, kernel_initializer=glorot, name=name)(images)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"normalization_{number}")(x)
        x = layers.MaxPooling2D(own.pool, padding="same", data_format=LAST, name=f"pool_{number}")(x)
        found.append(layers.Dropout(own.dropout, seed=seeds.next(), name=f"dropout_{number}")(x))
    x = layers.Concatenate(name="fusion")(found)
    x = layers.AveragePooling2D(own.mean_pool, data_format=LAST, name="mean_pool")(x)
    x = layers.Flatten(LAST, name="flatten")(x)
    x = layers.Dense(num_classes, kernel_initializer=seeds.initializer(), name="dense")(x)
    return keras.Model(inputs, layers.Softmax(name="softmax")(x), name="ststnet")


def _convolved(
    x: keras.KerasTensor, convolution: Any, pooling: Any, own: SimpleNamespace, seeds: Seeds, prefix: str = ""
) -> keras.KerasTensor:
    """Convolutions that keep the size, each before a pooling, and the flatten."""
    for number, filters in enumerate(own.filters, start=1):
        name, glorot = f"{prefix}conv_{number}", seeds.initializer()
        x = convolution(filters, own.kernel_size, **_SAME, kernel_initializer=glorot, name=name)(x)
        x = pooling(own.pool, data_format=LAST, name=f"{prefix}pool_{number}")(x)
    return layers.Flatten(LAST, name=f"{prefix}flatten")(x)


def _classified(
    x: keras.KerasTensor, own: SimpleNamespace, num_classes: int, seeds: Seeds, dropout: str
) -> keras.KerasTensor:
    """Two dense layers, a dropout of this name between them, and the probabilities."""
    x = layers.Dense(own.dense, activation="relu", kernel_initializer=seeds.initializer(), name="dense_1")(x)
    x = layers.Dropout(own.dropout, seed=seeds.next(), name=dropout)(x)
    x = layers.Dense(num_classes, kernel_initializer=seeds.initializer(), name="dense_2")(x)
    return layers.Softmax(name="softmax")(x)


BUILDERS: dict[str, Callable[..., keras.Model]] = {
    "cnn-augmentation": build_cnn_augmentation,
    "3d-fcnn": build_3d_fcnn,
    "ststnet": build_ststnet,
}


def _require_eight(lengths: dict[str, int]) -> None:
    """Raise unless three poolings by two leave something."""
    for axis, length in lengths.items():
        if length < 8:
            raise MicroExpError(axis, f"{length}, but there must be at least 8", "Give larger clips.")


def fit(job: Job) -> FoldResult:
    """Train on a fold, or resume it, and predict the test clips; see `models.Method`.

    The CNN trains on images of the training clips and changed copies of them; images and copies of a clip are on its
    side of the split, and the epoch is chosen by single images.
    """
    samples, labels, fold = job.samples, job.samples.labels, job.fold
    if job.protocol.model in STREAMS:
        streams = STREAMS[job.protocol.model](samples)
        return _train(job, streams, labels, fold, {name: measure(part, fold.train) for name, part in streams.items()})
    images = _images(samples)
    clips, count, *size = images.shape
    copies, owners = training_images(images, fold.train, job.seed)
    levels = np.concatenate([images.reshape(-1, *size), copies])
    labels = labels[np.concatenate([np.repeat(np.arange(clips), count), owners])]
    of_clips = np.arange(clips * count).reshape(clips, count)
    validation, test = of_clips[fold.validation].ravel(), of_clips[fold.test].ravel()
    fold = Fold(train=np.arange(clips * count, len(levels)), validation=validation, test=test)
    result = _train(job, {"image": levels}, labels, fold, {"image": measure(copies)})
    return replace(result, probabilities=_mean_of_images(result.probabilities))


def predict(file: Any, samples: Samples, positions: np.ndarray, num_classes: int) -> np.ndarray:
    """Predict clips with weights of either network; see `models.Method`."""
    path, name, metadata = file.path, file.network, file.metadata
    if name in STREAMS:
        values = {stream: part[positions] for stream, part in STREAMS[name](samples).items()}
    else:
        values = {"image": np.concatenate(_images(samples)[positions])}
    inputs = {of_input: scaled(part, known_scale(path, metadata, of_input)) for of_input, part in values.items()}
    model = _build(name, inputs, num_classes)
    weights.load_layers(model, path)
    probabilities = training.predict(model, inputs)
    return probabilities if name in STREAMS else _mean_of_images(probabilities)


def scaled(values: np.ndarray, scale: Statistics) -> np.ndarray:
    """Subtract the mean and divide by the largest value left: float32 of the same shape and an axis for channels."""
    if scale.max <= scale.mean:
        raise MicroExpError("scale: all values of the training clips are equal. Look at the frames and face boxes.")
    largest = np.float32(scale.max - scale.mean)
    return ((values - np.float32(scale.mean)) / largest).astype(np.float32)[..., None]


def draw(random: np.random.Generator) -> dict[str, Any]:
    """Draw a random change: a flip with the probability, the rest uniformly within the limits of the settings."""
    flip = bool(random.random() < IMAGES.flip)
    angle, right, down, larger = random.uniform(-1, 1, 4) * (IMAGES.angle, IMAGES.shift, IMAGES.shift, IMAGES.zoom)
    return {"flip": flip, "angle": angle, "right": right, "down": down, "zoom": 1 + larger}


def changed(
    image: np.ndarray, flip: bool = False, angle: float = 0, right: float = 0, down: float = 0, zoom: float = 1
) -> np.ndarray:
    """Return an augmented copy of an image, uint8 (rows, columns): linear interpolation, border replicated.

    Left and right are exchanged before all else by `flip`; `angle` turns it about the middle, in degrees,
    anticlockwise; `right` and `down` move it, as a share of columns and rows; `zoom` enlarges it about the middle. By
    default it is the image itself, to the bit.
    """
    rows, columns = image.shape
    source = np.ascontiguousarray(image[:, ::-1] if flip else image)
    matrix = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), angle, zoom)
    matrix[:, 2] += right * columns, down * rows
    return cv2.warpAffine(source, matrix, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def pick_images(stack: np.ndarray, images: int) -> np.ndarray:
    """Return equally spaced frames of a clip, from its first to its last; positions between frames are rounded down.

    From uint8 (rows, columns, time) to uint8 (images, rows, columns); there are at least 2.
    """
    frames = stack.shape[2]
    if not 2 <= images <= frames:
        found = f"{images}, but they must be from 2 to {frames}, the frames"
        raise MicroExpError("images of a clip", found, "Interpolate the clip to more frames.")
    return np.ascontiguousarray(stack[:, :, np.arange(images) * (frames - 1) // (images - 1)].transpose(2, 0, 1))


def training_images(images: np.ndarray, train: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of the training clips, each followed by its augmented copies, and the clip that each is of.

    From uint8 (clips, images, rows, columns) of all clips and the positions of the training clips, no others being
    looked at, to uint8 (train * images * (1 + copies), rows, columns), clip by clip, image by image, the unchanged one
    first, and positions, int. The copies of a clip depend on the seed and on its position in the data set, not on which
    other clips train.
    """
    found = []
    for clip in np.asarray(train, int):
        random = np.random.default_rng([seed, clip])
        for image in images[clip]:
            found.append(image)
            found += [changed(image, **draw(random)) for _ in range(IMAGES.copies)]
    return np.stack(found), np.repeat(train, images.shape[1] * (1 + IMAGES.copies))


def _gray_and_flow(samples: Samples) -> dict[str, np.ndarray]:
    """Gray levels and both components of the flow: (clips, rows, columns, time), the flow's time one shorter."""

    def describe(stack: np.ndarray) -> np.ndarray:
        volume = interpolate(stack, FLOW.frames)
        return np.concatenate([volume.astype(np.float32), *flow(volume)], axis=2)

    together, frames = described(samples, "3d-fcnn", describe), FLOW.frames
    return dict(zip(FLOW.streams, np.split(together, [frames, 2 * frames - 1], axis=3), strict=True))


def _flow_to_apex(samples: Samples) -> dict[str, np.ndarray]:
    """Flow from the first frame to the apex and its strain: (clips, rows, columns)."""
    apexes = samples.apexes or [None] * len(samples.names)
    together = described(samples, "ststnet", to_apex, tuple(apexes))
    return dict(zip(APEX.streams, np.moveaxis(together, 3, 0), strict=True))


#: What networks of several streams see of clips, by the names of their inputs.
STREAMS: dict[str, Callable[[Samples], dict[str, np.ndarray]]] = {"3d-fcnn": _gray_and_flow, "ststnet": _flow_to_apex}


def _images(samples: Samples) -> np.ndarray:
    """Images of all clips, uint8 (clips, images, rows, columns)."""
    return described(samples, "cnn-augmentation", lambda stack: pick_images(stack, IMAGES.images))


def _mean_of_images(probabilities: np.ndarray) -> np.ndarray:
    """From (clips * images, classes), clip by clip, to (clips, classes)."""
    return probabilities.reshape(-1, IMAGES.images, probabilities.shape[1]).mean(axis=1)


def _build(name: str, inputs: Mapping[str, np.ndarray], classes: int, seed: int | None = None) -> keras.Model:
    _, rows, columns, *time, _ = next(iter(inputs.values())).shape
    return BUILDERS[name](*time, size=(rows, columns), num_classes=classes, seed=seed)


def _train(
    job: Job, values: dict[str, np.ndarray], labels: np.ndarray, fold: Fold, scales: Mapping[str, Statistics]
) -> FoldResult:
    """Train, or resume, on values that are scaled here; predict the test clips by the best epoch."""
    inputs = {name: scaled(part, scales[name]) for name, part in values.items()}
    model = _build(job.protocol.model, inputs, job.num_classes, job.seed)
    metadata = {**job.metadata, "scales": {name: scale._asdict() for name, scale in scales.items()}}
    return training.fit(job, model, inputs, labels, fold, metadata)


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
    found = f"says no mean and largest value of {of_input}"
    raise MicroExpError(path, found, "Take the file that the training wrote.")
