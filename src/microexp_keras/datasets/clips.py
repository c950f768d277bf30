"""A clip of a face, and the table of clips: what every reader returns and everything else starts from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partialmethod
from pathlib import Path
from typing import NamedTuple

from microexp_keras.datasets.database import CODINGS, Database
from microexp_keras.datasets.scan import SYNTHETIC_MARK, Folder, natural_order
from microexp_keras.errors import Issue


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

    error = partialmethod(_note, "error")  # stops training
    warn = partialmethod(_note, "warning")  # may matter
    info = partialmethod(_note, "info")  # was decided or left out

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
