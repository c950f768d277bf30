"""One walk over a data folder: what lies in each folder below it, and in which order frames follow each other."""

import functools
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from microexp_keras.errors import Issue, MicroExpError
from microexp_keras.synthetic import MARK_FILE as SYNTHETIC_MARK
from microexp_keras.text import counted

FRAME_SUFFIXES = (".bmp", ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
VIDEO_SUFFIXES = (
    *(".avi", ".mp4", ".mov", ".mkv", ".webm", ".wmv", ".flv", ".mpg", ".mpeg", ".m4v", ".3gp", ".ogv", ".ts", ".mts"),
)

LEFT_BEHIND = re.compile(
    r"\..*|~\$.*|thumbs\.db|ehthumbs.*\.db|desktop\.ini|picasa\.ini|__macosx|@eadir|#recycle|.*:?zone\.identifier",
    re.IGNORECASE,
)
"""Hidden files and folders, and what systems and programs leave behind."""

NOT_MICRO = re.compile(r"non[\W_]*micro", re.IGNORECASE)


@dataclass(frozen=True)
class Folder:
    """What a person sees in a folder."""

    path: Path
    above: tuple[str, ...]  # names of the folders above, from that which the user named to the parent
    name: str
    files: tuple[str, ...]
    children: tuple[str, ...]  # names of the folders in it

    @property
    def images(self) -> list[str]:
        """Names of the images, in no order."""
        return [name for name in self.files if name.lower().endswith(FRAME_SUFFIXES)]

    @property
    def videos(self) -> list[str]:
        """Names of the videos, in natural order."""
        return sorted((name for name in self.files if name.lower().endswith(VIDEO_SUFFIXES)), key=natural_order)

    @property
    def parent(self) -> str:
        """Name of the folder above, "" of that which the user named."""
        return self.above[-1] if self.above else ""


Folders = Mapping[Path, Folder]
"""By their paths, in natural order."""


def scan(root: Path) -> dict[Path, Folder]:
    """Walk over a folder, following links but none back up; nothing below `non_micro` or a synthetic tree is seen."""
    found: dict[Path, Folder] = {}
    walked = set()

    def fail(error: OSError) -> None:
        raise error

    for path, children, files in os.walk(root, followlinks=True, onerror=fail):
        folder, real = Path(path), os.path.realpath(path)
        if real in walked or (SYNTHETIC_MARK in files and folder != root):  # generated clips are read where named
            children.clear()
            continue
        walked.add(real)
        shown = (name for name in children if not LEFT_BEHIND.fullmatch(name) and not NOT_MICRO.fullmatch(name))
        children[:] = sorted(shown, key=natural_order)
        above = found[folder.parent] if folder != root else None
        found[folder] = Folder(
            folder,
            (*above.above, above.name) if above else (),
            folder.name if above else os.path.basename(os.path.abspath(root)),
            tuple(name for name in files if not LEFT_BEHIND.fullmatch(name)),
            tuple(children),
        )
    return found


def look(path: Path) -> Folder:
    """Look at one folder."""
    with os.scandir(path) as entries:
        seen = [entry for entry in entries if not LEFT_BEHIND.fullmatch(entry.name)]
    children = tuple(entry.name for entry in seen if entry.is_dir())
    return Folder(path, (), path.name, tuple(entry.name for entry in seen if entry.name not in children), children)


def below(folders: Folders, folder: Folder) -> Iterator[Folder]:
    """Yield a folder and all below it."""
    yield folder
    for name in folder.children:
        if child := folders.get(folder.path / name):
            yield from below(folders, child)


def frames_of(folder: Folder) -> tuple[Path, ...]:
    """The images of a clip in the order of their numbers."""
    return tuple(folder.path / name for name in sorted(folder.images, key=natural_order))


def fault_of(folder: Folder) -> Issue | None:
    """Say what else lies in the folder of a clip, which stops training, or that it is empty."""
    strange = sorted({*folder.files, *folder.children} - {*folder.images}, key=natural_order)
    if strange:
        text = f"holds {', '.join(strange[:3])}, where only frames ({', '.join(FRAME_SUFFIXES)}) are read"
        return Issue("error", str(folder.path), text, "Remove it from the folder.")
    if not folder.images:
        return Issue("warning", str(folder.path), "is empty, so there is one clip less", "Restore its frames.")
    return None


def frame_files(path: Path) -> list[Path]:
    """List the images of one clip in the order of their numbers; an error if there are none, or something else."""
    folder = look(path)
    if not folder.images:
        raise MicroExpError(path, "expected the frames of a clip, found none", "Name another folder, or restore them.")
    if fault := fault_of(folder):
        raise MicroExpError(fault.where, fault.text, fault.hint)
    return [*frames_of(folder)]


@functools.lru_cache(maxsize=100_000)  # the frames of all clips often have the same names
def natural_order(name: str) -> tuple[list[int | str], str]:
    """Sort key that compares the numbers in a name by value: `image9` before `image10`."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", str(name))], str(name)


def frame_numbers(images: Sequence[Path]) -> list[int | None]:
    """Number each image of a folder by the last number in the names that tells them apart: 7 of `f_0007_360x288`."""
    found = [re.findall(r"\d+", image.stem) for image in images]
    columns = list(zip(*found, strict=False)) if len({len(numbers) for numbers in found}) == 1 else []
    for least in (len(images), 2):  # the number that is different in all names, or else in some
        for column in reversed(columns):
            if len(set(column)) >= least:
                return [int(number) for number in column]
    return [int(numbers[-1]) if numbers else None for numbers in found]


def places_of(images: Sequence[Path]) -> dict[int, int]:
    """Position of each image of a folder by its number; of several with one number the last."""
    return {number: place for place, number in enumerate(frame_numbers(images)) if number is not None}


def span_of(places: Iterable[int]) -> str:
    """`frames 1 to 20`."""
    numbers = [*places]
    return f"frames {min(numbers)} to {max(numbers)}" if numbers else "frames without numbers in their names"


def beside(folders: Folders, chosen: Sequence[Folder], classes: Sequence[str]) -> Iterator[Issue]:
    """Yield a warning for each folder beside those of the classes that holds images or videos too."""
    known = {folder.path for folder in chosen}
    parents = {path.parent for path in known}
    above = {parent for path in known for parent in path.parents}
    for path, folder in folders.items():
        if path.parent not in parents or path in known | above:
            continue
        if count := sum(bool(one.images or one.videos) for one in below(folders, folder)):
            text = f"is none of the classes {', '.join(classes)}: {counted(count, 'folder')} of it are not read"
            yield Issue("warning", str(path), text, "Rename it if it is a class.")


def subject_name(number: int | str) -> str:
    """Write a subject as protocol lists do: `s03`."""
    return f"s{int(number):02d}"
