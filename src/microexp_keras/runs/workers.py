"""Where folds are trained, from options to a client: processes of this machine, or a Dask cluster that exists."""

import argparse
import contextlib
import importlib.util
import json
import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING

from microexp_keras.errors import MicroExpError
from microexp_keras.parallel import cores
from microexp_keras.text import in_bytes

if TYPE_CHECKING:
    from distributed import Client

    from microexp_keras.runs.run import Run

DASK = {
    "distributed.scheduler.allowed-failures": 2,  # a fold whose worker died three times is given up
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,  # returns memory that the next step takes again
    "distributed.diagnostics.nvml": False,
}
"""Settings of the processes of this machine."""

CONNECT_SECONDS = 20


@dataclass(frozen=True)
class Workers:
    """Where folds are trained: in so many processes of this machine (None: one a core), or on a Dask `cluster`."""

    jobs: int | None = None
    cluster: str | None = None
    dashboard: bool = False

    @classmethod
    def of(cls, args: argparse.Namespace) -> "Workers":
        """Take the options of a parsed command line, if they go together."""
        if args.cluster and args.jobs:
            raise MicroExpError("--jobs", "expected without --cluster, which has the workers it has", "Leave one out.")
        if args.dashboard and not importlib.util.find_spec("bokeh"):
            raise MicroExpError("--dashboard", "expected the package bokeh, found none", "Run: pip install bokeh")
        return cls(args.jobs, args.cluster, args.dashboard)

    @contextlib.contextmanager
    def client(self, jobs: int | None = None) -> "Iterator[Client]":
        """Start so many worker processes, or join the cluster; end what was started."""
        import dask
        from distributed import Client, LocalCluster
        from distributed.utils import silence_logging_cmgr

        with silence_logging_cmgr(logging.CRITICAL), contextlib.ExitStack() as open_:
            if self.cluster:
                client = open_.enter_context(_join(self.cluster))
            else:
                open_.enter_context(dask.config.set(DASK))
                open_.enter_context(_importable_main())
                with _without_ctrl_c_for_children():
                    cluster = LocalCluster(
                        n_workers=jobs or 1,
                        threads_per_worker=1,
                        memory_limit=None,
                        security=True,  # keys of this command alone: nobody else on this machine can join
                        dashboard_address="127.0.0.1:0",
                        scheduler_kwargs={"dashboard": self.dashboard},
                        silence_logs=logging.CRITICAL,
                    )
                    client = open_.enter_context(Client(open_.enter_context(cluster)))
            if self.dashboard:
                print(f"dashboard: {client.dashboard_link}", file=sys.stderr)
            yield client


def bytes_of_a_process(run: "Run") -> int:
    """Estimate the most memory that a process takes that trains folds of a run, in proportion to its frames."""
    short, long = run.protocol.network.gigabytes
    return int(1e9 * (short + (long - short) * max(0, run.protocol.frames - 18) / (96 - 18)))


def free_bytes() -> int:
    """Return how much memory is free, at most what the limit of this process's container leaves beside this process."""
    import psutil
    from distributed.system import MEMORY_LIMIT

    return min(psutil.virtual_memory().available, MEMORY_LIMIT - psutil.Process().memory_info().rss)


def processes_that_fit(workers: Workers, runs: "Sequence[Run]", folds: int) -> int:
    """Return in how many processes so many folds are trained: `--jobs`, else so many that cores and memory suffice."""
    need = max(bytes_of_a_process(run) for run in runs)
    wanted, free = min(workers.jobs or cores(), folds), free_bytes()
    fitting = max(1, free // need)
    if wanted <= fitting and need <= free:
        return wanted
    asked = workers.jobs or wanted <= fitting
    print(
        f"WARNING: a process needs about {in_bytes(need)} of memory and {in_bytes(max(free, 0))} are free: "
        + (f"with {wanted} of them some may be killed" if asked else f"{fitting} at once instead of {wanted}"),
        file=sys.stderr,
    )
    return wanted if asked else fitting


def _join(cluster: str) -> "Client":
    """Connect to a cluster that exists, by the keys of Dask's own configuration if it is a `tls://` one."""
    from distributed import Client

    try:  # Dask itself would wait for a file that is not there
        address = cluster if "://" in cluster else json.loads(Path(cluster).read_text(encoding="utf-8"))["address"]
        return Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TypeError, LookupError) as error:
        why = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise MicroExpError(
            "--cluster",
            f"expected the scheduler of a Dask cluster, found none at {cluster} ({why})",
            "docs/clusters.md says how to start one.",
        ) from None


@contextlib.contextmanager
def _importable_main() -> Iterator[None]:
    """Let new processes import a module of ours in the place of the caller's program.

    Python would load that one again in each: a program from stdin has no file, and one without
    `if __name__ == "__main__"` would begin the same training anew.
    """
    main = sys.modules["__main__"]
    before, main.__spec__ = main.__spec__, importlib.util.find_spec("microexp_keras.errors")
    try:
        yield
    finally:
        main.__spec__ = before


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
