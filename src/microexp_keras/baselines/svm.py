"""From a Gram matrix, labels and subjects to a support vector machine fitted on the training clips only."""

import itertools
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from microexp_keras.errors import MicroExpError

COSTS: tuple[float, ...] = (0.1, 1.0, 2.0, 10.0, 100.0, 1000.0)
PARTS: int = 5  # of the training subjects, to choose the cost


@dataclass(frozen=True)
class FittedSvm:
    """A one-against-one support vector machine as plain arrays.

    Attributes
    ----------
    cost : float
        C, as chosen on parts of the training subjects.
    right : dict of float to int
        For each cost that was tried, how many training clips were predicted right when their subjects were left out.
    classes : int array (classes,)
        Labels that occur in training, in ascending order.
    support : int array (supports,)
        Positions of the support vectors among all clips, class by class.
    per_class : int array (classes,)
        How many of them are of each class.
    coefficients : float64 array (classes - 1, supports)
        Of each support vector against each of the other classes, in libsvm's order.
    intercepts : float64 array (pairs of classes,)
    """

    cost: float
    right: dict[float, int]
    classes: np.ndarray
    support: np.ndarray
    per_class: np.ndarray
    coefficients: np.ndarray
    intercepts: np.ndarray

    def predict(self, gram: np.ndarray, clips: np.ndarray) -> np.ndarray:
        """Predict the labels of some clips.

        Parameters
        ----------
        gram : float64 array (all clips, all clips)
        clips : int array
            Positions of those to predict.

        Returns
        -------
        int array, as long as `clips`
        """
        counted = votes(vars(self), np.asarray(gram)[np.ix_(np.asarray(clips, int), self.support)])
        return self.classes[counted.argmax(axis=1)]


@dataclass(frozen=True)
class LeftOut:
    """Predictions of all clips, each by a machine fitted without its subject.

    Attributes
    ----------
    predicted : int array (clips,)
    machines : dict of str to FittedSvm
        By the name of the subject left out.
    """

    predicted: np.ndarray
    machines: dict[str, FittedSvm]


def fit(
    gram: np.ndarray,
    labels: np.ndarray,
    subjects: Sequence[str],
    train: np.ndarray,
    costs: Sequence[float] = COSTS,
    parts: int = PARTS,
) -> FittedSvm:
    """Choose the cost C on inner subject folds, then fit on all training clips.

    The subjects are divided by scikit-learn's `StratifiedGroupKFold`; each part in turn is predicted from the others.
    The cost with most clips right is taken, of equally good ones the smallest.

    Parameters
    ----------
    gram : float64 array (clips, clips)
        Of all clips; only rows and columns of training clips are looked at.
    labels : int array (clips,)
    subjects : sequence of str (clips,)
    train : int array
        Positions of the training clips.
    costs : sequence of float
        To choose from, in ascending order.
    parts : int
        At most so many parts; fewer if there are fewer subjects, or no class has as many clips.

    Returns
    -------
    FittedSvm

    Raises
    ------
    MicroExpError
        If training clips are of fewer than two classes or two subjects, or their Gram matrix is none: with one that is
        not symmetric libsvm may never end.
    """
    train, labels = np.sort(np.asarray(train, int)), np.asarray(labels)
    owner = _owners(subjects)[train]
    found = (len(np.unique(labels[train])), len(np.unique(owner)))
    if min(found) < 2:
        raise MicroExpError(
            "support vector machine",
            "training clips of at least two classes and two subjects",
            f"{found[0]} and {found[1]}",
            "Take more clips.",
        )
    _require_kernel(gram, len(labels), train)
    inner = _parts_of_subjects(labels[train], owner, parts)
    right = {}
    for cost in costs:
        right[cost] = 0
        for learn, check in inner:
            machine = _machine(gram, labels, train[learn], cost)
            right[cost] += int((machine.predict(gram, train[check]) == labels[train[check]]).sum())
    best = max(sorted(costs), key=right.__getitem__)  # the first of equals
    return _machine(gram, labels, train, best, right)


def leave_one_subject_out(
    gram_of: Callable[[np.ndarray], np.ndarray],
    labels: np.ndarray,
    subjects: Sequence[str],
    costs: Sequence[float] = COSTS,
    parts: int = PARTS,
) -> LeftOut:
    """Predict each subject's clips with a machine fitted on all others.

    Parameters
    ----------
    gram_of : callable
        Takes the positions of the training clips and gives the Gram matrix of all clips, features and all learned from
        the training clips; `lambda train: gram` where nothing is learned.
    labels, subjects, costs, parts
        As for `fit`.

    Returns
    -------
    LeftOut

    Raises
    ------
    MicroExpError
        As `fit` does for each subject left out.
    """
    owner = _owners(subjects)
    predicted, machines = np.empty(len(owner), int), {}
    for subject in np.unique(owner):
        train, score = np.flatnonzero(owner != subject), np.flatnonzero(owner == subject)
        gram = gram_of(train)
        machines[str(subject)] = fit(gram, labels, subjects, train, costs, parts)
        predicted[score] = machines[str(subject)].predict(gram, score)
    return LeftOut(predicted, machines)


def _owners(subjects: Sequence[str]) -> np.ndarray:
    unknown = sum(subject is None for subject in subjects)
    if unknown:
        raise MicroExpError(
            "support vector machine",
            "the subject of every clip",
            f"{unknown} clips of nobody known",
            "Take clips in the folders of their subjects (data/README.md).",
        )
    return np.array([str(subject) for subject in subjects])


def _require_kernel(gram: np.ndarray, clips: int, train: np.ndarray) -> None:
    if gram.shape != (clips, clips):
        raise MicroExpError(
            "support vector machine",
            f"a Gram matrix of all {clips} clips",
            str(gram.shape),
            "Give one row and one column for each clip, training or not.",
        )
    known = gram[np.ix_(train, train)]
    if not np.isfinite(known).all() or not np.allclose(known, known.T):
        raise MicroExpError(
            "support vector machine",
            "a finite symmetric Gram matrix",
            "one that is not",
            "Look for NaN among the features, and make it by one of the functions of baselines.kernels.",
        )


def _parts_of_subjects(labels: np.ndarray, owner: np.ndarray, parts: int) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import StratifiedGroupKFold

    parts = min(parts, len(np.unique(owner)), int(np.unique(labels, return_counts=True)[1].max()))
    with warnings.catch_warnings():  # that a class has fewer clips than there are parts
        warnings.simplefilter("ignore", UserWarning)
        return list(StratifiedGroupKFold(parts).split(owner, labels, owner))


def _machine(
    gram: np.ndarray, labels: np.ndarray, train: np.ndarray, cost: float, right: dict[float, int] | None = None
) -> FittedSvm:
    """Fit with a given cost C; with clips of one class only, that is always predicted."""
    from sklearn.svm import SVC

    classes = np.unique(labels[train])
    if len(classes) == 1:
        none = np.empty(0, int)
        return FittedSvm(cost, right or {}, classes, none, np.zeros(1, int), np.empty((0, 0)), np.empty(0))
    machine = SVC(C=cost, kernel="precomputed").fit(np.asarray(gram)[np.ix_(train, train)], labels[train])
    sign = -1 if len(classes) == 2 else 1  # scikit-learn turns the sign round when there are two classes
    return FittedSvm(
        cost=float(cost),
        right=right or {},
        classes=classes,
        support=train[machine.support_],
        per_class=machine.n_support_.copy(),
        coefficients=sign * machine.dual_coef_,
        intercepts=sign * machine.intercept_,
    )


def votes(machine: Mapping[str, Any], kernel: np.ndarray) -> np.ndarray:
    """Return the votes of all pairs of classes; the class with most votes is predicted, at a tie the first.

    Parameters
    ----------
    machine : mapping
        `classes`, `per_class`, `coefficients` and `intercepts` as in `FittedSvm`.
    kernel : float64 array (clips, supports)

    Returns
    -------
    int array (clips, classes)
        Votes, in the order of `classes`.
    """
    count, coefficients = len(machine["classes"]), machine["coefficients"]
    of_class = np.repeat(np.arange(count), machine["per_class"])
    counted = np.zeros((len(kernel), count), int)
    for pair, (first, second) in enumerate(itertools.combinations(range(count), 2)):
        ours, theirs = of_class == first, of_class == second
        decision = (
            kernel[:, ours] @ coefficients[second - 1, ours]
            + kernel[:, theirs] @ coefficients[first, theirs]
            + machine["intercepts"][pair]
        )
        counted[np.arange(len(kernel)), np.where(decision > 0, first, second)] += 1
    return counted
