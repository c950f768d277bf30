"""A function mapped over items on all cores."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from microexp_keras.console import progress_bar

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(
    function: Callable[[Item], Result], items: Sequence[Item], what: str, unit: str = "clip", progress: bool = True
) -> list[Result]:
    """Map a function over items in threads, with a progress bar; OpenCV and dlib release Python's global lock.

    The first error is raised, and what was not begun is left.
    """
    pool = ThreadPoolExecutor(cores())
    try:
        done = pool.map(function, items)
        return list(progress_bar(done, total=len(items), desc=what, unit=unit, disable=not progress))
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C waits for what runs, not for all
