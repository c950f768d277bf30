"""Seconds per training epoch of the three networks, and how near they come to what the machine can do.

    python benchmarks/epoch_time.py [--plain] [--torch PYTHON] [--original PYTHON]

Beside what one would write otherwise: `model.fit` of plain Keras 3, PyTorch of some interpreter, and Keras 2.0.0 on
TensorFlow 1.x of another (Python 3.6: `pip install keras==2.0.0 tensorflow==1.13.2 numpy==1.16.6 "h5py<3"`). All train
on the same number of clips of the same size, in turns within one run, and the ratio of each turn is printed: on a
shared machine compare ratios, not seconds.

No epoch can be shorter than its arithmetic at the rate of the machine's matrix product, or than the dense weights' ways
through memory at the rate at which it subtracts large arrays. The longer of the two is the bound.
"""

import math
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from harness import begin, whole

from microexp_keras.backend import import_keras
from microexp_keras.models.networks import NETWORKS
from microexp_keras.parallel import cores

keras = import_keras()

from microexp_keras import training  # noqa: E402 (Keras is loaded without its start-up remarks first)

SIZES = {"SMIC": (18, 128), "CAS(ME)^2": (96, 32)}  # frames, clips in the epoch
BATCH = 16


def our_epochs(network, frames, clips, epochs):
    """Seconds of each of `epochs` epochs after one that is not counted."""
    size, inputs = NETWORKS[network].size, NETWORKS[network].inputs
    model = NETWORKS[network].build(frames)
    training.compile_model(model, 0.01)
    random = np.random.default_rng(0)
    images = {name: random.normal(size=(clips, size, size, frames, 1)).astype("float32") for name in inputs}
    labels = np.eye(3, dtype="float32")[random.integers(0, 3, clips)]
    batches = training.Batches(images, labels, np.arange(clips), BATCH, seed=0)
    seconds = []
    for turn in range(epochs + 1):
        start = time.perf_counter()
        training.train_epoch(model, batches, turn)
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def other_epochs(python, script, network, frames, clips, epochs):
    """The same, of the same network by a script beside this in an interpreter of its own."""
    script = str(Path(__file__).with_name(script))
    command = [python, script, network, str(frames), str(clips), str(BATCH), str(epochs)]
    # TensorFlow 2 leaves TF2_BEHAVIOR in the environment, with which TensorFlow 1 has no placeholders.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"error: {' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return [float(line) for line in done.stdout.split()]


def shortest(call, turns=8):
    """Seconds of the fastest of several calls."""
    seconds = []
    for _ in range(turns):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def matrix_rate(edge=3072):
    """GFLOP/s of a float32 matrix product, by the library that numpy uses."""
    a, b = (np.random.default_rng(0).normal(size=(edge, edge)).astype("float32") for _ in range(2))
    return 2 * edge**3 / shortest(lambda: a @ b) / 1e9


def memory_rate():
    """GB/s of the update `a -= b` of 256 MB arrays, on all cores."""
    parts = [np.ones((2, 2**26 // cores()), "float32") for _ in range(cores())]
    with ThreadPoolExecutor(cores()) as pool:
        best = shortest(lambda: list(pool.map(lambda part: np.subtract(part[0], part[1], out=part[0]), parts)))
    return 3 * sum(part[0].nbytes for part in parts) / best / 1e9


def work(network, frames, clips):
    """GFLOP that an epoch needs at least, and GB that it moves at least.

    Of each convolution the outputs that pooling keeps, once forward and once for its kernel; of each dense layer the
    product forward, for its kernel and for its inputs. In each step a dense kernel is read forward and backward, its
    gradient is written, and for the update both are read and the kernel is written.
    """
    flop = moved = 0
    for layer in NETWORKS[network].build(frames).layers:
        if isinstance(layer, keras.layers.Conv3D):
            flop += clips * 2 * 2 * np.prod(layer.output.shape[1:]) * 3 * 3 * 15
        elif isinstance(layer, keras.layers.Dense):
            flop += clips * 3 * 2 * np.prod(layer.kernel.shape)
            moved += math.ceil(clips / BATCH) * 6 * 4 * np.prod(layer.kernel.shape)
    return flop / 1e9, moved / 1e9


def main():
    """Print a line for each network and size of clips."""
    args = begin(
        __doc__,
        ("--plain", {"action": "store_true", "help": "compare with model.fit of plain Keras 3"}),
        ("--torch", {"metavar": "PYTHON", "help": "interpreter with PyTorch, to compare with"}),
        ("--original", {"metavar": "PYTHON", "help": "interpreter with Keras 2.0.0, to compare with"}),
        ("--networks", {"nargs": "+", "choices": NETWORKS, "default": list(NETWORKS), "help": "default: all three"}),
        ("--epochs", whole(3, "counted epochs a turn")),
        ("--turns", whole(3, "of both sides")),
    )
    others = {
        "plain Keras 3": (sys.executable if args.plain else None, "keras_epochs.py"),
        "PyTorch": (args.torch, "torch_epochs.py"),
        "the original": (args.original, "keras_epochs.py"),
    }
    others = {name: command for name, command in others.items() if command[0]}
    rate, memory = matrix_rate(), memory_rate()
    print(f"float32 matrix product: {rate:.0f} GFLOP/s; memory: {memory:.0f} GB/s")
    for network in args.networks:
        for name, (frames, clips) in SIZES.items():
            ours, ratios = [], {other: [] for other in others}
            for _ in range(args.turns):
                turn = our_epochs(network, frames, clips, args.epochs)
                ours += turn
                for other, command in others.items():
                    taken = other_epochs(*command, network, frames, clips, args.epochs)
                    ratios[other].append(statistics.median(taken) / statistics.median(turn))
            median = statistics.median(ours)
            gflop, gigabytes = work(network, frames, clips)
            bound = max(gflop / rate, gigabytes / memory)
            print(
                f"{network} on {name}: {clips} clips of {frames} frames: {median:.3f} s/epoch ({min(ours):.3f} to "
                f"{max(ours):.3f}); {gflop:.1f} GFLOP, {gigabytes:.2f} GB: {bound / median:.0%} of the bound",
                flush=True,
            )
            for other, each in ratios.items():
                turns = ", ".join(f"{ratio:.2f}" for ratio in each)
                print(f"    times as fast as {other}: median {statistics.median(each):.2f}; {turns}", flush=True)


if __name__ == "__main__":
    main()
