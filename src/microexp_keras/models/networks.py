"""The methods of Table V as data: the networks, with the original's layers and files, and the rivals. No Keras."""

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from microexp_keras.errors import MicroExpError

if TYPE_CHECKING:
    import keras

FILTERS = 32  # of every convolution (Tables I and II)
POOL = 3  # edge of the max-pooling, in pixels and in frames

LAYER_CLASSES = {
    "input": "InputLayer",
    "conv3d": "Conv3D",
    "max_pooling3d": "MaxPooling3D",
    "dropout": "Dropout",
    "flatten": "Flatten",
    "dense": "Dense",
    "concatenate": "Concatenate",
    "activation": "Activation",
}
"""Class of the original's layers by the first part of their names."""


class Layer(NamedTuple):
    """One layer of an original network, named as Keras 2.0.0 named it."""

    name: str
    inputs: list[str]
    activation: str | None
    ours: str | None  # the layer of our builder that takes its weights
    units: int | None  # None in the last dense layer: the number of classes

    @property
    def kind(self) -> str:
        """Its class in Keras."""
        return LAYER_CLASSES[self.name.rpartition("_")[0]]


def _layers(*steps: tuple) -> tuple[Layer, ...]:
    """Spell out steps `(names, activation, ours, units)`: eyes and mouth side by side, each fed by the step before."""
    layers: list[Layer] = []
    previous: list[str] = []
    for step in steps:
        names, activation, ours, units = (*step, None, None, None)[:4]
        names = names.split()
        inputs = [[name] for name in previous] if len(names) == len(previous) else [previous] * len(names)
        ours = ours.split() if ours else [None] * len(names)
        layers += [Layer(*layer, units) for layer in zip(names, inputs, [activation] * len(names), ours, strict=True)]
        previous = names
    return tuple(layers)


STEPWISE = frozenset({"epochs", "batch_size", "patience", "tensorboard", "keep_all"})
"""Settings of a run that concern methods trained step by step."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """A row of Table V; those that are no `Network` are fitted by the room `baselines`.

    Attributes
    ----------
    name : str
        As the commands and files write it: `"stcnn"`.
    title : str
        As the paper writes it: `"MicroExpSTCNN"`; a reconstruction says that it is one.
    sees : str
        What it judges by, in a few words.
    printed : str
        The beginning of its row in the paper's table.
    inputs : tuple of str
        What is cut out of a frame: `("face",)`, or `("eyes", "mouth")`.
    size : int
        Rows and columns of each input in pixels (Tables I and II).
    takes : frozenset of str
        Settings of a run that mean something to it, of those that not all methods know.
    """

    name: str
    title: str
    sees: str
    printed: str
    inputs: tuple[str, ...] = ("face",)
    size: int = 64
    takes: frozenset[str] = frozenset()

    @property
    def on_whole_face(self) -> bool:
        """Whether it sees the whole face, so that no landmarks are needed."""
        return self.inputs == ("face",)


@dataclass(frozen=True, kw_only=True)
class Network(Method):
    """One network of the paper.

    Attributes
    ----------
    builder : str
        Function of `models` that builds it.
    validation_files : dict of str to str
        For each input the beginning of the names under which the original saves its held-out clips.
    original_layers : tuple of Layer
        In the order of the original's files. Those with weights stand in the same order in our model.
    """

    takes: frozenset[str] = STEPWISE | {"kernel_size", "precision", "weights", "training_images"}
    builder: str
    validation_files: dict[str, str]
    original_layers: tuple[Layer, ...]

    def build(
        self,
        frames: int = 18,
        size: int | tuple[int, int] | None = None,
        num_classes: int = 3,
        kernel_size: tuple[int, int, int] = (3, 3, 15),
        conv_initializer: str = "keras2_glorot_uniform",
        seed: int | None = None,
    ) -> "keras.Model":
        """Build the network, by default at its own size; see `models.build_microexp_stcnn` for the parameters."""
        builders = importlib.import_module("microexp_keras.models.builders")
        build = getattr(builders, self.builder)
        return build(frames, size or self.size, num_classes, kernel_size, conv_initializer, seed)


STCNN = Network(
    name="stcnn",
    title="MicroExpSTCNN",
    sees="gray levels of the whole face over time",
    printed="MicroExpSTCNN",
    inputs=("face",),
    size=64,
    builder="build_microexp_stcnn",
    validation_files={"face": "microexpstcnn_val"},  # SMIC/MicroExpSTCNN.py:132-133
    original_layers=_layers(
        ("conv3d_1", "relu", "conv"),
        ("max_pooling3d_1",),
        ("dropout_1",),
        ("flatten_1",),
        ("dense_1", "relu", "dense_1", 128),
        ("dropout_2",),
        ("dense_2", "linear", "dense_2"),
        ("activation_1", "softmax"),
    ),
)

INTERMEDIATE = Network(
    name="intermediate",
    title="Intermediate MicroExpFuseNet",
    sees="gray levels of eyes and mouth over time, fused before the dense layers",
    printed="Intermediate MicroExpFuseNet",
    inputs=("eyes", "mouth"),
    size=32,
    builder="build_intermediate_fusenet",
    validation_files={  # SMIC/Intermediate_MicroFuseNet.py:234-237
        "eyes": "intermediate_microexpfusenet_eval",
        "mouth": "intermediate_microexpfusenet_nval",
    },
    original_layers=_layers(
        ("input_1 input_2",),
        ("conv3d_1 conv3d_2", "linear", "eyes_conv mouth_conv"),
        ("activation_1 activation_2", "relu"),
        ("max_pooling3d_1 max_pooling3d_2",),
        ("dropout_1 dropout_2",),
        ("flatten_1 flatten_2",),
        ("concatenate_1",),
        ("dense_1", "linear", "dense_1", 1024),
        ("dropout_3",),
        ("dense_2", "linear", "dense_2", 128),
        ("dropout_4",),
        ("dense_3", "linear", "dense_3"),
        ("activation_3", "softmax"),
    ),
)

LATE = Network(
    name="late",
    title="Late MicroExpFuseNet",
    sees="gray levels of eyes and mouth over time, fused before the last layer",
    printed="Late MicroExpFuseNet",
    inputs=("eyes", "mouth"),
    size=32,
    builder="build_late_fusenet",
    validation_files={  # SMIC/Late_MicroFuseNet.py:240-243
        "eyes": "late_microexpfusenet_eval",
        "mouth": "late_microexpfusenet_nval",
    },
    original_layers=_layers(
        ("input_1 input_2",),
        ("conv3d_1 conv3d_2", "linear", "eyes_conv mouth_conv"),
        ("activation_1 activation_3", "relu"),
        ("max_pooling3d_1 max_pooling3d_2",),
        ("activation_2 activation_4", "relu"),
        ("dropout_1 dropout_4",),
        ("flatten_1 flatten_2",),
        ("dense_1 dense_3", "linear", "eyes_dense_1 mouth_dense_1", 1024),
        ("dropout_2 dropout_5",),
        ("dense_2 dense_4", "linear", "eyes_dense_2 mouth_dense_2", 128),
        ("dropout_3 dropout_6",),
        ("concatenate_1",),
        ("dense_5", "linear", "dense"),
        ("activation_5", "softmax"),
    ),
)

NETWORKS = {network.name: network for network in (STCNN, INTERMEDIATE, LATE)}

RIVALS = {
    method.name: method
    for method in (
        Method(
            name="lbp-top",
            title="LBP-TOP",
            sees="which neighbours are darker, in the frame and over time, counted in 64 parts of the face",
            printed="LBP-TOP (2013)",
        ),
        Method(
            name="stclqp",
            title="STCLQP (our reconstruction)",
            sees="sign, size and direction of differences between neighbours, counted by learned words in 64 parts of "
            "the face",
            printed="STCLQP (2016)",
        ),
        Method(
            name="cnn-augmentation",
            title="CNN with augmentation (our reconstruction)",
            sees="single frames without their order, so the face but no motion",
            printed="CNN with augmentation (2017)",
            takes=STEPWISE,
        ),
        Method(
            name="3d-fcnn",
            title="3D-FCNN (our reconstruction)",
            sees="gray levels and optical flow over time",
            printed="3D-FCNN (2018)",
            takes=STEPWISE,
        ),
    )
}
"""The methods that the paper compares with; see `baselines`."""

METHODS: dict[str, Method] = {**RIVALS, **NETWORKS}
"""All rows of Table V, in its order."""


def get_method(name: str) -> Method:
    """Return the method of that name.

    Raises
    ------
    MicroExpError
        If there is none; the message lists those that there are.
    """
    if name not in METHODS:
        raise MicroExpError("model", f"one of {', '.join(METHODS)}", repr(name))
    return METHODS[name]
