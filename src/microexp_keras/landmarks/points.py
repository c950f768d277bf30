"""From 68 points of a face to the regions of eyes and mouth, from faults to points of other frames; a table of points.

A source of points is anything that is called with a `datasets.Clip` and the list of its images and returns `Landmarks`:
`DlibLandmarks` detects as the original programs do, `CsvLandmarks` reads a file. For another detector write such a
function, with the points in the order of the iBUG 68-point scheme, and give it to `preprocessing.region_stacks`, or
save what it finds by `write_csv`. A source with a method `identity()`, a text that changes whenever its points may,
lets stacks cut by its points be kept in the cache.
"""

import hashlib
from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from microexp_keras.atomic import write_text
from microexp_keras.datasets import Clip
from microexp_keras.datasets.sheets import text_table
from microexp_keras.errors import MicroExpError
from microexp_keras.text import ranges

if TYPE_CHECKING:
    from pandas import DataFrame

POINTS = 68

COORDINATES = [f"{axis}_{point}" for axis in "xy" for point in range(POINTS)]
COLUMNS = ["clip", "frame", "faces", *COORDINATES]

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


def write_csv(path: str | Path, landmarks: Mapping[str, Landmarks]) -> None:
    """Write points by `Clip.id`, from the clip's first frame on, as a table that `CsvLandmarks` reads.

    It has one row for each frame; of an `UNKNOWN` one there is none.
    """
    import pandas

    tables = []
    for name, found in landmarks.items():
        points = pandas.DataFrame(found.points.transpose(0, 2, 1).reshape(-1, 2 * POINTS), columns=COORDINATES)
        whose = pandas.DataFrame({"clip": name, "frame": range(len(points)), "faces": found.faces})
        tables.append(whose.join(points)[found.faces != UNKNOWN])
    write_text(
        path, pandas.concat(tables or [pandas.DataFrame(columns=COLUMNS)]).to_csv(index=False, lineterminator="\n")
    )


class CsvLandmarks:
    """Points from the user's own table, in the place of a detector.

    Parameters
    ----------
    path : str or Path
        CSV (commas, semicolons or tabs; UTF-8) or workbook, with the columns `clip` (`Clip.id`), `frame` (counted from
        0 within the clip), `x_0` to `x_67`, `y_0` to `y_67` (pixels, rounded here) and, if there are frames without a
        face or with several, `faces`. Rows and columns without any text are passed over. Of a frame without a row
        nothing is known: `fill_missing_landmarks` says that it is missing.

    Raises
    ------
    MicroExpError
        If the table is not of this form; the message names the line. When called: if the clip is not in the table,
        or the table has frames beyond the clip's last image (a video's length is not known).
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
        self.rows = dict([*_read(self.path).groupby("clip")])

    def identity(self) -> str:
        """Name the table by all that it says."""
        return f"table {self._digest}"

    def __call__(self, clip: Clip, images: Sized, first: int = 0) -> Landmarks:
        """Return the points of a clip from its frame `first` on; of `images` only the number counts."""
        if clip.id not in self.rows:
            raise MicroExpError(self.path, f"has no row for the clip {clip.id} ({clip.path})", "Add rows for it.")
        rows = self.rows[clip.id]
        if clip.images and len(beyond := rows[rows["frame"] >= len(clip.images)]):
            said = f"names a frame that {clip.id} does not have: its frames are 0 to {len(clip.images) - 1}"
            hint = "Count from 0 within the clip, in the order of its images."
            raise MicroExpError(f"{self.path}, {beyond.index[0]}", said, hint)
        rows = rows.set_index("frame").reindex(range(first, first + len(images)))
        points = rows[COORDINATES].fillna(0).to_numpy(np.int32).reshape(-1, 2, POINTS).transpose(0, 2, 1)
        return Landmarks(rows["faces"].fillna(UNKNOWN).to_numpy(np.int32), points)


def _read(path: Path) -> "DataFrame":
    """Read a table of points by row and column; `faces` is 1 where it is left out, pixels are rounded."""
    import pandas

    hint = "Compare with what the command detect --out writes."
    rows = text_table(path, [name for name in COLUMNS if name != "faces"], COLUMNS, hint)
    texts = pandas.DataFrame.from_dict(rows, orient="index", dtype=str).reindex(columns=COLUMNS, fill_value="1")
    numbers = texts[COLUMNS[1:]].apply(lambda one: pandas.to_numeric(one.str.replace(",", "."), errors="coerce"))
    wrong = ~(numbers.abs() <= 2**30)
    counts = numbers[["frame", "faces"]]
    wrong[["frame", "faces"]] |= (counts < 0) | (counts % 1 != 0)
    for place, column in wrong.stack()[lambda one: one].index[:1]:
        kind = "a whole number from 0" if column in counts else "a number of pixels"
        found = f"{texts.loc[place, column]!r} is not {kind}"
        raise MicroExpError(f"{path}, {place}, column {column}", found, "Correct it.")
    table = np.floor(numbers + 0.5).astype(np.int32).assign(clip=texts["clip"])
    for bad, found in (
        ((table["faces"] == 0) & table[COORDINATES].any(axis=1), "has points, but 0 in the column faces"),
        (table.duplicated(["clip", "frame"]), "is of a frame that an earlier row gives too"),
    ):
        for place in table.index[bad][:1]:
            raise MicroExpError(f"{path}, {place}", found, "Correct it, or remove the row.")
    return table
