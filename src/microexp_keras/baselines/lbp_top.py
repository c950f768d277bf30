"""From a clip to local binary patterns on three orthogonal planes (LBP-TOP): codes, block-wise counts, histograms."""

import functools
from collections.abc import Sequence

import numpy as np

from microexp_keras.errors import MicroExpError
from microexp_keras.text import by

PLANES: tuple[str, ...] = ("XY", "XT", "YT")

#: The two axes of (time, rows, columns) that each plane lies in: where neighbour 0 is, and whither the others turn. XY
#: begins on the right and turns up, XT begins on the right and turns to the future, YT begins in the future and turns
#: up (Zhao and Pietikäinen, PAMI 2007).
AXES: dict[str, tuple[int, int]] = {"XY": (2, 1), "XT": (2, 0), "YT": (0, 1)}

#: A difference from an interpolated level is (a + b sqrt 2) / 2 with whole numbers a and b below a million, so it is 0
#: or further from 0 than 1e-7; sums of floats err by 1e-10 at most. So ties are told exactly.
TIE = 1e-9

UNIFORM_BINS = 59  # 58 codes whose circle of bits changes at most twice, and one bin for all others


def codes(volume: np.ndarray, radii: tuple[int, int, int] = (1, 1, 1), sampling: str = "nearest") -> np.ndarray:
    """Compare each centre with its eight neighbours in each plane: bit p is set where neighbour p is not darker.

    Parameters
    ----------
    volume : uint8 array (rows, columns, time), 0-255
    radii : (int, int, int)
        In the order x, y, t.
    sampling : "nearest" or "bilinear"
        Neighbours at the nearest pixel, or interpolated from the four around.

    Returns
    -------
    uint8 array (3, rows - 2 b, columns - 2 b, time - 2 t), 0-255
        Planes XY, XT, YT over the same centres, b being the larger of the radii x and y.

    References
    ----------
    Zhao and Pietikäinen, "Dynamic texture recognition using local binary patterns", PAMI 29(6), 2007.
    """
    if sampling not in ("nearest", "bilinear"):
        raise MicroExpError(f'sampling: {sampling!r} is neither "nearest" nor "bilinear".')
    frames, margin = frames_first(volume, radii), margins(radii)
    centre = moved(frames, (0, 0, 0), margin)
    found = np.zeros((len(PLANES), *centre.shape), np.uint8)
    for code, plane in zip(found, PLANES, strict=True):
        for p in range(8):
            if sampling == "bilinear":
                not_darker = _on_circle(frames, on_circle(plane, radii)[p], margin) >= centre - TIE
            else:
                not_darker = moved(frames, on_pixels(plane, radii)[p], margin) >= centre
            code |= not_darker.view(np.uint8) << p
    return found.transpose(0, 2, 3, 1)


def counts(plane_codes: np.ndarray, blocks: tuple[int, int, int] = (8, 8, 1)) -> np.ndarray:
    """Count the codes of a clip in each block.

    From uint8 codes (planes, rows, columns, time), any number of planes, to int64 (planes, blocks, 256), the blocks of
    a plane in the order rows, columns, time, the last running fastest. `blocks` are those along rows, columns and time;
    they do not overlap, cover all centres, and differ by a pixel at most.
    """
    planes, *shape = plane_codes.shape
    if len(blocks) != 3 or min(blocks) < 1 or np.greater(blocks, shape).any():
        found = f"{by(blocks)} along rows, columns and time are not between 1 and the {by(shape)} centres"
        raise MicroExpError("blocks", found, "Take fewer blocks, larger frames or smaller radii.")
    in_blocks = np.empty((planes, *blocks, 256), np.int64)
    edges = [np.arange(parts + 1) * length // parts for parts, length in zip(blocks, shape, strict=True)]
    for plane, *block in np.ndindex(planes, *blocks):
        part = tuple(slice(edge[place], edge[place + 1]) for edge, place in zip(edges, block, strict=True))
        in_blocks[plane, *block] = np.bincount(plane_codes[plane][part].ravel(), minlength=256)
    return in_blocks.reshape(planes, -1, 256)


def features(
    volume: np.ndarray, radii: tuple[int, int, int] = (1, 1, 1), blocks: tuple[int, int, int] = (8, 8, 1)
) -> np.ndarray:
    """Describe a clip by the histograms of its uniform patterns, in the blocks of `counts`.

    From a volume as `codes` takes it to float64 (3 * blocks * 59,): planes outermost, then blocks, then bins; the 59
    bins of each block sum to 1.
    """
    found = counts(codes(volume, radii), blocks)
    return histograms(found, uniform_bins(), UNIFORM_BINS).ravel()


def histograms(in_blocks: np.ndarray, table: np.ndarray, size: int) -> np.ndarray:
    """Sum counts (..., 256) of codes into the bins that a table (256,) gives them: float64 (..., size), of sum 1."""
    one_hot = np.eye(size, dtype=np.float32)[table]
    bins = (in_blocks.astype(np.float32) @ one_hot).astype(np.float64)  # counts are small: exact in float32
    return bins / bins.sum(axis=-1, keepdims=True)


@functools.cache
def uniform_bins() -> np.ndarray:
    """Bin of each code: uniform ones 0 to 57 in ascending order of the code, all others 58; uint8 array (256,)."""
    changes = [(code ^ (code >> 1 | (code & 1) << 7)).bit_count() for code in range(256)]
    uniform = np.array(changes) <= 2
    found = np.where(uniform, np.cumsum(uniform) - 1, UNIFORM_BINS - 1).astype(np.uint8)
    found.setflags(write=False)
    return found


def _on_circle(frames: np.ndarray, offset: Sequence[float], margin: tuple[int, int, int]) -> np.ndarray:
    """Levels at an offset (time, rows, columns) from each centre, interpolated from the pixels around: float64."""
    from scipy import ndimage

    shifted = ndimage.shift(frames.astype(np.float64), [-step for step in offset], order=1, mode="nearest")
    return moved(shifted, (0, 0, 0), margin)


def frames_first(volume: np.ndarray, radii: tuple[int, int, int]) -> np.ndarray:
    """From a volume (rows, columns, time) to a contiguous (time, rows, columns), if it holds a centre for the radii."""
    if volume.dtype != np.uint8 or volume.ndim != 3:
        found = f"{volume.dtype} {volume.shape} instead of uint8 gray levels (rows, columns, time)"
        raise MicroExpError("volume", found, "Give one clip of a uint8 stack, not standardised.")
    if len(radii) != 3 or min(radii) < 1:
        raise MicroExpError("radii", f"{radii} are not three of at least 1, for x, y and t", "Give for example 1 1 1.")
    frames = np.ascontiguousarray(volume.transpose(2, 0, 1))
    least = [2 * margin + 1 for margin in margins(radii)]
    if np.less(frames.shape, least).any():
        found = f"{by(frames.shape)} frames, rows and columns, but radii {radii} need at least {by(least)}"
        raise MicroExpError("volume", found, "Take smaller radii, or interpolate the clip to more frames.")
    return frames


def margins(radii: tuple[int, int, int]) -> tuple[int, int, int]:
    """Frames, rows and columns at each border that hold no centre; centres are the same in all three planes."""
    x, y, t = radii
    return t, max(x, y), max(x, y)


def on_circle(plane: str, radii: tuple[int, int, int]) -> np.ndarray:
    """Offsets (time, rows, columns) of the eight neighbours of a plane, on the circle or ellipse of the radii."""
    x, y, t = radii
    angles = np.arange(8) * np.pi / 4
    found = np.zeros((8, 3))
    found[:, AXES[plane]] = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return found * (t, -y, x)  # rows count downwards


def on_pixels(plane: str, radii: tuple[int, int, int]) -> np.ndarray:
    """Offsets (time, rows, columns) of the eight neighbours of a plane, rounded to whole pixels and frames."""
    return np.floor(on_circle(plane, radii) + 0.5).astype(int)


def moved(values: np.ndarray, offset: Sequence[int], margin: tuple[int, int, int]) -> np.ndarray:
    """View the values at an offset (time, rows, columns) from each centre, as many as there are centres."""
    t, y, x = (
        slice(edge + step, length - edge + step)
        for edge, step, length in zip(margin, offset, values.shape, strict=True)
    )
    return values[t, y, x]
