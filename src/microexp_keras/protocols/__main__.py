"""Print protocols side by side: `python -m microexp_keras.protocols upstream loso`."""

import argparse
import itertools
import sys
import textwrap
from collections.abc import Sequence

from microexp_keras.console import Parser, command
from microexp_keras.datasets.database import DATABASES
from microexp_keras.models.networks import METHODS
from microexp_keras.protocols.catalogue import ABOUT, ALL, get
from microexp_keras.protocols.protocol import side_by_side
from microexp_keras.text import markdown_table


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = Parser(
        "protocols",
        ("upstream paper loso", "upstream/late/casme2", "loso --model lbp-top"),
        description="Print protocols side by side: the settings in which they differ, of one alone all of them. "
        "Without a name, list the protocols.",
    )
    parser.add_argument(
        "protocols", nargs="*", metavar="NAME", help="such as upstream, or upstream/late/casme2: NAME/MODEL/DATASET"
    )
    parser.add_argument("--model", choices=METHODS, default="stcnn", help="where NAME says none (default: stcnn)")
    parser.add_argument("--dataset", choices=DATABASES, default="smic", help="where NAME says none (default: smic)")
    parser.add_argument("--markdown", action="store_true", help="as a Markdown table")
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
    print(markdown_table(rows) if args.markdown else _as_text(rows))


def _as_text(rows: list[list[str]]) -> str:
    """Columns for a terminal, long cells in several lines."""
    cells = [[textwrap.wrap(cell, 38) or [""] for cell in row] for row in rows]
    widths = [max(len(line) for cell in column for line in cell) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        for parts in itertools.zip_longest(*row, fillvalue=""):
            lines.append("  ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip())
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
