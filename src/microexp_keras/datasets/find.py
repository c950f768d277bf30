"""From a folder and options to the one tree that is meant, and its clips. No pixel is read."""

import contextlib
import importlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast

from microexp_keras.datasets.clips import Clip
from microexp_keras.datasets.database import DATABASES, Database, get_database
from microexp_keras.datasets.folders import Chosen, Findings, Place, choose_layout
from microexp_keras.datasets.options import EXPRESSIONS, LABELS
from microexp_keras.datasets.tree import Distributed, Layout, Tree
from microexp_keras.errors import MicroExpError
from microexp_keras.text import either


class Reader(Protocol):
    """What the module named by `Database.reader` offers."""

    DISTRIBUTED: Distributed | None

    def scan(self, root: Path) -> list[Place]:
        """List every place below `root` in which clips of the database may be."""

    def read(self, chosen: Chosen, findings: Findings) -> tuple[list[Clip], Path | None, int | None]:
        """Read the chosen tree: its clips, the workbook used, and how many clips that lists."""


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
        own database the table of its clips.
    dataset : str or Database
        `"smic"`, `"casme2"` (CAS(ME)^2), `"casmeii"` (CASME II), `"samm"`, or one of the user's own: see
        `datasets.own_database`.
    layout : str, optional
        Which tree to read where there are several; one of the database's `layouts`. By default the only one there is.
    camera : str, optional
        `"HS"`, `"VIS"` or `"NIR"`: which of SMIC's cameras where there are several.
    labels : str, optional
        Of the annotated trees of CAS(ME)^2: `"emotion"`, the estimated emotion (the default), `"self-report"`, what the
        subject said, or `"video"`, the emotion that the watched video was chosen to elicit.
    expressions : str, optional
        Of the annotated trees of CAS(ME)^2: `"all"` (the default), `"micro"` or `"macro"`.
    frames : int, optional
        How many frames will be read of each clip, and so the length of the window that is cut from a long recording.
        By default what the original programs read, `Database.frames`.

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
    return read_tree(root, dataset, layout, camera, labels, expressions, frames).clips


def find_layout(
    root: str | Path,
    dataset: str | Database = "smic",
    layout: str | None = None,
    camera: str | None = None,
    labels: str | None = None,
    expressions: str | None = None,
) -> Layout:
    """Return the `Layout` that `find_clips` would read with these options: which tree, and where it begins."""
    return _choose(root, dataset, layout, camera, labels, expressions)[0]


def find_dataset(root: str | Path) -> str:
    """Return the name of the database whose clips lie below `root`.

    Raises
    ------
    MicroExpError
        If there are clips of none, or of several.
    """
    databases = [database for name, database in DATABASES.items() if _scan(root, name)]
    if len(databases) > 1:
        names = " or ".join(database.name for database in databases)
        raise MicroExpError(
            root,
            "the clips of one database",
            " and ".join(database.title for database in databases),
            f"Say which with --dataset ({names}), or point at its folder.",
        )
    if not databases:
        titles = either(database.title for database in DATABASES.values())
        raise MicroExpError(root, f"the clips of {titles}", "none", "See data/README.md for the trees that are read.")
    return databases[0].name


def read_tree(
    root: str | Path,
    dataset: str | Database = "smic",
    layout: str | None = None,
    camera: str | None = None,
    labels: str | None = None,
    expressions: str | None = None,
    frames: int | None = None,
    strict: bool = True,
) -> Tree:
    """Find the clips of a database below a folder, and what else is worth saying about it.

    Parameters
    ----------
    root, dataset, layout, camera, labels, expressions, frames
        As in `find_clips`.
    strict : bool
        Whether the first problem that stops training is raised; otherwise all are listed.

    Returns
    -------
    Tree

    Raises
    ------
    MicroExpError
        As in `find_clips`.
    """
    database = get_database(dataset)
    tree, places = _choose(root, database, layout, camera, labels, expressions)
    findings = Findings(strict)
    chosen = Chosen(
        Path(root),
        tree,
        places,
        labels or "emotion",
        expressions or "all",
        database.frames if frames is None else frames,
        database,
    )
    with _readable(root):
        clips, workbook, rows = reader_of(database).read(chosen, findings)
        if not database.is_table:
            _note_links(root, clips, findings)
    return Tree(database, tree, clips, workbook, rows, dict(findings.left_out), findings.problems)


def _note_links(root: str | Path, clips: Sequence[Clip], findings: Findings) -> None:
    """Note the clips of which anything lies outside the folder that the user named: links are followed, but said."""
    top = os.path.join(os.path.realpath(root), "")
    for clip in clips:
        paths = [clip.path, *(path for path in clip.images or [clip.path] if path.is_symlink())]
        outside = [real for path in paths if not (real := os.path.realpath(path)).startswith(top)]
        if outside:
            found = f"a link to {outside[0]}, which is read"
            findings.note("link out of the folder", clip.path, f"files in {root}", found, "Copy what you did not mean.")


def _choose(
    root: str | Path,
    dataset: str | Database,
    layout: str | None,
    camera: str | None,
    labels: str | None,
    expressions: str | None,
) -> tuple[Layout, list[Place]]:
    database = get_database(dataset)
    places = _scan(root, database)
    _one_of("layout", layout, (None, *database.layouts))
    _one_of("camera", camera, (None, *database.cameras))
    if not places:
        folders = f", such as in folders {', '.join(database.class_names)}"
        raise MicroExpError(
            root,
            f"the clips of {database.title}" + folders * ("flat" in database.layouts),
            "none",
            "See data/README.md for the trees that are read.",
        )
    with _readable(root):
        tree, places = choose_layout(Path(root), places, layout, camera)
    if database.is_table:  # its folder may be named like a camera
        tree = tree._replace(camera=None)
    annotated = tree.name in database.annotated
    _one_of("labels", labels, (None, *LABELS) if annotated else (None,), tree)
    _one_of("expressions", expressions, (None, *EXPRESSIONS) if annotated else (None, "all"), tree)
    return tree, places


def _scan(root: str | Path, dataset: str | Database) -> list[Place]:
    root, database = Path(root), get_database(dataset)
    wanted, there = ("table", os.path.isfile(root)) if database.is_table else ("folder", os.path.isdir(root))
    if not there:
        found = "a file" if os.path.isfile(root) else "a folder" if os.path.isdir(root) else "nothing"
        raise MicroExpError(root, f"the {wanted} of the clips", found, "See data/README.md.")
    with _readable(root):
        return reader_of(database).scan(root)


def reader_of(database: Database) -> Reader:
    """Return the module that knows the trees of a database."""
    return cast(Reader, importlib.import_module(database.reader))


def _one_of(name: str, value: str | None, values: Sequence[str | None], layout: Layout | None = None) -> None:
    if value not in values:
        where = f" for the tree {layout.name} in {layout.root}" if layout else ""
        known = ", ".join(map(str, filter(None, values)))
        expected = (f"one of {known}" if known else "none") + where
        raise MicroExpError(name, expected, repr(value), None if known else "Leave it out.")


@contextlib.contextmanager
def _readable(root: str | Path) -> Iterator[None]:
    """Raise a MicroExpError that names the file or folder which the system does not let us read."""
    try:
        yield
    except OSError as error:
        raise MicroExpError(
            error.filename or root,
            found=f"could not be read ({error.strerror})",
            remedy="Change its permissions, or restore it.",
        ) from error
