"""From weights and clips, or the original's arrays, to scored clips and notes on them."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras import preprocessing, weights
from microexp_keras.datasets.database import DATABASES, Database
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import METHODS, RIVALS
from microexp_keras.notes import SYNTHETIC_CLIPS, SYNTHETIC_WEIGHTS, Note, warning
from microexp_keras.preprocessing import Samples, StandardizedInput, Statistics
from microexp_keras.protocols import Protocol, splits
from microexp_keras.text import counted
from microexp_keras.weights import WeightsFile

SAME_LEVEL = 0.5  # gray levels by which two standardisations may differ without a warning


@dataclass(frozen=True)
class RivalFile:
    """What a rival method has learned: its path, the method and what the file says of itself."""

    path: str
    network: str
    metadata: dict[str, Any]


def what_learned(path: str | Path, data_format: str | None = None) -> WeightsFile | RivalFile:
    """Say what a file is, reading no array of it; raise unless it is of one of the networks or of a rival method."""
    metadata = weights.read_metadata(path)
    model = metadata.get("model")
    return RivalFile(str(path), model, metadata) if model in [*RIVALS] else weights.inspect(path, data_format)


@dataclass(frozen=True)
class ScoredClips:
    """Clips to be scored with a file."""

    file: WeightsFile | RivalFile
    samples: Samples
    positions: np.ndarray  # which of the samples are scored, int (scored clips,)
    origin: str  # what they are, for a headline: `synthetic SMIC`
    notes: list[Note | str]  # caveats
    statistics: dict[str, Statistics]  # by which a network's inputs are standardised; by default their own

    @functools.cached_property
    def inputs(self) -> dict[str, np.ndarray | StandardizedInput]:
        """All clips as a network sees them; see `preprocessing.network_inputs`."""
        return preprocessing.network_inputs(self.samples.stacks, self.statistics)[0]

    @property
    def labels(self) -> np.ndarray:
        """Classes of the scored clips, int array."""
        return self.samples.labels[self.positions]

    def predicted(self, num_classes: int, data_format: str | None = None) -> np.ndarray:
        """Predict the scored clips: float array (scored clips, classes)."""
        method, more = METHODS[self.file.network], {"statistics": self.statistics, "data_format": data_format}
        options = {} if isinstance(self.file, RivalFile) else more
        return method.predict(self.file.path, self.samples, self.positions, num_classes, **options)


def known_statistics(file: WeightsFile) -> dict[str, Statistics]:
    """Return the standardisation that a `weights.WeightsFile` names for each input, {} if it names none."""
    named = file.metadata.get("statistics")
    if not named:
        return {}
    inputs = METHODS[file.network].inputs
    try:
        known = {name: Statistics(float(named[name]["mean"]), float(named[name]["max"])) for name in inputs}
        if all(math.isfinite(one.mean) and 0 <= one.mean < one.max <= 255 for one in known.values()):
            return known
    except (TypeError, KeyError, ValueError, OverflowError):
        pass
    raise MicroExpError(
        f"{file.path}: statistics",
        f"expected 0 <= mean < max <= 255 for {' and '.join(inputs)}, found {str(named)[:80]!a}",
    )


def require_length(file: WeightsFile | RivalFile, asked: Database) -> None:
    """Raise a MicroExpError if the weights are for as many frames as another known database's clips have.

    A rival method brings clips of any length to its own number of frames.
    """
    if isinstance(file, RivalFile):
        return
    first, last = file.frames_range or (0, 0)
    fitting = [database for database in DATABASES.values() if first <= database.frames <= last]
    if fitting and asked.is_known and asked not in fitting:
        own = fitting[0]
        raise MicroExpError(
            file.path,
            f"expected weights of {asked.title} ({asked.frames} frames), "
            f"found weights of {own.title} ({own.frames} frames)",
            f"Give --dataset {own.name}, or weights of {asked.title}.",
        )


def from_samples(
    samples: Samples, protocol: Protocol, file: WeightsFile | RivalFile, origin: str, part: str | None = None
) -> ScoredClips:
    """Take clips that a protocol scores, standardised as the weights were trained.

    `part` is `"protocol"`: its test clips, of several folds those of the fold that the weights are of; `"held-out"`:
    those of them that are not training clips; or `"all"`. By default all clips if the protocol has several folds and
    the weights were trained on other clips, else the protocol's.
    """
    notes: list[Note | str] = [*samples.all_notes]
    known = known_statistics(file) if isinstance(file, WeightsFile) else {}
    for name, stack in samples.stacks.items() if isinstance(file, WeightsFile) else ():
        own = preprocessing.measure(stack)
        if name not in known:
            notes.append(
                warning(
                    "the weights file does not say by which mean and maximum its training clips were "
                    f"standardised. These clips are standardised by their own ({name}: mean {own.mean:.3f}, maximum "
                    f"{own.max:.0f}); if those of the training clips differed, this accuracy is wrong."
                )
            )
        elif max(abs(known[name].mean - own.mean), abs(known[name].max - own.max)) > SAME_LEVEL:
            notes.append(
                warning(
                    f"{name}: these clips have mean {own.mean:.3f} and maximum {own.max:.0f}, the training clips had "
                    f"{known[name].mean:.3f} and {known[name].max:.0f}, which are used. If the images differ (crop, "
                    "light, camera), the accuracy suffers; clips that a protocol repeats make a small difference too."
                )
            )
    chosen, fold, said = _chosen(samples, protocol, file, part)
    notes += [f"Scored: {len(chosen)} of {counted(len(samples.names), 'clip')}, {said}."]
    if fold is None:
        notes.append(warning("it is unknown whether the weights were trained on some of these clips."))
        none = chosen[:0]
        fold = splits.Fold(none, none, chosen)
    elif not np.isin(samples.clips[chosen], samples.clips[fold.train]).any():
        notes.append("The weights were not trained on them.")
    notes += [*preprocessing.remarks(fold, samples), *_synthetic(samples.synthetic, file)]
    return ScoredClips(file, samples, chosen, origin, notes, known)


def _chosen(
    samples: Samples, protocol: Protocol, file: WeightsFile | RivalFile, part: str | None
) -> tuple[np.ndarray, splits.Fold | None, str]:
    """Return the positions that are scored, as a fold by which the weights were trained if that is known, and which."""
    folds, trained = preprocessing.folds(protocol, samples), file.metadata
    same_clips = trained.get("data_fingerprint") == samples.fingerprint
    same_split = trained.get("split") == protocol.split.__name__
    number, subjects = trained.get("fold"), trained.get("test_subjects")
    of_fold = [
        fold
        for place, fold in enumerate(folds)
        if (samples.subjects_of(fold.test) == subjects if "test_subjects" in trained else repr(place) == repr(number))
    ]  # files of earlier versions say the number only, counted from 0
    own = of_fold[0] if of_fold and same_clips and same_split else None
    if len(folds) > 1 and own is None and not same_clips:
        part = part or "all"
    fold = own if len(folds) > 1 else folds[0]
    if fold is None and part != "all":
        why = "weights of a fold of another protocol" if same_clips else "weights that were not trained on these clips"
        raise MicroExpError(
            file.path,
            f"expected for --clips {part or 'protocol'} weights of one of the {len(folds)} folds of protocol "
            f"{protocol.name} on these clips, "
            f"found {why}",
            "Give --clips all, or another --protocol.",
        )
    everything = np.arange(len(samples.names))
    if fold is None or part == "all":
        others = "; the weights are of other clips" * (trained.get("data_fingerprint") is not None and not same_clips)
        chosen, said = everything, f"all of them{others}"
    elif len(folds) > 1:
        chosen, said = fold.test, f"subject {samples.subjects[fold.test[0]]}, whom the weights' fold left out"
    elif part == "held-out":
        chosen, said = fold.held_out, f"the test clips of protocol {protocol.name} that are not training clips"
    else:
        chosen, said = fold.test, f"the test clips of protocol {protocol.name}"
    if own is None or trained.get("started_from"):
        return chosen, None, said
    last = "resume" in trained  # the state of a run's last epoch: no epoch was chosen
    return chosen, splits.Fold(own.train, own.validation[:0] if last else own.validation, chosen), said


def from_arrays(
    images_paths: Sequence[str | Path], labels_path: str | Path, protocol: Protocol, file: WeightsFile | RivalFile
) -> ScoredClips:
    """Take the validation arrays that the original programs save, standardised already; see `original_npy.read`.

    A rival method is refused: it sees gray levels.
    """
    if isinstance(file, RivalFile):
        title = METHODS[file.network].title
        raise MicroExpError(
            "--validation-images", f"expected weights of a network, found those of {title}", "Take --data PATH."
        )
    samples = preprocessing.load_arrays(images_paths, labels_path, protocol)
    notes: list[Note | str] = [
        "What the arrays hold, and how they are standardised, only those who saved them know. If the epoch of the "
        "weights was chosen on them, as the original does, or their subjects are in the training clips, the score is "
        "optimistic."
    ]
    if len(samples.stacks) > 1 and np.array_equal(samples.stacks["eyes"], samples.stacks["mouth"]):
        notes.append(
            warning(
                "the arrays of eyes and mouth are the same. The original Intermediate program for SMIC saves the "
                "mouth in both places (Intermediate_MicroFuseNet.py:231); the network then sees no eyes."
            )
        )
    if not known_statistics(file):
        notes.append(
            warning(
                "the weights file does not say by which mean and maximum its training clips were standardised. "
                "If the arrays are not from the same run, this is not the accuracy of the weights."
            )
        )
    notes += _synthetic(samples.synthetic, file)
    origin = f"{'synthetic ' * samples.synthetic}arrays {Path(images_paths[0]).name}"
    return ScoredClips(file, samples, np.arange(len(samples.names)), origin, notes, {})


def _synthetic(clips: bool, file: WeightsFile | RivalFile) -> list[Note]:
    """Say that the clips are generated, or else that the weights were trained on such."""
    if clips:
        return [SYNTHETIC_CLIPS]
    return [SYNTHETIC_WEIGHTS] if file.metadata.get("synthetic") is True else []
