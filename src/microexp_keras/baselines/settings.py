"""The settings of the rival methods and whose they are, and the descriptors of clips that their folds share."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from microexp_keras.data import frozen, read_toml

_METHODS: dict[str, dict[str, Any]] = frozen(read_toml(__package__, "settings.toml"))


def marks(method: str) -> list[tuple[str, Any, str]]:
    """List the settings of a method, by its name, as (setting, value, whose it is)."""
    return [(name, value, whose) for name, (value, whose) in _METHODS[method]["settings"].items()]


def settings(method: str) -> SimpleNamespace:
    """Return the values of a method's settings as attributes."""
    return SimpleNamespace(**{name: value for name, value, _ in marks(method)})


def is_reconstruction(method: str) -> bool:
    """Whether a method is built after a description, because no program of its authors is public."""
    return _METHODS[method]["reconstruction"]


_described: dict[tuple[Any, ...], np.ndarray] = {}


def described(samples: Any, method: str, describe: Callable[..., np.ndarray], *more: tuple[Any, ...]) -> np.ndarray:
    """Describe each clip of `preprocessing.Samples`, uint8 (rows, columns, time), by an array as a method does.

    `describe` is also given what `more` says of each clip. The last result is kept for other folds.
    """
    key = samples.fingerprint, method, more
    if key not in _described:
        stacks = samples.stacks["face"]
        found = np.stack([describe(stacks[place], *(one[place] for one in more)) for place in range(len(stacks))])
        _described.clear()
        _described[key] = found
    return _described[key]
