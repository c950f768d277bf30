"""From prepared runs to trained folds, each a task on a worker of a Dask cluster; results are on disk."""

import contextlib
import functools
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING

from microexp_keras.console import progress_bar, traceback_in_a_file
from microexp_keras.errors import MicroExpError
from microexp_keras.runs import worker
from microexp_keras.runs.fold import is_done
from microexp_keras.runs.run import Run
from microexp_keras.runs.workers import Workers, processes_that_fit
from microexp_keras.text import counted

if TYPE_CHECKING:
    from distributed import Client, Future

Task = tuple[Path, int]
"""Folder of a run that is prepared, and number of a fold, from 0."""


def train_folds(runs: Sequence[Run], workers: Workers | None = None) -> dict[Path, MicroExpError]:
    """Train the folds of runs that are not done, and return of runs of which one failed its first error.

    The others go on. A fold whose worker dies is tried again, and resumes at its saved epoch; after three deaths it is
    given up. Where folds are trained makes no difference to the results. A user's own method goes to the workers.
    """
    workers = workers or Workers()
    folders = {(run.folder, number): run.fold_folder(number) for run in runs for number in range(len(run.folds))}
    whole = {(run.folder, number): run.protocol.epochs or 1 for run in runs for number in range(len(run.folds))}
    left = [task for task in folders if not is_done(folders[task])]
    epochs = whole | {task: _epochs_done(folders[task]) for task in left}
    failed: dict[Path, MicroExpError] = {}
    if not left:
        return failed
    jobs = None if workers.cluster else processes_that_fit(workers, runs, len(left))
    with workers.client(jobs) as client:
        if workers.cluster:
            _require_same(client)
        where = f"on {workers.cluster}" if jobs is None else f"in {jobs} {'process' if jobs == 1 else 'processes'}"
        unit = "fold" if set(whole.values()) == {1} else "epoch"
        with progress_bar(total=sum(whole.values()), desc=f"{counted(len(left), 'fold')} {where}", unit=unit) as bar:

            def show(running: Collection[Task], found: int) -> None:
                epochs.update({task: _epochs_done(folders[task]) for task in running})
                bar.n = sum(epochs.values())
                bar.set_postfix_str("" if found else "waiting for a worker", refresh=False)
                bar.refresh() if sys.stderr.isatty() else bar.update(0)

            train = functools.partial(worker.train, method=runs[0].own_method)
            for task, error in run_tasks(client, train, left, show):
                epochs[task] = _epochs_done(folders[task]) if error else whole[task]
                if error:
                    failed.setdefault(task[0], error.within(folders[task]))
    return failed


def run_tasks(
    client: "Client",
    function: Callable[[Path, int], None],
    tasks: list[Task],
    show: Callable[[Collection[Task], int], None],
) -> Iterator[tuple[Task, MicroExpError | None]]:
    """Call `worker.train`, or what takes the same, with each task; yield each that has ended, and why if it failed.

    As many as there are workers run at once, the rest waits here: so no worker holds a second task, whose deaths would
    be counted together. Every second `show` gets the tasks that run, and the number of workers.
    """
    from distributed import wait

    waiting, running = deque(tasks), dict["Future", Task]()
    while waiting or running:
        with _connected():
            found = len(client.nthreads())
        show(running.values(), found)
        while waiting and len(running) < max(found, 1):
            folder, number = waiting.popleft()
            own_key = (str(folder.resolve()), number)
            future = client.submit(function, folder.resolve(), number, key=own_key, pure=False)
            running[future] = (folder, number)
        with _connected():
            try:
                done = wait([*running], timeout=1, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                continue
            failures = {future: _failure(future) for future in done}
        for future, failure in failures.items():
            yield running.pop(future), failure
    show([], found)


@contextlib.contextmanager
def _connected() -> Iterator[None]:
    """Say in a sentence that the scheduler is gone."""
    try:
        yield
    except (OSError, TimeoutError, CancelledError):
        raise MicroExpError(
            "--cluster", "lost the connection to the scheduler", "Start one and run the command with --resume."
        ) from None


def _failure(future: "Future") -> MicroExpError | None:
    from distributed.scheduler import KilledWorker

    resume = "The other folds are trained all the same. Run the command again with --resume"
    try:
        future.result()
    except CancelledError:
        raise
    except MicroExpError as error:
        return error
    except KilledWorker as error:
        times = error.allowed_failures + 1
        found = f"worker died {times} times (killed or out of memory)"
        return MicroExpError("its process", found, f"{resume}; fewer --jobs take less memory.")
    except Exception as error:  # of one fold: a full card, a file that another program has removed
        said = f"failed ({type(error).__name__}: {' '.join(str(error).split())[:300]}). {traceback_in_a_file()}"
        return MicroExpError("its worker", said, f"{resume}.")
    return None


def _require_same(client: "Client") -> None:
    """Wait for a worker; refuse a cluster without this package, of other versions or of several threads to a worker."""
    if not client.nthreads():
        print("waiting for a worker to join the cluster", file=sys.stderr)
        client.wait_for_workers(1)
    try:
        client.run_on_scheduler(worker.versions)
        found = client.run(worker.versions)
    except Exception as error:
        said = f"a scheduler or worker of it has no microexp_keras like that here, but answers {error!r}"
        remedy = "Install the same version of this package there and start it again."
        raise MicroExpError("--cluster", said, remedy) from None
    own = worker.versions()
    for address, theirs in found.items():
        if names := [name for name in {**own, **theirs} if own.get(name) != theirs.get(name)]:
            here, there = (", ".join(f"{name} {one.get(name, 'none')}" for name in names) for one in (own, theirs))
            raise MicroExpError(
                f"the worker at {address}", f"expected {here}, found {there}", "Install the same versions everywhere."
            )
    if threads := {count for count in client.nthreads().values() if count != 1}:
        raise MicroExpError(
            "--cluster", f"expected workers of one thread, found {max(threads)}", "Start them with --nthreads 1."
        )


def _epochs_done(folder: Path) -> int:
    try:
        return len((folder / "history.csv").read_text(encoding="utf-8").splitlines()) - 1
    except OSError:
        return 0
