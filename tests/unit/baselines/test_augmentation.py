"""Changed copies of training images: what changes, what does not, and that nothing held out is among them."""

import numpy as np
import pytest

from microexp_keras.baselines.networks import changed, draw, pick_images, training_images
from microexp_keras.errors import MicroExpError


@pytest.fixture
def images() -> np.ndarray:
    """Six clips of 8 images, each clip within gray levels of its own; uint8 (6, 8, 32, 30)."""
    random = np.random.default_rng(0)
    return (random.integers(0, 20, (6, 8, 32, 30)) + 40 * np.arange(6)[:, None, None, None]).astype(np.uint8)


@pytest.mark.parametrize("shape", [(64, 64), (41, 52)])
def test_no_change_is_the_image_to_the_bit(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.testing.assert_array_equal(changed(image), image)
    mirrored = changed(image, flip=True)
    np.testing.assert_array_equal(mirrored, image[:, ::-1])
    np.testing.assert_array_equal(changed(mirrored, flip=True), image)


def test_shift_by_whole_pixels_repeats_the_border() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 40), np.uint8)
    moved = changed(image, right=0.05, down=-0.1)  # 2 pixels to the right, 2 up
    np.testing.assert_array_equal(moved[:-2, 2:], image[2:, :-2])
    np.testing.assert_array_equal(moved[:-2, 0], image[2:, 0])
    np.testing.assert_array_equal(moved[-1, 2:], image[-1, :-2])


def test_turning_and_zooming_keep_the_middle() -> None:
    image = np.zeros((41, 41), np.uint8)
    image[20, 20:35] = 200  # a line from the middle to the right
    np.testing.assert_array_equal(changed(image, angle=90), np.rot90(image))
    larger = changed(image, zoom=1.2)
    assert larger[20, 20] == 200 and larger[20, 36] == 200 and not larger[20, 39]


def test_draws_fill_their_ranges() -> None:
    random = np.random.default_rng(0)
    changes = [draw(random) for _ in range(2000)]
    assert np.mean([one["flip"] for one in changes]) == pytest.approx(0.5, abs=0.05)
    for name, least, most in (("angle", -10, 10), ("right", -0.05, 0.05), ("down", -0.05, 0.05), ("zoom", 0.95, 1.05)):
        values = np.array([one[name] for one in changes])
        assert least <= values.min() < least + 0.01 * (most - least)
        assert most >= values.max() > most - 0.01 * (most - least)
    assert abs(np.corrcoef([(one["right"], one["down"]) for one in changes], rowvar=False)[0, 1]) < 0.1


def test_frames_are_equally_spaced_from_first_to_last() -> None:
    stack = np.broadcast_to(np.arange(18, dtype=np.uint8), (5, 6, 18))
    assert pick_images(stack, 8).shape == (8, 5, 6)
    assert pick_images(stack, 8)[:, 0, 0].tolist() == [0, 2, 4, 7, 9, 12, 14, 17]
    assert pick_images(stack, 18)[:, 0, 0].tolist() == list(range(18))
    assert pick_images(stack, 2)[:, 0, 0].tolist() == [0, 17]
    for number in (1, 19):
        with pytest.raises(MicroExpError, match="from 2 to 18"):
            pick_images(stack, number)


def test_training_images_are_the_images_and_their_copies(images: np.ndarray) -> None:
    train = np.array([4, 1, 3])
    found, clip = training_images(images, train, seed=0)
    assert found.shape == (3 * 8 * 5, 32, 30) and found.dtype == np.uint8
    assert clip.tolist() == [4] * 40 + [1] * 40 + [3] * 40
    assert (found // 40 == clip[:, None, None]).all()  # each clip has gray levels of its own, which no change can leave
    by_image = found.reshape(3, 8, 5, 32, 30)
    np.testing.assert_array_equal(by_image[:, :, 0], images[train])
    copies = by_image[:, :, 1:].reshape(-1, 32, 30)
    assert len(np.unique(copies, axis=0)) == 96  # no two alike
    assert all(
        (copy != image).mean() > 0.5
        for copy, image in zip(copies, np.repeat(images[train].reshape(-1, 32, 30), 4, axis=0), strict=True)
    )


def test_the_seed_decides_and_other_clips_do_not(images: np.ndarray) -> None:
    first, _ = training_images(images, np.array([1, 2, 3]), seed=5)
    again, _ = training_images(images, np.array([1, 2, 3]), seed=5)
    np.testing.assert_array_equal(again, first)
    assert (training_images(images, np.array([1, 2, 3]), seed=6)[0] != first).any()
    fewer, _ = training_images(images, np.array([2]), seed=5)
    np.testing.assert_array_equal(fewer, first[40:80])
