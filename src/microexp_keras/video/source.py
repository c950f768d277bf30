"""From a video, a folder of frames or a camera to its frames, one after the other, and the times of these."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from microexp_keras.atomic import replacing
from microexp_keras.console import progress_bar
from microexp_keras.datasets import Clip
from microexp_keras.datasets.clips import look
from microexp_keras.datasets.frames import VideoFile, read_frames, writing
from microexp_keras.errors import MicroExpError

WARM_UP = 1.0  # seconds in which a camera finds its exposure, and its rate is measured


class Source:
    """A video, a folder of the frames of one clip, or a camera by its number, which is recorded before it is read.

    Videos and folders can be read again and again. A MicroExpError says if there is no such thing, or it cannot be
    read as one.
    """

    name: str  # of the video or folder without a suffix, or `camera-0`
    path: Path  # the video or folder; of a camera only once it is recorded
    images: tuple[Path, ...] = ()  # the frames of a folder; none of a video
    rate: float | None = None  # mean frames a second, where a video says so
    promised: int = 0  # frames that the folder holds or the video's header promises, 0 if it does not
    times: Sequence[float] = ()  # seconds of a video's frames that were read last, the first at 0; none of a folder
    fault: MicroExpError | None = None  # why a video was not read to its end
    camera: Any = None  # cv2.VideoCapture of a camera that was not recorded yet

    def __init__(self, given: str | Path) -> None:
        if str(given).isdecimal():
            self.name, self.camera = f"camera-{given}", cv2.VideoCapture(int(str(given)))
            if not self.camera.isOpened():
                remedy = "Plug it in, close what else uses it, or give a video."
                raise MicroExpError(f"camera {given}", "cannot be opened", remedy)
        else:
            self._find(Path(given))

    def _find(self, path: Path) -> None:
        self.path = path
        if path.is_dir():
            folder = look(path)
            if not folder.images:
                raise MicroExpError(path, "there are no frames in this folder", "Name the folder of one clip.")
            if fault := folder.fault:
                raise MicroExpError.of(path, [fault], "")
            self.name, self.images, self.promised = path.resolve().name, folder.frames, len(folder.images)
        else:
            with VideoFile(path) as video:
                self.name, self.rate, self.promised = path.stem, video.rate, video.promised

    def record(self, seconds: float, path: Path) -> None:
        """Record a camera to `path`, an .avi that loses nothing, at the rate at which frames come; then read that."""
        try:
            start, warm = time.monotonic(), 0
            while time.monotonic() < start + WARM_UP:
                frame, warm = self._filmed(), warm + 1
            rate = warm / (time.monotonic() - start)
            with replacing(path) as temporary, writing(temporary, "ffv1", frame.shape[1::-1], rate) as write:
                for number in progress_bar(range(max(1, round(seconds * rate))), desc="recording", unit="frame"):
                    write(self._filmed(), number / rate)
        finally:
            self.camera.release()
        self.camera = None
        self._find(path)

    def _filmed(self) -> np.ndarray:
        read, frame = self.camera.read()
        if not read:
            raise MicroExpError(self.name, "gives no frames", "Plug it in again, or give a video.")
        return frame

    def read(self, swapped_colours: bool = False) -> Iterator[np.ndarray]:
        """Yield all frames, uint8 (rows, columns, 3), BGR, or RGB if swapped; of a damaged video those before it."""
        shape = None
        for number, frame in enumerate(self._frames()):
            shape = shape or frame.shape
            if frame.shape != shape:
                sizes = f"{frame.shape[1]}x{frame.shape[0]} pixels, {shape[1]}x{shape[0]} in the frames before it"
                where = self.images[number] if self.images else f"{self.path}, frame {number}"
                raise MicroExpError(where, sizes, "Give frames of one size.")
            yield np.ascontiguousarray(frame[..., ::-1]) if swapped_colours else frame

    def _frames(self) -> Iterator[np.ndarray]:
        if self.images:
            yield from read_frames(Clip("", "", 0, self.images))
            return
        with VideoFile(self.path) as video:
            self.times = video.times
            try:
                yield from map(video.image, video.frames())
            except MicroExpError as error:
                self.fault = error
