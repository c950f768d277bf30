"""From a fold to a support vector machine on hand-crafted features, kept as plain arrays in one .h5 file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras import weights
from microexp_keras.baselines import kernels, lbp_top, stclqp, svm
from microexp_keras.baselines.parameters import LbpTop, Stclqp
from microexp_keras.baselines.rival import Rival, described
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import Samples
from microexp_keras.preprocessing.tim import interpolate
from microexp_keras.protocols import Fold
from microexp_keras.training.history import Outcome
from microexp_keras.training.task import Learned, Task

Arrays = Mapping[str, np.ndarray]

FILE = "learned.h5"

NATIVE = 128  # rows from which frames count as of their own size

MACHINE = {"classes": ("i", 1), "per_class": ("i", 1), "coefficients": ("f", 2), "intercepts": ("f", 1)}
"""What is kept of a support vector machine, beside its support vectors: kind and axes of each array."""


@dataclass(frozen=True)
class HandCrafted:
    """What distinguishes LBP-TOP and STCLQP.

    Attributes
    ----------
    parameters : LbpTop or Stclqp
    describe : callable
        `(volume, radii, blocks) -> array`; of one clip, nothing is learned.
    learn : callable
        `(described, labels, train) -> arrays` of all clips, by the training clips.
    learned : dict of str to (str, int)
        Kind and axes of each of these arrays.
    features : callable
        `(described, arrays) -> float array (clips, features)`.
    gram : callable
        The kernel, see `kernels`.
    """

    parameters: LbpTop | Stclqp
    describe: Callable[[np.ndarray, tuple[int, int, int], tuple[int, int, int]], np.ndarray]
    learn: Callable[[np.ndarray, np.ndarray, np.ndarray], dict[str, np.ndarray]]
    learned: Mapping[str, tuple[str, int]]
    features: Callable[[np.ndarray, Arrays], np.ndarray]
    gram: Callable[[np.ndarray], np.ndarray]

    def described(self, samples: Samples) -> np.ndarray:
        """Describe all clips, brought to the method's frames."""
        own = self.parameters
        radii = own.native_radii if samples.stacks["face"].shape[1] >= NATIVE else own.radii

        def describe(stack: np.ndarray) -> np.ndarray:
            return self.describe(interpolate(stack, own.frames), radii, own.blocks)

        return described(samples, (own.title, radii), describe)


def training_clips(fold: Fold) -> np.ndarray:
    """Return all clips that may be learned from: those that train or select, without those that are scored.

    A support vector machine chooses its cost within its training subjects and needs no clips beside them.
    """
    return np.setdiff1d(np.union1d(fold.train, fold.select), fold.score)


def fit(method: HandCrafted, task: Task) -> Learned:
    """Learn from a fold, keep it in the task's folder and predict the scored clips."""
    samples, train = task.samples, training_clips(task.fold)
    subjects = [str(subject) for subject in samples.subjects]
    clips = method.described(samples)
    arrays = method.learn(clips, samples.labels, train)
    features = method.features(clips, arrays).astype(np.float32)
    machine = svm.fit(
        method.gram(features), samples.labels, subjects, train, method.parameters.costs, method.parameters.inner_parts
    )
    kept = {name: getattr(machine, name) for name in MACHINE} | {"supports": features[machine.support]} | arrays
    path, classes = task.folder / FILE, len(task.protocol.database.class_names)
    weights.save_arrays(path, kept, {**task.metadata, "cost": machine.cost})
    predicted = _shares(method, kept, features[task.fold.score], classes)
    chosen = {"cost": machine.cost} | {name: array.tolist() for name, array in arrays.items() if name == "sizes"}
    return Learned(Outcome([], None, path, None), predicted, {"chosen": chosen})


def predict(method: HandCrafted, path: str | Path, samples: Samples, positions: np.ndarray) -> np.ndarray:
    """Predict clips with what a fold has kept; see `Rival`."""
    expected = {**MACHINE, "supports": ("f", 2), **method.learned}
    arrays = weights.read_arrays(path, expected)
    class_names = weights.read_metadata(path).get("class_names")
    classes = len(class_names) if isinstance(class_names, list) else 0
    clips = method.described(samples)[positions]
    _require_whole(path, method, arrays, classes)
    features = method.features(clips, arrays).astype(np.float32)
    if features.shape[1] != arrays["supports"].shape[1]:
        raise MicroExpError(
            path,
            f"support vectors of {features.shape[1]} features",
            str(arrays["supports"].shape[1]),
            "Score clips under the protocol that it was trained under.",
        )
    return _shares(method, arrays, features, classes)


def _require_whole(path: str | Path, method: HandCrafted, arrays: Arrays, classes: int) -> None:
    """Raise unless the arrays belong together."""
    labels, per_class, supports = arrays["classes"], arrays["per_class"], len(arrays["supports"])
    count = len(labels)
    whole = (
        0 < count <= classes
        and bool((np.diff(labels) > 0).all() and labels[0] >= 0 and labels[-1] < classes)
        and per_class.shape == (count,)
        and bool((per_class >= 0).all())
        and per_class.sum() == supports
        and arrays["coefficients"].shape == (count - 1, supports)
        and len(arrays["intercepts"]) == count * (count - 1) // 2
    )
    if whole and "tables" in method.learned:
        tables, sizes = arrays["tables"], arrays["sizes"]
        whole = tables.shape == (3, 3, stclqp.CODES) and sizes.shape == (3, 3)
        whole = whole and bool(((sizes > 0) & (sizes <= stclqp.CODES) & (tables.max(axis=2) < sizes)).all())
    if not whole:
        raise MicroExpError(
            path, "what a support vector machine has learned", "arrays that do not fit each other", "Train again."
        )


def _shares(method: HandCrafted, machine: Arrays, features: np.ndarray, classes: int) -> np.ndarray:
    """Share of the votes of pairs of classes that each class gets, float64 (clips, classes)."""
    supports = machine["supports"]
    kernel = method.gram(np.concatenate([features, supports]))[: len(features), len(features) :]
    found = np.zeros((len(features), classes))
    counted = svm.votes(machine, kernel)
    found[:, machine["classes"]] = counted / np.maximum(counted.sum(axis=1, keepdims=True), 1)
    if len(machine["classes"]) == 1:  # no pairs, no votes
        found[:, machine["classes"]] = 1
    return found


def _learn_codebooks(parameters: Stclqp, counts: np.ndarray, labels: np.ndarray, train: np.ndarray) -> dict[str, Any]:
    books = stclqp.learn(counts, labels, train, parameters.sizes, share=1.0)
    return {"tables": books.tables, "sizes": books.sizes}


def _word_histograms(counts: np.ndarray, arrays: Arrays) -> np.ndarray:
    return stclqp.features(counts, stclqp.Codebooks(arrays["tables"], arrays["sizes"]))


_LBP_TOP = HandCrafted(
    parameters=LbpTop(),
    describe=lbp_top.features,
    learn=lambda features, labels, train: {},
    learned={},
    features=lambda features, arrays: features,
    gram=kernels.linear_gram,
)

_STCLQP = HandCrafted(
    parameters=Stclqp(),
    describe=stclqp.counts,
    learn=partial(_learn_codebooks, Stclqp()),
    learned={"tables": ("u", 3), "sizes": ("i", 2)},
    features=_word_histograms,
    gram=kernels.chi_square_gram,
)

LBP_TOP, STCLQP = (
    Rival(method.parameters, partial(fit, method), partial(predict, method)) for method in (_LBP_TOP, _STCLQP)
)
