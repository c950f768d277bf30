"""From a command line to the data that are meant, and how they are read.

Where no folder is named, a database is looked for in the folder of `$MICROEXP_DATA`, then in `data/`.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from microexp_keras.console import Parser, positive, seed
from microexp_keras.data import read_toml
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

SHARED = read_toml(__package__, "options.toml")

# Options of `find_clips` that say which of several things in a data folder are meant.
OPTIONS = ("layout", "camera", "labels", "expressions")

# Options that say how clips are read, under a protocol that does not read them as published.
READING = ("frames", "size", "sampling", "crop")

# What `type` and `choices` name in the .toml of options and commands.
MEANINGS: dict[str, Any] = {
    "path": Path,
    "positive": positive,
    "seed": seed,
    "names": lambda text: [name.strip() for name in text.split(",")],
    "databases": DATABASES,
    "layouts": sorted({name for database in DATABASES.values() for name in database.layouts}),
    "cameras": SMIC.cameras,
    "labels": LABELS,
    "expressions": EXPRESSIONS,
    "samplings": SAMPLINGS,
    "crops": CROPS,
    "flat or rawvideo": ("flat", "rawvideo"),
    "list or clear": ("list", "clear"),
}


def chosen_options(args: argparse.Namespace, names: tuple[str, ...] = OPTIONS) -> dict[str, Any]:
    """Return those of the `OPTIONS`, or of other `names`, that a parsed command line gives, as a dict."""
    return {name: value for name in names if (value := getattr(args, name, None)) is not None}


def chosen_reading(args: argparse.Namespace) -> dict[str, Any]:
    """Return those of the options `READING` that a parsed command line gives, as a dict."""
    return chosen_options(args, READING)


def add_options(parser: argparse._ActionsContainer) -> None:
    """Add the `OPTIONS` to an `argparse` parser; those left out are None."""
    _add_arguments(parser, SHARED["trees"])


def add_synthetic(parser: argparse._ActionsContainer) -> None:
    """Add `--synthetic`, which takes generated clips where no folder is named."""
    _add_arguments(parser, SHARED["synthetic"])


def add_own_options(parser: argparse.ArgumentParser, *left_out: str) -> None:
    """Add `--name`, `--classes` and the options `READING` to a parser, but for some; those not given are None."""
    for title, options in SHARED["own"].items():
        group = parser.add_argument_group(title)
        _add_arguments(group, {name: how for name, how in options.items() if name[2:] not in left_out})


def command_line(package: str) -> Parser:
    """Build the command line of a package that has several commands, as its commands.toml says."""
    groups: dict[str, Any] = {"synthetic": add_synthetic, "trees": add_options, "own": add_own_options}
    data = read_toml(package, "commands.toml")
    parser = Parser(package.rpartition(".")[2], data["examples"], description=data["description"])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in data["commands"].items():
        what = command["help"]
        own = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        for option, how in command["options"].items():
            if option in groups:
                groups[option](own, *how)
            else:
                _add_arguments(own, {option: how})
    return parser


def _add_arguments(parser: argparse._ActionsContainer, options: dict[str, dict[str, Any]]) -> None:
    for name, option in options.items():
        meant = {key: MEANINGS[value] if key in ("type", "choices") else value for key, value in option.items()}
        parser.add_argument(name, **meant)


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
