"""From prepared runs to trained folds, each a task of a Dask cluster on this machine or others; results are on disk."""

import contextlib
import functools
import gc
import json
import logging
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from importlib.util import find_spec
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microexp_keras import __version__
from microexp_keras.atomic import only_writer
from microexp_keras.backend import choose_backend
from microexp_keras.console import progress_bar, traceback_in_a_file
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import OWN, Method, OwnMethod
from microexp_keras.parallel import cores
from microexp_keras.runs.folder import installed
from microexp_keras.runs.options import Workers
from microexp_keras.runs.run import Run, make_folder, train_fold
from microexp_keras.text import counted, in_bytes

if TYPE_CHECKING:
    from distributed import Client, Future

Task = tuple[Path, int]  #: Folder of a run that is prepared, and number of a fold, from 0.

DASK = {
    "distributed.scheduler.allowed-failures": 2,  # a fold whose worker died three times is given up
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,  # returns memory that the next step takes again
    "distributed.diagnostics.nvml": False,
}
CONNECT_SECONDS = 20
WITHOUT_WORKERS = 300  # seconds after which processes of this machine do not come back

# The order of sums, and so the last bits, depends on the threads: with one a fold comes out the same on any worker.
ENVIRONMENT = {
    **dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), "1"),
    **{"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"},  # several share a card
}
XLA_FLAGS = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

RESUME = "The other folds are trained all the same. Run the command again with --resume"


def train_run(run: Run, workers: Workers, progress: bool = True, here: bool = False) -> None:
    """Train what a run lacks, a single fold, or all if told, in this process; raise the first error."""
    if here or (run.has_one_fold and not workers.cluster):
        for number in range(len(run.folds)):
            if not run.is_done(number):
                train_fold(run, number, progress)
        return
    for error in train_folds([run], workers, progress).values():
        raise error


def train_folds(runs: Sequence[Run], workers: Workers, progress: bool = True) -> dict[Path, MicroExpError]:
    """Train the folds of runs that are not done, and return of runs of which one failed its first error.

    The others go on. A fold whose worker dies is tried again, and resumes at its saved epoch; after three deaths it is
    given up. Where folds are trained makes no difference to the results. A user's own method goes to the workers.
    """
    folds = {(run.folder, number): run for run in runs for number in range(len(run.folds))}
    left = [task for task, run in folds.items() if not run.is_done(task[1])]
    failed: dict[Path, MicroExpError] = {}
    if not left:
        return failed
    jobs = 0 if workers.cluster else processes_that_fit(workers, runs, len(left))
    where = f"in {jobs} process{'es' * (jobs > 1)}" if jobs else f"on {workers.cluster}"
    what, done = f"{counted(len(left), 'fold')} {where}", len(folds) - len(left)
    function = functools.partial(train, method=runs[0].protocol.network)
    with (
        client(workers, jobs) as dask,
        progress_bar(total=len(folds), initial=done, desc=what, unit="fold", disable=not progress) as bar,
    ):
        for task, error in run_tasks(dask, function, left):
            if error:
                failed.setdefault(task[0], error.within(folds[task].fold_folder(task[1])))
            bar.update()
    return failed


def run_tasks(
    client: "Client", function: Callable[[Path, int], None], tasks: Sequence[Task]
) -> Iterator[tuple[Task, MicroExpError | None]]:
    """Call `train`, or what takes the same, with each task; yield each as it ends, and why it failed.

    As many as there are workers run at once, the rest waits here: so no worker holds a second task, whose deaths would
    be counted together. Workers may join at any time.
    """
    from distributed import wait

    waiting, running, alive = [*reversed(tasks)], dict["Future", Task](), time.monotonic()
    while waiting or running:
        try:
            there = len(client.nthreads())
            alive = time.monotonic() if there or not client.cluster else alive
            while waiting and len(running) < max(there, 1):
                folder, number = waiting.pop()
                key = (str(folder.resolve()), number)
                running[client.submit(function, folder.resolve(), number, key=key, pure=False)] = folder, number
            with contextlib.suppress(TimeoutError):
                wait([*running], timeout=1, return_when="FIRST_COMPLETED")
            ended = {future: _failure(future) for future in running if future.done()}
        except (OSError, CancelledError):
            hint = "Start one and run the command with --resume."
            raise MicroExpError("--cluster", "lost the connection to the scheduler", hint) from None
        for future, failure in ended.items():
            yield running.pop(future), failure
        if time.monotonic() - alive > WITHOUT_WORKERS:
            found = "all have ended, and none could be started again"
            raise MicroExpError("processes that train folds", found, "Run the command again with --resume.")


def _failure(future: "Future") -> MicroExpError | None:
    """Say why a task failed, None if it did not."""
    from distributed.scheduler import KilledWorker

    try:
        future.result()
        return None
    except CancelledError:
        raise
    except MicroExpError as error:
        return error
    except KilledWorker as error:
        found = f"worker died {error.allowed_failures + 1} times (killed or out of memory)"
        return MicroExpError("its process", found, f"{RESUME}; fewer --jobs take less memory.")
    except Exception as error:  # of one fold: a full card, a file that another program has removed
        said = f"failed ({type(error).__name__}: {' '.join(str(error).split())[:300]}). {traceback_in_a_file()}"
        return MicroExpError("its worker", said, f"{RESUME}.")


@contextlib.contextmanager
def client(workers: Workers, jobs: int | None = None) -> "Iterator[Client]":
    """Start so many worker processes, or join the cluster; end what was started."""
    import dask
    from distributed import Client, LocalCluster
    from distributed.utils import silence_logging_cmgr

    with silence_logging_cmgr(logging.CRITICAL), contextlib.ExitStack() as open_:
        if workers.cluster:
            found = open_.enter_context(_join(workers.cluster))
            _require_same(found)
        else:
            open_.enter_context(dask.config.set(DASK))
            # New processes import a module of ours in the place of the caller's program: one from stdin has no file,
            # and one without `if __name__ == "__main__"` would begin the same training anew.
            main = sys.modules["__main__"]
            open_.callback(setattr, main, "__spec__", main.__spec__)
            main.__spec__ = find_spec("microexp_keras.errors")
            with _without_ctrl_c_for_children():
                cluster = LocalCluster(
                    n_workers=jobs or 1,
                    threads_per_worker=1,
                    memory_limit=None,
                    security=True,  # keys of this command alone: nobody else on this machine can join
                    dashboard_address="127.0.0.1:0",
                    scheduler_kwargs={"dashboard": False},
                    silence_logs=logging.CRITICAL,
                )
                found = open_.enter_context(Client(open_.enter_context(cluster)))
        yield found


def _join(cluster: str) -> "Client":
    """Connect to a cluster that exists; TLS is by Dask's own configuration."""
    from distributed import Client

    try:  # Dask itself would wait for a file that is not there
        address = cluster if "://" in cluster else json.loads(Path(cluster).read_text(encoding="utf-8"))["address"]
        return Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TypeError, LookupError) as error:
        found = f"no scheduler of a Dask cluster answers at {cluster} ({' '.join(str(error).split())})"
        raise MicroExpError("--cluster", found, "docs/clusters.md says how to start one.") from None


def _require_same(client: "Client") -> None:
    """Wait for a worker; refuse a cluster without this package, of other versions or of several threads to a worker."""
    print("waiting for a worker to join the cluster", file=sys.stderr)
    client.wait_for_workers(1)
    own, hint = versions(), "Install the same versions everywhere and start the cluster again."
    try:
        others = {"the scheduler": client.run_on_scheduler(versions), **client.run(versions)}
    except Exception as error:
        found = f"a scheduler or worker of it has no microexp_keras like that here, but answers {error!r}"
        raise MicroExpError("--cluster", found, hint) from None
    for address, theirs in others.items():
        if names := [name for name in own if own[name] != theirs.get(name)]:
            here, there = (", ".join(f"{name} {one.get(name)}" for name in names) for one in (own, theirs))
            raise MicroExpError("--cluster", f"{address} has {there}, but here it is {here}", hint)
    if (threads := max(client.nthreads().values())) > 1:
        found = f"a worker has {threads} threads instead of one"
        raise MicroExpError("--cluster", found, "Start them with --nthreads 1.")


def versions() -> dict[str, str]:
    """Return the versions on which the bits of a fold depend, with the backend that is loaded here; none is loaded."""
    packages = {name: installed(name) or "none" for name in ("keras", choose_backend(), "numpy")}
    return {"python": platform.python_version(), **packages, "microexp_keras": __version__}


@contextlib.contextmanager
def _without_ctrl_c_for_children() -> Iterator[None]:
    """Start threads, and so the processes that these start, which do not hear Ctrl-C; the command ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # which would let the thread that starts the first process hear it again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def processes_that_fit(workers: Workers, runs: Sequence[Run], folds: int) -> int:
    """Return in how many processes so many folds are trained: `--jobs`, else so many that cores and memory suffice."""
    need, free = max(map(bytes_of_a_process, runs)), free_bytes()
    wanted = min(workers.jobs or cores(), folds)
    if wanted * need <= free:
        return wanted
    taken = wanted if workers.jobs else max(1, free // need)
    but = f"{taken} at once instead of {wanted}" if taken < wanted else f"with {taken} of them some may be killed"
    memory = f"{in_bytes(need)} of memory and {in_bytes(free)} are free"
    print(f"WARNING: a process needs about {memory}: {but}", file=sys.stderr)
    return taken


def bytes_of_a_process(run: Run) -> int:
    """Estimate the most memory that a process takes that trains folds of a run, in proportion to its frames."""
    short, long = run.protocol.network.gigabytes
    return int(1e9 * (short + (long - short) * max(0, run.protocol.frames - 18) / (96 - 18)))


def free_bytes() -> int:
    """Return how much memory is free, at most what the limit of this process's container leaves beside this process."""
    import psutil
    from distributed.system import MEMORY_LIMIT

    return max(0, min(psutil.virtual_memory().available, MEMORY_LIMIT - psutil.Process().memory_info().rss))


def train(folder: Path, number: int, method: Method) -> None:
    """Train a fold in this worker, or resume it; a `method` of a user's own is made known here first.

    A fold whose command is gone ends after the epoch that it is in. Until then it holds its folder, and whoever resumes
    waits for it.
    """
    from distributed import get_worker

    worker = get_worker()
    become_worker(worker.name)
    if isinstance(method, OwnMethod):
        OWN[method.name] = method
    key = worker.get_current_task()

    def wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    gc.collect()  # the network of the fold before, which refers to itself
    run = _open_run(folder, (folder / "config.json").read_bytes())
    own_folder = run.fold_folder(number)
    make_folder(own_folder)
    lock = ".worker.lock" if run.has_one_fold else ".lock"  # `train` itself holds the folder of a run of one fold
    with only_writer(own_folder, wait=True, name=lock):
        if not run.is_done(number):
            train_fold(run, number, progress=False, wanted=wanted)


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
