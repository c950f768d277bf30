"""What a worker of a Dask cluster does for a run: say what it is, look whether it sees the same files, train a fold."""

import functools
import gc
import hashlib
import logging
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from microexp_keras import __version__
from microexp_keras.atomic import only_writer
from microexp_keras.backend import backend_name
from microexp_keras.errors import MicroExpError
from microexp_keras.runs.fold import is_done, train_fold
from microexp_keras.runs.folder import make_folder
from microexp_keras.runs.provenance import installed
from microexp_keras.runs.run import Run
from microexp_keras.runs.workers import environment

TOPIC = "microexp_keras"
"""Under which Dask's events carry why a worker has left."""


def _source() -> str:
    """Return a digest of the package's modules: two checkouts of one version differ."""
    package, digest = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


SOURCE = _source()  # when it is loaded: a worker goes on with what it has loaded, whatever is installed meanwhile


@functools.lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Return the versions on which the bits of a fold depend; no backend is loaded."""
    backend = backend_name()
    return {
        "python": platform.python_version(),
        **{name: installed(name) or "none" for name in ("keras", backend, "numpy")},
        "microexp_keras": f"{__version__} (source {SOURCE})",
    }


@dataclass(frozen=True)
class Expected:
    """What a worker must find as the command does.

    Attributes
    ----------
    versions : dict of str to str
        As `versions` returns them.
    configs : dict of Path to str
        SHA-256 of the config.json in each folder of a run.
    """

    versions: dict[str, str]
    configs: dict[Path, str]

    @classmethod
    def of(cls, folders: list[Path]) -> "Expected":
        """Take it from this process."""
        return cls(versions(), {folder: digest(folder) or "none" for folder in dict.fromkeys(folders)})

    def require(self, threads: int) -> None:
        """Compare.

        Raises
        ------
        MicroExpError
            If this process has other versions or more than one thread, or does not see the same runs.
        """
        where = f"the worker on {platform.node()}"
        found = versions()
        if found != self.versions:
            names = [name for name in {**self.versions, **found} if found.get(name) != self.versions.get(name)]
            expected, other = (
                ", ".join(f"{name} {one.get(name, 'none')}" for name in names) for one in (self.versions, found)
            )
            raise MicroExpError(where, expected, other, "Install the same versions everywhere.")
        if threads != 1:
            raise MicroExpError(where, "one thread", str(threads), "Start it with --nthreads 1.")
        for folder, expected in self.configs.items():
            if digest(folder) != expected:
                raise MicroExpError(
                    f"{where}: {folder / 'config.json'}",
                    "the file that the command sees",
                    "another" if digest(folder) else "none",
                    "Runs must lie on a disk that all machines share, under the same path.",
                )


def digest(folder: Path) -> str | None:
    """SHA-256 of the config.json of a run; None if it cannot be read."""
    try:
        return hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    except OSError:
        return None


def look(expected: Expected, held: Path, dask_worker: Any = None) -> bool:
    """Compare this worker with the command, and try a folder that the command holds.

    Returns
    -------
    bool
        Whether the lock keeps this process out, as it must.

    Raises
    ------
    MicroExpError
        See `Expected.require`.
    """
    expected.require(dask_worker.state.nthreads)
    if not held.is_dir():
        raise MicroExpError(f"the worker on {platform.node()}: {held}", "a folder that the command made", "none")
    try:
        with only_writer(held):
            return False
    except MicroExpError:
        return True


def open_run(folder: Path, config: str) -> None:
    """Read a run and its clips, and keep them for the folds that follow.

    Raises
    ------
    MicroExpError
        If this machine has other clips, or none.
    """
    _become_worker()
    try:
        _open_run(folder, config)
    except MicroExpError as error:
        raise error.within(f"the worker on {platform.node()}") from None


def train(folder: Path, number: int, expected: Expected) -> None:
    """Train a fold in this worker, or resume it; a worker that may not is closed, and another takes the fold.

    A fold that nobody waits for any longer, for its command is gone, ends after the epoch that it is in. Until then
    it holds its folder, and whoever resumes waits for it.

    Raises
    ------
    MicroExpError
        If the fold cannot be trained.
    """
    from distributed import get_worker

    worker = get_worker()
    try:
        expected.require(worker.state.nthreads)
    except MicroExpError as error:
        _leave(worker, str(error))
    _become_worker()
    key = worker.get_current_task()
    gc.collect()  # the network of the fold before, which refers to itself
    run = _open_run(folder, expected.configs[folder])
    own_folder = run.fold_folder(number)
    make_folder(own_folder)
    with only_writer(own_folder, wait=True):
        if not is_done(own_folder):
            train_fold(run, number, progress=False, wanted=lambda: _is_wanted(worker, key))


@functools.lru_cache(maxsize=1)
def _open_run(folder: Path, config: str) -> Run:
    """Open a run; a resumed one has another config.json, and is read anew."""
    return Run.open(folder)


def _become_worker() -> None:
    """Make this process one that trains folds, before it loads a backend."""
    os.environ.update(environment())
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of one graph per model


def _is_wanted(worker: Any, key: Any) -> bool:
    task = worker.state.tasks.get(key)
    return task is not None and task.state != "cancelled"


def _leave(worker: Any, reason: str) -> NoReturn:
    from distributed import Reschedule

    worker.log_event(TOPIC, reason)
    worker.loop.add_callback(worker.close, executor_wait=False, reason=reason)
    raise Reschedule
