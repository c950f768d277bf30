"""From a command line to the data that are meant, and how they are read.

Where no folder is named, a database is looked for in the folder of `$MICROEXP_DATA`, then in `data/`.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from microexp_keras.console import positive
from microexp_keras.datasets.database import (
    CROPS,
    DATABASES,
    EXPRESSIONS,
    LABELS,
    SAMPLINGS,
    SMIC,
    Database,
    get_database,
)
from microexp_keras.datasets.find import choose_tree, databases_in, find_dataset
from microexp_keras.datasets.table import is_table, own_database
from microexp_keras.errors import MicroExpError
from microexp_keras.synthetic import synthetic_folder
from microexp_keras.text import either

# Of the repository, if the package runs from one.
CHECKOUT = Path(__file__).resolve().parents[3]

# Options of `find_clips` that say which of several things in a data folder are meant.
OPTIONS = ("layout", "camera", "labels", "expressions")

# Options that say how clips are read, under a protocol that does not read them as published.
READING = ("frames", "size", "sampling", "crop")


def chosen_options(args: argparse.Namespace, names: tuple[str, ...] = OPTIONS) -> dict[str, Any]:
    """Return those of the `OPTIONS`, or of other `names`, that a parsed command line gives, as a dict."""
    return {name: value for name in names if (value := getattr(args, name, None)) is not None}


def chosen_reading(args: argparse.Namespace) -> dict[str, Any]:
    """Return those of the options `READING` that a parsed command line gives, as a dict."""
    return chosen_options(args, READING)


def add_options(parser: argparse._ActionsContainer) -> None:
    """Add the `OPTIONS` to an `argparse` parser; those left out are None."""
    layouts = sorted({name for database in DATABASES.values() for name in database.layouts})
    parser.add_argument("--layout", choices=layouts, help="which tree, where there are several")
    parser.add_argument("--camera", choices=SMIC.cameras, help="SMIC: which camera, where there are several")
    what = "CAS(ME)^2: estimated emotion (default), self-report, or the emotion that the video should elicit"
    parser.add_argument("--labels", choices=LABELS, help=what)
    parser.add_argument("--expressions", choices=EXPRESSIONS, help="CAS(ME)^2: which (default: all)")


def add_synthetic(parser: argparse._ActionsContainer) -> None:
    """Add `--synthetic`, which takes generated clips where no folder is named."""
    what = "use generated clips, written to data/synthetic-DATASET once"
    parser.add_argument("--synthetic", action="store_true", help=what)


def add_own_options(parser: argparse.ArgumentParser, *left_out: str) -> None:
    """Add `--name`, `--classes` and the options `READING` to a parser, but for some; those not given are None."""
    own = parser.add_argument_group("with a table of your own clips as data (columns clip, subject, label)")
    reading = parser.add_argument_group(
        "how clips are read, not with upstream, paper and published of SMIC and CAS(ME)^2"
    )
    sampled = "which frames: a clip's first N (default), N around its annotated apex, or all of them brought to N by "
    sampled += "temporal interpolation (default of CASME II and SAMM)"
    count: dict[str, Any] = {"metavar": "N", "type": positive}
    names: dict[str, Any] = {"metavar": "A,B,C", "type": lambda text: [name.strip() for name in text.split(",")]}
    options: dict[str, dict[str, Any]] = {
        "name": {"help": "how titles name your clips (default: the file's name)"},
        "classes": {**names, "help": "order of the classes (default: of their first rows)"},
        "frames": {**count, "help": "frames that the network sees of a clip (default: 18, of CAS(ME)^2 96)"},
        "size": {**count, "help": "rows and columns after resizing (default: the network's)"},
        "sampling": {"choices": SAMPLINGS, "help": sampled},
        "crop": {"choices": CROPS, "help": "cut out the face found in a clip's first frame (default: none)"},
    }
    for name, option in options.items():
        if name not in left_out:
            (reading if name in READING else own).add_argument(f"--{name}", **option)


def database_of(args: argparse.Namespace, table: Path | None, dataset: str | None) -> Database:
    """Return the database that a parsed command line means: a user's own if the data are a table, else that named.

    A MicroExpError says that it names neither, both, or options that go with the other only.
    """
    own = chosen_options(args, ("name", "classes"))
    if is_table(table):
        wrong, database = [*["dataset"] * bool(dataset), *chosen_options(args)], None
        said = f"cannot be used with {table}, a table of your own clips"
    else:
        wrong, database = [*own], get_database(dataset)
        said = f"is for a table of your own clips, but --dataset {dataset} is given"
    if wrong:
        raise MicroExpError(", ".join(f"--{name}" for name in wrong), said, "Leave one out.")
    return database or own_database(str(table), **own)


def data_of(args: argparse.Namespace, dataset: str | Database | None) -> Path:
    """Return the data that a parsed command line names, else those of `--synthetic`, else those of `data_folder`."""
    if args.synthetic and args.data:
        raise MicroExpError("--synthetic takes generated clips, so leave it out or name no data of your own.")
    if isinstance(dataset, Database) and dataset.is_table and not args.data:
        raise MicroExpError(f"{dataset.title} is no database that this package knows: name the table of its clips.")
    if args.synthetic:
        return synthetic_folder(get_database(dataset).name)
    return args.data or data_folder(dataset, **chosen_options(args))


def data_folder(dataset: str | Database | None = None, **options: Any) -> Path:
    """Return the folder below which a database lies, and say on stderr which tree of it is taken.

    Looked in, one after the other: the folder that `$MICROEXP_DATA` names, `data/` of the working folder, and `data/`
    of the checkout that this package runs from. Synthetic clips are passed over. Without a dataset any of them is
    taken; options are those of `find_clips`, for which of several trees.
    """
    folder = _holding(dataset)
    if folder is None:
        titles = either(one.title for one in ([get_database(dataset)] if dataset else DATABASES.values()))
        raise MicroExpError(
            f"no clips of {titles} below {either(_places())}: unpack your copy there or name the folder that holds it "
            "(data/README.md says whom to ask for one), or use generated clips with --synthetic."
        )
    database = get_database(dataset or find_dataset(folder))
    table, _, _ = choose_tree(folder, database, options.get("layout"), options.get("camera"))
    print(f"{database.title} is read from {table.root}", file=sys.stderr)
    return folder


def data_or_synthetic(dataset: str) -> Path:
    """Return what `data_folder` does; where there is none, the folder of synthetic clips, and say so."""
    if _holding(dataset):
        return data_folder(dataset)
    print(f"no {get_database(dataset).title} in data/: SYNTHETIC clips are taken instead")
    return synthetic_folder(dataset)


def _holding(dataset: str | Database | None) -> Path | None:
    """The first of the places that holds clips of a database, or of any."""
    there = ((place, databases_in(place)) for place in _places() if place.is_dir())
    return next((place for place, found in there if (get_database(dataset) in found if dataset else found)), None)


def _places() -> list[Path]:
    """The folders to look in, absolute, each once."""
    checkout = [CHECKOUT / "data"] if (CHECKOUT / "pyproject.toml").is_file() else []
    places = [os.environ.get("MICROEXP_DATA"), "data", *checkout]
    return list(dict.fromkeys(Path(place).absolute() for place in places if place))
