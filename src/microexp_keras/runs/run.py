"""A run: its settings, clips and folds put together once, each fold trained into its folder and read again."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras import landmarks, preprocessing
from microexp_keras.atomic import write_json
from microexp_keras.backend import devices
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import Samples, Statistics
from microexp_keras.protocols import Fold, Protocol
from microexp_keras.results import plots
from microexp_keras.runs.folder import provenance, read_config
from microexp_keras.runs.settings import Settings
from microexp_keras.text import ranges
from microexp_keras.training.history import STATE, FoldResult, History
from microexp_keras.training.job import Job

RESULT = "result.json"  #: The last file that a fold writes.

AGAIN = "Remove this file and resume with --resume; if it lies in a folder fold-NN, remove that folder instead."

SALIENCY_CLIPS = 4  # on a sheet: a page's length

#: What of a `FoldResult` stands in its file beside the probabilities, and of which type it is if it is not None.
KEPT = {"best_epoch": int, "diverged": str, "saliency": dict, "devices": list}


@dataclass(frozen=True)
class Run:
    """All that the folds of a run share; folds are numbered from 0."""

    folder: Path
    settings: Settings
    samples: Samples
    folds: list[Fold]
    statistics: list[dict[str, Statistics]]  # by which each fold's inputs are standardised; see `statistics_of`

    @classmethod
    def of(cls, folder: Path, settings: Settings, samples: Samples) -> "Run":
        """Divide the clips, see `preprocessing.folds`, and measure each fold; nothing is written."""
        folds = preprocessing.folds(settings.protocol, samples)
        statistics = [statistics_of(settings.protocol, samples, fold) for fold in folds]
        return cls(folder, settings, samples, folds, statistics)

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """Read a run that was prepared from its folder, and its clips."""
        settings, config = read_config(folder)
        run = cls.of(folder, settings, load_samples(settings, progress=False))
        run._require_same_clips(config)
        return run

    @property
    def protocol(self) -> Protocol:
        """With what was changed in it."""
        return self.settings.protocol

    @property
    def title(self) -> str:
        """Which method meets which clips: `MicroExpSTCNN on synthetic SMIC`."""
        return f"{self.protocol.network.title} on {self.protocol.database.origin(self.samples.synthetic)}"

    @property
    def has_one_fold(self) -> bool:
        """Whether the protocol has a single fold, whose files lie in the run's own folder."""
        return len(self.folds) == 1

    def fold_folder(self, number: int) -> Path:
        """Return where a fold has its files: the run's own folder if it is the only one."""
        return self.folder if self.has_one_fold else self.folder / f"fold-{number + 1:02d}"

    def is_done(self, number: int) -> bool:
        """Whether a fold has its predictions."""
        return (self.fold_folder(number) / RESULT).exists()

    def clip_names(self, positions: np.ndarray) -> list[str]:
        """Return the names of some clips."""
        return [self.samples.names[position] for position in positions]

    def write_config(self) -> None:
        """Write config.json, which says how every number of this run comes about; refuse a run of other clips."""
        make_folder(self.folder)
        path, now, resumed = self.folder / "config.json", provenance(), []
        if path.exists():
            _, before = read_config(self.folder)
            self._require_same_clips(before)
            now, resumed = {name: before.get(name) for name in now}, [*before["resumed"], now]
        samples, class_names = self.samples, self.protocol.database.class_names
        counts = np.bincount(samples.labels, minlength=len(class_names)).tolist()
        data = {
            "fingerprint": samples.fingerprint,
            "synthetic": samples.synthetic,
            "clips": len(samples.names),
            "names": samples.names,
            "clips_per_class": dict(zip(class_names, counts, strict=True)),
            "subjects": len(set(samples.subjects) - {None}),
        }
        folds = [self._fold_json(number) for number in range(len(self.folds))]
        own = {**self.settings.to_json(), "data": data, "class_names": class_names, "folds": folds}
        write_json(path, {**now, "resumed": resumed, **own})

    def _fold_json(self, number: int) -> dict[str, Any]:
        fold, parts = self.folds[number], ("train", "validation", "test")
        positions = {part: getattr(fold, part).tolist() for part in parts}
        return {
            "fold": number + 1,
            "test_subjects": self.samples.subjects_of(fold.test),
            **{part: {"clips": len(own), "positions": ranges(own)} for part, own in positions.items()},
            "statistics": {name: one._asdict() for name, one in self.statistics[number].items()},
        }

    def _require_same_clips(self, config: dict[str, Any]) -> None:
        if config["data"]["fingerprint"] != self.samples.fingerprint:
            found = f"these are not the clips that the run in {self.folder} was started with"
            raise MicroExpError(self.settings.data, found, "Restore them, or start a new run.")


def make_folder(folder: Path) -> None:
    """Make the folder of a run or a fold, if it is not there."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        found = f"this folder cannot be made ({error.strerror})"
        raise MicroExpError(folder, found, "Free it.") from None


def load_samples(settings: Settings, progress: bool = True) -> Samples:
    """Read the clips that the settings of a run name."""
    points = landmarks.CsvLandmarks(settings.landmarks) if settings.landmarks else None
    options: dict[str, Any] = settings.options
    return preprocessing.load_samples(settings.data, settings.protocol, points, progress, **options)


def statistics_of(protocol: Protocol, samples: Samples, fold: Fold) -> dict[str, Statistics]:
    """Measure for each input what a fold's clips are standardised by; {} if the method does it."""
    if protocol.standardized_by == "method":
        return {}
    positions = {"all": None, "train": fold.train}[protocol.standardized_by]
    return {name: preprocessing.measure(stacks, positions) for name, stacks in samples.stacks.items()}


def train_fold(run: Run, number: int, progress: bool = True, wanted: Callable[[], bool] = lambda: True) -> None:
    """Train a fold (its number counted from 0), or resume it, and predict the clips that are scored.

    `wanted`: see `training.job.Job`.
    """
    settings, protocol, samples, fold = run.settings, run.protocol, run.samples, run.folds[number]
    folder, subjects = run.fold_folder(number), samples.subjects_of(fold.test)
    make_folder(folder)
    metadata = {
        "model": protocol.model,
        "dataset": protocol.database.as_json(),
        "protocol": protocol.name,
        "reading": protocol.reading,
        "split": protocol.split.__name__,
        "fold": number + 1,
        "test_subjects": subjects,
        "started_from": settings.weights,
        "started_from_synthetic": settings.weights_synthetic,
        "synthetic": samples.synthetic,
        "seed": settings.seed,
        "class_names": protocol.database.class_names,
        "statistics": {name: values._asdict() for name, values in run.statistics[number].items()},
        "data_fingerprint": samples.fingerprint,
    }
    job = Job(
        samples=samples,
        fold=fold,
        protocol=protocol,
        statistics=run.statistics[number],
        folder=folder,
        seed=settings.seed,
        metadata=metadata,
        start=settings.weights,
        progress=progress,
        wanted=wanted,
    )
    found: FoldResult = protocol.network.fit(job)
    result = {
        "fold": number + 1,
        "subjects": subjects,
        "clips": run.clip_names(fold.test),
        "probabilities": found.probabilities.tolist(),
        "weights": found.best_path.name,  # of a fold whose weights are not kept it is gone
        **{name: getattr(found, name) for name in KEPT},
        "saliency": _draw_saliency(run, found) if number == 0 else None,  # one fold's are enough to look at
        "devices": devices(),
    }
    write_json(folder / RESULT, result)
    drop_rest(run, found)


def drop_rest(run: Run, result: FoldResult) -> None:
    """Remove what a fold of several that has its result does not keep: its state, and its best weights unless asked."""
    if not run.has_one_fold:
        (result.best_path.parent / STATE).unlink(missing_ok=True)
        if not run.settings.keep_weights:
            result.best_path.unlink(missing_ok=True)


def read_fold(run: Run, number: int) -> FoldResult:
    """Read what came of a fold that is done; see `read_result`."""
    clips, network = run.clip_names(run.folds[number].test), run.protocol.network
    return read_result(run.fold_folder(number), clips, run.protocol.database.num_classes, network.has_epochs)


def read_result(folder: Path, clips: list[str], num_classes: int, has_epochs: bool) -> FoldResult:
    """Read the result.json of a fold that scores these clips, and its history.csv; refuse those of another fold."""
    history = History(folder / "history.csv").rows if has_epochs else []
    try:
        record = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        kept = {name: record[name] for name in KEPT}
        best, drawn = kept["best_epoch"], kept["saliency"]
        probabilities = np.array(record["probabilities"], float)
        best_path = folder / Path(record["weights"]).with_suffix(".h5").name
        right: dict[str, Any] = {name: kept[name] is None or type(kept[name]) is kind for name, kind in KEPT.items()}
        if has_epochs or best is not None:
            right["best_epoch"] &= history[best]["epoch"] == best and "val_only_class" in history[best]
        right["clips"] = record["clips"] == clips
        right["probabilities"] = probabilities.shape == (len(clips), num_classes) and (probabilities >= 0).all()
        right["their sums"] = np.allclose(probabilities.sum(axis=-1), 1, atol=1e-3)
        if wrong := [name for name, fits in right.items() if not fits]:
            raise ValueError(f"its {', '.join(wrong)} do not fit")
        if drawn and not all((folder / sheet["file"]).exists() for sheet in drawn["sheets"]):
            kept["saliency"] = {"sheets": [], "missing": "the sheets have been removed."}
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise MicroExpError(folder / RESULT, f"is not the result of this fold ({error})", AGAIN) from None
    return FoldResult(history=history, best_path=best_path, probabilities=probabilities, **kept)


def _draw_saliency(run: Run, found: FoldResult) -> dict[str, Any]:
    """Draw what moves the scores of some clips, of every class; give the sheets drawn, or why there are none."""
    if found.model is None:
        return {"sheets": [], "missing": "saliency is drawn of the paper's own networks."}
    if not run.settings.faces:
        return {"sheets": [], "missing": "the run was started with --no-faces."}
    from microexp_keras.models import saliency

    samples, class_names, scored = run.samples, run.protocol.database.class_names, run.folds[0].test
    predicted, true = found.probabilities.argmax(axis=1), samples.labels[scored]
    chosen = plots.some_of_every_class(true, predicted, SALIENCY_CLIPS)
    inputs, _ = preprocessing.network_inputs(samples.stacks, run.statistics[0])
    few = {name: stacks[scored[chosen]] for name, stacks in inputs.items()}
    try:
        maps = saliency.saliency(found.model, few, predicted[chosen])
    except MicroExpError as error:
        return {"sheets": [], "missing": str(error)}
    titles = [
        f"{samples.names[scored[clip]]}: {class_names[true[clip]]}, predicted {class_names[predicted[clip]]} "
        f"({found.probabilities[clip, predicted[clip]]:.0%})"
        for clip in chosen
    ]
    plain = [title.encode("ascii", "backslashreplace").decode() for title in titles]
    for name, clips in few.items():
        path, marks = run.fold_folder(0) / f"saliency_{name}.png", saliency.binarize(maps[name])
        plots.saliency_sheet(clips[..., 0], marks, maps[name], path, plain, title=f"Saliency: {name}")
    drawn = [{"input": name, "file": f"saliency_{name}.png", "clips": titles} for name in few]
    return {"sheets": drawn, "missing": None}
