"""Look at data, or make some: `python -m microexp_keras.datasets check PATH` or `... synthesize --out PATH`.

`cache list` says what is kept of data that was read before, and `cache clear` removes it.
`check` exits with 1 if anything would make training fail, else with 0.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from microexp_keras import datasets
from microexp_keras.console import Parser, command, seed
from microexp_keras.datasets.database import DATABASES
from microexp_keras.datasets.options import options_for
from microexp_keras.errors import MicroExpError
from microexp_keras.text import counted, in_bytes


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = Parser("datasets", description="Look at data, or make some.")
    commands = parser.add_subparsers(dest="command", required=True)
    synthesize = commands.add_parser("synthesize", help="write synthetic clips", description="Write synthetic clips.")
    synthesize.add_argument("--dataset", choices=DATABASES, required=True, help="whose tree and counts to imitate")
    synthesize.add_argument(
        "--layout",
        choices=("flat", "rawvideo"),
        default="flat",
        help="CAS(ME)^2: a video for each clip, or long recordings with a workbook (default: flat)",
    )
    synthesize.add_argument("--out", type=Path, required=True, metavar="PATH", help="a folder that does not exist yet")
    synthesize.add_argument(
        "--seed", type=seed, default=0, metavar="N", help="the same seed gives the same bytes (default: 0)"
    )
    check = commands.add_parser(
        "check",
        help="say what is in a data folder and what is wrong with it",
        description="Say which database lies in a folder, how many clips it has, and every problem with its remedy.",
    )
    check.add_argument(
        "data",
        type=Path,
        metavar="PATH",
        help="the unpacked archive, a folder above or inside it, or a table of your own clips",
    )
    check.add_argument("--dataset", choices=DATABASES, help="which database (default: found out)")
    datasets.add_options(check)
    datasets.add_own_options(check, "size", "crop")
    check.add_argument("--json", action="store_true", help="print everything as JSON")
    table = commands.add_parser(
        "table",
        help="write a table of clips from a database, to start your own from, or of several: a composite",
        description="Write the clips of a database as a table of one's own: columns clip, subject, label, name. Of "
        "several databases it has the column database too, and people of different ones are different people.",
    )
    table.add_argument("data", type=Path, nargs="+", metavar="PATH", help="the databases, see data/README.md")
    table.add_argument(
        "--dataset",
        choices=DATABASES,
        action="append",
        help="which database a PATH is, once for each in their order (default: found out)",
    )
    datasets.add_options(table)
    table.add_argument("--out", type=Path, default=Path("clips.csv"), metavar="CSV", help="default: clips.csv")
    cache = commands.add_parser(
        "cache",
        help="list or remove what is kept of data that was read before",
        description="Stacks of gray frames and points of faces are kept, so that the next run starts in seconds.",
    )
    cache.add_argument("what", choices=("list", "clear"), help="list what is kept, or remove all of it")
    return parser


@command
def main(argv: Sequence[str] | None = None) -> int | None:
    """Run the subcommand that was asked for."""
    args = parser().parse_args(argv)
    return {"synthesize": _synthesize, "check": _check, "table": _table, "cache": _cache}[args.command](args)


def _synthesize(args: argparse.Namespace) -> None:
    if args.layout == "rawvideo" and args.dataset != datasets.CASME2.name:
        raise MicroExpError("--layout rawvideo", f"--dataset {datasets.CASME2.name}", args.dataset, "Leave it out.")
    root = datasets.synthesize(args.dataset, args.out, args.seed, args.layout)
    labels = "self-report" if args.layout == "rawvideo" else None  # its first column of emotions is coarser
    clips = datasets.find_clips(root, args.dataset, labels=labels)
    print(f"{root}: {counted(len(clips), 'synthetic clip')} of {counted(len({c.subject for c in clips}), 'subject')}")
    print(f"Train on them: {train_command(root, args.dataset, labels)}")


def train_command(root: Path, dataset: str, labels: str | None) -> str:
    """Write the command that trains on a folder."""
    options = f" --labels {labels}" if labels else ""
    return f"python -m microexp_keras.train --dataset {dataset} --data {shlex.quote(str(root))}{options}"


def _check(args: argparse.Namespace) -> int:
    from microexp_keras.datasets import check, check_text

    named = args.dataset if datasets.is_table(args.data) else args.dataset or datasets.find_dataset(args.data)
    database = datasets.database_of(args, args.data, named, ("frames",))
    report = check.check(args.data, database, frames=args.frames, **datasets.chosen_options(args))
    print(json.dumps(check_text.as_json(report), indent=2) if args.json else check_text.as_text(report))
    return int(report.stops_training)


def _table(args: argparse.Namespace) -> None:
    from microexp_keras.datasets.table_writer import write_table

    names = args.dataset or [datasets.find_dataset(path) for path in args.data]
    if len(names) != len(args.data):
        raise MicroExpError("--dataset", f"one for each of {len(args.data)} folders", f"{len(names)}", "Give all.")
    databases, options = [datasets.get_database(name) for name in names], datasets.chosen_options(args)
    of_each = [options_for(database, options) for database in databases] if len(names) > 1 else [options]
    if unused := ", ".join(f"--{name}" for name in options if not any(name in own for own in of_each)):
        raise MicroExpError(unused, "one that goes with any of these databases", ", ".join(names), "Leave it out.")
    trees = [
        datasets.read_tree(path, database, **own)
        for path, database, own in zip(args.data, databases, of_each, strict=True)
    ]
    write_table(args.out, trees)
    for tree in trees:
        people = counted(len({clip.subject for clip in tree.clips}), "subject")
        print(f"{tree.database.title}: {counted(len(tree.clips), 'clip')} of {people}")
    how = " --sampling interpolate" if any(tree.database.sampling == "interpolate" for tree in trees) else ""
    print(
        f"{args.out} is written. Train on it: python -m microexp_keras.train --data {shlex.quote(str(args.out))}{how}"
    )


def _cache(args: argparse.Namespace) -> None:
    from microexp_keras import cache

    if args.what == "clear":
        removed = cache.clear()
        freed = sum(size for _, size in removed.values())
        print(f"{cache.folder()}: removed {_what_is_kept(removed)}; {in_bytes(freed)} are free")
        return
    stacks, points = cache.find("stacks"), cache.find("landmarks")
    for path, size, about in stacks:
        print(f"{path.name[:12]}  {in_bytes(size):>10}  {_described(about)}")
    sizes = {"stacks": [one.size for one in stacks], "landmarks": [one.size for one in points]}
    found = {kind: (len(all), sum(all)) for kind, all in sizes.items()}
    print(f"{cache.folder()}: {_what_is_kept(found)}; {in_bytes(sum(map(sum, sizes.values())))} in all")


def _described(about: dict[str, Any] | None) -> str:
    """One line on the stacks of a data set."""
    if about is None:
        return "damaged; the next run makes it anew"
    inputs = f"{' and '.join(about['inputs'])} {about['size']}x{about['size']}x{about['frames']}"
    return f"{about['origin']}, {inputs}, {counted(about['clips'], 'clip')} of {about['folder']}, {about['made']}"


def _what_is_kept(found: Any) -> str:
    (stacks, _), (landmarks, size) = found["stacks"], found["landmarks"]
    return f"stacks of {counted(stacks, 'data set')}, landmarks of {counted(landmarks, 'clip')} ({in_bytes(size)})"


if __name__ == "__main__":
    sys.exit(main())
