"""STSTNet: a shallow network on the optical flow from a clip's onset to its apex. Not in the paper: a known reference.

References
----------
Liong, Gan, See, Khor and Huang, "Shallow triple stream three-dimensional CNN (STSTNet) for micro-expression
recognition", FG 2019, and its authors' programs at github.com/christy1206/STSTNet; `settings.toml` says what is whose.
"""

from typing import Any

import cv2
import numpy as np

from microexp_keras import training, weights
from microexp_keras.backend import keras
from microexp_keras.baselines.networks import flow, known_scale, scaled
from microexp_keras.baselines.settings import described, settings
from microexp_keras.models.layers import LAST, Seeds
from microexp_keras.preprocessing import Samples, measure
from microexp_keras.training.history import FoldResult
from microexp_keras.training.job import Job

OWN = settings("ststnet")

layers = keras.layers


def build_ststnet(num_classes: int = 3, seed: int | None = None) -> keras.Model:
    """Build STSTNet.

    From float32 `(clips, 28, 28, 3)` named "flow" (to the right, downwards, strain; each scaled) to class probabilities
    `(clips, num_classes)`. Not compiled; 1,715 parameters, of which 1,683 are trained. `seed` is of initial weights and
    dropout; by default Keras draws them.
    """
    seeds = Seeds(seed)
    image = keras.Input((OWN.size, OWN.size, len(OWN.streams)), name="flow")
    found = []
    for number, filters in enumerate(OWN.filters, start=1):
        glorot = seeds.initializer()
        x = layers.Conv2D(
            filters,
            OWN.kernel_size,
            padding="same",
            activation="relu",
            data_format=LAST,
            kernel_initializer=glorot,
            name=f"conv_{number}",
        )(image)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"normalization_{number}")(x)
        x = layers.MaxPooling2D(OWN.pool, padding="same", data_format=LAST, name=f"pool_{number}")(x)
        found.append(layers.Dropout(OWN.dropout, seed=seeds.next(), name=f"dropout_{number}")(x))
    x = layers.Concatenate(name="fusion")(found)
    x = layers.AveragePooling2D(OWN.mean_pool, data_format=LAST, name="mean_pool")(x)
    x = layers.Flatten(LAST, name="flatten")(x)
    x = layers.Dense(num_classes, kernel_initializer=seeds.initializer(), name="dense")(x)
    return keras.Model(image, layers.Softmax(name="softmax")(x), name="ststnet")


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
    small = [cv2.resize(one, (OWN.size, OWN.size), interpolation=cv2.INTER_AREA) for one in streams]
    return np.stack(small, axis=-1).astype(np.float32)


def fit(job: Job) -> FoldResult:
    """Train on a fold, or resume it, and predict the test clips; see `models.Method`."""
    images = _images(job.samples)
    scales = {name: measure(images[..., place], job.fold.train) for place, name in enumerate(OWN.streams)}
    inputs = {"flow": _scaled(images, scales)}
    metadata = {**job.metadata, "scales": {name: scale._asdict() for name, scale in scales.items()}}
    model = build_ststnet(job.num_classes, job.seed)
    return training.fit(job, model, inputs, job.samples.labels, job.fold, metadata)


def predict(file: Any, samples: Samples, positions: np.ndarray, num_classes: int) -> np.ndarray:
    """Predict clips with its weights; see `models.Method`."""
    scales = {name: known_scale(file.path, file.metadata, name) for name in OWN.streams}
    model = build_ststnet(num_classes)
    weights.load_layers(model, file.path)
    return training.predict(model, {"flow": _scaled(_images(samples)[positions], scales)})


def _images(samples: Samples) -> np.ndarray:
    return described(samples, "ststnet", to_apex, tuple(samples.apexes) or (None,) * len(samples.names))


def _scaled(images: np.ndarray, scales: dict[str, Any]) -> np.ndarray:
    """Scale each stream by the training clips: float32 (clips, 28, 28, 3)."""
    streams = [scaled(images[..., place], scales[name]) for place, name in enumerate(OWN.streams)]
    return np.concatenate(streams, axis=-1)
