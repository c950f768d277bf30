"""From a person and expressions to the frames of a film, all made from one portrait: motion, without real faces.

All people are warps of this one portrait: they differ by a smooth warp, skin texture, tone and lighting, and are far
more alike than real ones. An expression is nothing but a small motion over time (`films.toml`). Each film rests in its
own random mixture of the same motions, wider than the motion itself, so that no single frame gives the class away.
Films differ by pose, wandering, blinks, flicker and sensor noise, drawn alike for every class.
`benchmarks/synthetic_difficulty.py` measures what this promises.

`portrait.png` is a part (columns 122-329, rows 14-221) of NASA's portrait of the astronaut Eileen Collins,
<https://flic.kr/p/r9qvLn>, as in scikit-image's 512x512 `astronaut.png`: no known copyright restrictions, released
into the public domain.
"""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from microexp_keras.data import read_toml

SIZE = 160  # rows and columns of a frame, in pixels
ZOOM = 1.3  # frame pixels per pixel of the portrait
CENTRE = (104.0, 116.0)  # of the face in the portrait: column, row

DATA = read_toml(__package__, "films.toml")
MOVEMENTS: list[list[list[list[float]]]] = [*DATA["movements"].values()]
MOTIONS: dict[str, list[float]] = DATA["motions"]


class Expression(NamedTuple):
    """One expression of a film: frames, the first being 0; the face rests up to the onset and from the offset on."""

    motion: str  # one of `MOTIONS`
    onset: int
    apex: int
    offset: int
    strength: float  # how many times the motion


class Film(NamedTuple):
    """One clip or video to be made."""

    path: str  # below the folder of its tree
    key: tuple[int, ...]  # begins with seed and person, and decides everything but length and expressions
    frames: int
    expressions: tuple[Expression, ...]


@functools.lru_cache(maxsize=32)
def make_person(seed: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a person: the portrait with this one's skin, tone and lighting, and the warp that gives this one's features.

    The image is uint8 (208, 208, 3), BGR; the warp displaces pixels by (columns, rows), float32 (208, 208, 2).
    """
    rng = np.random.default_rng([seed, number])
    image = np.asarray(cv2.imread(str(Path(__file__).with_name("portrait.png"))), np.float32) / 255
    image = np.clip(image + 0.8 * (image - cv2.GaussianBlur(image, (0, 0), 3)), 0, 1)  # crisp after enlargement
    size = len(image)
    place = grid(size) / size - 0.5

    warp = 2.0 * _smooth(rng, size, knots=6, channels=2)
    warp += size * place * rng.normal(0, 0.03, 2).astype(np.float32)  # wide faces, long faces
    skin = 0.05 * _smooth(rng, size, knots=70, channels=1) + 0.1 * _smooth(rng, size, knots=5, channels=1)
    image = image * np.exp(skin)
    image = 0.45 + rng.uniform(0.85, 1.1) * (image ** rng.uniform(0.8, 1.25) - 0.45)
    image *= (rng.uniform(0.9, 1.1) + place @ rng.normal(0, 0.15, 2).astype(np.float32))[..., None]  # lit from a side
    image *= rng.uniform(0.92, 1.08, 3).astype(np.float32)
    return np.clip(255 * image, 0, 255).astype(np.uint8), warp


def render(film: Film, rest: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the frames of a film, uint8 (160, 160, 3), BGR, 0-255.

    The film rests in a random mixture of the motions `rest`, float (motions, 8), pixels of the portrait, each of them
    at most once, either way.
    """
    (image, warp), frames, rng = make_person(*film.key[:2]), film.frames, np.random.default_rng(film.key)
    size, time = len(image), np.arange(frames)
    fields, blink = displacements(size)[:-1], displacements(size)[-1]
    mixture = (rng.uniform(-1, 1, len(rest)) @ rest).astype(np.float32)
    still = grid(size) - warp - np.tensordot(mixture, fields, axes=1)

    blinks = np.cumsum(rng.uniform(50, 150, 2 + frames // 50)) - rng.uniform(0, 100)
    moves = [(np.sum([rise_and_fall(time, at - 3, at, at + 4) for at in blinks], axis=0), blink)]
    for name, onset, apex, offset, strength in film.expressions:
        motion = np.tensordot(np.array(MOTIONS[name], np.float32), fields, axes=1)
        moves.append((strength * rise_and_fall(time, onset, apex, offset), motion))

    turn = rng.normal(0, 1.2) + 0.12 * _wander(rng, frames)  # degrees
    zoom = ZOOM * (rng.uniform(0.98, 1.02) + 0.0015 * _wander(rng, frames))
    shift = rng.normal(0, 1.2, 2) + 0.25 * np.stack([_wander(rng, frames), _wander(rng, frames)], axis=1)
    flicker = rng.normal(0, 0.005, frames)
    for index in range(frames):
        source = still
        for course, field in moves:
            if course[index] > 0:
                source = source - np.float32(course[index]) * field
        frame = photograph(image, source, turn[index], zoom[index], shift[index])
        # Gray noise takes a third of the time and of the codec's bits that coloured noise takes.
        noise = rng.standard_normal((SIZE, SIZE, 1), dtype=np.float32)
        yield np.clip(frame * np.float32(1 + flicker[index]) + 2 * noise, 0, 255).astype(np.uint8)


def photograph(image: np.ndarray, source: np.ndarray, turn: float, zoom: float, shift: np.ndarray) -> np.ndarray:
    """Take a frame, uint8 (160, 160, 3), by what place in the image each pixel has, float32 (208, 208, 2)."""
    pose = cv2.getRotationMatrix2D(CENTRE, turn, zoom)
    pose[:, 2] += SIZE / 2 - np.array(CENTRE) + shift
    # Warping the smooth map instead of the picture interpolates the picture only once.
    source = cv2.warpAffine(source, pose, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
    return cv2.remap(image, source, np.empty(0), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def rise_and_fall(time: np.ndarray, onset: float, apex: float, offset: float) -> np.ndarray:
    """Smooth pulse over `time` (frames): 0 until `onset`, 1 at `apex`, 0 from `offset`."""
    phase = np.interp(time, [onset, apex, offset], [-1, 0, 1])
    return np.cos(np.pi / 2 * phase)


@functools.cache
def displacements(size: int) -> np.ndarray:
    """Displacement of every pixel by each of `MOVEMENTS`, float32 (movements, size, size, 2)."""
    place = grid(size)
    fields = np.zeros((len(MOVEMENTS), size, size, 2), np.float32)
    for field, bumps in zip(fields, MOVEMENTS, strict=True):
        for centre, widths, displacement in bumps:
            height = np.exp(-(((place - centre) / widths) ** 2).sum(axis=-1) / 2)
            field += height[..., None] * displacement
    return fields


def grid(size: int) -> np.ndarray:
    """Column and row of every pixel, float32 (size, size, 2)."""
    return np.stack(np.meshgrid(*[np.arange(size, dtype=np.float32)] * 2), axis=-1)


def _smooth(rng: np.random.Generator, size: int, knots: int, channels: int) -> np.ndarray:
    """Random field, float32 (size, size, channels), about unit spread, `knots` independent values to a side."""
    coarse = rng.standard_normal((knots, knots, channels), dtype=np.float32)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC).reshape(size, size, channels)


def _wander(rng: np.random.Generator, frames: int) -> np.ndarray:
    """A slow random course, float (frames,), about unit spread; it turns every 40 frames."""
    knots = 2 + frames // 40
    return np.interp(np.arange(frames), 40 * np.arange(knots), rng.standard_normal(knots))
