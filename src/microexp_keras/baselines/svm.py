"""From kernel, labels and subjects of training clips to a support vector machine of scikit-learn, and to its votes."""

import itertools
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from microexp_keras.errors import MicroExpError

if TYPE_CHECKING:
    from sklearn.svm import SVC


def linear_kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the inner products of float (clips, features) and (others, features): float64 (clips, others)."""
    return first.astype(np.float64) @ second.astype(np.float64).T


def chi_square_kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the sums of `2 x y / (x + y)`, 0 where both are 0, of histograms: as `linear_kernel`.

    scikit-learn has the sums of `- (x - y)^2 / (x + y)`.

    References
    ----------
    Vedaldi and Zisserman, "Efficient additive kernels via explicit feature maps", PAMI 34(3), 2012.
    """
    from sklearn.metrics.pairwise import additive_chi2_kernel

    first, second = first.astype(np.float64), second.astype(np.float64)
    return (first.sum(axis=1)[:, None] + second.sum(axis=1) + additive_chi2_kernel(first, second)) / 2


def with_cost(gram: np.ndarray, labels: np.ndarray, cost: float) -> "SVC":
    """Fit a machine of a cost on the kernel of its training clips, one class against one."""
    from sklearn.svm import SVC

    return SVC(C=cost, kernel="precomputed", decision_function_shape="ovo").fit(gram, labels)


def fit(gram: np.ndarray, labels: np.ndarray, subjects: Sequence[str], costs: Sequence[float], parts: int) -> "SVC":
    """Choose the cost C on inner subject folds, then fit on all clips.

    The subjects are divided by scikit-learn's `StratifiedGroupKFold` into `parts`, fewer if there are fewer subjects,
    or no class has as many clips; each part in turn is predicted from the others. The cost with most clips right is
    taken, of equally good ones the smallest. The kernel `gram` of the training clips is float64 (clips, clips).
    """
    from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
    from sklearn.svm import SVC

    counts, people = np.unique(labels, return_counts=True)[1], len(set(subjects))
    if min(len(counts), people) < 2:
        found = f"needs training clips of two classes and two subjects, and has {len(counts)} and {people}"
        raise MicroExpError("support vector machine", found, "Take more clips.")
    with warnings.catch_warnings():  # that a class has fewer clips than there are parts
        warnings.simplefilter("ignore", UserWarning)
        splits = StratifiedGroupKFold(min(parts, people, int(counts.max()))).split(gram, labels, subjects)
        telling = [(learn, check) for learn, check in splits if len(np.unique(labels[learn])) > 1]
    costs = sorted(costs)
    if not telling:  # without any part only one class is left: no cost is better than another
        return with_cost(gram, labels, costs[0])

    def right(machine: "SVC", gram: np.ndarray, labels: np.ndarray) -> int:
        return int((machine.predict(gram) == labels).sum())  # subjects differ in clips, and each clip counts once

    search = GridSearchCV(SVC(kernel="precomputed"), {"C": costs}, scoring=right, cv=telling, refit=False)
    return with_cost(gram, labels, search.fit(gram, labels).best_params_["C"])


def vote_shares(machine: "SVC", kernel: np.ndarray, num_classes: int) -> np.ndarray:
    """Return which share of the votes of all pairs of classes each class gets, float64 (clips, num_classes).

    The class with most votes is predicted, at a tie the first.
    """
    decisions = machine.decision_function(kernel)
    if len(machine.classes_) == 2:  # scikit-learn turns the sign round
        decisions = -decisions[:, None]
    votes, pairs = np.zeros((len(kernel), num_classes)), [*itertools.combinations(machine.classes_, 2)]
    for decision, (first, second) in zip(decisions.T, pairs, strict=True):
        votes[np.arange(len(kernel)), np.where(decision > 0, first, second)] += 1
    return votes / len(pairs)
