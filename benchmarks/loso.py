"""Seconds of a leave-one-subject-out run of MicroExpSTCNN on synthetic SMIC, folds one after the other and at once.

    python benchmarks/loso.py [--epochs N] [--jobs N ...]

Every run is a process of its own, import and report included, and all must come to the same predictions, to the last
digit. With other work on the machine the ratio is too low.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from microexp_keras import datasets, preprocessing, protocols, runs
from microexp_keras.parallel import cores


def main():
    """Run the protocol once for each number of processes and print the seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=30, help="of every fold (default: 30; the protocol's are 100)")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, cores()], help="processes (default: 1, all cores)")
    args = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, commit {runs.commit()}, {args.epochs} epochs")
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["MICROEXP_CACHE"] = f"{scratch}/cache"
        data = datasets.synthesize("smic", Path(scratch) / "smic")
        preprocessing.load_samples(data, protocols.get("loso"))  # fills the cache
        taken, predictions = [], set()
        for number, jobs in enumerate(args.jobs):
            out = Path(scratch) / str(number)
            command = [sys.executable, "-m", "microexp_keras.train", "--dataset", "smic", "--protocol", "loso"]
            command += ["--data", data, "--epochs", args.epochs, "--jobs", jobs, "--out", out]
            start = time.perf_counter()
            subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL)
            taken.append(time.perf_counter() - start)
            predictions.add((out / "predictions.csv").read_bytes())
            ratio = taken[0] / taken[-1]
            print(f"{jobs} processes: {taken[-1]:.1f} s, {ratio:.2f} times as fast as {args.jobs[0]}", flush=True)
    assert len(predictions) == 1, "expected the same predictions from all"


if __name__ == "__main__":
    main()
