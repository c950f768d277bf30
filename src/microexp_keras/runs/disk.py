"""From runs that are prepared to the disk that their weights will take."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from microexp_keras.models.networks import NETWORKS
from microexp_keras.runs.fold import is_done
from microexp_keras.runs.run import Run
from microexp_keras.weights.layers import flattened_features, weighted_layers


class DiskSpace(NamedTuple):
    """Bytes that weights take: what stays in the end, and the most that lies there at a time."""

    stays: int
    most: int


def bytes_to_come(runs: Sequence[Run], at_once: int) -> DiskSpace:
    """Say how many bytes the weights of the folds that are not trained yet will take.

    Of a run with one fold its best weights stay, its last state, with what the optimizer remembers, and the held-out
    clips; of one with several folds the best weights, if they are to be kept. A fold that is trained has at most its
    best weights, those of a better epoch, its state and the next state, which replaces it. More can lie there if the
    accuracy rises several times within `training.callbacks.STATE_SECONDS`. The rivals' files and the figures are not
    counted.

    Parameters
    ----------
    runs : sequence of Run
    at_once : int
        How many folds are trained at a time.
    """
    left = [(run, [n for n in range(len(run.folds)) if not is_done(run.fold_folder(n))]) for run in runs]
    folds = [space for run, numbers in left for space in [_of_a_fold(run)] * len(numbers)]
    stays = sum(space.stays for space in folds)
    passing = sorted((space.most - space.stays for space in folds), reverse=True)
    return DiskSpace(stays, stays + sum(passing[:at_once]))


def bytes_of_layers(run: Run) -> list[int]:
    """Return the bytes of the weights of each layer of a run's network."""
    protocol = run.protocol
    _, *shape = next(iter(run.samples.stacks.values())).shape
    flattened = flattened_features(shape, protocol.kernel_size)
    layers = weighted_layers(protocol.model, protocol.kernel_size, flattened, protocol.database.num_classes)
    return [4 * (math.prod(kernel) + kernel[-1]) for _, kernel, _ in layers]


def _of_a_fold(run: Run) -> DiskSpace:
    if run.protocol.model not in NETWORKS:
        return DiskSpace(0, 0)
    weights = sum(bytes_of_layers(run))
    state = weights * (2 if run.protocol.momentum else 1)
    clips = 4 * sum(math.prod(stacks.shape[1:]) for stacks in run.samples.stacks.values())
    held_out = clips * len(run.folds[0].held_out) if run.has_one_fold else 0
    stays = (weights if run.keeps_weights else 0) + (state + held_out if run.has_one_fold else 0)
    return DiskSpace(stays, 2 * weights + 2 * state + held_out)
