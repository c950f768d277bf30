"""A run: its folder, settings, protocol, clips, folds and statistics, put together once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras import landmarks, preprocessing
from microexp_keras.atomic import write_json
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import Samples, Statistics
from microexp_keras.protocols import Fold, Protocol, splits
from microexp_keras.runs.folder import make_folder, read_config
from microexp_keras.runs.provenance import provenance
from microexp_keras.runs.settings import Settings


@dataclass(frozen=True)
class Run:
    """All that the folds of a run share.

    Attributes
    ----------
    folder : Path
        Where its files go.
    settings : Settings
    protocol : protocols.Protocol
        With what the settings change in it.
    samples : preprocessing.Samples
    folds : list of protocols.Fold
    statistics : list of dict of str to preprocessing.Statistics
        For each fold and each input what its clips are standardised by; {} where they are already, or the
        method does it itself.
    """

    folder: Path
    settings: Settings
    protocol: Protocol
    samples: Samples
    folds: list[Fold]
    statistics: list[dict[str, Statistics]]

    @classmethod
    def of(cls, folder: Path, settings: Settings, samples: Samples) -> "Run":
        """Divide the clips and measure each fold; nothing is written.

        Raises
        ------
        MicroExpError
            If the protocol's promise does not hold for these clips; see `splits.folds`.
        """
        protocol = settings.applied_protocol()
        folds = splits.folds(protocol, samples)
        return cls(folder, settings, protocol, samples, folds, [_statistics(protocol, samples, fold) for fold in folds])

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """Read a run that was prepared from its folder, and its clips."""
        settings, config = read_config(folder)
        run = cls.of(folder, settings, load_samples(settings, progress=False))
        run._require_same_clips(config)
        return run

    @property
    def title(self) -> str:
        """Which method meets which clips: `MicroExpSTCNN on synthetic SMIC`."""
        return f"{self.protocol.network.title} on {self.protocol.database.origin(self.samples.synthetic)}"

    @property
    def has_one_fold(self) -> bool:
        """Whether the protocol has a single fold, whose files lie in the run's own folder."""
        return len(self.folds) == 1

    @property
    def keeps_weights(self) -> bool:
        """Whether the best weights stay when a fold is done."""
        return self.has_one_fold or self.settings.keep_weights or self.settings.keep_all

    @property
    def tasks(self) -> list[tuple[Path, int]]:
        """Its folds, as `engine.train_folds` takes them."""
        return [(self.folder, number) for number in range(len(self.folds))]

    def fold_folder(self, number: int) -> Path:
        """Return where a fold, counted from 0, has its files."""
        return fold_folder(self.folder, number, len(self.folds))

    def clip_names(self, positions: np.ndarray) -> list[str]:
        """Return the names of some clips."""
        return [self.samples.names[position] for position in positions]

    def write_config(self) -> None:
        """Write config.json, which says how every number of this run comes about.

        Raises
        ------
        MicroExpError
            If the run in this folder was started with other clips.
        """
        make_folder(self.folder)
        path, now, before = self.folder / "config.json", provenance(), None
        if path.exists():
            _, before = read_config(self.folder)
            self._require_same_clips(before)
        labels, class_names = self.samples.labels, self.protocol.database.class_names
        described = {
            **({name: before.get(name) for name in now} if before else now),
            "resumed": [*before["resumed"], now] if before else [],
            "settings": self.settings.to_json(),
            "protocol": self.protocol.as_json(),
            "data": {
                "fingerprint": self.samples.fingerprint,
                "synthetic": self.samples.synthetic,
                "clips": len(self.samples.names),
                "clips_per_class": {name: int((labels == label).sum()) for label, name in enumerate(class_names)},
                "subjects": len(set(self.samples.subjects) - {None}),
            },
            "class_names": class_names,
            "folds": [self._fold_json(number) for number in range(len(self.folds))],
        }
        write_json(path, described)

    def _fold_json(self, number: int) -> dict[str, Any]:
        fold, statistics = self.folds[number], self.statistics[number]
        parts = {part: self.clip_names(getattr(fold, part)) for part in ("train", "select", "score")}
        return {**parts, "statistics": {name: one._asdict() for name, one in statistics.items()}}

    def _require_same_clips(self, config: dict[str, Any]) -> None:
        if config["data"]["fingerprint"] != self.samples.fingerprint:
            raise MicroExpError(
                self.settings.data or " and ".join(self.settings.training_images),
                f"the clips that the run in {self.folder} was started with",
                "others",
                "Restore them, or start a new run.",
            )


def fold_folder(folder: Path, number: int, folds: int) -> Path:
    """Return where a fold, counted from 0, of so many has its files: the run's own folder if it is the only one.

    Raises
    ------
    MicroExpError
        If it is a link: it could lead out of the run's folder.
    """
    if folds == 1:
        return folder
    own = folder / f"fold-{number + 1:02d}"
    if own.is_symlink():
        raise MicroExpError(own, "a folder", "a link", "Put the folder itself there.")
    return own


def load_samples(settings: Settings, progress: bool = True) -> Samples:
    """Return the samples that the settings of a run name: clips of a folder, or arrays."""
    protocol = settings.applied_protocol()
    if settings.data:
        points = landmarks.CsvLandmarks(settings.landmarks) if settings.landmarks else None
        options: dict[str, Any] = settings.options
        return preprocessing.load_samples(settings.data, protocol, points, progress, **options)
    if settings.training_labels is None:
        raise MicroExpError("settings", "data, or training_images and training_labels", "neither")
    return preprocessing.load_arrays(settings.training_images, settings.training_labels, protocol)


def _statistics(protocol: Protocol, samples: Samples, fold: Fold) -> dict[str, Statistics]:
    if protocol.standardized_by == "method":
        return {}
    positions = {"all": None, "train": fold.train}[protocol.standardized_by]
    gray = {name: stacks for name, stacks in samples.stacks.items() if stacks.dtype == np.uint8}
    return {name: preprocessing.measure(stacks, positions) for name, stacks in gray.items()}
