"""Runs of several folds: their samples and command, what they come out as, and how they run as processes."""

import shlex
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
from helpers import read_json

from microexp_keras.preprocessing import Samples


def training(data, out, epochs=2, more="--keep-weights"):
    """The command of a run of few epochs that leaves one subject out."""
    how = f"--protocol loso --epochs {epochs} --batch-size 2 --no-faces"
    return f"train --dataset smic --data {data} --out {out} {how} {more}"


def noise(labels, subjects, seed=0, size=64):
    """Samples of noise, no two alike, as the protocols on faces want them."""
    stacks = np.random.default_rng(seed).integers(0, 256, (len(labels), size, size, 18), np.uint8)
    places = np.arange(len(labels))
    names = [f"clip{place}" for place in places]
    return Samples(names, list(subjects), np.array(labels), {"face": stacks}, places, np.zeros(len(labels), bool))


def weights_digest(path):
    found = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.append((name, item[()].tobytes())) if hasattr(item, "shape") else None)
    return [one for one in found if "metadata" not in one[0]]


def contents(run):
    """What the folds of a run come out as."""
    kept = {path.name: path.read_text() for path in (run / "predictions.csv", run / "report.txt")}
    kept["result"] = [read_json(path)["probabilities"] for path in sorted(run.glob("fold-*/result.json"))]
    kept["weights"] = {path.relative_to(run): weights_digest(path) for path in sorted(run.glob("fold-*/*.weights.h5"))}
    return kept


def times_of(paths):
    """When files were written last."""
    return {path: path.stat().st_mtime_ns for path in paths}


def started(line, cwd=None):
    """Start a command as a process, in a session of its own."""

    def heed_ctrl_c():
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    own_session = {"start_new_session": True, "preexec_fn": heed_ctrl_c}
    words = [sys.executable, "-m", "microexp_keras", *shlex.split(line)]
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=cwd, **own_session)


def until(condition, process=None, seconds=400, pause=0.02):
    """Wait until something holds, while a process is alive; return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        if process is not None and process.poll() is not None:
            raise AssertionError(f"ended too early: {process.stderr.read() if process.stderr else ''}")
        time.sleep(pause)
    raise AssertionError("did not happen")
