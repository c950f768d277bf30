"""Seconds per training epoch on this machine's device, and how near they are to what it can compute and move.

    python benchmarks/gpu.py [--networks NAME ...] [--epochs N] [--precision bfloat16]

On every backend of Keras: KERAS_BACKEND=tensorflow, jax or torch. The device's limits are measured here too, as the
best of several large matrix products and of several additions to a large array. The host's part is what an epoch takes
to choose the clips of its batches and to bring them to the device, while nothing is trained; on a CPU that is a copy.
"""

import argparse
import math
import os
import statistics
import time

import numpy as np
from epoch_time import BATCH, SIZES, keras, work

from microexp_keras import runs, training
from microexp_keras.backend import computing_in
from microexp_keras.models.networks import NETWORKS
from microexp_keras.runs.settings import PRECISIONS

PASSES = 6
"""Over the weights in a step: read forward and backward, gradients written and read, weights read and written."""


def best(function, turns=5):
    """Seconds of the fastest of several calls, after one that is not counted; the result is waited for."""
    taken = []
    for _ in range(turns + 1):
        start = time.perf_counter()
        keras.ops.convert_to_numpy(function())
        taken.append(time.perf_counter() - start)
    return min(taken[1:])


def limits(edge, megabytes):
    """GFLOP/s of a float32 matrix product, and GB/s of reading and writing an array."""
    random = np.random.default_rng(0)
    a, b = (keras.ops.convert_to_tensor(random.normal(size=(edge, edge)).astype("float32")) for _ in range(2))
    large = keras.ops.ones((megabytes * 250_000,), "float32")
    product = best(lambda: keras.ops.matmul(a, b)[0, 0])
    addition = best(lambda: (large + 1.0)[0])
    return 2 * edge**3 / product / 1e9, 2 * megabytes / 1e3 / addition


def made_up(network, frames, clips):
    """Batches of noise for a network."""
    size, inputs = NETWORKS[network].size, NETWORKS[network].inputs
    random = np.random.default_rng(0)
    images = {name: random.normal(size=(clips, size, size, frames, 1)).astype("float32") for name in inputs}
    labels = np.eye(3, dtype="float32")[random.integers(0, 3, clips)]
    return training.Batches(images, labels, np.arange(clips), BATCH, seed=0)


def host_seconds(batches):
    """Seconds to choose the clips of an epoch's batches and to bring them to the device."""

    def bring():
        arrays = []
        for index in range(len(batches)):
            inputs, _ = batches[index]
            arrays += inputs if isinstance(inputs, list) else [inputs]
        return sum(keras.ops.convert_to_tensor(array)[0, 0, 0, 0, 0] for array in arrays)

    return best(bring, turns=2)


def measure(network, frames, clips, epochs, precision):
    """Median seconds of an epoch, seconds of the host in it, and GB that the device moves at least."""
    with computing_in(precision):
        model = NETWORKS[network].build(frames, seed=0)
    training.compile_model(model, 0.01)
    batches = made_up(network, frames, clips)
    taken = []
    for epoch in range(epochs + 1):
        start = time.perf_counter()
        training.train_epoch(model, batches, epoch)  # its mean loss is a number of the host's: nothing is pending
        taken.append(time.perf_counter() - start)
    size = NETWORKS[network].size
    moved = len(batches) * PASSES * model.count_params() + len(batches.inputs) * clips * size * size * frames
    return statistics.median(taken[1:]), host_seconds(batches), 4 * moved / 1e9


def main():
    """Print the limits, then a line for each network and database."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS), help="default: all three")
    parser.add_argument("--databases", nargs="+", choices=SIZES, default=list(SIZES), help="default: both")
    parser.add_argument("--epochs", type=int, default=5, help="counted epochs (default: 5)")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--edge", type=int, default=4096, help="of the matrix product (default: 4096)")
    parser.add_argument("--megabytes", type=int, default=512, help="of the array (default: 512)")
    args = parser.parse_args()
    found = ", ".join(runs.devices() or [])
    print(f"{found}; {os.cpu_count()} cores; Keras {keras.__version__}, {args.precision}; commit {runs.commit()}")
    rate, width = limits(args.edge, args.megabytes)
    print(f"limits measured here: {rate:.0f} GFLOP/s in float32, {width:.0f} GB/s")
    for network in args.networks:
        for database in args.databases:
            frames, clips = SIZES[database]
            seconds, host, moved = measure(network, frames, clips, args.epochs, args.precision)
            computed, _ = work(network, frames, clips)
            print(
                f"{network} on {database}: {math.ceil(clips / BATCH)} steps, {seconds:.4f} s/epoch; at least "
                f"{computed:.1f} GFLOP, {computed / seconds / rate:.0%} of that limit, and {moved:.2f} GB, "
                f"{moved / seconds / width:.0%} of that; host {host:.4f} s, {host / seconds:.0%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
