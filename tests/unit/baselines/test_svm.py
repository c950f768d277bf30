"""Kernels by plain sums; the machine beside scikit-learn's own; how its cost is chosen."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import SVC

from microexp_keras.baselines import svm
from microexp_keras.baselines.settings import settings
from microexp_keras.errors import MicroExpError

COSTS = settings("lbp-top").costs


def example(classes: int, clips: int = 60, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Histograms of clips of six subjects that tell the class more or less."""
    random = np.random.default_rng(classes)
    labels = random.integers(0, classes, clips)
    features = np.abs(
        np.eye(classes)[labels] @ random.normal(size=(classes, 300)) + noise * random.normal(size=(clips, 300))
    )
    features[:, ::7] = 0  # bins that stay empty
    return features / features.sum(axis=1, keepdims=True) * 50, labels, [f"s{clip % 6}" for clip in range(clips)]


def test_kernels() -> None:
    features, _, _ = example(3, clips=9)
    gram = svm.chi_square_kernel(features, features[:5])
    for a, b in np.ndindex(9, 5):
        x, y = features[a], features[b]
        some = x + y > 0
        assert gram[a, b] == pytest.approx((2 * x * y)[some] @ (1 / (x + y)[some]), rel=1e-12)
    np.testing.assert_allclose(svm.linear_kernel(features, features[:5]), features @ features[:5].T)


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("noise", [0.2, 2.0])
def test_shares_of_votes_answer_as_scikit_learn_and_again_after_a_second_fit(classes: int, noise: float) -> None:
    features, labels, subjects = example(classes, noise=noise)
    labels = np.array([7, 2, 30, 4])[labels]  # labels need not be consecutive
    train, score = np.arange(0, 60, 2), np.arange(1, 60, 2)
    gram = svm.linear_kernel(features[train], features[train])
    ours = svm.choose(gram, labels[train], np.array(subjects)[train], COSTS, 5)
    theirs = SVC(C=ours.C, kernel="linear").fit(features[train], labels[train])
    known, numbers = [2, 4, 7, 30], svm.linear_kernel(features[score], features[train])
    shares = svm.vote_shares(ours, numbers, 31)
    assert shares.sum(axis=1) == pytest.approx(1) and not np.delete(shares, known, axis=1).any()
    np.testing.assert_array_equal(shares.argmax(axis=1), theirs.predict(features[score]))
    again = svm.with_cost(gram, labels[train], ours.C)
    np.testing.assert_array_equal(svm.vote_shares(again, numbers, 31), shares)
    assert len(set(shares.argmax(axis=1))) > 1


@pytest.mark.parametrize("scale", [1, 10, 30])
def test_the_cost_is_the_smallest_with_most_clips_right_on_subjects_left_out(scale: float) -> None:
    features, labels, _ = example(3, noise=1.0)
    features = features[5:] / scale  # so small that the cost matters
    labels, owner = labels[5:], np.array([*["s0"] * 20, *[f"s{clip % 5}" for clip in range(35)]])
    right = dict.fromkeys(COSTS, 0)
    for learn, check in StratifiedGroupKFold(5).split(features, labels, owner):
        for cost in COSTS:
            model = SVC(C=cost, kernel="linear").fit(features[learn], labels[learn])
            right[cost] += int((model.predict(features[check]) == labels[check]).sum())
    most = [cost for cost in COSTS if right[cost] == max(right.values())]
    assert most[0] == svm.choose(features @ features.T, labels, owner, COSTS[::-1], 5).C
    assert scale == 1 or len(set(right.values())) > 1


def test_parts_of_one_class_do_not_stop_the_choice() -> None:
    labels = np.array([0] * 10 + [1] * 10)
    for subjects in (["a"] * 5 + ["b"] * 5 + ["c"] * 10, ["a"] * 10 + ["b"] * 10):  # without c all are of class 0
        gram = np.eye(2)[labels] @ np.eye(2)[labels].T
        machine = svm.choose(gram, labels, subjects, COSTS, 5)
        assert (machine.predict(gram) == labels).all()
    assert machine.C == 0.1  # a subject for each class: nothing to choose by


@pytest.mark.parametrize(
    ("labels", "subjects", "message"),
    [([0] * 8, list("aabbccdd"), "has 1 and 4"), ([0, 1] * 4, list("aaaaaaaa"), "has 2 and 1")],
)
def test_too_few_classes_or_subjects(labels: list[int], subjects: list[str], message: str) -> None:
    with pytest.raises(MicroExpError, match=message):
        svm.choose(np.eye(8), np.array(labels), subjects, COSTS, 5)
