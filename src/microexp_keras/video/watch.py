"""From weights, the command's options and a video to the probabilities of its windows over time."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from microexp_keras import preprocessing, protocols, training
from microexp_keras.console import progress_bar
from microexp_keras.datasets.database import DATABASES, Database, get_database, trained_on
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks.face_box import SYNTHETIC, Template, template_of
from microexp_keras.preprocessing import Statistics
from microexp_keras.protocols import Protocol
from microexp_keras.video.source import Source
from microexp_keras.video.windows import Faces, Window, find_faces, stacks, windows
from microexp_keras.weights import WeightsFile

if TYPE_CHECKING:
    import keras

AT_ONCE = 64  # windows that the network sees together
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
    as_trained = protocol.database.frames_per_second if source.images else None
    rate = look.fps or source.rate or as_trained
    if rate is None:
        raise MicroExpError(source.path, "nothing says how many frames a second it has", "Give --fps.")
    faces = find_faces(source.read(protocol.swapped_colours), look.every, source.promised)
    if faces.frames < protocol.frames:
        found = f"has {faces.frames} frames, and the network looks at {protocol.frames} at once"
        raise source.fault or MicroExpError(source.path, found, "Give a longer clip.")
    times = source.frame_times(faces.frames, rate, as_recorded=look.fps is None)
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
