"""What all commands share: exit codes, errors in one line, argument types, progress bars."""

import argparse
import contextlib
import difflib
import functools
import io
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

BUG = 70
"""The exit code of an error that is nobody's but ours."""

PACKAGES = {"cv2": "opencv-python", "dlib": "dlib-bin", "sklearn": "scikit-learn", "yaml": "PyYAML", "PIL": "pillow"}
"""What to install for a module of another name."""


def command(main: Callable[..., int | None]) -> Callable[..., int]:
    """Make `main(argv=None)` a command: it returns an exit code, and whatever goes wrong is one line on stderr.

    Exit codes: what `main` returns (None is 0), 2 for a `MicroExpError`, a package that cannot be loaded, or what the
    system or the memory refuses, 70 for a bug, whose traceback goes into a file that the line names, 130 for Ctrl-C,
    141 if the output is no longer read.
    """

    @functools.wraps(main)
    def run(argv: Sequence[str] | None = None) -> int:
        try:
            with _sigint_as_exception(), _any_name_is_printed():
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
        except ImportError as error:
            if (error.name or "").startswith("microexp_keras"):
                return _failed(_bug_line(), BUG)
            return _failed(_how_to_install(error), 2)
        except MemoryError:
            return _failed("not enough memory. Close other programs, or take fewer --jobs or clips.", 2)
        except Exception:
            return _failed(_bug_line(), BUG)

    return run


def _failed(message: str, code: int) -> int:
    print(f"error: {message}".replace("\n", "\\n"), file=sys.stderr)
    return code


def _how_to_install(error: ImportError) -> str:
    """Say which package to install for a module that cannot be imported."""
    module = (error.name or "").partition(".")[0]
    if "libGL" in str(error) or "libgthread" in str(error):
        return (
            f"OpenCV cannot be loaded: {error}. Install the system's library (on Debian and Ubuntu: apt-get install "
            "libgl1 libglib2.0-0), or take the build of OpenCV that needs none: python -m pip uninstall opencv-python, "
            "then python -m pip install opencv-python-headless"
        )
    package = PACKAGES.get(module, module) or "--requirement requirements.txt"
    return f"{error}. Install what is missing: python -m pip install --force-reinstall {package}"


def _bug_line() -> str:
    kind, error, _ = sys.exc_info()
    return f"this is a bug, please report it: {kind.__name__ if kind else 'error'}: {error}. {traceback_in_a_file()}"


def traceback_in_a_file() -> str:
    """Write the traceback of the exception that is being handled into a file, and say so; if that fails, return it."""
    try:
        handle, path = tempfile.mkstemp(prefix="microexp-keras-", suffix=".log")
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{sys.argv}\n{traceback.format_exc()}")
    except OSError:
        return traceback.format_exc()
    return f"Traceback written to {path}"


@contextlib.contextmanager
def _sigint_as_exception() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C; before and after, a program of ours is just ended by it (`__init__`)."""
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


@contextlib.contextmanager
def _any_name_is_printed() -> Iterator[None]:
    """Let stdout print names that its encoding lacks as `\\xe9`, as stderr does, instead of failing."""
    output = sys.stdout
    if not isinstance(output, io.TextIOWrapper):  # of a notebook
        yield
        return
    before = output.errors
    output.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        output.reconfigure(errors=before)


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
        self.exit(2, f"error: {message.removesuffix('.')}.{meant} See {self.prog} --help\n")


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
