"""What the trees of CASME II and SAMM share: a folder of frames a clip, in that of its subject, and one workbook.

Nobody here has seen either database. Names of folders, files and columns, and what is odd in the workbooks, are those
that public programs which read them agree on.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microexp_keras.datasets.clips import Clip
from microexp_keras.datasets.database import Database
from microexp_keras.datasets.folders import (
    Chosen,
    Findings,
    Place,
    around_apex,
    frame_files,
    frame_number,
    in_order,
    visible,
    walk,
)
from microexp_keras.datasets.workbooks import find_workbook, read_sheets, text, whole
from microexp_keras.errors import MicroExpError

COLUMNS = ("subject", "filename", "onsetframe", "apexframe", "offsetframe", "estimatedemotion")
"""Without spaces, in lower case: `OnsetFrame` of one workbook is `Onset Frame` in the other."""


@dataclass(frozen=True)
class Coding:
    """How the clips of a database lie and are annotated: `scan` and `read` make it a `find.Reader`.

    Attributes
    ----------
    database : Database
    subject, clip : Pattern
        Of a subject's folder, whose first group is the subject's number, and of a clip's folder in it.
    subject_name : str
        How a subject is written, of its number: `"sub{:02d}"`.
    clip_id : str
        Name of a clip that no other has, of `{subject}` and `{clip}`.
    workbook, example : str
        Pattern of the workbook's name, and that name.
    emotions : dict of str to int
        Label by estimated emotion, in lower case; clips of others are left out and counted.
    left_out : dict of (str, str) to str
        By subject and clip, in lower case: why clips of these emotions are left out all the same.
    """

    database: Database
    subject: re.Pattern[str]
    clip: re.Pattern[str]
    subject_name: str
    clip_id: str
    workbook: str
    example: str
    emotions: Mapping[str, int]
    left_out: Mapping[tuple[str, str], str]

    def scan(self, root: Path) -> list[Place]:
        """List the folders of clips below `root`."""
        places = []
        for folder, children, _ in walk(root):
            if not self.subject.fullmatch(folder.name):
                continue
            tree = folder.parent if root in folder.parents else folder
            for child in list(children):
                if self.clip.fullmatch(child):
                    children.remove(child)
                    places.append(Place(_layout(root, folder / child), tree, folder / child))
        return places

    def read(self, chosen: Chosen, findings: Findings) -> tuple[list[Clip], Path | None, int | None]:
        """Read the clips of the chosen tree; see `datasets.read_tree`."""
        workbook = find_workbook(chosen.root, self.workbook, self.example)
        folders: dict[tuple[str, str], Path] = {}
        for place in chosen.places:
            other = folders.setdefault(self._key(place.path.parent.name, place.path.name), place.path)
            if other is not place.path:
                remedy = "Point at one copy of the database."
                findings.stop("repeated name", place.path, "every clip once", f"it also as {other}", remedy)
        rows = self._rows(workbook, findings)
        clips = []
        for where, row in rows:
            key = self._key(row["subject"], row["filename"])
            path, emotion = folders.pop(key, None), text(row["estimatedemotion"])
            if emotion not in self.emotions:
                findings.left_out[f"of emotion {emotion or '(none)'}"] += 1
            elif key in self.left_out:
                findings.left_out[self.left_out[key]] += 1
            elif path is None:
                remedy = "Restore it; without it there is one clip less."
                findings.note("missing clip", where, f"the folder {key[0]}/{row['filename']}", "none", remedy)
            elif frames := _frames(where, row, path, chosen, findings):
                name = self.clip_id.format(subject=key[0], clip=path.name)
                clips.append(Clip(name, key[0], self.emotions[emotion], frames))
        for path in folders.values():
            findings.note("no row", path, f"a row for this clip in {workbook.name}", "none", "It is left out.")
            findings.left_out["without a row in the workbook"] += 1
        return in_order(clips, self.database.class_names, chosen.layout.root, findings), workbook, len(rows)

    def _key(self, subject: Any, clip: Any) -> tuple[str, str]:
        """Subject and clip, from folders or from cells: `sub01`, `"01"` and 1 are the same."""
        number = re.search(r"\d+", str(subject))
        return self.subject_name.format(int(number[0])) if number else "", text(clip)

    def _rows(self, workbook: Path, findings: Findings) -> list[tuple[str, dict[str, Any]]]:
        """List `(where, {column: cell})` for each clip of the workbook; text above and below is passed over."""
        sheet, head, columns, rows = _table(workbook)
        listed, strange, seen = [], dict[str, str](), dict[tuple[str, str], int]()
        for number, cells in enumerate(rows[head + 1 :], head + 2):
            row = {name: (*cells, *[None] * len(rows[head]))[columns[name]] for name in COLUMNS}
            where, key = f"{workbook}, sheet {sheet!r}, row {number}", self._key(row["subject"], row["filename"])
            if self.clip.fullmatch(key[1]) and key[0]:
                for damaged, found in strange.items():
                    findings.stop("damaged row", damaged, "subject and clip", found, "Restore the workbook.")
                strange = {}
                if seen.setdefault(key, number) != number:
                    said = f"{'/'.join(key)} also in row {seen[key]}"
                    findings.stop("damaged row", where, "every clip once", said, "Restore the workbook.")
                listed.append((where, row))
            elif any(cell is not None for cell in row.values()):  # text below the last clip is none
                strange[where] = repr((row["subject"], row["filename"]))
        return listed


def _table(workbook: Path) -> tuple[str, int, dict[str, int], list[tuple[Any, ...]]]:
    """Sheet with the table, place of its head, place of each column, and all rows of that sheet."""
    for sheet, rows in read_sheets(workbook):
        for head, cells in enumerate(rows):
            columns = {text(cell).replace(" ", ""): place for place, cell in enumerate(cells)}
            if set(COLUMNS) <= set(columns):
                return sheet, head, columns, rows
    expected = f"a row with the columns {', '.join(COLUMNS)} (with spaces or without)"
    raise MicroExpError(workbook, expected, "none", "Restore the workbook.")


def _frames(where: str, row: dict[str, Any], path: Path, chosen: Chosen, findings: Findings) -> tuple[Path, ...]:
    """Frames from onset to offset, or around the apex; where one of these cannot be, the folder's end is taken."""
    images = frame_files(path, findings)
    places = {number: place for place, image in enumerate(images) if (number := frame_number(image)) is not None}
    onset, offset = (places.get(whole(row[name]) or 0) for name in ("onsetframe", "offsetframe"))
    said = f"onset {row['onsetframe']!r} and offset {row['offsetframe']!r}"
    if onset is not None and offset is not None and offset < onset:
        offset = None
    if images and onset is None and offset is None:
        span = f"{min(places)} to {max(places)}" if places else "without numbers"
        expected = f"onset and offset among the frames of {path} ({span})"
        findings.stop("damaged row", where, expected, said, "Restore the frames or the workbook.")
    if not images or (onset is None and offset is None):
        return ()
    if onset is None or offset is None:
        remedy = "Nothing needs to be done: the clip reaches to that end of its folder."
        findings.note("odd onset or offset", where, f"both among the frames of {path}", said, remedy)
    first, last = 0 if onset is None else onset, len(images) - 1 if offset is None else offset
    if chosen.database.sampling == "apex":
        apex = places.get(whole(row["apexframe"]) or 0)
        if apex is None or not first <= apex <= last:
            remedy = "Nothing needs to be done: the middle of the clip is taken."
            findings.note("odd apex", where, "an apex among the frames", repr(row["apexframe"]), remedy)
            apex = (first + last) // 2
        first = around_apex(first, apex, last, chosen.frames)
    return tuple(images[first : last + 1])


def _layout(root: Path, clip: Path) -> str:
    """`cropped` by the name of a folder between, or of the first frame; else `raw`."""
    if any("crop" in part.lower() for part in clip.relative_to(root).parts):
        return "cropped"
    return "cropped" if any(image.name.lower().startswith("reg_") for image in visible(clip)[:1]) else "raw"
