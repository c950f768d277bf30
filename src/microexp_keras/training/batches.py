"""From inputs, targets and positions to one epoch of training, batch by batch in a repeatable order."""

import math
from collections.abc import Mapping

import numpy as np

from microexp_keras.backend import keras
from microexp_keras.preprocessing.standardization import StandardizedInput

Inputs = Mapping[str, np.ndarray | StandardizedInput]
"""By name of the network's input: float32 (clips, rows, columns, time, 1), or what gives such arrays for positions."""


class Batches:
    """Training batches whose order depends on the seed and the epoch alone, on every backend.

    Keras' own shuffling of arrays replays one permutation in every epoch after `set_random_seed` (TensorFlow), and a
    resumed run would replay the first ones.

    Parameters
    ----------
    inputs : dict of str to float32 array (clips, rows, columns, time, 1)
        By name of the network's input; or what gives such arrays for positions, as `preprocessing.network_inputs`.
    targets : float32 array (clips, classes)
    positions : int array
        Which of the clips are trained on.
    batch_size, seed : int
    """

    def __init__(self, inputs: Inputs, targets: np.ndarray, positions: np.ndarray, batch_size: int, seed: int) -> None:
        self.inputs, self.targets, self.positions = inputs, targets, positions
        self.batch_size, self.seed = batch_size, seed
        self.reorder(0)

    def reorder(self, epoch: int) -> None:
        """Draw the order of `epoch`."""
        random = np.random.default_rng([self.seed, epoch])
        self.order = self.positions[random.permutation(len(self.positions))]

    def __len__(self) -> int:
        return math.ceil(len(self.positions) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray | list[np.ndarray], np.ndarray]:
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return keras_inputs(self.inputs, chosen), self.targets[chosen]


def train_epoch(
    model: keras.Model, batches: Batches, epoch: int, callbacks: keras.callbacks.CallbackList | None = None
) -> dict[str, float]:
    """Train a compiled model on every batch once and return the epoch's logs.

    This stands in for `model.fit`, which with TensorFlow builds a tf.data pipeline for every epoch and every
    validation; starting one takes up to a second now and then, more than a whole epoch on SMIC.

    Parameters
    ----------
    model : keras.Model
    batches : Batches
    epoch : int
        Decides the order of the clips.
    callbacks : keras.callbacks.CallbackList, optional
        Told of every batch.

    Returns
    -------
    dict of str to float
        Means over the epoch: `loss`, `accuracy`.
    """
    batches.reorder(epoch)
    seen = []
    for index in range(len(batches)):
        if callbacks:
            callbacks.on_train_batch_begin(index)
        inputs, targets = batches[index]
        model.reset_metrics()  # newer versions of Keras do so by themselves, 3.12 does not
        logs = model.train_on_batch(inputs, targets, return_dict=True)
        seen.append((len(targets), logs))
        if callbacks:
            callbacks.on_train_batch_end(index, logs)
    return _mean_logs(seen)


def keras_inputs(inputs: Inputs, positions: np.ndarray | None = None) -> np.ndarray | list[np.ndarray]:
    """Return clips as `model.fit` and `model.predict` take them; they warn of a dict for a network of one input.

    Parameters
    ----------
    inputs : dict of str to float32 array (clips, rows, columns, time, 1)
        As `preprocessing.network_inputs` gives them.
    positions : int array, optional
        Of which clips; by default all.

    Returns
    -------
    array, or list of them in the order of the network's inputs
    """
    taken = [array[:] if positions is None else array[positions] for array in inputs.values()]
    return taken if len(taken) > 1 else taken[0]


def _mean_logs(seen: list[tuple[int, dict[str, float]]]) -> dict[str, float]:
    """Mean over clips of `(clips, logs)` of single batches."""
    clips = sum(count for count, _ in seen)
    return {name: sum(count * float(logs[name]) for count, logs in seen) / clips for name in seen[0][1]}
