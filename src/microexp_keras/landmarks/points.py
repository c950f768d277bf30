"""From 68 points of a face to the boxes and regions of eyes and mouth, and from faults to points of other frames.

A source of points is anything that is called with a `datasets.Clip` and the list of its images and returns `Landmarks`:
`DlibLandmarks` detects as the original programs do, `CsvLandmarks` reads a file. For another detector write such a
function, with the points in the order of the iBUG 68-point scheme, and give it to `preprocessing.region_stacks`, or
save what it finds by `write_csv`. A source with a method `identity()`, a text that changes whenever its points may,
lets stacks cut by its points be kept in the cache.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from microexp_keras.datasets import Clip
from microexp_keras.errors import MicroExpError

POINTS = 68

# Boxes by the numbers of the points at their (top, bottom, left, right), counted from 0.
# SMIC/Intermediate_MicroFuseNet.py:67, the same in the three other programs.
EYES = (19, 1, 1, 15)  # from a brow to the level of the ear, from cheek to cheek
MOUTH = (2, 6, 2, 14)  # SMIC/Intermediate_MicroFuseNet.py:70, called nose_mouth there: it begins below the eyes

UNKNOWN = -1
"""Number of faces in a frame of which a table says nothing."""

OWN_POINTS = (
    "python -m microexp_keras.landmarks detect PATH --dataset DATASET --out points.csv, correct the frame's row (faces "
    "is 1 then), and train with --landmarks points.csv."
)


NO_ROW = "Add the row: its frame counts from 0 within the clip; if the frame shows no face, its column faces is 0."


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
        `"eyes"` and `"mouth"`: (top, bottom, left, right), for rows top to bottom and columns left to right, the
        ends not included.

    References
    ----------
    `SMIC/Intermediate_MicroFuseNet.py:67,70`.
    """
    return {
        name: (int(points[top, 1]), int(points[bottom, 1]), int(points[left, 0]), int(points[right, 0]))
        for name, (top, bottom, left, right) in {"eyes": EYES, "mouth": MOUTH}.items()
    }


def regions(image: np.ndarray, points: np.ndarray) -> dict[str, np.ndarray]:
    """Cut eyes and mouth from a frame.

    Parameters
    ----------
    image : array (rows, columns, 3)
    points : int array (68, 2)
        As `settle` returns them: with both boxes inside the frame.

    Returns
    -------
    dict of str to array
        `"eyes"` and `"mouth"`: views of the image.
    """
    return {name: image[top:bottom, left:right] for name, (top, bottom, left, right) in boxes(points).items()}


class Fault(NamedTuple):
    """Why the points of a frame give no regions.

    Attributes
    ----------
    kind : str
        `"no row"`, `"no face"`, `"several faces"`, or `"region"` for a box that is empty or beyond the border.
    text : str
        As readers see it: `"row missing in your CSV"`, `"no face"`, `"2 faces"`, `"eyes beyond the border"`,
        `"empty box of the mouth"`.
    region : str or None
        `"eyes"` or `"mouth"`, whose box is meant.
    """

    kind: Literal["no row", "no face", "several faces", "region"]
    text: str
    region: str | None = None

    def __str__(self) -> str:
        return self.text


def find_faults(found: Landmarks, shape: tuple[int, ...]) -> list[Fault | None]:
    """Say of each frame why its points give no regions.

    Parameters
    ----------
    found : Landmarks
    shape : (int, int)
        Rows and columns of the frames.

    Returns
    -------
    list of Fault or None
        One for each frame; None where there is one face with both boxes inside the frame.
    """
    return [_fault(faces, points, shape) for faces, points in zip(found.faces, found.points, strict=True)]


def _fault(faces: int, points: np.ndarray, shape: tuple[int, ...]) -> Fault | None:
    if faces == UNKNOWN:
        return Fault("no row", "row missing in your CSV")
    if not faces:
        return Fault("no face", "no face")
    if faces > 1:
        return Fault("several faces", f"{faces} faces")
    rows, columns = shape
    for name, (top, bottom, left, right) in boxes(points).items():
        if bottom <= top or right <= left:
            return Fault("region", f"empty box of the {name}", name)
        if top < 0 or left < 0 or bottom > rows or right > columns:
            return Fault("region", f"{name} beyond the border", name)
    return None


def settle(clip: Clip, found: Landmarks, shape: tuple[int, ...], faults: str) -> tuple[np.ndarray, list[str]]:
    """Decide on the points of every frame of a clip.

    Parameters
    ----------
    clip : Clip
    found : Landmarks
    shape : (int, int)
        Rows and columns of the frames.
    faults : str
        What happens to a frame without exactly one face, or with a box that is empty or beyond the border. `"stop"`:
        it is an error. `"neighbours"`: its points are interpolated between the nearest good frames before and after
        it, and rounded; at an end of the clip they are those of the nearest good frame.

    Returns
    -------
    int32 array (frames, 68, 2)
        Column and row of each point; both boxes of every frame are inside it and not empty.
    list of str
        What a report must say: one sentence if frames took points from others, else nothing.

    Raises
    ------
    MicroExpError
        If no frame of the clip is good; with `"stop"`, if any is not. The message names the frame.
    """
    frame_faults = find_faults(found, shape)
    bad = np.array([fault is not None for fault in frame_faults])
    if bad.all():
        rows_missing = all(fault and fault.kind == "no row" for fault in frame_faults)
        raise MicroExpError(
            clip.path,
            "one face in at least one frame, with its eyes and mouth inside the frame",
            listed(frame_faults),
            NO_ROW
            if rows_missing
            else "Look at it: python -m microexp_keras.landmarks preview PATH; then remove the clip, or give points of "
            f"your own: {OWN_POINTS}",
        )
    if not bad.any():
        return found.points, []
    if faults == "stop":
        first = int(bad.argmax())
        fault, where = frame_faults[first], ""
        if fault and fault.kind == "no row":
            raise MicroExpError(clip.frame_name(first), "a row in your CSV", str(fault), NO_ROW)
        if fault and fault.region:
            top, bottom, left, right = boxes(found.points[first])[fault.region]
            where = f" (rows {top}:{bottom}, columns {left}:{right} of {shape[0]}x{shape[1]})"
        raise MicroExpError(
            clip.frame_name(first),
            "one face with its eyes and mouth inside the frame",
            f"{fault}{where}",
            "The original program crashes without a face and takes the other faults as they come, so this protocol "
            "stops here. Take one that uses the points of the neighbouring frames, or give points of your own: "
            f"{OWN_POINTS}",
        )
    good, frames = np.flatnonzero(~bad), np.arange(len(bad))
    flat = found.points.reshape(len(bad), -1)
    between = np.stack([np.interp(frames, good, values[good]) for values in flat.T], axis=1)
    # Always the same way: to the even number, two borders of a box one pixel wide could meet.
    points = np.floor(between + 0.5).astype(np.int32).reshape(found.points.shape)
    return points, [f"{clip.id}: {listed(frame_faults)}; their points are those of the neighbouring frames"]


def listed(faults: Sequence[Fault | None]) -> str:
    """Write the faults of a clip's frames, counted from 0: `no face in frames 3-5, 2 faces in frame 9`."""
    parts = []
    for fault in dict.fromkeys(filter(None, faults)):
        frames = [frame for frame, other in enumerate(faults) if other == fault]
        starts = [frame for frame in frames if frame - 1 not in frames]
        ends = [frame for frame in frames if frame + 1 not in frames]
        runs = [str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True)]
        parts.append(f"{fault} in frame{'s' if len(frames) > 1 else ''} {', '.join(runs)}")
    return ", ".join(parts)
