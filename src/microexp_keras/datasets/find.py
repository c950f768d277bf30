"""From a folder and options to the one tree that is meant, and its table of clips. No pixel is read."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from microexp_keras.datasets import casme2, coded, smic
from microexp_keras.datasets import table as own_table
from microexp_keras.datasets.clips import SYNTHETIC_MARK, Clip, Folder, Folders, Table, walk
from microexp_keras.datasets.database import DATABASES, EXPRESSIONS, FOREIGN, LABELS, Database, get_database
from microexp_keras.datasets.table import WRITE_ONE
from microexp_keras.errors import MicroExpError
from microexp_keras.text import either

# What knows the folders of a database: `trees` yields those of its trees, `read` adds clips and issues to a table.
READERS: dict[str, Any] = {"smic": smic, "casme2": casme2, "casmeii": coded, "samm": coded}


def find_clips(
    root: str | Path,
    dataset: str | Database = "smic",
    layout: str | None = None,
    camera: str | None = None,
    labels: str | None = None,
    expressions: str | None = None,
    frames: int | None = None,
) -> list[Clip]:
    """Find the clips of a database below a folder.

    Parameters
    ----------
    root : str or Path
        The unpacked database, or any folder above or inside it that holds the clips and their workbook; of a user's
        own database the table of its clips. Synthetic clips are found only in or below the folder that holds them.
    dataset : str or Database
        `"smic"`, `"casme2"` (CAS(ME)^2), `"casmeii"` (CASME II), `"samm"`, or one of the user's own: see
        `datasets.own_database`.
    layout : str, optional
        Which tree to read where there are several; one of the database's `layouts`. By default the only one there is.
    camera : str, optional
        `"HS"`, `"VIS"` or `"NIR"`: which of SMIC's cameras where there are several.
    labels : str, optional
        Of the annotated trees of CAS(ME)^2: `"emotion"`, the estimated emotion, `"self-report"`, what the subject
        said, or `"video"`, the emotion that the watched video was chosen to elicit. By default the estimated emotion
        if its column holds emotions, else the self-report.
    expressions : str, optional
        Of the annotated trees of CAS(ME)^2: `"all"` (the default), `"micro"` or `"macro"`.
    frames : int, optional
        The length of the window that is cut from a long recording of CAS(ME)^2, by default `Database.frames`. All
        other clips are whole.

    Returns
    -------
    list of Clip
        By class in the order of the database's `class_names`, within a class in natural order of their names (`s2`
        before `s10`).

    Raises
    ------
    MicroExpError
        If the folder is missing, anything in it is not as described in data/README.md, or it is not clear which tree
        is meant.
    """
    return read_table(root, dataset, frames, True, layout, camera, labels, expressions).clips


def read_table(
    root: str | Path,
    dataset: str | Database = "smic",
    frames: int | None = None,
    strict: bool = True,
    layout: str | None = None,
    camera: str | None = None,
    labels: str | None = None,
    expressions: str | None = None,
) -> Table:
    """Find clips as `find_clips` does, and what else is worth saying of them; errors are raised if `strict`."""
    database, root = get_database(dataset), Path(root)
    if database.is_table:
        table = own_table.read(root, database)
    else:
        table, folders, chosen = choose_tree(root, database, layout, camera)
        annotated = table.layout in database.annotated
        for option, value, values in (("--labels", labels, LABELS), ("--expressions", expressions, EXPRESSIONS)):
            if value is not None and not (annotated and value in values):
                text = f"takes {either(values)}" if annotated else f"means nothing with the tree {table.layout}"
                raise MicroExpError(f"{option} {value}", f"{text} in {table.root}", "Change or drop this option.")
        more = {"labels": labels, "expressions": expressions or "all", "frames": frames or database.frames}
        try:
            READERS[database.name].read(table, folders, chosen, **(more if annotated else {}))
            _note_beside(table, folders, chosen)
            table.settle()
        except MicroExpError as error:
            table.issues += error.issues
    if strict and table.errors:
        look = f"python -m microexp_keras.datasets check {root}"
        raise MicroExpError.of(root, table.errors, f"Correct these; {look} lists them again.")
    return table


def databases_in(root: str | Path) -> list[Database]:
    """List the databases whose clips lie below a folder; synthetic ones below it do not count."""
    folders = _folders(Path(root))
    return [database for database in DATABASES.values() if any(READERS[database.name].trees(folders, database))]


def find_dataset(root: str | Path) -> str:
    """Return the name of the one database whose clips lie below `root`; see `databases_in`."""
    found = databases_in(root)
    if not found:
        raise _nothing(_folders(Path(root)), [*DATABASES.values()])
    if len(found) > 1:
        names, titles = (" or ".join(one.name for one in found), " and ".join(one.title for one in found))
        raise MicroExpError(
            root, f"holds clips of {titles}", f"Say which with --dataset ({names}), or point at its folder."
        )
    return found[0].name


def choose_tree(
    root: Path, database: Database, layout: str | None = None, camera: str | None = None
) -> tuple[Table, Folders, list[Folder]]:
    """Find the one tree that is meant: its table, all folders below the root, and those of the tree."""
    folders = _folders(root)
    trees: dict[tuple[str, str | None], list[Folder]] = {}
    for name, folder in READERS[database.name].trees(folders, database):
        trees.setdefault((name, _camera(folder, database)), []).append(folder)
    if not trees:
        raise _nothing(folders, [database])
    meant = {key: some for key, some in trees.items() if layout in (None, key[0]) and camera in (None, key[1])}
    layouts = [*dict.fromkeys(name for name, _ in meant)]
    cameras = [name for name in database.cameras if any(name == key[1] for key in meant)]
    if not meant or len(layouts) > 1 or len(cameras) > 1:
        found = ", ".join(
            f"{name}{f' ({lens})' if lens else ''} in {_common(some)}" for (name, lens), some in trees.items()
        )
        if not meant:
            wanted = " ".join(filter(None, [layout, camera]))
            raise MicroExpError(root, f"holds no tree {wanted}, but {found}", "Ask for one that is there.")
        which = f"--camera ({' or '.join(cameras)}; the paper used HS)"
        if len(layouts) > 1:
            which = f"--layout ({' or '.join(layouts)})"
        raise MicroExpError(root, f"holds several trees: {found}", f"Say which with {which}, or point at its folder.")
    chosen = [folder for some in meant.values() for folder in some]
    table = Table(database, _common(chosen), layouts[0], next(iter(cameras), None))
    return table, folders, chosen


def _folders(root: Path) -> Folders:
    if root.is_file():
        packed = root.suffix.lower() in (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz")
        hint = "Unpack it, and name the folder." if packed else WRITE_ONE
        raise MicroExpError(root, "is a file, not the folder of a database", hint)
    if not root.is_dir():
        raise MicroExpError(root, "does not exist", "Check the path.")
    return {folder.path: folder for folder in walk(root)}


def _camera(folder: Folder, database: Database) -> str | None:
    """HS, VIS or NIR in the deepest name that has one of them, where a database has cameras."""
    names = reversed([*folder.above, folder.name])
    words = (word for name in names for word in re.split(r"[^A-Z]+", name.upper()) if word in database.cameras)
    return next(words, None)


def _note_beside(table: Table, folders: Folders, chosen: Sequence[Folder]) -> None:
    """Note each folder beside those of classes that holds images or videos too."""
    classes, known = table.database.class_names, {folder.path for folder in chosen}
    parents = {folder.path.parent for folder in chosen if folder.name.lower() in classes}
    for path, folder in folders.items():
        beside = known.isdisjoint((path, *path.parents)) and not parents.isdisjoint(path.parents)
        if beside and (folder.images or folder.videos):
            text = f"lies in no folder of the classes {', '.join(classes)}, so it is not read"
            table.warn(path, text, "Rename its folder if that is a class.")


def _nothing(folders: Folders, wanted: Sequence[Database]) -> MicroExpError:
    """Say that there are no clips, and what was seen instead."""
    root, titles = next(iter(folders)), either(database.title for database in wanted)
    names = {name for folder in folders.values() for name in (folder.name, *folder.children, *folder.files[:3])}
    for title, pattern in FOREIGN.items():
        if any(re.fullmatch(pattern, name, re.IGNORECASE) for name in names):
            return MicroExpError(root, f"holds clips of {title}, for which there is no reader", WRITE_ONE)
    if any((path / name / SYNTHETIC_MARK).is_file() for path, one in folders.items() for name in one.children):
        hint = "Name the folder of the synthetic clips to use them."
        return MicroExpError(root, f"holds no clips of {titles} but synthetic ones", hint)
    hint = f"data/README.md shows the trees that are read. There is no reader for other folders. {WRITE_ONE}"
    return MicroExpError(root, f"holds no clips of {titles} in a tree that is known", hint)


def _common(folders: Sequence[Folder]) -> Path:
    return Path(os.path.commonpath([folder.path for folder in folders]))
