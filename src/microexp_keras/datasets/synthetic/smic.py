"""From a seed to a folder like SMIC's, of clips made from one portrait: for tests and the demo, without real faces.

A clip's class is nothing but a small motion over time (`MOTIONS`). Each clip rests in its own random mixture of the
same movements, wider than the motion itself, so that no single frame gives the class away. Subjects differ by a smooth
warp, skin texture, tone and lighting; clips by pose, drift, nods, blinks, flicker and sensor noise, drawn alike for
every class. `benchmarks/synthetic_difficulty.py` measures what this promises.

`synthetic_face.png` is a part (columns 122-329, rows 14-221) of NASA's portrait of the astronaut Eileen Collins,
<https://flic.kr/p/r9qvLn>, as in scikit-image's 512x512 `astronaut.png`: no known copyright restrictions, released
into the public domain.
"""

import contextlib
import functools
import glob
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from microexp_keras.console import progress_bar
from microexp_keras.datasets.clips import SYNTHETIC_MARK
from microexp_keras.datasets.database import DATABASES, SMIC
from microexp_keras.errors import MicroExpError

SIZE = 160  # rows and columns of a frame, in pixels
MIN_FRAMES = 18  # of the shortest clip; the motion begins and ends within them, for the networks see no more
MAX_FRAMES = 26  # of the longest clip
ZOOM = 1.3  # frame pixels per pixel of the portrait
CENTRE = (104.0, 116.0)  # of the face in the portrait: column, row
ABANDONED = 3600  # seconds after which a folder in which nobody writes was left behind by a killed process
JPEG_QUALITY = 95  # its loss drowns in the sensor noise, which makes .png four times and .bmp five times as large

CODES = dict(zip(SMIC.class_names, ("ne", "po", "sur"), strict=True))  # as in clip names

# Clips (negative, positive, surprise) of each subject: SMIC-HS's own 70/51/43, less four negative and four positive of
# the subjects who have most, which gives the 66/47/43 of the original programs.
CLIPS = {
    1: (3, 2, 1), 2: (0, 1, 5), 3: (21, 10, 6), 4: (9, 3, 5), 5: (1, 0, 1), 6: (2, 0, 2), 8: (8, 4, 0), 9: (0, 1, 3),
    11: (3, 3, 1), 12: (0, 7, 1), 13: (0, 9, 0), 14: (3, 2, 5), 15: (1, 1, 2), 18: (2, 0, 5), 19: (0, 1, 1),
    20: (13, 3, 5),
}  # fmt: skip

# What a face can do: each movement is a sum of bumps, given as centre (column, row), widths (columns, rows) and
# displacement (columns, rows) at the centre, in pixels of the portrait; left of the picture first.
MOVEMENTS = {
    "brows up": (((81, 75), (15, 8), (0, -1)), ((127, 78), (15, 8), (0, -1))),
    "brows together": (((89, 75), (11, 8), (1, 0)), ((119, 78), (11, 8), (-1, 0))),
    "upper lids up": (((81, 85), (9, 4), (0, -1)), ((125, 87), (9, 4), (0, -1))),
    "lower lids up": (((81, 94), (11, 6), (0, -1)), ((125, 96), (11, 6), (0, -1))),
    "mouth corners up": (((80, 125), (10, 10), (0, -1)), ((124, 128), (10, 10), (0, -1))),
    "mouth corners out": (((80, 125), (10, 10), (-1, 0)), ((124, 128), (10, 10), (1, 0))),
    "lower lip down": (((101, 142), (18, 10), (0, 1)),),
}

# What an expression does at its apex, in the order of MOVEMENTS and pixels of the portrait.
MOTIONS = {
    "negative": (-1.3, 1.1, -0.3, 0.0, -1.1, -0.4, -0.5),
    "positive": (0.0, 0.0, -0.3, 0.9, 1.3, 0.9, 0.0),
    "surprise": (1.4, 0.0, 0.6, 0.0, 0.0, -0.5, 1.4),
}
REST = 3.2  # a clip rests up to so many times every class's motion from the portrait, either way
BLINK = (((81, 86), (10, 4), (0, 5)), ((125, 88), (10, 4), (0, 5)))  # bumps as in MOVEMENTS

MARK = """The clips in this folder are synthetic: microexp_keras made them (seed {seed}) from one portrait in the public
domain, NASA's of the astronaut Eileen Collins (https://flic.kr/p/r9qvLn). They are not \
{title}, and no expression of hers.
"""


@dataclass(frozen=True)
class Subject:
    """What stays the same in all clips of a person.

    Attributes
    ----------
    image : uint8 (208, 208, 3), BGR
        The portrait with this person's skin, tone and lighting.
    warp : float32 (208, 208, 2), pixels
        Displacement (columns, rows) that gives this person's features.
    """

    image: np.ndarray
    warp: np.ndarray


def write_smic(
    root: str | Path,
    seed: int = 0,
    clips_per_class: Sequence[int] = (66, 47, 43),
    progress: bool = True,
    workers: int | None = None,
) -> Path:
    """Write a synthetic SMIC, `root/HS/s1/micro/negative/s1_ne_01/reg_image000001.jpg` and so on.

    Parameters
    ----------
    root : str or Path
        The folder to make. It appears only when it is complete.
    seed : int
        The same seed gives the same bytes, however many workers there are (with the same numpy and OpenCV).
    clips_per_class : (int, int, int)
        Clips of negative, positive and surprise, taken from the first subjects; at most 66, 47 and 43.
    progress : bool
        Whether to show a progress bar.
    workers : int or None
        Threads; None takes one for each core.

    Returns
    -------
    Path
        `root`.

    Raises
    ------
    MicroExpError
        If `root` exists and is not an empty folder, if it cannot be written, or if more clips are asked than there
        are.
    """
    plan = _plan(clips_per_class)
    with new_folder(root, "smic", seed) as whole:
        subjects = {number: make_subject(seed, number) for number in sorted({number for number, *_ in plan})}

        def write_clip(entry: tuple[int, str, str, int]) -> None:
            number, label, name, take = entry
            folder = whole / "HS" / f"s{number}" / "micro" / label / name
            folder.mkdir(parents=True)
            for index, frame in enumerate(render_clip(subjects[number], (seed, number, take), MOTIONS[label]), start=1):
                (folder / f"reg_image{index:06d}.jpg").write_bytes(jpeg(frame))

        write_all(write_clip, plan, progress, workers)
    return Path(root)


@contextlib.contextmanager
def new_folder(root: str | Path, dataset: str, seed: int) -> Iterator[Path]:
    """Yield a temporary folder beside `root`, marked as synthetic; on success it becomes `root` in one step.

    Parameters
    ----------
    root : str or Path
    dataset : str
        Name of the database that the clips are made like.
    seed : int

    Yields
    ------
    Path
        The folder to fill.

    Raises
    ------
    MicroExpError
        If `root` exists and is not an empty folder, or if it cannot be written.
    """
    root = Path(root)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise MicroExpError(root, "no such folder, or an empty one", remedy="Choose another, or remove it yourself.")
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(root)
        with tempfile.TemporaryDirectory(prefix=f".{root.name}-", dir=root.parent) as beside:
            whole = Path(beside) / dataset
            whole.mkdir()
            mark = MARK.format(seed=seed, title=DATABASES[dataset].title)
            (whole / SYNTHETIC_MARK).write_text(mark, encoding="utf-8")
            yield whole
            try:
                os.replace(whole, root)
            except OSError:
                if not _is_marked(root, mark):  # else another process was faster: its clips are the same
                    raise
    except OSError as error:
        raise MicroExpError(
            root,
            found=f"could not be written ({error.strerror or error})",
            remedy="Nothing is left there. Free space on that disk or choose another folder, then run the command "
            "again.",
        ) from error


def _is_marked(root: Path, mark: str) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return (root / SYNTHETIC_MARK).read_text(encoding="utf-8") == mark
    return False


def _remove_abandoned(root: Path) -> None:
    """Remove what killed processes have left half-written beside `root`, after an hour in which nobody wrote there."""
    for left in root.parent.glob(f".{glob.escape(root.name)}-*"):
        with contextlib.suppress(OSError):
            inside = {path.name for path in left.iterdir()}
            newest = max((path.stat().st_mtime for path in (left, *left.rglob("*"))), default=0)
            if inside <= {*DATABASES} and not left.is_symlink() and time.time() - newest > ABANDONED:
                shutil.rmtree(left)


def write_all(write_clip: Callable[[Any], None], plan: Sequence[Any], progress: bool, workers: int | None) -> None:
    """Call `write_clip` with every entry of `plan` on `workers` threads (None: one for each core), under a bar."""
    executor = ThreadPoolExecutor(workers or os.cpu_count())
    try:
        written = executor.map(write_clip, plan)
        for _ in progress_bar(written, total=len(plan), desc="writing clips", unit="clip", disable=not progress):
            pass
    finally:
        executor.shutdown(cancel_futures=True)


def make_subject(seed: int, number: int) -> Subject:
    """Draw person `number`; see `Subject`."""
    rng = np.random.default_rng([seed, number])
    image = np.asarray(cv2.imread(str(Path(__file__).with_name("synthetic_face.png"))), np.float32) / 255
    image = np.clip(image + 0.8 * (image - cv2.GaussianBlur(image, (0, 0), 3)), 0, 1)  # crisp after enlargement
    size = len(image)
    place = grid(size) / size - 0.5

    warp = 2.0 * _smooth(rng, size, knots=6, channels=2)
    warp += size * place * rng.normal(0, 0.03, 2).astype(np.float32)  # wide faces, long faces
    image *= np.exp(0.05 * _smooth(rng, size, knots=70, channels=1) + 0.1 * _smooth(rng, size, knots=5, channels=1))
    image = 0.45 + rng.uniform(0.85, 1.1) * (image ** rng.uniform(0.8, 1.25) - 0.45)
    image *= (rng.uniform(0.9, 1.1) + place @ rng.normal(0, 0.15, 2).astype(np.float32))[..., None]  # lit from a side
    image *= rng.uniform(0.92, 1.08, 3).astype(np.float32)
    return Subject(np.clip(255 * image, 0, 255).astype(np.uint8), warp)


def render_clip(subject: Subject, key: tuple[int, ...], motion: Sequence[float]) -> Iterator[np.ndarray]:
    """Film one expression.

    Parameters
    ----------
    subject : Subject
    key : sequence of int
        Keys the random numbers: everything about the clip but its motion.
    motion : (float,) * 7
        What the expression does at its apex, as in `MOTIONS`; zeros film a face at rest.

    Yields
    ------
    uint8 (160, 160, 3), BGR, 0-255
        18 to 26 frames: at rest in the first, at the apex about the 10th, at rest again from the 18th.
    """
    rng = np.random.default_rng(key)
    frames = rng.integers(MIN_FRAMES, MAX_FRAMES, endpoint=True)
    time = np.arange(MAX_FRAMES)
    strength = rng.uniform(0.9, 1.2)
    onset, apex, offset = rng.uniform((1, 7.5, 14), (3.5, 10, 17))
    rest = rng.uniform(-REST, REST, len(MOTIONS)) @ np.array(list(MOTIONS.values()))
    moves = rest + strength * rise_and_fall(time, onset, apex, offset)[:, None] * np.array(motion)

    blink_at = rng.uniform(-30, 50)  # in about one clip of four it falls within the first 18 frames
    blinks = rise_and_fall(time, blink_at - 3, blink_at, blink_at + 3)
    nod_at = rng.uniform(3, 15)
    nods = rng.normal(0, 0.5) * rise_and_fall(time, nod_at - 5, nod_at, nod_at + 5)

    drift = np.linspace(-1, 1, MAX_FRAMES)
    turn = rng.normal(0, 1.2) + rng.normal(0, 0.25) * drift  # degrees
    zoom = ZOOM * (rng.uniform(0.98, 1.02) + rng.normal(0, 0.003) * drift)
    shift = rng.normal(0, 1.2, 2) + rng.normal(0, 0.3, 2) * drift[:, None]  # frame pixels
    flicker = rng.normal(0, 0.01, MAX_FRAMES)

    fields = displacements((*MOVEMENTS.values(), BLINK), len(subject.image))
    still = grid(len(subject.image)) - subject.warp
    for index in range(frames):
        weights = np.append(moves[index], blinks[index]).astype(np.float32)
        source = still - np.tensordot(weights, fields, axes=1)
        frame = photograph(subject, source, turn[index], zoom[index], shift[index] + (0, nods[index]))
        noise = rng.standard_normal(frame.shape, dtype=np.float32)
        yield np.clip(frame * np.float32(1 + flicker[index]) + 2.5 * noise, 0, 255).astype(np.uint8)


def photograph(subject: Subject, source: np.ndarray, turn: float, zoom: float, shift: np.ndarray) -> np.ndarray:
    """Take one frame of a face, without the camera's noise.

    Parameters
    ----------
    subject : Subject
    source : float32 (208, 208, 2), pixels of the portrait
        From which place (column, row) each pixel of this face comes.
    turn, zoom : float
        Of the head: degrees; frame pixels per pixel of the portrait.
    shift : (float, float)
        Of the head: columns, rows, in frame pixels.

    Returns
    -------
    uint8 (160, 160, 3), BGR, 0-255
    """
    pose = cv2.getRotationMatrix2D(CENTRE, turn, zoom)
    pose[:, 2] += SIZE / 2 - np.array(CENTRE) + shift
    # Warping the smooth map instead of the picture interpolates the picture only once.
    source = cv2.warpAffine(source, pose, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
    return cv2.remap(subject.image, source, np.empty(0), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _plan(clips_per_class: Sequence[int]) -> list[tuple[int, str, str, int]]:
    """(subject number, label, clip name, take) of every clip; `take` counts a subject's clips over all classes from 1.

    It does so before any are left out, so that a clip is the same in a small set as in the whole one. Not from 0: numpy
    seeds [seed, number, 0] as [seed, number], the subject's own.
    """
    plan = []
    for column, (label, code) in enumerate(CODES.items()):
        clips = [
            (number, label, f"s{number}_{code}_{clip + 1:02d}", sum(counts[:column]) + clip + 1)
            for number, counts in CLIPS.items()
            for clip in range(counts[column])
        ]
        wanted = clips_per_class[column]
        if not 0 <= wanted <= len(clips):
            raise MicroExpError("clips_per_class", f"0 to {len(clips)} {label} clips", str(wanted))
        plan += clips[:wanted]
    return plan


def rise_and_fall(time: np.ndarray, onset: float, apex: float, offset: float) -> np.ndarray:
    """Smooth pulse over `time` (frames): 0 until `onset`, 1 at `apex`, 0 from `offset`."""
    phase = np.interp(time, [onset, apex, offset], [-1, 0, 1])
    return np.cos(np.pi / 2 * phase)


@functools.cache
def displacements(movements: Sequence[Any], size: int) -> np.ndarray:
    """Displacement of a pixel by each movement (bumps as in MOVEMENTS), float32 (movements, size, size, 2)."""
    place = grid(size)
    fields = np.zeros((len(movements), size, size, 2), np.float32)
    for field, bumps in zip(fields, movements, strict=True):
        for centre, widths, displacement in bumps:
            height = np.exp(-(((place - centre) / widths) ** 2).sum(axis=-1) / 2)
            field += height[..., None] * displacement
    return fields


def _smooth(rng: np.random.Generator, size: int, knots: int, channels: int) -> np.ndarray:
    """Random field, float32 (size, size, channels), about unit spread, `knots` independent values to a side."""
    coarse = rng.standard_normal((knots, knots, channels), dtype=np.float32)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC).reshape(size, size, channels)


def grid(size: int) -> np.ndarray:
    """Column and row of every pixel, float32 (size, size, 2)."""
    return np.stack(np.meshgrid(*[np.arange(size, dtype=np.float32)] * 2), axis=-1)


def jpeg(frame: np.ndarray) -> bytes:
    done, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise OSError("the frame could not be encoded as JPEG")
    return data.tobytes()
