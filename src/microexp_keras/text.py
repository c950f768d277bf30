"""How sizes, counts, numbers and tables are written, once for the whole package."""

import math
from collections.abc import Iterable, Sequence


def by(sizes: Iterable[object]) -> str:
    """Write lengths as readers do: `3x3x15`."""
    return "x".join(map(str, sizes))


def slashed(counts: Iterable[object]) -> str:
    """Write counts by class as readers do: `66/47/43`."""
    return "/".join(map(str, counts))


def either(values: Iterable[object]) -> str:
    """Write alternatives as readers do: `14, 15 or 16`; nothing if there are none."""
    *first, last = map(str, list(values) or [""])
    return f"{', '.join(first)} or {last}" if first else last


def counted(count: object, noun: str) -> str:
    """Write a count, or `3 to 5`, with its noun in the right number: `1 epoch`, `5 epochs`."""
    return f"{count} {noun}" if str(count) == "1" else f"{count} {noun}s"


def in_bytes(count: int) -> str:
    """Write a number of bytes in powers of ten: `2.1 GB`, `13.2 MB`."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def number(value: float | None, digits: int = 4) -> str:
    """Write a score with its digits behind the point; None and NaN are `undefined`."""
    return "undefined" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def span(values: Iterable[float], form: str = "") -> str:
    """Write from the lowest to the highest value, one if they are the same: `3 to 5`."""
    values = list(values)
    low, high = min(values), max(values)
    return f"{low:{form}}" if low == high else f"{low:{form}} to {high:{form}}"


def ranges(numbers: Iterable[int]) -> str:
    """Write whole numbers in their order, those that follow each other as `3-5`: `0-2, 7, 9-12`."""
    runs: list[list[int]] = []
    for value in numbers:
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Turn rows of text cells into a Markdown table, the first row being its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def plain(text: str) -> str:
    """Write text as UTF-8: bytes of names that are not are shown as `\\udce9`."""
    return text.encode("utf-8", "backslashreplace").decode()
