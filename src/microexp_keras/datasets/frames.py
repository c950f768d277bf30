"""From a clip to its colour frames, whether it is a folder of images or a video."""

import contextlib
import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from microexp_keras.datasets import Clip, Video
from microexp_keras.errors import MicroExpError

JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"  # OpenCV decodes a JPEG without its end, to wrong pixels


def read_frames(clip: Clip, count: int | None) -> Iterator[np.ndarray]:
    """Read the first frames of a clip.

    Parameters
    ----------
    clip : datasets.Clip
    count : int or None
        How many; None for all: those of a video end where its decoder ends.

    Yields
    ------
    uint8 array (rows, columns, 3), 0-255
        Blue, green, red, as OpenCV reads.

    Raises
    ------
    MicroExpError
        If a frame is missing, cannot be decoded or is cut off; the message names it.
    """
    if clip.video:
        yield from _video_frames(clip.video, clip.length if count is None else count)
        return
    if count is not None and len(clip.images) < count:
        raise MicroExpError(
            clip.path,
            f"at least {count} frames",
            str(len(clip.images)),
            'Restore or remove this clip; see data/README.md, "Frame folders".',
        )
    for path in clip.images[:count]:
        yield _read_image(path)


def _read_image(path: Path) -> np.ndarray:
    try:
        data = _read_bytes(path)  # OpenCV does not open every name that Python does
        cut_off = data[:2].tobytes() == JPEG_START and JPEG_END not in data[-1024:].tobytes()
        frame = None if cut_off or not data.size else cv2.imdecode(data, cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        frame = None
    if frame is None:
        raise MicroExpError(
            path,
            "a whole image",
            "one that cannot be decoded",
            "Restore this frame.",
        )
    return frame


def _read_bytes(path: Path) -> np.ndarray:
    """Bytes of a file as uint8 array, in memory that the thread's next call uses again: new memory costs as much."""
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if not hasattr(_memory, "bytes") or len(_memory.bytes) < size:
            _memory.bytes = np.empty(size, np.uint8)
        return _memory.bytes[: file.readinto(_memory.bytes[:size])]


_memory = threading.local()


def _video_frames(video: Video, count: int | None) -> Iterator[np.ndarray]:
    """Decode from the video's start: seeking lands on other frames in some files."""
    path, first, _ = video
    with open_video(path) as capture:
        for number in itertools.count() if count is None else range(first + count):
            whole = capture.grab()
            if whole and number >= first:
                whole, frame = capture.retrieve()
            if not whole and count is None and number > first:
                return
            if not whole:
                if count is None:
                    return
                raise MicroExpError(
                    path,
                    f"{first + (count or 1)} frames",
                    f"{number} that can be decoded",
                    "Restore or remove this video.",
                )
            if number >= first:
                yield frame


@contextlib.contextmanager
def open_video(path: Path) -> Iterator[cv2.VideoCapture]:
    """Open a video file and release it when the block ends; `isOpened()` says whether OpenCV could open it."""
    capture = cv2.VideoCapture(str(path))
    try:
        yield capture
    finally:
        capture.release()


def spread(count: int, wanted: int) -> list[int]:
    """Return up to `wanted` different positions among `count`, from the first to the last, evenly."""
    return [round(position) for position in np.linspace(0, count - 1, min(wanted, count)).tolist()]
