"""STCLQP: components against literal loops and known answers, codebooks and features."""

from collections.abc import Callable

import numpy as np
import pytest

from microexp_keras.baselines import lbp_top, stclqp
from microexp_keras.errors import MicroExpError

PLANES = ("XY", "XT", "YT")
Place = tuple[int, int, int]
AXES = {"XY": (0, 1), "XT": (1, 2), "YT": (0, 2)}  # of (rows, columns, time)


@pytest.mark.parametrize("radii", [(1, 1, 1), (3, 3, 3), (1, 2, 3)])
def test_literal_loops_agree(literal: Callable, radii: tuple[int, int, int]) -> None:
    volume = np.random.default_rng(0).integers(0, 30, (9, 10, 8), np.uint8).astype(int)
    sign, magnitude, orientation = stclqp.components(volume.astype(np.uint8), radii)

    for place, plane in enumerate(PLANES):
        differences = []

        def remember(v: np.ndarray, centre: Place, neighbour: Place, differences: list[int] = differences) -> bool:
            differences.append(abs(v[neighbour] - v[centre]))
            return v[neighbour] >= v[centre]

        def gradient(v: np.ndarray, where: Place, plane: str = plane) -> np.ndarray:
            found = []
            for axis in AXES[plane]:
                last = v.shape[axis] - 1
                after, before = list(where), list(where)
                after[axis], before[axis] = min(where[axis] + 1, last), max(where[axis] - 1, 0)
                found.append(v[tuple(after)] - v[tuple(before)])
            return np.array(found)

        np.testing.assert_array_equal(sign[place], literal(volume, radii, remember, plane))
        total, number = sum(differences), len(differences)
        np.testing.assert_array_equal(
            magnitude[place],
            literal(volume, radii, lambda v, a, b, n=number, s=total: abs(v[b] - v[a]) * n >= s, plane),
        )
        np.testing.assert_array_equal(
            orientation[place],
            literal(volume, radii, lambda v, a, b, g=gradient: g(v, a) @ g(v, b) >= 0, plane),
        )


def test_sign_is_lbp_top(clips: np.ndarray) -> None:
    """With each code its own word it is basic LBP-TOP; with the uniform bins as words it is ours, to the bit."""
    counts = np.stack([stclqp.counts(clip, blocks=(2, 3, 1)) for clip in clips[:3]])
    every_code = np.broadcast_to(np.arange(256, dtype=np.uint8), (3, 3, 256))
    own = stclqp.features(counts, stclqp.Codebooks(every_code, np.full((3, 3), 256)))
    uniform = np.broadcast_to(lbp_top.uniform_bins(), (3, 3, 256))
    binned = stclqp.features(counts, stclqp.Codebooks(uniform, np.full((3, 3), 59)))
    for clip, basic, short in zip(clips, own, binned, strict=False):
        expected = lbp_top.counts(lbp_top.codes(clip), (2, 3, 1)).astype(float)
        expected /= expected.sum(axis=2, keepdims=True)
        np.testing.assert_array_equal(basic[: 3 * 6 * 256], expected.ravel())
        np.testing.assert_array_equal(short[: 3 * 6 * 59], lbp_top.features(clip, blocks=(2, 3, 1)))


def test_order_and_sums_of_features(clips: np.ndarray, labels: np.ndarray) -> None:
    counts = np.stack([stclqp.counts(clip, blocks=(2, 2, 1)) for clip in clips])
    assert counts.dtype == np.uint16 and counts.shape == (30, 3, 3, 4, 256)
    codebooks = stclqp.learn(counts, labels, np.arange(30), sizes=(4, 8))
    features = stclqp.features(counts, codebooks)
    assert features.shape == (30, 4 * codebooks.sizes.sum())
    at = 0
    for component, plane in np.ndindex(3, 3):
        size = codebooks.sizes[component, plane]
        part = features[:, at : at + 4 * size].reshape(30, 4, size)
        np.testing.assert_allclose(part.sum(axis=2), 1, atol=1e-12)
        words = codebooks.tables[component, plane][stclqp.components(clips[7])[component, plane]]
        rows, columns = words.shape[0] // 2, words.shape[1] // 2
        block = words[:rows, columns:]  # the second one
        np.testing.assert_allclose(part[7, 1], np.bincount(block.ravel(), minlength=size) / block.size, atol=1e-12)
        at += 4 * size


def two_classes_in(component: int, plane: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts in which only one component's plane differs between classes: by code 1 beside code 3."""
    random = np.random.default_rng(0)
    counts = np.zeros((12, 3, 3, 1, 256), np.uint16)
    counts[..., [0, 1, 3, 255]] = random.integers(20, 40, (12, 3, 3, 1, 4))
    labels = np.arange(12) % 2
    counts[labels == 1, component, plane, 0, 1] += 200
    return counts, labels


def test_the_best_size_is_chosen_for_each_plane_by_fishers_ratio() -> None:
    counts, labels = two_classes_in(1, 2)
    chosen = stclqp.learn(counts, labels, np.arange(12), sizes=(1, 4))
    assert chosen.sizes[1, 2] == 4  # one word has the same histogram for all clips
    same = stclqp.learn(counts, labels, np.arange(12), sizes=(4, 5, 6))
    assert same.sizes[1, 2] == 4  # a fifth word has no codes: of equal ratios the smaller size
    both = np.concatenate([counts, counts])
    nothing = stclqp.learn(both, np.repeat([0, 1], 12), np.arange(24), sizes=(1, 2))
    assert (nothing.sizes == 1).all()  # classes with the same clips: 0 for every size


def test_too_many_centres_in_a_block() -> None:
    with pytest.raises(MicroExpError, match="more than 65,535"):
        stclqp.counts(np.zeros((260, 260, 3), np.uint8), blocks=(1, 1, 1))
