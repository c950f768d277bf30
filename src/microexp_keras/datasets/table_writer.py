"""From trees to a table of their clips, as `clip_table` reads it: a composite, or something to start one's own from."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from microexp_keras.atomic import write_text
from microexp_keras.datasets.clips import Clip
from microexp_keras.datasets.folders import frame_number
from microexp_keras.datasets.table_rows import OPTIONAL, REQUIRED
from microexp_keras.datasets.tree import Tree
from microexp_keras.errors import MicroExpError


def write_table(path: Path, trees: Sequence[Tree]) -> None:
    """Write a CSV with a row for each clip; its paths are relative to the table's folder.

    Parameters
    ----------
    path : Path
    trees : sequence of Tree
        Of several the table has the column `database`.

    Raises
    ------
    MicroExpError
        If there is a file already, or a database twice.
    """
    if path.exists():
        raise MicroExpError(path, "the name of a new file", "a file", "Give another --out.")
    titles = [tree.database.title for tree in trees]
    if len(set(titles)) < len(titles):
        raise MicroExpError(path, "every database once", ", ".join(titles), "Name one folder of each.")
    text = io.StringIO()
    columns = [name for name in (*REQUIRED, *OPTIONAL) if name != "database" or len(trees) > 1]
    table = csv.DictWriter(text, columns, restval="", lineterminator="\n", extrasaction="ignore")
    table.writeheader()
    for tree in trees:
        for clip in tree.clips:
            row = {"clip": Path(os.path.relpath(clip.path, path.absolute().parent)).as_posix(), "name": clip.id}
            row |= {"subject": clip.subject, "label": tree.database.class_names[clip.label], **_frames(clip)}
            table.writerow({**row, "database": tree.database.title})
    write_text(path, text.getvalue())


def _frames(clip: Clip) -> dict[str, str]:
    if clip.video:
        last = "" if clip.video.last is None else str(clip.video.last + 1)
        return {"first": str(clip.video.first + 1), "last": last}
    numbers = [frame_number(image) for image in (clip.images[0], clip.images[-1])]
    return {} if None in numbers else {"first": str(numbers[0]), "last": str(numbers[1])}
