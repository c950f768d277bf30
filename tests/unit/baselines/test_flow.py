"""Optical flow of a moving texture: sign, size and order of its two components; and the scale of what networks see."""

import cv2
import numpy as np
import pytest

from microexp_keras.baselines.networks import flow, known_scale, scaled
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import measure

INSIDE = (slice(None), slice(16, -16), slice(16, -16))


def moving(texture: np.ndarray, right: int, down: int, frames: int = 4) -> np.ndarray:
    """A window of 64 x 64 in which the texture moves by whole pixels a frame; uint8 (64, 64, frames)."""
    corners = [(20 - down * step, 20 - right * step) for step in range(frames)]
    return np.stack([texture[row : row + 64, column : column + 64] for row, column in corners], axis=2)


@pytest.mark.parametrize(("right", "down"), [(1, 0), (0, 1), (-2, 1)])
def test_a_texture_that_moves(texture: np.ndarray, right: int, down: int) -> None:
    fields = flow(moving(texture, right, down))
    assert fields.shape == (2, 64, 64, 3) and fields.dtype == np.float32 and fields.flags.c_contiguous
    np.testing.assert_allclose(fields[INSIDE].mean(axis=(1, 2)), [[right] * 3, [down] * 3], atol=0.005)


def test_each_field_leads_to_the_next_frame(texture: np.ndarray) -> None:
    still, step = moving(texture, 0, 0, 2), moving(texture, 1, 0, 2)
    found = flow(np.concatenate([still, step[..., 1:]], axis=2))[INSIDE].mean(axis=(1, 2))
    np.testing.assert_allclose(found, [[0, 1], [0, 0]], atol=0.005)


def test_the_same_to_the_bit_on_any_number_of_threads(texture: np.ndarray) -> None:
    threads, found = cv2.getNumThreads(), []
    try:
        for number in (1, 4):
            cv2.setNumThreads(number)
            found.append(flow(moving(texture, 1, 0)))
    finally:
        cv2.setNumThreads(threads)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("stack", [np.zeros((9, 9, 1), np.uint8), np.zeros((9, 9, 5)), np.zeros((9, 9), np.uint8)])
def test_other_arrays_are_refused(stack: np.ndarray) -> None:
    with pytest.raises(MicroExpError, match=r"optical flow: .* instead of uint8"):
        flow(stack)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_scale_of_the_training_clips(kind: type) -> None:
    values, train = np.random.default_rng(0).integers(0, 200, (6, 5, 5, 4)).astype(kind), [0, 2, 5]
    scale = measure(values, np.array(train))
    known = scaled(values[train], scale)
    assert known.dtype == np.float32 and known.mean() == pytest.approx(0, abs=1e-6) and known.max() == pytest.approx(1)
    expected = (values[1] - values[train].mean()) / (values[train].max() - values[train].mean())
    np.testing.assert_allclose(scaled(values, scale)[1, ..., 0], expected, atol=1e-6)


def test_no_scale_of_equal_values() -> None:
    with pytest.raises(MicroExpError, match="all values of the training clips are equal"):
        scaled(np.ones((3, 4, 4)), measure(np.ones((3, 4, 4), np.float32)))


@pytest.mark.parametrize(
    ("said", "scale"),
    [
        ({"mean": 100.0, "max": 250.0}, (100, 250)),
        ({"mean": 100.0, "largest": 150.0}, (100, 250)),  # of earlier versions
        ({"mean": 100.0, "max": 100.0}, None),
        ({"mean": 100.0, "max": float("inf")}, None),
        ({"mean": "many"}, None),
        (["mean", "max"], None),
    ],
)
def test_the_scale_that_a_weights_file_says(said: object, scale: tuple[float, float] | None) -> None:
    metadata = {"scales": {"image": said}}
    if scale:
        assert known_scale("x.h5", metadata, "image") == scale
    else:
        with pytest.raises(MicroExpError, match=r"x.h5: says no mean and largest value of image"):
            known_scale("x.h5", metadata, "image")
