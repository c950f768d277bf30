"""From weights, options and a video to its windows of frames, cut out as in training, and what a network says of them.

The face is looked for in every n-th frame and in the last; between two looks its points move along straight lines. In
two webcam videos of one man talking (1,400 frames of 320x240), looking in every 5th frame instead of every one moved
the points by 0.6 % of the face's width on average, every 2nd 0.3 %, every 10th 1 %; a pixel of the detector is 1.3 %.

A window is used only if every look at it, and the nearest before and after it, found the face, and if the face did not
leap between two looks (a cut, or somebody else). All of it is cut by one box, that of the medians of its points: a box
that trembles would show the network motion that is not there.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from microexp_keras import landmarks, preprocessing, protocols, training
from microexp_keras.console import progress_bar
from microexp_keras.datasets.database import DATABASES, Database, get_database, trained_on
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks.face_box import SYNTHETIC, Box, Template, cut, face_box, reduced, scale_of, template_of
from microexp_keras.parallel import in_threads
from microexp_keras.preprocessing import Statistics
from microexp_keras.protocols import Protocol
from microexp_keras.video.source import Source
from microexp_keras.weights import WeightsFile

if TYPE_CHECKING:
    import keras

AT_ONCE = 64  # reduced frames in memory, and windows that the network sees together
MAX_LEAP = 0.5  # widths of the face that its middle moves between two looks
LOOK_EVERY = {"face": 5, "eyes": 2}  # frames, by the first input: regions follow the points, a face box their median


class Look(NamedTuple):
    """How a network looks at a video."""

    file: WeightsFile
    protocol: Protocol
    statistics: Mapping[str, Statistics]  # by which windows are standardised; empty if the weights say nothing
    template: Template | None  # how the face is cut, None for the whole frame and for eyes and mouth
    like: Path | None  # the image that the template was measured in
    every: int  # the face is looked for in every so many frames
    stride: int  # frames from window to window
    fps: float | None  # frames a second as the user says; None takes what the video says


def protocol_for(file: WeightsFile, dataset: str | None) -> Protocol:
    """Return the protocol of the weights, for the database asked for, else trained on, else of as many frames."""
    by_length: dict[int | None, Database] = {one.frames: one for one in DATABASES.values() if one.in_paper}
    database = get_database(dataset) if dataset else trained_on(file.metadata) or by_length.get(file.frames)
    if database is None:
        found = "these weights do not say what they were trained on, nor are they for 18 or 96 frames"
        raise MicroExpError(file.path, found, f"Say it with --dataset {' or '.join(DATABASES)}.")
    return protocols.for_weights(None, file.network, database, file.metadata)


def template_for(file: WeightsFile, protocol: Protocol, crop: str | None, like: Path | None) -> Template | None:
    """Return how the face is cut, None for the whole frame and for eyes and mouth."""
    if not protocol.network.on_whole_face:
        if crop or like:
            raise MicroExpError("--crop, --like", f"they are for MicroExpSTCNN only, not for {file.path}")
        return None
    if like:
        if crop == "none":
            raise MicroExpError("--like", "it cannot go with --crop none, the whole frame", "Leave one out.")
        return template_of(like)
    as_trained = protocol.database.whole_frames and protocol.crop == "none"  # nobody knows how their faces lie
    whole = crop == "none" or (not crop and as_trained and file.metadata.get("synthetic") is not True)
    return None if whole else SYNTHETIC


class Faces(NamedTuple):
    """What was found by looking at some frames."""

    frames: int  # how many the video has
    shape: tuple[int, ...]  # their rows and columns
    looks: np.ndarray  # int (looks,): frames that were looked at, the first and the last among them
    counts: np.ndarray  # int (looks,): faces in each
    points: np.ndarray  # float (looks, 68, 2): column and row of the points of the surest face, in the whole frame


def find_faces(frames: Iterable[np.ndarray], every: int, total: int = 0) -> Faces:
    """Look for the face in every n-th frame, uint8 (rows, columns, 3), and in the last; `total` is of the progress."""
    detect = landmarks.DlibLandmarks(cache=False)
    looks, waiting, number, frame = [], [], -1, np.empty((0, 0, 3), np.uint8)
    found: list[landmarks.Landmarks] = []
    bar = progress_bar(frames, total=total or None, desc="finding faces", unit="frame")
    for number, (frame, following) in enumerate(itertools.pairwise(itertools.chain(bar, [None]))):
        if number % every == 0 or following is None:
            looks.append(number)
            waiting.append(reduced(frame))
        if len(waiting) == AT_ONCE or following is None:
            found += in_threads(lambda image: detect(None, [image]), waiting, "finding faces", progress=False)
            waiting.clear()
    shape = frame.shape[:2]
    points = np.array([one.points[0] for one in found], np.float64).reshape(-1, landmarks.POINTS, 2)
    counts = np.array([one.faces[0] for one in found], int)
    return Faces(number + 1, shape, np.array(looks, int), counts, (points + 0.5) / scale_of(shape) - 0.5)


def looks_around(faces: Faces, first: int, last: int) -> slice:
    """Slice of the looks from the nearest before or at frame `first` to the nearest after or at frame `last`."""
    before = np.searchsorted(faces.looks, first, side="right") - 1
    return slice(before, np.searchsorted(faces.looks, last) + 1)


def points_in(faces: Faces, first: int, last: int) -> np.ndarray:
    """Interpolate the points of some frames between the looks, int32 (frames, 68, 2), always rounded the same way."""
    looks = looks_around(faces, first, last)
    frames, flat = np.arange(first, last + 1), faces.points[looks].reshape(-1, landmarks.POINTS * 2)
    between = np.stack([np.interp(frames, faces.looks[looks], values) for values in flat.T], axis=1)
    return np.floor(between + 0.5).astype(np.int32).reshape(-1, landmarks.POINTS, 2)


class Window(NamedTuple):
    """Some frames that follow each other, by the numbers of the first and the last."""

    first: int
    last: int
    box: Box | None  # what a network on faces sees of each; None without a face, and for eyes and mouth
    gap: str | None  # why nothing is predicted; None where something is


def windows(faces: Faces, protocol: Protocol, stride: int, template: Template | None) -> list[Window]:
    """Divide a video into windows and say which of them have a face throughout.

    A window has the frames of the `protocol`, and begins `stride` frames after the one before it. The `template` is
    how a network on faces wants them; None gives it the whole frame.
    """
    starts = range(0, faces.frames - protocol.frames + 1, stride)
    return [_window(faces, first, first + protocol.frames - 1, protocol, template) for first in starts]


def _window(faces: Faces, first: int, last: int, protocol: Protocol, template: Template | None) -> Window:
    looks = looks_around(faces, first, last)
    numbers, counts, points = faces.looks[looks].tolist(), faces.counts[looks], faces.points[looks]
    if not counts.all():
        return Window(first, last, None, f"no face at frame {numbers[counts.argmin()]}")
    middles, widths = points.mean(axis=1), np.ptp(points[..., 0], axis=1)
    leaps = np.linalg.norm(np.diff(middles, axis=0), axis=1) > MAX_LEAP * np.minimum(widths[1:], widths[:-1])
    if leaps.any():
        place = leaps.argmax()
        gap = f"the face leaps between frames {numbers[place]} and {numbers[place + 1]}"
        return Window(first, last, None, gap)
    points = points_in(faces, first, last)
    if protocol.network.on_whole_face:
        box = face_box(points, template) if template else (0, faces.shape[0], 0, faces.shape[1])
        return Window(first, last, box, None)
    faults = landmarks.find_faults(landmarks.Landmarks(np.ones(len(points), int), points), [faces.shape] * len(points))
    gaps = (f"{fault} at frame {frame}" for frame, fault in enumerate(faults, start=first) if fault)
    return Window(first, last, None, next(gaps, None))


def stacks(
    frames: Iterable[np.ndarray], windows: Sequence[Window], faces: Faces, protocol: Protocol
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Cut windows out of a video as it is read: no more of it is in memory than the windows that one frame is in.

    Takes frames, uint8 (rows, columns, 3) in the order of colours of training, and windows in the order of time; yields
    the position of each window without a gap, and its uint8 stacks (rows, columns, time), 0-255, by input.
    """
    coming = [position for position, window in enumerate(windows) if not window.gap][::-1]
    opened: dict[int, dict[str, np.ndarray]] = {}
    shape = (protocol.size, protocol.size, protocol.frames)
    for number, frame in enumerate(frames):
        while coming and windows[coming[-1]].first == number:
            opened[coming.pop()] = {name: np.empty(shape, np.uint8) for name in protocol.inputs}
        for position, stack in list(opened.items()):
            first, last, box, _ = windows[position]
            cuts = {"face": cut(frame, box)} if box else landmarks.regions(frame, points_in(faces, number, number)[0])
            for name, image in cuts.items():
                stack[name][:, :, number - first] = preprocessing.gray(image, protocol.size)
            if last == number:
                yield position, opened.pop(position)
        if not coming and not opened:
            return


class Seen(NamedTuple):
    """What a network saw in a video."""

    source: Source
    look: Look
    rate: float  # frames a second
    faces: Faces
    times: np.ndarray  # float (frames + 1,): seconds at which each frame begins, and at which the last one ends
    windows: list[Window]
    probabilities: np.ndarray  # float32 (windows, classes), NaN where there is no prediction
    statistics: Mapping[str, Statistics]  # by which the windows were standardised, for each input


def watch(model: "keras.Model", source: Source, look: Look) -> Seen:
    """Find the face, cut the windows, ask the network."""
    protocol = look.protocol
    rate = look.fps or source.rate or (protocol.database.frames_per_second if source.images else None)
    if rate is None:
        raise MicroExpError(source.path, "nothing says how many frames a second it has", "Give --fps.")
    faces = find_faces(source.read(protocol.swapped_colours), look.every, source.promised)
    if faces.frames < protocol.frames:
        found = f"has {faces.frames} frames, and the network looks at {protocol.frames} at once"
        raise source.fault or MicroExpError(source.path, found, "Give a longer clip.")
    times = np.arange(faces.frames + 1) / rate
    if not look.fps and not source.images:  # a camera or a phone may record its frames at uneven times
        times[:-1] = source.times[: faces.frames]
        times[-1] = times[-2] + 1 / rate
    parts = windows(faces, protocol, look.stride, look.template)
    gaps = [window.gap for window in parts]
    if all(gaps):
        found = (
            f"no window of {protocol.frames} frames has a face throughout ({gaps[0]} in the first of {len(parts)}; "
            f"{np.count_nonzero(faces.counts)} of {len(faces.looks)} looks found a face)"
        )
        hint = "The face must look at the camera and be wider than an eighth of the frame."
        raise MicroExpError(source.path, found, hint)

    def cuts(what: str) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        cut = stacks(source.read(protocol.swapped_colours), parts, faces, protocol)
        return iter(progress_bar(cut, total=gaps.count(None), desc=what, unit="window"))

    statistics = look.statistics or _measured(cut for _, cut in cuts("measuring levels"))
    probabilities = np.full((len(parts), model.output_shape[-1]), np.nan, np.float32)
    coming = cuts("predicting")
    while some := dict(itertools.islice(coming, AT_ONCE)):
        together = {name: np.stack([stack[name] for stack in some.values()]) for name in protocol.inputs}
        inputs, _ = preprocessing.network_inputs(together, statistics)
        probabilities[[*some]] = training.predict(model, inputs)
    return Seen(source, look, rate, faces, times, parts, probabilities, statistics)


def _measured(cuts: Iterable[Mapping[str, np.ndarray]]) -> dict[str, Statistics]:
    """Return the statistics of all windows together, for each input."""
    levels = [{name: (stack.mean(), stack.max()) for name, stack in cut.items()} for cut in cuts]
    by_input = {name: np.array([window[name] for window in levels]) for name in levels[0]}
    return {name: Statistics(float(own[:, 0].mean()), float(own[:, 1].max())) for name, own in by_input.items()}
