"""Kernels by plain sums; the machine beside scikit-learn's own; how its cost is chosen."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import additive_chi2_kernel, polynomial_kernel
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import SVC

from microexp_keras.baselines import kernels, svm
from microexp_keras.errors import MicroExpError


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
    gram = kernels.chi_square_gram(features)
    for a, b in np.ndindex(9, 9):
        x, y = features[a], features[b]
        some = x + y > 0
        assert gram[a, b] == pytest.approx((2 * x * y)[some] @ (1 / (x + y)[some]), rel=1e-12)
    sums = features.sum(axis=1)
    np.testing.assert_allclose(gram, (sums[:, None] + sums + additive_chi2_kernel(features)) / 2)
    np.testing.assert_allclose(kernels.linear_gram(features), features @ features.T)
    np.testing.assert_allclose(
        kernels.polynomial_gram(features, 6, 0.1, 2.0), polynomial_kernel(features, features, 6, 0.1, 2.0)
    )


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("noise", [0.2, 2.0])
def test_the_machine_answers_as_scikit_learns_own(classes: int, noise: float) -> None:
    features, labels, subjects = example(classes, noise=noise)
    gram = kernels.linear_gram(features)
    train, score = np.arange(0, 60, 2), np.arange(1, 60, 2)
    ours = svm.fit(gram, labels, subjects, train)
    theirs = SVC(C=ours.cost, kernel="linear").fit(features[train], labels[train])
    answers = ours.predict(gram, score)
    np.testing.assert_array_equal(answers, theirs.predict(features[score]))
    assert len(set(answers)) > 1


def test_labels_need_not_be_consecutive() -> None:
    features, labels, subjects = example(3, noise=0.2)
    gram, everything = kernels.linear_gram(features), np.arange(60)
    names = np.array([7, 2, 30])
    plain = svm.fit(gram, np.argsort(np.argsort(names))[labels], subjects, everything)
    named = svm.fit(gram, names[labels], subjects, everything)
    np.testing.assert_array_equal(named.predict(gram, everything), np.sort(names)[plain.predict(gram, everything)])


def test_the_cost_is_chosen_on_subjects_left_out() -> None:
    features, labels, subjects = example(3, noise=1.0)
    features = features / 10  # so small that the cost matters
    gram, train, owner = kernels.linear_gram(features), np.arange(5, 60), np.array(subjects)
    machine = svm.fit(gram, labels, subjects, train)
    for cost in svm.COSTS:
        right = 0
        for learn, check in StratifiedGroupKFold(5).split(train, labels[train], owner[train]):
            assert not set(owner[train[learn]]) & set(owner[train[check]])
            model = SVC(C=cost, kernel="linear").fit(features[train[learn]], labels[train[learn]])
            right += (model.predict(features[train[check]]) == labels[train[check]]).sum()
        assert machine.right[cost] == right
    assert machine.right[machine.cost] == max(machine.right.values())
    assert machine.cost == min(cost for cost in svm.COSTS if machine.right[cost] == machine.right[machine.cost])
    assert len(set(machine.right.values())) > 1


def test_of_equal_costs_the_smallest() -> None:
    labels = np.arange(20) % 2
    gram = kernels.linear_gram(np.eye(2)[labels] * 100)
    subjects = [f"s{clip // 4}" for clip in range(20)]
    machine = svm.fit(gram, labels, subjects, np.arange(20), costs=(10, 0.5, 2))
    assert machine.right == {10: 20, 0.5: 20, 2: 20} and machine.cost == 0.5


def test_leave_one_subject_out_learns_from_the_others_only() -> None:
    features, labels, subjects = example(3, noise=0.2)
    owner, seen = np.array(subjects), []

    def gram_of(train: np.ndarray) -> np.ndarray:
        seen.append(set(owner[train]))
        return kernels.chi_square_gram(features)

    result = svm.leave_one_subject_out(gram_of, labels, subjects)
    assert (result.predicted == labels).mean() > 0.9
    assert list(result.machines) == sorted(set(subjects))
    for subject, others in zip(result.machines, seen, strict=True):
        assert others == set(subjects) - {subject}
        assert subject not in owner[result.machines[subject].support]


def test_each_fold_has_its_own_gram_matrix() -> None:
    """With a Gram matrix that knows the labels of training clips only, what is left out cannot be known."""
    labels = np.arange(24) % 3
    subjects = [f"s{clip % 4}" for clip in range(24)]

    def gram_of(train: np.ndarray) -> np.ndarray:
        told = np.zeros((24, 3))
        told[train] = np.eye(3)[labels[train]]
        return told @ told.T

    result = svm.leave_one_subject_out(gram_of, labels, subjects)
    assert [machine.right[machine.cost] for machine in result.machines.values()] == [18] * 4
    for subject in set(subjects):
        assert len(set(result.predicted[np.array(subjects) == subject])) == 1


def test_a_part_of_one_class_does_not_stop_the_choice() -> None:
    labels = np.array([0] * 10 + [1] * 10)
    subjects = ["a"] * 5 + ["b"] * 5 + ["c"] * 10  # without c all are of class 0
    gram = kernels.linear_gram(np.eye(2)[labels])
    machine = svm.fit(gram, labels, subjects, np.arange(20))
    assert (machine.predict(gram, np.arange(20)) == labels).all()
    assert machine.right[machine.cost] == 10


@pytest.mark.parametrize(
    ("labels", "subjects", "message"),
    [
        ([0] * 8, list("aabbccdd"), "found 1 and 4"),
        ([0, 1] * 4, list("aaaaaaaa"), "found 2 and 1"),
        ([0, 1] * 4, [*"aabbccd", None], "1 clips of nobody known"),
    ],
)
def test_too_few_classes_or_subjects(labels: np.ndarray, subjects: list[str], message: str) -> None:
    with pytest.raises(MicroExpError, match=message):
        svm.fit(np.eye(8), np.array(labels), subjects, np.arange(8))


@pytest.mark.parametrize(
    ("gram", "message"),
    [
        (np.eye(7), "all 8 clips"),
        (np.triu(np.ones((8, 8))), "finite symmetric"),
        (np.where(np.eye(8) > 0, np.nan, 1), "finite symmetric"),
    ],
)
def test_what_is_no_gram_matrix(gram: np.ndarray, message: str) -> None:
    with pytest.raises(MicroExpError, match=message):
        svm.fit(gram, np.array([0, 1] * 4), list("aabbccdd"), np.arange(8))
