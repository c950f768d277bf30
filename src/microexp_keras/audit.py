"""Recompute what the published numbers can be, without any data: `python -m microexp_keras.audit`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from microexp_keras.atomic import write_text
from microexp_keras.console import Parser, command
from microexp_keras.paper.claims import FORMATS, audit


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = Parser(
        "audit",
        description="Recompute what the numbers published by Reddy et al. 2019 can be. Needs no data.",
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write (default: to the terminal)")
    return parser


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Print or write the audit."""
    args = parser().parse_args(argv)
    text = FORMATS[args.format](audit())
    if args.out is None:
        print(text)
        return
    write_text(args.out, text + "\n")
    print(f"the audit is in {args.out}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
