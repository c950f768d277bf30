"""What all commands share: exit codes, errors in one line, argument types, progress bars."""

import argparse
import difflib
import functools
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from microexp_keras.errors import MicroExpError


def command(main: Callable[..., int | None]) -> Callable[..., int]:
    """Make `main(argv=None)` a command: it returns an exit code, and a user's mistake is one line on stderr.

    Exit codes: what `main` returns (None is 0), 2 for a `MicroExpError`, 130 for Ctrl-C, 141 if
    the output is no longer read.
    """

    @functools.wraps(main)
    def run(argv: Sequence[str] | None = None) -> int:
        try:
            return main(argv) or 0
        except MicroExpError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("stopped by Ctrl-C", file=sys.stderr)
            return 130
        except BrokenPipeError:  # who read our output is gone, as in `... | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer goes nowhere
            return 141

    return run


class Parser(argparse.ArgumentParser):
    """A command line whose mistakes are one line: what is wrong, what was meant, where help is.

    Parameters
    ----------
    command : str
        Of the package: `"train"`. Usage names it as it was typed, `python -m microexp_keras.train` or
        `microexp-keras train`.
    **options
        Of `argparse.ArgumentParser`.
    """

    def __init__(self, command: str = "", **options: Any) -> None:
        if command:
            script = Path(sys.argv[0]).name.startswith("microexp-keras")
            options["prog"] = f"microexp-keras {command}" if script else f"python -m microexp_keras.{command}"
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        """End with exit code 2 and one line."""
        wrong = [word for word in message.split() if word.startswith("--")]
        unknown = message.startswith("unrecognized arguments") and wrong
        similar = difflib.get_close_matches(wrong[0], self._option_string_actions, 1) if unknown else []
        meant = f" Did you mean {similar[0]}?" if similar else ""
        self.exit(2, f"error: {message}.{meant} See {self.prog} --help\n")


def positive(text: str) -> int:
    """Read an argument that is a whole number from 1."""
    return _whole_number(text, 1, None)


def seed(text: str) -> int:
    """Read an argument that seeds random numbers: a whole number from 0 to 4294967295."""
    return _whole_number(text, 0, 2**32 - 1)


def _whole_number(text: str, least: int, most: int | None) -> int:
    expected = f"expected a whole number from {least}" + (f" to {most}" if most else "")
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{expected}, found {text!r}") from None
    if value < least or (most and value > most):
        raise argparse.ArgumentTypeError(f"{expected}, found {text}")
    return value


def progress_bar(iterable: Iterable[Any] | None = None, **options: Any) -> Any:
    """Return a tqdm bar on stderr; into a file or a pipe it writes a line every ten seconds, not every change."""
    from tqdm import tqdm

    return tqdm(iterable, mininterval=0.1 if sys.stderr.isatty() else 10, **options)
