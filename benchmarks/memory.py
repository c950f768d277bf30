"""Peak memory of a process that trains two folds, beside the estimate of `runs.engine`, by method and length of clips.

    python benchmarks/memory.py [--cases MODEL:PROTOCOL:FRAMES:CLIPS:BATCH ...]

Every case is a process of its own, set up as a worker, on clips of noise of five people; Linux only. CLIPS is how many,
BATCH how many a step takes (empty: the protocol's). A fold has three epochs.
"""

import gc
import subprocess
import sys
import tempfile
from pathlib import Path

CASES = [
    "stcnn:loso:18:40:",
    "stcnn:loso:18:160:",
    "stcnn:loso:96:40:4",
    "stcnn:loso:96:40:",
    "stcnn:loso:96:200:",
    "stcnn:loso:96:60:32",
    "late:loso:18:40:",
    "late:loso-glorot:18:40:",
    "late:loso:96:40:",
    "late:loso:96:60:32",
    "late:loso-glorot:96:40:",
    "intermediate:loso:18:40:",
    "intermediate:loso-glorot:18:40:",
    "intermediate:loso:96:40:",
    "intermediate:loso-glorot:96:40:",
    "3d-fcnn:loso:18:40:",
    "3d-fcnn:loso:18:160:",
    "cnn-augmentation:loso:18:160:",
    "lbp-top:loso:18:160:",
    "stclqp:loso:18:160:",
]


def fold(case: str, folder: str) -> None:
    """Train two folds in this process, and print its peak and the estimate in bytes."""
    from harness import peak

    from microexp_keras.runs.engine import become_worker

    become_worker()

    import distributed  # noqa: F401 (a worker has it loaded)
    import numpy as np

    from microexp_keras import protocols
    from microexp_keras.preprocessing import Samples
    from microexp_keras.runs import Settings
    from microexp_keras.runs.engine import bytes_of_a_process
    from microexp_keras.runs.run import Run, train_fold

    model, name, frames, clips, batch = case.split(":")
    own = protocols.get(name, model, {"18": "smic", "96": "casme2"}[frames])
    places, random = np.arange(int(clips)), np.random.default_rng(0)
    shape = (len(places), own.size, own.size, int(frames))
    stacks = {part: random.integers(0, 256, shape, np.uint8) for part in own.inputs}
    subjects, labels = [f"s{place % 5}" for place in places], random.integers(0, 3, len(places))
    samples = Samples([*map(str, places)], subjects, labels, stacks, places, places < 0)
    epochs = 3 if "epochs" in own.network.takes else None
    settings = Settings.of(own, data="nowhere", epochs=epochs, batch_size=int(batch) if batch else None)
    run = Run.of(Path(folder), settings, samples)
    for number in (0, 1):  # one after the other, as a worker does
        gc.collect()
        train_fold(run, number, progress=False)
    print(peak(), bytes_of_a_process(run))


def measured(case: str) -> tuple[int, int]:
    """Return peak and estimate of a case in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--fold", case, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak, estimate = map(int, done.stdout.split())
    return peak, estimate


def main() -> None:
    """Measure every case and print a table."""
    if sys.argv[1:2] == ["--fold"]:
        return fold(*sys.argv[2:])
    from harness import begin

    cases = {"nargs": "+", "default": CASES, "metavar": "CASE", "help": "default: all of the table"}
    args = begin(__doc__, ("--cases", cases))
    print("| method | protocol | frames | clips | batch | peak, GB | estimate, GB | estimate / peak |")
    print("|---" * 8 + "|")
    for case in args.cases:
        peak, estimate = measured(case)
        cells = [part or "the protocol's" for part in case.split(":")]
        cells += [f"{peak / 1e9:.2f}", f"{estimate / 1e9:.2f}", f"{estimate / peak:.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
