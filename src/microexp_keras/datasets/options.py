"""Options that say which of several things in a data folder are meant, on a command line and as arguments."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from microexp_keras.console import positive
from microexp_keras.datasets.clip_table import own_database
from microexp_keras.datasets.database import CROPS, DATABASES, SAMPLINGS, SMIC, Database, get_database
from microexp_keras.datasets.table_rows import is_table
from microexp_keras.errors import MicroExpError
from microexp_keras.text import either

LABELS = ("emotion", "self-report", "video")
"""What the classes of CAS(ME)^2's annotated trees can be taken from."""

EXPRESSIONS = ("all", "micro", "macro")
"""Which expressions of CAS(ME)^2's annotated trees are read."""

OPTIONS = ("layout", "camera", "labels", "expressions")
"""Options of `find_clips` that say which of several things in a data folder are meant."""


def chosen_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return those of the `OPTIONS` that a parsed command line gives, as a dict."""
    return {name: getattr(args, name) for name in OPTIONS if getattr(args, name) is not None}


def options_for(database: Database, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of some `OPTIONS` that mean something for a database, for trees of several with one command."""
    meant = {
        "layout": options.get("layout") in database.layouts,
        "camera": bool(database.cameras),
        "labels": bool(database.annotated),
        "expressions": bool(database.annotated),
    }
    return {name: value for name, value in options.items() if meant[name]}


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


READING = ("frames", "size", "sampling", "crop")
"""Options that say how clips are read, where the paper has not settled it."""

OWN = ("name", "classes", *READING)
"""Options that go with a table of one's own clips; see `clip_table.own_database`."""


def add_own_options(parser: argparse.ArgumentParser, *left_out: str) -> None:
    """Add the options `OWN` to an `argparse` parser, but for some; those not given are None."""
    own = parser.add_argument_group(
        "with a table of your own clips as data (columns clip, subject, label); "
        f"{', '.join(f'--{name}' for name in READING if name not in left_out)} with CASME II and SAMM too"
    )
    options: dict[str, dict[str, Any]] = {
        "name": {"help": "how titles name your clips (default: the file's name)"},
        "classes": {"metavar": "A,B,C", "type": _names, "help": "order of the classes (default: of their first rows)"},
        "frames": {"metavar": "N", "type": positive, "help": "frames that the network sees of a clip (default: 18)"},
        "size": {"metavar": "N", "type": positive, "help": "rows and columns after resizing (default: the network's)"},
        "sampling": {
            "choices": SAMPLINGS,
            "help": "which frames: a clip's first N (default), N around the column apex, or all of them brought to N "
            "(default of CASME II and SAMM)",
        },
        "crop": {"choices": CROPS, "help": "cut out the face found in a clip's first frame (default: none)"},
    }
    for name, option in options.items():
        if name not in left_out:
            own.add_argument(f"--{name}", **option)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def database_of(
    args: argparse.Namespace, table: Path | None, dataset: str | None, shared: Sequence[str] = ()
) -> Database:
    """Return the database that a parsed command line means: a user's own if the data are a table, else that named.

    Parameters
    ----------
    args : argparse.Namespace
    table : Path or None
        The data.
    dataset : str or None
        The database that was named.
    shared : sequence of str
        Those of the options `OWN` that go with any database.

    Raises
    ------
    MicroExpError
        If it says neither, both, or options that go with the other only.
    """
    own = {name: value for name in OWN if (value := getattr(args, name, None)) is not None}
    if not is_table(table):
        require_dataset(dataset)
        database = get_database(str(dataset))
        free = () if database.in_paper else READING
        if given := ", ".join(f"--{name}" for name in own if name not in (*shared, *free)):
            raise MicroExpError(given, "with a table of your own clips only", f"--dataset {dataset}", "Leave it out.")
        return replace(database, **{name: value for name, value in own.items() if name in free})
    if dataset or chosen_options(args):
        given = ", ".join(f"--{name}" for name in (*["dataset"] * bool(dataset), *chosen_options(args)))
        raise MicroExpError(given, "without a table of your own clips", f"the table {table}", "Leave one out.")
    return own_database(str(table), **own)


def require_dataset(name: str | None) -> None:
    """Refuse a command that does not say which database its clips are of.

    Raises
    ------
    MicroExpError
        If `name` is None.
    """
    if name is None:
        raise MicroExpError(
            "--dataset",
            either(DATABASES),
            "nothing",
            "Say which database the clips are of, or give a table of your own.",
        )
