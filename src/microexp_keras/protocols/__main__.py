"""Print protocols side by side: `python -m microexp_keras.protocols upstream loso`."""

import argparse
import sys
from collections.abc import Sequence

from microexp_keras.console import command, command_line
from microexp_keras.datasets.options import MEANINGS
from microexp_keras.models.networks import METHODS
from microexp_keras.protocols.protocol import ABOUT, ALL, get, side_by_side
from microexp_keras.text import markdown_table


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    return command_line("protocols", {**MEANINGS, "methods": METHODS})


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
