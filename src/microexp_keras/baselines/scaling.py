"""From the values of training clips to the scaling of a network's input."""

from dataclasses import dataclass

import numpy as np

from microexp_keras.errors import MicroExpError


@dataclass(frozen=True)
class Scale:
    """Scaling as for gray levels: subtract the mean, then divide by the largest remaining value.

    Attributes
    ----------
    mean : float
        Of all values of the training clips.
    largest : float
        The largest value of the training clips, less the mean; above 0.
    """

    mean: float
    largest: float

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return the scaled values, float32 of the same shape."""
        return ((values - np.float32(self.mean)) / np.float32(self.largest)).astype(np.float32)


def measure(values: np.ndarray, train: np.ndarray) -> Scale:
    """Measure the training clips.

    Parameters
    ----------
    values : array (clips, ...)
        Gray levels, or one component of the flow.
    train : int array
        Positions of the training clips; no others are looked at.

    Returns
    -------
    Scale

    Raises
    ------
    MicroExpError
        If all values of the training clips are equal, or there are no clips.
    """
    known = values[train]
    if not known.size or known.min() == known.max():
        raise MicroExpError(
            "scale",
            "training clips whose values differ",
            f"{len(known)} clips and {min(known.size, 1)} value in all of them",
            "Look at the frames, and at the face boxes.",
        )
    mean = float(known.mean(dtype=np.float64))
    return Scale(mean, float(known.max()) - mean)
