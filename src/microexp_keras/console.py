"""What all commands share: exit codes, errors in one line, argument types, progress bars."""

import argparse
import difflib
import functools
import io
import os
import signal
import sys
import tempfile
import textwrap
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from microexp_keras.data import frozen, read_toml
from microexp_keras.errors import MicroExpError

BUG = 70
"""The exit code of an error that is nobody's but ours."""

PACKAGES = {"cv2": "opencv-python", "dlib": "dlib-bin", "sklearn": "scikit-learn", "yaml": "PyYAML", "PIL": "pillow"}
"""What to install for a module of another name."""


NAMED = ("methods", "protocols")
"""Meanings whose names stand in a help."""


def command(main: Callable[..., int | None]) -> Callable[..., int]:
    """Make `main(argv=None)` a command: it returns an exit code, and whatever goes wrong is one line on stderr.

    Exit codes: what `main` returns (None is 0), 2 for a `MicroExpError`, a package that cannot be loaded, or what the
    system or the memory refuses, 70 for a bug, whose traceback goes into a file that the line names, 130 for Ctrl-C,
    141 if the output is no longer read.
    """

    @functools.wraps(main)
    def run(argv: Sequence[str] | None = None) -> int:
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as `__init__` sets it for imports
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if isinstance(sys.stdout, io.TextIOWrapper):  # names that its encoding lacks are printed as `\xe9`
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            return main(argv) or 0
        except KeyboardInterrupt:
            print("stopped by Ctrl-C", file=sys.stderr)
            return 130
        except BrokenPipeError:  # who read our output is gone, as in `... | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer is lost
            return 141
        except Exception as error:
            said = _what_to_do(error)
            bug = f"this is a bug, please report it: {type(error).__name__}: {error}. "
            print(f"error: {said or bug + traceback_in_a_file()}".replace("\n", "\\n"), file=sys.stderr)
            return 2 if said else BUG

    return run


def _what_to_do(error: Exception) -> str:
    """Return the line for an error that the user can mend; nothing for a bug of ours."""
    if isinstance(error, MicroExpError):
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory. Close other programs, or take fewer --jobs or clips."
    if isinstance(error, OSError) and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}. Check the path and its permissions."
    if not isinstance(error, ImportError) or (error.name or "").startswith("microexp_keras"):
        return ""
    if "libGL" in str(error) or "libgthread" in str(error):
        return (
            f"OpenCV cannot be loaded: {error}. Install the system's library (on Debian and Ubuntu: apt-get install "
            "libgl1 libglib2.0-0), or take the build of OpenCV that needs none: python -m pip uninstall opencv-python, "
            "then python -m pip install opencv-python-headless"
        )
    module = (error.name or "").partition(".")[0]
    package = PACKAGES.get(module, module) or "--requirement requirements.txt"
    return f"{error}. Install what is missing: python -m pip install --force-reinstall {package}"


def traceback_in_a_file() -> str:
    """Write the traceback of the exception that is being handled into a file, and say so; if that fails, return it."""
    try:
        handle, path = tempfile.mkstemp(prefix="microexp-keras-", suffix=".log")
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{sys.argv}\n{traceback.format_exc()}")
    except OSError:
        return traceback.format_exc()
    return f"Traceback written to {path}"


class Parser(argparse.ArgumentParser):
    """A command line whose mistakes are one line: what is wrong, what was meant, where help is.

    Parameters
    ----------
    command : str
        Of the package: `"train"`. Usage names it as it was typed, `python -m microexp_keras.train` or
        `microexp-keras train`.
    examples : sequence of str
        Arguments, with which help ends.
    **options
        Of `argparse.ArgumentParser`.
    """

    def __init__(self, command: str = "", examples: Sequence[str] = (), **options: Any) -> None:
        if command:
            script = Path(sys.argv[0]).name.startswith("microexp-keras")
            options["prog"] = f"microexp-keras {command}" if script else f"python -m microexp_keras.{command}"
        if examples:
            options["formatter_class"] = argparse.RawDescriptionHelpFormatter
            options["description"] = textwrap.fill(options["description"], 80)
            options["epilog"] = "\n  ".join(["examples:", *(f"{options['prog']} {example}" for example in examples)])
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        """End with exit code 2 and one line."""
        wrong = [word for word in message.split() if word.startswith("--")]
        unknown = message.startswith("unrecognized arguments") and wrong
        similar = difflib.get_close_matches(wrong[0], self._option_string_actions, 1) if unknown else []
        meant = f" Did you mean {similar[0]}?" if similar else ""
        self.exit(2, f"error: {message.removesuffix('.')}.{meant} See {self.prog} --help\n")


def command_line(command: str, meanings: Mapping[str, Any]) -> Parser:
    """Build a command line as `commands.toml` has it; `meanings` are what `type` and `choices` name there.

    What is left out is None, so that --resume can tell what was given.
    """
    data = read_toml(__package__, "commands.toml")
    own = data[command]
    parser = Parser(command, own.get("examples", ()), usage=own.get("usage"), description=own["description"])
    if "groups" in own:
        _add_groups(parser, own, data, meanings)
        return parser
    inner = parser.add_subparsers(dest="command", required=True)
    for name, one in own["commands"].items():
        what = one["help"]
        _add_groups(inner.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}."), one, data, meanings)
    return parser


def _add_groups(parser: argparse.ArgumentParser, own: Any, data: Any, meanings: Mapping[str, Any]) -> None:
    """Add the options of a command, each under the title of its group."""
    options = {**data["options"], **own.get("options", {})}
    for name, group in own["groups"].items():
        titled = parser.add_argument_group(data["titles"].get(name, name)) if name else parser
        for option in group:
            how = frozen(options[option])
            for key in how.keys() & {"type", "choices"}:
                how[key] = meanings.get(how[key], how[key])
            how["help"] = how["help"].format(**{name: ", ".join(meanings.get(name, ())) for name in NAMED})
            titled.add_argument(option, **how)


def positive(text: str) -> int:
    """Read an argument that is a whole number from 1."""
    return _whole_number(text, 1, None)


def seed(text: str) -> int:
    """Read an argument that seeds random numbers: a whole number from 0 to 4294967295."""
    return _whole_number(text, 0, 2**32 - 1)


def _whole_number(text: str, least: int, most: int | None) -> int:
    wanted = f"is no whole number from {least}" + (f" to {most}" if most else "")
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} {wanted}") from None
    if value < least or (most and value > most):
        raise argparse.ArgumentTypeError(f"{text} {wanted}")
    return value


def progress_bar(iterable: Iterable[Any] | None = None, **options: Any) -> Any:
    """Return a tqdm bar on stderr; into a file or a pipe it writes a line every ten seconds, not every change."""
    from tqdm import tqdm

    return tqdm(iterable, mininterval=0.1 if sys.stderr.isatty() else 10, **options)
