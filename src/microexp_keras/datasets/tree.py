"""What is read of a data folder: which tree, its clips and its problems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from microexp_keras.datasets.clips import Clip
from microexp_keras.datasets.database import Database
from microexp_keras.errors import MicroExpError
from microexp_keras.notes import Note

SHOWN = 5
"""Places named for each kind of problem; `check --json` names all."""


class Layout(NamedTuple):
    """Which tree of a database lies where.

    Attributes
    ----------
    name : str
        One of the database's `layouts`.
    root : Path
        The folder in which the tree begins.
    camera : str or None
        `"HS"`, `"VIS"` or `"NIR"`, if a folder is named so.
    """

    name: str
    root: Path
    camera: str | None = None


class Problem(NamedTuple):
    """Something in a data folder that is not as it should be.

    Attributes
    ----------
    kind : str
        Two or three words, the same for all problems of one kind: `"short clip"`.
    where : str
        File, folder, row of a workbook or clip.
    found : str
        What was expected and what was found.
    remedy : str
        What to do.
    stops_training : bool
        Otherwise it is only worth knowing.
    """

    kind: str
    where: str
    found: str
    remedy: str
    stops_training: bool

    @classmethod
    def of(cls, kind: str, error: MicroExpError, stops_training: bool = True) -> "Problem":
        """Take a problem from the parts of an error, which may themselves hold any text."""
        found = f"expected {error.expected}, found {error.found}" if error.expected else error.found or ""
        return cls(kind, error.where, found, error.remedy or "", stops_training)

    def __str__(self) -> str:
        return f"{self.where}: {self.found}. {self.remedy}"


def by_kind(problems: Sequence[Problem]) -> dict[str, list[Problem]]:
    """Group problems by their kind."""
    kinds: dict[str, list[Problem]] = {}
    for problem in problems:
        kinds.setdefault(problem.kind, []).append(problem)
    return kinds


def as_notes(problems: Sequence[Problem]) -> list[Note]:
    """Make one note of each kind of problem, for readers of scores."""
    notes = []
    for kind, some in by_kind(problems).items():
        places = [f"{problem.where}: {problem.found}" for problem in some[:SHOWN]]
        more = f"; and {len(some) - SHOWN} more, which check --json lists" * (len(some) > SHOWN)
        remedies = " ".join(filter(None, dict.fromkeys(problem.remedy for problem in some)))
        notes.append(Note("warning", f": data: {kind} ({len(some)}): {'; '.join(places)}{more}. {remedies}".rstrip()))
    return notes


@dataclass(frozen=True, kw_only=True)
class Distributed:
    """What is published of a database as its owners give it out.

    Attributes
    ----------
    annotated : int
        Clips that the workbook lists.
    clips : tuple of int or None
        Of each class.
    people : int or None
        Of whom these clips are.
    subjects : tuple of str
        By name, where these are known.
    by_subject : dict of str to tuple of int, or None
        Clips of each class of each subject.
    short : dict of str to str
        By layout: what to do where clips have fewer than the wanted `{frames}`.
    """

    annotated: int
    clips: tuple[int, ...] | None = None
    people: int | None = None
    subjects: tuple[str, ...] = ()
    by_subject: Mapping[str, tuple[int, ...]] | None = None
    short: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Tree:
    """What was read of a data folder.

    Attributes
    ----------
    database : Database
    layout : Layout
    clips : list of Clip
    workbook : Path or None
        The annotation workbook that was used.
    annotated : int or None
        How many clips it lists.
    left_out : dict of str to int
        How many clips are none of this task, by reason.
    problems : list of Problem
    """

    database: Database
    layout: Layout
    clips: list[Clip]
    workbook: Path | None = None
    annotated: int | None = None
    left_out: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def dataset(self) -> str:
        """Name of the database."""
        return self.database.name
