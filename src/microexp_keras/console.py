"""What all commands share: exit codes, errors in one line, argument types, progress bars."""

import argparse
import contextlib
import difflib
import functools
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from microexp_keras.errors import MicroExpError
from microexp_keras.text import plain

BUG = 70
"""The exit code of an error that is nobody's but ours."""


def command(main: Callable[..., int | None]) -> Callable[..., int]:
    """Make `main(argv=None)` a command: it returns an exit code, and whatever goes wrong is one line on stderr.

    What names of files hold is shown, not obeyed by the terminal.

    Exit codes: what `main` returns (None is 0), 2 for a `MicroExpError`, or what the system or the memory refuses, 70
    for a bug, whose traceback goes into a file that the line names, 130 for Ctrl-C, 141 if the output is no longer
    read.
    """

    @functools.wraps(main)
    def run(argv: Sequence[str] | None = None) -> int:
        with _heard_ctrl_c(), _shown("stdout"), _shown("stderr"):
            try:
                return main(argv) or 0
            except MicroExpError as error:
                return _failed(str(error), 2)
            except KeyboardInterrupt:
                print("stopped by Ctrl-C", file=sys.stderr)
                return 130
            except BrokenPipeError:  # who read our output is gone, as in `... | head`
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer is lost
                return 141
            except OSError as error:
                if error.filename is None:
                    return _failed(_bug_line(), BUG)
                return _failed(f"{os.fsdecode(error.filename)}: {error.strerror}. Correct the path or its rights.", 2)
            except MemoryError:
                return _failed("not enough memory. Close other programs, or take fewer --jobs or clips.", 2)
            except Exception:
                return _failed(_bug_line(), BUG)

    return run


def _failed(message: str, code: int) -> int:
    print(f"error: {message}".replace("\n", "\\n"), file=sys.stderr)
    return code


def _bug_line() -> str:
    """Write the traceback of the exception that is being handled into a file, and say so."""
    kind, error, _ = sys.exc_info()
    said = f"this is a bug, please report it: {kind.__name__ if kind else 'error'}: {error}"
    try:
        handle, path = tempfile.mkstemp(prefix="microexp-keras-", suffix=".log")
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{sys.argv}\n{traceback.format_exc()}")
    except OSError:
        return f"{said}. {traceback.format_exc()}"
    return f"{said}. How it came about is in {path}"


@contextlib.contextmanager
def _heard_ctrl_c() -> Iterator[None]:
    """Hear Ctrl-C as KeyboardInterrupt; before and after, a program of ours is just ended by it (`__init__`)."""
    ends_at_once = threading.current_thread() is threading.main_thread() and (
        signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    )
    if ends_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if ends_at_once:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


class _Shown:
    """A stream on which names cannot move the cursor, nor fail because they are not UTF-8.

    Parameters
    ----------
    stream : file
        Of text. A carriage return in front of what is written stays one: progress bars begin so.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        bar, encoding = "\r" * text.startswith("\r"), getattr(self._stream, "encoding", None) or "utf-8"
        shown = plain(text[len(bar) :]).encode(encoding, "backslashreplace").decode(encoding)
        self._stream.write(bar + shown)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def _shown(name: str) -> Iterator[None]:
    """Let `sys.stdout` or `sys.stderr` show what it is given, unless it does already."""
    before = getattr(sys, name)
    setattr(sys, name, before if before is None or isinstance(before, _Shown) else _Shown(before))
    try:
        yield
    finally:
        setattr(sys, name, before)


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
