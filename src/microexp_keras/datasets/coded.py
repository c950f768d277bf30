"""CASME II and SAMM: a folder of frames a clip, in that of its subject, and one workbook.

`CASME2_RAW_selected/sub01/EP02_01f/img46.jpg`, `Cropped/sub01/EP02_01f/reg_img46.jpg`; `006/006_1_2/006_05562.jpg`.
CASME II is not to be taken for CAS(ME)^2, which `casme2` reads. Nobody here has seen either database: names of folders,
files and columns, and what is odd in the workbooks, are those that public programs which read them agree on. Three
classes as MEGC 2019 has them (See et al., FG 2019). `databases.toml` says in what the two differ.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from microexp_keras.datasets.clips import Clip, Folder, Folders, Table, places_of, span_of
from microexp_keras.datasets.database import CODINGS, Database
from microexp_keras.datasets.sheets import Row, find_sheet, listed_rows, text_of, whole

COLUMNS = ("subject", "filename", "onsetframe", "apexframe", "offsetframe", "estimatedemotion")


def trees(folders: Folders, database: Database) -> Iterator[tuple[str, Folder]]:
    """Yield the folders of clips with their layouts."""
    coding, found = CODINGS[database.name], dict[str, list[Folder]]()
    for folder in folders.values():
        first = next(iter(folder.images), "")
        of_casme = re.match(r"EP\d+_\d+-\d", first, re.IGNORECASE)  # the first CASME
        if re.fullmatch(coding["subject"], folder.parent, re.IGNORECASE) and not of_casme:
            cropped = first.lower().startswith("reg_") or any("crop" in name.lower() for name in folder.above[1:])
            found.setdefault("cropped" if cropped else "raw", []).append(folder)
    for layout, some in found.items():
        named = any(re.fullmatch(coding["clip"], folder.name, re.IGNORECASE) for folder in some)
        if named and any(folder.images for folder in some):
            yield from ((layout, folder) for folder in some)


def read(table: Table, folders: Folders, chosen: list[Folder]) -> None:
    """Read the clips of the chosen tree."""
    coding = CODINGS[table.database.name]

    def key_of(row: Row) -> str:
        """Subject and clip, of folders too: `sub01`, `"01"` and 1 are the same; "" where one is missing."""
        number, name = re.search(r"\d{1,9}", str(row["subject"])), text_of(row["filename"])
        return f"{coding['subject_name'].format(int(number[0]))}/{name}" if number and name else ""

    clips = table.by_key((key_of({"subject": one.parent, "filename": one.name}), one.path) for one in chosen)
    sheet = find_sheet(table, folders, COLUMNS, lambda row: key_of(row) in clips)
    for where, name, row in listed_rows(table, sheet, clips, key_of):
        subject, place = name.partition("/")[0], f"{name} (row {where.rpartition(' ')[2]})"
        label = table.label_of(place, text_of(row["estimatedemotion"]))
        if label is None:
            continue
        if name in coding["left_out"]:
            table.info(place, "is not among the clips of MEGC 2019, so it is left out")
        elif name not in clips:
            text = f"there is no folder {subject}/{row['filename']}, so there is one clip less"
            table.warn(where, text, "Restore it.")
        elif images := table.frames(folders[clips[name]]):
            clip = coding["clip_id"].format(subject=subject, clip=clips[name].name)
            if shown := _frames(where, row, images, table):
                table.clips.append(Clip(clip, subject, label, shown[0], apex=shown[1]))


def _frames(where: str, row: Row, images: tuple[Path, ...], table: Table) -> tuple[tuple[Path, ...], int | None] | None:
    """Frames from onset to offset, and the apex; where one of these cannot be, they reach to their folder's end."""
    places = places_of(images)
    onset, apex, offset = (places.get(whole(row[name]), -1) for name in ("onsetframe", "apexframe", "offsetframe"))
    said = f"onset {row['onsetframe']!r} and offset {row['offsetframe']!r}"
    if max(onset, offset) < 0:
        text = f"{said} are not among the {span_of(places)} of {images[0].parent}"
        table.error(where, text, "Restore the frames or the workbook.")
        return None
    if onset < 0 or offset < onset:
        text = f"of {said} one is not among the {span_of(places)}: the clip reaches to that end of its folder"
        table.warn(where, text)
    first, last = max(onset, 0), len(images) - 1 if offset < onset else offset
    return images[first : last + 1], apex - first if first <= apex <= last else None
