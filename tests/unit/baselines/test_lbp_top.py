"""LBP-TOP codes and histograms: the specification's known answers, literal loops, and scikit-image."""

from collections.abc import Callable

import numpy as np
import pytest
from skimage.feature import local_binary_pattern

from microexp_keras.baselines import lbp_top
from microexp_keras.errors import MicroExpError

PLANES = ("XY", "XT", "YT")


def ramp(axis: int, slope: int) -> np.ndarray:
    """Gray levels that rise or fall along rows (0), columns (1) or time (2)."""
    levels = np.moveaxis(np.broadcast_to(np.arange(7) * slope + (100 if slope < 0 else 0), (7, 7, 7)), 2, axis)
    return levels.astype(np.uint8)


def histogram(codes: np.ndarray) -> dict[int, int]:
    values, counts = np.unique(codes, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def test_a_constant_clip_and_a_bright_voxel() -> None:
    volume = np.full((10, 11, 5), 77, np.uint8)
    codes = lbp_top.codes(volume)
    assert codes.shape == (3, 8, 9, 3) and codes.dtype == np.uint8
    assert (codes == 255).all() and lbp_top.uniform_bins()[255] == 57
    features = lbp_top.features(volume, blocks=(2, 2, 1)).reshape(3, 4, 59)
    assert (features[..., 57] == 1).all() and features.sum() == 12
    volume = np.zeros((5, 5, 5), np.uint8)
    volume[2, 2, 2] = 1
    assert lbp_top.codes(volume)[:, 1, 1, 1].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("axis", "slope", "codes", "bins"),
    [
        (1, 10, (199, 199, 255), (39, 39, 57)),
        (0, 10, (241, 255, 241), (48, 57, 48)),
        (2, 10, (255, 31, 199), (57, 15, 39)),
        (1, -10, (124, 124, 255), (26, 26, 57)),
        (0, -10, (31, 255, 31), (15, 57, 15)),
        (2, -10, (255, 241, 124), (57, 48, 26)),
    ],
)
@pytest.mark.parametrize("sampling", ["nearest", "bilinear"])
def test_ramps(axis: int, slope: int, codes: tuple[int, ...], bins: tuple[int, ...], sampling: str) -> None:
    found = lbp_top.codes(ramp(axis, slope), sampling=sampling)
    for plane, code in enumerate(codes):
        assert histogram(found[plane]) == {code: 125}
    assert lbp_top.uniform_bins()[list(codes)].tolist() == list(bins)


@pytest.mark.parametrize("radii", [(1, 1, 1), (3, 3, 3), (2, 1, 3), (1, 4, 2)])
def test_literal_loops_agree(literal: Callable, radii: tuple[int, int, int]) -> None:
    volume = np.random.default_rng(0).integers(0, 9, (11, 12, 9), np.uint8)
    found = lbp_top.codes(volume, radii)
    for plane, codes in zip(PLANES, found, strict=True):
        expected = literal(volume, radii, lambda v, centre, neighbour: v[neighbour] >= v[centre], plane)
        np.testing.assert_array_equal(codes, expected)


def slices(volume: np.ndarray, plane: str, of: Callable) -> np.ndarray:
    """Codes of a plane by a function of one image; (rows, columns, time), at the centres of radius 1."""
    v = volume.transpose(2, 0, 1)
    if plane == "XY":
        found = np.stack([of(image) for image in v])
    elif plane == "XT":
        found = np.stack([of(v[::-1, row])[::-1] for row in range(v.shape[1])], axis=1)
    else:
        found = np.stack([of(v[:, :, column].T).T for column in range(v.shape[2])], axis=2)
    return found[1:-1, 1:-1, 1:-1].transpose(1, 2, 0)


def scikit_image(image: np.ndarray, radius: float) -> np.ndarray:
    return local_binary_pattern(np.ascontiguousarray(image), 8, radius, "default").astype(np.uint8)


def test_scikit_image_gives_the_same_codes() -> None:
    volume = np.random.default_rng(0).integers(0, 256, (64, 64, 18), np.uint8)
    nearest, bilinear = lbp_top.codes(volume), lbp_top.codes(volume, sampling="bilinear")
    assert (nearest != bilinear).any()
    for place, plane in enumerate(PLANES):
        on_circle = slices(volume, plane, lambda image: scikit_image(image, 1))
        on_corners = slices(volume, plane, lambda image: scikit_image(image, 2**0.5))
        np.testing.assert_array_equal(nearest[place], (on_circle & 0b01010101) | (on_corners & 0b10101010))
        np.testing.assert_array_equal(bilinear[place], on_circle)


def test_uniform_bins_are_in_ascending_order() -> None:
    bins = lbp_top.uniform_bins()
    uniform = bins < 58
    assert uniform.sum() == 58 and bins[uniform].tolist() == list(range(58))
    assert all((format(code, "08b") * 2).count("01") <= 2 for code in np.flatnonzero(uniform))
    assert bins[0b00000101] == 58 and bins[0b10000001] < 58


@pytest.mark.parametrize("rise", [1, 3, 10, 50])
@pytest.mark.parametrize(("p", "up", "right"), [(1, 1, 1), (3, 1, -1), (5, -1, -1), (7, -1, 1)])
def test_ties_of_bilinear_neighbours_count_as_not_darker(p: int, up: int, right: int, rise: int) -> None:
    """Weights are w = 3 - 2 sqrt 2 for the far corner, 2 w for the near one, and equal ones for the two beside."""
    volume = np.full((7, 7, 3), 100, np.uint8)
    volume[3 - 2 * up, 3 + 2 * right], volume[3 - up, 3 + right] = 102, 99  # 2 w - 2 w
    volume[3 - 2 * up, 3 + right], volume[3 - up, 3 + 2 * right] = 100 + rise, 100 - rise
    assert lbp_top.codes(volume, (2, 2, 1), "bilinear")[0, 1, 1, 0] >> p & 1 == 1
    volume[3 - up, 3 + 2 * right] -= 1
    assert lbp_top.codes(volume, (2, 2, 1), "bilinear")[0, 1, 1, 0] >> p & 1 == 0


def test_counts_by_hand() -> None:
    codes = lbp_top.codes(np.random.default_rng(0).integers(0, 17, (8, 9, 7), np.uint8))
    whole = lbp_top.counts(codes, (1, 1, 1))
    assert whole.shape == (3, 1, 256) and whole.sum(axis=2).tolist() == [[210]] * 3
    assert {code: count for code, count in enumerate(whole[0, 0]) if count} == histogram(codes[0])
    blocks = lbp_top.counts(codes, (4, 3, 2)).reshape(3, 4, 3, 2, 256)  # 6 rows, 7 columns, 5 frames
    rows, columns, time = [0, 1, 3, 4, 6], [0, 2, 4, 7], [0, 2, 5]
    for plane, i, j, k in np.ndindex(3, 4, 3, 2):
        part = codes[plane, rows[i] : rows[i + 1], columns[j] : columns[j + 1], time[k] : time[k + 1]]
        np.testing.assert_array_equal(blocks[plane, i, j, k], np.bincount(part.ravel(), minlength=256))


def test_features_are_histograms_in_order() -> None:
    volume = np.random.default_rng(3).integers(0, 256, (64, 64, 18), np.uint8)
    features = lbp_top.features(volume)
    assert features.shape == (3 * 64 * 59,) == (11_328,)
    np.testing.assert_allclose(features.reshape(-1, 59).sum(axis=1), 1, atol=1e-12)
    bins = lbp_top.uniform_bins()[lbp_top.codes(volume)]
    first = np.bincount(bins[1, :7, 7:15].ravel(), minlength=59)  # plane XT, the second block of the first row
    np.testing.assert_allclose(features.reshape(3, 64, 59)[1, 1], first / first.sum(), rtol=1e-12)


@pytest.mark.parametrize(
    ("volume", "arguments", "message"),
    [
        (np.zeros((9, 9, 9)), {}, "uint8 gray levels"),
        (np.zeros((9, 9), np.uint8), {}, "uint8 gray levels"),
        (np.zeros((9, 9, 2), np.uint8), {}, "2x9x9 .* at least 3x3x3"),
        (np.zeros((9, 9, 6), np.uint8), {"radii": (3, 3, 3)}, "at least 7x7x7"),
        (np.zeros((9, 4, 9), np.uint8), {"radii": (1, 2, 1)}, "at least 3x5x5"),
        (np.zeros((9, 9, 9), np.uint8), {"radii": (1, 0, 1)}, "at least 1"),
        (np.zeros((9, 9, 9), np.uint8), {"blocks": (8, 8, 1)}, "7x7x7 centres"),
        (np.zeros((9, 9, 9), np.uint8), {"blocks": (0, 1, 1)}, "not between 1"),
    ],
)
def test_what_cannot_be_is_refused(volume: np.ndarray, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(MicroExpError, match=message):
        lbp_top.features(volume, **{"blocks": (2, 2, 1), **arguments})
