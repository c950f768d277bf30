"""Options that say which of several things in a data folder are meant, on a command line and as arguments."""

import argparse
from typing import Any

from microexp_keras.datasets.database import DATABASES, SMIC
from microexp_keras.errors import MicroExpError

LABELS = ("emotion", "self-report", "video")
"""What the classes of CAS(ME)^2's annotated trees can be taken from."""

EXPRESSIONS = ("all", "micro", "macro")
"""Which expressions of CAS(ME)^2's annotated trees are read."""

OPTIONS = ("layout", "camera", "labels", "expressions")
"""Options of `find_clips` that say which of several things in a data folder are meant."""


def chosen_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return those of the `OPTIONS` that a parsed command line gives, as a dict."""
    return {name: getattr(args, name) for name in OPTIONS if getattr(args, name) is not None}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the `OPTIONS` to an `argparse` parser; those left out are None."""
    layouts = sorted({name for database in DATABASES.values() for name in database.layouts})
    parser.add_argument("--layout", choices=layouts, help="which tree, where there are several")
    parser.add_argument("--camera", choices=SMIC.cameras, help="SMIC: which camera, where there are several")
    parser.add_argument(
        "--labels",
        choices=LABELS,
        help="CAS(ME)^2: estimated emotion (default), self-report, or the emotion that the video should elicit",
    )
    parser.add_argument("--expressions", choices=EXPRESSIONS, help="CAS(ME)^2: which (default: all)")


def require_dataset(name: str | None) -> None:
    """Refuse a command that does not say which database its clips are of.

    Raises
    ------
    MicroExpError
        If `name` is None.
    """
    if name is None:
        names = " or ".join(DATABASES)
        raise MicroExpError("--dataset", names, "nothing", "Say which database the clips are of.")
