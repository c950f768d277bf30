"""Look at data, or make some: `python -m microexp_keras.datasets check PATH` or `... synthesize --out PATH`.

`check` exits with 1 if anything would make training fail, else with 0.
"""

import argparse
import json
import sys
from pathlib import Path

from microexp_keras import datasets
from microexp_keras.commands import command, positive, seed


def parser():
    """Build the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m microexp_keras.datasets", description="Look at data, or make some."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    synthesize = commands.add_parser("synthesize", help="write synthetic clips", description="Write synthetic clips.")
    synthesize.add_argument(
        "--dataset", choices=datasets.CLASS_NAMES, required=True, help="whose tree and counts to imitate"
    )
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
    check.add_argument("data", type=Path, metavar="PATH", help="the unpacked archive, or a folder above or inside it")
    check.add_argument("--dataset", choices=datasets.CLASS_NAMES, help="which database (default: found out)")
    datasets.add_options(check)
    check.add_argument("--frames", type=positive, metavar="N", help="frames that training reads (default: 18 or 96)")
    check.add_argument("--json", action="store_true", help="print everything as JSON")
    return parser


@command
def main(argv=None):
    """Run the subcommand that was asked for."""
    args = parser().parse_args(argv)
    return {"synthesize": _synthesize, "check": _check}[args.command](args)


def _synthesize(args):
    root = datasets.synthesize(args.dataset, args.out, args.seed, args.layout)
    clips = datasets.find_clips(root, args.dataset)
    print(f"{root}: {len(clips)} synthetic clips of {len({clip.subject for clip in clips})} subjects")


def _check(args):
    from microexp_keras.datasets import check

    report = check.check(args.data, args.dataset, frames=args.frames, **datasets.chosen_options(args))
    print(json.dumps(check.as_json(report), indent=2) if args.json else check.as_text(report))
    return int(report.stops_training)


if __name__ == "__main__":
    sys.exit(main())
