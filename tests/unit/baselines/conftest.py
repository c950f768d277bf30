"""Small volumes for the tests of the rival methods, and the codes worked out by literal loops."""

import math
from collections.abc import Callable

import numpy as np
import pytest

PLANE_AXES = {"XY": ("x", "y"), "XT": ("x", "t"), "YT": ("t", "y")}  # that cosine and sine run along


def literal_neighbours(plane: str, radii: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """Offsets (rows, columns, time) straight from the definition: cosine and sine, rounded."""
    radius = dict(zip("xyt", radii, strict=True))
    along_cosine, along_sine = PLANE_AXES[plane]
    found = []
    for p in range(8):
        step = {"x": 0, "y": 0, "t": 0}
        step[along_cosine] = math.floor(radius[along_cosine] * math.cos(math.pi * p / 4) + 0.5)
        upwards = -1 if along_sine == "y" else 1  # rows count downwards
        step[along_sine] = math.floor(upwards * radius[along_sine] * math.sin(math.pi * p / 4) + 0.5)
        found.append((step["y"], step["x"], step["t"]))
    return found


def literal_codes(volume: np.ndarray, radii: tuple[int, int, int], bit: Callable[..., bool], plane: str) -> np.ndarray:
    """Codes of one plane by loops over every centre and neighbour; `bit(volume, centre, neighbour)` decides."""
    rows, columns, time = volume.shape
    edge, late = max(radii[0], radii[1]), radii[2]
    found = np.zeros((rows - 2 * edge, columns - 2 * edge, time - 2 * late), np.uint8)
    for place in np.ndindex(found.shape):
        centre = (place[0] + edge, place[1] + edge, place[2] + late)
        for p, step in enumerate(literal_neighbours(plane, radii)):
            neighbour = tuple(a + b for a, b in zip(centre, step, strict=True))
            found[place] |= int(bit(volume, centre, neighbour)) << p
    return found


@pytest.fixture
def literal() -> Callable[..., np.ndarray]:
    return literal_codes


@pytest.fixture
def texture() -> np.ndarray:
    """A smooth random picture; uint8 (100, 100)."""
    from scipy.ndimage import gaussian_filter

    picture = gaussian_filter(np.random.default_rng(0).normal(size=(100, 100)), 2)
    picture -= picture.min()
    return (picture / picture.max() * 255).astype(np.uint8)


@pytest.fixture
def clips() -> np.ndarray:
    """Clips of random gray levels, 5 subjects with 6 each; uint8 (30, rows, columns, time)."""
    return np.random.default_rng(1).integers(0, 256, (30, 12, 13, 7), np.uint8)


@pytest.fixture
def subjects() -> list[str]:
    return [f"s{number % 5}" for number in range(30)]


@pytest.fixture
def labels() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 3, 30)
