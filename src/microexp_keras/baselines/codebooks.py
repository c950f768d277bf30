"""From code counts and labels of training clips to codebooks, and to how well features separate the classes."""

import numpy as np

POINTS: np.ndarray = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little").astype(float)
"""The 256 codes as points with coordinates 0 and 1, bit 0 first: float64 array (256, 8)."""


def codebook(weights: np.ndarray, size: int, rounds: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Group the 256 codes into words by k-means on their bits, each code counting as often as it occurs.

    Nothing is random: the words start at the most frequent codes (of equally frequent ones at the smaller), a code as
    near to two words goes to the one with the lower number, and a word without codes stays where it is.

    Parameters
    ----------
    weights : array (256,)
        How often each code occurs in the training clips.
    size : int
        Words, 1 to 256.
    rounds : int
        At most so many times are the words moved to the mean of their codes.

    Returns
    -------
    uint8 array (256,)
        The word of each code, 0 to `size - 1`.
    float64 array (size, 8)
        The words.

    References
    ----------
    Hussain and Triggs, "Visual recognition using local quantized patterns", ECCV 2012, for the idea of a codebook kept
    as a table of all codes.
    """
    weights = np.asarray(weights, float)
    words = POINTS[np.argsort(-weights, kind="stable")[:size]]
    table = _nearest(words)
    for _ in range(rounds):
        members = np.eye(size)[table] * weights[:, None]  # codes x words
        total = members.sum(axis=0)
        means = members.T @ POINTS / np.maximum(total, 1)[:, None]
        words = np.where(total[:, None] > 0, means, words)
        moved = _nearest(words)
        if np.array_equal(moved, table):
            break
        table = moved
    return table.astype(np.uint8), words


def scatter(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return between-class and within-class scatter of features.

    Parameters
    ----------
    features : float array (clips, features)
    labels : int array (clips,)

    Returns
    -------
    between, within : float64 array (features,)
        Sums of squared distances over all clips.
    """
    values = np.asarray(features, float) - features[0]  # so that what is constant is exactly 0
    mean = values.mean(axis=0)
    between, within = np.zeros_like(mean), np.zeros_like(mean)
    for label in np.unique(labels):
        of_class = values[labels == label]
        of_class_mean = of_class.mean(axis=0)
        between += len(of_class) * (of_class_mean - mean) ** 2
        within += ((of_class - of_class_mean) ** 2).sum(axis=0)
    return between, within


def fisher(between: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Return Fisher's ratio of what `scatter` returns, or of sums of it; 0 where nothing varies."""
    between, within = np.asarray(between, float), np.asarray(within, float)
    undivided = np.where(between > 0, np.inf, 0.0)
    return np.divide(between, within, out=undivided, where=within > 0)


def _nearest(words: np.ndarray) -> np.ndarray:
    distances = ((POINTS[:, None, :] - words[None, :, :]) ** 2).sum(axis=2)
    return np.round(distances, 9).argmin(axis=1)  # the sum's last bits must not decide between equal distances
