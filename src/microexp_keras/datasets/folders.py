"""What all readers share: a walk over a tree, which of its databases is meant, frames in order, what was wrong."""

import functools
import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from microexp_keras.datasets.clips import Clip
from microexp_keras.datasets.database import SMIC, Database
from microexp_keras.datasets.tree import Layout, Problem
from microexp_keras.errors import MicroExpError
from microexp_keras.text import counted

LEFT_BEHIND = ("thumbs.db", "desktop.ini", "__macosx")
"""Files and folders that systems leave behind, in lower case."""

FRAME_SUFFIXES = (".bmp", ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
VIDEO_SUFFIXES = (".avi", ".mp4", ".mov", ".mkv")
OTHER_VIDEOS = (".webm", ".wmv", ".flv", ".mpg", ".mpeg", ".m4v", ".3gp", ".ogv", ".ts", ".mts")
"""Videos that are not read: whether OpenCV finds every frame in them by its number was not tried."""

SUBJECT_FOLDER = re.compile(r"s?(\d{1,3})", re.IGNORECASE)


class Place(NamedTuple):
    """A folder or video in which a reader knows clips to be.

    Attributes
    ----------
    layout : str
        Name of the tree that it belongs to.
    root : Path
        Where that tree begins.
    path : Path
        The class folder, clip folder, recording or video.
    """

    layout: str
    root: Path
    path: Path


class Findings:
    """Problems as a reader meets them: all are kept, or the first that stops training is raised.

    Parameters
    ----------
    strict : bool
        Whether to raise a MicroExpError at a problem that stops training.
    """

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.problems: list[Problem] = []
        self.left_out: Counter[str] = Counter()

    def stop(self, kind: str, where: str | Path, expected: str, found: str, remedy: str) -> None:
        """Add what stops training, or raise it."""
        error = MicroExpError(where, expected, found, remedy)
        if self.strict:
            raise error
        self.problems.append(Problem.of(kind, error))

    def note(self, kind: str, where: str | Path, expected: str, found: str, remedy: str) -> None:
        """Add what is worth knowing."""
        error = MicroExpError(where, expected, found, remedy)
        self.problems.append(Problem.of(kind, error, stops_training=False))


@dataclass(frozen=True)
class Chosen:
    """The one tree that is read, and how.

    Attributes
    ----------
    root : Path
        The folder that the user named; workbooks are looked for below it.
    layout : Layout
    places : list of Place
    labels, expressions, frames
        As in `datasets.find_clips`.
    database : Database
    """

    root: Path
    layout: Layout
    places: list[Place]
    labels: str
    expressions: str
    frames: int
    database: Database


@functools.lru_cache(maxsize=10_000)  # the frames of all clips often have the same names
def natural_order(name: str) -> tuple[list[int | str], str]:
    """Sort key that compares the numbers in a name by value: `image9` before `image10`."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", str(name))], str(name)


def walk(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yield `(folder, folders in it, files in it)` at any depth, without hidden ones; folders are in natural order.

    The caller removes from the list of folders what shall not be entered. `non_micro` never is, nor a link back up.
    """
    walked = set()
    for folder, children, files in os.walk(root, followlinks=True, onerror=_raise):
        if os.path.realpath(folder) in walked:
            children.clear()
            continue
        walked.add(os.path.realpath(folder))
        children[:] = sorted(filter(_is_visible, children), key=natural_order)
        children[:] = [child for child in children if re.sub(r"[\W_]", "", child.lower()) != "nonmicro"]
        yield Path(folder), children, list(filter(_is_visible, files))


def visible(folder: Path) -> list[Path]:
    """List what a person sees in a folder: no hidden files, nothing that systems leave behind."""
    return [path for path in folder.iterdir() if _is_visible(path.name)]


def choose_layout(
    root: Path, places: list[Place], layout: str | None, camera: str | None
) -> tuple[Layout, list[Place]]:
    """Take the one tree that is meant.

    Parameters
    ----------
    root : Path
        The folder that the user named.
    places : list of Place
        Of every tree that a reader recognised.
    layout, camera : str or None
        What the user asked for.

    Returns
    -------
    Layout, list of Place

    Raises
    ------
    MicroExpError
        If there is none, or more than one; the message names them and the option that decides.
    """
    trees: dict[tuple[str, str | None], list[Place]] = {}
    for place in places:
        trees.setdefault((place.layout, _camera(root, place.root)), []).append(place)
    found = ", ".join(
        f"{name}{f' ({lens})' if lens else ''} in {_common([place.root for place in some])}"
        for (name, lens), some in trees.items()
    )
    trees = {key: some for key, some in trees.items() if layout in (None, key[0]) and camera in (None, key[1])}
    if not trees:
        wanted = " ".join(filter(None, [layout, camera]))
        raise MicroExpError(
            root,
            f"a tree {wanted}",
            found,
            "Ask for one of these, or for none.",
        )
    names = list(dict.fromkeys(name for name, _ in trees))
    if len(names) > 1:
        raise MicroExpError(
            root,
            "one tree",
            found,
            f"Say which with --layout ({' or '.join(names)}), or point at its folder.",
        )
    cameras = [lens for lens in SMIC.cameras if any(lens == other for _, other in trees)]
    if len(cameras) > 1:
        raise MicroExpError(
            root,
            "the clips of one camera",
            ", ".join(cameras),
            "Say which with --camera, or point at its folder; the paper used HS.",
        )
    chosen = [place for some in trees.values() for place in some]
    name = chosen[0].layout
    return Layout(name, _common([place.root for place in chosen]), cameras[0] if cameras else None), chosen


def frame_files(folder: Path, findings: Findings) -> list[Path]:
    """List the images of a clip in the order of their numbers; whatever else is there is a problem."""
    with os.scandir(folder) as found:
        entries = [entry for entry in found if _is_visible(entry.name)]
    images = [entry for entry in entries if entry.name.lower().endswith(FRAME_SUFFIXES) and entry.is_file()]
    if len(images) < len(entries):
        strange = sorted({entry.name for entry in entries} - {entry.name for entry in images}, key=natural_order)
        findings.stop(
            "strange file",
            folder,
            f"only frames ({', '.join(FRAME_SUFFIXES)})",
            ", ".join(strange[:3]),
            remedy_for(folder / strange[0], "frames"),
        )
    if not images:
        findings.stop(
            "empty clip",
            folder,
            "the frames of a clip",
            "none",
            "Remove the folder or restore the frames.",
        )
    return [folder / name for name in sorted((entry.name for entry in images), key=natural_order)]


def remedy_for(path: Path, wanted: str = "video") -> str:
    """Say what to do with a file that is not read: a video of another kind may be a clip, to be converted.

    Parameters
    ----------
    path : Path
    wanted : str
        What belongs there: a `"video"`, a `"folder"` of frames, or `"frames"`.
    """
    if path.suffix.lower() not in (OTHER_VIDEOS if wanted == "video" else (*VIDEO_SUFFIXES, *OTHER_VIDEOS)):
        return "Move it away."
    old, new = shlex.quote(path.name), shlex.quote(path.stem)
    into = {"video": f"-c:v ffv1 {new}.avi", "folder": f"{new}/%06d.png", "frames": "%06d.png"}[wanted]
    return f"Convert it: {f'mkdir {new}; ' * (wanted == 'folder')}ffmpeg -i {old} {into}; then move it away."


def frame_number(path: Path) -> int | None:
    """Return the last number in an image's name, or None: 443812 of `image443812.jpg`."""
    numbers = re.findall(r"\d+", path.stem)
    return int(numbers[-1]) if numbers else None


def around_apex(first: int, apex: int, last: int, frames: int) -> int:
    """Where so many frames begin that have the apex in their middle, as far as a clip from `first` to `last` allows."""
    return max(first, min(apex - frames // 2, last - frames + 1))


def subject_name(number: int | str) -> str:
    """Write a subject as protocol lists do: `s03`."""
    return f"s{int(number):02d}"


def in_order(clips: Sequence[Clip], classes: Sequence[str], root: Path, findings: Findings) -> list[Clip]:
    """Sort clips by class and natural order of their names; a name twice, or a class without clips, is a problem."""
    seen: dict[str, Clip] = {}
    once = []
    for clip in clips:
        other = seen.setdefault(clip.id, clip)
        if other is clip:
            once.append(clip)
            continue
        findings.stop(
            "repeated name",
            clip.path,
            "every clip once",
            f"{clip.id} also as {other.path}",
            "Point at one copy of the database.",
        )
    for label, name in enumerate(classes):
        if all(clip.label != label for clip in once):
            findings.stop(
                "empty class",
                root,
                f"clips of {', '.join(classes)}",
                f"none of {name}",
                "See data/README.md for the trees that are read.",
            )
    return sorted(once, key=lambda clip: (clip.label, natural_order(clip.id)))


def note_other_classes(
    places: Sequence[Place], classes: Sequence[str], media: Sequence[str], findings: Findings
) -> None:
    """Note the folders beside those of the classes that hold clips too: nothing in them is read.

    Parameters
    ----------
    places : sequence of Place
        The class folders.
    classes : sequence of str
    media : sequence of str
        How the names of images or videos end.
    findings : Findings
    """
    known = {place.path for place in places}
    for parent in sorted({path.parent for path in known}):
        for folder in visible(parent):
            if not folder.is_dir() or folder in known or any(folder in path.parents for path in known):
                continue
            inside = list(walk(folder)) if re.sub(r"[\W_]", "", folder.name.lower()) != "nonmicro" else []
            clips = {path for path, _, files in inside if any(name.lower().endswith(tuple(media)) for name in files)}
            if clips:
                findings.note(
                    "other folder",
                    folder,
                    f"folders of classes ({', '.join(classes)}) only",
                    f"another, with images or videos in {counted(len(clips), 'folder')}",
                    "Nothing in it is read; if it is a class, rename it.",
                )


def _is_visible(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in LEFT_BEHIND


def _camera(root: Path, tree: Path) -> str | None:
    """HS, VIS or NIR, from the deepest folder of that name between the user's folder and the tree."""
    for part in reversed([Path(os.path.abspath(root)).name, *tree.relative_to(root).parts]):
        for word in re.split(r"[^A-Za-z]+", part.upper()):
            if word in SMIC.cameras:
                return word
    return None


def _common(paths: list[Path]) -> Path:
    return Path(os.path.commonpath(paths))


def _raise(error: OSError) -> None:
    raise error
