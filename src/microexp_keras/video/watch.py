"""From a network and a clip to the probabilities of its windows over time."""

import itertools
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from microexp_keras import preprocessing, training
from microexp_keras.console import progress_bar
from microexp_keras.datasets import Clip
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks.face_box import Template
from microexp_keras.preprocessing import Statistics
from microexp_keras.protocols import Protocol
from microexp_keras.video.faces import Faces, find_faces
from microexp_keras.video.source import read, timed
from microexp_keras.video.windows import Window, stacks, windows

if TYPE_CHECKING:
    import keras

AT_ONCE = 64  # windows that the network sees together


class Seen(NamedTuple):
    """What a network saw in a clip.

    Attributes
    ----------
    faces : Faces
    windows : list of Window
    probabilities : float32 array (windows, classes)
        NaN where there is no prediction.
    levels : dict of str to preprocessing.Statistics
        Of the windows' gray levels.
    seconds : dict of str to float
        What took how long.
    wall : float
        How long all of it took.
    """

    faces: Faces
    windows: list[Window]
    probabilities: np.ndarray
    levels: dict[str, Statistics]
    seconds: dict[str, float]
    wall: float


def watch(
    model: "keras.Model",
    clip: Clip,
    promised: int,
    protocol: Protocol,
    template: Template | None,
    statistics: Mapping[str, Statistics],
    every: int,
    stride: int,
) -> Seen:
    """Find the face, cut the windows, ask the network."""
    start, swapped = time.perf_counter(), protocol.swapped_colours
    seconds: dict[str, float] = {}
    faces = find_faces(read(clip, seconds, swapped), every, seconds, promised)
    parts = windows(faces, protocol, stride, template)
    gaps = [window.gap for window in parts]
    if all(gaps):
        raise MicroExpError(
            clip.path,
            f"a face throughout at least one window of {protocol.frames} frames",
            (
                f"none in {len(parts)} (the first: {gaps[0]}; {np.count_nonzero(faces.counts)} of "
                f"{len(faces.looks)} looks found a face)"
            ),
            "It must look at the camera and be wider than an eighth of the frame.",
        )

    def cuts(what: str) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        frames = read(clip, seconds, swapped)
        cut = levels.of(stacks(frames, parts, faces, protocol, seconds))
        return iter(progress_bar(cut, total=gaps.count(None), desc=what, unit="window"))

    levels = Levels()
    if not statistics:
        for _ in cuts("measuring levels"):
            pass
    used = statistics or levels.statistics()
    probabilities = np.full((len(parts), model.output_shape[-1]), np.nan, np.float32)
    coming = cuts("predicting")
    while some := list(itertools.islice(coming, AT_ONCE)):
        with timed(seconds, "network"):
            positions, cut_out = zip(*some, strict=True)
            together = {name: np.stack([one[name] for one in cut_out]) for name in protocol.inputs}
            inputs, _ = preprocessing.network_inputs(together, used)
            probabilities[[*positions]] = training.predict(model, inputs)
    return Seen(faces, parts, probabilities, levels.statistics(), seconds, time.perf_counter() - start)


class Levels:
    """Gray levels of stacks as they pass."""

    def __init__(self) -> None:
        self._windows = 0
        self._means: dict[str, float] = defaultdict(float)
        self._maxima: dict[str, float] = defaultdict(float)

    def of(self, cuts: Iterable[tuple[int, dict[str, np.ndarray]]]) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """Pass on what `stacks` yields."""
        self._windows = 0
        self._means.clear()
        self._maxima.clear()
        for position, of_window in cuts:
            self._windows += 1
            for name, stack in of_window.items():
                self._means[name] += float(stack.mean())
                self._maxima[name] = max(self._maxima[name], float(stack.max()))
            yield position, of_window

    def statistics(self) -> dict[str, Statistics]:
        """Return for each input the `preprocessing.Statistics` of what has passed."""
        return {name: Statistics(mean / self._windows, self._maxima[name]) for name, mean in self._means.items()}
