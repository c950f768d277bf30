"""Options that several commands share, and what goes with `--resume`."""

import argparse
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microexp_keras.datasets import options
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import METHODS, get_method
from microexp_keras.protocols import NAMES
from microexp_keras.results.tables import NAMES as TABLES

WHERE = ("jobs", "cluster")  #: Options that say where folds are trained.

SHIPPED = options.CHECKOUT / "weights" / "microexp-stcnn_synthetic-smic_upstream_seed0.weights.h5"


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


def rate(text: str) -> float:
    """Read an argument that is a number above 0, up to 1000."""
    with contextlib.suppress(ValueError):
        if 0 < (value := float(text)) <= 1000:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is no number above 0, up to 1000")


def method(name: str) -> str:
    """Return the name of a method that there is, or that can be imported."""
    try:
        return get_method(name).name
    except MicroExpError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


MEANINGS: dict[str, Any] = {
    **options.MEANINGS,
    "methods": METHODS,
    "protocols": NAMES,
    "tables": TABLES,
    "rate": rate,
    "method": method,
    "weights": weights_file,
}
"""What `type` and `choices` name in commands.toml."""


@dataclass(frozen=True)
class Workers:
    """Where folds are trained: in so many processes of this machine (None: one a core), or on a Dask `cluster`."""

    jobs: int | None = None
    cluster: str | None = None

    @classmethod
    def of(cls, args: argparse.Namespace) -> "Workers":
        """Take the options of a parsed command line, if they go together."""
        if args.cluster and args.jobs:
            raise MicroExpError("--jobs", "does not go with --cluster, which has its own workers", "Leave one out.")
        return cls(args.jobs, args.cluster)


def absolute(path: Path | None) -> str | None:
    """Return a path that an option gives as it is written into records."""
    return None if path is None else str(path.resolve())


def require_only(args: argparse.Namespace, *names: str) -> None:
    """Refuse options beside those that may go with `--resume`."""
    given = {name for name, value in vars(args).items() if value is not None and value is not False}
    others = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(given - {*names}))
    if others:
        raise MicroExpError("--resume", f"does not go with {others}", "A run keeps its settings.")
