"""CAS(ME)^2's trees: the original programs' flat folders of videos, and the distributed ones with their workbook.

An expression's own frames lie in selectedpic and cropped. In the long recordings (rawvideo, rawpic) the clip of an
expression is a window of as many frames as the protocol reads, centred on the apex.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from microexp_keras.datasets.clips import Clip, Folder, Folders, Table, Video, frame_numbers, subject_name
from microexp_keras.datasets.database import CASME2, CODINGS, LABELS, Database
from microexp_keras.datasets.sheets import (
    WORKBOOKS,
    NamedRows,
    Row,
    Rows,
    Sheet,
    find_sheet,
    listed_rows,
    text_of,
    whole,
)
from microexp_keras.errors import MicroExpError
from microexp_keras.text import either

CLASSES = CASME2.class_names
FIRST_FRAME = 72  # CASME-SQUARE/MicroExpSTCNN.py:33
SUBJECT = re.compile(r"s?(\d{1,3})", re.IGNORECASE)
RECORDING = re.compile(r"s?(\d{1,3})_(0\d{3}).*", re.IGNORECASE)
EXPRESSION = re.compile(r"((anger|disgust|happy)\d{1,9})_\d{1,9}", re.IGNORECASE)

# Of the workbook, which names none, in their order.
COLUMNS = ("index", "code", "onset", "apex", "offset", "actionunits", "emotion", "kind", "self-report")


def trees(folders: Folders, database: Database) -> Iterator[tuple[str, Folder]]:
    """Yield the class folders, the recordings or the folders that hold them, and those of expressions, with layouts."""
    for folder in folders.values():
        if folder.name.lower() in CLASSES and folder.videos:
            yield "flat", folder
        elif RECORDING.fullmatch(folder.name) and folder.images:
            yield "rawpic", folder
        elif EXPRESSION.fullmatch(folder.name):
            above = re.sub(r"[\W_]", "", "/".join(folder.above).lower())
            own = "selectedpic" if folder.parent.lower().startswith("s") else "cropped"  # has no s before the number
            yield [own, *re.findall("selectedpic|cropped", above)][-1], folder
        elif any(RECORDING.fullmatch(name) for name in folder.videos):
            yield "rawvideo", folder


def read(
    table: Table,
    folders: Folders,
    chosen: list[Folder],
    labels: str | None = None,
    expressions: str = "all",
    frames: int = CASME2.frames,
) -> None:
    """Read the clips of the chosen tree."""
    if table.layout == "flat":
        _read_flat(table, chosen)
        return
    columns = ["of the names of expressions (anger1_1)"]
    sheet = find_sheet(table, folders, columns, lambda row: bool(_code(row["code"])), named_rows, WORKBOOKS)
    subjects, videos = _naming_rules(sheet)
    long = table.layout in ("rawvideo", "rawpic")  # recordings, each of them of several expressions
    paths = table.by_key(_recordings(chosen, table) if long else _expressions(chosen, table))
    column = _labels(sheet, labels, table)
    numbered = functools.cache(lambda path: _numbered(path, folders, table))

    def key_of(row: Row) -> str:
        return f"{subjects.get(whole(row['index']) or 0, row['index'])}/{_code(row['code']) or row['code']}"

    for where, key, row in listed_rows(table, sheet, {} if long else paths, key_of):
        if fault := _fault(row, subjects, videos):
            table.error(where, fault, "Correct the workbook.")
            continue
        subject, _, code = key.partition("/")
        place = f"{subject}_{code} ({where.rpartition(', ')[2]})"
        kind = text_of(row["kind"])[:5]
        if expressions not in ("all", kind):
            table.info(place, f"is a {kind}-expression, so it is left out")
            continue
        label = table.label_of(place, _emotion(row, column))
        if label is None:
            continue
        video = videos[code.partition("_")[0]]
        path = paths.get(f"{subject}/{video}" if long else key)
        if path is None:
            what = f"recording {subject[1:]}_{video}" if long else f"folder {key}"
            table.warn(place, f"there is no {what}, so there is one clip less", "Restore it.")
            continue
        numbers, images = numbered(path)
        if not numbers:
            continue  # which is noted
        onset, apex, offset = (whole(row[name]) or 0 for name in ("onset", "apex", "offset"))
        first, end = 0, len(numbers)
        if long:
            centre = apex or ((onset + offset) // 2 if offset else onset)
            if centre not in numbers:
                text = f"frame {centre} is not among the frames {numbers[0]} to {numbers[-1]} of {path}"
                table.error(where, text, "Restore the recording or the workbook.")
                continue
            first = max(0, min(numbers.index(centre) - frames // 2, end - frames))
            end = min(first + frames, end)
        at_apex = numbers.index(apex) - first if apex in numbers else None
        shown = images[first:end] or Video(path, first, end - 1)
        table.clips.append(Clip(f"{subject}_{code}", subject, label, shown, apex=at_apex))


def _read_flat(table: Table, chosen: list[Folder]) -> None:
    """One video an expression, in the folder of its class; the original programs read its frames from the 73rd on."""
    for folder in chosen:
        for name in [name for name in (*folder.files, *folder.children) if name not in folder.videos]:
            table.error(folder.path / name, "is no video of a class", "Remove it from the folder.")
        for name in folder.videos:
            path, subject = folder.path / name, re.match(r"s?(\d{1,9})_", name, re.IGNORECASE)
            if not subject:
                text = "does not begin with a subject (15_0101disgustingteeth.avi), so its subject is not known"
                table.warn(path, text, "Rename it to leave subjects out.")
            whose, label = subject_name(subject[1]) if subject else None, CLASSES.index(folder.name.lower())
            table.clips.append(Clip(path.stem, whose, label, Video(path, FIRST_FRAME)))


def _recordings(chosen: list[Folder], table: Table) -> Iterator[tuple[str, Path]]:
    """Yield the paths of rawvideo and rawpic by subject and first figures of the video that was watched: `s15/0401`."""
    for folder in chosen:
        for path in [folder.path / name for name in folder.videos] if table.layout == "rawvideo" else [folder.path]:
            if match := RECORDING.fullmatch(path.name):
                if above := SUBJECT.fullmatch(path.parent.name):
                    hint = "Move it, but for rawpic/s19/23_0502funnyerrors, which is distributed so."
                    table.check_subject(path, above[1], match[1], hint)
                yield f"{subject_name(match[1])}/{match[2]}", path


def _expressions(chosen: list[Folder], table: Table) -> Iterator[tuple[str, Path]]:
    """Yield the folders of selectedpic and cropped by subject and name of the expression: `s15/anger1_1`."""
    for folder in chosen:
        if subject := SUBJECT.fullmatch(folder.parent):
            yield f"{subject_name(subject[1])}/{folder.name.lower()}", folder.path
        else:
            table.error(folder.path, "lies in no folder of a subject (s15 or 15)", "Rename the folder above it.")


def _numbered(path: Path, folders: Folders, table: Table) -> tuple[Sequence[int | None], tuple[Path, ...]]:
    """Number the frames of a folder by the names of its images, those of a video by the length in its header."""
    if path in folders:
        images = table.frames(folders[path])
        return frame_numbers(images), images
    from microexp_keras.datasets.frames import VideoFile

    try:
        with VideoFile(path) as video:
            if not video.promised:
                table.error(path, "the video does not say how many frames it has", "Restore or convert this video.")
            return range(1, video.promised + 1), ()
    except MicroExpError as error:
        table.issues += error.issues
        return range(0), ()


def _labels(sheet: Sheet, labels: str | None, table: Table) -> str:
    """Choose whose labels are taken, if nobody asked for any; an error if they name no class."""
    rows, emotions = [row for _, row in sheet.rows], {*CODINGS["casme2"]["emotions"]}
    holding = [column for column in LABELS if any(_emotion(row, column) in emotions for row in rows)]
    if not labels and holding[0] == "self-report":  # as in every public description of the database
        labels = "self-report"
        text = "the column of the estimated emotion says negative and positive, so labels are those of the self-report"
        table.info(table.workbook, text, "Give --labels to choose others.")
    labels = labels or "emotion"
    if labels not in holding:
        said = ", ".join(sorted({_emotion(row, labels) for row in rows}))
        text = f"that column of the workbook names none of anger, happiness and disgust, but {said}"
        table.error(f"--labels {labels}", text, f"Choose other labels: {either(holding)}.")
    return labels


def _emotion(row: Row, labels: str) -> str:
    """The emotion of a row by the column that `labels` of `datasets.find_clips` names."""
    return re.sub(r"\d.*", "", _code(row["code"])) if labels == "video" else text_of(row[labels])


def named_rows(rows: Rows) -> NamedRows:
    """Name the nine cells, from the subject's index on, of the rows between the text above and below the table."""
    codes = [at for cells in rows for at, cell in enumerate(cells) if _code(cell)]
    if not codes:
        return []
    start = max(max(set(codes), key=codes.count) - 1, 0)
    named = [
        (number, dict(zip(COLUMNS, [*cells, *[None] * 9][start : start + 9], strict=True)))
        for number, cells in enumerate(rows, 1)
    ]
    filled = [number for number, row in named if _code(row["code"]) or (whole(row["index"]) and whole(row["onset"]))]
    return [
        (number, row) for number, row in named if filled[0] <= number <= filled[-1] and any(map(text_of, row.values()))
    ]


def _naming_rules(sheet: Sheet) -> tuple[dict[int, str], dict[str, str]]:
    """Subject (s15) by index and first figures of the video (0401) by clip (anger1), as the other sheets say."""
    subjects: dict[int, str] = {}
    videos: dict[str, str] = {}
    for words in ([*map(text_of, cells)] for cells in sheet.others):
        numbers = {int(match[1]) for word in words if (match := re.fullmatch(r"s?(\d{1,3})", word))}
        if len(numbers) == 2:  # the subject is always larger than its index
            subjects[min(numbers)] = subject_name(max(numbers))
        codes = [word for word in words if re.fullmatch(r"(anger|disgust|happy)\d+", word)]
        names = [match[1] for word in words if (match := re.fullmatch(r"(\d{3,4})(?:[a-z].*)?", word))]
        if codes and names:
            videos[codes[0]] = f"{int(names[0]):04d}"
    if not subjects or not videos:
        what = "which subject has which index (1, 15), or which clip which video (disgust1, 0101disgustingteeth)"
        raise MicroExpError(sheet.path, f"none of its other sheets says {what}", "Restore the workbook.")
    return subjects, videos


def _fault(row: Row, subjects: dict[int, str], videos: dict[str, str]) -> str | None:
    """Say which cell of a row is not as it must be."""
    frames = [row[name] for name in ("onset", "apex", "offset")]
    numbers = [0 if cell is None else whole(cell) for cell in frames]
    if _code(row["code"]).partition("_")[0] not in videos:
        return f"{row['code']!r} is no clip of {', '.join(videos)} (anger1_1)"
    if whole(row["index"]) not in subjects:
        return f"{row['index']!r} is not the index of a subject ({min(subjects)} to {max(subjects)})"
    if not numbers[0] or any(number is None or number < 0 for number in numbers):
        return f"onset, apex and offset must be the numbers of frames, but are {', '.join(map(repr, frames))}"
    if text_of(row["kind"])[:5] not in ("macro", "micro"):
        return f"{row['kind']!r} is neither macro-expression nor micro-expression"
    return None


def _code(cell: Any) -> str:
    """Name of an expression in a cell, "" if it holds none."""
    code = text_of(cell).replace(" ", "")
    return code if EXPRESSION.fullmatch(code) else ""
