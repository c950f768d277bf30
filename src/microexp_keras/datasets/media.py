"""From clips to what reading each of their images and videos shows: size, length, content, oddities."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from microexp_keras.datasets.clips import Clip
from microexp_keras.datasets.frames import open_video, read_frames
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
    oddities : tuple of (str, str, str)
        Kind, what was expected and found, and the remedy, of what is worth knowing.
    """

    size: tuple[int, int] | None
    digest: bytes = b""
    length: int = 1
    promised: int = 1
    cut_off: bool = False
    oddities: tuple[tuple[str, str, str], ...] = ()


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
    """Read an image as training does, then look for what it does away with: an alpha channel, levels above 255."""
    try:
        (frame,) = read_frames(Clip("", "", 0, (path,)), 1)
        data = np.fromfile(path, np.uint8)
    except (MicroExpError, OSError):
        return Medium(None, length=0)
    oddities = []
    if data[:2].tobytes() != b"\xff\xd8":  # a JPEG has neither
        whole = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        if whole is None:
            return Medium(None, length=0)
        if whole.dtype != np.uint8:
            found = f"expected 8 bits a channel, found {whole.dtype.itemsize * 8}"
            oddities.append(
                ("16-bit image", found, "Training sees the upper 8 bits; make sure that they hold the face.")
            )
        if whole.ndim == 3 and whole.shape[2] == 4:
            oddities.append(("alpha channel", "expected three channels, found a fourth", "Training does not see it."))
    return Medium((frame.shape[1], frame.shape[0]), hashlib.sha1(data.tobytes()).digest(), oddities=tuple(oddities))


def _read_video(path: Path) -> Medium:
    """Decode a video to its end."""
    with open_video(path) as capture:
        promised = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        times = []
        while capture.grab():
            times.append(capture.get(cv2.CAP_PROP_POS_MSEC))
        size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    steps = np.diff(times)
    reached = round(times[-1] / np.median(steps)) + 1 if len(steps) else len(times)  # dropped frames take time too
    oddities = []
    if len(steps) and np.ptp(steps) > 0.5 * np.median(steps):
        found = f"expected frames at equal times, found steps of {steps.min():.0f} to {steps.max():.0f} ms"
        oddities.append(("uneven frame rate", found, "Frames are read one after the other, whatever their times."))
    digest = hashlib.sha1()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    cut_off = max(reached, len(times)) < promised
    return Medium(size if times else None, digest.digest(), len(times), promised, cut_off, tuple(oddities))


def clip_name(clip: Clip) -> str:
    """Name a clip for a message: its path, after its id where the path does not hold it."""
    return str(clip.path) if clip.path.stem == clip.id else f"{clip.id} in {clip.path}"


def clip_length(clip: Clip, media: Media) -> int:
    """Return how many frames there are from the first of a clip to its last, or the end of its video."""
    if not clip.video:
        return len(clip.images)
    end = media[clip.path].length if clip.video.last is None else min(media[clip.path].length, clip.video.last + 1)
    return max(0, end - clip.video.first)
