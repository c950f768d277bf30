"""From points to a table with one row for each frame, and back: a user's own points in the place of a detector."""

import csv
import hashlib
import io
from collections.abc import Mapping, Sized
from pathlib import Path

import numpy as np

from microexp_keras.atomic import write_text
from microexp_keras.datasets import Clip
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks.points import POINTS, UNKNOWN, Landmarks
from microexp_keras.text import cell, from_cell

COORDINATES = [f"{axis}_{point}" for axis in "xy" for point in range(POINTS)]


def write_csv(path: str | Path, landmarks: Mapping[str, Landmarks]) -> None:
    """Write points as a table with one row for each frame, which `CsvLandmarks` reads.

    Parameters
    ----------
    path : str or Path
    landmarks : dict of str to Landmarks
        By `Clip.id`.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["clip", "frame", "faces", *COORDINATES])
    for name, found in landmarks.items():
        for frame, (faces, points) in enumerate(zip(found.faces, found.points, strict=True)):
            if faces != UNKNOWN:
                table.writerow([cell(name), frame, faces, *points[:, 0], *points[:, 1]])
    write_text(path, text.getvalue())


class CsvLandmarks:
    """Points from the user's own table, in the place of a detector.

    Parameters
    ----------
    path : str or Path
        CSV, UTF-8, with the columns `clip` (`Clip.id`), `frame` (counted from 0 within the clip), `x_0` to `x_67`,
        `y_0` to `y_67` (pixels, rounded here) and, if there are frames without a face or with several, `faces`. Of a
        frame without a row nothing is known: `settle` says that it is missing.

    Raises
    ------
    MicroExpError
        If the table is not of this form; the message names the line. When called: if the clip is not in the table,
        or the table has frames beyond the clip's last image (a video's length is not known).
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.rows: dict[str, dict[int, tuple[int, int, np.ndarray]]] = {}  # clip -> frame -> (line, faces, points)
        try:
            text = self.path.read_text(encoding="utf-8-sig", errors="surrogateescape")
        except OSError as error:
            raise MicroExpError(path, "a table of points", f"one that cannot be read ({error.strerror})") from None
        self._digest = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
        table = csv.reader(io.StringIO(text, newline=""))
        try:
            columns = next(table, [])
            known = {"clip", "frame", "faces", *COORDINATES}
            for what, names in {
                "no": [name for name in ("clip", "frame", *COORDINATES) if name not in columns],
                "also": [name for index, name in enumerate(columns) if name not in known or name in columns[:index]],
            }.items():
                if names:
                    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
                    raise MicroExpError(
                        f"{path}, line 1",
                        "the columns clip, frame, faces, x_0 to x_67, y_0 to y_67",
                        f"{what} {', '.join(map(repr, names[:3]))}{more}",
                        "Compare with what the command detect --out writes.",
                    )
            for values in table:
                self._add(table.line_num, dict(zip(columns, values, strict=False)), len(values), len(columns))
        except csv.Error as error:
            raise MicroExpError(f"{path}, line {table.line_num}", "a row of a table", f"none ({error})") from None

    def identity(self) -> str:
        """Name the table by all that it says."""
        return f"table {self._digest}"

    def _add(self, line: int, row: Mapping[str, str], values: int, columns: int) -> None:
        where = f"{self.path}, line {line}"
        if values != columns:
            raise MicroExpError(where, f"{columns} values", str(values), "Complete the row or remove it.")
        frame, faces = (_number(where, row, name, least=0, whole=True) for name in ("frame", "faces"))
        points = np.array([_number(where, row, name) for name in COORDINATES], np.int32).reshape(2, POINTS).T
        if not faces and points.any():
            raise MicroExpError(where, "1 in the column faces of a frame with points", "0", "Correct it.")
        frames = self.rows.setdefault(from_cell(row["clip"]), {})
        if frame in frames:
            raise MicroExpError(
                where,
                "every frame once",
                f"frame {frame} of {row['clip']} also in line {frames[frame][0]}",
                "Remove one of them.",
            )
        frames[frame] = line, faces, points

    def __call__(self, clip: Clip, images: Sized) -> Landmarks:
        """Return the points of a clip; of `images` only the number counts."""
        if clip.id not in self.rows:
            raise MicroExpError(self.path, f"rows for the clip {clip.id} ({clip.path})", "none", "Add them.")
        count = len(images)
        length = len(clip.images) or float("inf")
        found = Landmarks(np.full(count, UNKNOWN, np.int32), np.zeros((count, POINTS, 2), np.int32))
        for frame, (line, faces, points) in self.rows[clip.id].items():
            if frame >= length:
                raise MicroExpError(
                    f"{self.path}, line {line}",
                    f"a frame from 0 to {length - 1} of {clip.id}",
                    str(frame),
                    "Count from 0 within the clip, in the order of its images.",
                )
            if frame < count:
                found.faces[frame], found.points[frame] = faces, points
        return found


def _number(where: str, row: Mapping[str, str], name: str, least: int = -(2**30), whole: bool = False) -> int:
    """Read a whole number from a column, or round one; `faces` may be left out."""
    text = row.get(name, "1")
    try:
        value = float(text)
        if least <= value <= 2**30 and not (whole and value % 1):  # NaN is not
            return int(np.floor(value + 0.5))
    except ValueError:
        pass
    kind = "a whole number from 0" if whole else "a number of pixels"
    raise MicroExpError(f"{where}, column {name}", kind, repr(text), "Correct it.")
