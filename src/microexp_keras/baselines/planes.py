"""From a volume and radii to the centres and their eight neighbours in the planes XY, XT and YT."""

import math

import numpy as np

from microexp_keras.errors import MicroExpError

PLANES: tuple[str, ...] = ("XY", "XT", "YT")

AXES: dict[str, tuple[int, int]] = {"XY": (1, 2), "XT": (0, 2), "YT": (0, 1)}
"""The two axes of (time, rows, columns) that each plane lies in."""

DIRECTIONS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "XY": ((0, 0, 1), (0, -1, 1), (0, -1, 0), (0, -1, -1), (0, 0, -1), (0, 1, -1), (0, 1, 0), (0, 1, 1)),
    "XT": ((0, 0, 1), (1, 0, 1), (1, 0, 0), (1, 0, -1), (0, 0, -1), (-1, 0, -1), (-1, 0, 0), (-1, 0, 1)),
    "YT": ((1, 0, 0), (1, -1, 0), (0, -1, 0), (-1, -1, 0), (-1, 0, 0), (-1, 1, 0), (0, 1, 0), (1, 1, 0)),
}
"""Neighbours p = 0 to 7 of each plane, as signs along (time, rows, columns). XY begins on the right and turns up, XT
begins on the right and turns to the future, YT begins in the future and turns up (Zhao and Pietikäinen, PAMI 2007)."""


def frames_first(volume: np.ndarray, radii: tuple[int, int, int]) -> np.ndarray:
    """Return a volume with its frames first, after checking that a centre exists with all its neighbours.

    Parameters
    ----------
    volume : uint8 array (rows, columns, time), 0-255
    radii : (int, int, int)
        In the order x, y, t.

    Returns
    -------
    uint8 array (time, rows, columns)
        Contiguous in memory.

    Raises
    ------
    MicroExpError
        If `volume` is not such an array, a radius is less than 1, or the volume is too small for the radii.
    """
    if volume.dtype != np.uint8 or volume.ndim != 3:
        raise MicroExpError(
            "volume",
            "uint8 gray levels (rows, columns, time)",
            f"{volume.dtype} {volume.shape}",
            "Give one clip of a uint8 stack, not standardised.",
        )
    if len(radii) != 3 or min(radii) < 1:
        raise MicroExpError(
            "radii",
            "three of at least 1, for x, y and t",
            str(radii),
            "Give for example 1 1 1.",
        )
    needed = tuple(2 * margin + 1 for margin in margins(radii))
    found = (volume.shape[2], *volume.shape[:2])
    if any(have < least for have, least in zip(found, needed, strict=True)):
        raise MicroExpError(
            "volume",
            f"at least {needed[0]} frames of {needed[1]}x{needed[2]} pixels for the radii {radii}",
            f"{found[0]} of {found[1]}x{found[2]}",
            "Take smaller radii, or interpolate the clip to more frames.",
        )
    return np.ascontiguousarray(volume.transpose(2, 0, 1))


def margins(radii: tuple[int, int, int]) -> tuple[int, int, int]:
    """Frames, rows and columns at each border that hold no centre; centres are the same in all three planes."""
    x, y, t = radii
    return t, max(x, y), max(x, y)


def on_circle(plane: str, radii: tuple[int, int, int]) -> list[tuple[float, float, float]]:
    """Offsets (time, rows, columns) of the eight neighbours of a plane, on the circle or ellipse of the radii."""
    x, y, t = radii
    found = []
    for signs in DIRECTIONS[plane]:
        share = math.sqrt(0.5) if all(signs[axis] for axis in AXES[plane]) else 1.0  # sine of 45 degrees, of 90
        found.append((signs[0] * t * share, signs[1] * y * share, signs[2] * x * share))
    return found


def on_pixels(plane: str, radii: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """Offsets (time, rows, columns) of the eight neighbours of a plane, rounded to whole pixels and frames."""

    def rounded(value: float) -> int:
        return math.floor(value + 0.5)

    return [(rounded(t), rounded(y), rounded(x)) for t, y, x in on_circle(plane, radii)]


def moved(values: np.ndarray, offset: tuple[int, int, int], margin: tuple[int, int, int]) -> np.ndarray:
    """Return the values at an offset from each centre.

    Parameters
    ----------
    values : array (time, rows, columns)
    offset : (int, int, int)
        Along (time, rows, columns), each no further than `margin`.
    margin : (int, int, int)
        As `margins` gives it.

    Returns
    -------
    array (time - 2 margin, rows - 2 margin, columns - 2 margin)
        A view of `values`; with the offset (0, 0, 0), the centres themselves.
    """
    return values[
        tuple(
            slice(edge + step, length - edge + step)
            for edge, step, length in zip(margin, offset, values.shape, strict=True)
        )
    ]
