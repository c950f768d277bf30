"""From a folder on the disk to clips: which frames, of which subject, of which class. `check` alone reads pixels."""

import argparse
import contextlib
import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microexp_keras.datasets.clips import SYNTHETIC_MARK, SYNTHETIC_NOTE, Clip, Video, are_synthetic
from microexp_keras.datasets.database import CASME2, DATABASES, SMIC, Database, get_database
from microexp_keras.datasets.tree import Layout, Problem, Tree
from microexp_keras.errors import MicroExpError

if TYPE_CHECKING:
    from microexp_keras.datasets.folders import Place

__all__ = [
    "CASME2",
    "DATABASES",
    "LABELS",
    "OPTIONS",
    "SMIC",
    "SYNTHETIC_MARK",
    "SYNTHETIC_NOTE",
    "Clip",
    "Database",
    "Layout",
    "Problem",
    "Tree",
    "Video",
    "add_options",
    "are_synthetic",
    "chosen_options",
    "find_clips",
    "find_dataset",
    "find_layout",
    "get_database",
    "read_tree",
    "require_dataset",
    "synthesize",
    "synthetic_folder",
]

LABELS = ("emotion", "self-report", "video")
"""What the classes of CAS(ME)^2's annotated trees can be taken from."""

OPTIONS = ("layout", "camera", "labels", "expressions")
"""Options of `find_clips` that say which of several things in a data folder are meant."""

_TITLES = [database.title for database in DATABASES.values()]


def chosen_options(args: argparse.Namespace) -> dict[str, str]:
    """Return those of the `OPTIONS` that a parsed command line gives, as a dict."""
    return {name: getattr(args, name) for name in OPTIONS if getattr(args, name) is not None}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the `OPTIONS` to an `argparse` parser; those left out are None."""
    layouts = sorted({name for database in DATABASES.values() for name in database.layouts})
    parser.add_argument("--layout", choices=layouts, help="which tree, where there are several")
    parser.add_argument("--camera", choices=("HS", "VIS", "NIR"), help="SMIC: which camera, where there are several")
    parser.add_argument(
        "--labels",
        choices=LABELS,
        help="CAS(ME)^2: estimated emotion (default), self-report, or the emotion that the video should elicit",
    )
    parser.add_argument("--expressions", choices=("all", "micro", "macro"), help="CAS(ME)^2: which (default: all)")


def require_dataset(name: str | None) -> None:
    """Refuse a command that does not say which database its clips are of."""
    if name is None:
        names = " or ".join(DATABASES)
        raise MicroExpError(f"--dataset: expected {names}, received nothing. Say which database the clips are of.")


def find_clips(
    root: str | Path,
    dataset: str = "smic",
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
        The unpacked database, or any folder above or inside it that holds the clips and their workbook.
    dataset : str
        `"smic"` or `"casme2"`.
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
    dataset: str = "smic",
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
        If there are clips of none, or of both.
    """
    found = [dataset for dataset in DATABASES if _scan(root, dataset)]
    if len(found) > 1:
        raise MicroExpError(
            root,
            "the clips of one database",
            str(" and ".join(_TITLES)),
            f"Say which with --dataset ({' or '.join(found)}), or point at its folder.",
        )
    if not found:
        raise MicroExpError(
            root,
            f"the clips of {' or '.join(_TITLES)}",
            "none",
            "See data/README.md for the trees that are read.",
        )
    return found[0]


def read_tree(
    root: str | Path,
    dataset: str = "smic",
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
    from microexp_keras.datasets import folders

    place, chosen = _choose(root, dataset, layout, camera, labels, expressions)
    findings = folders.Findings(strict)
    options = folders.Chosen(
        Path(root),
        place,
        chosen,
        labels or "emotion",
        expressions or "all",
        DATABASES[dataset].frames if frames is None else frames,
    )
    with _readable(root):
        clips, workbook, rows = _reader(dataset).read(options, findings)
    return Tree(dataset, place, clips, workbook, rows, dict(findings.left_out), findings.problems)


def _choose(
    root: str | Path, dataset: str, layout: str | None, camera: str | None, labels: str | None, expressions: str | None
) -> tuple[Layout, list["Place"]]:
    from microexp_keras.datasets import folders

    places = _scan(root, dataset)
    _one_of("layout", layout, (None, *DATABASES[dataset].layouts))
    _one_of("camera", camera, (None, *folders.CAMERAS) if dataset == "smic" else (None,))
    if not places:
        raise MicroExpError(
            root,
            (
                f"the clips of {DATABASES[dataset].title}, such as in folders "
                f"{', '.join(DATABASES[dataset].class_names)}"
            ),
            "none",
            "See data/README.md for the trees that are read.",
        )
    with _readable(root):
        place, chosen = folders.choose_layout(Path(root), places, layout, camera)
    annotated = dataset == "casme2" and place.name != "flat"
    _one_of("labels", labels, (None, *LABELS) if annotated else (None,), place)
    _one_of("expressions", expressions, (None, "all", "micro", "macro") if annotated else (None, "all"), place)
    return place, chosen


def _scan(root: str | Path, dataset: str) -> list["Place"]:
    root = Path(root)
    if not root.is_dir():
        found = "a file" if root.exists() else "nothing"
        raise MicroExpError(
            root,
            "the folder of the clips",
            found,
            "See data/README.md.",
        )
    with _readable(root):
        return _reader(dataset).scan(root)


def _reader(dataset: str) -> Any:
    _one_of("dataset", dataset, tuple(DATABASES))
    return importlib.import_module(f"microexp_keras.datasets.{dataset}")


def _one_of(name: str, value: str | None, values: Sequence[str | None], layout: Layout | None = None) -> None:
    if value not in values:
        where = f" for the tree {layout.name} in {layout.root}" if layout else ""
        known = ", ".join(map(str, filter(None, values)))
        raise MicroExpError(f"{name}: expected {f'one of {known}' if known else 'none'}{where}, received {value!r}.")


@contextlib.contextmanager
def _readable(root: str | Path) -> Iterator[None]:
    """Name a file or folder that the system does not let us read."""
    try:
        yield
    except OSError as error:
        raise MicroExpError(
            f"{error.filename or root}: could not be read ({error.strerror}). Change its permissions, or restore it."
        ) from error


def synthesize(dataset: str, root: str | Path, seed: int = 0, layout: str = "flat") -> Path:
    """Write synthetic clips in a tree and the numbers of a database.

    Parameters
    ----------
    dataset : str
        `"smic"` or `"casme2"`.
    root : str or Path
        A folder that does not exist yet.
    seed : int
        The same seed gives the same clips.
    layout : str
        Of CAS(ME)^2: `"flat"`, one video for each clip as the original programs want them, or `"rawvideo"`, long
        recordings with a workbook as distributed. SMIC is always written in the distributed tree.

    Returns
    -------
    Path
        `root`.
    """
    if dataset == "smic":
        from microexp_keras.datasets.synthetic import smic as synthetic

        return synthetic.write_smic(root, seed)
    from microexp_keras.datasets.synthetic import casme2 as synthetic_casme2

    return synthetic_casme2.write_casme2(root, seed, layout)


def synthetic_folder(dataset: str) -> Path:
    """Where the commands keep generated clips: `data/synthetic-DATASET` in the current folder, written if missing."""
    folder = Path("data") / f"synthetic-{dataset}"
    return folder.resolve() if folder.exists() else synthesize(dataset, folder).resolve()
