"""Where folds are trained, from options to a client: processes of this machine, or a Dask cluster that exists."""

import argparse
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microexp_keras.console import positive
from microexp_keras.errors import MicroExpError
from microexp_keras.parallel import cores
from microexp_keras.regular import read_json

if TYPE_CHECKING:
    from distributed import Client

WHERE = ("jobs", "cluster", "tls", "dashboard")
"""Options of `add_options`."""

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

CONNECT_SECONDS = 20

DASK_SETTINGS = Path(__file__).with_name("dask.yaml")


@dataclass(frozen=True)
class Workers:
    """Where folds are trained.

    Attributes
    ----------
    jobs : int or None
        How many processes of this machine; None for as many as there are cores, see also `memory.as_many_as_fit`.
    cluster : str or None
        Instead of them a cluster that exists: the address of its scheduler, `tcp://HOST:8786` or `tls://HOST:8786`, or
        the file in which the scheduler has written it.
    tls : Path or None
        Folder with the keys of a `tls://` cluster, as `write_keys` leaves it; None for what Dask's own configuration
        says.
    dashboard : bool
        Whether Dask's dashboard is wanted.
    """

    jobs: int | None = None
    cluster: str | None = None
    tls: Path | None = None
    dashboard: bool = False

    @classmethod
    def of(cls, args: argparse.Namespace) -> "Workers":
        """Take what `add_options` has read.

        Raises
        ------
        MicroExpError
            If the options do not go together, or the dashboard is not installed.
        """
        if args.cluster and args.jobs:
            raise MicroExpError("--jobs", "without --cluster, which has the workers it has", remedy="Leave one out.")
        if args.tls and not args.cluster:
            raise MicroExpError("--tls", "with --cluster", remedy="Processes of this machine make their own keys.")
        if args.dashboard and not find_spec("bokeh"):
            raise MicroExpError("--dashboard", "the package bokeh", "none", "Run: pip install bokeh")
        return cls(args.jobs, args.cluster, args.tls, args.dashboard)

    def title(self, folds: int) -> str:
        """Return where so many folds are trained: `in 2 processes`."""
        jobs = self.processes(folds)
        return f"on {self.cluster}" if self.cluster else f"in {jobs} {'process' if jobs == 1 else 'processes'}"

    def processes(self, folds: int) -> int:
        """Return how many of so many folds are trained at once, as far as this command knows."""
        return min(self.jobs or cores(), folds)

    @contextlib.contextmanager
    def client(self, folds: int) -> "Iterator[Client]":
        """Start worker processes for so many folds, or join the cluster; end what was started.

        Nothing listens without a key: scheduler and workers of this machine talk over TLS with keys made for this one
        command and kept in memory, and serve no web pages. The dashboard, if wanted, is on 127.0.0.1.

        Raises
        ------
        MicroExpError
            If the cluster cannot be reached.
        """
        import dask
        import distributed
        import yaml
        from distributed.utils import silence_logging_cmgr

        from microexp_keras.runs import local_cluster

        own = yaml.safe_load(DASK_SETTINGS.read_text(encoding="utf-8"))
        if self.dashboard:
            del own["distributed"]["scheduler"]["preload"]
        with silence_logging_cmgr(logging.CRITICAL), contextlib.ExitStack() as open_:
            with dask.config.set(dask.config.merge(dask.config.config, own)), _without_ctrl_c_for_children():
                cluster = None if self.cluster else local_cluster.start(self.processes(folds), self.dashboard)
                if cluster:
                    open_.callback(cluster.close, timeout=10)
                client = distributed.Client(cluster) if cluster else _join(self)
                open_.callback(client.close, timeout=2)
            if self.dashboard:
                print(f"dashboard: {client.dashboard_link}", file=sys.stderr)
            yield client


def environment() -> dict[str, str]:
    """Return `ENVIRONMENT` with the flags for XLA, behind those that are set already."""
    flags = os.environ.get("XLA_FLAGS", "")
    return {**ENVIRONMENT, "XLA_FLAGS": flags if XLA_FLAGS in flags else f"{flags} {XLA_FLAGS}".strip()}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where folds are trained."""
    parser.add_argument(
        "--jobs",
        type=positive,
        metavar="N",
        help="for protocols of several folds: how many are trained at once, each on one core (default: one per core, "
        "fewer if memory does not suffice)",
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="train on a Dask cluster instead: tcp://HOST:8786, tls://HOST:8786 or a scheduler file; see "
        "docs/clusters.md",
    )
    parser.add_argument(
        "--tls",
        type=Path,
        metavar="FOLDER",
        help="authority.pem, certificate.pem and key.pem of a tls:// cluster (default: those of Dask's configuration)",
    )
    parser.add_argument("--dashboard", action="store_true", help="print the address of Dask's dashboard")


def write_keys(folder: str | Path) -> None:
    """Make keys for one cluster: authority.pem, certificate.pem and key.pem, which only this user can read.

    Whoever can read them can join the cluster and run programs on it.

    Raises
    ------
    MicroExpError
        If they cannot be written.
    """
    from distributed import Security

    security = Security.temporary()
    certificate, key = security.tls_client_cert, security.tls_client_key
    for name, text in {"authority": certificate, "certificate": certificate, "key": key}.items():
        path = Path(folder) / f"{name}.pem"
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
        except OSError as error:
            raise MicroExpError(
                path, found=f"could not be written ({error.strerror})", remedy="Take a new folder."
            ) from None


def _join(workers: Workers) -> "Client":
    """Connect to a cluster that exists."""
    from distributed import Client, Security

    given, where = str(workers.cluster), dict[str, Any]()
    if workers.tls:
        roles = {"authority": "tls_ca_file", "certificate": "tls_client_cert", "key": "tls_client_key"}
        files = {role: str(workers.tls / f"{name}.pem") for name, role in roles.items()}
        where["security"] = Security(require_encryption=True, **files)
    try:
        address = given if "://" in given else read_json(given)["address"]
        return Client(address, timeout=CONNECT_SECONDS, **where)
    except (OSError, ValueError, TypeError, LookupError) as error:
        why = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise MicroExpError(
            "--cluster",
            "the scheduler of a Dask cluster",
            f"none at {given} ({why})",
            "docs/clusters.md says how to start one.",
        ) from None


@contextlib.contextmanager
def _without_ctrl_c_for_children() -> Iterator[None]:
    """Start threads, and so the processes that these start, which do not hear Ctrl-C; the command ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
