"""The rules that `benchmarks/evaluation_rules.py` compares, and how it labels and scales motion."""

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

LABELS = np.arange(60) % 3
PEOPLE = [f"p{number}" for number in np.repeat(range(5), (30, 15, 8, 4, 3))]


@pytest.fixture(scope="module")
def benchmark() -> Any:
    sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
    try:
        yield importlib.import_module
    finally:
        del sys.path[0]


def test_each_rule_lets_through_just_what_it_says(benchmark: Any) -> None:
    rules = benchmark("evaluation_rules")
    divided = {rule: rules.folds(rule, LABELS, PEOPLE, seed=3) for rule in rules.RULES}
    people = np.array(PEOPLE)
    for rule, folds in divided.items():
        shared = any({*people[fold.train]} & {*people[fold.test]} for fold in folds)
        chosen_on_scored = all(np.array_equal(fold.validation, fold.test) for fold in folds)
        assert (shared, chosen_on_scored) == {
            "paper": (True, True),
            "people": (True, False),
            "choice": (False, True),
            "loso": (False, False),
        }[rule]
        assert not any({*fold.train} & {*fold.test} for fold in folds)
        if rule != "paper":
            assert sorted(np.concatenate([fold.test for fold in folds])) == [*range(60)]
            assert [len(fold.train) for fold in folds] == [len(fold.train) for fold in divided["loso"]]


@pytest.mark.parametrize(
    ("opened", "label"),
    [
        (np.linspace(0.05, 0.2, 18), "opening"),
        (np.linspace(0.2, 0.05, 18), "closing"),
        (0.1 + 0.01 * (np.arange(18) % 2), "still"),
        (np.sin(np.linspace(0, np.pi, 18)), None),  # opens and closes again
        (np.linspace(0.1, 0.14, 18), None),
    ],
)
def test_labels_are_a_rule_on_how_far_the_mouth_is_open(benchmark: Any, opened: np.ndarray, label: str | None) -> None:
    assert benchmark("real_windows").label_of(opened) == label


def test_a_share_of_the_motion_is_left(benchmark: Any) -> None:
    """A blob and its points move by 8 pixels; scaled to a quarter both move by 2, but for the smoothing over time."""
    windows = benchmark("real_windows")
    rows, columns = np.mgrid[0 : windows.SIZE, 0 : windows.SIZE]
    shifts = np.linspace(0, 8, windows.FRAMES)
    stack = np.stack([200 * np.exp(-((rows - 64) ** 2 + (columns - 60 - x) ** 2) / 200) for x in shifts])
    around = np.random.default_rng(0).normal((60, 64), 8, (68, 2))
    points = around + np.stack([shifts, 0 * shifts], axis=1)[:, None]
    less, moved = windows.scaled(stack.astype(np.uint8), points, 0.25)
    np.testing.assert_array_equal(less[0], stack[0].astype(np.uint8))
    first, last = ((frame * columns.astype(float)).sum() / frame.sum() for frame in less[[0, -1]])
    left = (moved[-1] - points[0]).mean(axis=0)
    np.testing.assert_allclose(left, [2, 0], atol=0.4)  # the last frame is smoothed with those before it
    assert last - first == pytest.approx(left[0], abs=0.4)
