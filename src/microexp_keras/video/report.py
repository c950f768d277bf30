"""From what a network saw in a video to its report, as page, text, table, picture and summary, and to its caveats."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras.atomic import write_json, write_text
from microexp_keras.datasets.database import Database, trained_on
from microexp_keras.errors import SYNTHETIC_WEIGHTS, Issue, warning
from microexp_keras.results import plots
from microexp_keras.results.page import Bar, Figure, Report, Section, caveat, which_apply
from microexp_keras.results.predictions import FILE, PROBABILITY
from microexp_keras.results.scores import repeating
from microexp_keras.text import counted, either
from microexp_keras.video.annotate import annotate
from microexp_keras.video.windows import Seen
from microexp_keras.weights import WeightsFile

CAPTION = "Probabilities are not calibrated, and no class says that nothing happens."
FILES = ("report.txt", FILE, "summary.json", "timeline.png")


def write(folder: Path, seen: Seen, about: Mapping[str, Any], annotated: bool) -> Report:
    """Write the report of a prediction into its folder, with the annotated video if asked for, and return it."""
    look, protocol, source = seen.look, seen.look.protocol, seen.source
    title, notes = f"{protocol.network.title} on {source.path.name}", all_notes(seen)
    times = seen.times[[(window.first, window.last + 1) for window in seen.windows]]
    caption = " ".join([*map(str, about_weights(look.file, protocol.database)), CAPTION])
    names = protocol.database.class_names
    plots.timeline(times, seen.probabilities, names, folder / "timeline.png", title, caption)
    write_text(folder / FILE, _table(seen, times))
    over_time = Figure.of(folder / "timeline.svg", "Probability of each class over time.", wide=True)
    sections = [Section("Over time", figures=[over_time])]
    if annotated:
        annotate(seen, folder / "annotated.webm")
        video = Figure("annotated.webm", wide=True, video=True)
        remark = "It lies beside this page. Passed on alone, the page shows no face:"
        sections.append(Section("Video", figures=[video], remark=remark, files=["annotated.webm"]))
    summary = {
        **about,
        "weights": look.file.path,
        "trained": look.file.metadata,
        "source": str(source.path),
        "frames": seen.faces.frames,
        "frames_per_second": seen.rate,
        "windows": len(seen.windows),
        "windows_without_prediction": sum(bool(window.gap) for window in seen.windows),
        "statistics": {name: levels._asdict() for name, levels in seen.statistics.items()},
        "notes": [*map(str, notes)],
    }
    write_json(folder / "summary.json", summary)
    sections.append(repeating(about, {"weights": look.file.path, "video": str(source.path)}, FILES))
    report = Report(title, notes, _verdict(seen), sections, _bars(seen))
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
    names = seen.look.protocol.database.class_names
    there = seen.probabilities[~np.isnan(seen.probabilities[:, 0])].astype(float)
    counts = np.bincount(there.argmax(axis=1), minlength=len(names))
    said = [f"mean probability; most probable in {counted(count, 'window')}" for count in counts]
    means = there.mean(axis=0).tolist()
    return [Bar(name, f"{mean:.3f}", mean, one) for name, mean, one in zip(names, means, said, strict=True)]


def _table(seen: Seen, times: np.ndarray) -> str:
    """Return predictions.csv: a row for each window."""
    import pandas

    names = np.array(seen.look.protocol.database.class_names)
    windows = pandas.DataFrame(seen.windows)
    table = windows[["first", "last"]].add_suffix("_frame").rename_axis("window")
    table[["start_s", "end_s"]] = np.char.mod("%.3f", times)
    table["predicted"] = np.where(windows.gap.isna(), names[np.nan_to_num(seen.probabilities).argmax(axis=1)], "")
    table[[*map(PROBABILITY.format, names)]] = seen.probabilities
    return table.assign(reason=windows.gap).to_csv(lineterminator="\n")


def all_notes(seen: Seen) -> list[Issue]:
    """Return all caveats, the worst first."""
    file, names = seen.look.file, seen.look.protocol.database.class_names
    predicted = seen.probabilities[~np.isnan(seen.probabilities[:, 0])].argmax(axis=1)
    one_answer = caveat("one_answer", name=names[predicted[0]], windows=len(predicted))
    return [
        *[one_answer] * (len(predicted) > 1 and len({*predicted}) == 1),
        *about_weights(file, seen.look.protocol.database),
        *([warning(file.assumption)] if file.assumption else []),
        *_about_time(seen),
        *_about_faces(seen),
        *([] if seen.look.statistics else [caveat("windows_levels")]),
        caveat("uncalibrated"),
        caveat("no_expression", classes=either(names)),
    ]


def about_weights(file: WeightsFile, database: Database) -> list[Issue]:
    """What is known of the weights: only what they say, and only what has the right type."""
    trained, name = file.metadata, Path(file.path).name
    if not trained.get("dataset"):
        return [caveat("weights_say_nothing", file=name, database=database.title)]
    synthetic, known_one = trained.get("synthetic") is True, trained_on(trained)
    named = f"clips that call themselves {str(trained['dataset'])[:40]!a}"
    epoch, accuracy = trained.get("epoch"), trained.get("val_accuracy")
    success = ". It does not say how well it did."
    if isinstance(accuracy, float) and 0 <= accuracy <= 1:
        success = f": validation accuracy {accuracy:.1%}, which is optimistic, as the epoch was chosen by it."
    said = {
        "origin": known_one.origin(synthetic) if known_one else named,
        "protocol": ascii(str(trained.get("protocol"))[:40]),
        "epoch": f", epoch {epoch}" if isinstance(epoch, int) else "",
    }
    known = caveat("weights_trained", file=name, success=success, **said)
    return [known, SYNTHETIC_WEIGHTS if synthetic else caveat("weights_elsewhere")]


def _about_time(seen: Seen) -> list[Issue]:
    """How the time that a window covers compares with that of training, and whether frames come evenly."""
    rate, protocol = seen.rate, seen.look.protocol
    frames, trained, recordings = protocol.frames, protocol.database.frames_per_second, protocol.database.recordings
    if protocol.sampling == "interpolate":
        compared = f". In training whole clips were brought to {frames} frames: movements look otherwise here."
    elif trained is None:
        compared = f". At how many {recordings} was filmed is not known: movements may look too fast."
    else:
        compared = f", and {frames / trained:.2f} s at the {trained} of {recordings}."
        if abs(trained / rate - 1) > 0.1:
            compared += f" So movements look {trained / rate:.1f} times as fast to the network as in that database."
    steps = 1000 * np.diff(seen.times[:-1])
    return which_apply(
        {
            caveat("time", frames=frames, seconds=frames / rate, rate=rate, compared=compared): True,
            caveat("no_rate", rate=rate): not seen.look.fps and not seen.source.rate,
            caveat("uneven_times", least=steps.min(), most=steps.max()): np.ptp(steps) > 0.5 * np.median(steps),
        }
    )


def _about_faces(seen: Seen) -> list[Issue]:
    """What the network sees of a frame, where the face was looked for, and which frames nobody saw."""
    look, faces, (rows, columns) = seen.look, seen.faces, seen.faces.shape
    whose = look.like or "this package's synthetic clips (--like takes a frame of other clips)"
    whole_face = look.protocol.network.on_whole_face
    boxes = [window.box for window in seen.windows if window.box]
    beyond = sum(min(box) < 0 or box[1] > rows or box[3] > columns for box in boxes)
    missed, several = np.count_nonzero(faces.counts == 0), np.count_nonzero(faces.counts > 1)
    found = f"all but {missed}" if missed else "all"
    left, fault = faces.frames - 1 - seen.windows[-1].last, seen.source.fault
    return which_apply(
        {
            caveat("regions"): not whole_face,
            caveat("whole_frame", columns=columns, rows=rows): whole_face and look.template is None,
            caveat("cut_out", whose=whose): look.template is not None,
            caveat("beyond", windows=counted(beyond, "window")): beyond,
            caveat("looks", looks=len(faces.looks), frames=faces.frames, every=look.every, found=found): True,
            caveat("several_faces", looks=counted(several, "look")): several,
            caveat("left_over", frames=counted(left, "frame")): left,
            caveat("video_damaged", frames=counted(faces.frames, "frame"), fault=fault): fault,
        }
    )
