"""From the files of a run, or of an evaluation, to one HTML page for a person, complete in itself."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from microexp_keras.notes import Note
from microexp_keras.protocols import Protocol
from microexp_keras.results import html_run, html_scores
from microexp_keras.results.html_elements import Json, banners, notes_list, tag, write_page
from microexp_keras.text import from_cell


def write(folder: str | Path) -> Path:
    """Write `report.html` into the folder of a run or of an evaluation, from the files that it holds.

    The same files give the same page. It loads nothing: figures are within it, and it has no scripts.

    Parameters
    ----------
    folder : str or Path
        Has `scores.json`, `predictions.csv` and the figures of `text_report.write`; of a run also `config.json`,
        `curves.svg` and the sheets of saliency that `scores.json` names.

    Returns
    -------
    Path
    """
    folder = Path(folder)
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    config_path = folder / "config.json"
    config = json.loads(config_path.read_text(encoding="utf-8")) if config_path.exists() else None
    with open(folder / "predictions.csv", newline="", encoding="utf-8", errors="surrogateescape") as file:
        clips = [{name: from_cell(value) for name, value in row.items()} for row in csv.DictReader(file)]
    protocol = Protocol.from_json(config["protocol"]) if config else None
    notes = [Note.from_text(text) for text in scores["notes"]]
    parts = [
        *_head(scores, notes, config, protocol),
        *html_scores.scores_tables(scores),
        *html_scores.databases(scores),
        *html_scores.confusion_matrix(folder, scores),
        *html_scores.probabilities(folder, scores),
        *(html_run.curves(folder, scores) if config and (folder / "curves.svg").exists() else []),
        *notes_list(notes),
        *(html_run.saliency(folder, scores) if config else []),
        *(html_run.folds(scores, config, clips) if config and len(config["folds"]) > 1 else []),
        *(html_run.settings(protocol) if protocol else []),
        *html_scores.subjects(clips),
        *html_scores.wrong_predictions(clips),
        *(html_run.paper(scores, config, protocol) if config and protocol else []),
        *html_run.repeating(folder, scores, config),
    ]
    return write_page(folder / "report.html", scores["title"], parts)


def _head(scores: Json, notes: Sequence[Note], config: Json | None, protocol: Protocol | None) -> list[Element]:
    alarms = [note for note in notes if note.is_alarm]
    if constant := scores["collapsed_to"]:
        alarms = [note for note in alarms if note.level != "collapsed"]  # says less
        text = f": every clip was called {constant}. This is the score of that constant answer."
        alarms.insert(0, Note("collapsed", text))
    majority, (low, high) = scores["majority_rate"], scores["accuracy_interval"]
    verdict = (
        f"{scores['correct']} of {scores['clips']} clips are called right: accuracy {scores['accuracy']:.2%}, Wilson "
        f"95 % interval {low:.1%} to {high:.1%}; always answering {scores['majority_class']} would score "
        f"{majority:.2%}, which lies {'below' if majority < low else 'above' if majority > high else 'within'} that "
        "interval."
    )
    people = ""
    if config and protocol:
        people = " The network has seen none of the people that are scored."
        if config["settings"]["weights"]:
            people = " The weights that it was started from may have seen the people that are scored."
        if not protocol.unseen_subjects:
            people = " The protocol does not keep people apart: this is not accuracy on new ones."
    return [tag("h1", scores["title"]), *banners(alarms), tag("p", verdict, people, kind="verdict")]
