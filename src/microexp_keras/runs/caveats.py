"""From the name of a caveat in `caveats.toml` to what is told beside a score."""

from typing import Any

from microexp_keras.data import read_toml
from microexp_keras.errors import Issue, warning


def caveat(which: str, /, **values: Any) -> Issue:
    """Return a caveat with its values filled in."""
    about = read_toml(__package__, "caveats.toml")[which]
    text, level = about["text"].format(**values), about.get("level", "info")
    return warning(text) if level == "warning" else Issue(level, text)
