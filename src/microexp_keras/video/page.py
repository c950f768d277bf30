"""From what a network saw in a video to one HTML page for a person."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from microexp_keras.results.html_elements import banners, figure, notes_list, table, tag, write_page
from microexp_keras.text import counted, number
from microexp_keras.video.report import Viewing, all_notes, called_windows, gap_causes


def write(folder: Path, viewing: Viewing, about: Mapping[str, Any], annotated: bool) -> Path:
    """Write `report.html` into the folder of a prediction.

    Parameters
    ----------
    folder : Path
        Has `timeline.svg` and, if `annotated`, `annotated.webm`, which is played from there.
    viewing : Viewing
    about : dict
        Where the prediction comes from; see `runs.provenance`.
    annotated : bool

    Returns
    -------
    Path
    """
    notes = all_notes(viewing)
    parts = [
        tag("h1", viewing.title),
        *banners(note for note in notes if note.is_alarm),
        *_classes(viewing),
        tag("h2", "Over time"),
        figure(folder / "timeline.svg", "Probability of each class over time, and the most probable class.", wide=True),
        *(_video() if annotated else []),
        *notes_list(notes),
        *_repeating(viewing, about),
    ]
    return write_page(folder / "report.html", viewing.title, parts)


def _classes(viewing: Viewing) -> list[Element]:
    seen, names = viewing.seen, viewing.class_names
    called, means = called_windows(seen, names), np.nanmean(seen.probabilities, axis=0)
    rows = [
        [name, str(count), number(float(mean), 3)] for (name, count), mean in zip(called.items(), means, strict=True)
    ]
    said = f"{counted(len(seen.windows), 'window')} of {viewing.protocol.frames} frames, "
    said += f"{sum(called.values())} with a prediction."
    gaps = [f" No prediction in {count}: {cause}." for cause, count in gap_causes(seen).items()]
    return [
        tag("p", said, *gaps, kind="verdict"),
        table(["class", "windows called so", "mean probability, not calibrated"], rows),
    ]


def _video() -> list[Element]:
    link = tag("a", "annotated.webm", href="annotated.webm")
    video = tag("video", controls="", src="annotated.webm", preload="metadata")
    caption = tag("figcaption", "It lies beside this page as ", link, ". Passed on alone, the page shows no face.")
    return [tag("h2", "Video"), tag("figure", video, caption)]


def _repeating(viewing: Viewing, about: Mapping[str, Any]) -> list[Element]:
    values = {
        "command": about["command"],
        "started": about["started"],
        "weights": viewing.file.path,
        "video": str(viewing.clip.path),
        "commit": about["commit"] or f"none: {about.get('commit_missing') or 'not run from a checkout'}",
        "versions": ", ".join(f"{name} {version}" for name, version in about["versions"].items()),
    }
    cells: list[list[Element | str]] = [[name, tag("td", tag("code", str(value)))] for name, value in values.items()]
    files = ("report.txt", "predictions.csv", "summary.json", "timeline.png")
    links = [part for name in files for part in (" ", tag("a", name, href=name))]
    return [tag("h2", "How to repeat it"), table([], cells), tag("p", "The same as files:", *links, kind="soft")]
