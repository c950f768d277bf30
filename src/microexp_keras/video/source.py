"""From a video, a folder of frames or a camera to its frames, one after the other."""

import contextlib
import itertools
import math
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from microexp_keras.atomic import replacing
from microexp_keras.console import progress_bar
from microexp_keras.datasets import Clip, Video
from microexp_keras.datasets.folders import Findings, frame_files, visible
from microexp_keras.datasets.frames import name_to_write, open_video, read_frames
from microexp_keras.errors import MicroExpError

WARM_UP = 1.0  # seconds in which a camera finds its exposure, and its rate is measured
CONVERT = "Play it, or convert it: ffmpeg -i {} video.mp4"
CODEC = "FFV1"  # loses nothing, so that predictions on the recording can be repeated


def open_clip(path: Path) -> tuple[Clip, float | None, int]:
    """Return a frame folder or a video as a clip.

    Parameters
    ----------
    path : Path

    Returns
    -------
    datasets.Clip
    float or None
        Frames a second, where a video's header says so.
    int
        Frames that the folder holds or the header promises, 0 if it does not.

    Raises
    ------
    MicroExpError
        If there is no such thing, or it cannot be read as one.
    """
    if path.is_dir():
        inside = sorted(child.name for child in visible(path) if child.is_dir())
        if inside:
            raise MicroExpError(
                path,
                "the frames of one clip",
                f"folders ({', '.join(inside[:3])})",
                "Point at the folder of one clip.",
            )
        frames = tuple(frame_files(path, Findings(strict=True)))
        return Clip(path.resolve().name, "", 0, frames), None, len(frames)
    if not path.is_file():
        raise MicroExpError(
            path,
            "a video, a folder of frames or the number of a camera",
            "nothing",
            "Correct the path.",
        )
    with open_video(path) as capture:
        rate, promised = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        opened = capture.isOpened()
    if not opened:
        raise MicroExpError(
            path,
            "a video",
            "a file that OpenCV cannot open as one",
            CONVERT.format(shlex.quote(str(path))),
        )
    known = math.isfinite(rate) and 0 < rate <= 1000
    return Clip(path.stem, "", 0, Video(path)), rate if known else None, max(0, int(promised))


def require_frames(clip: Clip, least: int) -> None:
    """Decode the first frames of a clip, to say early whether it has enough: a header promises what is not there.

    Raises
    ------
    MicroExpError
        If fewer than `least` can be decoded.
    """
    found = sum(1 for _ in itertools.islice(read(clip, {}), least))
    if found < least:
        remedy = "Give a longer clip." if found else CONVERT.format(shlex.quote(str(clip.path)))
        expected = f"at least the {least} frames that the network sees at once"
        raise MicroExpError(clip.path, expected, str(found) if found else "none that can be decoded", remedy)


def open_camera(number: int) -> cv2.VideoCapture:
    """Open a camera by its number.

    Returns
    -------
    cv2.VideoCapture

    Raises
    ------
    MicroExpError
        If there is none, or it gives no frame.
    """
    camera = cv2.VideoCapture(number)
    if not camera.isOpened():
        raise MicroExpError(
            f"camera {number}",
            "a camera",
            "none that OpenCV can open",
            "Plug it in, close what else uses it, or give a video.",
        )
    _from_camera(camera)
    return camera


def record(camera: cv2.VideoCapture, seconds: float, path: Path) -> None:
    """Record from a camera to `path`, an .avi that loses nothing, at the rate at which frames come; then release it.

    Raises
    ------
    MicroExpError
        If no more frames come.
    """
    try:
        start, warm = time.monotonic(), 0
        while time.monotonic() < start + WARM_UP:
            frame, warm = _from_camera(camera), warm + 1
        rate = warm / (time.monotonic() - start)
        with replacing(path) as temporary:
            writer = cv2.VideoWriter(name_to_write(temporary), cv2.VideoWriter.fourcc(*CODEC), rate, frame.shape[1::-1])
            for _ in progress_bar(range(max(1, round(seconds * rate))), desc="recording", unit="frame"):
                writer.write(_from_camera(camera))
            writer.release()
    finally:
        camera.release()


def _from_camera(camera: cv2.VideoCapture) -> np.ndarray:
    read, frame = camera.read()
    if not read:
        raise MicroExpError("camera", "a frame", "none", "Plug it in again, or give a video.")
    return frame


def read(clip: Clip, seconds: dict[str, float], swapped_colours: bool = False) -> Iterator[np.ndarray]:
    """Yield all frames of a clip, uint8 (rows, columns, 3), 0-255; the time it takes is added to `seconds["reading"]`.

    Parameters
    ----------
    clip : datasets.Clip
    seconds : dict of str to float
    swapped_colours : bool
        Give red, green, blue instead of blue, green, red; see `protocols.Protocol`.

    Raises
    ------
    MicroExpError
        If an image is damaged, or the frames are of several sizes. A video ends where its decoder ends.
    """
    source, shape = read_frames(clip, None), None
    for number in itertools.count():
        with timed(seconds, "reading"):
            frame = next(source, None)
            if frame is not None and swapped_colours:
                frame = np.ascontiguousarray(frame[..., ::-1])
        if frame is None:
            return
        shape = shape or frame.shape
        if frame.shape != shape:
            raise MicroExpError(
                str(clip.frame_name(number)),
                f"{shape[1]}x{shape[0]} pixels as in the first frame",
                f"{frame.shape[1]}x{frame.shape[0]}",
                "Give frames of one size.",
            )
        yield frame


@contextlib.contextmanager
def timed(seconds: dict[str, float], what: str) -> Iterator[None]:
    """Add the time that a block takes to `seconds[what]`."""
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds[what] = seconds.get(what, 0.0) + time.perf_counter() - start
