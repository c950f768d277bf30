"""CAS(ME)^2's trees: the original programs' flat folders of videos, and the distributed ones with their workbook.

An expression's own frames lie in selectedpic and cropped. In the long recordings (rawvideo, rawpic) the clip of an
expression is a window of as many frames as the protocol reads, centred on the apex.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microexp_keras.datasets import LABELS, Clip, Video
from microexp_keras.datasets.database import DATABASES
from microexp_keras.datasets.folders import (
    SUBJECT_FOLDER,
    Chosen,
    Findings,
    Place,
    frame_files,
    frame_number,
    in_order,
    subject_name,
    visible,
    walk,
)
from microexp_keras.datasets.workbooks import find_workbook, read_sheets, text, whole
from microexp_keras.errors import MicroExpError

CLASSES = DATABASES["casme2"].class_names
VIDEO_SUFFIXES = (".avi", ".mp4", ".mov", ".mkv")
FIRST_FRAME = 72  # CASME-SQUARE/MicroExpSTCNN.py:33
RECORDING = re.compile(r"s?(\d{1,3})_(0\d{3}).*", re.IGNORECASE)
EXPRESSION = re.compile(r"((anger|disgust|happy)\d+)_\d+", re.IGNORECASE)
EMOTIONS = {"anger": 0, "angry": 0, "happiness": 1, "happy": 1, "disgust": 2}
"""Label by the name of an emotion, or of the video that was watched."""

SUBJECTS = tuple(subject_name(number) for number in (15, 16, *range(19, 28), *range(29, 39), 40))
ANNOTATED = 357
"""Expressions in the workbook: 300 macro- and 57 micro-expressions."""


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


def scan(root: Path) -> list[Place]:
    """List the class folders, recordings and folders of expressions below `root`."""
    places = []
    for folder, children, files in walk(root):
        inside = root in folder.parents
        tree = folder.parent if inside and SUBJECT_FOLDER.fullmatch(folder.name) else folder
        for child in list(children):
            if child.lower() in CLASSES:
                places.append(Place("flat", folder, folder / child))
            elif RECORDING.fullmatch(child):
                places.append(Place("rawpic", tree, folder / child))
            elif EXPRESSION.fullmatch(child):
                places.append(Place(_expression_layout(folder), tree, folder / child))
            else:
                continue
            children.remove(child)
        places += [
            Place("rawvideo", tree, folder / name)
            for name in files
            if RECORDING.fullmatch(name) and name.lower().endswith(VIDEO_SUFFIXES)
        ]
    return places


def read(chosen: Chosen, findings: Findings) -> tuple[list[Clip], Path | None, int | None]:
    """Read the clips of the chosen tree; see `datasets.read_tree`.

    Returns
    -------
    list of Clip, Path or None, int or None
        The clips, the workbook used, and how many expressions it lists.
    """
    if chosen.layout.name == "flat":
        found = [_read_video(path, place, findings) for place in chosen.places for path in visible(place.path)]
        return in_order(filter(None, found), CLASSES, chosen.layout.root, findings), None, None
    workbook = find_workbook(chosen.root, r"code_?final", "CAS(ME)^2code_final.xlsx")
    expressions, rows = _expressions(workbook, findings)
    reader = _read_recordings if chosen.layout.name in ("rawvideo", "rawpic") else _read_expressions
    clips = reader(chosen, expressions, findings)
    return in_order(clips, CLASSES, chosen.layout.root, findings), workbook, rows


def _read_video(path: Path, place: Place, findings: Findings) -> Clip | None:
    """A clip of the flat layout: one video in the folder of its class."""
    if not path.is_file() or path.suffix.lower() not in VIDEO_SUFFIXES:
        findings.stop(
            "strange file",
            path,
            f"expected only videos ({', '.join(VIDEO_SUFFIXES)}) in {path.parent.name}/, found something else",
            "Move it away.",
        )
        return None
    match = re.match(r"s?(\d+)_", path.name, re.IGNORECASE)
    if not match:
        findings.stop(
            "no subject",
            path,
            "expected the subject at the start of the name (15_0101disgustingteeth.avi), found none",
            "Rename it.",
        )
        return None
    return Clip(path.stem, subject_name(match[1]), CLASSES.index(place.path.name.lower()), Video(path, FIRST_FRAME))


def _read_recordings(chosen: Chosen, expressions: list[Expression], findings: Findings) -> list[Clip]:
    """rawvideo and rawpic: the window around each expression."""
    recordings = {}
    for place in chosen.places:
        subject, video = RECORDING.fullmatch(place.path.name).groups()
        folder = SUBJECT_FOLDER.fullmatch(place.path.parent.name)
        if folder and int(folder[1]) != int(subject):
            findings.note(
                "wrong subject folder",
                place.path,
                f"expected a recording of {subject_name(folder[1])}, found one named as of {subject_name(subject)}, as "
                "which it is taken",
                "Nothing needs to be done for rawpic/s19/23_0502funnyerrors, which is distributed so; move any other.",
            )
        _once(recordings, (subject_name(subject), video), place.path, findings)
    clips, lengths = [], {}
    for expression, label in _wanted(chosen, expressions, findings):
        path = recordings.get((expression.subject, expression.video))
        if path is None:
            _missing(expression, f"a recording {expression.subject[1:]}_{expression.video}...", findings)
            continue
        if path not in lengths:
            lengths[path] = _length(path, findings) if chosen.layout.name == "rawvideo" else frame_files(path, findings)
        if not lengths[path]:
            continue
        if chosen.layout.name == "rawvideo":
            numbers = range(1, lengths[path] + 1)
        else:
            numbers = [frame_number(frame) for frame in lengths[path]]
        if expression.centre not in numbers:
            findings.stop(
                "damaged row",
                expression.where,
                f"expected frame {expression.centre} in {path} ({numbers[0]} to {numbers[-1]}), found none",
                "Restore the recording or the workbook.",
            )
            continue
        first = numbers.index(expression.centre) - chosen.frames // 2
        first = max(0, min(first, len(numbers) - chosen.frames))
        seen = Video(path, first)
        if chosen.layout.name == "rawpic":
            seen = tuple(lengths[path][first : first + chosen.frames])
        clips.append(Clip(expression.id, expression.subject, label, seen))
    return clips


def _read_expressions(chosen: Chosen, expressions: list[Expression], findings: Findings) -> list[Clip]:
    """selectedpic and cropped: a folder for each expression."""
    folders = {}
    for place in chosen.places:
        subject = SUBJECT_FOLDER.fullmatch(place.path.parent.name)
        if subject:
            _once(folders, (subject_name(subject[1]), place.path.name.lower()), place.path, findings)
        else:
            findings.stop(
                "no subject",
                place.path,
                "expected the folder of a subject (s15 or 15) above it, found none",
                "Rename the folder above.",
            )
    known = {(expression.subject, expression.code) for expression in expressions}
    for key in set(folders) - known:
        findings.note("no row", folders[key], "expected a row for it in the workbook, found none", "It is left out.")
        findings.left_out["without a row in the workbook"] += 1
    clips = []
    for expression, label in _wanted(chosen, expressions, findings):
        path = folders.get((expression.subject, expression.code))
        if path is None:
            _missing(expression, f"the folder {expression.subject}/{expression.code}", findings)
        elif frames := frame_files(path, findings):
            clips.append(Clip(expression.id, expression.subject, label, tuple(frames)))
    return clips


def _wanted(chosen: Chosen, expressions: list[Expression], findings: Findings) -> Iterator[tuple[Expression, int]]:
    """Yield the expressions of this task with their labels; count the others."""
    found = sorted({expression.emotions[chosen.labels] or "(none)" for expression in expressions})
    if found and not set(found) & set(EMOTIONS):
        findings.stop(
            "other emotions",
            f"{chosen.root}, --labels {chosen.labels}",
            f"expected anger, happiness or disgust in that column of the workbook, found {', '.join(found)}",
            f"Choose other labels: {' or '.join(name for name in LABELS if name != chosen.labels)}.",
        )
    for expression in expressions:
        emotion = expression.emotions[chosen.labels]
        if chosen.expressions not in ("all", expression.kind):
            findings.left_out[f"{expression.kind}-expressions"] += 1
        elif emotion not in EMOTIONS:
            findings.left_out[f"of emotion {emotion or '(none)'}"] += 1
        else:
            if not expression.offset:
                findings.note(
                    "zero offset",
                    expression.id,
                    "expected an offset in the workbook, found 0",
                    "Nothing needs to be done: the window is centred on the apex, or without one on the onset.",
                )
            yield expression, EMOTIONS[emotion]


def _expressions(workbook: Path, findings: Findings) -> tuple[list[Expression], int]:
    """Read the rows of the first sheet by means of the other two; also give how many there are."""
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
    expressions, seen, listed = [], {}, 0
    for number, cells in rows:
        where = f"{workbook}, sheet {sheet!r}, row {number}"
        if number > max(filled, default=0) or all(cell is None for cell in cells) or (number == 1 and 1 not in filled):
            continue  # text after the last expression, or a header
        listed += 1
        try:
            expression = _expression(where, cells, subjects, videos)
        except MicroExpError as error:
            findings.stop("damaged row", where, str(error), "Restore the workbook.")
            continue
        if seen.setdefault(expression.id, where) is not where:
            findings.stop(
                "repeated name",
                where,
                f"expected every expression once, found {expression.id} also in {seen[expression.id]}",
                "Remove one of the rows.",
            )
            continue
        if not expression.onset <= (expression.apex or expression.onset) <= (expression.offset or expression.centre):
            findings.note(
                "order of frames",
                where,
                "expected onset, apex and offset in this order, found "
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
        raise MicroExpError(f"expected a clip of {', '.join(videos)} (anger1_1) in column 2, found {cells[1]!r}")
    if index not in subjects:
        raise MicroExpError(f"expected the index of a subject ({min(subjects)} to {max(subjects)}), found {cells[0]!r}")
    if not onset or onset < 0 or apex is None or apex < 0 or offset is None or offset < 0:
        raise MicroExpError(
            f"expected onset, apex and offset as whole numbers, found {', '.join(map(repr, cells[2:5]))}"
        )
    if kind not in ("macro", "micro"):
        raise MicroExpError(f"expected macro-expression or micro-expression in column 8, found {cells[7]!r}")
    emotions = {"emotion": text(cells[6]), "self-report": text(cells[8]), "video": match[2]}
    return Expression(where, subjects[index], code, videos[match[1]], onset, apex, offset, emotions, kind)


def _subjects(workbook: Path, sheet: str, rows: list[tuple[Any, ...]]) -> dict[int, str]:
    """Index to subject. A subject's number is always larger than its index, so the order of columns does not matter."""
    subjects = {}
    for number, cells in enumerate(rows, 1):
        figures = {int(match[1]) for cell in cells if (match := re.fullmatch(r"s?(\d+)(\.0)?", text(cell)))}
        if len(figures) == 2:
            subjects[min(figures)] = subject_name(max(figures))
        elif figures:
            raise MicroExpError(
                f"{workbook}, sheet {sheet!r}, row {number}",
                "the index of a subject and the subject (1, 15)",
                str(", ".join(map(repr, cells))),
                "Restore the workbook.",
            )
    return _found(subjects, workbook, sheet, "the index of each subject and the subject (1, 15)")


def _videos(workbook: Path, sheet: str, rows: list[tuple[Any, ...]]) -> dict[str, str]:
    """Clip's name to the four figures of its video."""
    videos = {}
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
                str(", ".join(map(repr, cells))),
                "Restore the workbook.",
            )
    return _found(videos, workbook, sheet, "each clip's name and its video (disgust1, 0101disgustingteeth)")


def _found(mapping: dict[Any, str], workbook: Path, sheet: str, what: str) -> dict[Any, str]:
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


def _once(places: dict[Any, Path], key: Any, path: Path, findings: Findings) -> None:
    """Enter a place under its key, unless the key is taken."""
    other = places.setdefault(key, path)
    if other is not path:
        findings.stop(
            "repeated name", path, f"expected it once, found it also as {other}", "Point at one copy of the database."
        )


def _missing(expression: Expression, what: str, findings: Findings) -> None:
    findings.note(
        "missing clip", expression.id, f"expected {what}, found none", "Restore it; without it there is one clip less."
    )


def _length(path: Path, findings: Findings) -> int:
    """Number of frames that a video says it has; reading tells whether it does."""
    import cv2

    capture = cv2.VideoCapture(str(path))
    try:
        length = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    finally:
        capture.release()
    if length <= 0:
        findings.stop(
            "unreadable video", path, "expected a video with a number of frames, found none", "Restore this video."
        )
    return max(length, 0)


def _expression_layout(folder: Path) -> str:
    """From the nearest folder of that name; else by the `s` of the subject's folder, which cropped lacks."""
    for part in reversed(folder.parts):
        name = re.sub(r"[\W_]", "", part.lower())
        if name.endswith(("selectedpic", "cropped")):
            return "cropped" if name.endswith("cropped") else "selectedpic"
    return "selectedpic" if folder.name.lower().startswith("s") else "cropped"
