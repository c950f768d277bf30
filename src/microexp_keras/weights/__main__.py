"""Say what a weights file is: `python -m microexp_keras.weights inspect FILE`."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence

from microexp_keras.console import Parser, command
from microexp_keras.weights.identify import inspect


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = Parser("weights", ["inspect weights-improvement-40-0.69.hdf5"], description="Say what weights files are.")
    commands = parser.add_subparsers(dest="command", required=True)
    inspecting = commands.add_parser("inspect", help="say which network a .h5 or .hdf5 file holds and how to build it")
    inspecting.add_argument("file", help="written by Keras 2 or Keras 3: whole model or weights only")
    return parser


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Say what a weights file is."""
    found = inspect(parser().parse_args(argv).file)
    for name, value in dataclasses.asdict(found).items():
        print(f"{name.replace('_', ' '):16} {'not in the file' if value is None else value}")
    print(f"{'build with':16} {found.recipe}")


if __name__ == "__main__":
    sys.exit(main())
