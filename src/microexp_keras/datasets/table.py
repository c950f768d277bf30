"""A user's own table of clips (CSV or workbook), read like any database and written from any.

Columns `clip` (a folder of frames or a video, relative to the table), `subject` and `label`; optional `first`, `last`
and `apex` (frames as numbered in the images' names, or counted from 1 in a video), `name`, and `database` of clips from
several: a subject of one is then nobody of another.
"""

import csv
import io
import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from microexp_keras.atomic import write_text
from microexp_keras.datasets.clips import Clip, Request, Table, Video
from microexp_keras.datasets.database import Database, of_table
from microexp_keras.datasets.scan import FRAME_SUFFIXES, frames_of, look, places_of, span_of
from microexp_keras.datasets.sheets import TABLES, text_rows, whole
from microexp_keras.errors import MicroExpError

FRAMES = 18
"""Frames read of each clip unless a number is given: as of SMIC, which the networks are made for."""

REQUIRED = ("clip", "subject", "label")
NUMBERS = ("first", "apex", "last")
COLUMNS = (*REQUIRED, "first", "last", "apex", "name", "database")

WRITE_ONE = (
    "Write a table of the clips: a CSV with the columns clip (a folder of frames or a video), subject and label, and "
    "if need be first, last, apex, name and database (docs/own-data.md)."
)

FAILED = re.compile(r"#(N/A|NAME\?|REF!|VALUE!|DIV/0!|NUM!|NULL!)", re.IGNORECASE)
DATE = re.compile(r"\d{1,2}-[A-Za-z]{3}(-\d{2,4})?|\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?|\d{1,2}([/.])\d{1,2}\3\d{2,4}")
"""How spreadsheet programs write what they took for a date: 02-Jan of 1-2."""

Row = tuple[str, dict[str, str]]
"""`line 7`, or `row 7` of a workbook, and the texts by column; in the column "" what lies beyond them."""


def is_table(path: str | Path | None) -> bool:
    """Return whether a path names a table of clips, not a folder."""
    return path is not None and Path(path).suffix.lower() in TABLES and not Path(path).is_dir()


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
        CSV (commas, semicolons or tabs; UTF-8 or UTF-16) or workbook.
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
    table = Path(table)
    if not is_table(table) or not table.is_file():
        text = "is no table of clips" if table.exists() else "does not exist"
        raise MicroExpError(table, text, f"Check the path; a table ends in {', '.join(TABLES)}.")
    title = unicodedata.normalize("NFC", name or table.stem).strip()
    rows, _ = _rows(table)
    own = tuple(dict.fromkeys(cells["label"] for _, cells in rows if cells["label"]))
    if classes is not None:
        own = tuple(_by_value(unicodedata.normalize("NFC", one).strip()) for one in classes)
    if len(own) < 2 or len(set(own)) < len(own) or not all(own):
        empty = ", ".join(place for place, cells in rows if not cells["label"])
        found = f"there must be at least two different classes, but there are: {', '.join(own) or 'none'}"
        found += f", and no label in {empty}" if empty else ""
        raise MicroExpError(table, found, "Fill in the column label." if classes is None else "Correct --classes.")
    if not title or not all(one.isprintable() for one in (title, *own)):
        found = f"expected names that can be printed, found {(title, *own)!r}"
        raise MicroExpError(table, found, "Rename it, or give --name.")
    return of_table(
        name=re.sub(r"[^\w.-]+", "-", title).strip("-.")[:80] or "own",
        title=title,
        class_names=own,
        frames=frames or FRAMES,
        size=size,
        sampling=sampling,
        crop=crop,
    )


def read(request: Request, table: Table) -> None:
    """Read the clips of the table; of each row the first error is noted."""
    rows, unused = _rows(table.root)
    if unused:
        text = f"the columns {', '.join(unused)} are not read, only {', '.join(COLUMNS)}"
        table.warn(table.root, text, "Rename them if they are meant for these.")
    composite = any(cells["database"] for _, cells in rows)
    seen: dict[object, str] = {}
    for (place, cells), name in zip(rows, _names([cells for _, cells in rows]), strict=True):
        where = f"{table.root}, {place}"
        frames = (os.path.normpath(cells["clip"]), cells["first"], cells["last"])
        try:
            if cells["clip"] and (others := {seen.setdefault(key, place) for key in (frames, name)} - {place}):
                found = f"the clip {cells['name'] or cells['clip']} is also in {others.pop()}"
                raise MicroExpError(where, found, "Remove one of the rows, or name them.")
            _require_cells(where, cells, composite, table)
            if shown := _frames(where, table.root.absolute().parent / cells["clip"], _numbers_in(where, cells), table):
                database, subject = cells["database"] or None, cells["subject"] or None
                whose = f"{database} {subject}" if database and subject else subject
                label = table.database.class_names.index(cells["label"])
                table.clips.append(Clip(name, whose, label, shown[0], database, shown[1]))
        except MicroExpError as error:
            table.issues += error.issues
    _note_spellings(rows, table)
    classes = table.database.class_names
    missing = [name for label, name in enumerate(classes) if all(clip.label != label for clip in table.clips)]
    if missing and table.clips:
        table.warn(table.root, f"has no clip of {', '.join(missing)}", "Add some.")
    table.clips.sort(key=lambda clip: clip.label)
    table.workbook, table.annotated = table.root, len(rows)


def _rows(path: Path) -> tuple[list[Row], list[str]]:
    """Read the rows below the head, and the names of columns that are not known."""
    (first, head), *rest = text_rows(path) or [("line 1", [])]
    names = [name.casefold() for name in head]
    missing = [name for name in REQUIRED if name not in names]
    repeated = [name for name in COLUMNS if names.count(name) > 1]
    if missing or repeated:
        text = f"has no column {', '.join(missing)}" if missing else f"has {', '.join(repeated)} more than once"
        hint = f"The first row must name the columns: {', '.join(REQUIRED)}, and if need be {', '.join(COLUMNS[3:])}."
        raise MicroExpError(f"{path}, {first}", text, hint)
    if not rest:
        raise MicroExpError(path, "names columns but no clip", "Add a row for each clip.")
    rows = []
    for place, texts in rest:
        cells = dict.fromkeys(COLUMNS, "") | dict(zip(names, texts, strict=False))
        cells |= {name: _by_value(cells[name]) for name in ("subject", "label")}
        rows.append((place, cells | {"": "".join(texts[len(names) :])}))
    return rows, [name for name in names if name and name not in COLUMNS]


def _by_value(text: str) -> str:
    """Write a number as such: pandas makes 1.0 of 1 where a cell of the column is empty."""
    return re.sub(r"\.?0+$", "", text) if re.fullmatch(r"\d+\.\d+", text, re.ASCII) else text


def _require_cells(where: str, cells: dict[str, str], composite: bool, table: Table) -> None:
    """Refuse a row that lacks something, or has what a spreadsheet program made of it."""
    if cells[""]:
        raise MicroExpError(where, "has more cells than there are columns", "Quote cells that hold the separator.")
    for column in COLUMNS:
        if FAILED.fullmatch(cells[column]):
            text = f"the {column} is {cells[column]}, which a spreadsheet program writes for a formula that failed"
            raise MicroExpError(where, text, "Write its value.")
        if column in ("subject", "label") and DATE.fullmatch(cells[column]):
            text = f"the {column} {cells[column]} looks like a date that a spreadsheet program made of something else"
            table.warn(where, text, "Write it as text, if it is none.")
    needed = ("clip", "label", "database") if composite else ("clip", "label")
    if empty := [f"no {name}" for name in needed if not cells[name]]:
        raise MicroExpError(where, " and ".join(empty), "Fill it in.")
    if not cells["subject"]:
        table.warn(where, "names no subject", "Fill it in to leave subjects out; a formula must have its value.")
    if cells["label"] not in table.database.class_names:
        known = ", ".join(table.database.class_names)
        raise MicroExpError(where, f"the label {cells['label']!r} is none of {known}", "Correct it.")


def _numbers_in(where: str, cells: dict[str, str]) -> dict[str, int]:
    """First, apex and last of a row, those that are given."""
    numbers: dict[str, int] = {}
    for column in NUMBERS:
        if (number := whole(cells[column])) is not None:
            numbers[column] = number
        elif cells[column]:
            raise MicroExpError(where, f"{column} {cells[column]!r} is not the number of a frame", "Correct it.")
    if [*numbers.values()] != sorted(numbers.values()):
        said = ", ".join(f"{column} {number}" for column, number in numbers.items())
        raise MicroExpError(where, f"first, apex and last are not in this order: {said}", "Correct them.")
    return numbers


def _frames(
    where: str, path: Path, numbers: dict[str, int], table: Table
) -> tuple[tuple[Path, ...] | Video, int | None] | None:
    """The frames of a clip, and the position of the apex among them; None of an empty folder, which is noted."""
    images: tuple[Path, ...] = ()
    if os.path.isdir(path):
        images = table.frames(look(path))
        if not images:
            return None
        places = places_of(images)
    elif not os.path.isfile(path) or path.suffix.lower() in FRAME_SUFFIXES:
        what = "is an image, not a folder of frames or a video" if os.path.isfile(path) else "does not exist"
        raise MicroExpError(where, f"{path} {what}", "Correct the path.")
    elif min(numbers.values(), default=1) < 1:
        raise MicroExpError(where, "the frames of a video are counted from 1, but a number is lower", "Correct it.")
    else:
        places = {number: number - 1 for number in numbers.values()}
    if unknown := [f"{column} {number}" for column, number in numbers.items() if number not in places]:
        raise MicroExpError(where, f"{', '.join(unknown)} is not among the {span_of(places)} of {path}", "Correct it.")
    at = {column: places[number] for column, number in numbers.items()}
    if [*at.values()] != sorted(at.values()):
        raise MicroExpError(
            where, f"the numbers of the frames of {path} are not in the order of their names", "Rename them."
        )
    first, last = at.get("first", 0), at.get("last")
    apex = at["apex"] - first if "apex" in at else None
    return (images[first : None if last is None else last + 1] if images else Video(path, first, last)), apex


def _names(rows: Sequence[dict[str, str]]) -> list[str]:
    """Name clips: as the column `name` does, else by the path's last part; if that is ambiguous with more of both."""
    names = [row["name"] or Path(row["clip"]).stem for row in rows]
    if len(set(names)) == len(names):
        return names
    names = [f"{row['database']} {row['name']}".strip() if row["name"] else row["clip"] for row in rows]
    return [
        name if row["name"] or names.count(name) == 1 else f"{name} {row['first']}-{row['last']}"
        for name, row in zip(names, rows, strict=True)
    ]


def _note_spellings(rows: Sequence[Row], table: Table) -> None:
    """Say which subjects, labels or databases differ in nothing but case, spaces, marks and leading zeros."""
    for column in ("subject", "label", "database"):
        spellings: dict[str, dict[str, str]] = {}
        for place, cells in rows:
            plain = unicodedata.normalize("NFKC", cells[column]).casefold()
            plain = re.sub(r"(?<=\d)[\W_]+(?=\d)", ".", plain)  # 1.5 is not 15
            plain = re.sub(r"(?<![\d.])0+(?=\d)", "", re.sub(r"[^\w.]|_|(?<!\d)\.|\.(?!\d)", "", plain))
            whose = cells["database"] if column == "subject" else ""
            spellings.setdefault(f"{whose} {plain}", {}).setdefault(cells[column], place)
        for alike in spellings.values():
            if len(alike) > 1:
                said = " and ".join(f"{text!r} ({place})" for text, place in alike.items())
                text = f"may be one {column} in several spellings: {said}"
                table.warn(table.root, text, f"Write them alike if they are one {column}.")


def write_table(path: Path, tables: Sequence[Table]) -> None:
    """Write a CSV with a row for each clip, from which the same clips are read; paths are relative to its folder."""
    if path.exists():
        raise MicroExpError(path, "exists already", "Give another --out.")
    titles = [table.database.title for table in tables]
    if len(set(titles)) < len(titles):
        found = f"expected every database once, found {', '.join(titles)}"
        raise MicroExpError(path, found, "Name one folder of each.")
    text = io.StringIO()
    columns = [name for name in COLUMNS if name != "database" or len(tables) > 1]
    rows = csv.DictWriter(text, columns, restval="", lineterminator="\n", extrasaction="ignore")
    rows.writeheader()
    for table in tables:
        for clip in table.clips:
            row = {"clip": Path(os.path.relpath(clip.path, path.absolute().parent)).as_posix(), "name": clip.id}
            row |= {"subject": clip.subject or "", "label": table.database.class_names[clip.label]}
            rows.writerow({**row, **_numbers(clip), "database": table.database.title})
    write_text(path, text.getvalue())


def _numbers(clip: Clip) -> dict[str, int]:
    """First, last and apex of a clip as a table has them; nothing where images have no numbers that differ."""
    if clip.video:
        at = {"first": clip.video.first, "last": clip.video.last}
        at["apex"] = None if clip.apex is None else clip.video.first + clip.apex
        return {name: place + 1 for name, place in at.items() if place is not None}
    images = frames_of(look(clip.path))
    numbers = {images[place]: number for number, place in places_of(images).items()}
    if len(numbers) < len(images):
        return {}
    shown = {"first": clip.images[0], "last": clip.images[-1]}
    if clip.apex is not None:
        shown["apex"] = clip.images[clip.apex]
    return {name: numbers[image] for name, image in shown.items()}
