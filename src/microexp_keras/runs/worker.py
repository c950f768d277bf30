"""What a worker of a Dask cluster does: say its versions, and train a fold of a run that is prepared."""

import functools
import gc
import logging
import os
import platform
from pathlib import Path
from typing import Any

from microexp_keras import __version__
from microexp_keras.atomic import only_writer
from microexp_keras.backend import choose_backend
from microexp_keras.models.networks import OWN, OwnMethod
from microexp_keras.runs.fold import is_done, train_fold
from microexp_keras.runs.folder import make_folder
from microexp_keras.runs.provenance import installed
from microexp_keras.runs.run import Run

ENVIRONMENT = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # several processes share a GPU
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}
"""Environment of a process that trains folds. The order of sums, and so the last bits, depends on the threads: with one
thread a fold comes out the same however many processes there are."""

XLA_FLAGS = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def versions() -> dict[str, str]:
    """Return the versions on which the bits of a fold depend; no backend is loaded."""
    packages = {name: installed(name) or "none" for name in ("keras", choose_backend(), "numpy")}
    return {"python": platform.python_version(), **packages, "microexp_keras": __version__}


def train(folder: Path, number: int, method: OwnMethod | None = None) -> None:
    """Train a fold in this worker, or resume it; a user's own `method` is made known here first.

    A fold that nobody waits for any longer, for its command is gone, ends after the epoch that it is in. Until then
    it holds its folder, and whoever resumes waits for it.
    """
    from distributed import get_worker

    worker = get_worker()
    become_worker(worker.name)
    if method:
        OWN[method.name] = method
    key = worker.get_current_task()
    gc.collect()  # the network of the fold before, which refers to itself
    run = _open_run(folder, (folder / "config.json").read_bytes())
    own_folder = run.fold_folder(number)
    make_folder(own_folder)
    lock = ".worker.lock" if run.has_one_fold else ".lock"  # `train` itself holds the folder of a run of one fold
    with only_writer(own_folder, wait=True, name=lock):
        if not is_done(own_folder):
            train_fold(run, number, progress=False, wanted=lambda: _is_wanted(worker, key))


@functools.lru_cache(maxsize=1)
def _open_run(folder: Path, config: bytes) -> Run:
    """Open a run; a resumed one has another config.json, and is read anew."""
    return Run.open(folder)


def become_worker(name: Any = None) -> None:
    """Make this process one that trains folds, before it loads a backend; the cards that it sees are dealt in turns."""
    flags, cards = os.environ.get("XLA_FLAGS", ""), os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    os.environ.update(ENVIRONMENT)
    if XLA_FLAGS not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {XLA_FLAGS}".strip()
    if isinstance(name, int) and len(cards) > 1:
        os.environ["CUDA_VISIBLE_DEVICES"] = cards[name % len(cards)]
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of one graph per model


def _is_wanted(worker: Any, key: Any) -> bool:
    task = worker.state.tasks.get(key)
    return task is not None and task.state != "cancelled"
