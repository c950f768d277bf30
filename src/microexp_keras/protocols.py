"""One frozen dataclass per protocol: everything in which they differ, as data."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from microexp_keras import splits
from microexp_keras.errors import MicroExpError

INPUTS = {"stcnn": ("face",), "intermediate": ("eyes", "mouth"), "late": ("eyes", "mouth")}
"""For each network the names of its inputs: what is cut out of a frame."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a network is trained and scored on a database.

    Attributes
    ----------
    name, model, dataset : str
        `"upstream"`, `"stcnn"`, `"smic"`: the key under which `get` finds it.
    frames : int
        Frames read of each clip, from its first.
    size : int
        Rows and columns of a frame, or of a region, after resizing, in pixels.
    swapped_colours : bool
        Whether frames are taken as red, green, blue where the conversion to gray expects blue, green, red, so that
        the weights of red and blue are exchanged.
    landmark_faults : str
        What happens to a frame in which the detector finds no face, or several, or a region beyond the border:
        `"stop"` with an error that names it, or `"neighbours"`: take the points of the frames before and after it,
        and say so in the report.
    last_class_copies : int
        How often each clip of the last class stands in the arrays.
    labels_by_position : bool
        Whether labels are written by position from the numbers of clips in the class folders, the rest staying class
        0, instead of clip by clip. It makes a difference only where clips stand in the arrays more than once.
    eyes_trained_on : str
        Region that the input `eyes` sees in training; scored is always with the eyes.
    split : callable
        `(labels, subjects) -> list[Fold]`, a function of `microexp_keras.splits`.
    batch_size, epochs : int
        Clips per step, passes over the training clips.
    learning_rate, momentum : float
        Of stochastic gradient descent.
    conv_initializer : str
        Initial values of the convolution kernels, see `models.build_microexp_stcnn`.
    probability_floor : float
        Probabilities below it count as this value in the loss and have no gradient, see `training.Crossentropy`.
    source : str
        Where these settings come from.
    """

    name: str
    model: str
    dataset: str
    frames: int
    size: int
    swapped_colours: bool = False
    landmark_faults: str = "neighbours"
    last_class_copies: int = 1
    labels_by_position: bool = False
    eyes_trained_on: str = "eyes"
    split: Callable = splits.random_fifth
    batch_size: int
    epochs: int
    learning_rate: float = 0.01  # what 'SGD' means in Keras 2.0.0
    momentum: float = 0.0
    conv_initializer: str = "keras2_glorot_uniform"
    probability_floor: float = 1e-7  # keras/backend/common.py of Keras 2.0.0
    source: str

    @property
    def inputs(self):
        """Names of the network's inputs."""
        return INPUTS[self.model]

    def training_inputs(self, inputs):
        """Give for each input of the network the array that it is trained on, of a dict of those it is scored on."""
        return {name: inputs[self.eyes_trained_on if name == "eyes" else name] for name in inputs}


_UPSTREAM = [
    Protocol(
        name="upstream",
        model="stcnn",
        dataset="smic",
        frames=18,  # SMIC/MicroExpSTCNN.py:18
        size=64,
        labels_by_position=True,  # SMIC/MicroExpSTCNN.py:78-80
        batch_size=16,  # SMIC/MicroExpSTCNN.py:142
        epochs=100,
        source="SMIC/MicroExpSTCNN.py",
    ),
    Protocol(
        name="upstream",
        model="intermediate",
        dataset="smic",
        frames=18,  # SMIC/Intermediate_MicroFuseNet.py:61
        size=32,  # SMIC/Intermediate_MicroFuseNet.py:68
        landmark_faults="stop",
        last_class_copies=2,  # SMIC/Intermediate_MicroFuseNet.py:133-136
        labels_by_position=True,  # SMIC/Intermediate_MicroFuseNet.py:147-149
        eyes_trained_on="mouth",  # SMIC/Intermediate_MicroFuseNet.py:231
        split=splits.last_fifth_scored_on_all,
        batch_size=4,  # SMIC/Intermediate_MicroFuseNet.py:240
        epochs=250,
        source="SMIC/Intermediate_MicroFuseNet.py",
    ),
    Protocol(
        name="upstream",
        model="late",
        dataset="smic",
        frames=18,  # SMIC/Late_MicroFuseNet.py:61
        size=32,  # SMIC/Late_MicroFuseNet.py:68
        landmark_faults="stop",
        last_class_copies=2,  # SMIC/Late_MicroFuseNet.py:133-136
        labels_by_position=True,  # SMIC/Late_MicroFuseNet.py:147-149
        split=splits.last_fifth_scored_on_all,
        batch_size=16,  # SMIC/Late_MicroFuseNet.py:246
        epochs=250,
        source="SMIC/Late_MicroFuseNet.py",
    ),
    Protocol(
        name="upstream",
        model="stcnn",
        dataset="casme2",
        frames=96,  # CASME-SQUARE/MicroExpSTCNN.py:21
        size=64,
        swapped_colours=True,  # CASME-SQUARE/MicroExpSTCNN.py:37: imageio's frames are red, green, blue
        labels_by_position=True,  # CASME-SQUARE/MicroExpSTCNN.py:78-80
        batch_size=16,  # CASME-SQUARE/MicroExpSTCNN.py:143
        epochs=100,
        source="CASME-SQUARE/MicroExpSTCNN.py",
    ),
    *(
        Protocol(
            name="upstream",
            model=model,
            dataset="casme2",
            frames=96,  # line 71 of both programs
            size=32,  # :77
            swapped_colours=True,  # :78
            landmark_faults="stop",
            labels_by_position=True,  # :154-156
            split=splits.last_fifth_scored_on_all,
            batch_size=16,  # Intermediate :248, Late :253
            epochs=100,
            source=f"CASME-SQUARE/{model.capitalize()}_MicroExpFuseNet.py",
        )
        for model in ("intermediate", "late")
    ),
]

_PAPER = [
    Protocol(
        name="paper",
        model=model,
        dataset=dataset,
        frames=frames,
        size=64 if model == "stcnn" else 32,  # Tables I and II
        batch_size=8,
        epochs=100,
        source="Reddy et al. 2019, section IV (batch 8, 100 epochs, 20 % held out)",
    )
    for dataset, frames in (("smic", 18), ("casme2", 96))
    for model in INPUTS
]

# What makes the fused networks learn at SMIC's 18 frames, found by benchmarks/fusenet_learning.py on synthetic clips:
# initial values as Glorot's rule gives them. The lower floor lets a network that saturates all the same go on. At 96
# frames (CAS(ME)^2) this was not enough: the Late network diverged all the same.
_GLOROT = [
    replace(
        paper,
        name="glorot",
        batch_size=16,
        conv_initializer="glorot_uniform",
        probability_floor=1e-30,
        source="this package: paper's settings, batch 16, initial values by Glorot's rule in full, loss floor 1e-30",
    )
    for paper in _PAPER
    if paper.model != "stcnn" and paper.dataset == "smic"
]

_ALL = [*_UPSTREAM, *_PAPER, *_GLOROT]

NAMES = tuple(dict.fromkeys(protocol.name for protocol in _ALL))


def get(name, model="stcnn", dataset="smic"):
    """Return the protocol of that name for a network on a database.

    Raises
    ------
    MicroExpError
        If there is none; the message lists those that there are.
    """
    for protocol in _ALL:
        if (protocol.name, protocol.model, protocol.dataset) == (name, model, dataset):
            return protocol
    alike = [protocol for protocol in _ALL if protocol.name == name] or _ALL
    known = "; ".join(f"{protocol.name} for {protocol.model} on {protocol.dataset}" for protocol in alike)
    raise MicroExpError(f"protocol: expected one of [{known}], received {name} for {model} on {dataset}.")
