"""What every reader takes and gives: the folders of one walk over the data, a clip of a face, the table of clips."""

import functools
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from microexp_keras.datasets.database import CODINGS, Database
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


class Video(NamedTuple):
    """Frames of a video file."""

    path: Path
    first: int = 0  #: Number of the frame with which the clip begins; the video's first is 0.
    last: int | None = None  #: Number of the frame with which it ends, None for the end of the video.


@dataclass(frozen=True)
class Clip:
    """One clip of a face."""

    id: str  #: Name of the clip, unique in its data set: `s1_ne_01`.
    subject: str | None  #: Who is seen, as protocol lists write it: `s01`; None where nothing says so.
    label: int  #: Index into the `class_names` of its database.
    frames: tuple[Path, ...] | Video  #: The image files in order of time, or the video.
    #: As its table says, if that has clips of several databases: then people of different ones are different people,
    #: and `subject` begins with its name.
    database: str | None = None
    #: Position of the frame in which the expression is strongest, counted from 0 at the clip's first; None where nobody
    #: annotated it.
    apex: int | None = None

    @property
    def video(self) -> Video | None:
        """The video that holds the frames, None if they are images."""
        return self.frames if isinstance(self.frames, Video) else None

    @property
    def images(self) -> tuple[Path, ...]:
        """The image files in order of time, none if the frames lie in a video."""
        return () if isinstance(self.frames, Video) else self.frames

    @property
    def path(self) -> Path:
        """The folder of the clip's images, or its video file."""
        return self.frames.path if isinstance(self.frames, Video) else self.frames[0].parent

    @property
    def length(self) -> int | None:
        """How many frames it has, None where only decoding the video would tell."""
        if isinstance(self.frames, Video):
            return None if self.frames.last is None else self.frames.last - self.frames.first + 1
        return len(self.frames)

    def frame_name(self, index: int) -> str:
        """Name a frame, counted from the clip's first, for a message."""
        if isinstance(self.frames, Video):
            return f"{self.frames.path}, frame {self.frames.first + index}"
        return str(self.frames[index])


@dataclass
class Table:
    """The clips of one database or of a user's own, and what its reader noticed."""

    database: Database
    root: Path  #: The folder in which the tree begins, or the user's own table.
    layout: str  #: Which tree it is, one of the database's `layouts`.
    camera: str | None = None  #: `"HS"`, `"VIS"` or `"NIR"`, if a folder is named so.
    #: By class in the order of the database's `class_names`, within a class in natural order of their names.
    clips: list[Clip] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)  #: An error stops training.
    workbook: Path | None = None  #: The annotation that was used.
    annotated: int | None = None  #: How many clips it lists.

    def _note(self, level: str, where: object, text: str, hint: str = "") -> None:
        self.issues.append(Issue(level, str(where), text, hint))

    error = functools.partialmethod(_note, "error")  # stops training
    warn = functools.partialmethod(_note, "warning")  # may matter
    info = functools.partialmethod(_note, "info")  # was decided or left out

    @property
    def errors(self) -> list[Issue]:
        """The issues that stop training."""
        return [issue for issue in self.issues if issue.level == "error"]

    def label_of(self, where: str, emotion: str) -> int | None:
        """Return the class of an emotion; one that is none is noted, and if it is not known it may be misspelt."""
        coding = CODINGS[self.database.name]
        if emotion in coding["emotions"]:
            return self.database.class_names.index(coding["emotions"][emotion])
        text = f"is of emotion {emotion or '(none)'}, which is none of the classes, so it is left out"
        if emotion in coding["other_emotions"]:
            self.info(where, text)
        else:
            self.warn(where, text, "If that is another spelling, correct it in the workbook.")
        return None

    def frames(self, folder: Folder) -> tuple[Path, ...]:
        """Return the images of a clip's folder, and note what is wrong with it."""
        self.issues += filter(None, [folder.fault])
        return folder.frames

    def by_key(self, found: Iterable[tuple[str, Path]]) -> dict[str, Path]:
        """Return paths by their keys; one whose key is there already is an error."""
        first: dict[str, Path] = {}
        for key, path in found:
            if first.setdefault(key, path) != path:
                self.error(path, f"is also there as {first[key]}", "Point at one copy of the database.")
        return first

    def check_subject(self, path: Path, above: str, named: str, hint: str) -> None:
        """Note a clip or recording that lies in the folder of another subject than its name says."""
        if int(above) != int(named):
            self.warn(path, f"lies in the folder of s{above} but is named as of s{named}, as which it is taken", hint)

    def settle(self) -> None:
        """Sort the clips; a name twice, and a class without clips where nothing else is wrong, are errors."""
        first: dict[str, Clip] = {}
        for clip in self.clips:
            if (other := first.setdefault(clip.id, clip)) is not clip:
                self.error(clip.path, f"{clip.id} is also there as {other.path}", "Point at one copy of the database.")
        classes = self.database.class_names
        for label, name in enumerate(classes if not self.errors else ()):
            if all(clip.label != label for clip in self.clips):
                self.error(self.root, f"no clip of the class {name}", f"Clips of {', '.join(classes)} are needed.")
        self.clips = sorted(first.values(), key=lambda clip: (clip.label, natural_order(clip.id)))


def are_synthetic(clips: Sequence[Clip]) -> bool:
    """Return whether any of the clips lies in a folder that this package generated."""
    folders = {clip.path.absolute().parent for clip in clips}
    return any((place / SYNTHETIC_MARK).is_file() for folder in folders for place in (folder, *folder.parents))
