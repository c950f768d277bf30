"""From a folder and options to the one tree that is meant, and its table of clips. No pixel is read."""

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from microexp_keras.datasets import casme2, coded, smic
from microexp_keras.datasets import table as own_table
from microexp_keras.datasets.clips import Clip, Request, Table
from microexp_keras.datasets.database import DATABASES, EXPRESSIONS, FOREIGN, LABELS, Database, get_database
from microexp_keras.datasets.scan import SYNTHETIC_MARK, Folder, Folders, scan
from microexp_keras.datasets.table import WRITE_ONE, is_table
from microexp_keras.errors import MicroExpError
from microexp_keras.text import either

READERS = {"smic": smic, "casme2": casme2, "casmeii": coded, "samm": coded}
"""What knows the folders of a database: `trees` finds its trees, `read` adds clips and issues of one to a table."""


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
    table = read_table(root, dataset, frames, layout=layout, camera=camera, labels=labels, expressions=expressions)
    return table.clips


def read_table(
    root: str | Path,
    dataset: str | Database = "smic",
    frames: int | None = None,
    strict: bool = True,
    **options: str | None,
) -> Table:
    """Find the clips of a database below a folder, and what else is worth saying about it.

    Arguments are as of `find_clips`. Errors are raised, all at once, unless `strict` is False: then they are among the
    issues.
    """
    database, root = get_database(dataset), Path(root)
    table, folders, chosen = choose_tree(root, database, **options)
    labels, expressions = options.get("labels"), options.get("expressions") or "all"
    request = Request(root, folders, chosen, labels, expressions, frames or database.frames)
    try:
        with _readable(root):
            (own_table if database.is_table else READERS[database.name]).read(request, table)
            if not database.is_table:
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
    return [database for database in DATABASES.values() if READERS[database.name].trees(folders, database)]


def find_dataset(root: str | Path) -> str:
    """Return the name of the one database whose clips lie below `root`; see `databases_in`."""
    found = databases_in(root)
    if len(found) > 1:
        raise MicroExpError(
            root,
            f"holds clips of {' and '.join(database.title for database in found)}",
            f"Say which with --dataset ({' or '.join(one.name for one in found)}), or point at its folder.",
        )
    if not found:
        raise _nothing(Path(root), _folders(Path(root)), [*DATABASES.values()])
    return found[0].name


def choose_tree(
    root: Path,
    database: Database,
    layout: str | None = None,
    camera: str | None = None,
    labels: str | None = None,
    expressions: str | None = None,
) -> tuple[Table, Folders, list[Folder]]:
    """Find the one tree that is meant: its table, all folders below the root, and those of the tree."""
    if database.is_table:
        if not is_table(root) or not root.is_file():
            raise MicroExpError(root, "is no table of clips", WRITE_ONE)
        return Table(database, root, "table"), {}, []
    folders = _folders(root)
    trees: dict[tuple[str, str | None], list[Folder]] = {}
    for name, some in READERS[database.name].trees(folders, database).items():
        for folder in some:
            trees.setdefault((name, _camera(folder, database)), []).append(folder)
    if not trees:
        raise _nothing(root, folders, [database])
    found = ", ".join(
        f"{name}{f' ({lens})' if lens else ''} in {_common(some)}" for (name, lens), some in trees.items()
    )
    meant = {key: some for key, some in trees.items() if layout in (None, key[0]) and camera in (None, key[1])}
    names = [*dict.fromkeys(name for name, _ in meant)]
    lenses = [lens for lens in database.cameras if any(lens == key[1] for key in meant)]
    if not meant:
        wanted = " ".join(filter(None, [layout, camera]))
        raise MicroExpError(root, f"holds no tree {wanted}, but {found}", "Ask for one that is there.")
    if len(names) > 1 or len(lenses) > 1:
        either_camera = f"--camera ({' or '.join(lenses)}; the paper used HS)"
        option = f"--layout ({' or '.join(names)})" if len(names) > 1 else either_camera
        raise MicroExpError(root, f"holds several trees: {found}", f"Say which with {option}, or point at its folder.")
    chosen = [folder for some in meant.values() for folder in some]
    table = Table(database, _common(chosen), names[0], lenses[0] if lenses else None)
    annotated = table.layout in database.annotated
    for option, value, values in (("--labels", labels, LABELS), ("--expressions", expressions, EXPRESSIONS)):
        if value is not None and not (annotated and value in values):
            text = f"takes {either(values)}" if annotated else f"means nothing with the tree {table.layout}"
            raise MicroExpError(f"{option} {value}", f"{text} in {table.root}", "Change or drop this option.")
    return table, folders, chosen


def _folders(root: Path) -> Folders:
    if not os.path.isdir(root):
        if not os.path.isfile(root):
            raise MicroExpError(root, "does not exist", "Check the path.")
        packed = root.suffix.lower() in (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz")
        hint = "Unpack it, and name the folder." if packed else WRITE_ONE
        raise MicroExpError(root, "is a file, not the folder of a database", hint)
    with _readable(root):
        return scan(root)


def _camera(folder: Folder, database: Database) -> str | None:
    """HS, VIS or NIR in the deepest name that has one of them, where a database has cameras."""
    names = reversed([*folder.above, folder.name])
    words = (word for name in names for word in re.split(r"[^A-Z]+", name.upper()) if word in database.cameras)
    return next(words, None)


def _nothing(root: Path, folders: Folders, wanted: Sequence[Database]) -> MicroExpError:
    """Say that there are no clips, and what was seen instead."""
    titles = either(database.title for database in wanted)
    names = {name for folder in folders.values() for name in (folder.name, *folder.children, *folder.files[:3])}
    for title, pattern in FOREIGN.items():
        if any(re.fullmatch(pattern, name, re.IGNORECASE) for name in names):
            return MicroExpError(root, f"holds clips of {title}, for which there is no reader", WRITE_ONE)
    videos = [f"{folder.name}/{name}" for folder in folders.values() for name in folder.videos]
    if coded := [name for name in videos if re.match(r"sub\d+/EP", name)]:
        found = f"holds CASME II as videos ({coded[0]}), which are compressed and not read"
        hint = "Unpack CASME2_RAW_selected or Cropped, the folders of images, beside the workbook."
    elif any((path / name / SYNTHETIC_MARK).is_file() for path, one in folders.items() for name in one.children):
        found = f"holds no clips of {titles} but synthetic ones"
        hint = "Name the folder of the synthetic clips to use them."
    elif not videos and not any(folder.images for folder in folders.values()):
        found = f"holds no clips of {titles}, and no image or video at all"
        hint = "Unpack the database there; data/README.md shows the trees that are read."
    else:
        found = f"holds no clips of {titles} in a tree that is known"
        hint = f"data/README.md shows the trees that are read. There is no reader for other folders. {WRITE_ONE}"
    return MicroExpError(root, found, hint)


@contextlib.contextmanager
def _readable(root: Path) -> Iterator[None]:
    """Raise a MicroExpError that names the file or folder which the system does not let us read."""
    try:
        yield
    except OSError as error:
        found = f"could not be read ({error.strerror})"
        raise MicroExpError(error.filename or root, found, "Change its permissions, or restore it.") from error


def _common(folders: Sequence[Folder]) -> Path:
    return Path(os.path.commonpath([folder.path for folder in folders]))
