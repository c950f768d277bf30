"""From what a network saw in a video to the files of its report: page, text, table, picture, summary."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras.atomic import write_json, write_text
from microexp_keras.models.networks import NETWORKS
from microexp_keras.notes import Note
from microexp_keras.results import plots
from microexp_keras.results.page import Bar, Figure, Report, Section, Table
from microexp_keras.results.predictions import FILE, probability_column
from microexp_keras.results.scores import origin_rows
from microexp_keras.text import counted
from microexp_keras.video.annotate import annotate
from microexp_keras.video.notes import about_weights, all_notes
from microexp_keras.video.watch import Seen

CAPTION = "Probabilities are not calibrated, and no class says that nothing happens."
FILES = ("report.txt", FILE, "summary.json", "timeline.png")


def write(folder: Path, seen: Seen, about: Mapping[str, Any], loading: float, annotated: bool) -> Report:
    """Write the report of a prediction into its folder, and return it.

    `about` says where it comes from, `loading` how many seconds loading the network took; `annotated` asks for the
    video with what was predicted drawn on it.
    """
    title = f"{NETWORKS[seen.look.protocol.model].title} on {seen.source.path.name}"
    notes, names = all_notes(seen), seen.look.protocol.database.class_names
    times = np.array([seen.span(window) for window in seen.windows])
    known = [Note.of(note).render() for note in about_weights(seen.look.file, seen.look.protocol.database)]
    plots.timeline(times, seen.probabilities, names, folder / "timeline.png", title, " ".join([*known, CAPTION]))
    write_text(folder / FILE, _table(seen))
    if annotated:
        annotate(seen, folder / "annotated.webm")
    write_json(folder / "summary.json", {**about, **_summary(seen, notes)})
    report = Report(title, notes, _verdict(seen), _sections(folder, seen, about, loading, annotated), _bars(seen))
    report.write(folder)
    return report


def _verdict(seen: Seen) -> str:
    """Say how many windows there are, and why some have no prediction."""
    gaps = Counter(re.sub(r"\d+", "N", window.gap) for window in seen.windows if window.gap)
    predicted = len(seen.windows) - gaps.total()
    said = (
        f"{counted(len(seen.windows), 'window')} of {seen.look.protocol.frames} frames, {predicted} with a prediction."
    )
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


def _summary(seen: Seen, notes: list[Note]) -> dict[str, Any]:
    look = seen.look
    return {
        "weights": look.file.path,
        "trained": look.file.metadata,
        "source": str(seen.source.path),
        "frames": seen.faces.frames,
        "frames_per_second": seen.rate,
        "window": look.protocol.frames,
        "stride": look.stride,
        "face_every": look.every,
        "windows": len(seen.windows),
        "windows_without_prediction": sum(bool(window.gap) for window in seen.windows),
        "statistics": {name: levels._asdict() for name, levels in (look.statistics or seen.levels).items()},
        "template": look.template and {"shape": look.template.shape, "anchors": look.template.anchors.tolist()},
        "seconds": {"all": sum(seen.seconds.values()), **seen.seconds},
        "notes": [note.render() for note in notes],
    }


def _sections(folder: Path, seen: Seen, about: Mapping[str, Any], loading: float, annotated: bool) -> list[Section]:
    alt = "Probability of each class over time, and the most probable class."
    sections = [Section("Over time", figures=[Figure.of(folder / "timeline.svg", alt, wide=True)])]
    if annotated:
        video = Figure("annotated.webm", wide=True, video=True)
        remark = "It lies beside this page. Passed on alone, the page shows no face:"
        sections.append(Section("Video", figures=[video], remark=remark, files=["annotated.webm"]))
    playing, took = float(seen.times[-1]), sum(seen.seconds.values())
    parts = ", ".join(f"{what} {seconds:.1f}" for what, seconds in seen.seconds.items())
    speed = (
        f"{seen.faces.frames} frames ({playing:.1f} s of video) in {took:.1f} s, {playing / took:.1f} times as fast as "
        f"they play: {parts}. Loading the network took {loading:.1f} s more."
    )
    repeated = {
        "command": about["command"],
        "started": about["started"],
        "weights": seen.look.file.path,
        "video": str(seen.source.path),
        **origin_rows(about),
    }
    tables = [Table([], list(repeated.items()))]
    repeating = Section("How to repeat it", tables=tables, remark="The same as files:", files=FILES, page_only=True)
    return [*sections, Section("Speed", speed), repeating]
