"""From what a network saw in a video to its report, as page, text, table, picture and summary, and to its caveats."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras.atomic import write_json, write_text
from microexp_keras.datasets.database import Database, trained_on
from microexp_keras.errors import SYNTHETIC_WEIGHTS, Issue, warning
from microexp_keras.models.networks import NETWORKS
from microexp_keras.protocols import Protocol
from microexp_keras.results import plots
from microexp_keras.results.page import Bar, Figure, Report, Section, Table
from microexp_keras.results.predictions import FILE, probability_column
from microexp_keras.results.scores import origin_rows
from microexp_keras.text import counted, either
from microexp_keras.video.annotate import annotate
from microexp_keras.video.watch import Seen
from microexp_keras.weights import WeightsFile

CAPTION = "Probabilities are not calibrated, and no class says that nothing happens."
UNCALIBRATED = (
    "The probabilities are what the softmax gives. They are not calibrated, nor was it measured how far off they are: "
    "0.9 does not mean right nine times in ten."
)
FILES = ("report.txt", FILE, "summary.json", "timeline.png")


def write(folder: Path, seen: Seen, about: Mapping[str, Any], annotated: bool) -> Report:
    """Write the report of a prediction into its folder, with the annotated video if asked for, and return it."""
    look, names = seen.look, seen.look.protocol.database.class_names
    title, notes = f"{NETWORKS[look.protocol.model].title} on {seen.source.path.name}", all_notes(seen)
    times = np.array([seen.span(window) for window in seen.windows])
    known = [str(Issue.of(note)) for note in about_weights(look.file, look.protocol.database)]
    plots.timeline(times, seen.probabilities, names, folder / "timeline.png", title, " ".join([*known, CAPTION]))
    write_text(folder / FILE, _table(seen))
    if annotated:
        annotate(seen, folder / "annotated.webm")
    summary = {
        **about,
        "weights": look.file.path,
        "trained": look.file.metadata,
        "source": str(seen.source.path),
        "frames": seen.faces.frames,
        "frames_per_second": seen.rate,
        "windows": len(seen.windows),
        "windows_without_prediction": sum(bool(window.gap) for window in seen.windows),
        "statistics": {name: levels._asdict() for name, levels in seen.statistics.items()},
        "notes": [str(note) for note in notes],
    }
    write_json(folder / "summary.json", summary)
    report = Report(title, notes, _verdict(seen), _sections(folder, seen, about, annotated), _bars(seen))
    report.write(folder)
    return report


def _verdict(seen: Seen) -> str:
    """Say how many windows there are, and why some have no prediction."""
    gaps = Counter(re.sub(r"\d+", "N", window.gap) for window in seen.windows if window.gap)
    windows, predicted = counted(len(seen.windows), "window"), len(seen.windows) - gaps.total()
    said = f"{windows} of {seen.look.protocol.frames} frames, {predicted} with a prediction."
    return said + "".join(f" No prediction in {many}: {cause}." for cause, many in gaps.items())


def _bars(seen: Seen) -> list[Bar]:
    """The mean probability of each class."""
    there = seen.probabilities[~np.isnan(seen.probabilities[:, 0])]
    predicted, bars = there.argmax(axis=1), []
    for label, name in enumerate(seen.look.protocol.database.class_names):
        mean, windows = float(there[:, label].mean()), counted(np.count_nonzero(predicted == label), "window")
        bars.append(Bar(name, f"{mean:.3f}", mean, None, None, f"mean probability; most probable in {windows}", None))
    return bars


def _table(seen: Seen) -> str:
    """Return predictions.csv: a row for each window."""
    import pandas

    names = np.array(seen.look.protocol.database.class_names)
    windows = pandas.DataFrame(seen.windows)
    table = windows[["first", "last"]].add_suffix("_frame").rename_axis("window")
    table["start_s"], table["end_s"] = (
        [f"{seconds[end]:.3f}" for seconds in map(seen.span, seen.windows)] for end in (0, 1)
    )
    table["predicted"] = np.where(windows.gap.isna(), names[np.nan_to_num(seen.probabilities).argmax(axis=1)], "")
    for label, name in enumerate(names):
        table[probability_column(name)] = seen.probabilities[:, label]
    return table.assign(reason=windows.gap).to_csv(lineterminator="\n")


def _sections(folder: Path, seen: Seen, about: Mapping[str, Any], annotated: bool) -> list[Section]:
    alt = "Probability of each class over time."
    sections = [Section("Over time", figures=[Figure.of(folder / "timeline.svg", alt, wide=True)])]
    if annotated:
        video = Figure("annotated.webm", wide=True, video=True)
        remark = "It lies beside this page. Passed on alone, the page shows no face:"
        sections.append(Section("Video", figures=[video], remark=remark, files=["annotated.webm"]))
    repeated = {
        "command": about["command"],
        "started": about["started"],
        "weights": seen.look.file.path,
        "video": str(seen.source.path),
        **origin_rows(about),
    }
    tables = [Table([], list(repeated.items()))]
    repeating = Section("How to repeat it", tables=tables, remark="The same as files:", files=FILES, page_only=True)
    return [*sections, repeating]


def all_notes(seen: Seen) -> list[Issue]:
    """Return all notes, the worst first."""
    look, database = seen.look, seen.look.protocol.database
    notes = [
        *_about_collapse(seen.probabilities, database.class_names),
        *about_weights(look.file, database),
        *([warning(look.file.assumption)] if look.file.assumption else []),
        *_about_time(seen, look.protocol),
        *_about_cuts(seen),
        *_about_faces(seen),
        *_about_levels(seen),
        UNCALIBRATED,
        'The networks have no class "no expression": every window with a face gets '
        f"{either(database.class_names)}, also when nothing happens in it.",
    ]
    return [Issue.of(note) for note in notes]


def _about_collapse(probabilities: np.ndarray, class_names: tuple[str, ...]) -> Iterator[Issue]:
    """Whether a single class is predicted for all windows, as by a collapsed network."""
    predicted = probabilities[~np.isnan(probabilities[:, 0])].argmax(axis=1)
    if len(predicted) > 1 and len(set(predicted)) == 1:
        yield Issue(
            "collapsed",
            f"COLLAPSED: the network predicts {class_names[predicted[0]]} for all {len(predicted)} windows, as a "
            "collapsed one does whatever it sees. Try another expression, and see in the report of its training if it "
            "collapsed.",
        )


def about_weights(file: WeightsFile, database: Database) -> Iterator[str | Issue]:
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
    of_epoch = f", epoch {epoch}" if isinstance(epoch, int) else ""
    known = f"{name} was trained on {origin} (protocol {str(trained.get('protocol'))[:40]!a}{of_epoch})"
    if isinstance(accuracy, float) and 0 <= accuracy <= 1:
        yield f"{known}: validation accuracy {accuracy:.1%}, which is optimistic, as the epoch was chosen by it."
    else:
        yield f"{known}. It does not say how well it did."
    elsewhere = "How well it does on other faces, cameras and light than those of its database was not measured."
    yield SYNTHETIC_WEIGHTS if synthetic else elsewhere


def _about_time(seen: Seen, protocol: Protocol) -> Iterator[str | Issue]:
    """How the time that a window covers compares with that of training, and whether frames come evenly."""
    rate, frames, trained = seen.rate, protocol.frames, protocol.database.frames_per_second
    covered, recordings = f"A window of {frames} frames covers {frames / rate:.2f} s", protocol.database.recordings
    covered += f" at {rate:g} frames a second"
    if protocol.sampling == "interpolate":
        yield f"{covered}. In training whole clips were brought to {frames} frames: movements look otherwise here."
    elif trained is None:
        yield f"{covered}. At how many {recordings} was filmed is not known: movements may look too fast."
    else:
        faster = f" So movements look {trained / rate:.1f} times as fast to the network as in that database."
        compared = f"{covered}, and {frames / trained:.2f} s at the {trained} of {recordings}."
        yield compared + faster * (abs(trained / rate - 1) > 0.1)
    if not seen.look.fps and not seen.source.rate:
        yield f"A folder does not say its frames a second: {rate:g} are assumed. Say it with --fps."
    steps = np.diff(seen.times[:-1])
    if len(steps) and np.ptp(steps) > 0.5 * np.median(steps):
        least, most = 1000 * steps.min(), 1000 * steps.max()
        yield warning(f"the frames come at uneven times, {least:.0f} to {most:.0f} ms after each other.")


def _about_cuts(seen: Seen) -> Iterator[Issue | str]:
    """What the network sees of a frame."""
    look, (rows, columns) = seen.look, seen.faces.shape
    if not look.protocol.network.on_whole_face:
        yield "Eyes and mouth are cut out of every frame by its points."
    elif look.template is None:
        whole = f"The network sees the whole frame ({columns}x{rows} pixels)"
        yield f"{whole}, as in training; a face of another place and size is another picture to it. --crop face cuts."
    else:
        whose = look.like or "this package's synthetic clips (--like takes a frame of other clips)"
        yield f"The face is cut out, by one box a window, so that eyes and mouth lie as in {whose}."
    boxes = [window.box for window in seen.windows if window.box]
    beyond = sum(min(box) < 0 or box[1] > rows or box[3] > columns for box in boxes)
    if beyond:
        yield warning(
            f"the box of {counted(beyond, 'window')} reaches beyond the frame, whose border is repeated there."
        )


def _about_faces(seen: Seen) -> Iterator[Issue | str]:
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


def _about_levels(seen: Seen) -> Iterator[Issue]:
    """That the windows are standardised by their own levels."""
    if not seen.look.statistics:
        yield warning(
            "the weights file does not say by which mean and maximum its training clips were standardised. The windows "
            "are standardised by their own, so the probabilities may be off."
        )
