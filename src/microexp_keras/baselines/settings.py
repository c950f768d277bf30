"""The settings of the four rival methods and whose they are, read from `settings.toml`."""

from types import SimpleNamespace
from typing import Any

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
