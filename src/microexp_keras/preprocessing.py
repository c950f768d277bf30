"""From clips to uint8 stacks of gray frames to standardised float32, pixel for pixel as the original programs."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from microexp_keras import datasets
from microexp_keras.commands import progress_bar
from microexp_keras.errors import MicroExpError
from microexp_keras.frames import read_frames


class Statistics(NamedTuple):
    """What standardisation subtracts and divides by, in gray levels (0-255).

    Attributes
    ----------
    mean : float
        Mean level of all pixels of all clips.
    max : float
        Highest level; the divisor is `max - mean`.
    """

    mean: float
    max: float


@dataclass(frozen=True)
class Samples:
    """What a protocol makes of a data folder.

    Attributes
    ----------
    clips : list of Clip
    stacks : uint8 array (clips, rows, columns, time), 0-255
    labels : int array (clips,)
    subjects : list of str
    synthetic : bool
        Whether this package generated the clips.
    fingerprint : str
        SHA-256 over names, subjects, labels and pixels: which data this is.
    """

    clips: list
    stacks: np.ndarray
    labels: np.ndarray
    subjects: list
    synthetic: bool
    fingerprint: str


def load_samples(root, protocol, progress=True):
    """Read the clips below `root` as the protocol wants them; see `datasets.find_clips` and `face_stacks`."""
    clips = datasets.find_clips(root, protocol.dataset)
    stacks = face_stacks(clips, protocol, progress)
    digest = hashlib.sha256(str(stacks.shape).encode())
    for clip in clips:
        digest.update(os.fsencode(f"{clip.id}\0{clip.subject}\0{clip.label}\n"))
    digest.update(stacks.data)
    return Samples(
        clips=clips,
        stacks=stacks,
        labels=np.array([clip.label for clip in clips]),
        subjects=[clip.subject for clip in clips],
        synthetic=datasets.are_synthetic(clips),
        fingerprint=digest.hexdigest(),
    )


def face_stacks(clips, protocol, progress=True):
    """Read the frames of each clip, resize them and turn them gray.

    The frame is resized with `INTER_AREA` first and turned gray afterwards; the other order gives other levels.

    Parameters
    ----------
    clips : list of Clip
        What to read.
    protocol : Protocol
        Gives the number of frames and the size.
    progress : bool
        Show a progress bar on stderr.

    Returns
    -------
    uint8 array (clips, rows, columns, time), 0-255

    Raises
    ------
    MicroExpError
        If a clip is too short (all short clips are named), or a frame cannot be decoded or is cut off.

    References
    ----------
    `SMIC/MicroExpSTCNN.py:32-39`.
    """
    _refuse_short(clips, protocol.frames)
    stacks = np.empty((len(clips), protocol.size, protocol.size, protocol.frames), np.uint8)

    def read(position):
        for time, frame in enumerate(_seen_frames(clips[position], protocol)):
            stacks[position, :, :, time] = _gray(frame, protocol.size)

    with ThreadPoolExecutor() as pool:  # OpenCV decodes and resizes outside Python's lock
        done = pool.map(read, range(len(clips)))
        for _ in progress_bar(done, total=len(clips), desc="reading clips", unit="clip", disable=not progress):
            pass
    return stacks


def measure(stacks):
    """Return the `Statistics` of gray stacks (uint8 array of any shape, 0-255)."""
    return Statistics(float(stacks.mean(dtype=np.float64)), float(stacks.max()))


def standardize(stacks, statistics=None):
    """Subtract the mean level of all clips, then divide by the largest value left (not by a standard deviation).

    Parameters
    ----------
    stacks : uint8 array of any shape, 0-255
        All clips together, before any split, as the original does.
    statistics : Statistics, optional
        Of the clips that a network was trained on; by default those of `stacks`.

    Returns
    -------
    float32 array of the same shape
        At most 1 when `statistics` are its own.
    Statistics

    Raises
    ------
    MicroExpError
        If all pixels are equal, or `stacks` is not uint8.

    References
    ----------
    `SMIC/MicroExpSTCNN.py:91-93`. The original sums in float32, so its values differ by about 1e-6.
    """
    if stacks.dtype != np.uint8:
        raise MicroExpError(f"standardize: expected uint8 gray levels, received {stacks.dtype}.")
    statistics = statistics or measure(stacks)
    if statistics.max <= statistics.mean:
        raise MicroExpError(
            f"standardize: expected pixels of different levels, found maximum {statistics.max} and mean "
            f"{statistics.mean}. Look at the frames: they may be blank."
        )
    levels = (np.arange(256) - statistics.mean) / (statistics.max - statistics.mean)
    return levels.astype(np.float32)[stacks], statistics


def _refuse_short(clips, frames):
    """Name all short frame folders at once; a video tells its length only when it is read."""
    folders = [clip for clip in clips if not isinstance(clip.frames, datasets.Video)]
    short = [f"{clip.id} ({len(clip.frames)})" for clip in folders if len(clip.frames) < frames]
    if short:
        raise MicroExpError(
            f"expected at least {frames} frames in every clip, found fewer in {len(short)} of {len(clips)}: "
            f'{", ".join(short)}. Restore or remove these clips; see data/README.md, "Frame folders".'
        )


def _seen_frames(clip, protocol):
    """Colour frames in the order of channels in which the protocol takes them for blue, green, red."""
    for frame in read_frames(clip, protocol.frames):
        yield np.ascontiguousarray(frame[..., ::-1]) if protocol.swapped_colours else frame


def _gray(image, size):
    """Resize first, then turn gray."""
    return cv2.cvtColor(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
