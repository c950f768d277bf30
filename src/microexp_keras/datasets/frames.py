"""From a clip to its colour frames, of images or a video, and which of them are read: one rule for all readers.

PyAV, that is FFmpeg, decodes every video of this package, each frame with its time. The pixels of progressive video are
those of OpenCV to the last level, those of interlaced video FFmpeg's own.
"""

import contextlib
import io
import itertools
import shlex
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image

from microexp_keras.datasets.clips import Clip
from microexp_keras.errors import MicroExpError

warnings.filterwarnings("ignore", module=r"PIL\.")  # what it says of damaged files, we say in one line

KINDS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")

# OpenCV decodes a JPEG without it, to wrong pixels. Between the first scan and the end no other bytes look like it.
JPEG_END = b"\xff\xd9"

# Of 16 bits the upper 8 are read: where they stay below this, the lower ones hold the picture.
DARKEST = 64

EVERY = slice(0, None)

# Columns times rows of the largest image or video frame that is decoded: one of 8K (7680 x 4320) is.
MAX_PIXELS = 2**25

# Containers of videos, as FFmpeg calls them. It also reads pictures, text and lists of other files as videos.
FORMATS = "avi,mov,matroska,webm,mpegts,mpeg,mpegvideo,m4v,asf,ogg,flv,gif,dv,mxf,nut,yuv4mpegpipe"

# What undoes the rotation that a phone noted in the file.
TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, -90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, -180: cv2.ROTATE_180}

# Of those that are written: form of the pixels, FFmpeg's options, whether each frame has a time of its own (WebM).
CODECS = {
    "ffv1": ("bgr0", {}, False),  # loses nothing, so that predictions on a recording can be repeated
    "libvpx": ("yuv420p", {"deadline": "realtime", "cpu-used": "4"}, True),  # VP8, which every browser plays
}


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


class VideoFile(contextlib.AbstractContextManager["VideoFile"]):
    """An open video file, to be used in a `with` statement; an error if its frames are larger than `MAX_PIXELS`."""

    def __init__(self, path: str | Path) -> None:
        self.path, self._bgr = path, VideoReformatter()
        self.times: list[float] = []  # seconds of the frames decoded so far, the first at 0
        options = {"format_whitelist": FORMATS}
        try:
            self._container = av.open(str(path), options=options, metadata_errors="replace")
        except OSError as error:
            found = f"cannot be read ({error.strerror})"
            raise MicroExpError(path, found, "Check the path and its permissions.") from None
        except av.error.FFmpegError:  # damaged, or in no container of `FORMATS`
            raise self._fault("no video that can be read") from None
        self._stream = self._first_stream()
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.rate = float(rate) if rate and rate <= 1000 else None  # mean frames a second, as the header says
        self._seconds = self._promised_seconds()
        self.promised = round((self._seconds or 0) * (self.rate or 0))  # frames, 0 if the header promises none

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def frames(self) -> Iterator[av.VideoFrame]:
        """Decode all frames in order (seeking lands on others in some files); an error comes where damage is met."""
        each_alone = self._stream.codec_context.codec.intra_only  # then every packet is a frame
        try:
            for packet in self._container.demux(self._stream):
                try:
                    decoded = packet.decode()
                    damaged = packet.is_corrupt or bool(each_alone and packet.size and not decoded)
                except av.error.FFmpegError:
                    decoded, damaged = [], True
                if damaged and (packet.is_keyframe or self.times):
                    raise self._damaged()
                for frame in [] if damaged else decoded:  # a recording may begin between two key frames
                    if frame.is_corrupt and (frame.key_frame or self.times):
                        raise self._damaged()
                    if not frame.is_corrupt:
                        self._note_time(frame.time)
                        yield frame
        except (av.error.FFmpegError, OSError):
            raise self._damaged() from None
        if not self.times:
            raise self._fault("no frame can be decoded")
        if self._ends_early():
            raise self._fault(f"cut off: of {self.promised} frames {len(self.times)} can be decoded")

    def _note_time(self, time: float | None) -> None:
        if not self.times:
            self._start = time or 0.0
        following = self.times[-1] + 1 / (self.rate or 25) if self.times else 0.0
        self.times.append(following if time is None else time - self._start)

    def _damaged(self) -> MicroExpError:
        return self._fault(f"damaged or cut off at frame {len(self.times)} (the first is 0)")

    def image(self, frame: av.VideoFrame) -> np.ndarray:
        """Convert a frame to blue, green, red as OpenCV does: uint8 (rows, columns, 3), 0-255."""
        converted = self._bgr.reformat(frame, format="bgr24", interpolation=Interpolation.BICUBIC, threads=1)
        image = converted.to_ndarray()
        return cv2.rotate(image, TURNS[frame.rotation]) if frame.rotation in TURNS else image

    def _first_stream(self) -> av.VideoStream:
        """Return the first video of the file that is no cover picture."""
        for stream in self._container.streams.video:
            if not stream.disposition & av.stream.Disposition.attached_pic and stream.codec_context:
                columns, rows = stream.codec_context.width, stream.codec_context.height
                if columns * rows > MAX_PIXELS:
                    found = f"frames of {columns}x{rows} are larger than the {MAX_PIXELS} pixels that are read"
                    raise MicroExpError(self.path, found, "Make them smaller.")
                return stream
        raise self._fault("no video in it that can be decoded")

    def _promised_seconds(self) -> float | None:
        """Return how long the header says that the video is; None if it says so only of video and sound together."""
        edited = "mov" in self._container.format.name  # MP4: an edit list may leave out some of its frames
        if self._stream.frames and self.rate and not edited:
            return self._stream.frames / self.rate
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        if len(self._container.streams) == 1 and self._container.duration:
            return self._container.duration / av.time_base
        return None

    def _ends_early(self) -> bool:
        """Whether frames are missing at the end, by number and by time: dropped frames take time, too."""
        if not self._seconds or len(self.times) >= self.promised:
            return False
        longest = max(np.diff(self.times), default=1 / (self.rate or 25))
        start = 0.0 if self._stream.duration else self._start  # of the whole file the end is given, not the length
        return bool(start + self.times[-1] + 1.75 * longest < self._seconds)

    def _fault(self, found: str) -> MicroExpError:
        remedy = f"Restore it; ffmpeg -i {shlex.quote(str(self.path))} video.mp4 converts what can be played."
        return MicroExpError(self.path, found, remedy)


@contextlib.contextmanager
def writing(
    path: str | Path, codec: str, size: tuple[int, int], rate: float
) -> Iterator[Callable[[np.ndarray, float], None]]:
    """Open a video to write; yield what appends a frame, uint8 (rows, columns, 3), BGR, at a time in seconds."""
    pixels, options, precise = CODECS[codec]
    exact = Fraction(rate).limit_denominator(1001)
    with av.open(str(path), "w") as container:
        stream = cast(av.VideoStream, container.add_stream(codec, rate=exact, options=options))
        stream.width, stream.height = size
        stream.pix_fmt, stream.bit_rate = pixels, round(size[0] * size[1] * rate / 5)
        step = Fraction(1, 1000) if precise else 1 / exact
        stream.codec_context.time_base = step

        def write(image: np.ndarray, seconds: float) -> None:
            frame = av.VideoFrame.from_ndarray(image, "bgr24")
            frame.pts, frame.time_base = round(seconds / step), step
            container.mux(stream.encode(frame))

        yield write
        container.mux(stream.encode())
