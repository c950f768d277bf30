"""The package in a dozen lines of Python: load clips, divide them, cross-validate a method, look at the result."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras import datasets, metrics, preprocessing, protocols
from microexp_keras.datasets.database import CROPS, SAMPLINGS, Database
from microexp_keras.datasets.table import is_table, own_database
from microexp_keras.errors import MicroExpError
from microexp_keras.metrics import Pair, Scores
from microexp_keras.models.networks import METHODS, register
from microexp_keras.protocols import Protocol
from microexp_keras.text import counted

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from microexp_keras.results.predictions import Predictions

#: Clips, float32 (clips, rows, columns, time, 1), and their classes, int (clips,).
Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, repr=False)
class Data:
    """The clips that `load` found; frames are read when a protocol needs them, and kept in the cache."""

    database: Database
    path: Path  #: The folder, or the table.
    clips: list[datasets.Clip]
    options: dict[str, Any] = field(default_factory=dict)  #: Which of several trees is meant; see `load`.
    reading: dict[str, Any] = field(default_factory=dict)  #: How frames are read; see `load`.

    def __len__(self) -> int:
        return len(self.clips)

    def __repr__(self) -> str:
        people = {clip.subject for clip in self.clips} - {None}
        counts = ", ".join(f"{(self.labels == label).sum()} {name}" for label, name in enumerate(self.class_names))
        title = self.database.origin(datasets.are_synthetic(self.clips))
        return f"{title}: {counted(len(self), 'clip')} ({counts}) of {counted(len(people), 'subject')}"

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their numbers."""
        return tuple(self.database.class_names)

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @property
    def labels(self) -> np.ndarray:
        """The class of each clip, int array (clips,)."""
        return np.array([clip.label for clip in self.clips])

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """Shape of a clip as a network of the whole face sees it: (rows, columns, time, 1)."""
        protocol = self.protocol("loso", "stcnn")
        return protocol.size, protocol.size, protocol.frames, 1

    def protocol(self, name: str, method: str) -> Protocol:
        """Return a protocol for a method on these clips, which are read as `load` was told."""
        return protocols.get(name, method, self.database, **self.reading)


def load(
    source: str | Path,
    path: str | Path | None = None,
    *,
    synthetic: bool = False,
    name: str | None = None,
    classes: list[str] | None = None,
    **options: Any,
) -> Data:
    """Find clips.

    Parameters
    ----------
    source : str or Path
        A database (`"smic"`, `"casme2"`, `"casmeii"`, `"samm"`), or the table of your own clips: a CSV file or workbook
        with the columns clip, subject and label.
    path : str or Path, optional
        The folder that holds the database; by default it is looked for in `$MICROEXP_DATA` and `data/`.
    synthetic : bool
        Take generated clips of the database, which are written into `data/synthetic-DATABASE` once.
    name, classes
        For a table: the title of the clips in reports, and the order of the classes.
    **options
        `layout`, `camera`, `labels` and `expressions` as of `datasets.find_clips`; `frames`, `size`, `sampling` and
        `crop` as of `protocols.Protocol`.

    Returns
    -------
    Data
    """
    known = (*datasets.OPTIONS, *datasets.READING)
    if unknown := [option for option in options if option not in known]:
        raise MicroExpError("load", f"no option {', '.join(unknown)}; there are {', '.join(known)}")
    for option, values in (("sampling", SAMPLINGS), ("crop", CROPS)):
        if option in options and options[option] not in values:
            raise MicroExpError("load", f"{option}={options[option]!r} is none of {', '.join(values)}")
    _require_positive("load", frames=options.get("frames"), size=options.get("size"))
    if is_table(Path(source)) + bool(path) + synthetic > 1:
        raise MicroExpError("load: a table of your own, a path and synthetic=True exclude each other: leave path out.")
    chosen, reading = (
        {name: value for name, value in options.items() if name in names}
        for names in (datasets.OPTIONS, datasets.READING)
    )
    if is_table(Path(source)):
        own: dict[str, Any] = {
            name: value for name, value in (("name", name), ("classes", classes)) if value is not None
        }
        database, folder = own_database(str(source), **own), Path(source)
    else:
        database = datasets.get_database(str(source))
        found_in = datasets.synthetic_folder if synthetic else lambda _: datasets.data_folder(database, **chosen)
        folder = Path(path) if path else found_in(database.name)
    found = datasets.read_table(folder, database, frames=reading.get("frames"), **chosen)
    return Data(database, folder.resolve(), found.clips, chosen, reading)


def _require_positive(where: str, **numbers: Any) -> None:
    for name, value in numbers.items():
        if value is not None and not (isinstance(value, int) and value >= 1):
            raise MicroExpError(f"{where}: {name}={value!r} must be a whole number from 1.")


def _require_data(data: Any) -> None:
    if not isinstance(data, Data):
        raise MicroExpError(f"data: give what mk.load returns, not a {type(data).__name__}.")


@dataclass(frozen=True, repr=False)
class FoldArrays:
    """The arrays (x, y) of a fold, standardised as the protocol says: under `loso` by the training clips alone."""

    train: Arrays
    validation: Arrays
    test: Arrays
    test_subjects: list[str]

    def __repr__(self) -> str:
        train, validation, test = (len(labels) for _, labels in (self.train, self.validation, self.test))
        whom = ", ".join(self.test_subjects) or "no known subject"
        return f"{train} training, {validation} validation and {test} test clips; tested on {whom}"


def folds(data: Data, protocol: str = "loso", progress: bool = True) -> Iterator[FoldArrays]:
    """Yield the folds of a protocol as arrays, for a training of your own.

    Parameters
    ----------
    data : Data
    protocol : str
        `"loso"`, `"paper"` or `"upstream"`.
    """
    from microexp_keras.runs.run import statistics_of

    _require_data(data)
    chosen = data.protocol(protocol, "stcnn")
    samples = preprocessing.load_samples(data.path, chosen, progress=progress, **data.options)
    for fold in preprocessing.folds(chosen, samples):
        clips = preprocessing.network_inputs(samples.stacks, statistics_of(chosen, samples, fold))[0]["face"]
        train, validation, test = (
            (clips[part], samples.labels[part]) for part in (fold.train, fold.validation, fold.test)
        )
        yield FoldArrays(train, validation, test, samples.subjects_of(fold.test))


@dataclass(frozen=True, repr=False)
class Result:
    """What a cross-validation gave; printed, it is the score and its worst caveats."""

    folder: Path  #: Everything that was written: report.html, predictions.csv, a folder for each fold.
    scores: Scores  #: Pooled over the folds.
    text: str  #: Score, verdict, the worst caveats, and where the rest is.
    _predictions: "Predictions"
    _scratch: Any = None  # a folder that is removed with this object

    def __repr__(self) -> str:
        if self._scratch is None:
            return self.text
        kept, _, files = self.text.rpartition("\n")
        return f"{kept}\n{files.partition(':')[0]}: result.report(FOLDER) keeps them"

    @property
    def predictions(self) -> "pandas.DataFrame":
        """A row for each test clip: clip, subject, true, predicted, p_CLASS for each class, fold, method, protocol."""
        import pandas

        return pandas.read_csv(self.folder / "predictions.csv", dtype={"clip": str, "subject": str})

    def plot_confusion(self) -> "Figure":
        """Return the confusion matrix as a figure of matplotlib; nothing is written."""
        from microexp_keras.results.plots import confusion_figure

        figure = confusion_figure(self.scores)
        figure.suptitle(self.text.partition("\n")[0], fontsize=10)  # which says so if the clips are synthetic
        return figure

    def compare(self, other: "Result") -> Pair:
        """Test whether two methods differ in accuracy on the same clips; see `metrics.paired`."""
        mine, theirs = self._predictions, other._predictions
        places = {name: place for place, name in enumerate(theirs.clips)}
        if {*mine.clips} != {*places}:
            raise MicroExpError("compare: the two results are of different clips, so they cannot be compared.")
        order = [places[name] for name in mine.clips]
        return metrics.paired(mine.correct, theirs.correct[order], mine.subjects)

    def report(self, folder: str | Path) -> Path:
        """Copy all files into a new folder, and return the path of its report.html."""
        folder = Path(folder)
        if folder.exists() and any(folder.iterdir()):
            raise MicroExpError(f"{folder}: there are files in this folder. Name a new one.")
        shutil.copytree(self.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".lock"))
        return folder / "report.html"


def cross_validate(
    method: Any,
    data: Data,
    protocol: str = "loso",
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    jobs: int | None = None,
    callbacks: Callable[[], list[Any]] | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
) -> Result:
    """Train and test a method on every fold of a protocol, and pool the predictions of the test clips.

    Parameters
    ----------
    method : callable, scikit-learn estimator or str
        A function that builds and compiles a Keras model, called for each fold with nothing or, by name, with
        `input_shape` (rows, columns, time, 1) and `num_classes`; the weights of the epoch with the best validation
        accuracy are scored. An estimator, which gets clips as rows of float32 values, is cloned for each fold. Or the
        name of a method of this package: `"stcnn"`, `"lbp-top"`, ...
    data : Data
        See `load`.
    protocol : str
        `"loso"`: each subject is tested by a model that has seen nothing of them. `"paper"`, `"upstream"`: a
        random fifth of the clips is tested, and the best epoch chosen on it.
    epochs, batch_size : int, optional
        Default: the protocol's.
    seed : int
        Of initial weights, order of the clips and dropout; the same in each fold.
    jobs : int, optional
        How many folds are trained at once, each in its own process (default: one per core). 1: in this process.
    callbacks : callable, optional
        Returns a list of Keras callbacks; called once for each fold.
    out : str or Path, optional
        A new folder for everything that is written; by default files live only as long as the result.
    resume : bool
        Go on in `out`; folds that are done are not trained again.
    progress : bool
        Show progress on stderr.

    Returns
    -------
    Result
    """
    from microexp_keras import runs
    from microexp_keras.runs.engine import train_run
    from microexp_keras.runs.report import report
    from microexp_keras.runs.run import Run

    _require_data(data)
    _require_positive("cross_validate", epochs=epochs, batch_size=batch_size, jobs=jobs)
    if isinstance(method, str) and (callbacks or method not in METHODS):
        hint = "Take one of these, without callbacks, or give a function."
        raise MicroExpError("method", f"{method!r} is none of {', '.join(METHODS)}", hint)
    name = method if isinstance(method, str) else register(method, callbacks=callbacks).name
    chosen = data.protocol(protocol, name)
    given = {"epochs": epochs, "batch_size": batch_size} if chosen.network.has_epochs else {}
    settings = runs.Settings.of(
        chosen, data=str(data.path), options=data.options, seed=seed, keep_weights=out is not None, **given
    )
    scratch = None if out else tempfile.TemporaryDirectory(prefix="microexp-")
    folder = Path(scratch.name if scratch else out or "")
    if resume and (folder / "config.json").exists():
        before, _ = runs.read_config(folder)
        if changed := [one for one in settings.changed(before) if one != "keep_weights"]:
            raise MicroExpError(f"{folder}: was begun with other {', '.join(changed)}. Name a new folder as out.")
    elif out:
        if folder.is_dir() and any(folder.iterdir()):
            raise MicroExpError(f"{folder}: holds files. Name a new folder as out, or go on there with resume=True.")
        folder.mkdir(parents=True, exist_ok=True)
    samples = preprocessing.load_samples(data.path, settings.protocol, progress=progress, **data.options)
    with runs.writing(folder, "config.json", "cross_validate(..., resume=True)"):
        run = Run.of(folder, settings, samples)
        run.write_config()
        train_run(run, runs.Workers(jobs), progress, here=jobs == 1)
        found = report(run)
    return Result(folder, found.predictions.scores, found.report.summary(folder), found.predictions, scratch)
