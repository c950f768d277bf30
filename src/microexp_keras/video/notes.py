"""What a reader of the probabilities of a video must know."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from microexp_keras.datasets.database import Database, trained_on
from microexp_keras.notes import SYNTHETIC_WEIGHTS, Note, warning
from microexp_keras.protocols import Protocol
from microexp_keras.text import counted, either
from microexp_keras.video.watch import Seen
from microexp_keras.video.windows import reaches_beyond
from microexp_keras.weights import WeightsFile

UNCALIBRATED = (
    "The probabilities are what the softmax gives. They are not calibrated, nor was it measured how far off they are: "
    "0.9 does not mean right nine times in ten."
)


def all_notes(seen: Seen) -> list[Note]:
    """Return all notes, the worst first."""
    look, database = seen.look, seen.look.protocol.database
    notes = [
        *about_collapse(seen.probabilities, database.class_names),
        *about_weights(look.file, database),
        *([warning(look.file.assumption)] if look.file.assumption else []),
        *_about_time(seen, look.protocol),
        *_about_cuts(seen),
        *_about_faces(seen),
        _about_levels(seen),
        UNCALIBRATED,
        'The networks have no class "no expression": every window with a face gets '
        f"{either(database.class_names)}, also when nothing happens in it.",
    ]
    return [Note.of(note) for note in notes]


def about_collapse(probabilities: np.ndarray, class_names: tuple[str, ...]) -> Iterator[Note]:
    """Whether a single class is predicted for all windows, as by a collapsed network."""
    predicted = probabilities[~np.isnan(probabilities[:, 0])].argmax(axis=1)
    if len(predicted) > 1 and len(set(predicted)) == 1:
        yield Note(
            "collapsed",
            f": the network predicts {class_names[predicted[0]]} for all {len(predicted)} windows, as a collapsed one "
            "does whatever it sees. Try another expression, and see in the report of its training if it collapsed.",
        )


def about_weights(file: WeightsFile, database: Database) -> Iterator[str | Note]:
    """What is known of the weights: only what they say, and only what has the right type."""
    trained, name = file.metadata, Path(file.path).name
    if not trained.get("dataset"):
        yield (
            f"{name} does not say what it was trained on nor how well it did; it is taken for {database.title} "
            "(--dataset). Whether these probabilities mean anything is not known."
        )
        return
    synthetic, known_one = trained.get("synthetic") is True, trained_on(trained)
    named = f"clips that call themselves {str(trained['dataset'])[:40]!a}"
    origin = known_one.origin(synthetic) if known_one else named
    epoch, accuracy = trained.get("epoch"), trained.get("val_accuracy")
    known = f"{name} was trained on {origin} (protocol {str(trained.get('protocol'))[:40]!a}"
    known += f", epoch {epoch})" if isinstance(epoch, int) else ")"
    if isinstance(accuracy, float) and 0 <= accuracy <= 1:
        yield f"{known}: validation accuracy {accuracy:.1%}, which is optimistic, as the epoch was chosen by it."
    else:
        yield f"{known}. It does not say how well it did."
    elsewhere = "How well it does on other faces, cameras and light than those of its database was not measured."
    yield SYNTHETIC_WEIGHTS if synthetic else elsewhere


def _about_time(seen: Seen, protocol: Protocol) -> Iterator[str | Note]:
    """How the time that a window covers compares with that of training, and whether frames come evenly."""
    rate, frames, trained = seen.rate, protocol.frames, protocol.database.frames_per_second
    covered = f"A window of {frames} frames covers {frames / rate:.2f} s at {rate:g} frames a second"
    if protocol.sampling == "interpolate":
        many = f"In training all frames of a clip, however many, were brought to {frames}"
        yield f"{covered}. {many}: so many consecutive ones show movements at another speed."
    elif trained is None:
        camera = protocol.database.recordings
        yield f"{covered}. At how many the clips of {camera} were filmed is not known: movements may look too fast."
    else:
        faster = f" So movements look {trained / rate:.1f} times as fast to the network as in that database."
        compared = f"{covered}, and {frames / trained:.2f} s at the {trained} of {protocol.database.recordings}."
        yield compared + faster * (abs(trained / rate - 1) > 0.1)
    if seen.rate_assumed:
        yield f"A folder does not say its frames a second: {rate:g} are assumed. Say it with --fps."
    times = seen.times[:-1]
    steps = np.diff(times)
    if len(steps) and np.ptp(steps) > 0.5 * np.median(steps):
        spans = times[frames - 1 :] - times[: len(times) - frames + 1]
        yield warning(
            f"the frames come at uneven times, {1000 * steps.min():.0f} to {1000 * steps.max():.0f} ms after each "
            f"other; {frames} of them cover {spans.min():.2f} to {spans.max():.2f} s."
        )


def _about_cuts(seen: Seen) -> Iterator[Note | str]:
    """What the network sees of a frame."""
    look, (rows, columns) = seen.look, seen.faces.shape
    if not look.protocol.network.on_whole_face:
        yield "Eyes and mouth are cut out of every frame by its points."
    elif look.template is None:
        whole = f"The network sees the whole frame ({columns}x{rows} pixels)"
        yield f"{whole}, as in training; a face of another place and size is another picture to it. --crop face cuts."
    else:
        clips = "in this package's synthetic clips (--like takes a frame of other clips)"
        whose = f"in {look.like}" if look.like else clips
        yield f"The face is cut out, by one box a window, so that eyes and mouth lie as {whose}."
    if beyond := sum(reaches_beyond(window.box, seen.faces.shape) for window in seen.windows if window.box):
        yield warning(
            f"the box of {counted(beyond, 'window')} reaches beyond the frame, whose border is repeated there."
        )


def _about_faces(seen: Seen) -> Iterator[Note | str]:
    """Where the face was looked for, and which frames nobody saw."""
    faces = seen.faces
    missed, several = np.count_nonzero(faces.counts == 0), np.count_nonzero(faces.counts > 1)
    yield (
        f"The face was looked for in {len(faces.looks)} of {faces.frames} frames (--face-every {seen.look.every}) and "
        f"found in {f'all but {missed}' if missed else 'all'} of them."
    )
    if several:
        yield warning(f"{counted(several, 'look')} found several faces; the most confidently detected one is taken.")
    if left := faces.frames - 1 - seen.windows[-1].last:
        yield f"In no window, for a whole one does not fit: the last {counted(left, 'frame')}."
    if seen.source.fault:
        yield warning(f"only {counted(faces.frames, 'frame')} of the video could be read. {seen.source.fault}")


def _about_levels(seen: Seen) -> Note | str:
    """By what the windows are standardised."""
    here, trained = (
        "; ".join(f"{name} mean {one.mean:.1f}, maximum {one.max:.0f}" for name, one in statistics.items())
        for statistics in (seen.levels, seen.look.statistics)
    )
    if trained:
        return f"Standardised as in training ({trained}); the gray levels here: {here}."
    return warning(
        "the weights file does not say by which mean and maximum its training clips were standardised. The "
        f"windows are standardised by their own ({here}), so the probabilities may be off."
    )
