"""From runs that are prepared to the memory that a process of theirs needs, and how many processes fit."""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from microexp_keras.models.networks import FILTERS, NETWORKS
from microexp_keras.parallel import cores
from microexp_keras.runs.disk import bytes_of_layers
from microexp_keras.runs.fold import is_done
from microexp_keras.runs.run import Run
from microexp_keras.runs.workers import Workers
from microexp_keras.text import counted, in_bytes

# What follows was measured of processes on a CPU with TensorFlow, see docs/measurements.md; with a card they need less.
KERAS = 850 * 2**20
"""Bytes of a process that has loaded Keras."""

COPIES = 3
"""In how many copies weights, momentum and the largest layer are there at once: their values, what a step computes
(gradients, new values), and the file that is built in memory, or the copy of an epoch whose state is not saved yet."""

ACTIVATIONS = 2.2
"""How often the outputs of a batch's convolutions are there at once: with their gradients and those of the pooling."""

RIVALS = {True: (900 * 2**20, 36), False: (200 * 2**20, 11)}
"""Of rival methods, by whether they are trained step by step: bytes of a process, and of each pixel of a clip."""

RIVALS_FRAMES = 18
"""At most so many frames of a clip count: a rival brings longer ones to that."""


def bytes_of_a_process(run: Run) -> int:
    """Estimate the most memory that a process takes that trains folds of a run."""
    protocol, stacks = run.protocol, run.samples.stacks
    shapes = [one.shape for one in stacks.values()]
    if protocol.model not in NETWORKS:
        base, of_pixel = RIVALS["epochs" in protocol.network.takes]
        return base + of_pixel * sum(math.prod(shape[:3]) * min(shape[3], RIVALS_FRAMES) for shape in shapes)
    layers = bytes_of_layers(run)
    learned = sum(layers) * (2 if protocol.momentum else 1)
    outputs = [
        [size - kernel + 1 for size, kernel in zip(shape[1:], protocol.kernel_size, strict=True)] for shape in shapes
    ]
    convolved = 4 * FILTERS * sum(map(math.prod, outputs)) * protocol.batch_size
    clips = sum(one.nbytes for one in stacks.values() if isinstance(one, np.ndarray))  # others are read as needed
    return int(KERAS + COPIES * (learned + max(layers)) + ACTIVATIONS * convolved + clips)


def free_bytes() -> int:
    """Return how much memory is free, at most what the limit of this process's container leaves beside this process."""
    import psutil
    from distributed.system import MEMORY_LIMIT

    return min(psutil.virtual_memory().available, MEMORY_LIMIT - psutil.Process().memory_info().rss)


def as_many_as_fit(workers: Workers, runs: Sequence[Run]) -> Workers:
    """Say in how many processes of this machine the folds that are left are trained, so that memory is enough.

    Without `--jobs` it is one for each core, or fewer, with the reason on stderr. With it the number stays, with a
    warning if it is too large. Nothing is known of the machines of a cluster.
    """
    left = {run.folder: sum(not is_done(run.fold_folder(n)) for n in range(len(run.folds))) for run in runs}
    folds = sum(left.values())
    if workers.cluster or not folds:
        return workers
    need, title = max((bytes_of_a_process(run), run.title) for run in runs if left[run.folder])
    free, wanted = free_bytes(), workers.processes(folds)
    fitting = max(1, free // need)
    if wanted <= fitting and need <= free:
        return workers
    why = f"a process of {title} needs about {in_bytes(need)} of memory and {in_bytes(max(free, 0))} are free"
    if need > free or workers.jobs:
        safer = f", --jobs {fitting} would be safer" if workers.jobs and wanted > fitting else ""
        print(f"WARNING: {why}: the system may end processes{safer}", file=sys.stderr)
    if workers.jobs:
        return workers
    fewer = replace(workers, jobs=fitting)
    if need <= free or fitting < wanted:
        print(f"{counted(cores(), 'core')}, but {why}: training {fewer.title(folds)}", file=sys.stderr)
    return fewer
