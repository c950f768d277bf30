"""From runs that are prepared to the disk that their weights will take."""

import math
from collections.abc import Sequence

from microexp_keras.models.networks import NETWORKS
from microexp_keras.runs.fold import is_done
from microexp_keras.runs.run import Run
from microexp_keras.weights.layers import flattened_features, weighted_layers


def bytes_to_come(runs: Sequence[Run]) -> int:
    """Say how many bytes the weights of the folds that are not trained yet will take in the end.

    Of every fold the best weights stay; of a run with one fold also the last state, with what the optimizer remembers,
    and the held-out clips. The rivals' files and the figures are not counted.
    """
    left = [(run, [n for n in range(len(run.folds)) if not is_done(run.fold_folder(n))]) for run in runs]
    return sum(_bytes_of_a_fold(run) * len(numbers) for run, numbers in left)


def _bytes_of_a_fold(run: Run) -> int:
    protocol = run.protocol
    if protocol.model not in NETWORKS:
        return 0
    _, *shape = next(iter(run.samples.stacks.values())).shape
    flattened = flattened_features(shape, protocol.kernel_size)
    layers = weighted_layers(protocol.model, protocol.kernel_size, flattened, protocol.database.num_classes)
    weights = 4 * sum(math.prod(kernel) + kernel[-1] for _, kernel, _ in layers)
    if not run.has_one_fold:
        return weights
    state = weights * (2 if protocol.momentum else 1)
    clips = 4 * len(run.folds[0].held_out) * math.prod(shape) * len(run.samples.stacks)
    return weights + state + clips
