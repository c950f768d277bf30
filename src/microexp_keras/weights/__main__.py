"""Say what a weights file is: `python -m microexp_keras.weights inspect FILE`."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence

from microexp_keras.console import command, command_line
from microexp_keras.weights.identify import inspect


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    return command_line("weights", {})


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Say what a weights file is."""
    found = inspect(parser().parse_args(argv).file)
    for name, value in dataclasses.asdict(found).items():
        print(f"{name.replace('_', ' '):16} {'not in the file' if value is None else value}")
    print(f"{'build with':16} {found.recipe}")


if __name__ == "__main__":
    sys.exit(main())
