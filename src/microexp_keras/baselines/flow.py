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
        raise MicroExpError(
            "optical flow",
            f"expected uint8 gray levels (rows, columns, time) of at least 2 frames, found {stack.dtype} {stack.shape}",
            "Give one clip of a uint8 stack, not standardised.",
        )
    own = settings("3d-fcnn")
    frames = np.ascontiguousarray(stack.transpose(2, 0, 1))
    fields = []
    for before, after in itertools.pairwise(frames):
        field = cv2.calcOpticalFlowFarneback(
            before,
            after,
            flow=np.zeros((*before.shape, 2), np.float32),
            pyr_scale=own.pyramid_scale,
            levels=own.levels,
            winsize=own.window,
            iterations=own.iterations,
            poly_n=own.neighbourhood,
            poly_sigma=own.sigma,
            flags=0,
        )
        fields.append(field)
    return np.ascontiguousarray(np.stack(fields, axis=2).transpose(3, 0, 1, 2))
