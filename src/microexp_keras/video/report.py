"""From what a network saw in a video to the sentences and the table of its report."""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras.datasets.database import DATABASES
from microexp_keras.preprocessing import Statistics
from microexp_keras.protocols import Protocol
from microexp_keras.video.faces import Template
from microexp_keras.video.watch import Seen
from microexp_keras.video.windows import reaches_beyond
from microexp_keras.weights import WeightsFile


def about_weights(file: WeightsFile, dataset: str) -> list[str]:
    """What is known of the weights: only what they say, and only what has the right type."""
    trained, synthetic = file.metadata, file.metadata.get("synthetic")
    if not trained.get("dataset"):
        return [
            f"{Path(file.path).name} does not say what it was trained on nor how well it did; it is taken for "
            f"{DATABASES[dataset].title} (--dataset). Whether these probabilities mean anything is not known."
        ]
    origin = f"clips that call themselves {str(trained['dataset'])[:40]!a}"
    if trained["dataset"] in DATABASES:
        origin = DATABASES[trained["dataset"]].origin(synthetic is True)
    epoch, accuracy = trained.get("epoch"), trained.get("val_accuracy")
    known = f"{Path(file.path).name} was trained on {origin} (protocol {str(trained.get('protocol'))[:40]!a}"
    known += f", epoch {epoch})" if isinstance(epoch, int) else ")"
    if isinstance(accuracy, float) and 0 <= accuracy <= 1:
        known += f": accuracy {accuracy:.1%} on the clips that its epoch was chosen on, which is optimistic."
    else:
        known += ". It does not say how well it did."
    if synthetic is True:
        return [known, "TRAINED ON SYNTHETIC CLIPS: what it says of a real face means nothing."]
    return [known, "How well it does on other faces, cameras and light than those of its database was not measured."]


def about_time(protocol: Protocol, rate: float, assumed: bool) -> list[str]:
    """How the time that a window covers compares with that of training."""
    camera, trained = protocol.database.recordings, protocol.database.frames_per_second
    times = trained / rate
    notes = [
        f"A window of {protocol.frames} frames covers {protocol.frames / rate:.2f} s at {rate:g} frames a second, and "
        f"{protocol.frames / trained:.2f} s at the {trained} of {camera}."
    ]
    if abs(times - 1) > 0.1:
        notes[0] += f" So movements look {times:.1f} times as fast to the network as in that database."
    if assumed:
        notes.append(f"A folder does not say its frames a second: {rate:g} are assumed. Say it with --fps.")
    return notes


def about_cuts(seen: Seen, template: Template | None, like: Path | None, protocol: Protocol) -> list[str]:
    """What the network sees of a frame."""
    if not protocol.network.on_whole_face:
        return ["Eyes and mouth are cut out of every frame by its points."]
    rows, columns = seen.faces.shape
    if template is None:
        return [
            f"The network sees the whole frame ({columns}x{rows} pixels). The original takes that of CAS(ME)^2, "
            "640x480: a face of another place and size there is another picture to it. --crop face cuts the face out."
        ]
    whose = f"in {like}" if like else "in this package's synthetic clips (--like takes a frame of other clips)"
    notes = [f"The face is cut out, by one box a window, so that eyes and mouth lie as {whose}."]
    beyond = sum(reaches_beyond(window.box, seen.faces.shape) for window in seen.windows if window.box)
    if beyond:
        notes.append(f"WARNING: the box of {beyond} windows reaches beyond the frame, whose border is repeated there.")
    return notes


def about_faces(seen: Seen, every: int, promised: int) -> list[str]:
    """Where the face was looked for, and which frames nobody saw."""
    faces = seen.faces
    missed, several = np.count_nonzero(faces.counts == 0), np.count_nonzero(faces.counts > 1)
    notes = [
        f"The face was looked for in {len(faces.looks)} of {faces.frames} frames (--face-every {every}), and not found "
        f"in {missed} of them."
    ]
    if several:
        notes.append(f"WARNING: {several} looks found several faces; the one that the detector is surest of is taken.")
    if left := faces.frames - 1 - seen.windows[-1].last:
        notes.append(f"The last {left} frames are in no window: a whole one does not fit.")
    if faces.frames < promised:
        notes.append(f"WARNING: the video ends after {faces.frames} of the {promised} frames that its header promises.")
    return notes


def about_levels(own: Mapping[str, Statistics], known: Mapping[str, Statistics]) -> str:
    """By what the windows are standardised."""
    here, trained = (
        "; ".join(f"{name} mean {one.mean:.1f}, maximum {one.max:.0f}" for name, one in statistics.items())
        for statistics in (own, known)
    )
    if known:
        return f"Standardised as in training ({trained}); the gray levels here: {here}."
    return (
        "WARNING: the weights file does not say by which mean and maximum its training clips were standardised. The "
        f"windows are standardised by their own ({here}); if those of training differed, these are not the "
        "probabilities of the network as it was trained."
    )


def about_speed(seen: Seen, rate: float, loading: float) -> str:
    """How long it took, and what."""
    playing = seen.faces.frames / rate
    parts = ", ".join(f"{what} {took:.1f}" for what, took in seen.seconds.items())
    return (
        f"{seen.faces.frames} frames ({playing:.1f} s of video) in {seen.wall:.1f} s, {playing / seen.wall:.1f} times "
        f"as fast as they play: {parts}. Loading the network took {loading:.1f} s more."
    )


def class_counts(seen: Seen, class_names: Sequence[str]) -> list[str]:
    """How many windows were called what."""
    there = seen.probabilities[~np.isnan(seen.probabilities[:, 0])]
    called = np.bincount(there.argmax(axis=1), minlength=len(class_names))
    lines = [f"windows   {len(seen.windows)}, {len(there)} of them with a prediction"]
    for place, name in enumerate(class_names):
        lines.append(f"{name:<10}most probable in {called[place]}; mean probability {there[:, place].mean():.3f}")
    causes = Counter(window.gap.cause.replace("{}", "N") for window in seen.windows if window.gap)
    return [*lines, *(f"no prediction in {count}: {cause}" for cause, count in causes.items()), ""]


def table(seen: Seen, class_names: Sequence[str], rate: float) -> str:
    """predictions.csv."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["window", "first_frame", "last_frame", "start_s", "end_s", "predicted", *class_names, "reason"])
    for number, (window, row) in enumerate(zip(seen.windows, seen.probabilities, strict=True)):
        span = [window.first, window.last, f"{window.first / rate:.3f}", f"{(window.last + 1) / rate:.3f}"]
        said: list[Any] = [""] * (1 + len(class_names)) if window.gap else [class_names[row.argmax()], *row]
        writer.writerow([number, *span, *said, window.gap or ""])
    return text.getvalue()
