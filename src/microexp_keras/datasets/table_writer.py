"""From clips to a table of clips, as `clip_table` reads it: something to start one's own from."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from microexp_keras.atomic import write_text
from microexp_keras.datasets.clips import Clip
from microexp_keras.datasets.folders import frame_number
from microexp_keras.datasets.table_rows import OPTIONAL, REQUIRED
from microexp_keras.errors import MicroExpError


def write_table(path: Path, clips: Sequence[Clip], class_names: Sequence[str]) -> None:
    """Write a CSV with a row for each clip; its paths are relative to the table's folder.

    Parameters
    ----------
    path : Path
    clips : sequence of Clip
    class_names : sequence of str
        Of their labels.

    Raises
    ------
    MicroExpError
        If there is a file already.
    """
    if path.exists():
        raise MicroExpError(path, "the name of a new file", "a file", "Give another --out.")
    text = io.StringIO()
    table = csv.DictWriter(text, (*REQUIRED, *OPTIONAL), restval="", lineterminator="\n")
    table.writeheader()
    for clip in clips:
        row = {"clip": Path(os.path.relpath(clip.path, path.absolute().parent)).as_posix(), "name": clip.id}
        row |= {"subject": clip.subject, "label": class_names[clip.label], **_frames(clip)}
        table.writerow(row)
    write_text(path, text.getvalue())


def _frames(clip: Clip) -> dict[str, str]:
    if clip.video:
        last = "" if clip.video.last is None else str(clip.video.last + 1)
        return {"first": str(clip.video.first + 1), "last": last}
    numbers = [frame_number(image) for image in (clip.images[0], clip.images[-1])]
    return {} if None in numbers else {"first": str(numbers[0]), "last": str(numbers[1])}
