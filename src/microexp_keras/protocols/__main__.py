"""Print protocols side by side: `python -m microexp_keras.protocols upstream loso`."""

import argparse
import sys
from collections.abc import Sequence

from microexp_keras.console import Parser, command
from microexp_keras.datasets.database import DATABASES
from microexp_keras.models.networks import METHODS
from microexp_keras.protocols.protocol import ABOUT, ALL, get, side_by_side
from microexp_keras.text import markdown_table


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = Parser(
        "protocols",
        ("upstream paper loso", "upstream/late/casme2", "loso --model lbp-top"),
        description="Print protocols side by side, as a Markdown table: the settings in which they differ, of one "
        "alone all of them. Without a name, list the protocols.",
    )
    parser.add_argument(
        "protocols", nargs="*", metavar="NAME", help="such as upstream, or upstream/late/casme2: NAME/MODEL/DATASET"
    )
    parser.add_argument("--model", choices=METHODS, default="stcnn", help="where NAME says none (default: stcnn)")
    parser.add_argument("--dataset", choices=DATABASES, default="smic", help="where NAME says none (default: smic)")
    return parser


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Print protocols side by side."""
    args = parser().parse_args(argv)
    if args.protocols:
        parts = [name.split("/", 2) for name in args.protocols]
        chosen = [get(*part, *[args.model, args.dataset][len(part) - 1 :]) for part in parts]
        rows = side_by_side(chosen, everything=len(chosen) == 1)
    else:
        rows = [["protocol", "methods and databases", "what it is"]]
        for name, what in ABOUT.items():
            rows.append([name, ", ".join(f"{one.model}/{one.dataset}" for one in ALL if one.name == name), what])
    print(markdown_table(rows))


if __name__ == "__main__":
    sys.exit(main())
