"""One walk over a data folder: what lies in each folder below it, and in which order frames follow each other."""

import functools
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microexp_keras.errors import Issue
from microexp_keras.synthetic import MARK_FILE as SYNTHETIC_MARK

FRAME_SUFFIXES = (".bmp", ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
VIDEO_SUFFIXES = (
    *(".avi", ".mp4", ".mov", ".mkv", ".webm", ".wmv", ".flv", ".mpg", ".mpeg", ".m4v", ".3gp", ".ogv", ".ts", ".mts"),
)

# Hidden files and folders, what systems and programs leave behind, and SMIC's clips without an expression.
NOT_READ = re.compile(
    r"\..*|~\$.*|thumbs\.db|ehthumbs.*\.db|desktop\.ini|picasa\.ini|__macosx|@eadir|#recycle|.*:?zone\.identifier"
    r"|non[\W_]*micro",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Folder:
    """What a person sees in a folder, by names in natural order."""

    path: Path
    above: tuple[str, ...]  # the folders above, from that which the user named to the parent
    parent: str  # the last of these, "" of that which the user named
    name: str
    files: tuple[str, ...]
    children: tuple[str, ...]  # the folders in it
    images: tuple[str, ...]  # of the files
    videos: tuple[str, ...]

    @property
    def frames(self) -> tuple[Path, ...]:
        """Paths of its images."""
        return tuple(self.path / name for name in self.images)

    @property
    def fault(self) -> Issue | None:
        """What else lies in the folder of a clip, which stops training, or that it is empty."""
        if strange := [*self.children, *(name for name in self.files if not name.lower().endswith(FRAME_SUFFIXES))]:
            text = f"holds {', '.join(strange[:3])}, where only frames ({', '.join(FRAME_SUFFIXES)}) are read"
            return Issue("error", str(self.path), text, "Remove it from the folder.")
        if not self.files:
            return Issue("warning", str(self.path), "is empty, so there is one clip less", "Restore its frames.")
        return None


# By their paths, in natural order; the first is the one that the user named.
Folders = Mapping[Path, Folder]


def look(path: Path) -> Folder:
    """Look at one folder."""
    return next(walk(path))


def walk(root: Path) -> Iterator[Folder]:
    """Walk over a folder, following links but none back up; nothing below `non_micro` or a synthetic tree is seen."""
    walked = set()
    for path, children, files in os.walk(root, followlinks=True, onerror=_fail):
        folder, real = Path(path), os.path.realpath(path)
        if real in walked or (SYNTHETIC_MARK in files and folder != root):  # generated clips are read where named
            children.clear()
            continue
        walked.add(real)
        children[:], shown = _in_order(children), _in_order(files)
        *above, name = (os.path.basename(os.path.abspath(root)), *folder.relative_to(root).parts)
        images, videos = (
            tuple(file for file in shown if file.lower().endswith(kinds)) for kinds in (FRAME_SUFFIXES, VIDEO_SUFFIXES)
        )
        yield Folder(folder, tuple(above), above[-1] if above else "", name, shown, tuple(children), images, videos)


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted((name for name in names if not NOT_READ.fullmatch(name)), key=natural_order))


def _fail(error: OSError) -> None:
    raise error


@functools.lru_cache(maxsize=100_000)  # the frames of all clips often have the same names
def natural_order(name: str) -> tuple[list[int | str], str]:
    """Sort key that compares the numbers in a name by value: `image9` before `image10`."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", str(name))], str(name)


def frame_numbers(images: Sequence[Path]) -> list[int | None]:
    """Number each image of a folder by the last number in the names that tells most apart: 7 of `f_0007_360x288`."""
    found = [[*map(int, re.findall(r"\d+", image.stem))] for image in images]
    columns = [*zip(*found, strict=True)] if len({*map(len, found)}) == 1 else []
    if columns:
        return [*max(reversed(columns), key=lambda column: len({*column}))]
    return [numbers[-1] if numbers else None for numbers in found]


def places_of(images: Sequence[Path]) -> dict[Any, int]:
    """Position of each image of a folder by its number; of several with one number the last."""
    return {number: place for place, number in enumerate(frame_numbers(images)) if number is not None}


def span_of(numbers: Collection[int]) -> str:
    """`frames 1 to 20`."""
    return f"frames {min(numbers)} to {max(numbers)}" if numbers else "frames without numbers in their names"


def subject_name(number: int | str) -> str:
    """Write a subject as protocol lists do: `s03`."""
    return f"s{int(number):02d}"
