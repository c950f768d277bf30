"""From frames to the face in some of them, and between these to its points and its box as in training.

The face is looked for in every n-th frame and in the last; between two looks its points move along straight lines.

In two webcam videos of one man talking (1,400 frames of 320x240), looking in every 5th frame instead of every one moved
the points by 0.6 % of the face's width on average, every 2nd 0.3 %, every 10th 1 %; a pixel of the detector is 1.3 %.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from microexp_keras import landmarks
from microexp_keras.console import progress_bar
from microexp_keras.datasets import Clip
from microexp_keras.datasets.frames import read_frames
from microexp_keras.errors import MicroExpError
from microexp_keras.parallel import in_threads
from microexp_keras.video.source import timed

SEEN = 320  # pixels of a frame's longer side as the detector sees it; it then finds faces from an eighth of that side
AT_ONCE = 64  # reduced frames in memory

Box = tuple[int, int, int, int]
"""Top, bottom, left, right in pixels, the ends not included."""


class Template(NamedTuple):
    """How a face lies in the frames of training.

    Attributes
    ----------
    shape : (int, int)
        Rows and columns of a frame.
    anchors : float array (3, 2)
        Column and row of the middle of the left eye, of the right eye (as the picture shows them) and of the middle
        between the corners of the mouth, in pixels.
    """

    shape: tuple[int, ...]
    anchors: np.ndarray


SYNTHETIC = Template((160, 160), np.array([[50.4, 43.3], [105.5, 45.5], [74.2, 92.2]]))
"""Means over 117 frames of 39 synthetic SMIC clips; their deviations between frames are 2 to 4 pixels."""


class Faces(NamedTuple):
    """What was found by looking at some frames.

    Attributes
    ----------
    frames : int
        How many the video has.
    shape : (int, int)
        Their rows and columns.
    looks : int array (looks,)
        Numbers of the frames that were looked at, the first and the last among them.
    counts : int array (looks,)
        Faces in each.
    points : float array (looks, 68, 2)
        Column and row of each point of the surest face, in pixels of the whole frame.
    """

    frames: int
    shape: tuple[int, ...]
    looks: np.ndarray
    counts: np.ndarray
    points: np.ndarray


def find_faces(frames: Iterable[np.ndarray], every: int, seconds: dict[str, float], total: int | None = None) -> Faces:
    """Look for the face in every n-th frame and in the last.

    Parameters
    ----------
    frames : iterable of uint8 array (rows, columns, 3)
    every : int
    seconds : dict of str to float
        Gets the time it takes as `"finding faces"`.
    total : int, optional
        For the progress bar.

    Returns
    -------
    Faces
        Of no frames, if there are none.
    """
    detect = landmarks.DlibLandmarks(cache=False)
    looks, found, shape, frame = [], [], (0, 0), None
    waiting: list[np.ndarray] = []

    def look() -> None:
        with timed(seconds, "finding faces"):
            found.extend(in_threads(lambda image: detect(None, [image]), waiting, "finding faces", progress=False))
        waiting.clear()

    number = -1
    for number, frame in enumerate(progress_bar(frames, total=total or None, desc="finding faces", unit="frame")):
        if number % every == 0:
            looks.append(number)
            waiting.append(_reduced(frame))
        if len(waiting) == AT_ONCE:
            look()
    if frame is not None:
        shape = frame.shape[:2]
        if looks[-1] != number:
            looks.append(number)
            waiting.append(_reduced(frame))
        look()
    scale = _scale(shape)
    points = np.array([one.points[0] for one in found], np.float64).reshape(-1, landmarks.POINTS, 2)
    counts = np.array([one.faces[0] for one in found], int)
    return Faces(number + 1, shape, np.array(looks, int), counts, (points + 0.5) / scale - 0.5)


def _scale(shape: tuple[int, ...]) -> float:
    return min(1, SEEN / max(*shape, 1))


def _reduced(frame: np.ndarray) -> np.ndarray:
    scale = _scale(frame.shape[:2])
    size = [max(1, round(length * scale)) for length in frame.shape[1::-1]]
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA) if scale < 1 else frame


def looks_around(faces: Faces, first: int, last: int) -> slice:
    """Slice of the looks from the nearest before or at frame `first` to the nearest after or at frame `last`."""
    before = np.searchsorted(faces.looks, first, side="right") - 1
    return slice(before, np.searchsorted(faces.looks, last) + 1)


def points_in(faces: Faces, first: int, last: int) -> np.ndarray:
    """Interpolate the points of some frames between the looks.

    Returns
    -------
    int32 array (frames, 68, 2)
        Rounded always the same way, as `landmarks.settle` does.
    """
    looks = looks_around(faces, first, last)
    frames, flat = np.arange(first, last + 1), faces.points[looks].reshape(-1, landmarks.POINTS * 2)
    between = np.stack([np.interp(frames, faces.looks[looks], values) for values in flat.T], axis=1)
    return np.floor(between + 0.5).astype(np.int32).reshape(-1, landmarks.POINTS, 2)


def anchors(points: np.ndarray) -> np.ndarray:
    """Return the middles of both eyes and of the corners of the mouth, float (3, 2), of points (68, 2)."""
    return np.stack([points[36:42].mean(axis=0), points[42:48].mean(axis=0), points[[48, 54]].mean(axis=0)])


def face_box(points: np.ndarray, template: Template = SYNTHETIC) -> Box:
    """Return the box in which the face lies as in a frame of training.

    The template is enlarged and moved (not turned) so that its anchors come as near to the face's as they can, by
    least squares.

    Parameters
    ----------
    points : float array (frames, 68, 2)
        The box fits their medians over the frames.
    template : Template

    Returns
    -------
    (int, int, int, int)
        Top, bottom, left, right, the ends not included; they may lie beyond the border of the frame.
    """
    found, wanted = anchors(np.median(points, axis=0)), template.anchors
    spread = wanted - wanted.mean(axis=0)
    scale = (spread * (found - found.mean(axis=0))).sum() / (spread**2).sum()
    left, top = np.rint(found.mean(axis=0) - scale * wanted.mean(axis=0)).astype(int).tolist()
    rows, columns = (max(1, round(scale * length)) for length in template.shape)
    return top, top + rows, left, left + columns


def template_of(path: Path) -> Template:
    """Measure how the face lies in a frame of training.

    Parameters
    ----------
    path : Path
        An image.

    Returns
    -------
    Template

    Raises
    ------
    MicroExpError
        If it is no image, or shows no face or several.
    """
    (image,) = read_frames(Clip("", "", 0, (path,)), 1)
    found = landmarks.DlibLandmarks(cache=False)(None, [image])
    if found.faces[0] != 1:
        raise MicroExpError(
            path,
            "one face",
            str(found.faces[0]),
            "Give another frame of training.",
        )
    return Template(image.shape[:2], anchors(found.points[0].astype(float)))
