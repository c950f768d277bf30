"""A user's own table of clips (CSV or workbook), read like any database and written from any.

Columns `clip` (a folder of frames or a video, relative to the table), `subject` and `label`; optional `first`, `last`
and `apex` (frames as numbered in the images' names, or counted from 1 in a video), `name`, and `database` of clips from
several: a subject of one is then nobody of another.
"""

import os
import re
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from microexp_keras.atomic import write_text
from microexp_keras.datasets.clips import (
    FRAME_SUFFIXES,
    Clip,
    Table,
    Video,
    frame_numbers,
    look,
    natural_order,
    places_of,
    span_of,
)
from microexp_keras.datasets.database import Database, of_table
from microexp_keras.datasets.sheets import TABLES, text_table, whole
from microexp_keras.errors import MicroExpError

# Frames read of each clip unless a number is given: as of SMIC, which the networks are made for.
FRAMES = 18

REQUIRED = ("clip", "subject", "label")
COLUMNS = (*REQUIRED, "first", "last", "apex", "name", "database")

WRITE_ONE = (
    "Write a table of the clips: a CSV with the columns clip (a folder of frames or a video), subject and label, and "
    "if need be first, last, apex, name and database (docs/own-data.md)."
)

# What spreadsheet programs write for a formula that failed.
FAILED = re.compile(r"#(N/A|NAME\?|REF!|VALUE!|DIV/0!|NUM!|NULL!)", re.IGNORECASE)

# Texts by column.
Row = dict[str, str]


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
    rows, given = _rows(Path(table)), [unicodedata.normalize("NFC", one).strip() for one in classes or ()]
    own = tuple(map(_by_value, given)) or tuple(dict.fromkeys(row["label"] for row in rows.values() if row["label"]))
    if len(own) < 2 or len(set(own)) < len(own) or not all(own):
        found = f"there must be at least two different classes, but there are: {', '.join(own) or 'none'}"
        raise MicroExpError(table, found, "Fill in the column label." if classes is None else "Correct --classes.")
    title = unicodedata.normalize("NFC", name or Path(table).stem).strip() or "own"
    return of_table(
        name=re.sub(r"[^\w.-]+", "-", title).strip("-.")[:80] or "own",
        title=title,
        class_names=own,
        frames=frames or FRAMES,
        size=size,
        sampling=sampling,
        crop=crop,
    )


def _rows(path: Path) -> dict[str, Row]:
    """Read the rows by their places."""
    if not is_table(path) or not path.is_file():
        text = "is no table of clips" if path.exists() else "does not exist"
        raise MicroExpError(path, text, f"Check the path; a table ends in {', '.join(TABLES)}.")
    rows = text_table(path, REQUIRED, COLUMNS, WRITE_ONE)
    for row in rows.values():
        row |= {name: _by_value(row[name]) for name in ("subject", "label")}
    return {place: dict.fromkeys(COLUMNS, "") | row for place, row in rows.items()}


def _by_value(text: str) -> str:
    """Write a number as such: pandas makes 1.0 of 1 where a cell of the column is empty."""
    return re.sub(r"\.?0+$", "", text) if re.fullmatch(r"\d+\.\d+", text, re.ASCII) else text


def read(path: Path, database: Database) -> Table:
    """Read the clips of a table; of each row the first error is noted."""
    table, rows = Table(database, path, "table"), _rows(path)
    table.workbook, table.annotated = path, len(rows)
    if unused := [name for name in next(iter(rows.values()), {}) if name and name not in COLUMNS]:
        text = f"the columns {', '.join(unused)} are not read, only {', '.join(COLUMNS)}"
        table.warn(path, text, "Rename them if they are meant for these.")
    needed = ("clip", "label", "database") if any(row["database"] for row in rows.values()) else ("clip", "label")
    seen: dict[object, str] = {}
    for (place, row), name in zip(rows.items(), _names([*rows.values()]), strict=True):
        where = f"{path}, {place}"
        try:
            if empty := [f"no {column}" for column in needed if not row[column]]:
                raise MicroExpError(where, " and ".join(empty), "Fill it in.")
            frames = (os.path.normpath(row["clip"]), row["first"], row["last"])
            if others := {seen.setdefault(key, place) for key in (frames, name)} - {place}:
                found = f"the clip {row['name'] or row['clip']} is also in {others.pop()}"
                raise MicroExpError(where, found, "Remove one of the rows, or name them.")
            table.clips += _clip(where, row, name, table)
        except MicroExpError as error:
            table.issues += error.issues
    _note_spellings(rows, table)
    table.clips.sort(key=lambda clip: clip.label)
    return table


def _clip(where: str, row: Row, name: str, table: Table) -> list[Clip]:
    """Make the clip of a row; none of an empty folder, which is noted."""
    for column in ("subject", "label"):
        if FAILED.fullmatch(row[column]):
            text = f"the {column} is {row[column]}, which a spreadsheet program writes for a formula that failed"
            raise MicroExpError(where, text, "Write its value.")
    if not row["subject"]:
        table.warn(where, "names no subject", "Fill it in to leave subjects out; a formula must have its value.")
    classes, path = table.database.class_names, table.root.absolute().parent / row["clip"]
    if row["label"] not in classes:
        raise MicroExpError(where, f"the label {row['label']!r} is none of {', '.join(classes)}", "Correct it.")
    is_folder, is_file = os.path.isdir(path), os.path.isfile(path)
    if not is_folder and (not is_file or path.suffix.lower() in FRAME_SUFFIXES):
        what = "is an image, not a folder of frames or a video" if is_file else "does not exist"
        raise MicroExpError(where, f"{path} {what}", "Correct the path.")
    images = table.frames(look(path)) if is_folder else ()
    if is_folder and not images:
        return []
    places, at = places_of(images), dict[str, int]()
    for column in filter(row.get, ("first", "apex", "last")):
        number = whole(row[column])
        at[column] = places.get(number, -1) if images else (number or 0) - 1
        if at[column] < 0:
            span = span_of(places) if images else "frames, counted from 1,"
            raise MicroExpError(where, f"{column} {row[column]} is not among the {span} of {path}", "Correct it.")
    if [*at.values()] != sorted(at.values()):
        said = ", ".join(f"{column} {row[column]}" for column in at)
        raise MicroExpError(where, f"first, apex and last are not in this order: {said}", "Correct them.")
    first, last = at.get("first", 0), at.get("last")
    frames = images[first : None if last is None else last + 1] or Video(path, first, last)
    of, whose = row["database"] or None, row["subject"] or None
    subject = f"{of} {whose}" if of and whose else whose
    apex = at["apex"] - first if "apex" in at else None
    return [Clip(name, subject, classes.index(row["label"]), frames, of, apex)]


def _names(rows: Sequence[Row]) -> list[str]:
    """Name clips: as the column `name` does, else by the path's last part; if that is ambiguous with more of both."""
    names = [row["name"] or Path(row["clip"]).stem for row in rows]
    if len(set(names)) < len(names):
        names = [f"{row['database']} {row['name']}".strip() if row["name"] else row["clip"] for row in rows]
        names = [
            name if row["name"] or names.count(name) == 1 else f"{name} {row['first']}-{row['last']}"
            for name, row in zip(names, rows, strict=True)
        ]
    return names


def _note_spellings(rows: dict[str, Row], table: Table) -> None:
    """Say which subjects, labels or databases differ in nothing but case, spaces, marks and leading zeros."""
    for column in ("subject", "label", "database"):
        spellings: dict[tuple, dict[str, str]] = {}
        for place, row in rows.items():
            plain = unicodedata.normalize("NFKC", row[column]).casefold()
            plain = re.sub(r"(?<!\d)[\W_]+|[\W_]+(?!\d)", "", plain)  # 1.5 is not 15
            key = (row["database"] if column == "subject" else "", *natural_order(plain)[0])
            spellings.setdefault(key, {}).setdefault(row[column], place)
        for alike in spellings.values():
            if len(alike) > 1:
                said = " and ".join(f"{text!r} ({place})" for text, place in alike.items())
                text = f"may be one {column} in several spellings: {said}"
                table.warn(table.root, text, f"Write them alike if they are one {column}.")


def write_table(path: Path, tables: Sequence[Table]) -> None:
    """Write a CSV with a row for each clip, from which the same clips are read; paths are relative to its folder."""
    import pandas

    if path.exists():
        raise MicroExpError(path, "exists already", "Give another --out.")
    titles = [table.database.title for table in tables]
    if len(set(titles)) < len(titles):
        raise MicroExpError(path, f"a database is named twice: {', '.join(titles)}", "Name one folder of each.")
    rows = [
        {
            "clip": Path(os.path.relpath(clip.path, path.absolute().parent)).as_posix(),
            "subject": clip.subject,
            "label": table.database.class_names[clip.label],
            **_numbers(clip),
            "name": clip.id,
            "database": table.database.title,
        }
        for table in tables
        for clip in table.clips
    ]
    columns = COLUMNS if len(tables) > 1 else COLUMNS[:-1]
    frame = pandas.DataFrame(rows, columns=list(columns), dtype=object)
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def _numbers(clip: Clip) -> dict[str, int | None]:
    """First, last and apex of a clip as a table has them; nothing where images have no numbers that differ."""
    numbers: Sequence[int | None]
    if clip.video:
        numbers = range(clip.video.first + 1, sys.maxsize)
    else:
        images = look(clip.path).frames
        named = dict(zip(images, frame_numbers(images), strict=True))
        if len({*named.values()} - {None}) < len(images):
            return {}
        numbers = [named[image] for image in clip.images]
    places = {"first": 0, "last": None if clip.length is None else clip.length - 1, "apex": clip.apex}
    return {column: numbers[place] for column, place in places.items() if place is not None}
