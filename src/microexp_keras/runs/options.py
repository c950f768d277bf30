"""Options that several commands share, and what goes with `--resume`."""

import argparse
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from microexp_keras.console import positive
from microexp_keras.datasets import DATABASES
from microexp_keras.datasets.options import CHECKOUT
from microexp_keras.errors import MicroExpError

WHERE = ("jobs", "cluster", "dashboard")
"""Options that say where folds are trained."""

SHIPPED = CHECKOUT / "weights" / "microexp-stcnn_synthetic-smic_upstream_seed0.weights.h5"


def weights_file(text: str) -> Path:
    """Return the file that `--weights` means: itself, that of a run's folder, or with `synthetic` the shipped one."""
    path = Path(text)
    if text == "synthetic" and not path.exists():
        if SHIPPED.is_file():
            return SHIPPED
        raise argparse.ArgumentTypeError(f"{SHIPPED} is missing. It comes with the repository; or train your own")
    if not path.is_dir():
        return path
    kinds = ("weights-improvement-*.weights.h5", "learned.h5", "best.weights.h5")
    found = [file for kind in kinds for file in path.glob(kind)]
    if len(found) != 1:
        raise argparse.ArgumentTypeError(
            f"{path} holds {len(found)} files of weights. Name a file, or the folder of a run that holds one; with "
            "several folds, `train --keep-weights` keeps those of each in its folder"
        )
    return found[0]


def require_weights(path: Path | None) -> None:
    """Refuse a command without `--weights` that needs them."""
    if path is None:
        hint = "Train some, or try it with --weights synthetic; docs/authors-weights.md says where the authors' are."
        raise MicroExpError("--weights", "no file is given", hint)


OPTIONS: dict[str, dict[str, Any]] = {
    "--weights": {
        "type": weights_file,
        "metavar": "FILE",
        "help": "an .h5 of ours, of the authors or of any Keras 2 or 3, a run's folder, or `synthetic`: those that "
        "come with the repository, trained on synthetic clips",
    },
    "--dataset": {"choices": DATABASES, "help": "which database it is (default: found in --data, or as trained)"},
    "--data": {
        "type": Path,
        "metavar": "PATH",
        "help": "your copy of the database, or a table of your own clips: CSV or .xlsx (default: found in data/)",
    },
    "--landmarks": {
        "type": Path,
        "metavar": "CSV",
        "help": "for eyes and mouth: your landmarks instead of dlib's",
    },
    "--epochs": {
        "type": positive,
        "metavar": "N",
        "help": "passes over the training clips (default: the protocol's)",
    },
    "--patience": {
        "type": positive,
        "metavar": "N",
        "help": "early stopping after so many epochs without a better validation accuracy; not with a protocol that is "
        "as published (default: train all epochs)",
    },
    "--keep-weights": {
        "action": "store_true",
        "help": "keep the best weights of each fold of several; otherwise only its predictions and history stay",
    },
    "--out": {
        "type": Path,
        "metavar": "FOLDER",
        "help": "where to write (default: the next free folder in runs)",
    },
    "--resume": {
        "type": Path,
        "metavar": "FOLDER",
        "help": "resume this run; only --keep-weights, --jobs, --cluster, of train --epochs, and what has moved may be "
        "given too",
    },
    "--jobs": {
        "type": positive,
        "metavar": "N",
        "help": "for protocols of several folds: how many are trained at once, each on one core (default: one per "
        "core, fewer if memory does not suffice)",
    },
    "--cluster": {
        "metavar": "ADDRESS",
        "help": "train on a Dask cluster instead: tcp://HOST:8786, tls://HOST:8786 or a scheduler file; see "
        "docs/clusters.md",
    },
    "--dashboard": {"action": "store_true", "help": "print the address of Dask's dashboard"},
}


def add_options(parser: Any, *names: str) -> None:
    """Add some of the `OPTIONS` to a parser or a group of its options."""
    for name in names:
        parser.add_argument(name, **OPTIONS[name])


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
            raise MicroExpError("--jobs", "does not go with --cluster, which has its own workers", "Leave one out.")
        if args.dashboard and not find_spec("bokeh"):
            raise MicroExpError("--dashboard", "needs the package bokeh", "Run: pip install bokeh")
        return cls(args.jobs, args.cluster, args.dashboard)


def absolute(path: Path | None) -> str | None:
    """Return a path that an option gives as it is written into records."""
    return None if path is None else str(path.resolve())


def require_only(args: argparse.Namespace, *names: str) -> None:
    """Refuse options beside those that may go with `--resume`."""
    given = {name for name, value in vars(args).items() if value is not None and value is not False}
    others = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(given - {*names}))
    if others:
        raise MicroExpError("--resume", f"does not go with {others}", "A run keeps its settings.")
