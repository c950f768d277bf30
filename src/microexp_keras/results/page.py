"""A report: title, score, caveats and sections, as text, as one HTML page complete in itself, and in a few lines.

The words of the caveats are data: `caveats.toml`.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from microexp_keras.atomic import write_text
from microexp_keras.data import read_toml
from microexp_keras.errors import Issue, warning
from microexp_keras.text import counted, plain

T = TypeVar("T")

Json = Mapping[str, Any]  #: What scores.json or config.json holds.

CAVEATS = 3  # that a command shows


def caveat(which: str, /, **values: Any) -> Issue:
    """Return a caveat of `caveats.toml` with its values filled in."""
    about = read_toml(__package__, "caveats.toml")[which]
    text, level = about["text"].format(**values), about.get("level", "info")
    return warning(text) if level == "warning" else Issue(level, text)


def which_apply(caveats: Mapping[T, object]) -> list[T]:
    """Return the caveats, or sentences, whose condition, which stands beside each, is true."""
    return [one for one, applies in caveats.items() if applies]


@dataclass(frozen=True)
class Table:
    """Text cells; the first of each row is its heading. `shaded`: cells that differ from the row's second are."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    shaded: bool = False

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> "Table":
        """Write rows of values by column; None is an empty cell, and a column of such is left out."""
        head = [name for name in rows[0] if any(row[name] not in (None, "") for row in rows)]
        return cls(head, [["" if row[name] is None else str(row[name]) for name in head] for row in rows])

    def text(self) -> str:
        """Return the columns below each other."""
        rows = [*([self.head] if self.head else []), *self.rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join(line.rstrip() for line in lines)


@dataclass(frozen=True)
class Figure:
    """A picture within the page, or a video that lies beside it."""

    source: str
    alt: str = ""
    caption: str = ""
    wide: bool = False
    video: bool = False

    @classmethod
    def of(cls, path: Path, alt: str, caption: str = "", wide: bool = False) -> "Figure":
        """Read a .png or .svg file."""
        kind = {".svg": "svg+xml", ".png": "png"}[path.suffix]
        return cls(f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}", alt, caption, wide)


@dataclass(frozen=True)
class Section:
    """A part under its heading; `files` are links to what lies beside the page.

    Under the words `folded` its tables, and its figures behind the first, are shown on demand. With `page_only` it is
    not in report.txt, which is the same whenever and wherever a run is repeated.
    """

    title: str
    text: str = ""
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()
    remark: str = ""
    files: Sequence[str] = ()
    folded: str = ""
    page_only: bool = False

    def lines(self) -> list[str]:
        """Return the section as text, without its figures."""
        remark = "" if self.files else self.remark
        found = [*filter(None, [self.text, *(table.text() for table in self.tables), remark])]
        return ["", self.title.upper(), *found] if found else []


@dataclass(frozen=True)
class Bar:
    """A score from 0 to 1 (`at`; None if undefined), its intervals (`said`: in words), the majority-class baseline."""

    name: str
    value: str
    at: float | None
    said: str
    wilson: Sequence[float] | None = None
    over_subjects: Sequence[float] | None = None
    baseline: float | None = None


@dataclass(frozen=True)
class Report:
    """Everything that there is to say of a run, an evaluation or a video."""

    title: str
    notes: Sequence[Issue]
    verdict: str
    sections: Sequence[Section]
    bars: Sequence[Bar] = ()
    about_bars: str = ""

    def score(self) -> list[str]:
        """Return title, scores and verdict as lines of text."""
        bars = [f"{bar.name:<10}{bar.value}" + (f" ({bar.said})" if bar.said else "") for bar in self.bars]
        return [self.title, *bars, *filter(None, [self.verdict])]

    def text(self) -> str:
        """Return the contents of report.txt."""
        sections = [line for section in self.sections if not section.page_only for line in section.lines()]
        notes = [f"* {note}" for note in self.notes]
        return plain("\n".join([*self.score(), *filter(None, [self.about_bars]), "", *notes, *sections, ""]))

    def summary(self, folder: Path, sections: int = 0) -> str:
        """Return what a command says: the score, the first sections, the worst caveats, and where the rest is."""
        last_first = reversed(self.notes)  # the first say how things were done, the last what they are worth
        worst = sorted(last_first, key=lambda note: (not note.is_alarm, note.level != "warning"))
        more = len(worst) - CAVEATS
        rest = f"{counted(more, 'more caveat')} and all numbers" if more > 0 else "All numbers"
        notes = [f"* {note}" for note in worst[:CAVEATS]]
        files = f"{rest}: {folder / 'report.txt'}. With figures: {folder / 'report.html'}"
        shown = [line for section in self.sections[:sections] for line in [*section.lines(), ""]]
        return "\n".join([*self.score(), *shown, *notes, "", files])

    def write(self, folder: Path) -> None:
        """Write report.txt and report.html; nothing that a text holds becomes an element of the page.

        Alarms among the notes stand at its top, verdict and bars below them, then the other notes and the sections.
        """
        from jinja2 import Environment, PackageLoader, StrictUndefined

        loader = PackageLoader(__package__, "")
        pages = Environment(loader=loader, autoescape=True, trim_blocks=True, undefined=StrictUndefined)
        write_text(folder / "report.txt", self.text())
        write_text(folder / "report.html", pages.get_template("page.html.j2").render(report=self))
