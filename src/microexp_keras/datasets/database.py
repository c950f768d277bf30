"""The databases as data: names, classes, folder trees, frames. A user's own is one more `Database`."""

from dataclasses import dataclass

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
    frames_per_second : int
        Of the recordings that the original networks were trained on.
    recordings : str
        Which those are, as readers write it: `"SMIC-HS"`.
    swapped_colours : bool
        Whether the original programs show the frames to detector and gray conversion as red, green, blue.
    layouts : tuple of str
        Names of the folder trees that are read; data/README.md shows them.
    cameras : tuple of str
        Names of the cameras, where clips were filmed by several.
    reader : str
        Module whose `scan` and `read` know the trees; see `find.Reader`.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    frames: int
    frames_per_second: int
    recordings: str
    swapped_colours: bool = False
    layouts: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    reader: str

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    def origin(self, synthetic: bool) -> str:
        """Name the clips as every headline must: `SMIC`, or `synthetic SMIC`."""
        return f"synthetic {self.title}" if synthetic else self.title


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
)

DATABASES = {database.name: database for database in (SMIC, CASME2)}
"""The databases that the commands know by name."""


def get_database(name: str) -> Database:
    """Return the database of that name.

    Raises
    ------
    MicroExpError
        If there is none; the message lists those that there are.
    """
    if name not in DATABASES:
        raise MicroExpError("dataset", f"one of {', '.join(DATABASES)}", repr(name))
    return DATABASES[name]
