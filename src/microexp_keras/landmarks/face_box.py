"""From the points of a face to the box in which it lies as in the frames of training, and from a frame to that part."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from microexp_keras.datasets import Clip
from microexp_keras.datasets.frames import frames_read, part_of, read_frames, read_image
from microexp_keras.errors import Issue, MicroExpError
from microexp_keras.landmarks.dlib_detector import DlibLandmarks
from microexp_keras.parallel import in_threads

SEEN = 320  # pixels of a frame's longer side as the detector sees it; it then finds faces from an eighth of that side

Box = tuple[int, int, int, int]
"""Top, bottom, left, right in pixels, the ends not included."""


class Template(NamedTuple):
    """How a face lies in the frames of training: rows and columns of a frame, and the `anchors` in its pixels."""

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
    """Return column and row of the middles of both eyes and of the corners of the mouth, float (3, 2)."""
    return np.stack([points[36:42].mean(axis=0), points[42:48].mean(axis=0), points[[48, 54]].mean(axis=0)])


def face_box(points: np.ndarray, template: Template = SYNTHETIC) -> Box:
    """Return the box in which the face lies as in a frame of training; it may reach beyond the border of the frame.

    The template is enlarged and moved (not turned) so that its anchors come as near to the face's as they can, by
    least squares. Of points (frames, 68, 2) the box fits their medians over the frames.
    """
    found, wanted = anchors(np.median(points, axis=0)), template.anchors
    spread = wanted - wanted.mean(axis=0)
    scale = (spread * (found - found.mean(axis=0))).sum() / (spread**2).sum()
    left, top = np.rint(found.mean(axis=0) - scale * wanted.mean(axis=0)).astype(int).tolist()
    rows, columns = (max(1, round(scale * length)) for length in template.shape)
    return top, top + rows, left, left + columns


def template_of(path: Path) -> Template:
    """Measure how the face lies in an image, a frame of training; an error if it shows no face or several."""
    image = read_image(path)
    found = DlibLandmarks(cache=False)(None, [image])
    if found.faces[0] != 1:
        raise MicroExpError(path, f"shows {found.faces[0] or 'no'} faces, not one", "Give another frame of training.")
    return Template(image.shape[:2], anchors(found.points[0].astype(float)))


def cut(image: np.ndarray, box: Box) -> np.ndarray:
    """Cut a box out of an image; what lies beyond the border repeats the border."""
    (top, bottom, left, right), (rows, columns) = box, image.shape[:2]
    across = np.clip(np.arange(left, right), 0, columns - 1)
    return image[np.clip(np.arange(top, bottom), 0, rows - 1)][:, across]


def cut_faces(clip: Clip, images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Cut the face out of all frames of a clip, uint8 (rows, columns, 3), by the box that it has in the first.

    An error if that shows no face, or several: which of them is meant, nobody has said.
    """
    box = face_box(_points_of_the_face(clip, images[0]))
    return [cut(image, box) for image in images]


def _points_of_the_face(clip: Clip, image: np.ndarray) -> np.ndarray:
    """Points of the one face in a clip's first frame, float (1, 68, 2), in its pixels."""
    found = DlibLandmarks()(clip, [reduced(image)])
    if found.faces[0] != 1:
        faces = f"{found.faces[0]} faces" if found.faces[0] else "no face"
        remedy = "Cut the faces out yourself and leave --crop out, or leave out such clips."
        raise MicroExpError(clip.frame_name(0), f"shows {faces} wider than an eighth of it", remedy)
    return (found.points.astype(np.float64) + 0.5) / scale_of(image.shape[:2]) - 0.5


def check_faces(clips: Sequence[Clip], frames: int, sampling: str, progress: bool = True) -> list[Issue]:
    """Look at what `cut_faces` would stop at: clips whose first frame that is read shows no face, or several.

    Nothing is said of frames that cannot be decoded: `datasets.check` names them.
    """

    def look(clip: Clip) -> list[Issue]:
        seen = part_of(clip, frames_read(clip, frames, sampling))
        images: list[np.ndarray] = []
        try:
            images += read_frames(seen, slice(0, 1))
            _points_of_the_face(seen, images[0])
        except MicroExpError as error:
            return error.issues if images else []
        return []

    return [issue for issues in in_threads(look, clips, "finding faces", progress=progress) for issue in issues]
