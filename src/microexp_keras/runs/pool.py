"""From prepared runs to trained folds, in processes of their own."""

import contextlib
import functools
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from microexp_keras.atomic import only_writer
from microexp_keras.console import progress_bar
from microexp_keras.errors import MicroExpError
from microexp_keras.parallel import cores
from microexp_keras.runs.fold import drop_state, is_done, train_fold
from microexp_keras.runs.folder import make_folder, read_config
from microexp_keras.runs.run import Run, fold_folder

WORKER = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # several processes share a GPU
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}
"""Environment of a process that trains folds. The order of sums, and so the last bits, depends on the threads: with one
thread a fold comes out the same however many processes there are."""


def train_folds(tasks: list[tuple[Path, int]], jobs: int | None = None) -> dict[Path, str]:
    """Train folds of runs in processes of their own, those that are not done already.

    Parameters
    ----------
    tasks : list of (Path, int)
        Folder of a run that is prepared, and number of a fold.
    jobs : int, optional
        How many at once; by default as many as there are cores. The results do not depend on it.

    Returns
    -------
    dict of Path to str
        Runs of which a fold failed, with its message. The others are trained all the same. Called again, it resumes
        what is missing.

    Raises
    ------
    MicroExpError
        If a process was ended from outside.
    """
    folders, epochs, left = [], 0, []
    for folder, number in tasks:
        settings, config = read_config(folder)
        own_folder = fold_folder(folder, number, len(config["folds"]))
        folders.append(own_folder)
        epochs += settings.epochs
        if not is_done(own_folder):
            left.append((folder, number))
        elif own_folder != folder:  # killed between its result and this
            drop_state(own_folder)
    if not left:
        return {}
    jobs = min(jobs or cores(), len(left))
    what = f"{len(left)} {'fold' if len(left) == 1 else 'folds'} in {jobs} {'process' if jobs == 1 else 'processes'}"
    with progress_bar(total=epochs, desc=what, unit="epoch") as bar:
        pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_become_worker)
        try:
            with _ignoring_sigint():
                started = {pool.submit(_train_in_worker, folder, number): folder for folder, number in left}
            failed: dict[Path, str] = {}
            waiting: set[Future[None]] = set(started)
            while waiting:
                done, waiting = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
                bar.n = sum(map(_epochs_done, folders))
                bar.refresh() if sys.stderr.isatty() else bar.update(0)
                for future in done:
                    try:
                        future.result()
                    except MicroExpError as error:
                        failed.setdefault(started[future], str(error))
            return failed
        except BrokenProcessPool:
            raise MicroExpError(
                "a process that trained a fold was ended from outside, or by a lack of memory. Run the command again "
                "with --resume; a smaller --jobs takes less memory."
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()


@contextlib.contextmanager
def _ignoring_sigint() -> Iterator[None]:
    """Start processes that do not hear Ctrl-C, which a terminal sends to all of them: the parent ends them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _become_worker() -> None:
    """Make this process one that trains folds: one thread, gone when its parent is gone."""
    os.environ.update(WORKER)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of one graph per model
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


_open_run = functools.lru_cache(maxsize=1)(Run.open)


def _train_in_worker(folder: Path, number: int) -> None:
    run = _open_run(folder)
    own_folder = run.fold_folder(number)
    make_folder(own_folder)
    with only_writer(own_folder):
        try:
            train_fold(run, number, progress=False)
        except MicroExpError as error:
            raise MicroExpError(f"{own_folder}: {error}") from None


def _epochs_done(folder: Path) -> int:
    try:
        return len((folder / "history.csv").read_text(encoding="utf-8").splitlines()) - 1
    except OSError:
        return 0
