"""From a clip to its optical flow, frame to frame."""

import itertools

import cv2
import numpy as np

from microexp_keras.errors import MicroExpError


def flow(
    stack: np.ndarray,
    pyramid_scale: float = 0.5,
    levels: int = 3,
    window: int = 15,
    iterations: int = 3,
    neighbourhood: int = 5,
    sigma: float = 1.2,
) -> np.ndarray:
    """Estimate by Farnebäck's method how far each pixel moves from one frame to the next.

    The result is the same to the bit on any number of OpenCV's threads; the method uses one at these sizes.

    Parameters
    ----------
    stack : uint8 array (rows, columns, time), 0-255
    pyramid_scale, levels, window, iterations, neighbourhood, sigma
        `pyr_scale, levels, winsize, iterations, poly_n, poly_sigma` of `cv2.calcOpticalFlowFarneback`.

    Returns
    -------
    float32 array (2, rows, columns, time - 1)
        In pixels: u to the right first, then v downwards; field i leads from frame i to frame i + 1.

    Raises
    ------
    MicroExpError
        If `stack` is not such an array, or has fewer than two frames.

    References
    ----------
    Farnebäck, "Two-frame motion estimation based on polynomial expansion", SCIA 2003.
    """
    if stack.dtype != np.uint8 or stack.ndim != 3 or stack.shape[2] < 2:
        raise MicroExpError(
            "optical flow",
            "uint8 gray levels (rows, columns, time) of at least 2 frames",
            f"{stack.dtype} {stack.shape}",
            "Give one clip of a uint8 stack, not standardised.",
        )
    frames = np.ascontiguousarray(stack.transpose(2, 0, 1))
    fields = [
        cv2.calcOpticalFlowFarneback(
            before,
            after,
            np.zeros((*before.shape, 2), np.float32),
            pyramid_scale,
            levels,
            window,
            iterations,
            neighbourhood,
            sigma,
            0,
        )
        for before, after in itertools.pairwise(frames)
    ]
    return np.ascontiguousarray(np.stack(fields, axis=2).transpose(3, 0, 1, 2))
