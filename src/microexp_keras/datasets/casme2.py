"""CAS(ME)^2's trees: the original programs' flat folders of videos, and the distributed ones with their workbook.

An expression's own frames lie in selectedpic and cropped. In the long recordings (rawvideo, rawpic) the clip of an
expression is a window of as many frames as the protocol reads, centred on the apex.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from microexp_keras.datasets.clips import Clip, Request, Table, Video
from microexp_keras.datasets.database import CASME2, CODINGS, LABELS, Database
from microexp_keras.datasets.scan import Folder, Folders, beside, frame_numbers, subject_name
from microexp_keras.datasets.sheets import WORKBOOKS, Row, Rows, Sheet, find_sheet, text_of, whole
from microexp_keras.errors import MicroExpError
from microexp_keras.text import either

CLASSES = CASME2.class_names
FIRST_FRAME = 72  # CASME-SQUARE/MicroExpSTCNN.py:33
SUBJECT = re.compile(r"s?(\d{1,3})", re.IGNORECASE)
RECORDING = re.compile(r"s?(\d{1,3})_(0\d{3}).*", re.IGNORECASE)
EXPRESSION = re.compile(r"((anger|disgust|happy)\d{1,9})_\d{1,9}", re.IGNORECASE)
EMOTIONS, OTHERS = CODINGS["casme2"]["emotions"], CODINGS["casme2"]["other_emotions"]
"""Classes by the name of an emotion, or of the video that was watched; emotions and valences that are none."""

COLUMNS = ("index", "code", "onset", "apex", "offset", "actionunits", "emotion", "kind", "selfreport")
"""Of the workbook, which names none, in their order."""


class Expression(NamedTuple):
    """A row of the workbook; its frames are numbers in the recording, whose first is 1, and 0 is missing."""

    where: str  # workbook, sheet and row
    place: str  # clip and row
    id: str  # s15_anger1_1
    subject: str  # s15
    code: str  # anger1_1
    video: str  # first four figures of the name of the video that was watched: 0401
    apex: int
    offset: int
    centre: int  # the apex; without one the middle of onset and offset; without an offset the onset
    emotions: dict[str, str]  # by the `labels` of `datasets.find_clips`
    kind: str  # macro or micro


def trees(folders: Folders, database: Database) -> dict[str, list[Folder]]:
    """Return the class folders, the recordings or the folders that hold them, and those of expressions, by layout."""
    found: dict[str, list[Folder]] = {}
    for folder in folders.values():
        if folder.name.lower() in CLASSES and folder.videos:
            layout = "flat"
        elif RECORDING.fullmatch(folder.name) and folder.images:
            layout = "rawpic"
        elif EXPRESSION.fullmatch(folder.name):
            layout = _expression_layout(folder)
        elif any(RECORDING.fullmatch(name) for name in folder.videos):
            layout = "rawvideo"
        else:
            continue
        found.setdefault(layout, []).append(folder)
    return found


def _expression_layout(folder: Folder) -> str:
    """From the nearest folder of that name; else by the `s` of the subject's folder, which cropped lacks."""
    for name in reversed(folder.above):
        plain = re.sub(r"[\W_]", "", name.lower())
        if plain.endswith(("selectedpic", "cropped")):
            return "cropped" if plain.endswith("cropped") else "selectedpic"
    return "selectedpic" if folder.parent.lower().startswith("s") else "cropped"


def read(request: Request, table: Table) -> None:
    """Read the clips of the chosen tree."""
    if table.layout == "flat":
        _read_flat(request, table)
        return
    what = "the names of expressions (anger1_1) in a column"
    sheet = find_sheet(table, request, what, named_rows, lambda row: bool(_code(row["code"])), WORKBOOKS)
    expressions = read_expressions(sheet, table)
    long = table.layout in ("rawvideo", "rawpic")  # recordings, each of them of several expressions
    paths = table.by_key(_recordings(request, table) if long else _folders(request, table))
    for key in () if long else paths.keys() - {(one.subject, one.code) for one in expressions}:
        table.warn(paths[key], "has no row in the workbook, so it is left out")
    numbered: dict[Path, tuple[Sequence[int | None], tuple[Path, ...]]] = {}
    for one, label in _wanted(request, expressions, table):
        path = paths.get((one.subject, one.video if long else one.code))
        if path is None:
            what = f"recording {one.subject[1:]}_{one.video}" if long else f"folder {one.subject}/{one.code}"
            table.warn(one.place, f"there is no {what}, so there is one clip less", "Restore it.")
            continue
        if path not in numbered:
            numbered[path] = _numbered(path, request.folders, table)
        numbers, images = numbered[path]
        first, end = 0, len(numbers)
        if long and one.centre in numbers:
            first = max(0, min(numbers.index(one.centre) - request.frames // 2, end - request.frames))
            end = min(first + request.frames, end)
        elif long and numbers:
            text = f"frame {one.centre} is not among the frames {numbers[0]} to {numbers[-1]} of {path}"
            table.error(one.where, text, "Restore the recording or the workbook.")
            continue
        if numbers:
            apex = numbers.index(one.apex) - first if one.apex in numbers else None
            frames = images[first:end] or Video(path, first, end - 1)
            table.clips.append(Clip(one.id, one.subject, label, frames, apex=apex))


def _read_flat(request: Request, table: Table) -> None:
    """One video an expression, in the folder of its class; the original programs read its frames from the 73rd on."""
    for folder in request.chosen:
        videos = folder.videos
        for name in {*folder.files, *folder.children} - {*videos}:
            table.error(folder.path / name, "is no video of a class", "Remove it from the folder.")
        for name in videos:
            path, subject = folder.path / name, re.match(r"s?(\d{1,9})_", name, re.IGNORECASE)
            if not subject:
                text = "does not begin with a subject (15_0101disgustingteeth.avi), so its subject is not known"
                table.warn(path, text, "Rename it to leave subjects out.")
            whose, label = subject_name(subject[1]) if subject else None, CLASSES.index(folder.name.lower())
            table.clips.append(Clip(path.stem, whose, label, Video(path, FIRST_FRAME)))
    table.issues += beside(request.folders, request.chosen, CLASSES)


def _recordings(request: Request, table: Table) -> Iterator[tuple[tuple[str, str], Path]]:
    """Yield the paths of rawvideo and rawpic by subject and the first figures of the video that was watched."""
    for folder in request.chosen:
        videos = [folder.path / name for name in folder.videos]
        for path in videos if table.layout == "rawvideo" else [folder.path]:
            if match := RECORDING.fullmatch(path.name):
                if above := SUBJECT.fullmatch(path.parent.name):
                    hint = "Move it, but for rawpic/s19/23_0502funnyerrors, which is distributed so."
                    table.check_subject(path, above[1], match[1], hint)
                yield (subject_name(match[1]), match[2]), path


def _folders(request: Request, table: Table) -> Iterator[tuple[tuple[str, str], Path]]:
    """Yield the folders of selectedpic and cropped by subject and name of the expression."""
    for folder in request.chosen:
        if subject := SUBJECT.fullmatch(folder.parent):
            yield (subject_name(subject[1]), folder.name.lower()), folder.path
        else:
            table.error(folder.path, "lies in no folder of a subject (s15 or 15)", "Rename the folder above it.")


def _numbered(path: Path, folders: Folders, table: Table) -> tuple[Sequence[int | None], tuple[Path, ...]]:
    """Number the frames of a folder by the names of its images, those of a video by the length in its header."""
    if path in folders:
        images = table.frames(folders[path])
        return frame_numbers(images), images
    from microexp_keras.datasets.videos import VideoFile

    try:
        with VideoFile(path) as video:
            if not video.promised:
                table.error(path, "the video does not say how many frames it has", "Restore or convert this video.")
            return range(1, video.promised + 1), ()
    except MicroExpError as error:
        table.issues += error.issues
        return range(0), ()


def _wanted(request: Request, expressions: Sequence[Expression], table: Table) -> Iterator[tuple[Expression, int]]:
    """Yield the expressions of this task with their labels; the others are listed."""
    labels = request.labels or _holding_emotions(expressions, table)
    said = {one.emotions[labels] for one in expressions}
    if said and not said & {*EMOTIONS}:
        table.error(
            f"{request.root}, --labels {labels}",
            f"that column of the workbook names none of anger, happiness and disgust, but {', '.join(sorted(said))}",
            "Choose other labels: " + either(name for name in LABELS if name != labels) + ".",
        )
    for one in expressions:
        emotion, place = one.emotions[labels], one.place
        if request.expressions not in ("all", one.kind):
            table.info(place, f"is a {one.kind}-expression, so it is left out")
        elif emotion not in EMOTIONS:
            table.leave_out(place, emotion, emotion in OTHERS)
        else:
            if not one.offset:
                table.info(place, "has offset 0, so its window is centred on the apex, or without one on the onset")
            yield one, CLASSES.index(EMOTIONS[emotion])


def _holding_emotions(expressions: Sequence[Expression], table: Table) -> str:
    """`emotion`, unless that column says more often how pleasant an emotion is than which, and the self-report which.

    So it is in every public description of the database.
    """
    counts = {labels: sum(one.emotions[labels] in EMOTIONS for one in expressions) for labels in LABELS[:2]}
    valences = sum(one.emotions["emotion"] in ("negative", "positive") for one in expressions)
    if counts["emotion"] >= valences or not counts["self-report"]:
        return "emotion"
    text = "the column of the estimated emotion says negative and positive, so labels are those of the self-report"
    table.info(table.workbook, text, "Give --labels to choose others.")
    return "self-report"


def named_rows(rows: Rows) -> list[tuple[int, Row]]:
    """Name the nine cells, from the subject's index on, of the rows between the text above and below the table."""
    codes = [at for _, cells in rows for at, cell in enumerate(cells) if _code(cell)]
    if not codes:
        return []
    start = max(max(set(codes), key=codes.count) - 1, 0)
    named = [
        (number, dict(zip(COLUMNS, [*cells, *[None] * 9][start : start + 9], strict=True))) for number, cells in rows
    ]
    filled = [number for number, row in named if _code(row["code"]) or (whole(row["index"]) and whole(row["onset"]))]
    return [
        (number, row) for number, row in named if filled[0] <= number <= filled[-1] and any(map(text_of, row.values()))
    ]


def read_expressions(sheet: Sheet, table: Table) -> list[Expression]:
    """Read the rows of the expressions by means of the other two sheets; what is wrong is noted in the table."""
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
    for pairs, what in (
        (subjects, "the index of each subject and the subject (1, 15)"),
        (videos, "each clip's name and its video (disgust1, 0101disgustingteeth)"),
    ):
        if not pairs:
            raise MicroExpError(sheet.path, f"none of its sheets gives {what}", "Restore the workbook.")
    expressions: dict[str, Expression] = {}
    for number, row in sheet.rows:
        where = f"{sheet.where}, row {number}"
        table.annotated = (table.annotated or 0) + 1
        try:
            one = _expression(where, row, subjects, videos)
        except ValueError as error:
            table.error(where, str(error), "Correct the workbook.")
            continue
        onset = whole(row["onset"]) or 0
        if (other := expressions.setdefault(one.id, one)) is not one:
            table.error(where, f"{one.id} is also in {other.where.rpartition(', ')[2]}", "Remove one of the rows.")
        elif not onset <= (one.apex or onset) <= (one.offset or one.centre):
            text = f"onset {onset}, apex {one.apex} and offset {one.offset} are not in this order"
            table.warn(where, f"{text}: the clip is centred on frame {one.centre}")
    return [*expressions.values()]


def _expression(where: str, row: Row, subjects: dict[int, str], videos: dict[str, str]) -> Expression:
    """Read one row; a ValueError says which cell is not as it must be."""
    index, code, frames = whole(row["index"]), _code(row["code"]), [row[name] for name in COLUMNS[2:5]]
    match = EXPRESSION.fullmatch(code)
    onset, apex, offset = (0 if cell is None else whole(cell) for cell in frames)
    kind = text_of(row["kind"])[:5]
    if not match or match[1] not in videos:
        raise ValueError(f"{row['code']!r} is no clip of {', '.join(videos)} (anger1_1)")
    if index not in subjects:
        raise ValueError(f"{row['index']!r} is not the index of a subject ({min(subjects)} to {max(subjects)})")
    if not onset or apex is None or offset is None or min(onset, apex, offset) < 0:
        said = ", ".join(map(repr, frames))
        raise ValueError(f"onset, apex and offset must be the numbers of frames, but are {said}")
    if kind not in ("macro", "micro"):
        raise ValueError(f"{row['kind']!r} is neither macro-expression nor micro-expression")
    emotions = {"emotion": text_of(row["emotion"]), "self-report": text_of(row["selfreport"]), "video": match[2]}
    clip, centre = f"{subjects[index]}_{code}", apex or ((onset + offset) // 2 if offset else onset)
    place = f"{clip} ({where.rpartition(', ')[2]})"
    return Expression(where, place, clip, subjects[index], code, videos[match[1]], apex, offset, centre, emotions, kind)


def _code(cell: Any) -> str:
    """Name of an expression in a cell, "" if it holds none."""
    code = text_of(cell).replace(" ", "")
    return code if EXPRESSION.fullmatch(code) else ""
