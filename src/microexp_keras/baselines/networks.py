"""The two rival networks of Table V as functional Keras graphs, channels last; both are our reconstructions.

What is known of either is one sentence of an abstract or of another paper; `settings.toml` says which value is whose.
"""

from collections.abc import Callable
from typing import Any

from microexp_keras.backend import keras
from microexp_keras.baselines.settings import settings
from microexp_keras.errors import MicroExpError
from microexp_keras.models.layers import LAST, Seeds

layers = keras.layers

_SAME: dict[str, Any] = {"padding": "same", "activation": "relu", "data_format": LAST}


def build_cnn_augmentation(
    size: int | tuple[int, int] = 64, num_classes: int = 3, seed: int | None = None
) -> keras.Model:
    """Build the network of the CNN with data augmentation, which sees one image at a time, of at least 8 pixels a side.

    From float32 `(images, rows, columns, 1)` named "image", scaled, to class probabilities `(images, num_classes)`. Not
    compiled; 548,099 parameters at its own size. `seed` is of initial weights and dropout; by default Keras draws them.

    References
    ----------
    Takalkar and Xu, "Image based facial micro-expression recognition using deep learning on small datasets",
    DICTA 2017, of which the abstract was seen: every number here is ours.
    """
    own, seeds = settings("cnn-augmentation"), Seeds(seed)
    rows, columns = (size, size) if isinstance(size, int) else size
    _require_eight({"rows": rows, "columns": columns})
    image = keras.Input((rows, columns, 1), name="image")
    x = image
    for number, filters in enumerate(own.filters, start=1):
        glorot = seeds.initializer()
        x = layers.Conv2D(filters, own.kernel_size, **_SAME, kernel_initializer=glorot, name=f"conv_{number}")(x)
        x = layers.MaxPooling2D(own.pool, data_format=LAST, name=f"pool_{number}")(x)
    x = layers.Flatten(LAST, name="flatten")(x)
    x = layers.Dense(own.dense, activation="relu", kernel_initializer=seeds.initializer(), name="dense_1")(x)
    x = layers.Dropout(own.dropout, seed=seeds.next(), name="dropout")(x)
    x = layers.Dense(num_classes, kernel_initializer=seeds.initializer(), name="dense_2")(x)
    x = layers.Softmax(name="softmax")(x)
    return keras.Model(image, x, name="cnn_augmentation")


def build_3d_fcnn(
    frames: int = 18, size: int | tuple[int, int] = 64, num_classes: int = 3, seed: int | None = None
) -> keras.Model:
    """Build 3D-FCNN: gray levels, flow to the right and flow downwards, fused at the fully connected layer.

    From float32 `(clips, rows, columns, frames, 1)` named "gray", and `(clips, rows, columns, frames - 1, 1)` named
    "flow_x" and "flow_y", each scaled, to class probabilities `(clips, num_classes)`; at least 9 frames of 8 pixels a
    side. Not compiled; 1,626,035 parameters at its own size. `seed` as above.

    References
    ----------
    Li, Wang, See and Liu, "Micro-expression recognition based on 3D flow convolutional neural network", Pattern
    Analysis and Applications 22(4), 2019, of which the abstract was seen; three streams and where they are fused, as
    reported in Computer Engineering 2022 no. 12. Every number here is ours.
    """
    own, seeds = settings("3d-fcnn"), Seeds(seed)
    rows, columns = (size, size) if isinstance(size, int) else size
    _require_eight({"rows": rows, "columns": columns, "flow fields (one less than frames)": frames - 1})
    inputs, streams = [], []
    for name, length in zip(own.streams, (frames, frames - 1, frames - 1), strict=True):
        x = keras.Input((rows, columns, length, 1), name=name)
        inputs.append(x)
        for number, filters in enumerate(own.filters, start=1):
            conv, glorot = f"{name}_conv_{number}", seeds.initializer()
            x = layers.Conv3D(filters, own.kernel_size, **_SAME, kernel_initializer=glorot, name=conv)(x)
            x = layers.MaxPooling3D(own.pool, data_format=LAST, name=f"{name}_pool_{number}")(x)
        streams.append(layers.Flatten(LAST, name=f"{name}_flatten")(x))
    x = layers.Concatenate(name="fusion")(streams)
    x = layers.Dropout(own.dropout, seed=seeds.next(), name="dropout_1")(x)
    x = layers.Dense(own.dense, activation="relu", kernel_initializer=seeds.initializer(), name="dense_1")(x)
    x = layers.Dropout(own.dropout, seed=seeds.next(), name="dropout_2")(x)
    x = layers.Dense(num_classes, kernel_initializer=seeds.initializer(), name="dense_2")(x)
    x = layers.Softmax(name="softmax")(x)
    return keras.Model(inputs, x, name="fcnn_3d")


BUILDERS: dict[str, Callable[..., keras.Model]] = {"cnn-augmentation": build_cnn_augmentation, "3d-fcnn": build_3d_fcnn}


def _require_eight(lengths: dict[str, int]) -> None:
    """Raise unless three poolings by two leave something."""
    for axis, length in lengths.items():
        if length < 8:
            raise MicroExpError(axis, f"{length}, but there must be at least 8", "Give larger clips.")
