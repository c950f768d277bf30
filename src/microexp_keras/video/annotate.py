"""From a video and what a network saw in it to the video with box and probabilities drawn on it."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from microexp_keras import landmarks
from microexp_keras.atomic import replacing
from microexp_keras.backend import without_remarks
from microexp_keras.console import progress_bar
from microexp_keras.datasets import Clip, Video
from microexp_keras.datasets.frames import name_to_write
from microexp_keras.errors import MicroExpError
from microexp_keras.video.faces import Faces, points_in
from microexp_keras.video.source import read
from microexp_keras.video.windows import Window

CODEC = "VP80"  # VP9 takes OpenCV thirty times as long, and no package of OpenCV brings H.264
YELLOW = (0, 220, 255)
PANEL = (110, 560)  # rows of the bars below an annotated video, and its columns at least


def annotate(
    clip: Clip,
    windows: Sequence[Window],
    faces: Faces,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    colours: Sequence[str],
    rate: float,
    path: Path,
    warning: str = "",
) -> None:
    """Write the video again with the box and the probabilities of the window whose middle is nearest to each frame.

    Parameters
    ----------
    clip : datasets.Clip
    windows : list of Window
    faces : Faces
    probabilities : float array (windows, classes)
    class_names : list of str
    colours : list of str
        Of the classes: `#0072B2`.
    rate : float
        Frames a second.
    path : Path
        .webm to write, VP8: every browser plays it, and OpenCV's own packages write it.
    warning : str
        Written into every frame.

    Raises
    ------
    MicroExpError
        If this OpenCV does not write VP8, or what was written cannot be read again.
    """
    rows, columns = faces.shape
    scale = max(1, PANEL[1] / columns)
    size = [2 * round(length * scale / 2) for length in (columns, rows)]  # the codec wants even numbers
    middles = np.array([(window.first + window.last) / 2 for window in windows])
    bgr = [tuple(int(colour[at : at + 2], 16) for at in (5, 3, 1)) for colour in colours]
    with replacing(path) as temporary:
        with without_remarks():
            code, whole = cv2.VideoWriter.fourcc(*CODEC), (size[0], size[1] + PANEL[0])
            writer = cv2.VideoWriter(name_to_write(temporary), code, rate, whole)
        if not writer.isOpened():
            remedy = "Install opencv-python from PyPI. Without --annotated no video is written."
            raise MicroExpError(path, f"an OpenCV that writes {CODEC} into WebM", "one that does not", remedy)
        frames = progress_bar(read(clip, {}), total=faces.frames, desc="annotating", unit="frame")
        for number, frame in enumerate(frames):
            position = np.abs(middles - number).argmin()
            window = windows[position]
            image = cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR)
            if not window.gap:
                inside = window.first <= number <= window.last
                found = {} if window.box or not inside else landmarks.boxes(points_in(faces, number, number)[0])
                for box in [window.box] if window.box else found.values():
                    top, bottom, left, right = (round(edge * scale) for edge in box)
                    cv2.rectangle(image, (left, top), (right, bottom), (255, 255, 255), 2)
            if warning:
                cv2.rectangle(image, (0, 0), (size[0], 24), (0, 0, 0), cv2.FILLED)
                cv2.putText(image, warning, (10, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, YELLOW, 1, cv2.LINE_AA)
            panel = _panel(window, number / rate, probabilities[position], class_names, bgr, size[0])
            writer.write(np.vstack([image, panel]))
        writer.release()
        written = sum(1 for _ in read(Clip("", "", 0, Video(temporary)), {}))
        if written != faces.frames:
            raise MicroExpError(
                path,
                f"{faces.frames} frames",
                f"{written} after writing",
                "Is the disk full? Without --annotated no video is written.",
            )


def _panel(
    window: Window,
    seconds: float,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    colours: Sequence[tuple[int, ...]],
    width: int,
) -> np.ndarray:
    """Bars of the probabilities on black, uint8 (rows, width, 3)."""
    panel = np.zeros((PANEL[0], width, 3), np.uint8)

    def write(
        text: str, column: int, row: int, size: float = 0.5, colour: tuple[int, int, int] = (255, 255, 255)
    ) -> None:
        cv2.putText(panel, text, (column, row), cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)

    write(f"{seconds:.2f} s", 10, 22)
    if window.gap:
        write(f"no prediction: {window.gap}", 110, 22)
        return panel
    write(f"frames {window.first} to {window.last}; probabilities are not calibrated", 110, 22, 0.45, (200, 200, 200))
    best = probabilities.argmax()
    for place, (name, probability) in enumerate(zip(class_names, probabilities, strict=True)):
        row = 50 + 24 * place
        bright = (255, 255, 255) if place == best else (160, 160, 160)
        write(name, 10, row, 0.5, bright)
        write(f"{probability:.0%}", width - 60, row, 0.5, bright)
        end = 110 + round((width - 180) * float(probability))
        cv2.rectangle(panel, (110, row - 12), (end, row + 2), colours[place], cv2.FILLED)
    return panel
