"""From weights and clips, or the original's arrays, to scored clips and notes on them."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from microexp_keras import datasets, landmarks, preprocessing, protocols, weights
from microexp_keras.datasets.database import DATABASES, Database
from microexp_keras.errors import SYNTHETIC_CLIPS, SYNTHETIC_WEIGHTS, Issue, MicroExpError
from microexp_keras.models.networks import NETWORKS, RIVALS, get_method
from microexp_keras.preprocessing import Samples, Statistics
from microexp_keras.protocols import Protocol, splits
from microexp_keras.results.page import caveat, which_apply
from microexp_keras.text import counted
from microexp_keras.training.job import known_statistics
from microexp_keras.weights import WeightsFile

SAME_LEVEL = 0.5  # gray levels by which two standardisations may differ without a warning


class Learned(NamedTuple):
    """What a rival method, or a user's own, has learned; of the paper's networks `weights.WeightsFile` says as much."""

    path: str
    network: str
    metadata: dict[str, Any]
    assumption: str = ""
    frames_range: tuple[int, int] | None = None


class ScoredClips(NamedTuple):
    """Clips to be scored: samples, which of them (int array), what they are (`synthetic SMIC`), and caveats."""

    samples: Samples
    positions: np.ndarray
    origin: str
    notes: list[Issue]


def what_learned(path: str | Path, model: str | None = None) -> WeightsFile | Learned:
    """Say what a file is, reading no array; raise unless it is of a method of this package, or of one's own `model`.

    A file is not believed which function to import: who brings a model of their own names it.
    """
    metadata = weights.read_metadata(path)
    learner = str(metadata.get("model", ""))
    if model:
        own = get_method(model)
        if not own.is_own or own.title != learner.rpartition(":")[2]:
            found = f"{model} is not the function that learned {path} ({learner or 'unknown'})"
            raise MicroExpError("--model", found, "Leave it out if the file is of a method of this package.")
        return Learned(str(path), own.name, metadata)
    if learner in RIVALS:
        return Learned(str(path), learner, metadata)
    if learner and learner not in NETWORKS:
        found = f"was learned by a model of your own, {learner:.160}"
        raise MicroExpError(path, found, "Give --model MODULE:FUNCTION.")
    return weights.inspect(path)


def require_length(file: WeightsFile | Learned, asked: Database) -> None:
    """Raise a MicroExpError if the weights are for as many frames as another known database's clips have."""
    first, last = file.frames_range or (0, 0)
    fitting = [database for database in DATABASES.values() if first <= database.frames <= last]
    if fitting and asked.is_known and asked not in fitting:
        own = fitting[0]
        found = f"holds weights of {own.title} ({own.frames} frames), not of {asked.title} ({asked.frames} frames)"
        raise MicroExpError(file.path, found, f"Give --dataset {own.name}, or weights of {asked.title}.")


def from_options(args: argparse.Namespace, file: WeightsFile | Learned, database: Database) -> ScoredClips:
    """Read the clips, or the arrays, that the options of `evaluate` name."""
    protocol = protocols.for_weights(args.protocol, file.network, database, file.metadata)
    if args.validation_images:
        return from_arrays(args.validation_images, args.validation_labels, protocol, file)
    data = datasets.data_of(args, database)
    if args.landmarks and protocol.network.on_whole_face:
        raise MicroExpError("--landmarks", f"is for the fused networks, which {args.weights} is not", "Leave it out.")
    points = landmarks.CsvLandmarks(args.landmarks) if args.landmarks else None
    options: dict[str, Any] = datasets.chosen_options(args)
    samples = preprocessing.load_samples(data, protocol, points, **options)
    clips = from_samples(samples, protocol, file, database.origin(samples.synthetic), args.clips)
    if points:
        clips.notes.append(Issue("info", f"Landmarks from {args.landmarks}."))
    return clips


def from_samples(
    samples: Samples, protocol: Protocol, file: WeightsFile | Learned, origin: str, part: str | None = None
) -> ScoredClips:
    """Take clips that a protocol scores, standardised as the weights were trained.

    These are its test clips, of several folds those of the fold that the weights are of; if they are of none, or `part`
    is `"all"`, all.
    """
    folds, metadata = preprocessing.folds(protocol, samples), file.metadata
    fingerprint, split = metadata.get("data_fingerprint"), metadata.get("split")
    divided_so = fingerprint == samples.fingerprint and split == protocol.split.__name__
    left_out = (fold for fold in folds if samples.subjects_of(fold.test) == metadata.get("test_subjects"))
    trained = next(left_out, None) if divided_so else None
    fold = trained or (folds[0] if len(folds) == 1 else None)
    if fold is None or part == "all":
        of_others = fingerprint not in (None, samples.fingerprint)
        chosen, said = np.arange(len(samples.names)), "all of them" + "; the weights are of other clips" * of_others
    elif len(folds) > 1:
        chosen, said = fold.test, f"subject {samples.subjects[fold.test[0]]}, whom the weights' fold left out"
    else:
        chosen, said = fold.test, f"the test clips of protocol {protocol.name}"
    known, none = None if metadata.get("started_from") else trained, chosen[:0]
    train = known.train if known else none
    validation = known.validation if known and "resume" not in metadata else none  # a run's last epoch is not chosen
    seen = np.isin(samples.clips[chosen], samples.clips[train]).any()
    notes = [
        *samples.all_notes,
        *(_about_levels(samples, known_statistics(file)) if protocol.standardized_by != "method" else ()),
        caveat("scored", count=len(chosen), clips=counted(len(samples.names), "clip"), which=said),
        *which_apply({caveat("unknown_training"): not known, caveat("not_trained_on"): known and not seen}),
        *map(Issue.of, preprocessing.remarks(splits.Fold(train, validation, chosen), samples)),
        *_synthetic(samples.synthetic, file),
    ]
    return ScoredClips(samples, chosen, origin, notes)


def _about_levels(samples: Samples, known: Mapping[str, Statistics]) -> Iterator[Issue]:
    """Warn where clips may be standardised by other levels than those that trained."""
    for name, stack in samples.stacks.items():
        own = preprocessing.measure(stack)
        if name not in known:
            yield caveat("own_levels", name=name, own=own)
        elif max(abs(known[name].mean - own.mean), abs(known[name].max - own.max)) > SAME_LEVEL:
            yield caveat("other_levels", name=name, own=own, known=known[name])


def from_arrays(
    images_paths: Sequence[str | Path], labels_path: str | Path, protocol: Protocol, file: WeightsFile | Learned
) -> ScoredClips:
    """Take the validation arrays that the original programs save, standardised already; see `original_npy.read`.

    A method that sees gray levels is refused.
    """
    if protocol.model not in NETWORKS:
        found = f"go with the paper's networks, not with {protocol.network.title}"
        raise MicroExpError("--validation-images", found, "Take --data PATH.")
    samples = preprocessing.load_arrays(images_paths, labels_path, protocol)
    eyes, *mouth = samples.stacks.values()
    notes = which_apply(
        {
            caveat("arrays"): True,
            caveat("arrays_alike"): mouth and np.array_equal(eyes, mouth[0]),
            caveat("arrays_levels"): not known_statistics(file),
        }
    )
    notes += _synthetic(samples.synthetic, file)
    origin = f"{'synthetic ' * samples.synthetic}arrays {Path(images_paths[0]).name}"
    return ScoredClips(samples, np.arange(len(samples.names)), origin, notes)


def _synthetic(clips: bool, file: WeightsFile | Learned) -> list[Issue]:
    """Say that the clips are generated, or else that the weights were trained on such."""
    trained_so = file.metadata.get("synthetic") is True
    return which_apply({SYNTHETIC_CLIPS: clips, SYNTHETIC_WEIGHTS: trained_so and not clips})
