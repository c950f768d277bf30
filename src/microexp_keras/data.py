"""Data that come with the package, in TOML."""

import functools
import tomllib
from importlib.resources import files
from typing import Any


@functools.cache
def read_toml(package: str, name: str) -> dict[str, Any]:
    """Return what a file holds. It is shared, so nobody changes it."""
    return tomllib.loads(files(package).joinpath(name).read_text(encoding="utf-8"))


def frozen(value: Any) -> Any:
    """Copy what TOML gives, with tuples in the place of lists."""
    if isinstance(value, dict):
        return {key: frozen(item) for key, item in value.items()}
    return tuple(map(frozen, value)) if isinstance(value, list) else value
