"""The rival networks and what they see of clips: Keras graphs, channels last, trained on the package's own loop.

The two of Table V are our reconstructions: what is known of either is one sentence of an abstract or of another paper.
STSTNet, which is not in that table, is after its authors' programs. `settings.toml` says which value is whose.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from microexp_keras import training, weights
from microexp_keras.backend import drawing_from, drawn_seed, in_float32, keras
from microexp_keras.baselines.settings import described, settings
from microexp_keras.errors import MicroExpError
from microexp_keras.models.layers import LAST
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
    rows, columns = (size, size) if isinstance(size, int) else size
    _require_eight({"rows": rows, "columns": columns})
    with drawing_from(seed):
        image = keras.Input((rows, columns, 1), name="image")
        x = _convolved(image, layers.Conv2D, layers.MaxPooling2D, IMAGES)
        x = _classified(x, IMAGES, num_classes, "dropout")
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
    rows, columns = (size, size) if isinstance(size, int) else size
    _require_eight({"rows": rows, "columns": columns, "flow fields (one less than frames)": frames - 1})
    lengths = zip(FLOW.streams, (frames, frames - 1, frames - 1), strict=True)
    with drawing_from(seed):
        inputs = [keras.Input((rows, columns, length, 1), name=name) for name, length in lengths]
        streams = [_convolved(x, layers.Conv3D, layers.MaxPooling3D, FLOW, f"{x.name}_") for x in inputs]
        x = layers.Concatenate(name="fusion")(streams)
        x = layers.Dropout(FLOW.dropout, seed=drawn_seed(), name="dropout_1")(x)
        x = _classified(x, FLOW, num_classes, "dropout_2")
        return keras.Model(inputs, x, name="fcnn_3d")


def build_ststnet(size: int | tuple[int, int] = 28, num_classes: int = 3, seed: int | None = None) -> keras.Model:
    """Build STSTNet, a shallow network on the optical flow from a clip's first frame to its apex.

    From float32 `(clips, rows, columns, 1)` named "flow_x" (to the right), "flow_y" (downwards) and "strain", each
    scaled, to class probabilities `(clips, num_classes)`. Not compiled; 1,715 parameters at its own size, 1,683 of them
    trained. `seed` as above.

    Liong, Gan, See, Khor and Huang, "Shallow triple stream three-dimensional CNN (STSTNet) for micro-expression
    recognition", FG 2019, and its authors' programs at github.com/christy1206/STSTNet.
    """
    rows, columns = (size, size) if isinstance(size, int) else size
    with drawing_from(seed):
        inputs = [keras.Input((rows, columns, 1), name=name) for name in APEX.streams]
        images, streams = layers.Concatenate(name="images")(inputs), []
        for number, filters in enumerate(APEX.filters, start=1):
            x = layers.Conv2D(filters, APEX.kernel_size, **_SAME, name=f"conv_{number}")(images)
            x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"normalization_{number}")(x)
            x = layers.MaxPooling2D(APEX.pool, padding="same", data_format=LAST, name=f"pool_{number}")(x)
            streams.append(layers.Dropout(APEX.dropout, seed=drawn_seed(), name=f"dropout_{number}")(x))
        x = layers.Concatenate(name="fusion")(streams)
        x = layers.AveragePooling2D(APEX.mean_pool, data_format=LAST, name="mean_pool")(x)
        x = layers.Flatten(LAST, name="flatten")(x)
        x = layers.Dense(num_classes, name="dense")(x)
        return keras.Model(inputs, layers.Softmax(name="softmax")(x), name="ststnet")


def _convolved(
    x: keras.KerasTensor, convolution: Any, pooling: Any, own: SimpleNamespace, prefix: str = ""
) -> keras.KerasTensor:
    """Convolutions that keep the size, each before a pooling, and the flatten."""
    for number, filters in enumerate(own.filters, start=1):
        x = convolution(filters, own.kernel_size, **_SAME, name=f"{prefix}conv_{number}")(x)
        x = pooling(own.pool, data_format=LAST, name=f"{prefix}pool_{number}")(x)
    return layers.Flatten(LAST, name=f"{prefix}flatten")(x)


def _classified(x: keras.KerasTensor, own: SimpleNamespace, num_classes: int, dropout: str) -> keras.KerasTensor:
    """Two dense layers, a dropout of this name between them, and the probabilities."""
    x = layers.Dense(own.dense, activation="relu", name="dense_1")(x)
    x = layers.Dropout(own.dropout, seed=drawn_seed(), name=dropout)(x)
    x = layers.Dense(num_classes, name="dense_2")(x)
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


def pick_images(stack: np.ndarray, images: int) -> np.ndarray:
    """Return equally spaced frames of a clip, from its first to its last; positions between frames are rounded down.

    From uint8 (rows, columns, time) to uint8 (images, rows, columns); there are at least 2.
    """
    frames = stack.shape[2]
    if not 2 <= images <= frames:
        found = f"{images}, but they must be from 2 to {frames}, the frames"
        raise MicroExpError("images of a clip", found, "Interpolate the clip to more frames.")
    return np.ascontiguousarray(stack[:, :, np.arange(images) * (frames - 1) // (images - 1)].transpose(2, 0, 1))


def _images(samples: Samples) -> np.ndarray:
    """Images of all clips, uint8 (clips, images, rows, columns)."""
    return described(samples, "cnn-augmentation", lambda stack: pick_images(stack, IMAGES.images))


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


def flow(stack: np.ndarray) -> np.ndarray:
    """Estimate by Farnebäck's method, as 3D-FCNN's settings say, how far each pixel moves from frame to frame.

    From uint8 gray levels (rows, columns, time) to float32 (2, rows, columns, time - 1) in pixels: u to the right
    first, then v downwards; field i leads from frame i to frame i + 1. The result is the same to the bit on any
    number of OpenCV's threads; the method uses one at these sizes.

    Farnebäck, "Two-frame motion estimation based on polynomial expansion", SCIA 2003.
    """
    if stack.dtype != np.uint8 or stack.ndim != 3 or stack.shape[2] < 2:
        found = f"{stack.dtype} {stack.shape} instead of uint8 gray levels (rows, columns, time) of 2 frames or more"
        raise MicroExpError("optical flow", found, "Give one clip of a uint8 stack, not standardised.")
    how = (FLOW.pyramid_scale, FLOW.levels, FLOW.window, FLOW.iterations, FLOW.neighbourhood, FLOW.sigma, 0)
    pairs = itertools.pairwise(np.ascontiguousarray(stack.transpose(2, 0, 1)))
    still = np.zeros((*stack.shape[:2], 2), np.float32)
    fields = [cv2.calcOpticalFlowFarneback(before, after, still.copy(), *how) for before, after in pairs]
    return np.ascontiguousarray(np.stack(fields, axis=2).transpose(3, 0, 1, 2))


def strain(field: np.ndarray) -> np.ndarray:
    """Return how strongly a flow deforms: the norm of its symmetric gradient.

    From float (2, rows, columns), to the right and downwards, to float (rows, columns), per pixel.
    """
    (right_by_row, right_by_column), (down_by_row, down_by_column) = (np.gradient(one) for one in field)
    shear = (right_by_row + down_by_column) / 2
    return np.sqrt(right_by_column**2 + down_by_row**2 + 2 * shear**2)


def to_apex(stack: np.ndarray, apex: int | None) -> np.ndarray:
    """Return the flow from a clip's first frame to its apex, or where none is annotated to the frame of largest flow.

    From uint8 (rows, columns, time) to float32 (28, 28, 3): to the right, downwards (pixels of the stack), strain.
    """
    frames = [apex] if apex else range(1, stack.shape[2])
    fields = [flow(stack[..., [0, frame]])[..., 0] for frame in frames]
    largest = max(fields, key=lambda field: float(np.hypot(*field).sum()))
    streams = [*largest, strain(largest)]
    small = [cv2.resize(one, (APEX.size, APEX.size), interpolation=cv2.INTER_AREA) for one in streams]
    return np.stack(small, axis=-1).astype(np.float32)


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


def fit(job: Job) -> FoldResult:
    """Train on a fold, or resume it, and predict the test clips; see `models.Method`.

    The CNN trains on images of the training clips and changed copies of them; images and copies of a clip are on its
    side of the split, and the epoch is chosen by single images.
    """
    samples, labels, fold = job.samples, job.samples.labels, job.fold
    if job.protocol.model in STREAMS:
        return _train(job, STREAMS[job.protocol.model](samples), labels, fold)
    images = _images(samples)
    clips, count, *size = images.shape
    copies, owners = training_images(images, fold.train, job.seed)
    levels = np.concatenate([images.reshape(-1, *size), copies])
    labels = labels[np.concatenate([np.repeat(np.arange(clips), count), owners])]
    of_clips = np.arange(clips * count).reshape(clips, count)
    validation, test = of_clips[fold.validation].ravel(), of_clips[fold.test].ravel()
    fold = Fold(train=np.arange(clips * count, len(levels)), validation=validation, test=test)
    result = _train(job, {"image": levels}, labels, fold)
    return replace(result, probabilities=_mean_of_images(result.probabilities))


def _train(job: Job, values: dict[str, np.ndarray], labels: np.ndarray, fold: Fold) -> FoldResult:
    """Train, or resume, on values that are scaled here by the training ones; predict the test ones."""
    scales = {name: measure(part, fold.train) for name, part in values.items()}
    inputs = {name: scaled(part, scales[name]) for name, part in values.items()}
    with in_float32():
        model = _build(job.protocol.model, inputs, job.num_classes, job.seed)
    metadata = {**job.metadata, "scales": {name: scale._asdict() for name, scale in scales.items()}}
    return training.fit(job, model, inputs, labels, fold, metadata)


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


def _build(name: str, inputs: Mapping[str, np.ndarray], classes: int, seed: int | None = None) -> keras.Model:
    _, rows, columns, *time, _ = next(iter(inputs.values())).shape
    return BUILDERS[name](*time, size=(rows, columns), num_classes=classes, seed=seed)


def scaled(values: np.ndarray, scale: Statistics) -> np.ndarray:
    """Subtract the mean and divide by the largest value left: float32 of the same shape and an axis for channels."""
    if scale.max <= scale.mean:
        raise MicroExpError("scale: all values of the training clips are equal. Look at the frames and face boxes.")
    largest = np.float32(scale.max - scale.mean)
    return ((values - np.float32(scale.mean)) / largest).astype(np.float32)[..., None]


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


def _mean_of_images(probabilities: np.ndarray) -> np.ndarray:
    """From (clips * images, classes), clip by clip, to (clips, classes)."""
    return probabilities.reshape(-1, IMAGES.images, probabilities.shape[1]).mean(axis=1)
