"""Files that come with the package: data in TOML, and the templates of reports."""

import functools
import tomllib
from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2


@functools.cache
def read_toml(package: str, name: str) -> dict[str, Any]:
    """Return what a file holds. It is shared, so nobody changes it."""
    return tomllib.loads(files(package).joinpath(name).read_text(encoding="utf-8"))


def frozen(value: Any) -> Any:
    """Copy what TOML gives, with tuples in the place of lists."""
    if isinstance(value, dict):
        return {key: frozen(item) for key, item in value.items()}
    return tuple(map(frozen, value)) if isinstance(value, list) else value


def template(package: str, name: str, **filters: Callable[..., str]) -> "jinja2.Template":
    """Return a template; a value that it names and does not get is an error, and no text becomes HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader(package, "")
    escape = name.endswith(".html.j2")
    templates = Environment(loader=loader, autoescape=escape, trim_blocks=True, undefined=StrictUndefined)
    templates.filters |= filters
    return templates.get_template(name)
