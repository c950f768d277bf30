"""From a weights file and the command's options to what the network sees: protocol, cut, frames a second."""

from pathlib import Path

from microexp_keras import protocols
from microexp_keras.datasets import Clip
from microexp_keras.datasets.database import DATABASES
from microexp_keras.errors import MicroExpError
from microexp_keras.protocols import Protocol
from microexp_keras.video.faces import SYNTHETIC, Template, template_of
from microexp_keras.weights import WeightsFile

LOOK_EVERY = {"face": 5, "eyes": 2}  # frames, by the first input: regions follow the points, a face box their median


def protocol_for(file: WeightsFile, dataset: str | None) -> Protocol:
    """Return the protocol of the weights, for the database asked for, else trained on, else of as many frames."""
    trained_on, name = file.metadata.get("dataset"), file.metadata.get("protocol")
    by_length: dict[int | None, str] = {database.frames: name for name, database in DATABASES.items()}
    dataset = dataset or (trained_on if trained_on in [*DATABASES] else by_length.get(file.frames))
    if dataset is None:
        raise MicroExpError(
            file.path,
            "weights that say what they were trained on, or for 18 or 96 frames",
            "neither",
            f"Say it with --dataset {' or '.join(DATABASES)}.",
        )
    return protocols.get(name if name in protocols.NAMES else "upstream", file.network, dataset)


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
    as_original = protocol.dataset == "casme2" and file.metadata.get("synthetic") is not True
    whole = crop == "none" or (not crop and as_original)
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
    return float(protocol.database.frames_per_second), True
