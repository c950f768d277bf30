"""Codebooks by k-means on the bits of codes, and Fisher's ratio, by hand and against plain programs."""

import numpy as np
import pytest

from microexp_keras.baselines.stclqp import codebook, fisher


def weights(**of_codes: int) -> np.ndarray:
    found = np.zeros(256)
    for code, count in of_codes.items():
        found[int(code[1:])] = count
    return found


def test_words_move_to_the_mean_of_their_codes() -> None:
    table, words = codebook(weights(c0=30, c1=10, c255=20, c254=5), 2)
    assert table[[0, 1, 255, 254]].tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(words, [[0.25, *[0] * 7], [0.8, *[1] * 7]])


def test_a_word_without_codes_stays() -> None:
    table, words = codebook(weights(c9=4), 3)  # starts at 9, and at 0 and 1, which never occur
    assert words.tolist() == [[1, 0, 0, 1, 0, 0, 0, 0], [0] * 8, [1] + [0] * 7]
    assert table[[0, 1, 9]].tolist() == [1, 2, 0]


@pytest.mark.parametrize("size", [1, 5, 16, 64])
def test_it_ends_where_k_means_ends(size: int) -> None:
    """Each code is at its nearest word, each word at the mean of its codes; checked by plain loops."""
    occurrences = np.random.default_rng(size).integers(0, 1000, 256)
    table, words = codebook(occurrences, size)
    assert table.dtype == np.uint8 and words.shape == (size, 8)
    points = np.array([[code >> p & 1 for p in range(8)] for code in range(256)], float)
    for code in range(256):
        distances = [((points[code] - word) ** 2).sum() for word in words]
        assert distances[table[code]] <= min(distances) + 1e-9
        assert min(distances[: table[code]], default=9) > min(distances) + 1e-10  # no lower number as near
    for number, word in enumerate(words):
        share = occurrences * (table == number)
        if share.sum():
            np.testing.assert_allclose(word, share @ points / share.sum(), atol=1e-12)


@pytest.mark.parametrize(
    ("features", "ratio"),
    [
        ([[1], [3], [5], [7]], 4),  # 16 between, 4 within
        ([[1, 0], [3, 0], [5, 0], [7, 0]], 4),
        ([[1, 1], [3, 3], [5, 1], [7, 3]], 2),  # 16 + 0 between, 4 + 4 within
        ([[0.1], [0.1], [0.1], [0.1]], 0),
        ([[1], [1], [2], [2]], np.inf),
    ],
)
def test_fisher_by_hand(features: list[list[float]], ratio: float) -> None:
    assert fisher(np.array(features, float), np.array([0, 0, 1, 1])) == ratio
