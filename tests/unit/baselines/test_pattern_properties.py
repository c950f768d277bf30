"""What must hold of the codes of every clip: invariances to gray levels, mirrors, time and exchange of axes."""

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from microexp_keras.baselines import lbp_top, stclqp

LEVELS = 12
RADII = st.sampled_from([(1, 1, 1), (2, 1, 1), (1, 3, 2), (3, 3, 3)])


@st.composite
def volumes(draw: st.DrawFn, largest: int = LEVELS - 1) -> np.ndarray:
    """Small clips with many equal gray levels, large enough for all radii."""
    shape = (draw(st.integers(7, 9)), draw(st.integers(7, 9)), draw(st.integers(7, 8)))
    return draw(arrays(np.uint8, shape, elements=st.integers(0, largest)))


def some(function: Callable) -> Callable:
    return settings(max_examples=30, deadline=None)(function)


def moved(codes: np.ndarray, to: Callable[[int], int]) -> np.ndarray:
    """Codes whose bit p has gone to bit `to(p)`."""
    found = np.zeros_like(codes)
    for p in range(8):
        found |= (codes >> p & 1) << (to(p) % 8)
    return found


def all_codes(volume: np.ndarray, radii: tuple[int, int, int]) -> list[np.ndarray]:
    """Both samplings, and STCLQP's other components: each (3, rows, columns, time)."""
    bilinear = lbp_top.codes(volume, radii, "bilinear")
    return [bilinear, *stclqp.components(volume, radii)]  # sign is LBP-TOP's nearest


@given(volumes(), RADII, st.sets(st.integers(0, 255), min_size=LEVELS, max_size=LEVELS))
@some
def test_a_rising_map_of_gray_levels_changes_nothing(
    volume: np.ndarray, radii: tuple[int, int, int], levels: set[int]
) -> None:
    mapped = np.array(sorted(levels), np.uint8)[volume]
    np.testing.assert_array_equal(lbp_top.codes(mapped, radii), lbp_top.codes(volume, radii))


@given(volumes(), RADII, st.integers(0, 50), st.integers(1, 10))
@some
def test_shift_and_gain_change_nothing(volume: np.ndarray, radii: tuple[int, int, int], shift: int, gain: int) -> None:
    for before, after in zip(all_codes(volume, radii), all_codes(volume * gain + shift, radii), strict=True):
        np.testing.assert_array_equal(after, before)


@given(volumes(), RADII)
@some
def test_negation_changes_neither_magnitude_nor_orientation(volume: np.ndarray, radii: tuple[int, int, int]) -> None:
    before, after = stclqp.components(volume, radii), stclqp.components(255 - volume, radii)
    np.testing.assert_array_equal(after[1:], before[1:])


@given(volumes(), RADII)
@some
def test_left_and_right_exchanged(volume: np.ndarray, radii: tuple[int, int, int]) -> None:
    for before, after in zip(all_codes(volume, radii), all_codes(volume[:, ::-1], radii), strict=True):
        xy, xt, yt = before[:, :, ::-1]
        np.testing.assert_array_equal(after, [moved(xy, lambda p: 4 - p), moved(xt, lambda p: 4 - p), yt])


@given(volumes(), RADII)
@some
def test_up_and_down_exchanged(volume: np.ndarray, radii: tuple[int, int, int]) -> None:
    for before, after in zip(all_codes(volume, radii), all_codes(volume[::-1], radii), strict=True):
        xy, xt, yt = before[:, ::-1]
        np.testing.assert_array_equal(after, [moved(xy, lambda p: -p), xt, moved(yt, lambda p: -p)])


@given(volumes(), RADII)
@some
def test_time_reversed(volume: np.ndarray, radii: tuple[int, int, int]) -> None:
    for before, after in zip(all_codes(volume, radii), all_codes(volume[:, :, ::-1], radii), strict=True):
        xy, xt, yt = before[..., ::-1]
        np.testing.assert_array_equal(after, [xy, moved(xt, lambda p: -p), moved(yt, lambda p: 4 - p)])


@given(volumes(), RADII)
@some
def test_rows_and_columns_exchanged(volume: np.ndarray, radii: tuple[int, int, int]) -> None:
    swapped = (radii[1], radii[0], radii[2])
    for before, after in zip(all_codes(volume, radii), all_codes(volume.swapaxes(0, 1), swapped), strict=True):
        xy, xt, yt = before.swapaxes(1, 2)
        expected = [moved(xy, lambda p: 6 - p), moved(yt, lambda p: p + 2), moved(xt, lambda p: p - 2)]
        np.testing.assert_array_equal(after, expected)


@given(volumes(255), RADII, st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2)))
@some
def test_sums(volume: np.ndarray, radii: tuple[int, int, int], blocks: tuple[int, int, int]) -> None:
    rows, columns, time = volume.shape
    edge = max(radii[:2])
    shape = (rows - 2 * edge, columns - 2 * edge, time - 2 * radii[2])
    blocks = tuple(min(parts, length) for parts, length in zip(blocks, shape, strict=True))
    counts = stclqp.counts(volume, radii, blocks)
    assert (counts.sum(axis=(2, 3)) == np.prod(shape)).all()
    features = lbp_top.features(volume, radii, blocks).reshape(3, -1, 59)
    np.testing.assert_allclose(features.sum(axis=2), 1, atol=1e-12)
    np.testing.assert_array_equal(lbp_top.counts(lbp_top.codes(volume, radii), blocks), counts[0])
