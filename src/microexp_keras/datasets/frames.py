"""From a clip to its colour frames, of images or a video, and which of them are read: one rule for all readers."""

import io
import itertools
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from microexp_keras.datasets.clips import Clip
from microexp_keras.datasets.videos import MAX_PIXELS, VideoFile
from microexp_keras.errors import MicroExpError

warnings.filterwarnings("ignore", module=r"PIL\.")  # what it says of damaged files, we say in one line

KINDS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")

# OpenCV decodes a JPEG without it, to wrong pixels. Between the first scan and the end no other bytes look like it.
JPEG_END = b"\xff\xd9"

# Of 16 bits the upper 8 are read: where they stay below this, the lower ones hold the picture.
DARKEST = 64

EVERY = slice(0, None)


def read_frames(clip: Clip, part: slice = EVERY) -> Iterator[np.ndarray]:
    """Yield frames of a clip, uint8 (rows, columns, 3), 0-255, blue, green, red; an error names what is damaged."""
    if not clip.video:
        yield from map(read_image, clip.images[part])
        return
    first, found = clip.video.first, 0
    ends = [end for end in (part.stop, clip.length) if end is not None]
    last = first + min(ends) if ends else None
    with VideoFile(clip.path) as file:
        for frame in itertools.islice(file.frames(), first + part.start, last):
            found += 1
            yield file.image(frame)
    if clip.length is not None and last is not None and found < last - first - part.start:
        text = f"ends after {found} of the {last - first - part.start} frames that are read of this clip"
        raise MicroExpError(clip.path, text, "Restore the video, or correct its last frame in the table.")


def read_image(path: Path) -> np.ndarray:
    """Read an image by its bytes, for OpenCV does not open every name that Python does."""
    try:
        data = path.read_bytes()
    except OSError as error:
        found = f"cannot be read ({error.strerror})"
        raise MicroExpError(path, found, "Check the file and its permissions.") from None
    file, frame, deep = io.BytesIO(data), None, False
    try:
        image = Image.open(file, formats=KINDS)
        deep = image.mode.startswith("I") or (image.format in ("PNG", "TIFF") and ";16" in str(image.tile))
        large = image.width * image.height > MAX_PIXELS
        cut_off = image.format == "JPEG" and data.find(JPEG_END, file.tell()) < 0
        if not large and not cut_off:
            frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except Image.DecompressionBombError:
        large = True
    except Exception:  # Pillow and OpenCV fail in many ways on damaged files
        large = False
    if large:
        raise MicroExpError(path, f"more than {MAX_PIXELS} pixels", "Make it smaller, or restore it.")
    if frame is None:
        found = f"damaged, cut off or no {', '.join(KINDS)} image, so it cannot be decoded"
        raise MicroExpError(path, found, "Restore this frame.")
    if deep and frame.max() < DARKEST:
        found = f"of its 16 bits a channel the upper 8 are read, and these reach only level {frame.max()} of 255"
        raise MicroExpError(path, found, "Convert all frames of all clips to 8 bits by the same factor.")
    return frame


def frames_read(clip: Clip, frames: int, sampling: str) -> slice:
    """Return which frames of a clip are read, as a slice of all that it has.

    `"first"` takes so many `frames` from the clip's start, `"apex"` so many around its apex, or around its middle where
    none is annotated, `"interpolate"` all. Of a clip with fewer frames all are read. Where a video's length is not
    known the end is left open, or may lie beyond the last frame.
    """
    length = clip.length
    if sampling == "interpolate":
        return slice(0, length)
    if sampling == "first":
        return slice(0, frames if length is None else min(frames, length))
    if length is None:  # what a header says is an estimate
        length = sum(1 for _ in read_frames(clip))
    apex = (length - 1) // 2 if clip.apex is None else clip.apex
    first = max(0, min(apex - frames // 2, length - frames))
    return slice(first, min(first + frames, length))


def part_of(clip: Clip, part: slice) -> Clip:
    """Return a clip that begins with the first of some frames; images end with the last of them, too."""
    if clip.video:
        return replace(clip, frames=clip.video._replace(first=clip.video.first + part.start))
    return replace(clip, frames=clip.images[part])


def without_apex(clips: Sequence[Clip]) -> list[str]:
    """Return the names of the clips without an annotated apex."""
    return [clip.id for clip in clips if clip.apex is None]


def spread(count: int, wanted: int) -> list[int]:
    """Return up to `wanted` different positions among `count`, from the first to the last, evenly."""
    return [round(position) for position in np.linspace(0, count - 1, min(wanted, count)).tolist()]
