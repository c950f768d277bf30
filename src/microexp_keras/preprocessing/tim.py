"""From a clip of any length to one of a wanted length, by cosine interpolation in time."""

import numpy as np


def interpolation_matrix(n: int, m: int) -> np.ndarray:
    """Return the weights of `n` frames in each of `m` new ones, equally spaced from the first frame to the last.

    The temporal interpolation model embeds the frames of a clip along a curve, the eigenvectors of a path graph, and
    reads the curve at new positions. Those eigenvectors are the basis of the discrete cosine transform (DCT-II), and
    the singular value decomposition on the way there cancels out when the frames are linearly independent. So the
    model is this matrix, whatever the frames; unlike the original program it also takes frames that are alike.
    Its weights can be negative or above 1, and it does not smooth when there are fewer new frames than old.

    Parameters
    ----------
    n : int
        Frames of the clip, at least 1.
    m : int
        Frames wanted, at least 2.

    Returns
    -------
    float64 array (n, m)
        Columns sum to 1; the identity for `m == n`.

    References
    ----------
    Zhou, Zhao and Pietikäinen, "Towards a practical lipreading system", CVPR 2011.
    """
    old = np.arange(n) + 0.5  # i - 1/2 for i = 1 .. n
    new = np.linspace(1, n, m) - 0.5
    order = np.arange(1, n)
    basis_of_old = np.cos(np.pi * np.outer(old, order) / n)
    basis_of_new = np.cos(np.pi * np.outer(order, new) / n)
    return (1 + 2 * basis_of_old @ basis_of_new) / n


def interpolate(stack: np.ndarray, m: int) -> np.ndarray:
    """Interpolate a clip, uint8 (rows, columns, time), to `m` frames, at least 2: uint8 (rows, columns, m).

    Rounded, halves to the even neighbour; overshoot below 0 or above 255 is clipped.
    """
    levels = stack @ interpolation_matrix(stack.shape[2], m)
    halves_kept = np.round(levels, 9)  # the sum's last bits must not decide which way a half goes
    return np.clip(np.rint(halves_kept), 0, 255).astype(np.uint8)
