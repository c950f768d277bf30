"""From features of all clips to the Gram matrix of a kernel.

A Gram matrix says nothing of labels, so that where nothing is learned for the features one matrix serves every fold.
"""

import numpy as np


def linear_gram(features: np.ndarray) -> np.ndarray:
    """Return all inner products: from float (clips, features) to float64 (clips, clips)."""
    values = np.asarray(features, np.float64)
    return values @ values.T


def polynomial_gram(features: np.ndarray, degree: int = 6, gamma: float = 1.0, constant: float = 1.0) -> np.ndarray:
    """Return `(gamma x.y + constant) ** degree` of all pairs, float64 (clips, clips), from (clips, features)."""
    return (gamma * linear_gram(features) + constant) ** degree


def chi_square_gram(features: np.ndarray) -> np.ndarray:
    """Return the sum of `2 x y / (x + y)` of all pairs: from float (clips, features), none negative, to (clips, clips).

    Where x and y are both 0 the term is 0.

    References
    ----------
    Vedaldi and Zisserman, "Efficient additive kernels via explicit feature maps", PAMI 34(3), 2012.
    """
    values = np.asarray(features, np.float64)
    gram = np.zeros((len(values), len(values)))
    smallest = np.finfo(np.float64).tiny  # 0 / 0 becomes 0; beside any other sum it is lost in rounding
    for start in range(0, values.shape[1], 256):  # as many features as stay in a core's cache
        part = np.ascontiguousarray(values[:, start : start + 256])
        for row, one in enumerate(part):
            others = part[row:]
            gram[row, row:] += (one * others / (one + others + smallest)).sum(axis=1)
    return 2 * (gram + np.triu(gram, 1).T)
