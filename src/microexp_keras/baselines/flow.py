"""From a clip to its optical flow, frame to frame or from the first frame to the apex, and to its strain."""

import itertools

import cv2
import numpy as np

from microexp_keras.baselines.settings import settings
from microexp_keras.errors import MicroExpError

FLOW, APEX = settings("3d-fcnn"), settings("ststnet")


def flow(stack: np.ndarray) -> np.ndarray:
    """Estimate by Farnebäck's method, as 3D-FCNN's settings say, how far each pixel moves from frame to frame.

    From uint8 gray levels (rows, columns, time) to float32 (2, rows, columns, time - 1) in pixels: u to the right
    first, then v downwards; field i leads from frame i to frame i + 1. The result is the same to the bit on any
    number of OpenCV's threads; the method uses one at these sizes.

    Farnebäck, "Two-frame motion estimation based on polynomial expansion", SCIA 2003.
    """
    if stack.dtype != np.uint8 or stack.ndim != 3 or stack.shape[2] < 2:
        found = f"{stack.dtype} {stack.shape} instead of uint8 gray levels (rows, columns, time) of 2 frames or more"
        raise MicroExpError("optical flow", found, "Give one clip of a uint8 stack, not standardised.")
    how = (FLOW.pyramid_scale, FLOW.levels, FLOW.window, FLOW.iterations, FLOW.neighbourhood, FLOW.sigma, 0)
    pairs = itertools.pairwise(np.ascontiguousarray(stack.transpose(2, 0, 1)))
    still = np.zeros((*stack.shape[:2], 2), np.float32)
    fields = [cv2.calcOpticalFlowFarneback(before, after, still.copy(), *how) for before, after in pairs]
    return np.ascontiguousarray(np.stack(fields, axis=2).transpose(3, 0, 1, 2))


def strain(field: np.ndarray) -> np.ndarray:
    """Return how strongly a flow deforms: the norm of its symmetric gradient.

    From float (2, rows, columns), to the right and downwards, to float (rows, columns), per pixel.
    """
    (right_by_row, right_by_column), (down_by_row, down_by_column) = (np.gradient(one) for one in field)
    shear = (right_by_row + down_by_column) / 2
    return np.sqrt(right_by_column**2 + down_by_row**2 + 2 * shear**2)


def to_apex(stack: np.ndarray, apex: int | None) -> np.ndarray:
    """Return the flow from a clip's first frame to its apex, or where none is annotated to the frame of largest flow.

    From uint8 (rows, columns, time) to float32 (28, 28, 3): to the right, downwards (pixels of the stack), strain.
    """
    frames = [apex] if apex else range(1, stack.shape[2])
    fields = [flow(stack[..., [0, frame]])[..., 0] for frame in frames]
    largest = max(fields, key=lambda field: float(np.hypot(*field).sum()))
    streams = [*largest, strain(largest)]
    small = [cv2.resize(one, (APEX.size, APEX.size), interpolation=cv2.INTER_AREA) for one in streams]
    return np.stack(small, axis=-1).astype(np.float32)
