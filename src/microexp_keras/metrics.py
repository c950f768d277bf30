"""From true and predicted labels to scores; what is undefined is NaN, with the reason."""

import math
from dataclasses import asdict, dataclass

import numpy as np


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

    class_names: tuple
    confusion: tuple
    clips: int
    correct: int
    accuracy: float
    accuracy_interval: tuple
    majority_class: str
    majority_rate: float
    recall: tuple
    f1: tuple
    uar: float
    uf1: float
    undefined: tuple
    collapsed_to: str | None

    def as_json(self):
        """Return a dictionary for JSON, None standing for NaN."""

        def clean(value):
            if isinstance(value, tuple | list):
                return [clean(item) for item in value]
            return None if isinstance(value, float) and math.isnan(value) else value

        return {name: clean(value) for name, value in asdict(self).items()}


def score(true, predicted, class_names):
    """Compare predicted labels with true ones.

    Parameters
    ----------
    true, predicted : array of int, (clips,)
        Labels from 0 to `len(class_names) - 1`.
    class_names : sequence of str
        Names of the classes.

    Returns
    -------
    Scores

    References
    ----------
    UF1 and UAR: See et al., "MEGC 2019", FG 2019. Interval: Wilson, JASA 1927.
    """
    from sklearn.metrics import confusion_matrix

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


def wilson_interval(correct, clips, confidence=0.95):
    """Wilson score interval `(low, high)` of a proportion, each between 0 and 1."""
    from scipy.stats import binomtest

    interval = binomtest(correct, clips).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)
