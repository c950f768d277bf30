"""LBP-TOP and STCLQP: from a fold to a support vector machine on hand-crafted features, and to its answers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from microexp_keras import weights
from microexp_keras.baselines import lbp_top, stclqp, svm
from microexp_keras.baselines.described import described
from microexp_keras.baselines.settings import settings
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import Samples
from microexp_keras.preprocessing.tim import interpolate
from microexp_keras.training.history import FoldResult
from microexp_keras.training.job import Job

LEARNED = "learned.h5"
"""What is kept of a fold."""

Arrays = Mapping[str, np.ndarray]

NATIVE = 128  # rows from which frames count as of their own size

CODEBOOKS = {"tables": ("u", 3), "sizes": ("i", 2)}
"""What STCLQP learns before the machine does: kind and axes of each array."""

KERNELS = {"lbp-top": svm.linear_kernel, "stclqp": svm.chi_square_kernel}


def fit(job: Job) -> FoldResult:
    """Learn from a fold, keep what the machine is fitted on as plain arrays, and predict; see `models.Method`."""
    method, samples, train = job.protocol.model, job.samples, np.sort(job.fold.train)
    own, labels = settings(method), job.samples.labels[train]
    clips = _described(method, samples)
    learned = stclqp.learn(clips, samples.labels, job.fold.train)._asdict() if method == "stclqp" else {}
    features = _features(method, clips, learned)
    known = features[train]
    gram = KERNELS[method](known, known)
    subjects = [str(samples.subjects[position]) for position in train]
    machine = svm.fit(gram, labels, subjects, own.costs, own.inner_parts)
    path = job.folder / LEARNED
    weights.save_arrays(path, {"features": known, "labels": labels, **learned}, {**job.metadata, "cost": machine.C})
    kernel = KERNELS[method](features[job.fold.test], known)
    return FoldResult(
        best_path=path,
        probabilities=svm.vote_shares(machine, kernel, job.num_classes),
        chosen={"cost": machine.C} | {name: array.tolist() for name, array in learned.items() if name == "sizes"},
    )


def predict(file: Any, samples: Samples, positions: np.ndarray, num_classes: int) -> np.ndarray:
    """Predict clips with what a fold has kept, on which the machine is fitted again; see `models.Method`."""
    path, method, cost = file.path, file.network, file.metadata.get("cost")
    more = CODEBOOKS if method == "stclqp" else {}
    arrays = weights.read_arrays(path, {"features": ("f", 2), "labels": ("i", 1), **more})
    known, labels = arrays["features"], arrays["labels"]
    if not (
        isinstance(cost, int | float)
        and cost > 0
        and len(labels) == len(known)
        and len(np.unique(labels)) > 1
        and np.isin(labels, np.arange(num_classes)).all()
        and (not more or stclqp.are_codebooks(arrays["tables"], arrays["sizes"]))
    ):
        raise MicroExpError(
            path,
            f"expected what a support vector machine has learned of {num_classes} classes, found arrays that do not "
            "fit that",
            "Give the --dataset that it was trained on, or train again.",
        )
    features = _features(method, _described(method, samples)[positions], arrays)
    if features.shape[1] != known.shape[1]:
        raise MicroExpError(
            path,
            f"expected clips of {known.shape[1]} features, found {features.shape[1]}",
            "Score clips under the protocol that it was trained under.",
        )
    machine = svm.with_cost(KERNELS[method](known, known), labels, cost)
    return svm.vote_shares(machine, KERNELS[method](features, known), num_classes)


def _described(method: str, samples: Samples) -> np.ndarray:
    """Describe all clips, brought to the method's frames, by what is not learned."""
    own, describe = settings(method), stclqp.counts if method == "stclqp" else lbp_top.features
    radii = own.native_radii if samples.stacks["face"].shape[1] >= NATIVE else own.radii
    return described(
        samples, (method, radii), lambda stack: describe(interpolate(stack, own.frames), radii, own.blocks)
    )


def _features(method: str, clips: np.ndarray, learned: Arrays) -> np.ndarray:
    """Features of clips that are described, by what was learned: float32 (clips, features)."""
    if method == "stclqp":
        clips = stclqp.features(clips, stclqp.Codebooks(learned["tables"], learned["sizes"]))
    return clips.astype(np.float32)
