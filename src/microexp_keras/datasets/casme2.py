"""CAS(ME)^2's trees: the original programs' flat folders of videos, and the distributed ones with their workbook.

An expression's own frames lie in selectedpic and cropped. In the long recordings (rawvideo, rawpic) the clip of an
expression is a window of as many frames as the protocol reads, centred on the apex.
"""

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microexp_keras.datasets.casme2_rows import EXPRESSION, Expression, read_expressions
from microexp_keras.datasets.clips import Clip, Video
from microexp_keras.datasets.database import CASME2
from microexp_keras.datasets.folders import (
    OTHER_VIDEOS,
    SUBJECT_FOLDER,
    VIDEO_SUFFIXES,
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
from microexp_keras.datasets.options import LABELS
from microexp_keras.datasets.tree import Distributed
from microexp_keras.datasets.workbooks import find_workbook
from microexp_keras.errors import MicroExpError

CLASSES = CASME2.class_names
FIRST_FRAME = 72  # CASME-SQUARE/MicroExpSTCNN.py:33
RECORDING = re.compile(r"s?(\d{1,3})_(0\d{3}).*", re.IGNORECASE)
EMOTIONS = {"anger": 0, "angry": 0, "happiness": 1, "happy": 1, "disgust": 2}
"""Label by the name of an emotion, or of the video that was watched."""

SUBJECTS = tuple(subject_name(number) for number in (15, 16, *range(19, 28), *range(29, 39), 40))
_SHORT = "This tree holds the expressions alone; read {frames} frames of each from rawvideo or rawpic."
DISTRIBUTED = Distributed(
    annotated=357,  # expressions: 300 macro- and 57 micro-expressions
    subjects=SUBJECTS,
    short={"selectedpic": _SHORT, "cropped": _SHORT},
)


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
            if RECORDING.fullmatch(name) and name.lower().endswith((*VIDEO_SUFFIXES, *OTHER_VIDEOS))
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
        videos = [_read_video(path, place, findings) for place in chosen.places for path in visible(place.path)]
        note_other_classes(chosen.places, CLASSES, VIDEO_SUFFIXES, findings)
        return in_order(list(filter(None, videos)), CLASSES, chosen.layout.root, findings), None, None
    workbook = find_workbook(chosen.root, r"code_?final", "CAS(ME)^2code_final.xlsx")
    expressions, rows = read_expressions(workbook, findings)
    reader = _read_recordings if chosen.layout.name in ("rawvideo", "rawpic") else _read_expressions
    clips = reader(chosen, expressions, findings)
    return in_order(clips, CLASSES, chosen.layout.root, findings), workbook, rows


def _read_video(path: Path, place: Place, findings: Findings) -> Clip | None:
    """A clip of the flat layout: one video in the folder of its class."""
    if not path.is_file() or path.suffix.lower() not in VIDEO_SUFFIXES:
        findings.stop(
            "strange file",
            path,
            f"only videos ({', '.join(VIDEO_SUFFIXES)}) in {path.parent.name}/",
            "something else",
            remedy_for(path),
        )
        return None
    match = re.match(r"s?(\d+)_", path.name, re.IGNORECASE)
    if not match:
        findings.stop(
            "no subject",
            path,
            "the subject at the start of the name (15_0101disgustingteeth.avi)",
            "none",
            "Rename it.",
        )
        return None
    return Clip(path.stem, subject_name(match[1]), CLASSES.index(place.path.name.lower()), Video(path, FIRST_FRAME))


@dataclass(frozen=True)
class Recording:
    """A long recording.

    Attributes
    ----------
    path : Path
        Its folder of images or its video.
    images : list of Path
        Its images in order, none for a video.
    numbers : sequence of int or None
        The number of each frame as the workbook counts, a video's first being 1; empty if it cannot be read.
    """

    path: Path
    images: list[Path]
    numbers: Sequence[int | None]

    def window(self, centre: int, frames: int) -> Video | tuple[Path, ...]:
        """Return so many frames around the frame of this number, moved to lie within the recording."""
        first = self.numbers.index(centre) - frames // 2
        first = max(0, min(first, len(self.numbers) - frames))
        return tuple(self.images[first : first + frames]) if self.images else Video(self.path, first)


def _read_recordings(chosen: Chosen, expressions: list[Expression], findings: Findings) -> list[Clip]:
    """rawvideo and rawpic: the window around each expression."""
    paths: dict[tuple[str, str], Path] = {}
    for place in chosen.places:
        [(subject, video)] = RECORDING.findall(place.path.name)
        folder = SUBJECT_FOLDER.fullmatch(place.path.parent.name)
        if folder and int(folder[1]) != int(subject):
            findings.note(
                "wrong subject folder",
                place.path,
                f"a recording of {subject_name(folder[1])}",
                f"one named as of {subject_name(subject)}, as which it is taken",
                "Nothing needs to be done for rawpic/s19/23_0502funnyerrors, which is distributed so; move any other.",
            )
        _once(paths, (subject_name(subject), video), place.path, findings)
    recordings: dict[Path, Recording] = {}
    clips = []
    for expression, label in _wanted(chosen, expressions, findings):
        path = paths.get((expression.subject, expression.video))
        if path is None:
            _missing(expression, f"a recording {expression.subject[1:]}_{expression.video}...", findings)
            continue
        if path not in recordings:
            recordings[path] = _read_recording(path, findings)
        numbers = recordings[path].numbers
        if expression.centre in numbers:
            window = recordings[path].window(expression.centre, chosen.frames)
            clips.append(Clip(expression.id, expression.subject, label, window))
        elif numbers:
            findings.stop(
                "damaged row",
                expression.where,
                f"frame {expression.centre} in {path} ({numbers[0]} to {numbers[-1]})",
                "none",
                "Restore the recording or the workbook.",
            )
    return clips


def _read_recording(path: Path, findings: Findings) -> Recording:
    """Number the frames of a folder by the names of its images, those of a video by the length in its header."""
    if path.is_dir():
        images = frame_files(path, findings)
        return Recording(path, images, [frame_number(image) for image in images])
    if path.suffix.lower() in OTHER_VIDEOS:
        findings.stop("strange file", path, f"a video ({', '.join(VIDEO_SUFFIXES)})", path.suffix, remedy_for(path))
        return Recording(path, [], [])
    import cv2

    from microexp_keras.datasets.frames import open_video

    length = 0
    with contextlib.suppress(MicroExpError), open_video(path) as capture:
        length = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    if length <= 0:
        findings.stop("unreadable video", path, "a video with a number of frames", "none", "Restore this video.")
    return Recording(path, [], range(1, length + 1))


def _read_expressions(chosen: Chosen, expressions: list[Expression], findings: Findings) -> list[Clip]:
    """selectedpic and cropped: a folder for each expression."""
    folders: dict[tuple[str, str], Path] = {}
    for place in chosen.places:
        subject = SUBJECT_FOLDER.fullmatch(place.path.parent.name)
        if subject:
            _once(folders, (subject_name(subject[1]), place.path.name.lower()), place.path, findings)
        else:
            findings.stop(
                "no subject",
                place.path,
                "the folder of a subject (s15 or 15) above it",
                "none",
                "Rename the folder above.",
            )
    known = {(expression.subject, expression.code) for expression in expressions}
    for key in set(folders) - known:
        findings.note("no row", folders[key], "a row for it in the workbook", "none", "It is left out.")
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
    emotions = sorted({expression.emotions[chosen.labels] or "(none)" for expression in expressions})
    if emotions and not set(emotions) & set(EMOTIONS):
        findings.stop(
            "other emotions",
            f"{chosen.root}, --labels {chosen.labels}",
            "anger, happiness or disgust in that column of the workbook",
            ", ".join(emotions),
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
                    "an offset in the workbook",
                    "0",
                    "Nothing needs to be done: the window is centred on the apex, or without one on the onset.",
                )
            yield expression, EMOTIONS[emotion]


def _once(places: dict[Any, Path], key: Any, path: Path, findings: Findings) -> None:
    """Enter a place under its key, unless the key is taken."""
    other = places.setdefault(key, path)
    if other is not path:
        findings.stop("repeated name", path, "it once", f"it also as {other}", "Point at one copy of the database.")


def _missing(expression: Expression, what: str, findings: Findings) -> None:
    findings.note("missing clip", expression.id, what, "none", "Restore it; without it there is one clip less.")


def _expression_layout(folder: Path) -> str:
    """From the nearest folder of that name; else by the `s` of the subject's folder, which cropped lacks."""
    for part in reversed(folder.parts):
        name = re.sub(r"[\W_]", "", part.lower())
        if name.endswith(("selectedpic", "cropped")):
            return "cropped" if name.endswith("cropped") else "selectedpic"
    return "selectedpic" if folder.name.lower().startswith("s") else "cropped"
