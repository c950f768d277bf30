"""What the engine itself costs: seconds and memory for so many folds in which nothing is trained.

    python benchmarks/engine.py [--tasks N ...] [--jobs N]

Client and scheduler are one process, as in `train --jobs`; its memory and processor time are given, and those of the
workers. With other work on the machine the seconds are too many; compare processor time.
"""

import argparse
import os
import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import psutil

from microexp_keras import runs
from microexp_keras.parallel import cores
from microexp_keras.runs.engine import client, run_tasks


def empty(folder, number):
    """A fold in which nothing is trained."""


def finish(dask, tasks):
    """Send tasks to the workers and wait for all."""
    assert not any(error for ended in run_tasks(dask, empty, tasks) for error in ended.values())


def used(processes):
    """Seconds of processor time, and MB of memory."""
    times = [process.cpu_times() for process in processes]
    memory = sum(process.memory_info().rss for process in processes)
    return sum(one.user + one.system for one in times), memory / 1e6


def main():
    """Send the tasks through a cluster that was warmed up, and print what each number of them took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, nargs="+", default=[100, 1000, 10_000], help="default: 100 1000 10000")
    parser.add_argument("--jobs", type=int, default=cores(), help="workers (default: all cores)")
    args = parser.parse_args()
    print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, distributed {version('distributed')}, commit "
        f"{runs.commit()}, {args.jobs} workers"
    )
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, client(runs.Workers(), args.jobs) as dask:
        print(f"started in {time.perf_counter() - start:.1f} s")
        own = psutil.Process()
        workers = own.children(recursive=True)
        finish(dask, [(Path(folder), -n) for n in range(1, 11)])
        for count in args.tasks:
            before, (own_before, _), (workers_before, _) = time.perf_counter(), used([own]), used(workers)
            tasks = [(Path(folder), number) for number in range(count)]
            finish(dask, tasks)
            seconds, (own_after, own_memory), (workers_after, memory) = (
                time.perf_counter() - before,
                used([own]),
                used(workers),
            )
            each, busy, others = (
                f"{value / count * 1e3:.2f} ms"
                for value in (seconds, own_after - own_before, workers_after - workers_before)
            )
            print(
                f"{count} tasks: {each} each; processor time {busy} in client and scheduler, {others} in the workers; "
                f"memory {own_memory:.0f} MB and {memory:.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
