"""The databases as data: names, classes, folder trees, frames. A user's own is one more `Database`."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_type_hints

from microexp_keras.errors import MicroExpError


@dataclass(frozen=True, kw_only=True)
class Database:
    """A set of clips with its classes.

    Attributes
    ----------
    name : str
        As the commands and files write it: `"smic"`.
    title : str
        As readers write it: `"CAS(ME)^2"`.
    class_names : tuple of str
        In the order of the labels 0, 1, 2, which is also the order of the paper's tables.
    frames : int
        Frames of each clip that the original programs read.
    frames_per_second : int or None
        Of the recordings that the original networks were trained on; None where nobody said.
    recordings : str
        Which those are, as readers write it: `"SMIC-HS"`.
    swapped_colours : bool
        Whether the original programs show the frames to detector and gray conversion as red, green, blue.
    layouts : tuple of str
        Names of the folder trees that are read; data/README.md shows them.
    cameras : tuple of str
        Names of the cameras, where clips were filmed by several.
    size : int or None
        Rows and columns of a frame after resizing, in pixels, None for the network's own.
    sampling : str
        Which `frames` of a clip are read, one of `SAMPLINGS`.
    crop : str
        Of each frame, one of `CROPS`.
    reader : str
        Module whose `scan` and `read` know the trees; see `find.Reader`.
    in_paper : bool
        Whether the paper has numbers of it, and the original programs for it.
    whole_frames : bool
        Whether frames are not cut to the face as distributed, so that `predict` shows a network the whole frame too.
    annotated : tuple of str
        Those of the layouts with a choice of labels and expressions; see `find_clips`.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    frames: int
    frames_per_second: int | None = None
    recordings: str
    swapped_colours: bool = False
    layouts: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    size: int | None = None
    sampling: str = "first"
    crop: str = "none"
    reader: str
    in_paper: bool = False
    whole_frames: bool = True
    annotated: tuple[str, ...] = ()

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    def origin(self, synthetic: bool) -> str:
        """Name the clips as every headline must: `SMIC`, or `synthetic SMIC`."""
        return f"synthetic {self.title}" if synthetic else self.title

    @property
    def is_known(self) -> bool:
        """Whether it is one of `DATABASES`, and not a user's own."""
        return DATABASES.get(self.name) == self

    @property
    def is_table(self) -> bool:
        """Whether its clips are listed in a user's own table, and do not lie in a tree of folders."""
        return self.reader == OWN_READER

    def as_json(self) -> str | dict[str, Any]:
        """Return it for JSON: a known one by its name, a user's own whole."""
        return self.name if self.is_known else asdict(self)

    @classmethod
    def from_json(cls, record: Any) -> "Database":
        """Read what `as_json` gave, as files have it that may have been damaged.

        Raises
        ------
        MicroExpError
            If it is neither the name of a known database nor the record of another.
        """
        if not isinstance(record, Mapping):
            return get_database(record)
        try:
            own: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
            }
            database = cls(**own)
            for name, hint in get_type_hints(cls).items():
                value = getattr(database, name)
                if not isinstance(value, getattr(hint, "__origin__", hint)) or isinstance(value, bool) != (
                    hint is bool
                ):
                    raise TypeError(name)
            names = (*database.class_names, *database.layouts, *database.cameras, *database.annotated)
            if not all(isinstance(name, str) for name in names) or not database.class_names:
                raise TypeError("class_names, layouts, cameras, annotated")
            if not all(text.isprintable() for text in (*names, database.title, database.recordings)):
                raise ValueError("names that cannot be printed")
            if not re.fullmatch(r"\w[\w.-]*", database.name):  # folders of runs are named so
                raise ValueError("name")
            numbers = (database.frames, database.size or 1, database.frames_per_second or 1)
            if min(numbers) < 1 or database.sampling not in SAMPLINGS or database.crop not in CROPS:
                raise ValueError("frames, size, frames_per_second, sampling, crop")
            if database.reader not in {OWN_READER, *(known.reader for known in DATABASES.values())}:
                raise ValueError("reader")  # a file must not say which module is loaded
            if database.in_paper:
                raise ValueError("in_paper")  # what is, has a name
        except (TypeError, ValueError) as error:
            known = " or ".join(DATABASES)
            said = " ".join(str(error).split())[:80]
            raise MicroExpError("dataset", f"{known}, or the record of a database", f"another ({said})") from None
        return database


SAMPLINGS = ("first", "apex", "interpolate")
"""A clip's first frames; those around its apex; or all of them, brought to `frames` by temporal interpolation."""

CROPS = ("none", "face")
"""The whole frame, or by one box the face that is found in a clip's first frame."""

OWN_READER = "microexp_keras.datasets.clip_table"
"""The reader of a user's own table of clips."""

SMIC = Database(
    name="smic",
    title="SMIC",
    class_names=("negative", "positive", "surprise"),
    frames=18,  # SMIC/MicroExpSTCNN.py:18
    frames_per_second=100,
    recordings="SMIC-HS",
    layouts=("cropped", "raw", "smic-e", "flat"),
    cameras=("HS", "VIS", "NIR"),
    reader="microexp_keras.datasets.smic",
    in_paper=True,
    whole_frames=False,
)

CASME2 = Database(
    name="casme2",
    title="CAS(ME)^2",
    class_names=("angry", "happy", "disgust"),
    frames=96,  # CASME-SQUARE/MicroExpSTCNN.py:21
    frames_per_second=30,
    recordings="CAS(ME)^2",
    swapped_colours=True,  # imageio gives red, green, blue: CASME-SQUARE/MicroExpSTCNN.py:37
    layouts=("rawvideo", "rawpic", "selectedpic", "cropped", "flat"),
    reader="microexp_keras.datasets.casme2",
    in_paper=True,
    annotated=("rawvideo", "rawpic", "selectedpic", "cropped"),
)

CASMEII = Database(
    name="casmeii",
    title="CASME II",
    class_names=SMIC.class_names,
    frames=18,  # as of SMIC, which the networks are made for
    frames_per_second=200,
    recordings="CASME II",
    layouts=("raw", "cropped"),
    sampling="interpolate",
    reader="microexp_keras.datasets.casmeii",
)

SAMM = Database(
    name="samm",
    title="SAMM",
    class_names=SMIC.class_names,
    frames=18,
    frames_per_second=200,
    recordings="SAMM",
    layouts=("raw", "cropped"),
    sampling="interpolate",
    reader="microexp_keras.datasets.samm",
)

DATABASES = {database.name: database for database in (SMIC, CASME2, CASMEII, SAMM)}
"""The databases that the commands know by name."""


def get_database(name: "str | Database") -> Database:
    """Return the database of that name; a database is returned as it is.

    Raises
    ------
    MicroExpError
        If there is none; the message lists those that there are.
    """
    if isinstance(name, Database):
        return name
    if not isinstance(name, str) or name not in DATABASES:
        raise MicroExpError("dataset", f"one of {', '.join(DATABASES)}", repr(name))
    return DATABASES[name]


def trained_on(metadata: Mapping[str, Any]) -> Database | None:
    """Return the database that weights say they were trained on, None if they say nothing that can be read."""
    try:
        return Database.from_json(metadata.get("dataset"))
    except MicroExpError:
        return None
