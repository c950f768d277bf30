"""The two rival networks of Table V as functional Keras graphs, channels last; both are our reconstructions.

What is known of either is one sentence of an abstract or of another paper; `parameters` says which value is whose.
"""

from collections.abc import Callable
from typing import Any

from microexp_keras.backend import keras
from microexp_keras.errors import MicroExpError
from microexp_keras.models.seeds import Seeds

layers = keras.layers

STREAMS: tuple[str, ...] = ("gray", "flow_x", "flow_y")

_SAME: dict[str, Any] = {"padding": "same", "activation": "relu"}


def build_cnn_augmentation(
    size: int | tuple[int, int] = 64, num_classes: int = 3, seed: int | None = None
) -> keras.Model:
    """Build the network of the CNN with data augmentation, which sees one image at a time.

    Parameters
    ----------
    size : int or (int, int)
        Rows and columns of an image in pixels, at least 8.
    num_classes : int
        Number of classes.
    seed : int, optional
        Of initial weights and dropout; by default Keras draws them.

    Returns
    -------
    keras.Model
        From float32 `(images, rows, columns, 1)`, scaled, to class probabilities `(images, num_classes)`; the input is
        named "image". Not compiled. 548,099 parameters.

    Raises
    ------
    MicroExpError
        If an image is too small for three poolings.

    References
    ----------
    Takalkar and Xu, "Image based facial micro-expression recognition using deep learning on small datasets",
    DICTA 2017, of which the abstract was seen: every number here is ours.
    """
    rows, columns = (size, size) if isinstance(size, int) else size
    seeds = Seeds(seed)
    _require_eight({"rows": rows, "columns": columns})
    image = keras.Input((rows, columns, 1), name="image")
    x = layers.Conv2D(16, (3, 3), **_SAME, kernel_initializer=seeds.glorot(), name="conv_1")(image)
    x = layers.MaxPooling2D((2, 2), name="pool_1")(x)
    x = layers.Conv2D(32, (3, 3), **_SAME, kernel_initializer=seeds.glorot(), name="conv_2")(x)
    x = layers.MaxPooling2D((2, 2), name="pool_2")(x)
    x = layers.Conv2D(64, (3, 3), **_SAME, kernel_initializer=seeds.glorot(), name="conv_3")(x)
    x = layers.MaxPooling2D((2, 2), name="pool_3")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(128, activation="relu", kernel_initializer=seeds.glorot(), name="dense_1")(x)
    x = layers.Dropout(0.5, seed=seeds.next(), name="dropout")(x)
    x = layers.Dense(num_classes, kernel_initializer=seeds.glorot(), name="dense_2")(x)
    x = layers.Softmax(name="softmax")(x)
    return keras.Model(image, x, name="cnn_augmentation")


def build_3d_fcnn(
    frames: int = 18, size: int | tuple[int, int] = 64, num_classes: int = 3, seed: int | None = None
) -> keras.Model:
    """Build 3D-FCNN: gray levels, flow to the right and flow downwards, fused at the fully connected layer.

    Parameters
    ----------
    frames : int
        Gray frames of a clip, at least 9; there is one flow field fewer.
    size : int or (int, int)
        Rows and columns of a frame in pixels, at least 8.
    num_classes : int
        Number of classes.
    seed : int, optional
        Of initial weights and dropout; by default Keras draws them.

    Returns
    -------
    keras.Model
        From float32 `(clips, rows, columns, frames, 1)` named "gray", and `(clips, rows, columns, frames - 1, 1)` named
        "flow_x" and "flow_y", each scaled, to class probabilities `(clips, num_classes)`. Not compiled. 1,626,035
        parameters.

    Raises
    ------
    MicroExpError
        If a clip is too small or too short for three poolings.

    References
    ----------
    Li, Wang, See and Liu, "Micro-expression recognition based on 3D flow convolutional neural network", Pattern
    Analysis and Applications 22(4), 2019, of which the abstract was seen; three streams and where they are fused, as
    reported in Computer Engineering 2022 no. 12. Every number here is ours.
    """
    rows, columns = (size, size) if isinstance(size, int) else size
    seeds = Seeds(seed)
    _require_eight({"rows": rows, "columns": columns, "flow fields (one less than frames)": frames - 1})
    inputs, streams = [], []
    for name, length in zip(STREAMS, (frames, frames - 1, frames - 1), strict=True):
        stream = keras.Input((rows, columns, length, 1), name=name)
        x = layers.Conv3D(8, (3, 3, 3), **_SAME, kernel_initializer=seeds.glorot(), name=f"{name}_conv_1")(stream)
        x = layers.MaxPooling3D((2, 2, 2), name=f"{name}_pool_1")(x)
        x = layers.Conv3D(16, (3, 3, 3), **_SAME, kernel_initializer=seeds.glorot(), name=f"{name}_conv_2")(x)
        x = layers.MaxPooling3D((2, 2, 2), name=f"{name}_pool_2")(x)
        x = layers.Conv3D(32, (3, 3, 3), **_SAME, kernel_initializer=seeds.glorot(), name=f"{name}_conv_3")(x)
        x = layers.MaxPooling3D((2, 2, 2), name=f"{name}_pool_3")(x)
        inputs.append(stream)
        streams.append(layers.Flatten(name=f"{name}_flatten")(x))
    x = layers.Concatenate(name="fusion")(streams)
    x = layers.Dropout(0.5, seed=seeds.next(), name="dropout_1")(x)
    x = layers.Dense(128, activation="relu", kernel_initializer=seeds.glorot(), name="dense_1")(x)
    x = layers.Dropout(0.5, seed=seeds.next(), name="dropout_2")(x)
    x = layers.Dense(num_classes, kernel_initializer=seeds.glorot(), name="dense_2")(x)
    x = layers.Softmax(name="softmax")(x)
    return keras.Model(inputs, x, name="fcnn_3d")


BUILDERS: dict[str, Callable[..., keras.Model]] = {"cnn-augmentation": build_cnn_augmentation, "3d-fcnn": build_3d_fcnn}


def _require_eight(lengths: dict[str, int]) -> None:
    """Raise unless three poolings by two leave something."""
    for axis, length in lengths.items():
        if length < 8:
            raise MicroExpError(
                axis,
                "at least 8, of which three poolings by two leave 1",
                str(length),
                "Give larger clips.",
            )
