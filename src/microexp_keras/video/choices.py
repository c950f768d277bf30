"""From a weights file and the command's options to what the network sees: protocol, cut, frames a second."""

from pathlib import Path

from microexp_keras import protocols
from microexp_keras.datasets import Clip
from microexp_keras.datasets.database import DATABASES, Database, get_database, trained_on
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks.face_box import SYNTHETIC, Template, template_of
from microexp_keras.protocols import Protocol
from microexp_keras.weights import WeightsFile

LOOK_EVERY = {"face": 5, "eyes": 2}  # frames, by the first input: regions follow the points, a face box their median


def protocol_for(file: WeightsFile, dataset: str | None) -> Protocol:
    """Return the protocol of the weights, for the database asked for, else trained on, else of as many frames."""
    name = file.metadata.get("protocol")
    by_length: dict[int | None, Database] = {one.frames: one for one in DATABASES.values() if one.in_paper}
    database = get_database(dataset) if dataset else trained_on(file.metadata) or by_length.get(file.frames)
    if database is None:
        raise MicroExpError(
            file.path,
            "weights that say what they were trained on, or for 18 or 96 frames",
            "neither",
            f"Say it with --dataset {' or '.join(DATABASES)}.",
        )
    there = protocols.names(file.network, database)
    return protocols.get(name if name in there else there[0], file.network, database)


def template_for(file: WeightsFile, protocol: Protocol, crop: str | None, like: Path | None) -> Template | None:
    """Return how the face is cut, None for the whole frame and for eyes and mouth."""
    if not protocol.network.on_whole_face:
        if crop or like:
            raise MicroExpError(
                "--crop, --like",
                "with MicroExpSTCNN only",
                f"another in {file.path}",
            )
        return None
    if like and crop == "none":
        raise MicroExpError("--like", "without --crop none, which takes the whole frame", remedy="Leave one out.")
    if like:
        return template_of(like)
    as_trained = protocol.database.whole_frames and protocol.crop == "none"  # nobody knows how their faces lie
    whole = crop == "none" or (not crop and as_trained and file.metadata.get("synthetic") is not True)
    return None if whole else SYNTHETIC


def rate_for(clip: Clip, given: float | None, in_header: float | None, protocol: Protocol) -> tuple[float, bool]:
    """Return the frames a second, and whether they are assumed: only those of a folder may be, as trained."""
    if rate := given or in_header:
        return rate, False
    if clip.video:
        raise MicroExpError(
            clip.path,
            "a video that says its frames a second",
            "none",
            "Give --fps.",
        )
    if protocol.database.frames_per_second is None:
        raise MicroExpError(clip.path, "the frames a second of a folder", "nothing that says them", "Give --fps.")
    return float(protocol.database.frames_per_second), True
