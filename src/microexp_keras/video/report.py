"""From what a network saw in a video to its report: sentences, table, picture, summary, annotated video."""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from microexp_keras.atomic import write_text
from microexp_keras.datasets import Clip
from microexp_keras.datasets.database import Database, trained_on
from microexp_keras.landmarks.face_box import Template
from microexp_keras.models.networks import NETWORKS
from microexp_keras.notes import SYNTHETIC_WEIGHTS, Note, warning
from microexp_keras.preprocessing import Statistics
from microexp_keras.protocols import Protocol
from microexp_keras.results import plots
from microexp_keras.text import counted, either, plain
from microexp_keras.video.annotate import annotate
from microexp_keras.video.watch import Seen
from microexp_keras.video.windows import reaches_beyond
from microexp_keras.weights import WeightsFile

UNCALIBRATED = (
    "The probabilities are what the softmax gives. They are not calibrated, nor was it measured how far off they are: "
    "0.9 does not mean right nine times in ten."
)
NO_REST = (
    'The networks have no class "no expression": every window with a face gets {}, also when nothing happens in it.'
)
CAPTION = "Probabilities are not calibrated, and no class says that nothing happens."


class Viewing(NamedTuple):
    """A clip, how a network looked at it, and what it saw.

    Attributes
    ----------
    file : weights.WeightsFile
    protocol : protocols.Protocol
    clip : datasets.Clip
    promised : int
        Frames that the folder holds or the header promises, 0 if it does not.
    rate : float
        Frames a second.
    rate_assumed : bool
        Whether nobody said so.
    every : int
        The face was looked for in every so many frames.
    stride : int
        Frames from window to window.
    template : Template or None
        How the face was cut, None for the whole frame and for eyes and mouth.
    like : Path or None
        The image that the template was measured in.
    statistics : dict of str to preprocessing.Statistics
        By what the weights say that windows are standardised; empty if they say nothing.
    seen : Seen
    """

    file: WeightsFile
    protocol: Protocol
    clip: Clip
    promised: int
    rate: float
    rate_assumed: bool
    every: int
    stride: int
    template: Template | None
    like: Path | None
    statistics: Mapping[str, Statistics]
    seen: Seen

    @property
    def class_names(self) -> Sequence[str]:
        """Names of the network's classes."""
        return self.protocol.database.class_names

    @property
    def title(self) -> str:
        """Title of report and timeline."""
        return f"{NETWORKS[self.protocol.model].title} on {self.clip.path.name}"

    @property
    def synthetic(self) -> bool:
        """Whether the weights say that synthetic clips trained them."""
        return self.file.metadata.get("synthetic") is True


def all_notes(viewing: Viewing) -> list[Note]:
    """Return all notes that a reader of the probabilities needs."""
    protocol, seen, names = viewing.protocol, viewing.seen, viewing.class_names
    notes = [
        *about_collapse(seen, names),
        *about_weights(viewing.file, protocol.database),
        *about_time(protocol, viewing.rate, viewing.rate_assumed),
        *about_cuts(seen, viewing.template, viewing.like, protocol),
        *about_faces(seen, viewing.every, viewing.promised),
        about_levels(seen.levels, viewing.statistics),
        UNCALIBRATED,
        NO_REST.format(either(names)),
    ]
    return [Note.of(note) for note in notes]


def report_text(viewing: Viewing, loading: float) -> str:
    """report.txt; `loading` is the seconds that loading the network took."""
    counts = class_counts(viewing.seen, viewing.class_names)
    notes = [f"* {note.render()}" for note in all_notes(viewing)]
    speed = about_speed(viewing.seen, viewing.rate, loading)
    return plain("\n".join([viewing.title, *notes, "", *counts, speed, ""]))


def write_files(folder: Path, viewing: Viewing, text: str, annotated: bool) -> None:
    """Write report.txt, predictions.csv, timeline.png and, if wanted, annotated.webm into a folder."""
    seen, rate, names = viewing.seen, viewing.rate, viewing.class_names
    write_text(folder / "report.txt", text)
    write_text(folder / "predictions.csv", table(seen, names, rate))
    times = np.array([(window.first, window.last + 1) for window in seen.windows]) / rate
    known = [Note.of(note).render() for note in about_weights(viewing.file, viewing.protocol.database)]
    caption = " ".join([*known, CAPTION])
    plots.timeline(times, seen.probabilities, names, folder / "timeline.png", viewing.title, caption)
    if annotated:
        path, colours = folder / "annotated.webm", plots.class_colours(len(names))
        warning = "Trained on synthetic clips: says nothing of real faces." if viewing.synthetic else ""
        annotate(viewing.clip, seen.windows, seen.faces, seen.probabilities, names, colours, rate, path, warning)


def summary(viewing: Viewing) -> dict[str, Any]:
    """All but where it comes from of summary.json."""
    seen, template = viewing.seen, viewing.template
    return {
        "weights": viewing.file.path,
        "trained": viewing.file.metadata,
        "source": str(viewing.clip.path),
        "frames": seen.faces.frames,
        "frames_per_second": viewing.rate,
        "window": viewing.protocol.frames,
        "stride": viewing.stride,
        "face_every": viewing.every,
        "windows": len(seen.windows),
        "windows_without_prediction": sum(bool(window.gap) for window in seen.windows),
        "statistics": {name: levels._asdict() for name, levels in (viewing.statistics or seen.levels).items()},
        "template": template and {"shape": template.shape, "anchors": template.anchors.tolist()},
        "seconds": {"all": seen.wall, **seen.seconds},
        "notes": [note.render() for note in all_notes(viewing)],
    }


def about_collapse(seen: Seen, class_names: Sequence[str]) -> list[Note]:
    """Whether the network gives one and the same class to all windows, as a collapsed one does."""
    called = called_windows(seen, class_names)
    windows = sum(called.values())
    if windows < 2 or max(called.values()) < windows:
        return []
    [name] = [name for name, count in called.items() if count]
    return [
        Note(
            "collapsed",
            f": the network called all {windows} windows {name}, as it would if it answered {name} whatever it sees. "
            "Try another expression, and see in the report of its training whether it collapsed there.",
        )
    ]


def about_weights(file: WeightsFile, database: Database) -> list[str | Note]:
    """What is known of the weights: only what they say, and only what has the right type."""
    trained, synthetic = file.metadata, file.metadata.get("synthetic")
    if not trained.get("dataset"):
        return [
            f"{Path(file.path).name} does not say what it was trained on nor how well it did; it is taken for "
            f"{database.title} (--dataset). Whether these probabilities mean anything is not known."
        ]
    origin = f"clips that call themselves {str(trained['dataset'])[:40]!a}"
    if known_one := trained_on(trained):
        origin = known_one.origin(synthetic is True)
    epoch, accuracy = trained.get("epoch"), trained.get("val_accuracy")
    known = f"{Path(file.path).name} was trained on {origin} (protocol {str(trained.get('protocol'))[:40]!a}"
    known += f", epoch {epoch})" if isinstance(epoch, int) else ")"
    if isinstance(accuracy, float) and 0 <= accuracy <= 1:
        known += f": accuracy {accuracy:.1%} on the clips that its epoch was chosen on, which is optimistic."
    else:
        known += ". It does not say how well it did."
    if synthetic is True:
        return [known, SYNTHETIC_WEIGHTS]
    return [known, "How well it does on other faces, cameras and light than those of its database was not measured."]


def about_time(protocol: Protocol, rate: float, assumed: bool) -> list[str]:
    """How the time that a window covers compares with that of training."""
    camera, trained = protocol.database.recordings, protocol.database.frames_per_second
    covered = f"A window of {protocol.frames} frames covers {protocol.frames / rate:.2f} s at {rate:g} frames a second"
    if trained is None and not protocol.all_frames:
        return [f"{covered}. At how many the clips of {camera} were filmed is not known: movements may look too fast."]
    if trained is None or protocol.all_frames:
        many = f"In training all frames of a clip, however many, were brought to {protocol.frames}"
        notes = [f"{covered}. {many}: so many consecutive ones show movements at another speed."]
    else:
        times = trained / rate
        notes = [f"{covered}, and {protocol.frames / trained:.2f} s at the {trained} of {camera}."]
        if abs(times - 1) > 0.1:
            notes[0] += f" So movements look {times:.1f} times as fast to the network as in that database."
    if assumed:
        notes.append(f"A folder does not say its frames a second: {rate:g} are assumed. Say it with --fps.")
    return notes


def about_cuts(seen: Seen, template: Template | None, like: Path | None, protocol: Protocol) -> list[Note | str]:
    """What the network sees of a frame."""
    if not protocol.network.on_whole_face:
        return ["Eyes and mouth are cut out of every frame by its points."]
    rows, columns = seen.faces.shape
    if template is None:
        if not protocol.database.in_paper:
            return [f"The network sees the whole frame ({columns}x{rows} pixels), as in training; --crop face cuts."]
        return [
            f"The network sees the whole frame ({columns}x{rows} pixels). The original takes that of CAS(ME)^2, "
            "640x480: a face of another place and size there is another picture to it. --crop face cuts the face out."
        ]
    whose = f"in {like}" if like else "in this package's synthetic clips (--like takes a frame of other clips)"
    notes: list[Note | str] = [f"The face is cut out, by one box a window, so that eyes and mouth lie as {whose}."]
    beyond = sum(reaches_beyond(window.box, seen.faces.shape) for window in seen.windows if window.box)
    if beyond:
        notes.append(
            warning(f"the box of {counted(beyond, 'window')} reaches beyond the frame, whose border is repeated there.")
        )
    return notes


def about_faces(seen: Seen, every: int, promised: int) -> list[Note | str]:
    """Where the face was looked for, and which frames nobody saw."""
    faces = seen.faces
    missed, several = np.count_nonzero(faces.counts == 0), np.count_nonzero(faces.counts > 1)
    notes: list[Note | str] = [
        f"The face was looked for in {len(faces.looks)} of {faces.frames} frames (--face-every {every}), and not found "
        f"in {missed} of them."
    ]
    if several:
        notes.append(
            warning(f"{counted(several, 'look')} found several faces; the one that the detector is surest of is taken.")
        )
    if left := faces.frames - 1 - seen.windows[-1].last:
        notes.append(f"In no window, for a whole one does not fit: the last {counted(left, 'frame')}.")
    if faces.frames < promised:
        notes.append(warning(f"the video ends after {faces.frames} of the {promised} frames that its header promises."))
    return notes


def about_levels(own: Mapping[str, Statistics], known: Mapping[str, Statistics]) -> Note | str:
    """By what the windows are standardised."""
    here, trained = (
        "; ".join(f"{name} mean {one.mean:.1f}, maximum {one.max:.0f}" for name, one in statistics.items())
        for statistics in (own, known)
    )
    if known:
        return f"Standardised as in training ({trained}); the gray levels here: {here}."
    return warning(
        "the weights file does not say by which mean and maximum its training clips were standardised. The "
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
    called, means = called_windows(seen, class_names), np.nanmean(seen.probabilities, axis=0)
    lines = [f"windows   {len(seen.windows)}, {sum(called.values())} of them with a prediction"]
    for (name, count), mean in zip(called.items(), means, strict=True):
        lines.append(f"{name:<10}most probable in {count}; mean probability {mean:.3f}")
    return [*lines, *(f"no prediction in {count}: {cause}" for cause, count in gap_causes(seen).items()), ""]


def called_windows(seen: Seen, class_names: Sequence[str]) -> dict[str, int]:
    """Count the windows in which each class is the most probable."""
    there = seen.probabilities[~np.isnan(seen.probabilities[:, 0])]
    return dict(zip(class_names, np.bincount(there.argmax(axis=1), minlength=len(class_names)).tolist(), strict=True))


def gap_causes(seen: Seen) -> Counter[str]:
    """Count why windows have no prediction."""
    return Counter(window.gap.cause.replace("{}", "N") for window in seen.windows if window.gap)


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
