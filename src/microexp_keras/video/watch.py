"""From a network and a video to the probabilities of its windows over time."""

import itertools
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from microexp_keras import preprocessing, training
from microexp_keras.console import progress_bar
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import Statistics
from microexp_keras.video.choices import Look, rate_for
from microexp_keras.video.faces import Faces, find_faces
from microexp_keras.video.source import Source
from microexp_keras.video.windows import Window, stacks, windows

if TYPE_CHECKING:
    import keras

AT_ONCE = 64  # windows that the network sees together


class Seen(NamedTuple):
    """What a network saw in a video."""

    source: Source
    look: Look
    rate: float  # frames a second
    rate_assumed: bool  # nobody said so
    faces: Faces
    times: np.ndarray  # float (frames + 1,): seconds at which each frame begins, and at which the last one ends
    windows: list[Window]
    probabilities: np.ndarray  # float32 (windows, classes), NaN where there is no prediction
    levels: dict[str, Statistics]  # of the windows' gray levels, for each input
    seconds: dict[str, float]  # what took how long

    def span(self, window: Window) -> tuple[float, float]:
        """Return the seconds at which a window begins and ends."""
        return float(self.times[window.first]), float(self.times[window.last + 1])


def watch(model: "keras.Model", source: Source, look: Look) -> Seen:
    """Find the face, cut the windows, ask the network."""
    start, protocol = time.perf_counter(), look.protocol
    rate, assumed = rate_for(source, look.fps, protocol)
    faces = find_faces(source.read(protocol.swapped_colours), look.every, source.promised)
    found = time.perf_counter()
    times = source.frame_times(faces.frames, rate, as_recorded=look.fps is None)
    parts = windows(faces, protocol, look.stride, look.template)
    gaps = [window.gap for window in parts]
    if all(gaps):
        raise MicroExpError(
            source.path,
            (
                f"no window of {protocol.frames} frames has a face throughout ({gaps[0]} in the first of "
                f"{len(parts)}; {np.count_nonzero(faces.counts)} of {len(faces.looks)} looks found a face)"
            ),
            "The face must look at the camera and be wider than an eighth of the frame.",
        )
    levels: list[dict[str, Statistics]] = []

    def cuts(what: str) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        levels.clear()
        cut = stacks(source.read(protocol.swapped_colours), parts, faces, protocol)
        for position, stack in progress_bar(cut, total=gaps.count(None), desc=what, unit="window"):
            levels.append({name: Statistics(float(one.mean()), float(one.max())) for name, one in stack.items()})
            yield position, stack

    if not look.statistics:
        for _ in cuts("measuring levels"):
            pass
    used = look.statistics or _pooled(levels)
    probabilities = np.full((len(parts), model.output_shape[-1]), np.nan, np.float32)
    coming = cuts("predicting")
    while some := dict(itertools.islice(coming, AT_ONCE)):
        together = {name: np.stack([stack[name] for stack in some.values()]) for name in protocol.inputs}
        inputs, _ = preprocessing.network_inputs(together, used)
        probabilities[[*some]] = training.predict(model, inputs)
    seconds = {"finding faces": found - start, "predicting": time.perf_counter() - found}
    return Seen(source, look, rate, assumed, faces, times, parts, probabilities, _pooled(levels), seconds)


def _pooled(levels: list[dict[str, Statistics]]) -> dict[str, Statistics]:
    """Return the statistics of all windows together, for each input."""
    by_input = {name: [window[name] for window in levels] for name in levels[0]}
    return {
        name: Statistics(float(np.mean([one.mean for one in all_of])), max(one.max for one in all_of))
        for name, all_of in by_input.items()
    }
