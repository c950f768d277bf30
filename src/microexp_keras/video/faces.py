"""From frames to the face in some of them, and between these to its points.

The face is looked for in every n-th frame and in the last; between two looks its points move along straight lines.

In two webcam videos of one man talking (1,400 frames of 320x240), looking in every 5th frame instead of every one moved
the points by 0.6 % of the face's width on average, every 2nd 0.3 %, every 10th 1 %; a pixel of the detector is 1.3 %.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from microexp_keras import landmarks
from microexp_keras.console import progress_bar
from microexp_keras.landmarks.face_box import reduced, scale_of
from microexp_keras.parallel import in_threads

AT_ONCE = 64  # reduced frames in memory


class Faces(NamedTuple):
    """What was found by looking at some frames."""

    frames: int  # how many the video has
    shape: tuple[int, ...]  # their rows and columns
    looks: np.ndarray  # int (looks,): frames that were looked at, the first and the last among them
    counts: np.ndarray  # int (looks,): faces in each
    points: np.ndarray  # float (looks, 68, 2): column and row of the points of the surest face, in the whole frame


def find_faces(frames: Iterable[np.ndarray], every: int, total: int | None = None) -> Faces:
    """Look for the face in every n-th frame, uint8 (rows, columns, 3), and in the last; `total` is of the progress."""
    detect = landmarks.DlibLandmarks(cache=False)
    found: list[landmarks.Landmarks] = []
    waiting: list[np.ndarray] = []

    def look() -> None:
        found.extend(in_threads(lambda image: detect(None, [image]), waiting, "finding faces", progress=False))
        waiting.clear()

    looks, frame, number = [], None, -1
    for number, frame in enumerate(progress_bar(frames, total=total or None, desc="finding faces", unit="frame")):
        if number % every == 0:
            looks.append(number)
            waiting.append(reduced(frame))
        if len(waiting) == AT_ONCE:
            look()
    if frame is not None and looks[-1] != number:
        looks.append(number)
        waiting.append(reduced(frame))
    look()
    shape = (0, 0) if frame is None else frame.shape[:2]
    points = np.array([one.points[0] for one in found], np.float64).reshape(-1, landmarks.POINTS, 2)
    counts = np.array([one.faces[0] for one in found], int)
    return Faces(number + 1, shape, np.array(looks, int), counts, (points + 0.5) / scale_of(shape) - 0.5)


def looks_around(faces: Faces, first: int, last: int) -> slice:
    """Slice of the looks from the nearest before or at frame `first` to the nearest after or at frame `last`."""
    before = np.searchsorted(faces.looks, first, side="right") - 1
    return slice(before, np.searchsorted(faces.looks, last) + 1)


def points_in(faces: Faces, first: int, last: int) -> np.ndarray:
    """Interpolate the points of some frames between the looks, int32 (frames, 68, 2), always rounded the same way."""
    looks = looks_around(faces, first, last)
    frames, flat = np.arange(first, last + 1), faces.points[looks].reshape(-1, landmarks.POINTS * 2)
    between = np.stack([np.interp(frames, faces.looks[looks], values) for values in flat.T], axis=1)
    return np.floor(between + 0.5).astype(np.int32).reshape(-1, landmarks.POINTS, 2)
