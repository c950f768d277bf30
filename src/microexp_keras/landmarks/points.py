"""From 68 points of a face to the boxes and regions of eyes and mouth, and from faults to points of other frames.

A source of points is anything that is called with a `datasets.Clip` and the list of its images and returns `Landmarks`:
`DlibLandmarks` detects as the original programs do, `CsvLandmarks` reads a file. For another detector write such a
function, with the points in the order of the iBUG 68-point scheme, and give it to `preprocessing.region_stacks`, or
save what it finds by `write_csv`. A source with a method `identity()`, a text that changes whenever its points may,
lets stacks cut by its points be kept in the cache.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from microexp_keras.datasets import Clip
from microexp_keras.errors import MicroExpError
from microexp_keras.text import ranges

POINTS = 68

# By the numbers of the points at top, bottom, left, right, counted from 0; the same in the three other programs.
BOXES = {
    "eyes": (19, 1, 1, 15),  # SMIC/Intermediate_MicroFuseNet.py:67: from brow to ear, from cheek to cheek
    "mouth": (2, 6, 2, 14),  # SMIC/Intermediate_MicroFuseNet.py:70, called nose_mouth: it begins below the eyes
}

# Number of faces in a frame of which a table says nothing.
UNKNOWN = -1

OWN_POINTS = (
    "give points of your own: python -m microexp_keras.landmarks detect PATH --dataset DATASET --out points.csv, "
    "correct the frame's row (faces is 1 then), and train with --landmarks points.csv."
)

# Faults of a frame; others are `2 faces`, `eyes beyond the border`, `empty box of the mouth`.
NO_FACE, NO_ROW = "no face", "row missing in your CSV"

ADD_ROW = "Add the row: its frame counts from 0 within the clip; if the frame shows no face, its column faces is 0."


class Landmarks(NamedTuple):
    """Points of a face in the frames of a clip.

    Attributes
    ----------
    faces : int32 array (frames,)
        How many faces were found in each frame, or `UNKNOWN`.
    points : int32 array (frames, 68, 2)
        Column and row (x, y) of each point of the first face, in pixels; zeros where there is none. Points may lie
        beyond the border of the frame.
    """

    faces: np.ndarray
    points: np.ndarray


def boxes(points: np.ndarray) -> dict[str, tuple[int, int, int, int]]:
    """Return the boxes of eyes and mouth as the original programs cut them.

    Parameters
    ----------
    points : int array (68, 2)
        Column and row of each point.

    Returns
    -------
    dict of str to (int, int, int, int)
        `"eyes"` and `"mouth"`: (top, bottom, left, right), the ends not included.
    """
    return {
        name: (int(points[top, 1]), int(points[bottom, 1]), int(points[left, 0]), int(points[right, 0]))
        for name, (top, bottom, left, right) in BOXES.items()
    }


def regions(image: np.ndarray, points: np.ndarray) -> dict[str, np.ndarray]:
    """Cut eyes and mouth from a frame.

    Parameters
    ----------
    image : array (rows, columns, 3)
    points : int array (68, 2)
        As `fill_missing_landmarks` returns them. Slices end at the border and count negative positions from the other
        end, as numpy's do and so the original's; neither region is empty.

    Returns
    -------
    dict of str to array
        `"eyes"` and `"mouth"`: views of the image.
    """
    return {name: image[top:bottom, left:right] for name, (top, bottom, left, right) in boxes(points).items()}


def find_faults(found: Landmarks, shapes: Sequence[tuple[int, ...]]) -> list[str | None]:
    """Say of each frame why its points are not those of one face with both boxes inside it; None where they are.

    `shapes` are the rows and columns of each frame; of further axes nothing is asked.
    """
    return [_fault(*frame) for frame in zip(found.faces, found.points, shapes, strict=True)]


def _fault(faces: int, points: np.ndarray, shape: tuple[int, ...]) -> str | None:
    if faces == UNKNOWN:
        return NO_ROW
    if faces != 1:
        return f"{faces} faces" if faces else NO_FACE
    for name, (top, bottom, left, right) in boxes(points).items():
        if bottom <= top or right <= left:
            return f"empty box of the {name}"
        if top < 0 or left < 0 or bottom > shape[0] or right > shape[1]:
            return f"{name} beyond the border"
    return None


def fill_missing_landmarks(
    clip: Clip, found: Landmarks, shapes: Sequence[tuple[int, ...]], faults: str
) -> tuple[np.ndarray, list[str]]:
    """Decide on the points of every frame of a clip.

    Parameters
    ----------
    clip : Clip
    found : Landmarks
    shapes : sequence of (int, int)
        Rows and columns of each frame.
    faults : str
        What happens to a frame without exactly one face, or with a box that is empty or beyond the border. `"stop"`:
        as in the original programs, the first of several faces is taken, slices end at the border, and a frame without
        a face or with an empty slice is an error. `"neighbours"`: its points are interpolated between the nearest good
        frames before and after it, and rounded; at an end of the clip they are those of the nearest good frame.

    Returns
    -------
    int32 array (frames, 68, 2)
        Column and row of each point, for `regions`.
    list of str
        What a report must say: one sentence if there are faults, else nothing.
    """
    frame_faults = find_faults(found, shapes)
    if not any(frame_faults):
        return found.points, []
    said = f"{clip.id}: {listed(frame_faults)}; "
    if faults == "stop":
        for frame, fault in enumerate(frame_faults):
            if fault:
                _require_as_original(clip.frame_name(frame), fault, found.points[frame], shapes[frame])
        return found.points, [f"{said}taken as the original program takes them"]
    bad = np.array([fault is not None for fault in frame_faults])
    if bad.all():
        look = f"Look at it: python -m microexp_keras.landmarks preview PATH; then remove the clip, or {OWN_POINTS}"
        text = f"no frame shows one face with its eyes and mouth inside the frame: {listed(frame_faults)}"
        raise MicroExpError(clip.path, text, ADD_ROW if {*frame_faults} == {NO_ROW} else look)
    good, frames = np.flatnonzero(~bad), np.arange(len(bad))
    flat = found.points.reshape(len(bad), -1)
    between = np.stack([np.interp(frames, good, values[good]) for values in flat.T], axis=1)
    # Always the same way: to the even number, two borders of a box one pixel wide could meet.
    points = np.floor(between + 0.5).astype(np.int32).reshape(found.points.shape)
    return points, [f"{said}their points are those of the neighbouring frames"]


def _require_as_original(where: str, fault: str, points: np.ndarray, shape: tuple[int, ...]) -> None:
    """Stop where `SMIC/Intermediate_MicroFuseNet.py:32-36` does: without a face, or at an empty slice."""
    if fault == NO_ROW:
        raise MicroExpError(where, fault, ADD_ROW)
    if fault == NO_FACE or not all(region.size for region in regions(np.empty(shape[:2], bool), points).values()):
        hint = (
            "The original program crashes here, so this protocol stops. Choose one that uses the points of the "
            f"neighbouring frames, or {OWN_POINTS}"
        )
        raise MicroExpError(where, f"{fault}, so that eyes and mouth cannot be cut out", hint)


def listed(faults: Sequence[str | None]) -> str:
    """Write the faults of a clip's frames, counted from 0: `no face in frames 3-5, 2 faces in frame 9`."""
    parts = []
    for fault in dict.fromkeys(filter(None, faults)):
        frames = [frame for frame, other in enumerate(faults) if other == fault]
        parts.append(f"{fault} in frame{'s' if len(frames) > 1 else ''} {ranges(frames)}")
    return ", ".join(parts)
