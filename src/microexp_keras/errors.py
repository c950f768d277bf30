"""What is wrong, as data and as the one exception that the commands print without a traceback."""

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import NamedTuple

SHOWN = 5
"""Different things said of one kind of issue in a text; `check --json` lists all."""


class Issue(NamedTuple):
    """Something that its owner should know.

    Attributes
    ----------
    level : str
        `"error"`: training stops; `"warning"`: it may matter; `"info"`: what was decided or left out.
    where : str
        File, folder, row of a workbook or clip.
    text : str
        What is the case there, without a full stop.
    hint : str
        What to do, in full sentences; empty if nothing needs to be done.
    """

    level: str
    where: str
    text: str
    hint: str = ""

    def __str__(self) -> str:
        said = f"{self.where}: {self.text}." if self.text else self.where
        return f"{said} {self.hint}".rstrip()


def grouped(issues: Iterable[Issue]) -> list[tuple[str, list[str]]]:
    """Gather issues by their hint: `(hint, texts)`. What is said of several places is said once and names all."""
    kinds: dict[str, dict[str, list[str]]] = {}
    for issue in issues:
        kinds.setdefault(issue.hint, {}).setdefault(issue.text, []).append(issue.where)
    return [(hint, [_said_of(places, text) for text, places in texts.items()]) for hint, texts in kinds.items()]


def _said_of(places: Sequence[str], text: str) -> str:
    """`A: has 2 frames`; of several `A, B: each has 2 frames`."""
    each = "each " if len(places) > 1 and text.startswith(("has ", "is ", "names ", "lies ", "shows ")) else ""
    return f"{', '.join(places)}: {each}{text}"


def shortened(texts: Sequence[str]) -> list[str]:
    """Return the first texts, and how many more there are."""
    return [*texts[:SHOWN], *[f"and {len(texts) - SHOWN} more, which check --json lists"] * (len(texts) > SHOWN)]


class MicroExpError(ValueError):
    """One or several issues that end what was asked for: the data, a file or an argument is not as it must be.

    Parameters
    ----------
    where : str or Path
        File, clip, option or argument. Given alone, the whole message.
    text : str
        What is wrong there, one free sentence without a full stop.
    hint : str
        What to do next, in full sentences.
    """

    def __init__(self, where: str | PathLike[str], text: str = "", hint: str = "") -> None:
        self.where, self.text, self.hint = str(where), text, hint
        self.issues = [Issue("error", self.where, text, hint)]
        super().__init__(str(self.issues[0]))

    @classmethod
    def of(cls, where: str | PathLike[str], issues: Sequence[Issue], hint: str) -> "MicroExpError":
        """Make one error of several issues; `where` holds them all, and `hint` says how to see them again."""
        if len(issues) == 1:
            return cls(issues[0].where, issues[0].text, issues[0].hint)
        said = [text for own, texts in grouped(issues) for text in [*shortened(texts), own.rstrip(".")] if text]
        listed = "; ".join(text.replace(f"{where}, ", "") for text in said)
        error = cls(where, f"{len(issues)} problems: {listed}", hint)
        error.issues = list(issues)
        return error

    def within(self, where: str | PathLike[str]) -> "MicroExpError":
        """Return this error with the file or clip named that its own place is in."""
        return MicroExpError(f"{where}: {self}")
