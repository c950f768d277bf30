"""SMIC's trees: class folders of clip folders (as distributed, or flat), and SMIC-E's long clips with their workbook.

`Negative/s1_ne_01/reg_image001.bmp` and `HS/s1/micro/negative/s1_ne_01/reg_image001.bmp` read the same: a class folder
is found at any depth by its name, and every folder inside it is a clip. In SMIC-E clip folders lie in no class folder.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from microexp_keras.datasets.clips import Clip, Folder, Folders, Table, frame_numbers, places_of, span_of, subject_name
from microexp_keras.datasets.database import SMIC, Database
from microexp_keras.datasets.sheets import Row, find_sheet, listed_rows, text_of, whole

CLASSES = SMIC.class_names
SUBJECT = re.compile(r"s(\d{1,9})", re.IGNORECASE)
NAMED = re.compile(r"s(\d{1,9})(?:_.*)?", re.IGNORECASE)
CLIP = re.compile(r"s(\d{1,9})_(ne|po|su)r?_(\d{1,9})", re.IGNORECASE)
CODES = {"ne": 0, "po": 1, "su": 2}
COLUMNS = ("filename", "onsetf", "offsetf", "emotion")


def trees(folders: Folders, database: Database) -> Iterator[tuple[str, Folder]]:
    """Yield the class folders, or the SMIC-E clip folders, with their layouts."""
    of_classes: dict[Path, list[Folder]] = {}
    long_clips = set()
    for folder in folders.values():
        if any(name.lower() in CLASSES for name in folder.above):
            continue
        if folder.name.lower() in CLASSES:
            above = zip(reversed(folder.above), folder.path.parents, strict=False)
            subjects = (path.parent for name, path in above if SUBJECT.fullmatch(name))
            of_classes.setdefault(next(subjects, folder.path.parent), []).append(folder)
        elif CLIP.fullmatch(folder.name) and SUBJECT.fullmatch(folder.parent):
            long_clips.add(folder.path.parent)
    for classes in of_classes.values():
        inside = [folders.get(folder.path / name) for folder in classes for name in folder.children]
        clips = [folder for folder in inside if folder and folder.images]
        of_subject = any(SUBJECT.fullmatch(name) for name in classes[0].above)
        several = len({folder.name.lower() for folder in classes}) > 1  # other databases have a `surprise` too
        if clips and (of_subject or several or any(NAMED.fullmatch(clip.name) for clip in clips)):
            as_distributed = "cropped" if clips[0].images[0].lower().startswith("reg_") else "raw"
            yield from ((as_distributed if of_subject else "flat", folder) for folder in classes)
    for folder in folders.values():  # in SMIC-E with their neighbours, however these are named
        if folder.path.parent in long_clips and (CLIP.fullmatch(folder.name) or folder.images):
            yield "smic-e", folder


def read(table: Table, folders: Folders, chosen: list[Folder]) -> None:
    """Read the clips of the chosen tree."""
    if table.layout == "smic-e":
        _read_annotated(table, folders, chosen)
        return
    for of_class in chosen:
        for name in of_class.files:
            table.error(of_class.path / name, "is a file between the folders of clips", "Remove it from the folder.")
        for name in of_class.children:
            folder = folders.get(of_class.path / name)  # None of a link back up
            if folder and (frames := table.frames(folder)):
                label = CLASSES.index(of_class.name.lower())
                table.clips.append(Clip(name, _subject(folder, table), label, frames))


def _subject(folder: Folder, table: Table) -> str | None:
    """`s03` from `s3_ne_01`, or from the nearest folder above that is named like a subject."""
    named = NAMED.fullmatch(folder.name)
    above = next((match for name in reversed(folder.above) if (match := SUBJECT.fullmatch(name))), None)
    if named and above:
        table.check_subject(folder.path, above[1], named[1], "Move it, or rename it if the folder is right.")
    if match := named or above:
        return subject_name(match[1])
    text = "names no subject, neither itself (s1_ne_01) nor by a folder above it (s1), so its subject is not known"
    table.warn(folder.path, text, "Rename it to leave subjects out.")
    return None


def _read_annotated(table: Table, folders: Folders, chosen: list[Folder]) -> None:
    """SMIC-E: of every long clip the frames of each expression, from onset to offset, as numbered in their names."""
    clips = table.by_key((_key(folder.name), folder.path) for folder in chosen)
    numbers = {key: {*frame_numbers(folders[path].frames)} for key, path in clips.items()}

    def fits(row: Row) -> bool:  # sheets of other cameras have the same clips
        return whole(row["onsetf"]) in numbers.get(_key(row["filename"]), ())

    sheet = find_sheet(table, folders, COLUMNS, fits)
    for where, key, row in listed_rows(table, sheet, clips, lambda row: _key(row["filename"])):
        if key not in clips:
            table.warn(where, f"there is no folder {row['filename']!r}, so there is one clip less", "Restore it.")
        elif images := table.frames(folders[clips[key]]):
            _add_expressions(where, row, folders[clips[key]], images, table)


def _key(name: Any) -> str:
    """Make one of the ways to write a name: `s3_ne_1` of `S03_ne_01`; of another its lower case."""
    match = CLIP.fullmatch(text_of(name))
    return f"s{int(match[1])}_{match[2]}_{int(match[3])}" if match else text_of(name)


def _add_expressions(where: str, row: Row, folder: Folder, images: tuple[Path, ...], table: Table) -> None:
    """Make clips of a row: the first expression has the clip's name, the second and third `_2` and `_3` after it."""
    named, label = CLIP.fullmatch(folder.name), CODES.get(text_of(row["emotion"])[:2])
    if label is None or (named and CODES[named[2].lower()] != label):
        table.error(where, f"the emotion of {folder.name} is given as {row['emotion']!r}", "Correct the workbook.")
        return
    subject, places = _subject(folder, table), places_of(images)
    for which in ("", "2", "3"):
        cells = [row.get(f"{name}{which}f") for name in ("onset", "offset")]
        first, last = (places.get(whole(cell), -1) for cell in cells)
        if which and not any(map(whole, cells)):
            continue  # most clips have one expression
        if 0 <= first <= last:
            clip = f"{folder.name}_{which}" if which else folder.name
            table.clips.append(Clip(clip, subject, label, images[first : last + 1]))
        else:
            said = " and ".join("an empty cell" if cell is None else repr(cell) for cell in cells)
            hint = "Correct the workbook; if they are formulas, open it in a spreadsheet program and save it."
            table.error(where, f"onset and offset are {said}, not among the {span_of(places)} of {folder.path}", hint)
