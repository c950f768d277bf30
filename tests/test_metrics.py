"""Scores agree with scikit-learn and with examples worked by hand; what is undefined is NaN."""

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from microexp_keras import metrics

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
    pairs = [(t, p) for t, row in enumerate(confusion) for p, count in enumerate(row) for _ in range(count)]
    true, predicted = np.array(pairs).T
    scores = metrics.score(true, predicted, NAMES)
    assert (scores.correct, scores.clips, scores.accuracy) == (22, 32, 0.6875)
    assert scores.confusion == ((14, 0, 5), (2, 2, 2), (1, 0, 6))
    assert (scores.majority_class, scores.majority_rate) == ("negative", 19 / 32)
    assert scores.recall == pytest.approx((14 / 19, 2 / 6, 6 / 7))
    assert scores.f1 == pytest.approx((28 / 36, 4 / 8, 12 / 20))
    assert scores.accuracy_interval == pytest.approx((0.5143, 0.8205), abs=1e-4)


def test_wilson_interval_worked_by_hand():
    z, p, n = 1.959963985, 0.6875, 32
    centre, spread = (p + z * z / 2 / n), z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    low, high = ((centre - spread) / (1 + z * z / n), (centre + spread) / (1 + z * z / n))
    assert metrics.wilson_interval(22, 32) == pytest.approx((low, high))


def test_a_class_without_clips_is_undefined_with_a_reason():
    scores = metrics.score(np.array([0, 0, 2]), np.array([0, 1, 2]), NAMES)
    assert math.isnan(scores.recall[1]) and math.isnan(scores.f1[1])
    assert math.isnan(scores.uar) and math.isnan(scores.uf1)
    assert "positive" in scores.undefined[0]
    assert scores.as_json()["uar"] is None and scores.as_json()["recall"] == [0.5, None, 1.0]


def test_collapse_is_named():
    scores = metrics.score(np.array([0, 1, 2]), np.array([1, 1, 1]), NAMES)
    assert scores.collapsed_to == "positive"
    assert metrics.score(np.array([0, 1, 2]), np.array([1, 1, 0]), NAMES).collapsed_to is None
