"""From weights and clips, or the original's arrays, to what is scored and what a reader must know of it."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from microexp_keras import preprocessing, splits
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import Statistics

SAME_LEVEL = 0.5  # gray levels by which two standardisations may differ without a warning
FROM_A_LEVEL = 0.1  # and by which a pixel may miss a whole gray level


@dataclass(frozen=True)
class ScoredClips:
    """Clips to be scored.

    Attributes
    ----------
    inputs : float32 array (clips, rows, columns, time, 1), standardised
    labels : int array (clips,)
    names : list of str
    origin : str
        What they are, for a headline: `synthetic SMIC`.
    notes : list of str
        What a reader must know to judge the scores.
    """

    inputs: np.ndarray
    labels: np.ndarray
    names: list
    origin: str
    notes: list


def known_statistics(file):
    """Return the standardisation that a weights file (`weights.WeightsFile`) names, None if it names none."""
    named = file.metadata.get("statistics")
    if named is None:
        return None
    try:
        statistics = Statistics(float(named["mean"]), float(named["max"]))
        if math.isfinite(statistics.mean) and 0 <= statistics.mean < statistics.max <= 255:
            return statistics
    except (TypeError, KeyError, ValueError, OverflowError):
        pass
    raise MicroExpError(f"{file.path}: statistics: expected 0 <= mean < max <= 255, found {str(named)[:80]!a}.")


def from_samples(samples, protocol, file, origin, all_clips=False):
    """Take the clips that a protocol holds out, or all, standardised as the weights were trained.

    Parameters
    ----------
    samples : preprocessing.Samples
    protocol : protocols.Protocol
    file : weights.WeightsFile
    origin : str
        For the headline.
    all_clips : bool
        Take all, not only those that the protocol holds out.

    Returns
    -------
    ScoredClips
    """
    notes, trained = [], file.metadata
    own, known = preprocessing.measure(samples.stacks), known_statistics(file)
    if known is None:
        notes.append(
            "WARNING: the weights file does not say by which mean and maximum its training clips were standardised. "
            f"These clips are standardised by their own (mean {own.mean:.3f}, maximum {own.max:.0f}); if those of the "
            "training clips differed, this is not the accuracy of the weights."
        )
    elif max(abs(known.mean - own.mean), abs(known.max - own.max)) > SAME_LEVEL:
        notes.append(
            f"WARNING: these clips have mean {own.mean:.3f} and maximum {own.max:.0f}, those that the weights were "
            f"trained on had {known.mean:.3f} and {known.max:.0f}; the latter are used. The images differ (crop, "
            "light, camera), and the accuracy suffers."
        )
    same_data = trained.get("data_fingerprint") == samples.fingerprint
    if all_clips:
        chosen = np.arange(len(samples.clips))
        seen = "training clips among them" if same_data else "perhaps training clips among them: that is not known"
        notes.append(f"All {len(chosen)} clips are scored, {seen}.")
    else:
        [fold] = protocol.split(samples.labels, samples.subjects)
        chosen = fold.score
        held_out = f"the {len(chosen)} clips that protocol {protocol.name} holds out are scored"
        if same_data and trained.get("split") == protocol.split.__name__ and not trained.get("started_from"):
            last = "resume" in trained  # the state of a run's last epoch: no epoch was chosen
            scored = replace(fold, select=fold.select[:0]) if last else fold
            notes += [f"Only {held_out}; the weights were not trained on them."]
            notes += splits.remarks(scored, samples.subjects)
        else:
            notes.append(f"WARNING: {held_out}; whether the weights were trained on some of them is not known.")
    faces, _ = preprocessing.standardize(samples.stacks[chosen], known or own)
    names = [samples.clips[position].id for position in chosen]
    return ScoredClips(faces[..., None], samples.labels[chosen], names, origin, notes)


def from_arrays(images_path, labels_path, num_classes, file):
    """Read the validation arrays that the original programs save, standardised already.

    Parameters
    ----------
    images_path : str or Path
        .npy, float32 `(clips, 1, rows, columns, time)`.
    labels_path : str or Path
        .npy, labels `(clips,)` or one-hot `(clips, num_classes)`.
    num_classes : int
    file : weights.WeightsFile

    Returns
    -------
    ScoredClips

    Raises
    ------
    MicroExpError
        If an array is not like that. Pickled objects are never loaded.
    """
    images, labels = _read_npy(images_path), _read_npy(labels_path)
    fits = images.ndim == 5 and images.shape[1] == 1 and images.dtype == np.float32 and images.size > 0
    if not fits or not np.isfinite(images).all():
        raise MicroExpError(
            f"{images_path}: expected finite float32 of shape (clips, 1, rows, columns, time), found {images.dtype} "
            f"of shape {images.shape}{' with NaN or infinity' if fits else ''}."
        )
    one_hot = [0] * (num_classes - 1) + [1]
    if labels.ndim == 2 and labels.shape[1] == num_classes and (np.sort(labels, axis=1) == one_hot).all():
        labels = labels.argmax(axis=1)
    if labels.shape != (len(images),) or not np.isin(labels, np.arange(num_classes)).all():
        raise MicroExpError(
            f"{labels_path}: expected {len(images)} labels from 0 to {num_classes - 1}, or one-hot rows of "
            f"{num_classes}, found {labels.dtype} of shape {labels.shape}."
        )
    notes = [
        "What the arrays hold, only those who saved them know. If the epoch of the weights was chosen on them, as the "
        "original does, or their subjects are in the training clips, the score is optimistic."
    ]
    known = known_statistics(file)
    if known is None:
        notes.append(
            "WARNING: the weights file does not say by which mean and maximum its training clips were standardised. "
            "If the arrays are not from the same run, this is not the accuracy of the weights."
        )
    elif not _whole_levels(images, known):
        notes.append(
            f"WARNING: undoing the standardisation of the weights' training clips (mean {known.mean:.3f}, maximum "
            f"{known.max:.0f}) does not give gray levels: the arrays were standardised differently, and the accuracy "
            "suffers."
        )
    name = Path(images_path).name
    names = [f"{name}[{position}]" for position in range(len(images))]
    return ScoredClips(images.transpose(0, 2, 3, 4, 1), labels.astype(int), names, f"arrays {name}", notes)


def _whole_levels(images, statistics):
    """Whether undoing a standardisation gives whole gray levels, 0 to 255. A shift by a whole level stays hidden."""
    levels = images.astype(np.float64) * (statistics.max - statistics.mean) + statistics.mean
    inside = levels.min() > -FROM_A_LEVEL and levels.max() < 255 + FROM_A_LEVEL
    return inside and np.abs(levels - np.rint(levels)).max() < FROM_A_LEVEL


def _read_npy(path):
    try:
        array = np.load(path, allow_pickle=False)
    except Exception as error:  # numpy's reader fails in many ways on foreign files
        raise MicroExpError(f"{path}: expected a .npy file of numbers, found something else ({error}).") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise MicroExpError(f"{path}: expected a .npy file of numbers, found {type(array).__name__} of other things.")
    return array
