"""Scores agree with scikit-learn and with examples worked by hand; what is undefined is NaN."""

import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from microexp_keras import metrics
from microexp_keras.errors import MicroExpError

NAMES = ("negative", "positive", "surprise")


def test_agrees_with_scikit_learn():
    random = np.random.default_rng(0)
    for _ in range(20):
        true, predicted = random.integers(0, 3, 40), random.integers(0, 3, 40)
        scores = metrics.score(true, predicted, NAMES)
        assert scores.accuracy == pytest.approx(accuracy_score(true, predicted))
        assert scores.uar == pytest.approx(recall_score(true, predicted, average="macro"))
        assert scores.uf1 == pytest.approx(f1_score(true, predicted, average="macro"))


def test_the_papers_table_vii():
    confusion = [[14, 0, 5], [2, 2, 2], [1, 0, 6]]  # SMIC, rows true
    true, predicted = np.repeat(list(np.ndindex(3, 3)), np.ravel(confusion), axis=0).T
    scores = metrics.score(true, predicted, NAMES)
    assert (scores.correct, scores.clips, scores.accuracy) == (22, 32, 0.6875)
    assert scores.confusion == ((14, 0, 5), (2, 2, 2), (1, 0, 6))
    assert (scores.majority_class, scores.majority_rate) == ("negative", 19 / 32)
    assert scores.recall == pytest.approx((14 / 19, 2 / 6, 6 / 7))
    assert scores.f1 == pytest.approx((28 / 36, 4 / 8, 12 / 20))
    assert scores.accuracy_interval == pytest.approx((0.5143, 0.8205), abs=1e-4)
    assert scores == metrics.score([NAMES[one] for one in true], [NAMES[one] for one in predicted], NAMES)


def test_a_class_without_clips_is_undefined_with_a_reason():
    scores = metrics.score(np.array([0, 0, 2]), np.array([0, 1, 2]), NAMES)
    assert math.isnan(scores.recall[1]) and math.isnan(scores.f1[1])
    assert math.isnan(scores.uar) and math.isnan(scores.uf1)
    assert "positive" in scores.undefined[0]
    assert scores.as_json()["uar"] is None and scores.as_json()["recall"] == [0.5, None, 1.0]


def test_collapse_is_named_and_a_class_that_is_never_predicted_scores_0():
    assert metrics.score(np.array([0, 1, 2]), np.array([1, 1, 1]), NAMES).collapsed_to == "positive"
    assert metrics.score(np.array([0, 1, 2]), np.array([1, 1, 0]), NAMES).collapsed_to is None
    scores = metrics.score(np.repeat([0, 1, 2], [4, 3, 1]), [0, 0, 0, 1, 1, 1, 0, 1], NAMES)
    # negative: 3 right of 4, answered 4 times; positive: 2 of 3, answered 4 times; surprise: 0 of 1, never answered
    assert scores.recall == (3 / 4, 2 / 3, 0) and scores.f1 == (6 / 8, 4 / 7, 0)
    assert scores.undefined == ()  # only a class without clips is undefined


def test_intervals_over_subjects_are_those_of_every_draw():
    random, draws = np.random.default_rng(0), []
    subjects = np.repeat(["s0", "s1", "s2", "s3"], [3, 9, 4, 5])
    true, predicted = random.integers(0, 3, (2, 21))
    found = metrics.subject_intervals(true, predicted, subjects, 3, resamples=200_000)
    for draw in itertools.product(["s0", "s1", "s2", "s3"], repeat=4):  # all are equally probable
        chosen = np.concatenate([np.flatnonzero(subjects == one) for one in draw])
        draws.append(metrics.score(true[chosen], predicted[chosen], NAMES))
    for name in ("accuracy", "uf1", "uar"):
        values = np.array([getattr(one, name) for one in draws])
        values = np.sort(values[~np.isnan(values)])
        low, high = found[name]
        assert np.mean(values <= low) == pytest.approx(0.025, abs=0.02) or low == values[0]
        assert np.mean(values >= high) == pytest.approx(0.025, abs=0.02) or high == values[-1]
    lacking = np.mean([np.isnan(one.uar) for one in draws])
    assert found["lacking"] / 200_000 == pytest.approx(lacking, abs=0.005) and found["subjects"] == 4
    again = [metrics.subject_intervals(true, predicted, subjects, 3) for _ in range(2)]
    assert again[0] == again[1]


def test_intervals_over_subjects_need_more_than_one():
    true, predicted = np.array([0, 1, 2]), np.array([0, 1, 1])
    assert all(map(math.isnan, metrics.subject_intervals(true, predicted, ["s1"] * 3, 3)["accuracy"]))
    alike = metrics.subject_intervals(np.tile(true, 2), np.tile(predicted, 2), ["s1"] * 3 + ["s2"] * 3, 3)
    assert all(math.isnan(alike[name][0]) for name in ("accuracy", "uf1", "uar"))  # every draw scores the same
    assert alike["zero_width"] == ["accuracy", "uf1", "uar"]
    opposite = metrics.subject_intervals(np.array([0, 1]), np.array([0, 0]), ["s1", "s2"], 3)
    assert opposite["accuracy"] == (0, 1) and opposite["lacking"] == 5000
    assert all(map(math.isnan, opposite["uar"])) and metrics.for_json(opposite)["uar"] == [None, None]


@pytest.mark.parametrize(
    ("true", "predicted", "said"),
    [
        ([0, 1, 2], [0, 1, 5], "predicted: labels go from 0 to 2 .* but 5 at position 2"),
        ([1, 2, 3], [1, 2, 3], "true: .* but 3 at position 2"),
        ([0, 1, 2], [0, -1, 2], "predicted: .* but -1 at position 1"),
        ([0, 1], ["negative", "anger"], "predicted: .* but anger at position 1"),
        ([[1, 0, 0], [0, 1, 0]], [0, 1], "true: .* an array of shape .* Take argmax"),
        ([0, 1], [0], "there are 2 and 1"),
        ([], [], "there are 0 and 0"),
    ],
)
def test_no_clip_is_dropped(true, predicted, said):
    with pytest.raises(MicroExpError, match=said):
        metrics.score(true, predicted, NAMES)


def test_whole_subjects_are_swapped_in_every_way():
    random = np.random.default_rng(0)
    for _ in range(20):
        subjects = random.permutation(np.repeat([f"s{one}" for one in range(7)], random.integers(1, 5, 7)))
        first, second = random.integers(0, 2, (2, len(subjects))).astype(bool)
        extremes = []
        for swaps in itertools.product((False, True), repeat=7):
            swapped = np.array([swaps[int(subject[1:])] for subject in subjects])
            one, other = np.where(swapped, second, first), np.where(swapped, first, second)
            extremes.append(abs(int(one.sum()) - int(other.sum())) >= abs(int(first.sum()) - int(second.sum())))
        pair = metrics.paired(first, second, subjects)
        assert pair.p_subjects == pytest.approx(np.mean(extremes))
    assert metrics.swapped_p([1] * 60) == pytest.approx(2 / 2**60)  # as exact with many subjects
    for subjects, of_clips, people, of_subjects in (
        (["s1", "s1", "s2", None, None, None], 2 / 2**6, 2, 2 / 2**2),  # clips without a subject are nobody's
        ([None] * 6, 2 / 2**6, 0, None),
    ):
        pair = metrics.paired([True] * 6, [False] * 6, subjects)
        assert (pair.first_only, pair.p_clips) == (6, of_clips)
        assert (pair.first_subjects, pair.p_subjects) == (people, of_subjects)


def test_holms_correction_worked_by_hand():
    assert metrics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert metrics.holm([0.6, 0.9]) == [1, 1] and metrics.holm([]) == []
