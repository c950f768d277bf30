"""From the points of a face to the box in which it lies as in the frames of training, and from a frame to that part."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from microexp_keras.datasets import Clip
from microexp_keras.datasets.frames import read_frames
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks.dlib_detector import DlibLandmarks

SEEN = 320  # pixels of a frame's longer side as the detector sees it; it then finds faces from an eighth of that side

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


def scale_of(shape: tuple[int, ...]) -> float:
    """By what a frame (rows, columns) is reduced before the detector sees it."""
    return min(1, SEEN / max(*shape, 1))


def reduced(frame: np.ndarray) -> np.ndarray:
    """Reduce a frame to what the detector sees."""
    scale = scale_of(frame.shape[:2])
    size = [max(1, round(length * scale)) for length in frame.shape[1::-1]]
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA) if scale < 1 else frame


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
    found = DlibLandmarks(cache=False)(None, [image])
    if found.faces[0] != 1:
        raise MicroExpError(
            path,
            "one face",
            str(found.faces[0]),
            "Give another frame of training.",
        )
    return Template(image.shape[:2], anchors(found.points[0].astype(float)))


def cut(image: np.ndarray, box: Box) -> np.ndarray:
    """Cut a box out of an image; what lies beyond the border repeats the border."""
    top, bottom, left, right = box
    rows, columns = image.shape[:2]
    above, below = max(0, -top), max(0, bottom - rows)
    before, behind = max(0, -left), max(0, right - columns)
    if above or below or before or behind:
        image = cv2.copyMakeBorder(image, above, below, before, behind, cv2.BORDER_REPLICATE)
    return image[top + above : bottom + above, left + before : right + before]


def cut_faces(clip: Clip, images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Cut the face out of all frames of a clip, by the box that it has in the first.

    Parameters
    ----------
    clip : datasets.Clip
        For a message.
    images : sequence of uint8 array (rows, columns, 3)

    Returns
    -------
    list of uint8 array (rows, columns, 3)

    Raises
    ------
    MicroExpError
        If the first frame shows no face; of several the surest is taken.
    """
    seen = reduced(images[0])
    found = DlibLandmarks()(clip, [seen])
    if not found.faces[0]:
        remedy = "Cut the faces out yourself and leave --crop out, or leave out this clip."
        raise MicroExpError(clip.frame_name(0), "a face, which must be wider than an eighth of it", "none", remedy)
    points = (found.points.astype(np.float64) + 0.5) / scale_of(images[0].shape[:2]) - 0.5
    box = face_box(points)
    return [cut(image, box) for image in images]
