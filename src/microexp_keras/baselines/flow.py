"""From a clip to its optical flow, frame to frame."""

import itertools

import cv2
import numpy as np

from microexp_keras.baselines.settings import settings
from microexp_keras.errors import MicroExpError


def flow(stack: np.ndarray) -> np.ndarray:
    """Estimate by Farnebäck's method, as 3D-FCNN's settings say, how far each pixel moves from frame to frame.

    From uint8 gray levels (rows, columns, time) to float32 (2, rows, columns, time - 1) in pixels: u to the right
    first, then v downwards; field i leads from frame i to frame i + 1. The result is the same to the bit on any
    number of OpenCV's threads; the method uses one at these sizes.

    References
    ----------
    Farnebäck, "Two-frame motion estimation based on polynomial expansion", SCIA 2003.
    """
    if stack.dtype != np.uint8 or stack.ndim != 3 or stack.shape[2] < 2:
        found = f"{stack.dtype} {stack.shape} instead of uint8 gray levels (rows, columns, time) of 2 frames or more"
        raise MicroExpError("optical flow", found, "Give one clip of a uint8 stack, not standardised.")
    own = settings("3d-fcnn")
    how = (own.pyramid_scale, own.levels, own.window, own.iterations, own.neighbourhood, own.sigma, 0)
    pairs = itertools.pairwise(np.ascontiguousarray(stack.transpose(2, 0, 1)))
    still = np.zeros((*stack.shape[:2], 2), np.float32)
    fields = [cv2.calcOpticalFlowFarneback(before, after, still.copy(), *how) for before, after in pairs]
    return np.ascontiguousarray(np.stack(fields, axis=2).transpose(3, 0, 1, 2))
