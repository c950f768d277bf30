"""Say what a weights file is: `python -m microexp_keras.weights inspect FILE`."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence

from microexp_keras.console import Parser, command
from microexp_keras.models.networks import NETWORKS
from microexp_keras.weights.identify import inspect


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = Parser("weights", description="Say what weights files are.")
    commands = parser.add_subparsers(dest="command", required=True)
    inspecting = commands.add_parser("inspect", help="say which network a .h5 or .hdf5 file holds and how to build it")
    inspecting.add_argument("file", help="written by Keras 2 or Keras 3: whole model or weights only")
    inspecting.add_argument("--json", action="store_true", help="print JSON")
    return parser


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Say what a weights file is."""
    arguments = parser().parse_args(argv)
    found = inspect(arguments.file)
    facts = dataclasses.asdict(found)
    if arguments.json:
        print(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        print(f"{name.replace('_', ' '):16} {'not in the file' if value is None else value}")
    clip = f"frames={found.frames}, size={found.size}" if found.frames else "frames=?, size=?"
    settings = f"{clip}, num_classes={found.num_classes}, kernel_size={found.kernel_size}"
    print(f"{'build with':16} models.{NETWORKS[found.network].builder}({settings})")


if __name__ == "__main__":
    sys.exit(main())
