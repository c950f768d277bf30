"""What the benchmarks share: options, the machine they ran on, ways that are measured in turns, memory of a process."""

import argparse
import os
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np

from microexp_keras import runs


def begin(doc, *options):
    """Read the options, each a name and what argparse wants to know of it, and print on what is measured."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, settings in options:
        parser.add_argument(name, **settings)
    args = parser.parse_args()
    packages = ", ".join(f"{name} {version(name)}" for name in ("keras", "numpy", "distributed"))
    print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {packages}, commit {runs.provenance()['commit']}",
        flush=True,
    )
    return args


def whole(default, what, **more):
    """Settings of an option that is a whole number, or with `nargs` several."""
    return {"type": int, "default": default, "help": f"{what} (default: {default})", **more}


def in_turns(ways, turns, check=lambda way, found: None):
    """Call all ways in each turn; give the seconds of each way. `check` gets what a way gives, and is not counted."""
    seconds = {way: [] for way in ways}
    for _ in range(turns):
        for way, call in ways.items():
            start = time.perf_counter()
            found = call()
            seconds[way].append(time.perf_counter() - start)
            check(way, found)
    return seconds


def print_ratios(seconds, unit="s", scale=1):
    """Print each way's median, and how many times as fast as the first it was in each turn."""
    first = next(iter(seconds))
    for way, taken in seconds.items():
        ratios = ", ".join(f"{a / b:.2f}" for a, b in zip(seconds[first], taken, strict=True))
        print(f"    {way:<16} {scale * statistics.median(taken):8.3f} {unit}; times as fast as {first}: {ratios}")


def enlarged(frame, columns, rows):
    """A face as high as the picture, its border drawn out to the width."""
    frame = cv2.resize(frame, (rows, rows), interpolation=cv2.INTER_CUBIC)
    side = (columns - rows) // 2
    return cv2.copyMakeBorder(frame, 0, 0, side, columns - rows - side, cv2.BORDER_REPLICATE)


def film_frames(films, frames):
    """The first frames of synthetic clips; yields a list of uint8 (rows, columns, 3) for each."""
    from microexp_keras.synthetic import film

    for one in films:
        yield [frame for _, frame in zip(range(frames), film.render(one, np.zeros((1, 8))), strict=False)]


def peak():
    """Most resident memory so far in bytes. Not by getrusage: what it gives a child counts from its parent's peak."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
