"""From prepared runs to trained folds, each a task on a worker of a Dask cluster; results are on disk."""

import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from microexp_keras.atomic import only_writer
from microexp_keras.console import progress_bar
from microexp_keras.errors import MicroExpError
from microexp_keras.runs import worker
from microexp_keras.runs.fold import is_done
from microexp_keras.runs.folder import read_config
from microexp_keras.runs.run import fold_folder
from microexp_keras.runs.worker import Expected
from microexp_keras.runs.workers import Workers
from microexp_keras.text import counted

if TYPE_CHECKING:
    from distributed import Client, Future

Task = tuple[Path, int]
"""Folder of a run that is prepared, and number of a fold."""


def train_folds(tasks: list[Task], workers: Workers | None = None) -> dict[Path, MicroExpError]:
    """Train folds of runs, those that are not done already.

    A fold whose worker dies is tried again, and resumes at its saved epoch; after three deaths it is given up.

    Parameters
    ----------
    tasks : list of (Path, int)
        Folder of a run that is prepared, and number of a fold.
    workers : Workers, optional
        Where; by default in as many processes of this machine as it has cores, see `memory.as_many_as_fit`. The
        results do not depend on it.

    Returns
    -------
    dict of Path to MicroExpError
        Runs of which a fold failed, with the first error. The others are trained all the same. Called again,
        it resumes what is missing.

    Raises
    ------
    MicroExpError
        If the cluster cannot be reached or is lost, or a worker has other versions or does not see the same files.
    """
    workers = workers or Workers()
    folders: dict[Task, Path] = {}
    epochs: dict[Task, int] = {}
    left = []
    for folder, number in tasks:
        settings, config = read_config(folder)
        own_folder = folders[folder, number] = fold_folder(folder, number, len(config["folds"]))
        epochs[folder, number] = settings.epochs
        if not is_done(own_folder):
            left.append((folder, number))
    if not left:
        return {}
    failed: dict[Path, MicroExpError] = {}
    with workers.client(len(left)) as client:
        if workers.cluster:
            _require_same(client, [folder for folder, _ in left])
        what = f"{counted(len(left), 'fold')} {workers.title(len(left))}"
        with progress_bar(total=sum(epochs.values()), desc=what, unit="epoch") as bar:
            refused: list[str] = []

            def hear(event: tuple[float, str]) -> None:
                if event[1] not in refused:
                    refused.append(event[1])
                    bar.write(f"note: {event[1]}", file=sys.stderr)

            def show(found: int) -> None:
                if refused and not found:
                    raise MicroExpError(f"no worker is left: {refused[-1]}")
                bar.n = sum(epochs[task] if is_done(own) else _epochs_done(own) for task, own in folders.items())
                bar.set_postfix_str("" if found else "waiting for a worker", refresh=False)
                bar.refresh() if sys.stderr.isatty() else bar.update(0)

            client.subscribe_topic(worker.TOPIC, hear)
            for task, error in run_tasks(client, worker.train, left, show):
                failed.setdefault(task[0], error.within(folders[task]))
    return failed


def run_tasks(
    client: "Client", function: Callable[[Path, int, Expected], None], tasks: list[Task], show: Callable[[int], None]
) -> Iterator[tuple[Task, MicroExpError]]:
    """Call a function with each task, as many at once as there are workers; the rest waits here.

    So no worker holds a second task, whose deaths would be counted together, and neither scheduler nor client
    holds more than what runs.

    Parameters
    ----------
    client : distributed.Client
    function : callable
        `worker.train`, or what takes the same.
    tasks : list of (Path, int)
        Whose key on the scheduler they are, too.
    show : callable
        Called with the number of workers every second.

    Yields
    ------
    (Path, int)
        A task that failed.
    MicroExpError
        Why.

    Raises
    ------
    MicroExpError
        If the scheduler is lost.
    """
    expected = {folder: Expected.of([folder.resolve()]) for folder, _ in tasks}
    waiting, running, done = deque(tasks), dict[Any, Task](), SimpleQueue[Any]()
    found, looked = 0, -1.0
    while waiting or running:
        if time.monotonic() - looked >= 1:
            found, looked = _count(client), time.monotonic()
            show(found)
        while waiting and len(running) < max(found, 1):
            folder, number = waiting.popleft()
            own_key = (str(folder.resolve()), number)
            future = client.submit(function, folder.resolve(), number, expected[folder], key=own_key, pure=False)
            running[future.key] = (folder, number)
            future.add_done_callback(done.put)
        try:
            future = done.get(timeout=1)
        except Empty:
            continue
        task = running.pop(future.key)
        if error := _failure(future):
            yield task, error
    show(found)


def _failure(future: "Future") -> MicroExpError | None:
    from distributed.scheduler import KilledWorker

    try:
        future.result()
    except MicroExpError as error:
        return error
    except KilledWorker as error:
        times = error.allowed_failures + 1
        return MicroExpError(
            "its process",
            found=f"ended {times} times, from outside or by a lack of memory",
            remedy="The other folds are done. Run the command again with --resume; fewer --jobs take less memory.",
        )
    except CancelledError:
        raise _lost() from None
    return None


def _count(client: "Client") -> int:
    try:
        return len(client.nthreads())
    except (OSError, TimeoutError):
        raise _lost() from None


def _lost() -> MicroExpError:
    return MicroExpError(
        "--cluster", "a scheduler that stays", "that it is gone", "Start one and run the command again with --resume."
    )


def _require_same(client: "Client", folders: list[Path]) -> None:
    """Wait for a worker, then let every one compare versions and files with this process, and one a machine the clips.

    Raises
    ------
    MicroExpError
        If one differs.
    """
    if not client.nthreads():
        print("waiting for a worker to join the cluster", file=sys.stderr)
        client.wait_for_workers(1)
    expected = Expected.of([folder.resolve() for folder in folders])
    with tempfile.TemporaryDirectory(prefix=".cluster-", dir=folders[0]) as held, only_writer(held):
        found = client.run(worker.look, expected, Path(held).resolve(), on_error="return")
    for address, answer in found.items():
        if isinstance(answer, MicroExpError):
            raise answer
        if isinstance(answer, Exception):
            raise MicroExpError(
                f"the worker at {address}",
                "microexp_keras as it is here",
                f"that it answers {answer!r}",
                "Install the same version there and start the worker anew.",
            )
    if not all(found.values()):
        print(
            f"note: locks on {folders[0]} do not hold between machines: start no second command on it.", file=sys.stderr
        )
    hosts = {info["host"]: address for address, info in client.scheduler_info()["workers"].items()}
    folder, config = next(iter(expected.configs.items()))  # all are on the same clips
    asked = [
        client.submit(worker.open_run, folder, config, workers=[address], key=f"look-{address}-{config}", pure=False)
        for address in hosts.values()
    ]
    for answer in asked:
        answer.result()


def _epochs_done(folder: Path) -> int:
    try:
        return len((folder / "history.csv").read_text(encoding="utf-8").splitlines()) - 1
    except OSError:
        return 0
