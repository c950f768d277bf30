"""From a clip to its colour frames, whether it is a folder of images or a video."""

import contextlib
import itertools
import os
import re
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from microexp_keras.datasets import Clip, Video
from microexp_keras.datasets.image_header import MAX_BYTES, MAX_PIXELS, Header, read_header
from microexp_keras.errors import MicroExpError
from microexp_keras.regular import open_regular

DARKEST = 64
"""Of 16 bits the upper 8 are read: where they stay below this, the lower ones hold the picture."""


def read_frames(clip: Clip, count: int | None, headers: dict[Path, Header] | None = None) -> Iterator[np.ndarray]:
    """Read the first frames of a clip.

    Parameters
    ----------
    clip : datasets.Clip
    count : int or None
        How many; None for all: those of a video end where its decoder ends.
    headers : dict of Path to Header, optional
        Gets what the header of each image says.

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
        frame, header = _read_image(path)
        if headers is not None:
            headers[path] = header
        yield frame


def _read_image(path: Path) -> tuple[np.ndarray, Header]:
    data, header = _read_file(path)
    try:
        frame = cv2.imdecode(data, cv2.IMREAD_COLOR) if header.whole else None
    except cv2.error:
        frame = None
    if frame is None:
        raise MicroExpError(path, "a whole image", "one that cannot be decoded", "Restore this frame.")
    if header.bits > 8 and frame.max() < DARKEST:
        raise MicroExpError(
            path,
            f"an image of {header.bits} bits a channel that uses the upper ones, which are read",
            f"levels up to {frame.max()} of 255 in these",
            "Convert it: all frames of all clips to 8 bits by the same factor.",
        )
    return frame, header


def _read_file(path: Path) -> tuple[np.ndarray, Header]:
    """Read an image file, uint8 (bytes,), and its header; OpenCV does not open every name that Python does."""
    try:
        data = _read_bytes(path)
    except OSError as error:
        raise MicroExpError(path, "a whole image", f"none that can be read ({error.strerror})", "Restore it.") from None
    header = read_header(data.tobytes())
    if header is None:
        raise MicroExpError(
            path, "a whole image: BMP, JPEG, PNG, TIFF or WebP", "one that cannot be decoded", "Restore this frame."
        )
    if header.columns * header.rows > MAX_PIXELS:
        raise MicroExpError(
            path, f"at most {MAX_PIXELS} pixels", f"{header.columns}x{header.rows}", "Make it smaller, or restore it."
        )
    return data, header


def _read_bytes(path: Path) -> np.ndarray:
    """Bytes of a file as uint8 array, in memory that the thread's next call uses again: new memory costs as much."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_BYTES:
            raise MicroExpError(path, f"an image of at most {MAX_BYTES} bytes", str(size), "Restore it.")
        if not hasattr(_memory, "bytes") or len(_memory.bytes) < size:
            _memory.bytes = np.empty(size, np.uint8)
        return _memory.bytes[: file.readinto(_memory.bytes[:size])]  # type: ignore[attr-defined]


_memory = threading.local()


def _video_frames(video: Video, count: int | None) -> Iterator[np.ndarray]:
    """Decode from the video's start: seeking lands on other frames in some files."""
    path, first, _ = video
    with open_video(path) as capture:
        for number in itertools.count() if count is None else range(first + count):
            whole = capture.grab()
            if whole and number >= first:
                frame = capture.retrieve()[1]  # of a damaged one it may say that all is well, and give none
                whole = frame is not None
            if not whole:
                if count is None:
                    return
                raise MicroExpError(
                    path,
                    f"{first + count} frames",
                    f"{number} that can be decoded",
                    "Restore or remove this video.",
                )
            if number >= first:
                yield frame


CONTAINERS = (
    rb"RIFF....AVI |....(ftyp|moov|mdat|free|skip|wide)|\x1a\x45\xdf\xa3|\x30\x26\xb2\x75|OggS|FLV\x01|GIF8"
    rb"|\x00\x00\x01[\xb0-\xbf]|\x47.{187}\x47|.{4}\x47.{191}\x47|YUV4MPEG2 "
)
"""How videos begin: AVI, MP4 and QuickTime, Matroska and WebM, ASF, Ogg, FLV, GIF, MPEG 1, 2 and 4, its transport
streams, Y4M. What begins with text may be a list of other files, which FFmpeg would open."""


@contextlib.contextmanager
def open_video(path: str | Path) -> Iterator[cv2.VideoCapture]:
    """Open a video file and release it when the block ends; `isOpened()` says whether OpenCV could open it.

    Raises
    ------
    MicroExpError
        If it is not a regular file, not in a container of videos, or of larger frames than are read.
    """
    try:
        file = open_regular(path)
    except OSError as error:
        raise MicroExpError(path, "a video", f"none that can be read ({error.strerror})", "Restore it.") from None
    with file:
        if not re.match(CONTAINERS, file.read(196), re.DOTALL):
            remedy = f"Restore it, or convert it: ffmpeg -i {shlex.quote(str(path))} video.mp4"
            raise MicroExpError(path, "a video, such as .avi, .mp4 or .mkv", "another kind of file", remedy)
        file.seek(0)
        capture = cv2.VideoCapture(name_for_opencv(path) or f"/dev/fd/{file.fileno()}")
        try:
            columns, rows = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
            if columns * rows > MAX_PIXELS:
                raise MicroExpError(
                    path, f"frames of at most {MAX_PIXELS} pixels", f"{columns:.0f}x{rows:.0f}", "Make them smaller."
                )
            yield capture
        finally:
            capture.release()


def count_frames(path: str | Path) -> int:
    """Count the frames of a video that can be decoded: what its header says is an estimate."""
    frames = 0
    with open_video(path) as capture:
        while capture.grab():
            frames += 1
    return frames


def name_for_opencv(path: str | Path) -> str | None:
    """Return the absolute path of a file as OpenCV takes it; None if it would crash on it, or see a pattern in it."""
    name = os.path.abspath(path)
    try:
        name.encode()
    except UnicodeEncodeError:
        return None
    return None if "%" in name else name


def name_to_write(path: str | Path) -> str:
    """Return the path under which OpenCV writes a video; a MicroExpError if it would crash on it."""
    name = name_for_opencv(path)
    if name is None:
        raise MicroExpError(
            Path(path).parent, "a folder whose name is UTF-8 without %, to write a video", "another", "Rename it."
        )
    return name


def spread(count: int, wanted: int) -> list[int]:
    """Return up to `wanted` different positions among `count`, from the first to the last, evenly."""
    return [round(position) for position in np.linspace(0, count - 1, min(wanted, count)).tolist()]
