"""From clips to what reading each of their images and videos shows: size, length, content, oddities."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from microexp_keras.datasets.clips import Clip
from microexp_keras.datasets.frames import open_video, read_frames
from microexp_keras.datasets.image_header import Header
from microexp_keras.errors import MicroExpError
from microexp_keras.parallel import in_threads


class Medium(NamedTuple):
    """What reading an image or a video showed.

    Attributes
    ----------
    size : (int, int) or None
        Columns and rows; None if nothing could be decoded.
    digest : bytes
        Of the file's content.
    length, promised : int
        Frames that can be decoded, and frames that the video's header promises.
    cut_off : bool
        Whether decoding ended before the time at which the header promises the last frame.
    uneven : (float, float) or None
        Shortest and longest time between frames of a video, in milliseconds, if they differ.
    header : Header or None
        Of an image.
    error : MicroExpError or None
        Why nothing could be decoded, where that is known.
    """

    size: tuple[int, int] | None
    digest: bytes = b""
    length: int = 1
    promised: int = 1
    cut_off: bool = False
    uneven: tuple[float, float] | None = None
    header: Header | None = None
    error: MicroExpError | None = None


Media = dict[Path, Medium]
"""By the path of the image or video."""


def read_media(clips: Sequence[Clip], progress: bool) -> Media:
    """Read every file of the clips once, on threads.

    Returns
    -------
    dict of Path to Medium
    """
    readers: dict[Path, Callable[[Path], Medium]] = {}
    for clip in clips:
        readers.update({clip.path: _read_video} if clip.video else dict.fromkeys(clip.images, _read_image))
    media = in_threads(lambda path: readers[path](path), [*readers], "reading files", "file", progress)
    return dict(zip(readers, media, strict=True))


def _read_image(path: Path) -> Medium:
    """Read an image as training does."""
    headers: dict[Path, Header] = {}
    try:
        [frame] = read_frames(Clip("", "", 0, (path,)), 1, headers)
        digest = hashlib.sha1(path.read_bytes()).digest()
    except (MicroExpError, OSError) as error:
        return Medium(None, length=0, error=error if isinstance(error, MicroExpError) else None)
    return Medium((frame.shape[1], frame.shape[0]), digest, header=headers[path])


def _read_video(path: Path) -> Medium:
    """Decode a video to its end."""
    try:
        return _read_to_end(path)
    except MicroExpError as error:
        return Medium(None, length=0, promised=0, error=error)


def _read_to_end(path: Path) -> Medium:
    with open_video(path) as capture:
        promised = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        times = []
        while capture.grab():
            times.append(capture.get(cv2.CAP_PROP_POS_MSEC))
        size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    steps = np.diff(times)
    step = float(np.median(steps)) if len(steps) else 0.0
    reached = round(times[-1] / step) + 1 if step > 0 else len(times)  # dropped frames take time too
    uneven = None
    if len(steps) and np.ptp(steps) > 0.5 * step:
        uneven = float(steps.min()), float(steps.max())
    digest = hashlib.sha1()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    cut_off = max(reached, len(times)) < promised
    return Medium(size if times else None, digest.digest(), len(times), promised, cut_off, uneven)


def clip_length(clip: Clip, media: Media) -> int:
    """Return how many frames there are from the first of a clip to its last, or the end of its video."""
    if not clip.video:
        return len(clip.images)
    end = media[clip.path].length if clip.video.last is None else min(media[clip.path].length, clip.video.last + 1)
    return max(0, end - clip.video.first)
