"""What the engine itself costs: seconds and memory for so many folds in which nothing is trained.

    python benchmarks/engine.py [--tasks N ...] [--jobs N]

Client and scheduler are one process, as in `train --jobs`; its memory and processor time are given, and those of the
workers. With other work on the machine the seconds are too many; compare processor time.
"""

import tempfile
import time
from pathlib import Path

import psutil
from harness import begin, whole

from microexp_keras.parallel import cores
from microexp_keras.runs import Workers
from microexp_keras.runs.engine import client, run_tasks


def empty(folder, fold):
    """A fold in which nothing is trained."""


def send(dask, folder, count):
    """Send so many tasks to the workers and wait for all."""
    tasks = [(Path(folder), fold) for fold in range(count)]
    assert not any(error for _, error in run_tasks(dask, empty, tasks))


def used(processes):
    """Seconds of processor time, and MB of memory."""
    times = [process.cpu_times() for process in processes]
    memory = sum(process.memory_info().rss for process in processes)
    return sum(one.user + one.system for one in times), memory / 1e6


def main():
    """Send the tasks through a cluster that was warmed up, and print what each number of them took."""
    args = begin(
        __doc__,
        ("--tasks", whole([100, 1000, 10_000], "of folds", nargs="+")),
        ("--jobs", whole(cores(), "workers")),
    )
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, client(Workers(), args.jobs) as dask:
        print(f"started in {time.perf_counter() - start:.1f} s")
        sides = {"client and scheduler": [psutil.Process()], "workers": psutil.Process().children(recursive=True)}
        send(dask, folder, 10)
        for count in args.tasks:
            before = {side: used(processes)[0] for side, processes in sides.items()}
            start = time.perf_counter()
            send(dask, folder, count)
            print(f"{count} folds: {(time.perf_counter() - start) / count * 1e3:.2f} ms each", end="")
            for side, processes in sides.items():
                seconds, megabytes = used(processes)
                print(f"; {side}: {(seconds - before[side]) / count * 1e3:.2f} ms, {megabytes:.0f} MB", end="")
            print(flush=True)


if __name__ == "__main__":
    main()
