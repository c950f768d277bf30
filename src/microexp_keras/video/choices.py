"""From a weights file and the command's options to how a network looks at a video."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from microexp_keras import protocols
from microexp_keras.datasets.database import DATABASES, Database, get_database, trained_on
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks.face_box import SYNTHETIC, Template, template_of
from microexp_keras.preprocessing import Statistics
from microexp_keras.protocols import Protocol
from microexp_keras.video.source import Source
from microexp_keras.weights import WeightsFile

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

    @property
    def synthetic(self) -> bool:
        """Whether the weights say that synthetic clips trained them."""
        return self.file.metadata.get("synthetic") is True


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
    if (crop or like) and not protocol.network.on_whole_face:
        raise MicroExpError("--crop, --like", f"they are for MicroExpSTCNN only, not for {file.path}")
    if not protocol.network.on_whole_face:
        return None
    if like and crop == "none":
        found = "it cannot go with --crop none, which takes the whole frame"
        raise MicroExpError("--like", found, "Leave one out.")
    if like:
        return template_of(like)
    as_trained = protocol.database.whole_frames and protocol.crop == "none"  # nobody knows how their faces lie
    whole = crop == "none" or (not crop and as_trained and file.metadata.get("synthetic") is not True)
    return None if whole else SYNTHETIC


def rate_for(source: Source, given: float | None, protocol: Protocol) -> tuple[float, bool]:
    """Return the frames a second, and whether they are assumed: only those of a folder may be, as trained."""
    if rate := given or source.rate:
        return rate, False
    if not source.images or protocol.database.frames_per_second is None:
        raise MicroExpError(source.path, "nothing says how many frames a second it has", "Give --fps.")
    return float(protocol.database.frames_per_second), True
