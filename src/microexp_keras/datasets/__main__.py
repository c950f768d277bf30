"""Look at data, or make some: `python -m microexp_keras.datasets check PATH` or `... synthesize --out PATH`.

`cache list` says what is kept of data that was read before, and `cache clear` removes it.
`check` exits with 1 if anything would make training fail, else with 0.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence

from microexp_keras import datasets
from microexp_keras.console import command
from microexp_keras.datasets.options import command_line
from microexp_keras.errors import MicroExpError
from microexp_keras.text import counted, in_bytes


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    return command_line(__package__)


@command
def main(argv: Sequence[str] | None = None) -> int | None:
    """Run the subcommand that was asked for."""
    args = parser().parse_args(argv)
    return {"synthesize": _synthesize, "check": _check, "table": _table, "cache": _cache}[args.command](args)


def _synthesize(args: argparse.Namespace) -> None:
    root = datasets.synthesize(args.dataset, args.out, args.seed, args.layout)
    clips = datasets.find_clips(root, args.dataset)
    print(f"{root}: {counted(len(clips), 'synthetic clip')} of {counted(len({c.subject for c in clips}), 'subject')}")
    print(f"Train on them: python -m microexp_keras.train --dataset {args.dataset} --data {shlex.quote(str(root))}")


def _check(args: argparse.Namespace) -> int:
    from microexp_keras.datasets import check

    data = datasets.data_of(args, args.dataset)
    named = args.dataset if datasets.is_table(data) else args.dataset or datasets.find_dataset(data)
    reading = datasets.chosen_reading(args)
    crop = reading.pop("crop", "none")
    report = check.check(data, datasets.database_of(args, data, named), **reading, **datasets.chosen_options(args))
    if crop == "face":
        from microexp_keras.landmarks.face_box import check_faces

        report.issues.extend(check_faces(report.table.clips, report.facts["frames_read"], report.facts["sampling"]))
    print(json.dumps(report.as_json(), indent=2) if args.json else report.as_text())
    return int(report.stops_training)


def _table(args: argparse.Namespace) -> None:
    from microexp_keras.datasets.table import write_table

    names, options = args.dataset or [*map(datasets.find_dataset, args.data)], datasets.chosen_options(args)
    if len(names) != len(args.data):
        found = f"names {len(names)} for {len(args.data)} folders"
        raise MicroExpError("--dataset", found, "Give one for each folder, in their order.")
    tables = [datasets.read_table(path, name, **options) for path, name in zip(args.data, names, strict=True)]
    write_table(args.out, tables)
    for table in tables:
        people = counted(len({clip.subject for clip in table.clips}), "subject")
        remarks = f"; {counted(len(table.issues), 'remark')}, which check lists" if table.issues else ""
        print(f"{table.database.title}: {counted(len(table.clips), 'clip')} of {people}{remarks}")
    how = " --sampling interpolate" if any(table.database.sampling == "interpolate" for table in tables) else ""
    train = f"python -m microexp_keras.train --data {shlex.quote(str(args.out))}{how}"
    print(f"{args.out} is written. Train on it: {train}")


def _cache(args: argparse.Namespace) -> None:
    from microexp_keras import cache

    kept = {kind: cache.files(kind) for kind in cache.KINDS}
    stacks = sum(path.suffix == ".npy" for path in kept["stacks"])
    what = f"stacks of {counted(stacks, 'data set')}, landmarks of {counted(len(kept['landmarks']), 'clip')}"
    size = in_bytes(sum(sum(sizes.values()) for sizes in kept.values()))
    if args.what == "list":
        print(f"{cache.folder()}: {what}; {size} in all")
        return
    for path in [path for paths in kept.values() for path in paths]:
        path.unlink(missing_ok=True)
    print(f"{cache.folder()}: removed {what}; {size} are free")


if __name__ == "__main__":
    sys.exit(main())
