"""What a reader must know to judge scores: a level and a text, rendered only for output."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["remark", "warning", "faces", "synthetic", "collapsed", "not learned", "diverged"]

HEADS: dict[Level, str] = {
    "faces": "FACES",
    "synthetic": "SYNTHETIC",
    "collapsed": "COLLAPSED",
    "not learned": "NOT LEARNED",
    "diverged": "DIVERGED",
    "warning": "WARNING",
}
"""The words with which a rendered note of a level begins; a remark begins with none."""


@dataclass(frozen=True)
class Note:
    """One thing that a reader must know.

    Attributes
    ----------
    level : str
        `"remark"`, or one of `HEADS`.
    text : str
        What follows the head: `": after 3 of the 5 epochs ..."`; of a remark, everything.
    """

    level: Level
    text: str

    @property
    def head(self) -> str:
        """The words in capitals with which it begins; empty for a remark."""
        return HEADS.get(self.level, "")

    @property
    def is_alarm(self) -> bool:
        """Whether nobody may overlook it."""
        return self.level not in ("remark", "warning")

    def render(self) -> str:
        """Return the note as reports and scores.json have it."""
        return self.head + self.text

    @classmethod
    def from_text(cls, text: str) -> "Note":
        """Read a rendered note, as scores.json keeps it."""
        for level, head in HEADS.items():
            if text.startswith(head):
                return cls(level, text.removeprefix(head))
        return cls("remark", text)

    @classmethod
    def of(cls, note: "Note | str") -> "Note":
        """Return a note as it is, a rendered one read."""
        return note if isinstance(note, Note) else cls.from_text(note)


SYNTHETIC_WEIGHTS = Note("synthetic", " clips trained these weights: what they say of a real face means nothing.")
