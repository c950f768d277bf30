"""From uint8 gray stacks to standardised float32, as the original programs standardise."""

from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np

from microexp_keras.errors import MicroExpError

IN_MEMORY = 2**26  # gray levels of a data set; more than that are standardised batch by batch


class Statistics(NamedTuple):
    """What standardisation subtracts and divides by, in gray levels (0-255)."""

    mean: float  #: Mean level of all pixels of all clips.
    max: float  #: Highest level; the divisor is `max - mean`.


def measure(stacks: np.ndarray, positions: np.ndarray | None = None) -> Statistics:
    """Return the `Statistics` of uint8 gray stacks, 0-255: of the clips at `positions`, else of all."""
    stacks = stacks if positions is None else stacks[positions]
    return Statistics(float(stacks.mean(dtype=np.float64)), float(stacks.max()))


def standardize(stacks: np.ndarray, statistics: Statistics | None = None) -> tuple[np.ndarray, Statistics]:
    """Subtract the mean level of all clips, then divide by the largest value left (not by a standard deviation).

    Parameters
    ----------
    stacks : uint8 array of any shape, 0-255
        All clips together, before any split, as the original does.
    statistics : Statistics, optional
        Of the clips that a network was trained on; by default those of `stacks`.

    Returns
    -------
    float32 array of the same shape, at most 1 when `statistics` are its own; Statistics

    Raises
    ------
    MicroExpError
        If all pixels are equal, or `stacks` is not uint8.

    References
    ----------
    `SMIC/MicroExpSTCNN.py:91-93`. The original sums in float32, so its values differ by about 1e-6.
    """
    if stacks.dtype != np.uint8:
        raise MicroExpError("standardize", f"takes uint8 gray levels, not {stacks.dtype}")
    statistics = statistics or measure(stacks)
    return StandardizedInput(stacks, statistics)[:][..., 0], statistics


class StandardizedInput:
    """An input of a network, standardised when some clips are asked for: all of them would take too much memory."""

    dtype = np.dtype(np.float32)

    def __init__(self, stacks: np.ndarray, statistics: Statistics) -> None:
        mean, largest = statistics
        if largest <= mean:
            found = f"all pixels have the same level (maximum {largest}, mean {mean})"
            raise MicroExpError("standardize", found, "Look at the frames: they may be blank.")
        self._stacks, self._values = stacks, ((np.arange(256) - mean) / (largest - mean)).astype(np.float32)

    def __len__(self) -> int:
        return len(self._stacks)

    @property
    def shape(self) -> tuple[int, ...]:
        """(clips, rows, columns, time, 1)."""
        return (*self._stacks.shape, 1)

    def __getitem__(self, chosen: slice | np.ndarray) -> np.ndarray:
        """Return some clips (slice or int array) as float32 (chosen, rows, columns, time, 1)."""
        levels = self._stacks[chosen]
        if not levels.size:
            return self._values[levels][..., None]
        # By OpenCV: numpy makes an index of eight bytes of every level first.
        return cv2.LUT(levels.reshape(len(levels), -1), self._values).reshape(*levels.shape, 1)


#: By name of the network's input: float32 (clips, rows, columns, time, 1), or what gives such arrays for positions.
Inputs = dict[str, np.ndarray | StandardizedInput]


def network_inputs(
    stacks: Mapping[str, np.ndarray], statistics: Mapping[str, Statistics] | None = None
) -> tuple[Inputs, dict[str, Statistics]]:
    """Standardise each input of a network on its own and add the channel axis.

    Takes stacks (clips, rows, columns, time) by input, uint8, or float32 and standardised already (see `Samples`), and
    statistics as `standardize`. Gives float32 arrays (clips, rows, columns, time, 1), or instead of gray stacks of more
    than `IN_MEMORY` levels `StandardizedInput`, the same numbers; and the statistics of what was not standardised yet.
    """
    streamed = sum(stack.size for stack in stacks.values()) > IN_MEMORY
    gray = {name: stack for name, stack in stacks.items() if stack.dtype == np.uint8}
    used = {name: (statistics or {}).get(name) or measure(stack) for name, stack in gray.items()}
    inputs: Inputs = {}
    for name, stack in stacks.items():
        lazily = StandardizedInput(stack, used[name]) if name in used else stack[..., None]
        inputs[name] = lazily if streamed else lazily[:]
    return inputs, used
