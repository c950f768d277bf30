"""Runs of three folds as processes of their own: their options, what they come out as, and when they begin."""

import json
import signal
import subprocess
import sys
import time


def options(data, out, epochs=2, keep=True):
    where = ["--dataset", "smic", "--data", str(data), "--out", str(out)]
    keeps = ["--keep-weights"] if keep else []
    return [*where, "--protocol", "loso", "--epochs", str(epochs), "--batch-size", "2", "--no-faces", *keeps]


def weights_digest(path):
    import h5py

    found = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.append((name, item[()].tobytes())) if hasattr(item, "shape") else None)
    return [one for one in found if "metadata" not in one[0]]


def contents(run):
    """What the folds of a run come out as."""
    kept = {path.name: path.read_text() for path in (run / "predictions.csv", run / "report.txt")}
    kept["result"] = [json.loads(path.read_text())["probabilities"] for path in sorted(run.glob("fold-*/result.json"))]
    kept["weights"] = {path.relative_to(run): weights_digest(path) for path in sorted(run.glob("fold-*/*.weights.h5"))}
    return kept


def command(*arguments, cwd=None):
    def heed_ctrl_c():
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    line = [sys.executable, "-m", "microexp_keras.train", *map(str, arguments)]
    own_session = {"start_new_session": True, "preexec_fn": heed_ctrl_c}
    return subprocess.Popen(line, stderr=subprocess.PIPE, text=True, cwd=cwd, **own_session)


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
