"""From points to a table with one row for each frame, and back: a user's own points in the place of a detector."""

import hashlib
from collections.abc import Mapping, Sized
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from microexp_keras.atomic import write_text
from microexp_keras.datasets import Clip
from microexp_keras.datasets.sheets import text_table
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks.points import POINTS, UNKNOWN, Landmarks

if TYPE_CHECKING:
    from pandas import DataFrame

COORDINATES = [f"{axis}_{point}" for axis in "xy" for point in range(POINTS)]
COLUMNS = ["clip", "frame", "faces", *COORDINATES]


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
