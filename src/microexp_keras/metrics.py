"""From true and predicted labels to scores; what is undefined is NaN, with the reason."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from microexp_keras.errors import MicroExpError


@dataclass(frozen=True)
class Scores:
    """Scores of one set of predictions.

    Attributes
    ----------
    class_names : tuple of str
        In the order of the labels, rows and columns below.
    confusion : tuple of tuple of int
        Clips by true class (rows) and predicted class (columns).
    clips, correct : int
        How many were scored, how many of them right.
    accuracy : float
        `correct / clips`.
    accuracy_interval : (float, float)
        Wilson 95 % interval of the accuracy; it takes the clips as independent, which clips of one subject are not.
    majority_class : str
        The most frequent true class.
    majority_rate : float
        Accuracy of always answering `majority_class`.
    recall, f1 : tuple of float
        Of each class; NaN for a class without clips.
    uar, uf1 : float
        Unweighted average recall and unweighted F1 (means over classes); NaN if any class has no clips.
    undefined : tuple of str
        Why something is NaN; empty when nothing is.
    collapsed_to : str or None
        The class, if every clip was given the same one.
    """

    class_names: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    clips: int
    correct: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    majority_class: str
    majority_rate: float
    recall: tuple[float, ...]
    f1: tuple[float, ...]
    uar: float
    uf1: float
    undefined: tuple[str, ...]
    collapsed_to: str | None

    def as_json(self) -> dict[str, Any]:
        """Return a dictionary for JSON, None standing for NaN."""
        return for_json(asdict(self))


def for_json(value: Any) -> Any:
    """Return the value, or a dictionary, tuple or list of values, with None in the place of NaN."""
    if isinstance(value, dict):
        return {name: for_json(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [for_json(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def score(
    true: Sequence[int] | np.ndarray, predicted: Sequence[int] | np.ndarray, class_names: Sequence[str]
) -> Scores:
    """Compare predicted labels with true ones.

    Parameters
    ----------
    true, predicted : array of int or str, (clips,)
        Labels from 0 to `len(class_names) - 1`, or names of the classes.
    class_names : sequence of str
        Names of the classes.

    Returns
    -------
    Scores

    Raises
    ------
    MicroExpError
        If a label is none of the classes (the positions are named), if the two differ in length, or if there are none.

    References
    ----------
    UF1 and UAR: See et al., "MEGC 2019", FG 2019. Interval: Wilson, JASA 1927.
    """
    from sklearn.metrics import confusion_matrix

    true, predicted = _labels("true", true, class_names), _labels("predicted", predicted, class_names)
    if len(true) != len(predicted) or not len(true):
        raise MicroExpError("labels", "a true and a predicted one for each clip", f"{len(true)} and {len(predicted)}")
    confusion = confusion_matrix(true, predicted, labels=np.arange(len(class_names)))
    clips, correct = int(confusion.sum()), int(np.trace(confusion))
    actual, answered, right = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
    present = actual > 0
    recall = np.divide(right, actual, out=np.full(len(class_names), np.nan), where=present)
    f1 = np.divide(2 * right, actual + answered, out=np.full(len(class_names), np.nan), where=present)
    answers = np.flatnonzero(answered)
    return Scores(
        class_names=tuple(class_names),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        clips=clips,
        correct=correct,
        accuracy=correct / clips,
        accuracy_interval=wilson_interval(correct, clips),
        majority_class=class_names[int(actual.argmax())],
        majority_rate=float(actual.max() / clips),
        recall=tuple(recall.tolist()),
        f1=tuple(f1.tolist()),
        uar=float(recall.mean()),
        uf1=float(f1.mean()),
        undefined=tuple(
            f"recall and F1 of {name}, hence UAR and UF1: none of the {clips} clips is of this class"
            for name, here in zip(class_names, present, strict=True)
            if not here
        ),
        collapsed_to=class_names[answers[0]] if len(answers) == 1 and clips > 1 else None,
    )


def _labels(which: str, values: Sequence[Any] | np.ndarray, class_names: Sequence[str]) -> np.ndarray:
    """Return labels as int array (clips,); raise if any is none of the classes."""
    labels, numbers = np.asarray(values), range(len(class_names))
    expected = f"labels 0 to {len(class_names) - 1} ({', '.join(class_names)}), one for each clip"
    if labels.ndim != 1:
        remedy = "Take argmax(axis=1) of one-hot rows or probabilities." if labels.ndim == 2 else "Flatten it."
        raise MicroExpError(which, expected, f"an array of shape {labels.shape}", remedy)
    if labels.dtype.kind in "UO":
        names = {name: number for number, name in enumerate(class_names)}
        labels = np.array([names.get(label, label) for label in labels.tolist()], object)
    wrong = [place for place, label in enumerate(labels.tolist()) if label not in numbers]
    if wrong:
        shown = ", ".join(f"{labels[place]!s} at position {place}" for place in wrong[:5])
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise MicroExpError(which, expected, f"{shown}{more}", "Score only clips that have an answer; count from 0.")
    return labels.astype(int)


def subject_intervals(
    true: Sequence[int] | np.ndarray,
    predicted: Sequence[int] | np.ndarray,
    subjects: Sequence[str],
    num_classes: int,
    resamples: int = 5000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Return bootstrap intervals of the scores, resampling subjects, since clips of one person are not independent.

    Subjects are drawn with replacement, with all their clips; the intervals are percentiles of the scores so found.
    With a handful of subjects they are rather too short than too long.

    Parameters
    ----------
    true, predicted : array of int, (clips,)
        Labels from 0 to `num_classes - 1`.
    subjects : sequence of str, (clips,)
    num_classes : int
    resamples, seed, confidence
        How many times subjects are drawn, from which seed; the share that the intervals shall cover.

    Returns
    -------
    dict
        `accuracy`, `uf1`, `uar`: (low, high), NaN where the score itself is not defined, or every draw has the same, as
        with one subject only or when all answers are right: then drawing subjects tells nothing.
        `same_in_all`: which of the three have one value in all draws that count.
        `subjects`, `resamples`: how many; `lacking`: how many of the draws lack a class, for which UF1 and UAR are not
        defined and which do not count in their intervals.

    References
    ----------
    Field and Welsh, "Bootstrapping clustered data", JRSS B 2007: the cluster bootstrap.
    """
    names, owner = np.unique(np.asarray(subjects, str), return_inverse=True)
    tables = np.zeros((len(names), num_classes, num_classes), int)
    np.add.at(tables, (owner, np.asarray(true), np.asarray(predicted)), 1)
    drawn = np.random.default_rng(seed).integers(len(names), size=(resamples, len(names)))
    confusion = tables[drawn].sum(axis=1)  # (resamples, classes, classes)
    right = np.diagonal(confusion, axis1=1, axis2=2)
    actual, answered = confusion.sum(axis=2), confusion.sum(axis=1)
    whole = (actual > 0).all(axis=1)
    values = {
        "accuracy": right.sum(axis=1) / actual.sum(axis=1),
        "uf1": (2 * right[whole] / (actual[whole] + answered[whole])).mean(axis=1),
        "uar": (right[whole] / actual[whole]).mean(axis=1),
    }
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    found = {
        name: tuple(np.quantile(of_name, tails).tolist()) if len(of_name) and np.ptp(of_name) else (math.nan, math.nan)
        for name, of_name in values.items()
    }
    same = [name for name, of_name in values.items() if len(of_name) and not np.ptp(of_name)]
    return {
        **found,
        "same_in_all": same,
        "subjects": len(names),
        "resamples": resamples,
        "lacking": int((~whole).sum()),
    }


@dataclass(frozen=True)
class Pair:
    """Two methods on the same clips; see `paired`.

    Attributes
    ----------
    first_only, second_only : int
        Clips that only one of them calls right.
    p_clips : float
        Exact McNemar test: the clips on which they differ are thrown coins.
    first_subjects, second_subjects : int
        Subjects of whom one calls more clips right than the other.
    p_subjects : float
        Sign test over these subjects.
    """

    first_only: int
    second_only: int
    p_clips: float
    first_subjects: int
    second_subjects: int
    p_subjects: float


def paired(
    first: Sequence[bool] | np.ndarray, second: Sequence[bool] | np.ndarray, subjects: Sequence[str | None]
) -> Pair:
    """Test whether two methods differ in accuracy: exact McNemar test over clips, sign test over subjects.

    McNemar's test takes clips as independent, which clips of one subject are not; beside it stand the subjects.

    Parameters
    ----------
    first, second : bool array (clips,)
        Which clips each calls right, the same clips in the same order.
    subjects : sequence of str or None, (clips,)

    Returns
    -------
    Pair

    References
    ----------
    McNemar, "Note on the sampling error of the difference between correlated proportions", Psychometrika 1947.
    """
    gain = np.asarray(first, int) - np.asarray(second, int)
    _, owner = np.unique(np.array([str(subject) for subject in subjects]), return_inverse=True)
    clips, people = ((int((values > 0).sum()), int((values < 0).sum())) for values in (gain, np.bincount(owner, gain)))
    return Pair(*clips, _coins(*clips), *people, _coins(*people))


def _coins(heads: int, tails: int) -> float:
    """Return the two-sided binomial p value of so many heads and tails; 1 if there are none."""
    from scipy.stats import binomtest

    return float(binomtest(heads, heads + tails).pvalue) if heads + tails else 1.0


def wilson_interval(correct: int, clips: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval `(low, high)` of a proportion, each between 0 and 1."""
    from scipy.stats import binomtest

    interval = binomtest(correct, clips).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)
