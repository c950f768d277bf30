"""From a video and what a network saw in it to the video with box and probabilities drawn on it."""

import itertools
from pathlib import Path

import cv2
import numpy as np

from microexp_keras import landmarks
from microexp_keras.atomic import replacing
from microexp_keras.console import progress_bar
from microexp_keras.datasets.frames import writing
from microexp_keras.results import plots
from microexp_keras.video.windows import Seen, Window, points_in

WHITE, LIGHT, DARK = (255, 255, 255), (200, 200, 200), (160, 160, 160)
YELLOW = (0, 220, 255)
COLUMNS = 560  # of an annotated video, at least
TOP, BAR = 38, 24  # rows of the panel's text, and of each bar below it
WARNING = "Trained on synthetic clips: says nothing of real faces."


def annotate(seen: Seen, path: Path) -> None:
    """Write the video again as a .webm, on each frame box and probabilities of the window whose middle is nearest."""
    rows, columns = seen.faces.shape
    scale = max(1, COLUMNS / columns)
    width, height = (2 * round(length * scale / 2) for length in (columns, rows))  # the codec wants even numbers
    class_names = seen.look.protocol.database.class_names
    size = (width, height + TOP + BAR * len(class_names))
    middles = np.array([(window.first + window.last) / 2 for window in seen.windows])
    with replacing(path) as temporary, writing(temporary, "libvpx", size, seen.rate) as write:
        frames = progress_bar(seen.source.read(), total=seen.faces.frames, desc="annotating", unit="frame")
        for number, frame in enumerate(frames):
            position = np.abs(middles - number).argmin()
            window, probabilities = seen.windows[position], seen.probabilities[position]
            image = cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR)
            _draw_boxes(image, seen, window, number, scale)
            if seen.look.file.metadata.get("synthetic") is True:
                cv2.rectangle(image, (0, 0), (width, 24), (0, 0, 0), cv2.FILLED)
                _write(image, WARNING, 10, 17, YELLOW)
            seconds = float(seen.times[number])
            write(np.vstack([image, _panel(width, window, seconds, probabilities, class_names)]), seconds)


def _draw_boxes(image: np.ndarray, seen: Seen, window: Window, number: int, scale: float) -> None:
    """Draw what the network sees of a frame: the face, or eyes and mouth."""
    if window.gap:
        return
    boxes = [window.box] if window.box else []
    if not window.box and window.first <= number <= window.last:
        boxes = [*landmarks.boxes(points_in(seen.faces, number, number)[0]).values()]
    for box in boxes:
        top, bottom, left, right = (round(edge * scale) for edge in box)
        cv2.rectangle(image, (left, top), (right, bottom), WHITE, 2)


def _panel(
    width: int, window: Window, seconds: float, probabilities: np.ndarray, class_names: tuple[str, ...]
) -> np.ndarray:
    """Draw the window and a bar for the probability of each class on black, uint8 (rows, columns, 3)."""
    panel = np.zeros((TOP + BAR * len(class_names), width, 3), np.uint8)
    _write(panel, f"{seconds:.2f} s", 10, 22)
    if window.gap:
        _write(panel, f"no prediction: {window.gap}", 110, 22)
        return panel
    _write(panel, f"frames {window.first} to {window.last}; probabilities are not calibrated", 110, 22, LIGHT, 0.45)
    bars = zip(class_names, probabilities.tolist(), itertools.cycle(plots.COLOURS), strict=False)
    for place, (name, probability, colour) in enumerate(bars):
        row = TOP + 12 + BAR * place
        bright = WHITE if place == probabilities.argmax() else DARK
        _write(panel, name, 10, row, bright)
        _write(panel, f"{probability:.0%}", width - 60, row, bright)
        end = 110 + round((width - 180) * probability)
        bgr = bytes.fromhex(colour[1:])[::-1]
        cv2.rectangle(panel, (110, row - 12), (end, row + 2), tuple(bgr), cv2.FILLED)
    return panel


def _write(
    image: np.ndarray, text: str, column: int, row: int, colour: tuple[int, int, int] = WHITE, size: float = 0.5
) -> None:
    cv2.putText(image, text, (column, row), cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
