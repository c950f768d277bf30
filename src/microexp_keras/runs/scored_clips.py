"""From weights and clips, or the original's arrays, to scored clips and notes on them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras import preprocessing, weights
from microexp_keras.baselines.rivals import RIVALS
from microexp_keras.datasets.database import DATABASES, Database
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import METHODS
from microexp_keras.notes import SYNTHETIC_CLIPS, SYNTHETIC_WEIGHTS, Note, warning
from microexp_keras.preprocessing import Samples, StandardizedInput, Statistics, original_npy
from microexp_keras.protocols import Protocol, splits
from microexp_keras.text import counted
from microexp_keras.weights import WeightsFile

SAME_LEVEL = 0.5  # gray levels by which two standardisations may differ without a warning
FROM_A_LEVEL = 0.1  # and by which a pixel may miss a whole gray level


@dataclass(frozen=True)
class RivalFile:
    """What a rival method has learned: its path, the method and what the file says of itself."""

    path: str
    network: str
    metadata: dict[str, Any]


def what_learned(path: str | Path) -> WeightsFile | RivalFile:
    """Say what a file is, reading no array of it.

    Raises
    ------
    MicroExpError
        If it is neither weights of one of the networks nor of a rival method.
    """
    metadata = weights.read_metadata(path)
    model = metadata.get("model")
    return RivalFile(str(path), model, metadata) if model in [*RIVALS] else weights.inspect(path)


@dataclass(frozen=True)
class ScoredClips:
    """Clips to be scored.

    Attributes
    ----------
    inputs : dict of str to float32 array (clips, rows, columns, time, 1)
        Of all clips, standardised: see `preprocessing.network_inputs`.
    positions : int array (scored clips,)
        Which of them are scored.
    labels : int array (scored clips,)
    names : list of str
        Of the scored clips.
    subjects : list of str or None
        Whose they are, None where nobody knows.
    origin : str
        What they are, for a headline: `synthetic SMIC`.
    notes : list of Note or str
        What a reader must know to judge the scores.
    samples : preprocessing.Samples or None
        Of clips, not of arrays: what a rival method sees.
    rival : str or None
        The rival method, if one is scored.
    """

    inputs: dict[str, np.ndarray | StandardizedInput]
    positions: np.ndarray
    labels: np.ndarray
    names: list[str]
    subjects: list[str | None]
    origin: str
    notes: list[Note | str]
    samples: Samples | None = None
    rival: str | None = None

    def predicted(self, path: str | Path, num_classes: int) -> np.ndarray:
        """Predict the scored clips with a file: float array (scored clips, classes)."""
        if self.rival and self.samples:
            answers = RIVALS[self.rival].predict(path, self.samples, self.positions)
            if answers.shape[1] != num_classes:
                raise MicroExpError(
                    path,
                    f"what was learned of {num_classes} classes",
                    f"of {answers.shape[1]}",
                    "Give the --dataset that it was trained on.",
                )
            return answers

        from microexp_keras import training

        _, rows, columns, frames, _ = next(iter(self.inputs.values())).shape
        model, _ = weights.load_model(path, frames, (rows, columns), num_classes)
        return training.predict(model, self.inputs, self.positions)


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
        f"0 <= mean < max <= 255 for {' and '.join(inputs)}",
        f"{str(named)[:80]!a}",
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
            f"weights of {asked.title} ({asked.frames} frames)",
            f"weights of {own.title} ({own.frames} frames)",
            f"Give --dataset {own.name}, or weights of {asked.title}.",
        )


def from_samples(
    samples: Samples, protocol: Protocol, file: WeightsFile | RivalFile, origin: str, part: str = "protocol"
) -> ScoredClips:
    """Take clips that a protocol scores, standardised as the weights were trained.

    Parameters
    ----------
    samples : preprocessing.Samples
    protocol : protocols.Protocol
    file : weights.WeightsFile or RivalFile
    origin : str
        For the headline.
    part : str
        `"protocol"`: the clips that it scores; `"held-out"`: those of them that it does not train on; `"all"`.

    Returns
    -------
    ScoredClips
    """
    notes: list[Note | str] = [*samples.all_notes]
    trained = file.metadata
    rival = file.network if isinstance(file, RivalFile) else None
    known = known_statistics(file) if isinstance(file, WeightsFile) else {}
    for name, stack in samples.stacks.items() if not rival else ():
        own = preprocessing.measure(stack)
        if name not in known:
            notes.append(
                warning(
                    "the weights file does not say by which mean and maximum its training clips were "
                    f"standardised. These clips are standardised by their own ({name}: mean {own.mean:.3f}, maximum "
                    f"{own.max:.0f}); if those of the training clips differed, this is not the accuracy of the weights."
                )
            )
        elif max(abs(known[name].mean - own.mean), abs(known[name].max - own.max)) > SAME_LEVEL:
            notes.append(
                warning(
                    f"{name}: these clips have mean {own.mean:.3f} and maximum {own.max:.0f}, those that the "
                    f"weights were trained on had {known[name].mean:.3f} and {known[name].max:.0f}; the latter are "
                    "used. If the images differ (crop, light, camera), the accuracy suffers; clips that one protocol "
                    "shows twice make a small difference too."
                )
            )
    folds = splits.folds(protocol, samples)
    same_split = trained.get("split") == protocol.split.__name__
    number = 0 if len(folds) == 1 else trained.get("fold") if same_split else None
    if not isinstance(number, int) or number not in range(len(folds)):
        raise MicroExpError(
            file.path,
            f"weights of one of the {len(folds)} folds of protocol {protocol.name} on these clips",
            "others",
            "Take another --protocol, or --clips all with it.",
        )
    fold = folds[number]
    chosen, which = {
        "protocol": (fold.score, f"those that protocol {protocol.name} scores"),
        "held-out": (fold.held_out, f"those that protocol {protocol.name} scores and does not train on"),
        "all": (np.arange(len(samples.names)), "all"),
    }[part]
    notes.append(f"{len(chosen)} of {counted(len(samples.names), 'clip')} are scored: {which}.")
    if trained.get("data_fingerprint") == samples.fingerprint and same_split and not trained.get("started_from"):
        last = "resume" in trained  # the state of a run's last epoch: no epoch was chosen
        scored = splits.Fold(fold.train, fold.select[:0] if last else fold.select, chosen)
        if not np.isin(samples.clips[chosen], samples.clips[fold.train]).any():
            notes.append("The weights were not trained on them.")
    else:
        notes.append(warning("whether the weights were trained on some of them is not known."))
        scored = splits.Fold(fold.train[:0], fold.select[:0], chosen)
    notes += [*splits.remarks(scored, samples), *_synthetic(samples.synthetic, file)]
    inputs = {} if rival else preprocessing.network_inputs(samples.stacks, known)[0]
    return ScoredClips(
        inputs,
        chosen,
        samples.labels[chosen],
        [samples.names[position] for position in chosen],
        [samples.subjects[position] for position in chosen],
        origin,
        notes,
        samples,
        rival,
    )


def from_arrays(
    images_paths: Sequence[str | Path],
    labels_path: str | Path,
    names: Sequence[str],
    num_classes: int,
    file: WeightsFile | RivalFile,
) -> ScoredClips:
    """Take the validation arrays that the original programs save, standardised already.

    Parameters
    ----------
    images_paths, labels_path, names, num_classes
        See `original_npy.read`.
    file : weights.WeightsFile or RivalFile

    Returns
    -------
    ScoredClips

    Raises
    ------
    MicroExpError
        If a rival method is asked: it sees gray levels, and the arrays hold standardised ones. If the arrays of eyes
        and mouth are each where the other belongs.
    """
    if isinstance(file, RivalFile):
        title = METHODS[file.network].title
        raise MicroExpError("--validation-images", "weights of a network", f"those of {title}", "Take --data PATH.")
    stacks, labels = original_npy.read(images_paths, labels_path, names, num_classes)
    notes: list[Note | str] = [
        "What the arrays hold, only those who saved them know. If the epoch of the weights was chosen on them, as the "
        "original does, or their subjects are in the training clips, the score is optimistic."
    ]
    same = len(names) > 1 and np.array_equal(stacks["eyes"], stacks["mouth"])
    if same:
        notes.append(
            warning(
                "the arrays of eyes and mouth are the same. The original Intermediate program for SMIC saves the "
                "mouth in both places (Intermediate_MicroFuseNet.py:231); the network then sees no eyes."
            )
        )
    known = known_statistics(file)
    _require_in_order(images_paths, stacks, known)
    if not known:
        notes.append(
            warning(
                "the weights file does not say by which mean and maximum its training clips were standardised. "
                "If the arrays are not from the same run, this is not the accuracy of the weights."
            )
        )
    for name, statistics in known.items():
        if same and name == "eyes":
            continue
        if not _whole_levels(stacks[name], statistics):
            notes.append(
                warning(
                    f"{name}: undoing the standardisation of the weights' training clips (mean "
                    f"{statistics.mean:.3f}, maximum {statistics.max:.0f}) does not give gray levels: the arrays were "
                    "standardised differently, and the accuracy suffers."
                )
            )
    inputs, _ = preprocessing.network_inputs(stacks)
    clips = original_npy.names(images_paths[0], len(labels))
    subjects: list[str | None] = [None] * len(labels)
    synthetic = original_npy.are_synthetic(images_paths)
    notes += _synthetic(synthetic, file)
    origin = f"{'synthetic ' * synthetic}arrays {Path(images_paths[0]).name}"
    return ScoredClips(inputs, np.arange(len(labels)), labels, clips, subjects, origin, notes)


def _synthetic(clips: bool, file: WeightsFile | RivalFile) -> list[Note]:
    """Say that the clips are generated, or else that the weights were trained on such."""
    if clips:
        return [SYNTHETIC_CLIPS]
    return [SYNTHETIC_WEIGHTS] if file.metadata.get("synthetic") is True else []


def _require_in_order(paths: Sequence[str | Path], stacks: dict[str, np.ndarray], known: dict[str, Statistics]) -> None:
    """Refuse two arrays of which each is gray levels by the mean and maximum of the other input only."""
    if len(known) < 2:
        return
    (first, second), (one, other) = stacks.values(), known.values()
    swapped = _whole_levels(first, other) and _whole_levels(second, one)
    if swapped and not (_whole_levels(first, one) or _whole_levels(second, other)):
        names = list(stacks)
        raise MicroExpError(
            " and ".join(map(str, paths)),
            f"{' and '.join(names)}, in this order",
            f"{' and '.join(reversed(names))}, as the mean and maximum of the weights' training clips tell",
            "Give them the other way round.",
        )


def _whole_levels(images: np.ndarray, statistics: Statistics) -> bool:
    """Whether undoing a standardisation gives whole gray levels, 0 to 255. A shift by a whole level stays hidden."""
    levels = images.astype(np.float64) * (statistics.max - statistics.mean) + statistics.mean
    inside = levels.min() > -FROM_A_LEVEL and levels.max() < 255 + FROM_A_LEVEL
    return inside and np.abs(levels - np.rint(levels)).max() < FROM_A_LEVEL
