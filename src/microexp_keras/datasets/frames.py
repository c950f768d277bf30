"""From a clip to its colour frames, of images or a video, and which of them are read: one rule for all readers."""

import io
import itertools
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

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

# What may be odd of an image, and what that means.
ODD = {
    "16-bit images": "The upper 8 bits are read; make sure they hold the face.",
    "images with an alpha channel": "It is not read.",
    "EXIF-rotated images": "The rotation is applied.",
}
DEEP, CLEAR, TURNED = ODD

# Of 16 bits the upper 8 are read: where they stay below this, the lower ones hold the picture.
DARKEST = 64


class Header(NamedTuple):
    """What an image file says of itself."""

    size: tuple[int, int]  # columns and rows of the decoded image
    odd: tuple[str, ...] = ()  # those of `ODD` that it is


def read_frames(clip: Clip, count: int | None, headers: dict[Path, Header] | None = None) -> Iterator[np.ndarray]:
    """Yield the first frames of a clip, all without a count, uint8 (rows, columns, 3), 0-255, blue, green, red.

    The dict gets what the header of each image says. An error names a frame that is missing, damaged or cut off.
    """
    count, found = clip.length if count is None else count, 0
    for frame in itertools.islice(_all_frames(clip, headers), count):
        found += 1
        yield frame
    if found < (count or 0):
        hint = 'Restore or remove this clip; see data/README.md, "Frame folders".'
        raise MicroExpError(clip.path, f"expected at least {count} frames, found {found}", hint)


def _all_frames(clip: Clip, headers: dict[Path, Header] | None) -> Iterator[np.ndarray]:
    if clip.video:
        end = None if clip.video.last is None else clip.video.last + 1
        with VideoFile(clip.path) as file:
            yield from map(file.image, itertools.islice(file.frames(), clip.video.first, end))
    for path in clip.images:
        frame, header = read_image(path)
        if headers is not None:
            headers[path] = header
        yield frame


def read_image(path: Path) -> tuple[np.ndarray, Header]:
    """Read an image by its bytes, for OpenCV does not open every name that Python does."""
    try:
        data = path.read_bytes()
    except OSError as error:
        found = f"cannot be read ({error.strerror})"
        raise MicroExpError(path, found, "Check the file and its permissions.") from None
    file, frame, odd, too_large = io.BytesIO(data), None, tuple[str, ...](), False
    try:
        image = Image.open(file, formats=KINDS)
        odd, too_large = tuple(_odd(image)), image.width * image.height > MAX_PIXELS
        cut_off = image.format == "JPEG" and data.find(JPEG_END, file.tell()) < 0
        if not too_large and not cut_off:
            frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except Image.DecompressionBombError:
        too_large = True
    except Exception:  # Pillow and OpenCV fail in many ways on damaged files
        frame = None
    if too_large:
        raise MicroExpError(path, f"more than {MAX_PIXELS} pixels", "Make it smaller, or restore it.")
    if frame is None:
        found = f"damaged, cut off or no {', '.join(KINDS)} image, so it cannot be decoded"
        raise MicroExpError(path, found, "Restore this frame.")
    if DEEP in odd and frame.max() < DARKEST:
        found = f"of its 16 bits a channel the upper 8 are read, and these reach only level {frame.max()} of 255"
        raise MicroExpError(path, found, "Convert all frames of all clips to 8 bits by the same factor.")
    return frame, Header(frame.shape[1::-1], odd)


def _odd(image: Image.Image) -> Iterator[str]:
    exif = image.getexif() if "exif" in image.info or image.format == "TIFF" else {}
    if image.mode.startswith("I") or (image.format in ("PNG", "TIFF") and ";16" in str(getattr(image, "tile", ""))):
        yield DEEP
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        yield CLEAR
    if exif.get(274) in range(2, 9):
        yield TURNED


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
        length = sum(1 for _ in read_frames(clip, None))
    apex = (length - 1) // 2 if clip.apex is None else clip.apex
    first = max(0, min(apex - frames // 2, length - frames))
    return slice(first, min(first + frames, length))


def part_of(clip: Clip, part: slice) -> Clip:
    """Return a clip that begins with the first of some frames; images end with the last of them, too."""
    if clip.video:
        return replace(clip, frames=clip.video._replace(first=clip.video.first + part.start))
    return replace(clip, frames=clip.images[part])


def read_part(clip: Clip, part: slice, headers: dict[Path, Header] | None = None) -> Iterator[np.ndarray]:
    """Read the frames that `frames_read` chose, as `read_frames` does; a video may end earlier."""
    count = None if part.stop is None else part.stop - part.start
    return itertools.islice(read_frames(part_of(clip, part), None, headers), count)


def without_apex(clips: Sequence[Clip]) -> list[str]:
    """Return the names of the clips without an annotated apex."""
    return [clip.id for clip in clips if clip.apex is None]


def spread(count: int, wanted: int) -> list[int]:
    """Return up to `wanted` different positions among `count`, from the first to the last, evenly."""
    return [round(position) for position in np.linspace(0, count - 1, min(wanted, count)).tolist()]
