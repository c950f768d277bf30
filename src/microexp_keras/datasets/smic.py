"""SMIC's trees: class folders of clip folders (as distributed, or flat), and SMIC-E's long clips with their workbook.

`Negative/s1_ne_01/reg_image001.bmp` and `HS/s1/micro/negative/s1_ne_01/reg_image001.bmp` read the same: a class folder
is found at any depth by its name, and every folder inside it is a clip. In SMIC-E clip folders lie in no class folder.
"""

import re
from pathlib import Path
from typing import Any

from microexp_keras.datasets.clips import Clip
from microexp_keras.datasets.database import SMIC
from microexp_keras.datasets.folders import (
    FRAME_SUFFIXES,
    Chosen,
    Findings,
    Place,
    frame_files,
    frame_number,
    in_order,
    note_other_classes,
    remedy_for,
    subject_name,
    visible,
    walk,
)
from microexp_keras.datasets.tree import Distributed
from microexp_keras.datasets.workbooks import find_workbook, read_sheets, text, whole
from microexp_keras.errors import MicroExpError

CLASSES = SMIC.class_names
SUBJECT_FOLDER = re.compile(r"s\d+", re.IGNORECASE)
CLIP_NAME = re.compile(r"s(\d{1,9})_(ne|po|su)r?_(\d{1,9})", re.IGNORECASE)
CODES = {"ne": 0, "po": 1, "su": 2}

# SMIC-HS as distributed: clips (negative, positive, surprise) of each subject.
PUBLISHED = {
    "s01": (3, 2, 1), "s02": (0, 1, 5), "s03": (22, 11, 6), "s04": (10, 4, 5), "s05": (1, 0, 1), "s06": (2, 0, 2),
    "s08": (9, 4, 0), "s09": (0, 1, 3), "s11": (3, 3, 1), "s12": (0, 8, 1), "s13": (0, 10, 0), "s14": (3, 2, 5),
    "s15": (1, 1, 2), "s18": (2, 0, 5), "s19": (0, 1, 1), "s20": (14, 3, 5),
}  # fmt: skip
DISTRIBUTED = Distributed(annotated=157, subjects=tuple(PUBLISHED), by_subject=PUBLISHED)  # SMIC-HS-E lists 157

COLUMNS = ("filename", "onsetf", "offsetf", "firstf", "emotion")


def scan(root: Path) -> list[Place]:
    """List the class folders and the SMIC-E clip folders below `root`."""
    classes, clips, names = [], [], {}
    for folder, children, _ in walk(root):
        for child in list(children):
            if child.lower() in CLASSES:
                tree, distributed = _tree(root, folder)
                if not distributed:
                    names[tree] = "flat"
                elif tree not in names and (image := _first_image(folder / child)):
                    names[tree] = "cropped" if image.lower().startswith("reg_") else "raw"
                classes.append((tree, folder / child))
            elif CLIP_NAME.fullmatch(child) and SUBJECT_FOLDER.fullmatch(folder.name):
                clips.append(Place("smic-e", _tree(root, folder)[0], folder / child))
            else:
                continue
            children.remove(child)
    return [Place(names.get(tree, "cropped"), tree, path) for tree, path in classes] + clips


def read(chosen: Chosen, findings: Findings) -> tuple[list[Clip], Path | None, int | None]:
    """Read the clips of the chosen tree; see `datasets.read_tree`.

    Returns
    -------
    list of Clip, Path or None, int or None
        The clips, the workbook used, and how many clips it lists.
    """
    if chosen.layout.name == "smic-e":
        return _read_annotated(chosen, findings)
    clips = []
    for place in chosen.places:
        for path in visible(place.path):
            if not path.is_dir():
                findings.stop(
                    "strange file",
                    path,
                    f"only clip folders in {path.parent.name}/",
                    "a file",
                    remedy_for(path, "folder"),
                )
            elif frames := frame_files(path, findings):
                subject = _subject(chosen.root, path, findings)
                if subject:
                    clips.append(Clip(path.name, subject, CLASSES.index(place.path.name.lower()), tuple(frames)))
    note_other_classes(chosen.places, CLASSES, FRAME_SUFFIXES, findings)
    return in_order(clips, CLASSES, chosen.layout.root, findings), None, None


def _read_annotated(chosen: Chosen, findings: Findings) -> tuple[list[Clip], Path | None, int | None]:
    """SMIC-E: of every long clip the frames from onset to offset, both included, as numbered in their names."""
    camera = chosen.layout.camera
    workbook = find_workbook(
        chosen.root, rf"smic.*{camera or ''}.*annotation", f"SMIC-{camera or 'HS'}-E_annotation.xlsx"
    )
    folders: dict[tuple[int, str, int], Path] = {}
    for place in chosen.places:
        other = folders.setdefault(_key(place.path.name), place.path)
        if other is not place.path:
            findings.stop(
                "repeated name",
                place.path,
                "every clip once",
                f"it also as {other}",
                "Point at one copy of the database.",
            )
    rows = _rows(workbook, findings)
    clips = []
    for where, row in rows:
        name = str(row["filename"]).strip()
        path = folders.pop(_key(name), None)
        if path is None:
            findings.note(
                "missing clip",
                where,
                f"the folder {name}",
                "none",
                "Restore it; without it there is one clip less.",
            )
            continue
        annotation = _annotation(where, row, findings)
        frames = frame_files(path, findings)
        subject = _subject(chosen.root, path, findings)
        if annotation is None or subject is None or not frames:
            continue
        label, onset, offset = annotation
        numbers = [frame_number(frame) for frame in frames]
        if onset not in numbers or offset not in numbers:
            findings.stop(
                "damaged row",
                where,
                f"onset and offset among the frames of {path} ({numbers[0]} to {numbers[-1]})",
                f"{onset} and {offset}",
                "Restore the frames or the workbook.",
            )
            continue
        if whole(row["firstf"]) not in (0, numbers[0]):
            findings.note(
                "missing frames",
                path,
                f"the first frame {row['firstf']}, as in {workbook.name}",
                str(numbers[0]),
                "Restore the frames.",
            )
        seen = [
            frame
            for frame, number in zip(frames, numbers, strict=True)
            if number is not None and onset <= number <= offset
        ]
        clips.append(Clip(path.name, subject, label, tuple(seen)))
    for path in folders.values():
        findings.note("no row", path, f"a row for this clip in {workbook.name}", "none", "It is left out.")
        findings.left_out["without a row in the workbook"] += 1
    return in_order(clips, CLASSES, chosen.layout.root, findings), workbook, len(rows)


def _rows(workbook: Path, findings: Findings) -> list[tuple[str, dict[str, Any]]]:
    """List `(where, {column: cell})` for each clip of the workbook; the text that follows the last is no clip."""
    sheet, rows = read_sheets(workbook)[0]
    named = [{text(cell).replace(" ", ""): place for place, cell in enumerate(cells)} for cells in rows]
    head = next((place for place, columns in enumerate(named) if set(COLUMNS) <= set(columns)), None)
    if head is None:
        raise MicroExpError(
            f"{workbook}, sheet {sheet!r}",
            f"a row with the columns {', '.join(COLUMNS)}",
            "none",
            "Restore the workbook.",
        )
    columns = {name: named[head][name] for name in COLUMNS}
    cells_of = {
        number: {name: (*cells, *[None] * len(named[head]))[place] for name, place in columns.items()}
        for number, cells in enumerate(rows, 1)
        if number > head + 1
    }
    clips = [number for number, row in cells_of.items() if CLIP_NAME.fullmatch(text(row["filename"]))]
    numbered = [number for number, row in cells_of.items() if whole(row["onsetf"]) and whole(row["offsetf"])]
    last = max([*clips, *numbered], default=0)
    listed = []
    for number, row in cells_of.items():
        where = f"{workbook}, sheet {sheet!r}, row {number}"
        if number in clips:
            listed.append((where, row))
        elif number <= last and any(cell is not None for cell in row.values()):
            findings.stop(
                "damaged row",
                where,
                "a clip's name (s3_ne_01)",
                repr(row["filename"]),
                "Restore the workbook.",
            )
    return listed


def _annotation(where: str, row: dict[str, Any], findings: Findings) -> tuple[int, int, int] | None:
    """Return label, onset and offset of a row, or None if the row is damaged."""
    name, emotion = text(row["filename"]), text(row["emotion"])
    onset, offset = whole(row["onsetf"]), whole(row["offsetf"])
    label = CODES[CLIP_NAME.findall(name)[0][1]]
    if not onset or not offset or offset < onset:
        expected, found = "onset and offset as frame numbers", f"{row['onsetf']!r} and {row['offsetf']!r}"
    elif emotion[:2] not in CODES or CODES[emotion[:2]] != label:
        expected, found = f"the emotion {CLASSES[label]}, as in the name {name}", repr(row["emotion"])
    else:
        return label, onset, offset
    findings.stop("damaged row", where, expected, found, "Restore the workbook.")
    return None


def _subject(root: Path, path: Path, findings: Findings) -> str | None:
    """`s03` from `s3_ne_01`, or from the nearest folder above that is named like a subject."""
    match = re.match(r"s(\d+)(?:_|$)", path.name, re.IGNORECASE)
    above = [
        (parent, found[1]) for parent in path.parents if (found := re.fullmatch(r"s(\d+)", parent.name, re.IGNORECASE))
    ]
    if not match and not above:
        findings.stop(
            "no subject",
            path,
            "the subject in the clip's name (s1_ne_01) or in a folder above (s1/)",
            "neither",
            "Rename the clip folder.",
        )
        return None
    if match and above and root in above[0][0].parents and int(above[0][1]) != int(match[1]):
        findings.note(
            "wrong subject folder",
            path,
            f"a clip of s{above[0][1]}",
            f"one named as of s{match[1]}, as which it is taken",
            "Move it, or rename it if the folder is right.",
        )
    return subject_name(match[1] if match else above[0][1])


def _key(name: str) -> tuple[int, str, int]:
    [(subject, code, number)] = CLIP_NAME.findall(name.strip())
    return int(subject), code.lower(), int(number)


def _tree(root: Path, folder: Path) -> tuple[Path, bool]:
    """Where the tree begins that holds this folder, and whether the folder lies in `sN` or `sN/micro`."""
    subject = folder.parent if folder.name.lower() == "micro" else folder
    if subject is folder and not SUBJECT_FOLDER.fullmatch(folder.name):
        return folder, False
    return (subject.parent if root in subject.parents else root), True


def _first_image(folder: Path) -> str | None:
    for clip in visible(folder):
        if clip.is_dir():
            for image in visible(clip):
                if image.name.lower().endswith(FRAME_SUFFIXES):
                    return image.name
    return None
