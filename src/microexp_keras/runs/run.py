"""A run: its folder, settings, protocol, clips, folds and statistics, put together once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras import landmarks, preprocessing
from microexp_keras.atomic import write_json
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import Samples, Statistics
from microexp_keras.protocols import Fold, Protocol
from microexp_keras.runs.folder import make_folder, provenance, read_config
from microexp_keras.runs.settings import Settings
from microexp_keras.text import ranges

RESULT = "result.json"  #: The last file that a fold writes.


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
