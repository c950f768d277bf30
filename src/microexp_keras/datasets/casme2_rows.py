"""From CAS(ME)^2's workbook to its expressions: whose, of which video, at which frames, of which emotion."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microexp_keras.datasets.folders import Findings, subject_name
from microexp_keras.datasets.workbooks import read_sheets, text, whole
from microexp_keras.errors import MicroExpError

EXPRESSION = re.compile(r"((anger|disgust|happy)\d{1,9})_\d{1,9}", re.IGNORECASE)


@dataclass(frozen=True)
class Expression:
    """A row of the workbook.

    Attributes
    ----------
    where : str
        Workbook, sheet and row.
    subject, code : str
        `s15`, `anger1_1`.
    video : str
        First four figures of the name of the video that was watched: `0401`.
    onset, apex, offset : int
        Numbers of frames of the recording, its first being 1; 0 is missing.
    emotions : dict of str to str
        By `labels` of `datasets.find_clips`: what was estimated, reported by the subject, and intended by the video.
    kind : str
        `"macro"` or `"micro"`.
    """

    where: str
    subject: str
    code: str
    video: str
    onset: int
    apex: int
    offset: int
    emotions: dict[str, str]
    kind: str

    @property
    def id(self) -> str:
        """Name of the clip: `s15_anger1_1`."""
        return f"{self.subject}_{self.code}"

    @property
    def centre(self) -> int:
        """The apex; without one the middle of onset and offset; without an offset the onset."""
        return self.apex or ((self.onset + self.offset) // 2 if self.offset else self.onset)


def read_expressions(workbook: Path, findings: Findings) -> tuple[list[Expression], int]:
    """Read the rows of the first sheet by means of the other two.

    Returns
    -------
    list of Expression, int
        Those of rows that are not damaged, and how many rows there are.

    Raises
    ------
    MicroExpError
        If a sheet is missing or does not hold what it must.
    """
    sheets = read_sheets(workbook)
    if len(sheets) < 3:
        raise MicroExpError(
            workbook,
            "three sheets (expressions, index to subject, clip to video)",
            str(len(sheets)),
            "Restore the workbook.",
        )
    subjects, videos = _subjects(workbook, *sheets[1]), _videos(workbook, *sheets[2])
    sheet, rows = sheets[0]
    rows = [(number, (*cells, *[None] * 9)[:9]) for number, cells in enumerate(rows, 1)]
    filled = [number for number, cells in rows if EXPRESSION.fullmatch(_code(cells[1])) or _has_numbers(cells)]
    expressions: list[Expression] = []
    seen: dict[str, str] = {}
    listed = 0
    for number, cells in rows:
        where = f"{workbook}, sheet {sheet!r}, row {number}"
        if number > max(filled, default=0) or all(cell is None for cell in cells) or (number == 1 and 1 not in filled):
            continue  # text after the last expression, or a header
        listed += 1
        try:
            expression = _expression(where, cells, subjects, videos)
        except MicroExpError as error:
            findings.stop("damaged row", where, str(error.expected), str(error.found), "Restore the workbook.")
            continue
        if seen.setdefault(expression.id, where) is not where:
            findings.stop(
                "repeated name",
                where,
                "every expression once",
                f"{expression.id} also in {seen[expression.id]}",
                "Remove one of the rows.",
            )
            continue
        if not expression.onset <= (expression.apex or expression.onset) <= (expression.offset or expression.centre):
            findings.note(
                "order of frames",
                where,
                "onset, apex and offset in this order",
                f"{expression.onset}, {expression.apex}, {expression.offset}",
                f"The window is centred on {expression.centre}.",
            )
        expressions.append(expression)
    return expressions, listed


def _expression(where: str, cells: Sequence[Any], subjects: dict[int, str], videos: dict[str, str]) -> Expression:
    """Read one row; a MicroExpError says which cell is not as expected."""
    index, code = whole(cells[0]), _code(cells[1])
    match = EXPRESSION.fullmatch(code)
    onset, apex, offset = map(whole, cells[2:5])
    kind = text(cells[7])[:5]
    if not match or match[1] not in videos:
        raise MicroExpError(where, f"a clip of {', '.join(videos)} (anger1_1) in column 2", repr(cells[1]))
    if index not in subjects:
        raise MicroExpError(where, f"the index of a subject ({min(subjects)} to {max(subjects)})", repr(cells[0]))
    if not onset or onset < 0 or apex is None or apex < 0 or offset is None or offset < 0:
        raise MicroExpError(where, "onset, apex and offset as whole numbers", ", ".join(map(repr, cells[2:5])))
    if kind not in ("macro", "micro"):
        raise MicroExpError(where, "macro-expression or micro-expression in column 8", repr(cells[7]))
    emotions = {"emotion": text(cells[6]), "self-report": text(cells[8]), "video": match[2]}
    return Expression(where, subjects[index], code, videos[match[1]], onset, apex, offset, emotions, kind)


def _subjects(workbook: Path, sheet: str, rows: list[tuple[Any, ...]]) -> dict[int, str]:
    """Map index to subject: the number is always larger than the index, so the order of columns does not matter."""
    subjects: dict[int, str] = {}
    for number, cells in enumerate(rows, 1):
        figures = {int(match[1]) for cell in cells if (match := re.fullmatch(r"s?(\d{1,9})(\.0)?", text(cell)))}
        if len(figures) == 2:
            subjects[min(figures)] = subject_name(max(figures))
        elif figures:
            raise MicroExpError(
                f"{workbook}, sheet {sheet!r}, row {number}",
                "the index of a subject and the subject (1, 15)",
                ", ".join(map(repr, cells)),
                "Restore the workbook.",
            )
    return _not_empty(subjects, workbook, sheet, "the index of each subject and the subject (1, 15)")


def _videos(workbook: Path, sheet: str, rows: list[tuple[Any, ...]]) -> dict[str, str]:
    """Map a clip's name to the four figures of its video."""
    videos: dict[str, str] = {}
    for number, cells in enumerate(rows, 1):
        words = [text(cell) for cell in cells]
        codes = [word for word in words if re.fullmatch(r"(anger|disgust|happy)\d+", word)]
        names = [match[1] for word in words if (match := re.fullmatch(r"(\d{3,4})(\.0|[a-z].*)?", word))]
        if codes and names:
            videos[codes[0]] = f"{int(names[0]):04d}"
        elif codes:
            raise MicroExpError(
                f"{workbook}, sheet {sheet!r}, row {number}",
                "a clip's name and its video (disgust1, 0101disgustingteeth)",
                ", ".join(map(repr, cells)),
                "Restore the workbook.",
            )
    return _not_empty(videos, workbook, sheet, "each clip's name and its video (disgust1, 0101disgustingteeth)")


def _not_empty(mapping: dict[Any, str], workbook: Path, sheet: str, what: str) -> dict[Any, str]:
    if not mapping:
        raise MicroExpError(
            f"{workbook}, sheet {sheet!r}",
            what,
            "none",
            "Restore the workbook.",
        )
    return mapping


def _has_numbers(cells: Sequence[Any]) -> bool:
    return bool(whole(cells[0]) and whole(cells[2]))


def _code(cell: Any) -> str:
    return text(cell).replace(" ", "")
