"""The paper's three networks as functional Keras graphs, input channels last: (rows, columns, time, 1).

Three things differ from the paper's tables only to save time; the mathematics is the same. Frames, rows and columns
that the pooling would discard are cropped before the convolution instead of after it, the ReLU stands behind the
max-pooling instead of before it (the two commute), and `Conv3D` and `Dense` are those of `models.layers`.

References
----------
Reddy et al., "Spontaneous Facial Micro-Expression Recognition using 3D Spatiotemporal Convolutional Neural Networks",
IJCNN 2019, Tables I and II; the programs `{SMIC,CASME-SQUARE}/MicroExpSTCNN.py`, `Intermediate_*.py`, `Late_*.py`.
"""

from collections.abc import Sequence

from microexp_keras.backend import drawing_from, drawn_seed, keras
from microexp_keras.errors import MicroExpError
from microexp_keras.models.layers import LAST, Conv3D, Dense, Keras2GlorotUniform
from microexp_keras.models.original import FILTERS, POOL

layers = keras.layers


def build_microexp_stcnn(
    frames: int = 18,
    size: int | tuple[int, int] = 64,
    num_classes: int = 3,
    kernel_size: tuple[int, int, int] = (3, 3, 15),
    conv_initializer: str = "keras2_glorot_uniform",
    seed: int | None = None,
) -> keras.Model:
    """Build MicroExpSTCNN, the network on the whole face (Table I).

    Parameters
    ----------
    frames : int
        Frames per clip: 18 for SMIC, 96 for CAS(ME)^2.
    size : int or (int, int)
        Rows and columns of a frame in pixels.
    num_classes : int
        Number of classes.
    kernel_size : (int, int, int)
        Rows, columns and frames of the convolution kernel; Table IX varies it.
    conv_initializer : str
        Initial values of the convolution kernels: `"keras2_glorot_uniform"` as the original has them (see
        `Keras2GlorotUniform`), or any other that Keras knows by name.
    seed : int, optional
        Of initial values and dropout; by default Keras draws them.

    Returns
    -------
    keras.Model
        From float32 `(clips, rows, columns, time, 1)`, standardised, to class probabilities `(clips, num_classes)`.
        Not compiled. 1,643,267 parameters for 18 frames, 44,241,667 for 96.

    Raises
    ------
    MicroExpError
        If a clip is too small for the kernel and one pooling window.
    """
    with drawing_from(seed):
        face = _input("face", frames, size)
        x = _convolved_stream(face, kernel_size, conv_initializer)
        x = Dense(128, activation="relu", kernel_initializer=_keras2_normal(), name="dense_1")(x)
        x = layers.Dropout(0.5, seed=drawn_seed(), name="dropout_2")(x)
        x = Dense(num_classes, kernel_initializer=_keras2_normal(), name="dense_2")(x)
        x = layers.Softmax(dtype="float32", name="softmax")(x)
        return keras.Model(face, x, name="microexp_stcnn")


def build_intermediate_fusenet(
    frames: int = 18,
    size: int | tuple[int, int] = 32,
    num_classes: int = 3,
    kernel_size: tuple[int, int, int] = (3, 3, 15),
    conv_initializer: str = "keras2_glorot_uniform",
    seed: int | None = None,
) -> keras.Model:
    """Build the Intermediate MicroExpFuseNet: eyes and mouth, concatenated after the convolutions (Table II).

    Its dense layers are linear, as in the original programs. Parameters, errors and axis order are those of
    `build_microexp_stcnn`; the inputs are named "eyes" and "mouth". 6,694,915 parameters for 18 frames, 177,088,515
    for 96.
    """
    with drawing_from(seed):
        regions = [_input(name, frames, size) for name in ("eyes", "mouth")]
        streams = [_convolved_stream(x, kernel_size, conv_initializer, f"{x.name}_") for x in regions]
        x = layers.Concatenate(name="fusion")(streams)
        x = _dense_layers(x)
        x = Dense(num_classes, name="dense_3")(x)
        x = layers.Softmax(dtype="float32", name="softmax")(x)
        return keras.Model(regions, x, name="intermediate_fusenet")


def build_late_fusenet(
    frames: int = 18,
    size: int | tuple[int, int] = 32,
    num_classes: int = 3,
    kernel_size: tuple[int, int, int] = (3, 3, 15),
    conv_initializer: str = "keras2_glorot_uniform",
    seed: int | None = None,
) -> keras.Model:
    """Build the Late MicroExpFuseNet: each region has its own dense layers, fused before the classifier.

    The original applies a second ReLU behind the pooling, which changes nothing. Its dense layers are linear.
    Parameters, errors and axis order are those of `build_intermediate_fusenet`. 6,827,523 parameters for 18 frames,
    177,221,123 for 96.
    """
    with drawing_from(seed):
        regions = [_input(name, frames, size) for name in ("eyes", "mouth")]
        streams = []
        for x in regions:
            prefix = f"{x.name}_"
            x = _convolved_stream(x, kernel_size, conv_initializer, prefix)
            streams.append(_dense_layers(x, prefix))
        x = layers.Concatenate(name="fusion")(streams)
        x = Dense(num_classes, name="dense")(x)
        x = layers.Softmax(dtype="float32", name="softmax")(x)
        return keras.Model(regions, x, name="late_fusenet")


def _convolved_stream(
    x: keras.KerasTensor, kernel_size: tuple[int, int, int], initializer: str, prefix: str = ""
) -> keras.KerasTensor:
    """One region of the face: convolution, max-pooling, ReLU, dropout, flatten; the part the networks share."""
    initial = Keras2GlorotUniform() if initializer == "keras2_glorot_uniform" else initializer
    discarded = _discarded_by_pooling(x.shape[1:4], kernel_size)
    x = layers.Cropping3D(discarded, data_format=LAST, name=prefix + "crop")(x)
    x = Conv3D(FILTERS, kernel_size, data_format=LAST, kernel_initializer=initial, name=prefix + "conv")(x)
    x = layers.MaxPooling3D(POOL, data_format=LAST, name=prefix + "pool")(x)
    x = layers.ReLU(name=prefix + "relu")(x)
    x = layers.Dropout(0.5, seed=drawn_seed(), name=prefix + "dropout_1")(x)
    return layers.Flatten(LAST, name=prefix + "flatten")(x)


def _dense_layers(x: keras.KerasTensor, prefix: str = "") -> keras.KerasTensor:
    """The two linear layers of the fused networks, with their dropout."""
    x = Dense(1024, name=prefix + "dense_1")(x)
    x = layers.Dropout(0.5, seed=drawn_seed(), name=prefix + "dropout_2")(x)
    x = Dense(128, name=prefix + "dense_2")(x)
    return layers.Dropout(0.5, seed=drawn_seed(), name=prefix + "dropout_3")(x)


def _keras2_normal() -> keras.initializers.Initializer:
    """What 'normal' means in Keras 2.0.0; one for each layer, since an initializer repeats its draws."""
    return keras.initializers.RandomNormal(stddev=0.05)


def _input(name: str, frames: int, size: int | tuple[int, int]) -> keras.KerasTensor:
    rows, columns = (size, size) if isinstance(size, int) else size
    return keras.Input((rows, columns, frames, 1), name=name)


def _discarded_by_pooling(shape: Sequence[int], kernel_size: Sequence[int]) -> list[tuple[int, int]]:
    """Margins `((0, rows), (0, columns), (0, frames))` that no pooling window of the convolution's output reaches."""
    margins = []
    for axis, length, kernel in zip(("rows", "columns", "frames"), shape, kernel_size, strict=True):
        if length < kernel + POOL - 1:
            raise MicroExpError(
                axis,
                f"a kernel of {kernel} and a pooling window of {POOL} take at least {kernel + POOL - 1}, not {length}",
                "Give larger clips or a smaller kernel_size.",
            )
        margins.append((0, (length - kernel + 1) % POOL))
    return margins
