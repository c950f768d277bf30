"""From true and predicted labels to scores; what is undefined is NaN, with the reason."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from microexp_keras.errors import SHOWN, MicroExpError


@dataclass(frozen=True, repr=False)
class Scores:
    """Scores of one set of predictions. A rate of a class without clips is NaN, and so are the means over classes."""

    class_names: tuple[str, ...]  #: In the order of the labels.
    confusion: tuple[tuple[int, ...], ...]  #: Clips by true class (rows) and predicted class (columns).
    clips: int  #: How many were scored.
    correct: int  #: How many of them were predicted correctly.
    accuracy: float  #: `correct / clips`.
    accuracy_interval: tuple[float, float]  #: Wilson 95 % interval, which takes the clips as independent.
    majority_class: str  #: The most frequent true class.
    majority_rate: float  #: Accuracy of the majority-class baseline, which predicts `majority_class` for every clip.
    recall: tuple[float, ...]  #: Of each class.
    f1: tuple[float, ...]  #: Of each class.
    uar: float  #: Unweighted average recall.
    uf1: float  #: Unweighted F1.
    undefined: tuple[str, ...]  #: Why something is NaN.
    collapsed_to: str | None  #: The class, if a single one was predicted for all clips.

    def __repr__(self) -> str:
        low, high = self.accuracy_interval
        return (
            f"accuracy {self.accuracy:.2%} ({self.correct}/{self.clips}; 95 % interval {low:.1%} to {high:.1%}), "
            f"UF1 {self.uf1:.4f}, UAR {self.uar:.4f}; majority-class baseline {self.majority_rate:.1%}"
        )

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
        found = f"each clip needs a true and a predicted one, but there are {len(true)} and {len(predicted)}"
        raise MicroExpError("labels", found)
    confusion = confusion_matrix(true, predicted, labels=np.arange(len(class_names)))
    clips, correct = int(confusion.sum()), int(np.trace(confusion))
    actual, answered, right = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
    missing = np.where(actual > 0, 0, np.nan)
    recall = right / actual.clip(1) + missing
    f1 = 2 * right / (actual + answered).clip(1) + missing
    reason = f"hence UAR and UF1: none of the {clips} clips is of this class"
    answers, absent = np.flatnonzero(answered), np.flatnonzero(actual == 0).tolist()
    return Scores(
        class_names=tuple(class_names),
        confusion=tuple(map(tuple, confusion.tolist())),
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
        undefined=tuple(f"recall and F1 of {class_names[label]}, {reason}" for label in absent),
        collapsed_to=class_names[answers[0]] if len(answers) == 1 and clips > 1 else None,
    )


def _labels(which: str, values: Sequence[Any] | np.ndarray, class_names: Sequence[str]) -> np.ndarray:
    """Return labels, numbers or names, as int array (clips,); raise if any is none of the classes."""
    labels, count = np.asarray(values), len(class_names)
    known = f"0 to {count - 1} ({', '.join(class_names)})"
    if labels.ndim != 1:
        said = f"give a label, {known}, for each clip, not an array of shape {labels.shape}"
        raise MicroExpError(which, said, "Take argmax(axis=1) of one-hot rows or probabilities.")
    numbers = {name: number for number, name in enumerate(class_names)} | {number: number for number in range(count)}
    found = labels.tolist()
    if wrong := [f"{label} at position {place}" for place, label in enumerate(found) if label not in numbers]:
        said = f"labels go from {known}, but {', '.join(wrong[:SHOWN])}{' and more' * (len(wrong) > SHOWN)}"
        raise MicroExpError(which, said, "Score only clips that have an answer; count from 0.")
    return np.array([numbers[label] for label in found], int)


def subject_intervals(
    true: Sequence[int] | np.ndarray,
    predicted: Sequence[int] | np.ndarray,
    subjects: Sequence[str],
    num_classes: int,
    resamples: int = 5000,
) -> dict[str, Any]:
    """Return 95 % bootstrap intervals of the scores, over subjects: clips of one person are not independent.

    Subjects are drawn with replacement, with all their clips; the intervals are percentiles of the scores so found.
    With a handful of subjects they are rather too short than too long.

    Parameters
    ----------
    true, predicted : array of int, (clips,)
    subjects : sequence of str, (clips,)
    num_classes, resamples : int

    Returns
    -------
    dict
        `accuracy`, `uf1`, `uar`: (low, high), NaN where the score itself is undefined, or has the same value in every
        draw, as with a single subject or all predictions correct; `zero_width`: which of them have the same value.
        `subjects`, `resamples`: how many; `lacking`: how many draws lack a class: UF1 and UAR are of the others.

    References
    ----------
    Field and Welsh, "Bootstrapping clustered data", JRSS B 2007: the cluster bootstrap.
    """
    names, owner = np.unique(np.asarray(subjects, str), return_inverse=True)
    people = len(names)
    tables = np.zeros((people, num_classes, num_classes), int)
    np.add.at(tables, (owner, np.asarray(true), np.asarray(predicted)), 1)
    random, flat = np.random.default_rng(0), tables.reshape(people, -1)
    draws = (np.bincount(random.integers(people, size=people), minlength=people) for _ in range(resamples))
    confusion = np.stack([times_drawn @ flat for times_drawn in draws]).reshape(-1, num_classes, num_classes)
    right = np.diagonal(confusion, axis1=1, axis2=2)
    actual, answered = confusion.sum(axis=2), confusion.sum(axis=1)
    whole = (actual > 0).all(axis=1)
    values = {
        "accuracy": right.sum(axis=1) / actual.sum(axis=1),
        "uf1": (2 * right[whole] / (actual[whole] + answered[whole])).mean(axis=1),
        "uar": (right[whole] / actual[whole]).mean(axis=1),
    }
    varied = {name for name, of_name in values.items() if len(of_name) and np.ptp(of_name) > 0}
    intervals = {name: tuple(np.quantile(values[name], [0.025, 0.975]).tolist()) for name in varied}
    return {
        **{name: intervals.get(name, (math.nan, math.nan)) for name in values},
        "zero_width": [name for name, of_name in values.items() if len(of_name) and name not in varied],
        "subjects": people,
        "resamples": resamples,
        "lacking": int((~whole).sum()),
    }


@dataclass(frozen=True, repr=False)
class Pair:
    """Two methods on the same clips; see `paired`."""

    first_only: int  #: Clips that only the first predicts correctly.
    second_only: int
    p_clips: float  #: Exact McNemar test over clips, which ignores whose clips they are.
    first_subjects: int  #: Subjects of whom the first predicts more clips correctly.
    second_subjects: int
    p_subjects: float | None  #: Permutation test that swaps whole subjects; None if no clip's subject is known.

    def __repr__(self) -> str:
        subjects = "no subject is known" if self.p_subjects is None else f"p = {self.p_subjects:.2g}"
        return (
            f"clips that only one predicts correctly: {self.first_only} the first, {self.second_only} the second; "
            f"permutation test over subjects: {subjects}; McNemar's test over clips: p = {self.p_clips:.2g}"
        )


def paired(
    first: Sequence[bool] | np.ndarray, second: Sequence[bool] | np.ndarray, subjects: Sequence[str | None]
) -> Pair:
    """Test whether two methods differ in accuracy.

    McNemar's test takes clips as independent, which clips of one subject are not. The permutation test exchanges the
    two methods' predictions for all clips of a subject at once. Clips without a subject are left out of it.

    Parameters
    ----------
    first, second : bool array (clips,)
        Which clips each predicts correctly, the same clips in the same order.
    subjects : sequence of str or None, (clips,)

    References
    ----------
    McNemar, Psychometrika 1947. Ernst, "Permutation methods: a basis for exact inference", Statistical Science 2004.
    """
    import pandas as pd
    from scipy.stats import binomtest

    gains = pd.Series(np.asarray(first, int) - np.asarray(second, int))
    of_subjects = gains.groupby(np.asarray(subjects, object)).sum()  # None is nobody's
    clips, people = ((int((values > 0).sum()), int((values < 0).sum())) for values in (gains, of_subjects))
    p_clips = float(binomtest(clips[0], sum(clips)).pvalue) if any(clips) else 1.0
    return Pair(*clips, p_clips, *people, swapped_p(of_subjects) if len(of_subjects) else None)


def swapped_p(gains: Sequence[int] | np.ndarray) -> float:
    """Return the exact two-sided p value of a sum of gains, one a subject, each as likely with the other sign.

    All 2 ** subjects exchanges are counted, by adding one subject after the other to the distribution of the sum.
    """
    gains = np.asarray(gains, int)
    largest = int(np.abs(gains).sum())
    chances = np.zeros(2 * largest + 1)  # of the sums -largest to largest
    chances[largest] = 1
    for gain in gains[gains != 0]:
        chances = (np.roll(chances, gain) + np.roll(chances, -gain)) / 2
    sums = np.arange(-largest, largest + 1)
    return float(chances[np.abs(sums) >= abs(gains.sum())].sum())


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number: Holm, Scandinavian Journal of Statistics 1979."""
    values = np.asarray(p_values, float)
    order = np.argsort(values)
    raised = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    return np.minimum(raised, 1)[np.argsort(order)].tolist()


def wilson_interval(correct: int, clips: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval `(low, high)` of a proportion, each between 0 and 1."""
    from scipy.stats import binomtest

    interval = binomtest(correct, clips).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)
