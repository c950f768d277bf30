"""From a video and its faces to windows of frames, cut out of it as in training.

A window of frames is used only if every look at it, and the nearest before and after it, found the face, and if the
face did not leap between two looks (a cut, or somebody else). The whole window is cut by one box, that of the medians
of its points: a box that trembles would show the network motion that is not there.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from microexp_keras import landmarks
from microexp_keras.landmarks.face_box import Box, Template, cut, face_box
from microexp_keras.preprocessing import gray
from microexp_keras.protocols import Protocol
from microexp_keras.video.faces import Faces, looks_around, points_in
from microexp_keras.video.source import timed

LEAP = 0.5  # widths of the face that its middle moves between two looks, at most


class Gap(NamedTuple):
    """Why nothing is predicted for a window.

    Attributes
    ----------
    cause : str
        With {} in the place of each number: `"no face at frame {}"`.
    frames : tuple of int
        The numbers.
    """

    cause: str
    frames: tuple[int, ...]

    def __str__(self) -> str:
        return self.cause.format(*self.frames)


class Window(NamedTuple):
    """Some frames that follow each other.

    Attributes
    ----------
    first, last : int
        Numbers of its frames; the video's first is 0.
    box : (int, int, int, int) or None
        What a network on faces sees of each: top, bottom, left, right; None without a face, and for eyes and mouth.
    gap : Gap or None
        Why nothing is predicted; None where something is.
    """

    first: int
    last: int
    box: Box | None
    gap: Gap | None


def windows(faces: Faces, protocol: Protocol, stride: int, template: Template | None) -> list[Window]:
    """Divide a video into windows and say which of them have a face throughout.

    Parameters
    ----------
    faces : Faces
    protocol : protocols.Protocol
        Gives the frames of a window. For eyes and mouth their boxes must lie inside every frame.
    stride : int
        Frames from the start of one window to the start of the next.
    template : Template or None
        How a network on faces wants them; None gives it the whole frame.

    Returns
    -------
    list of Window
    """
    starts = range(0, faces.frames - protocol.frames + 1, stride)
    return [_window(faces, first, first + protocol.frames - 1, protocol, template) for first in starts]


def _window(faces: Faces, first: int, last: int, protocol: Protocol, template: Template | None) -> Window:
    looks = looks_around(faces, first, last)
    numbers, counts, points = faces.looks[looks], faces.counts[looks], faces.points[looks]
    if not counts.all():
        return Window(first, last, None, Gap("no face at frame {}", (int(numbers[counts.argmin()]),)))
    middles, widths = points.mean(axis=1), np.ptp(points[..., 0], axis=1)
    leaps = np.linalg.norm(np.diff(middles, axis=0), axis=1) > LEAP * np.minimum(widths[1:], widths[:-1])
    if leaps.any():
        place = leaps.argmax()
        between = int(numbers[place]), int(numbers[place + 1])
        return Window(first, last, None, Gap("the face leaps between frames {} and {}", between))
    points = points_in(faces, first, last)
    if protocol.network.on_whole_face:
        box = face_box(points, template) if template else (0, faces.shape[0], 0, faces.shape[1])
        return Window(first, last, box, None)
    faults = landmarks.find_faults(landmarks.Landmarks(np.ones(len(points), int), points), faces.shape)
    gaps = (Gap(f"{fault} at frame {{}}", (frame,)) for frame, fault in enumerate(faults, start=first) if fault)
    return Window(first, last, None, next(gaps, None))


def reaches_beyond(box: Box, shape: tuple[int, ...]) -> bool:
    """Return whether a box (top, bottom, left, right) reaches beyond the border of a frame (rows, columns)."""
    top, bottom, left, right = box
    return top < 0 or left < 0 or bottom > shape[0] or right > shape[1]


def stacks(
    frames: Iterable[np.ndarray],
    windows: Sequence[Window],
    faces: Faces,
    protocol: Protocol,
    seconds: dict[str, float],
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Cut windows out of a video as it is read: no more of it is in memory than the windows that one frame is in.

    Parameters
    ----------
    frames : iterable of uint8 array (rows, columns, 3)
        In the order of colours of training.
    windows : list of Window
        In the order of time. Those without a face are passed over.
    faces : Faces
    protocol : protocols.Protocol
        Gives inputs, size and number of frames.
    seconds : dict of str to float
        Gets the time that cutting takes as `"cutting"`.

    Yields
    ------
    int
        Position in `windows`.
    dict of str to uint8 array (rows, columns, time), 0-255
    """
    coming = [position for position, window in enumerate(windows) if not window.gap][::-1]
    opened, points = {}, {}
    for number, frame in enumerate(frames):
        with timed(seconds, "cutting"):
            while coming and windows[coming[-1]].first == number:
                position = coming.pop()
                shape = (protocol.size, protocol.size, protocol.frames)
                opened[position] = {name: np.empty(shape, np.uint8) for name in protocol.inputs}
                if not windows[position].box:
                    points[position] = points_in(faces, number, windows[position].last)
            for position, stack in opened.items():
                window, time = windows[position], number - windows[position].first
                cuts = (
                    {"face": cut(frame, window.box)} if window.box else landmarks.regions(frame, points[position][time])
                )
                for name, image in cuts.items():
                    stack[name][:, :, time] = gray(image, protocol.size)
        for position in [position for position in opened if windows[position].last == number]:
            points.pop(position, None)
            yield position, opened.pop(position)
        if not coming and not opened:
            return
