"""One frozen dataclass per protocol: everything in which they differ, as data."""

from collections.abc import Callable
from dataclasses import dataclass

from microexp_keras import splits
from microexp_keras.errors import MicroExpError


@dataclass(frozen=True)
class Protocol:
    """How a network is trained and scored on a database.

    Attributes
    ----------
    name, model, dataset : str
        `"upstream"`, `"stcnn"`, `"smic"`: the key under which `get` finds it.
    frames : int
        Frames read of each clip, from its first.
    size : int
        Rows and columns of a frame after resizing, in pixels.
    split : callable
        `(labels, subjects) -> list[Fold]`, a function of `microexp_keras.splits`.
    batch_size, epochs : int
        Clips per step, passes over the training clips.
    learning_rate : float
        Of plain stochastic gradient descent.
    source : str
        Where these settings come from.
    """

    name: str
    model: str
    dataset: str
    frames: int
    size: int
    split: Callable
    batch_size: int
    epochs: int
    learning_rate: float
    source: str


_ALL = [
    Protocol(
        name="upstream",
        model="stcnn",
        dataset="smic",
        frames=18,  # SMIC/MicroExpSTCNN.py:18
        size=64,
        split=splits.random_fifth,
        batch_size=16,  # SMIC/MicroExpSTCNN.py:142
        epochs=100,
        learning_rate=0.01,  # what 'SGD' means in Keras 2.0.0
        source="SMIC/MicroExpSTCNN.py",
    ),
    Protocol(
        name="paper",
        model="stcnn",
        dataset="smic",
        frames=18,
        size=64,
        split=splits.random_fifth,
        batch_size=8,
        epochs=100,
        learning_rate=0.01,
        source="Reddy et al. 2019, section IV (batch 8, 100 epochs, 20 % held out)",
    ),
]

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
    known = "; ".join(f"{protocol.name} for {protocol.model} on {protocol.dataset}" for protocol in _ALL)
    raise MicroExpError(f"protocol: expected one of [{known}], received {name} for {model} on {dataset}.")
