"""From a person's own video, frame folder or camera to windows of gray frames, cut out of it as in training.

The face is looked for in every n-th frame and in the last; between two looks its points move along straight lines. A
window of frames is used only if every look at it, and the nearest before and after it, found the face, and if the
face did not leap between two looks (a cut, or somebody else). The whole window is cut by one box, that of the medians
of its points: a box that trembles would show the network motion that is not there.

In two webcam videos of one man talking (1,400 frames of 320x240), looking in every 5th frame instead of every one moved
the points by 0.6 % of the face's width on average, every 2nd 0.3 %, every 10th 1 %; a pixel of the detector is 1.3 %.
"""

import contextlib
import itertools
import math
import time
from collections import Counter
from typing import NamedTuple

import cv2
import numpy as np

from microexp_keras import landmarks
from microexp_keras.console import progress_bar
from microexp_keras.parallel import in_threads
from microexp_keras.datasets import Clip, Video
from microexp_keras.datasets.folders import Findings, frame_files, visible
from microexp_keras.errors import MicroExpError
from microexp_keras.atomic import replacing
from microexp_keras.datasets.frames import read_frames
from microexp_keras.preprocessing import gray

SEEN = 320  # pixels of a frame's longer side as the detector sees it; it then finds faces from an eighth of that side
AT_ONCE = 64  # reduced frames in memory
LEAP = 0.5  # widths of the face that its middle moves between two looks, at most

WARM_UP = 1.0  # seconds in which a camera finds its exposure, and its rate is measured
PANEL = (110, 560)  # rows of the bars below an annotated video, and its columns at least
CODEC = "FFV1"  # loses nothing, so that predictions on the recording can be repeated


class Template(NamedTuple):
    """How a face lies in the frames of training.

    Attributes
    ----------
    shape : (int, int)
        Rows and columns of a frame.
    anchors : float array (3, 2)
        Column and row of the middle of the left eye, of the right eye (as the picture shows them) and of the middle
        between the corners of the mouth, in pixels.
    """

    shape: tuple
    anchors: np.ndarray


SYNTHETIC = Template((160, 160), np.array([[50.4, 43.3], [105.5, 45.5], [74.2, 92.2]]))
"""Means over 117 frames of 39 synthetic SMIC clips; their deviations between frames are 2 to 4 pixels."""


class Faces(NamedTuple):
    """What was found by looking at some frames.

    Attributes
    ----------
    frames : int
        How many the video has.
    shape : (int, int)
        Their rows and columns.
    looks : int array (looks,)
        Numbers of the frames that were looked at, the first and the last among them.
    counts : int array (looks,)
        Faces in each.
    points : float array (looks, 68, 2)
        Column and row of each point of the surest face, in pixels of the whole frame.
    """

    frames: int
    shape: tuple
    looks: np.ndarray
    counts: np.ndarray
    points: np.ndarray


class Window(NamedTuple):
    """Some frames that follow each other.

    Attributes
    ----------
    first, last : int
        Numbers of its frames; the video's first is 0.
    box : (int, int, int, int) or None
        What a network on faces sees of each: top, bottom, left, right; None without a face, and for eyes and mouth.
    reason : str
        Why nothing is predicted: `"no face at frame 25"`; empty where something is.
    """

    first: int
    last: int
    box: tuple | None
    reason: str


def open_clip(path):
    """Take a frame folder or a video for a clip.

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
                f"{path}: expected the frames of one clip, found folders ({', '.join(inside[:3])}). Point at the "
                "folder of one clip."
            )
        frames = tuple(frame_files(path, Findings(strict=True)))
        return Clip(path.resolve().name, "", 0, frames), None, len(frames)
    if not path.is_file():
        raise MicroExpError(
            f"{path}: expected a video, a folder of frames or the number of a camera, found nothing. Correct the path."
        )
    capture = cv2.VideoCapture(str(path))
    rate, frames = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    opened = capture.isOpened()
    capture.release()
    if not opened:
        raise MicroExpError(
            f"{path}: expected a video, found a file that OpenCV cannot open as one. Play it, or convert it: "
            "ffmpeg -i FILE video.mp4"
        )
    known = math.isfinite(rate) and 0 < rate <= 1000
    return Clip(path.stem, "", 0, Video(path)), rate if known else None, max(0, int(frames))


def open_camera(number):
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
            f"camera {number}: expected a camera, found none that OpenCV can open. Plug it in, close what else uses "
            "it, or give a video."
        )
    _from_camera(camera)
    return camera


def record(camera, seconds, path):
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
            writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter_fourcc(*CODEC), rate, frame.shape[1::-1])
            for _ in progress_bar(range(max(1, round(seconds * rate))), desc="recording", unit="frame"):
                writer.write(_from_camera(camera))
            writer.release()
    finally:
        camera.release()


def _from_camera(camera):
    read, frame = camera.read()
    if not read:
        raise MicroExpError("camera: expected a frame, received none. Plug it in again, or give a video.")
    return frame


def read(clip, seconds, swapped_colours=False):
    """Yield all frames of a clip, uint8 (rows, columns, 3), 0-255; the time it takes is added to `seconds["reading"]`.

    Parameters
    ----------
    clip : datasets.Clip
    seconds : Counter
    swapped_colours : bool
        Give red, green, blue instead of blue, green, red; see `protocols.Protocol`.

    Raises
    ------
    MicroExpError
        If an image is damaged, or the frames are of several sizes. A video ends where its decoder ends.
    """
    source = _to_the_end(clip) if isinstance(clip.frames, Video) else read_frames(clip, len(clip.frames))
    shape = None
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
                f"{clip.frame_name(number)}: expected {shape[1]}x{shape[0]} pixels as in the first frame, found "
                f"{frame.shape[1]}x{frame.shape[0]}. Give frames of one size."
            )
        yield frame


def _to_the_end(clip):
    capture = cv2.VideoCapture(str(clip.frames.path))
    try:
        while True:
            read, frame = capture.read()
            if not read:
                return
            yield frame
    finally:
        capture.release()


@contextlib.contextmanager
def timed(seconds, what):
    """Add the time that a block takes to `seconds[what]`."""
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds[what] += time.perf_counter() - start


def find_faces(frames, every, seconds, total=None):
    """Look for the face in every n-th frame and in the last.

    Parameters
    ----------
    frames : iterable of uint8 array (rows, columns, 3)
    every : int
    seconds : Counter
        Gets the time it takes as `"finding faces"`.
    total : int, optional
        For the progress bar.

    Returns
    -------
    Faces
        Of no frames, if there are none.
    """
    detect = landmarks.DlibLandmarks(cache=False)
    looks, found, waiting, shape, frame = [], [], [], (0, 0), None

    def look():
        with timed(seconds, "finding faces"):
            found.extend(in_threads(lambda image: detect(None, [image]), waiting, "finding faces", progress=False))
        waiting.clear()

    number = -1
    for number, frame in enumerate(progress_bar(frames, total=total or None, desc="finding faces", unit="frame")):
        if number % every == 0:
            looks.append(number)
            waiting.append(_reduced(frame))
        if len(waiting) == AT_ONCE:
            look()
    if frame is not None:
        shape = frame.shape[:2]
        if looks[-1] != number:
            looks.append(number)
            waiting.append(_reduced(frame))
        look()
    scale = _scale(shape)
    points = np.array([one.points[0] for one in found], np.float64).reshape(-1, landmarks.POINTS, 2)
    counts = np.array([one.faces[0] for one in found], int)
    return Faces(number + 1, shape, np.array(looks, int), counts, (points + 0.5) / scale - 0.5)


def _scale(shape):
    return min(1, SEEN / max(*shape, 1))


def _reduced(frame):
    scale = _scale(frame.shape[:2])
    size = [max(1, round(length * scale)) for length in frame.shape[1::-1]]
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA) if scale < 1 else frame


def windows(faces, protocol, stride, template):
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


def _window(faces, first, last, protocol, template):
    looks = _looks(faces, first, last)
    numbers, counts, points = faces.looks[looks], faces.counts[looks], faces.points[looks]
    if not counts.all():
        return Window(first, last, None, f"no face at frame {numbers[counts.argmin()]}")
    middles, widths = points.mean(axis=1), np.ptp(points[..., 0], axis=1)
    leaps = np.linalg.norm(np.diff(middles, axis=0), axis=1) > LEAP * np.minimum(widths[1:], widths[:-1])
    if leaps.any():
        place = leaps.argmax()
        return Window(first, last, None, f"the face leaps between frames {numbers[place]} and {numbers[place + 1]}")
    points = points_in(faces, first, last)
    if protocol.network.on_whole_face:
        return Window(
            first, last, face_box(points, template) if template else (0, faces.shape[0], 0, faces.shape[1]), ""
        )
    faults = landmarks.find_faults(landmarks.Landmarks(np.ones(len(points), int), points), faces.shape)
    reasons = [f"{fault} at frame {frame}" for frame, fault in enumerate(faults, start=first) if fault]
    return Window(first, last, None, reasons[0] if reasons else "")


def _looks(faces, first, last):
    """Slice of the looks from the nearest before or at frame `first` to the nearest after or at frame `last`."""
    before = np.searchsorted(faces.looks, first, side="right") - 1
    return slice(before, np.searchsorted(faces.looks, last) + 1)


def points_in(faces, first, last):
    """Interpolate the points of some frames between the looks.

    Returns
    -------
    int32 array (frames, 68, 2)
        Rounded always the same way, as `landmarks.settle` does.
    """
    looks = _looks(faces, first, last)
    frames, flat = np.arange(first, last + 1), faces.points[looks].reshape(-1, landmarks.POINTS * 2)
    between = np.stack([np.interp(frames, faces.looks[looks], values) for values in flat.T], axis=1)
    return np.floor(between + 0.5).astype(np.int32).reshape(-1, landmarks.POINTS, 2)


def anchors(points):
    """Return the middles of both eyes and of the corners of the mouth, float (3, 2), of points (68, 2)."""
    return np.stack([points[36:42].mean(axis=0), points[42:48].mean(axis=0), points[[48, 54]].mean(axis=0)])


def face_box(points, template=SYNTHETIC):
    """Return the box in which the face lies as in a frame of training.

    The template is enlarged and moved (not turned) so that its anchors come as near to the face's as they can, by
    least squares.

    Parameters
    ----------
    points : float array (frames, 68, 2)
        The box fits their medians over the frames.
    template : Template

    Returns
    -------
    (int, int, int, int)
        Top, bottom, left, right, the ends not included; they may lie beyond the border of the frame.
    """
    found, wanted = anchors(np.median(points, axis=0)), template.anchors
    spread = wanted - wanted.mean(axis=0)
    scale = (spread * (found - found.mean(axis=0))).sum() / (spread**2).sum()
    left, top = np.rint(found.mean(axis=0) - scale * wanted.mean(axis=0)).astype(int).tolist()
    rows, columns = (max(1, round(scale * length)) for length in template.shape)
    return top, top + rows, left, left + columns


def template_of(path):
    """Measure how the face lies in a frame of training.

    Parameters
    ----------
    path : Path
        An image.

    Returns
    -------
    Template

    Raises
    ------
    MicroExpError
        If it is no image, or shows no face or several.
    """
    (image,) = read_frames(Clip("", "", 0, (path,)), 1)
    found = landmarks.DlibLandmarks(cache=False)(None, [image])
    if found.faces[0] != 1:
        raise MicroExpError(f"{path}: expected one face, found {found.faces[0]}. Give another frame of training.")
    return Template(image.shape[:2], anchors(found.points[0].astype(float)))


def reaches_beyond(box, shape):
    """Say whether a box (top, bottom, left, right) reaches beyond the border of a frame (rows, columns)."""
    top, bottom, left, right = box
    return top < 0 or left < 0 or bottom > shape[0] or right > shape[1]


def cut(image, box):
    """Cut a box out of an image; what lies beyond the border repeats the border."""
    top, bottom, left, right = box
    rows, columns = image.shape[:2]
    above, below = max(0, -top), max(0, bottom - rows)
    before, behind = max(0, -left), max(0, right - columns)
    if above or below or before or behind:
        image = cv2.copyMakeBorder(image, above, below, before, behind, cv2.BORDER_REPLICATE)
    return image[top + above : bottom + above, left + before : right + before]


def stacks(frames, windows, faces, protocol, seconds):
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
    seconds : Counter
        Gets the time that cutting takes as `"cutting"`.

    Yields
    ------
    int
        Position in `windows`.
    dict of str to uint8 array (rows, columns, time), 0-255
    """
    coming = [position for position, window in enumerate(windows) if not window.reason][::-1]
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


def annotate(clip, windows, faces, probabilities, class_names, colours, rate, path):
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
        .mp4 to write.

    Raises
    ------
    MicroExpError
        If what was written cannot be read again.
    """
    rows, columns = faces.shape
    scale = max(1, PANEL[1] / columns)
    size = [2 * round(length * scale / 2) for length in (columns, rows)]  # the codec wants even numbers
    middles = np.array([(window.first + window.last) / 2 for window in windows])
    bgr = [tuple(int(colour[at : at + 2], 16) for at in (5, 3, 1)) for colour in colours]
    with replacing(path) as temporary:
        writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter_fourcc(*"mp4v"), rate, (size[0], size[1] + PANEL[0]))
        frames = progress_bar(read(clip, Counter()), total=faces.frames, desc="annotating", unit="frame")
        for number, frame in enumerate(frames):
            position = np.abs(middles - number).argmin()
            window = windows[position]
            image = cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR)
            if not window.reason:
                inside = window.first <= number <= window.last
                found = {} if window.box or not inside else landmarks.boxes(points_in(faces, number, number)[0])
                for box in [window.box] if window.box else found.values():
                    top, bottom, left, right = (round(edge * scale) for edge in box)
                    cv2.rectangle(image, (left, top), (right, bottom), (255, 255, 255), 2)
            panel = _panel(window, number / rate, probabilities[position], class_names, bgr, size[0])
            writer.write(np.vstack([image, panel]))
        writer.release()
        written = sum(1 for _ in _to_the_end(Clip("", "", 0, Video(temporary))))
        if written != faces.frames:
            raise MicroExpError(
                f"{path}: expected {faces.frames} frames, found {written} after writing. Is the disk full? Without "
                "--annotated no video is written."
            )


def _panel(window, seconds, probabilities, class_names, colours, width):
    """Bars of the probabilities on black, uint8 (rows, width, 3)."""
    panel = np.zeros((PANEL[0], width, 3), np.uint8)

    def write(text, column, row, size=0.5, colour=(255, 255, 255)):
        cv2.putText(panel, text, (column, row), cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)

    write(f"{seconds:.2f} s", 10, 22)
    if window.reason:
        write(f"no prediction: {window.reason}", 110, 22)
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
