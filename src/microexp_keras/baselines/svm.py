"""LBP-TOP and STCLQP: from a fold to a support vector machine on hand-crafted features, and to its answers."""

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras import weights
from microexp_keras.baselines import lbp_top, stclqp
from microexp_keras.baselines.settings import described, settings
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import Samples
from microexp_keras.preprocessing.tim import interpolate
from microexp_keras.training.history import FoldResult
from microexp_keras.training.job import Job

if TYPE_CHECKING:
    from sklearn.svm import SVC

NATIVE = 128  # rows from which frames count as of their own size

#: What STCLQP learns before the machine does: kind and axes of each array.
CODEBOOKS = {"tables": ("u", 3), "sizes": ("i", 2)}


def linear_kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the inner products of float (clips, features) and (others, features): float64 (clips, others)."""
    return first.astype(np.float64) @ second.astype(np.float64).T


def chi_square_kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the sums of `2 x y / (x + y)`, 0 where both are 0, of histograms: as `linear_kernel`.

    Vedaldi and Zisserman, PAMI 34(3), 2012; scikit-learn has the sums of `- (x - y)^2 / (x + y)`.
    """
    from sklearn.metrics.pairwise import additive_chi2_kernel

    first, second = first.astype(np.float64), second.astype(np.float64)
    return (first.sum(axis=1)[:, None] + second.sum(axis=1) + additive_chi2_kernel(first, second)) / 2


def with_cost(gram: np.ndarray, labels: np.ndarray, cost: float) -> "SVC":
    """Fit a machine of a cost on the kernel of its training clips, one class against one."""
    from sklearn.svm import SVC

    return SVC(C=cost, kernel="precomputed").fit(gram, labels)


def choose(gram: np.ndarray, labels: np.ndarray, subjects: Sequence[str], costs: Sequence[float], parts: int) -> "SVC":
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
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # of a class with fewer clips than parts
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
    if decisions.ndim == 1:  # of two classes, how much the second is ahead
        decisions = np.stack([decisions <= 0, decisions > 0], axis=1)
    votes = np.zeros((len(kernel), num_classes))
    votes[:, machine.classes_] = np.abs(np.round(decisions))  # votes and, from -1/3 to 1/3, how clear they are
    return votes / votes.sum(axis=1, keepdims=True)


KERNELS = {"lbp-top": linear_kernel, "stclqp": chi_square_kernel}


def fit(job: Job) -> FoldResult:
    """Learn from a fold, keep what the machine is fitted on as plain arrays, and predict; see `models.Method`."""
    method, samples, train = job.protocol.model, job.samples, np.sort(job.fold.train)
    own, labels = settings(method), job.samples.labels[train]
    clips = _described(method, samples)
    learned = stclqp.learn(clips, samples.labels, job.fold.train)._asdict() if method == "stclqp" else {}
    features = _features(clips, learned)
    known = features[train]
    subjects = [str(samples.subjects[position]) for position in train]
    machine = choose(KERNELS[method](known, known), labels, subjects, own.costs, own.inner_parts)
    path = job.folder / "learned.h5"
    weights.save_arrays(path, {"features": known, "labels": labels, **learned}, {**job.metadata, "cost": machine.C})
    kernel = KERNELS[method](features[job.fold.test], known)
    return FoldResult(best_path=path, probabilities=vote_shares(machine, kernel, job.num_classes))


def predict(file: Any, samples: Samples, positions: np.ndarray, num_classes: int) -> np.ndarray:
    """Predict clips with what a fold has kept, on which the machine is fitted again; see `models.Method`."""
    path, method, cost = file.path, file.network, file.metadata.get("cost")
    more = CODEBOOKS if method == "stclqp" else {}
    arrays = weights.read_arrays(path, {"features": ("f", 2), "labels": ("i", 1), **more})
    known, labels = arrays["features"], arrays["labels"]
    fits = len(labels) == len(known) and len(np.unique(labels)) > 1 and bool(np.isin(labels, range(num_classes)).all())
    fits = fits and (not more or stclqp.are_codebooks(arrays["tables"], arrays["sizes"]))
    if not isinstance(cost, int | float) or cost <= 0 or not fits:
        found = f"its arrays are not what a support vector machine has learned of {num_classes} classes"
        raise MicroExpError(path, found, "Give the --dataset that it was trained on, or train again.")
    features = _features(_described(method, samples)[positions], arrays)
    if features.shape[1] != known.shape[1]:
        found = f"is of clips of {known.shape[1]} features, and these have {features.shape[1]}"
        raise MicroExpError(path, found, "Score clips under the protocol that it was trained under.")
    machine = with_cost(KERNELS[method](known, known), labels, cost)
    return vote_shares(machine, KERNELS[method](features, known), num_classes)


def _described(method: str, samples: Samples) -> np.ndarray:
    """Describe all clips, brought to the method's frames, by what is not learned."""
    own, describe = settings(method), stclqp.counts if method == "stclqp" else lbp_top.features
    radii = own.native_radii if samples.stacks["face"].shape[1] >= NATIVE else own.radii
    return described(samples, method, lambda stack: describe(interpolate(stack, own.frames), radii, own.blocks))


def _features(clips: np.ndarray, learned: Mapping[str, np.ndarray]) -> np.ndarray:
    """Features of clips that are described, by the codebooks that were learned if any: float32 (clips, features)."""
    if "tables" in learned:
        clips = stclqp.features(clips, stclqp.Codebooks(learned["tables"], learned["sizes"]))
    return clips.astype(np.float32)
