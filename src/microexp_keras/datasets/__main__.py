"""Prepare data: `python -m microexp_keras.datasets synthesize --dataset smic --out PATH`."""

import argparse
import sys
from pathlib import Path

from microexp_keras import datasets
from microexp_keras.commands import command, seed


def parser():
    """Build the command line."""
    parser = argparse.ArgumentParser(prog="python -m microexp_keras.datasets", description="Prepare data.")
    commands = parser.add_subparsers(dest="command", required=True)
    synthesize = commands.add_parser("synthesize", help="write synthetic clips", description="Write synthetic clips.")
    synthesize.add_argument(
        "--dataset", choices=datasets.CLASS_NAMES, required=True, help="whose tree and counts to imitate"
    )
    synthesize.add_argument("--out", type=Path, required=True, metavar="PATH", help="a folder that does not exist yet")
    synthesize.add_argument(
        "--seed", type=seed, default=0, metavar="N", help="the same seed gives the same bytes (default: 0)"
    )
    return parser


@command
def main(argv=None):
    """Run the subcommand that was asked for."""
    args = parser().parse_args(argv)
    root = datasets.synthesize(args.dataset, args.out, args.seed)
    clips = datasets.find_clips(root, args.dataset)
    print(f"{root}: {len(clips)} synthetic clips of {len({clip.subject for clip in clips})} subjects")


if __name__ == "__main__":
    sys.exit(main())
