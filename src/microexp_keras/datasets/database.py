"""The databases as data: names, classes, folder trees, frames. A user's own is one more `Database`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from microexp_keras.data import frozen, read_toml
from microexp_keras.errors import MicroExpError


@dataclass(frozen=True, kw_only=True)
class Database:
    """A set of clips with its classes, as databases.toml or a user's own table says."""

    name: str  #: As the commands and files write it: `"smic"`.
    title: str  #: As readers write it: `"CAS(ME)^2"`.
    class_names: tuple[str, ...]  #: In the order of the labels 0, 1, 2, which is also the order of the paper's tables.
    frames: int  #: Frames of each clip that the original programs read.
    frames_per_second: int | None = None  #: Of the recordings that the original networks were trained on, if known.
    recordings: str  #: Which those are, as readers write it: `"SMIC-HS"`.
    #: Whether the original programs show the frames to detector and gray conversion as red, green, blue.
    swapped_colours: bool = False
    layouts: tuple[str, ...] = ()  #: Names of the folder trees that are read; data/README.md shows them.
    cameras: tuple[str, ...] = ()  #: Names of the cameras, where clips were filmed by several.
    size: int | None = None  #: Rows and columns of a frame after resizing, in pixels, None for the network's own.
    more_frames_than: int | None = None  #: The paper keeps only clips with more frames: see `protocols.Protocol`.
    sampling: str = "first"  #: Which `frames` of a clip are read, one of `SAMPLINGS`.
    crop: str = "none"  #: Of each frame, one of `CROPS`.
    in_paper: bool = False  #: Whether the paper has numbers of it, and the original programs for it.
    #: Whether frames are not cut to the face as distributed, so that `predict` shows a network the whole frame too.
    whole_frames: bool = True
    annotated: tuple[str, ...] = ()  #: Layouts with a choice of labels and expressions; see `find_clips`.

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
        return self.layouts == OWN_LAYOUTS

    def as_json(self) -> str | dict[str, Any]:
        """Return it for JSON: a known one by its name, a user's own by what may differ."""
        return self.name if self.is_known else {name: getattr(self, name) for name in OWN_FIELDS}

    @classmethod
    def from_json(cls, record: Any) -> "Database":
        """Read what `as_json` gave, as files have it that may have been damaged; an error if they are."""
        if not isinstance(record, Mapping):
            return get_database(record)
        own: dict[str, Any] = {name: record.get(name) for name in OWN_FIELDS}
        names = own["class_names"]
        sound = (
            isinstance(names, list | tuple)
            and len(names) > 0
            and all(isinstance(name, str) for name in (own["name"], own["title"], *names))
            and re.fullmatch(r"\w[\w.-]*", own["name"])  # folders of runs are named so
            and all(type(number) is int and number > 0 for number in (own["frames"], own["size"] or 1))
            and own["sampling"] in SAMPLINGS
            and own["crop"] in CROPS
        )
        if not sound:
            raise MicroExpError("dataset", f"is neither {' or '.join(DATABASES)} nor the record of a database")
        return of_table(**{**own, "class_names": tuple(names)})


def of_table(**fields: Any) -> Database:
    """Make the database of a user's own table of clips, from the values of `OWN_FIELDS`."""
    return Database(recordings=fields["title"], layouts=OWN_LAYOUTS, **fields)


# In which databases of a user's own differ.
OWN_FIELDS = ("name", "title", "class_names", "frames", "size", "sampling", "crop")

OWN_LAYOUTS = ("table",)

# A clip's first frames; those around its apex; or all of them, brought to `frames` by temporal interpolation.
SAMPLINGS = ("first", "apex", "interpolate")

# The whole frame, or by one box the face that is found in a clip's first frame.
CROPS = ("none", "face")

# What the classes of CAS(ME)^2's annotated trees can be taken from.
LABELS = ("emotion", "self-report", "video")

# Which expressions of CAS(ME)^2's annotated trees are read.
EXPRESSIONS = ("all", "micro", "macro")


RECORDS: dict[str, dict[str, Any]] = frozen(read_toml(__package__, "databases.toml"))
FOREIGN = RECORDS.pop("foreign")

# What is published of a database as its owners give it out: `annotated` clips of its workbook, `clips` of each class,
# `people` of whom these are, `subjects` by name, and clips of each class `by_subject`.
DISTRIBUTED: dict[str, dict[str, Any]] = {name: record.pop("distributed") for name, record in RECORDS.items()}
CODINGS = {name: record.pop("coding") for name, record in RECORDS.items() if "coding" in record}  # of workbooks

# The databases that the commands know by name.
DATABASES = {name: Database(name=name, **record) for name, record in RECORDS.items()}

SMIC, CASME2 = DATABASES["smic"], DATABASES["casme2"]


def get_database(name: "str | Database | None") -> Database:
    """Return the database of that name, or say which there are; a database is returned as it is."""
    if isinstance(name, Database):
        return name
    if not isinstance(name, str) or name not in DATABASES:
        known = ", ".join(DATABASES)
        text = f"none is named, of {known}" if name is None else f"{name!r} is none of {known}"
        raise MicroExpError("dataset", text, "Name one of these, or give a table of your own clips.")
    return DATABASES[name]


def trained_on(metadata: Mapping[str, Any]) -> Database | None:
    """Return the database that weights say they were trained on, None if they say nothing that can be read."""
    try:
        return Database.from_json(metadata.get("dataset"))
    except MicroExpError:
        return None
