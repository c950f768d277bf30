"""Interpolation in time: known matrices, the model it stands for, and what must hold for every clip."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microexp_keras.preprocessing.tim import interpolate, interpolation_matrix

PAIRS = [(2, 3), (3, 5), (5, 10), (11, 10), (18, 10), (33, 10), (58, 20), (10, 10)]


def test_known_matrices() -> None:
    np.testing.assert_allclose(interpolation_matrix(2, 3), [[1, 0.5, 0], [0, 0.5, 1]], atol=1e-12)
    outer = (0.45534, 0.66667, -0.12201)
    columns = [(1, 0, 0), outer, (0, 1, 0), outer[::-1], (0, 0, 1)]
    np.testing.assert_allclose(interpolation_matrix(3, 5), np.transpose(columns), atol=5e-6)
    shorter = interpolation_matrix(18, 10)
    assert (shorter.min(), shorter.max()) == pytest.approx((-0.217, 1.001), abs=5e-4)  # overshoot is real


def model_by_svd(frames: np.ndarray, m: int) -> np.ndarray:
    """The model as it was published: (pixels, n) to (pixels, m)."""
    n = frames.shape[1]
    mean = frames.mean(axis=1, keepdims=True)
    left, values, right = np.linalg.svd(frames - mean, full_matrices=False)
    left, q = left[:, : n - 1], values[: n - 1, None] * right[: n - 1]
    path = np.diag(np.ones(n - 1), 1)
    path += path.T
    _, vectors = np.linalg.eigh(np.diag(path.sum(axis=0)) - path)  # ascending; the first is constant
    order = np.arange(1, n)[:, None]

    def curve(positions: np.ndarray | float) -> np.ndarray:
        return np.sin(np.pi * order * positions / n + np.pi * (n - order) / (2 * n))

    embedded = vectors[:, 1:n].T
    scale = embedded[:, 0] / curve(1.0)[:, 0]
    to_curve, *_ = np.linalg.lstsq(embedded.T, q.T, rcond=None)
    return mean + left @ (to_curve.T @ (scale[:, None] * curve(np.linspace(1, n, m))))


@pytest.mark.parametrize(("n", "m"), PAIRS)
def test_it_is_the_published_model(n: int, m: int) -> None:
    frames = np.random.default_rng(n).uniform(0, 255, (300, n))
    np.testing.assert_allclose(frames @ interpolation_matrix(n, m), model_by_svd(frames, m), atol=1e-8)


@given(n=st.integers(1, 60), m=st.integers(2, 60))
@settings(max_examples=60, deadline=None)
def test_every_matrix(n: int, m: int) -> None:
    matrix = interpolation_matrix(n, m)
    assert matrix.shape == (n, m) and matrix.dtype == np.float64
    np.testing.assert_allclose(matrix.sum(axis=0), 1, atol=1e-9)  # constants stay
    np.testing.assert_allclose(matrix[::-1, ::-1], matrix, atol=1e-9)  # backwards in time is the same model
    if n == m:
        np.testing.assert_allclose(matrix, np.eye(n), atol=1e-9)
    if n > 1:
        np.testing.assert_allclose(matrix[:, 0], np.eye(n)[0], atol=1e-9)  # the first frame stays the first


def test_clips_keep_their_frames_and_round_half_to_even() -> None:
    clip = np.random.default_rng(0).integers(0, 256, (6, 5, 18), np.uint8)
    np.testing.assert_array_equal(interpolate(clip, 18), clip)
    shorter = interpolate(clip, 10)
    assert shorter.dtype == np.uint8 and shorter.shape == (6, 5, 10)
    np.testing.assert_array_equal(shorter[..., [0, -1]], clip[..., [0, -1]])
    levels = np.arange(256)
    pairs = np.stack(np.meshgrid(levels, levels), axis=2).astype(np.uint8)  # every pair of gray levels
    exact = [[round(Fraction(one + other, 2)) for one in range(256)] for other in range(256)]
    np.testing.assert_array_equal(interpolate(pairs, 3)[..., 1], exact)


def test_overshoot_is_clipped_not_wrapped() -> None:
    step = np.repeat([0, 255], 9).astype(np.uint8).reshape(1, 1, 18)
    exact = step[0, 0] @ interpolation_matrix(18, 10)
    assert exact.min() < -1 and exact.max() > 256
    np.testing.assert_array_equal(interpolate(step, 10)[0, 0], np.clip(np.rint(exact), 0, 255))
