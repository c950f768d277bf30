"""Seconds of a leave-one-subject-out run of MicroExpSTCNN on synthetic SMIC, folds one after the other and at once.

    python benchmarks/loso.py [--epochs N] [--jobs N ...]

Every run is a process of its own, import and report included, and all must come to the same predictions, to the last
digit. With other work on the machine the ratio is too low.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import begin, in_turns, print_ratios, whole

from microexp_keras import datasets, preprocessing, protocols
from microexp_keras.parallel import cores


def main():
    """Run the protocol once for each number of processes and print the seconds."""
    args = begin(
        __doc__,
        ("--epochs", whole(30, "of every fold; the protocol's are 100")),
        ("--jobs", whole([1, cores()], "processes", nargs="+")),
    )
    predictions = set()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["MICROEXP_CACHE"] = f"{scratch}/cache"
        data = datasets.synthesize("smic", Path(scratch) / "smic")
        preprocessing.load_samples(data, protocols.get("loso"))  # fills the cache

        def train(jobs):
            out = Path(scratch) / str(jobs)
            command = [sys.executable, "-m", "microexp_keras.train", "--dataset", "smic", "--protocol", "loso"]
            command += ["--data", data, "--epochs", args.epochs, "--jobs", jobs, "--out", out]
            subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL)
            predictions.add((out / "predictions.csv").read_bytes())

        print_ratios(in_turns({f"--jobs {jobs}": lambda jobs=jobs: train(jobs) for jobs in args.jobs}, 1))
    assert len(predictions) == 1, "expected the same predictions from all"


if __name__ == "__main__":
    main()
