"""From a user's own table of clips (CSV or .xlsx) to a `Database` and its clips: a `find.Reader` like the others.

Columns `clip` (a folder of frames or a video, relative to the table), `subject` and `label`; optional `first`, `last`
and `apex` (frames as numbered in the images' names, or counted from 1 in a video), `name`, and `database` of clips from
several: a subject of one is then nobody of another.
"""

import os
import re
import shlex
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from microexp_keras.datasets.clips import Clip, Video
from microexp_keras.datasets.database import OWN_READER, Database
from microexp_keras.datasets.folders import (
    FRAME_SUFFIXES,
    Chosen,
    Findings,
    Place,
    around_apex,
    frame_files,
    frame_number,
)
from microexp_keras.datasets.table_rows import Row, read_rows, require_table
from microexp_keras.datasets.tree import Problem
from microexp_keras.errors import MicroExpError

FRAMES = 18
"""Frames read of each clip unless a number is given: as of SMIC, which the networks are made for."""

TWO_SPELLINGS = "two spellings"
"""Kind of the problem that one subject may stand under two names, and so on both sides of a split."""

DISTRIBUTED = None

NUMBERS = ("first", "apex", "last")


def own_database(
    table: str | Path,
    name: str | None = None,
    classes: Sequence[str] | None = None,
    frames: int | None = None,
    size: int | None = None,
    sampling: str = "first",
    crop: str = "none",
) -> Database:
    """Make a database of a user's own table of clips, to give to `find_clips` and `protocols.get`.

    Parameters
    ----------
    table : str or Path
        CSV (commas, semicolons or tabs; UTF-8) or .xlsx.
    name : str, optional
        As readers write it; by default the file's.
    classes : sequence of str, optional
        In the order of the labels; by default in the order of their first rows.
    frames, size, sampling, crop
        See `Database`; by default 18 frames and the network's own size.

    Returns
    -------
    Database

    Raises
    ------
    MicroExpError
        If it cannot be read as such a table, or has fewer than two classes.
    """
    table = require_table(table)
    title = unicodedata.normalize("NFC", name or table.stem).strip()
    rows = read_rows(table, Findings(strict=False))
    found = list(dict.fromkeys(row["label"] for row in rows if row["label"]))
    own = tuple(unicodedata.normalize("NFC", one).strip() for one in classes or found)
    unlabelled = [row.place for row in rows if not row["label"]]
    if len(own) < 2 and unlabelled:
        raise MicroExpError(table, "a label in every row", f"none in {', '.join(unlabelled)}", "Fill it in.")
    if len(own) < 2 or len(set(own)) < len(own) or not all(own):
        remedy = "Name the classes in the column label." if classes is None else "Correct --classes."
        raise MicroExpError(table, "at least two different classes", ", ".join(own) or "none", remedy)
    if not title.isprintable() or not title or not all(one.isprintable() for one in own):
        raise MicroExpError(table, "names that can be printed", repr((title, *own)), "Rename it, or give --name.")
    return Database(
        name=re.sub(r"[^\w.-]+", "-", title).strip("-.")[:80] or "own",
        title=title,
        class_names=own,
        frames=frames or FRAMES,
        recordings=title,
        layouts=("table",),
        size=size,
        sampling=sampling,
        crop=crop,
        reader=OWN_READER,
    )


def scan(root: Path) -> list[Place]:
    """Return the table itself as the one place with clips."""
    return [Place("table", root, root)]


def read(chosen: Chosen, findings: Findings) -> tuple[list[Clip], Path | None, int | None]:
    """Read the clips of the table; all bad rows are named at once. See `datasets.read_tree`."""
    [place] = chosen.places
    rows_found = Findings(strict=False)
    rows = read_rows(place.path, rows_found)
    composite = any(row["database"] for row in rows)
    reader = _Reader(place.path.absolute().parent, chosen.database, chosen.frames, rows_found, composite)
    names = _names(rows)
    clips = [clip for row, name in zip(rows, names, strict=True) if (clip := reader.clip(row, name))]
    _stop_repeated(rows, names, rows_found)
    _note_spellings(rows, rows_found)
    missing = [
        name for label, name in enumerate(chosen.database.class_names) if all(clip.label != label for clip in clips)
    ]
    if missing and clips:
        rows_found.note("empty class", place.path, "clips of every class", f"none of {', '.join(missing)}", "Add some.")
    if findings.strict:
        _raise_all(place.path, rows_found.problems)
    findings.problems += rows_found.problems
    return sorted(clips, key=lambda clip: clip.label), place.path, len(rows)


@dataclass(frozen=True)
class _Reader:
    """From a row to its clip, None if the row is bad; the findings then say why."""

    root: Path
    database: Database
    frames: int
    findings: Findings
    composite: bool

    def clip(self, row: Row, name: str) -> Clip | None:
        """Read a row."""
        before = sum(problem.stops_training for problem in self.findings.problems)
        for column in ("clip", "subject", "label"):
            if not row[column]:
                self.findings.stop("empty cell", row.where, f"a {column}", "none", "Fill it in, or remove the row.")
        if self.composite and not row["database"]:
            self.findings.stop("empty cell", row.where, "a database, as in other rows", "none", "Fill it in.")
        if row["label"] and row["label"] not in self.database.class_names:
            known = ", ".join(self.database.class_names)
            self.findings.stop("unknown label", row.where, f"one of {known}", repr(row["label"]), "Correct the label.")
        read = {column: self._number(row, column) for column in NUMBERS if row[column]}
        numbers = {column: number for column, number in read.items() if number is not None}
        if [*numbers.values()] != sorted(numbers.values()):
            said = ", ".join(f"{column} {numbers[column]}" for column in numbers)
            self.findings.stop("frames out of order", row.where, "first <= apex <= last", said, "Correct the numbers.")
        if self.database.sampling == "apex" and not row["apex"]:
            self.findings.stop("no apex", row.where, "the number of the apex", "none", "Fill in the column apex.")
        if sum(problem.stops_training for problem in self.findings.problems) > before:
            return None
        path = self.root / row["clip"]
        frames: tuple[Path, ...] | Video | None = None
        if os.path.isdir(path):
            frames = self._images(row, path, numbers)
        elif os.path.isfile(path) and path.suffix.lower() not in FRAME_SUFFIXES:
            frames = self._video(row, path, numbers)
        else:
            found = "an image" if os.path.isfile(path) else "nothing"
            expected = f"a folder of frames or a video at {path}"
            self.findings.stop("unknown path", row.where, expected, found, "Correct the path.")
        label = self.database.class_names.index(row["label"])
        database = row["database"] or None
        subject = f"{database} {row['subject']}" if database else row["subject"]
        return Clip(name, subject, label, frames, database) if frames else None

    def _number(self, row: Row, column: str) -> int | None:
        text = row[column]
        if re.fullmatch(r"\d{1,9}(\.0*)?", text, re.ASCII):
            return int(text.partition(".")[0])
        self.findings.stop("no number", row.where, f"a frame's number in {column}", repr(text), "Correct it.")
        return None

    def _images(self, row: Row, path: Path, numbers: dict[str, int]) -> tuple[Path, ...] | None:
        images = frame_files(path, self.findings)
        places = {number: place for place, image in enumerate(images) if (number := frame_number(image)) is not None}
        unknown = [f"{column} {number}" for column, number in numbers.items() if number not in places]
        if unknown and images:
            span = f"{min(places)} to {max(places)}" if places else "without numbers in their names"
            self.findings.stop(
                "unknown frame", row.where, f"frames of {path}, {span}", ", ".join(unknown), "Correct the numbers."
            )
        if unknown or not images:
            return None
        at = {column: places[number] for column, number in numbers.items()}
        first, last = at.get("first", 0), at.get("last", len(images) - 1)
        if self.database.sampling == "apex":
            first = around_apex(first, at["apex"], last, self.frames)
        return tuple(images[first : last + 1])

    def _video(self, row: Row, path: Path, numbers: dict[str, int]) -> Video | None:
        if 0 in numbers.values():
            self.findings.stop("unknown frame", row.where, "frames counted from 1 in a video", "0", "Correct it.")
            return None
        at = {column: number - 1 for column, number in numbers.items()}
        first, last = at.get("first", 0), at.get("last")
        if self.database.sampling == "apex":
            from microexp_keras.datasets.frames import count_frames

            end = max(0, count_frames(path) - 1) if last is None else last
            first = around_apex(first, at["apex"], end, self.frames)
        return Video(path, first, last)


def _names(rows: Sequence[Row]) -> list[str]:
    """Name clips: as the column `name` does, else by the path's last part, the path, or the path and the frames."""
    parts = [(row["name"], row["clip"], f"{row['first']}-{row['last']}", row["database"]) for row in rows]
    ways = (
        [name or Path(clip).stem for name, clip, *_ in parts],
        [f"{database} {name}".strip() if name else clip for name, clip, _, database in parts],
        [f"{database} {name}".strip() if name else f"{clip} {frames}" for name, clip, frames, database in parts],
    )
    return next((names for names in ways if len(set(names)) == len(names)), ways[-1])


def _stop_repeated(rows: Sequence[Row], names: Sequence[str], findings: Findings) -> None:
    seen: dict[object, Row] = {}
    for row, name in zip(rows, names, strict=True):
        frames = (os.path.normpath(row["clip"]), row["first"], row["last"])
        others = [seen.setdefault(key, row) for key in (frames, name)] if row["clip"] else []
        if earlier := [other for other in others if other is not row]:
            found = f"{row['name'] or row['clip']} also in {earlier[0].place}"
            findings.stop("repeated row", row.where, "every clip once, and every name", found, "Remove one of them.")


def _note_spellings(rows: Sequence[Row], findings: Findings) -> None:
    """Say which subjects, labels or databases differ in nothing but case, spaces, marks and leading zeros."""
    for column in ("subject", "label", "database"):
        spellings: dict[str, dict[str, Row]] = {}
        for row in rows:
            plain = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", row[column]).casefold())
            whose = row["database"] if column == "subject" else ""
            alike = spellings.setdefault(whose + re.sub(r"0+(?=\d)", "", plain), {})
            alike.setdefault(row[column], row)
        for alike in spellings.values():
            if len(alike) > 1:
                said = " and ".join(f"{text!r} ({row.place})" for text, row in alike.items())
                where, remedy = next(iter(alike.values())).where, f"Write them alike if they are one {column}."
                findings.note(TWO_SPELLINGS, where, f"one spelling of a {column}", said, remedy)


def _raise_all(table: Path, problems: Sequence[Problem]) -> None:
    """Raise one error that names every bad row."""
    stops = [problem for problem in problems if problem.stops_training]
    if len(stops) == 1:
        raise MicroExpError(stops[0].where, found=stops[0].found, remedy=stops[0].remedy)
    if stops:
        said = "; ".join(f"{problem.where.removeprefix(f'{table}, ')}: {problem.found}" for problem in stops)
        remedy = f"Correct these, then look with: python -m microexp_keras.datasets check {shlex.quote(str(table))}"
        raise MicroExpError(table, found=f"{len(stops)} problems: {said}", remedy=remedy)
