"""What all commands share: exit codes, errors in one line, argument types, progress bars."""

import argparse
import functools
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from microexp_keras.errors import MicroExpError


def command(main):
    """Make `main(argv=None)` a command: it returns an exit code, and a user's mistake is one line on stderr.

    Exit codes: what `main` returns (None is 0), 2 for a `MicroExpError`, 130 for Ctrl-C, 141 if
    the output is no longer read.
    """

    @functools.wraps(main)
    def run(argv=None):
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


def positive(text):
    """Read an argument that is a whole number from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, received {text}")
    return value


def seed(text):
    """Read an argument that seeds random numbers: a whole number from 0 to 4294967295."""
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to {2**32 - 1}, received {text}")
    return value


def progress_bar(iterable=None, **options):
    """Return a tqdm bar on stderr; into a file or a pipe it writes a line every ten seconds, not every change."""
    from tqdm import tqdm

    return tqdm(iterable, mininterval=0.1 if sys.stderr.isatty() else 10, **options)


def cores():
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def in_threads(function, items, what, unit="clip", progress=True):
    """Call a function with each item on all cores, for OpenCV and dlib compute outside Python's lock.

    Parameters
    ----------
    function : callable
    items : sequence
    what, unit : str
        For the progress bar: `"reading clips"`, `"clip"`.
    progress : bool
        Show it.

    Returns
    -------
    list
        What it returned, in the order of the items. The first error is raised, and what was not begun is left.
    """
    pool = ThreadPoolExecutor(cores())
    try:
        done = pool.map(function, items)
        return list(progress_bar(done, total=len(items), desc=what, unit=unit, disable=not progress))
    finally:
        pool.shutdown(cancel_futures=True)


def import_keras():
    """Import Keras without the remarks on the machine that TensorFlow writes past Python to stderr.

    Should the import fail, they are shown after all.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as remarks:
        try:
            os.dup2(remarks.fileno(), 2)
            import keras

            keras.ops.zeros(1)  # the first operation looks for devices, and is the last to remark on them
        except BaseException:
            remarks.seek(0)
            os.write(stderr, remarks.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
    return keras
