"""From the files of a run, or of an evaluation, to one HTML page for a person, complete in itself."""

import csv
import importlib.resources
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from microexp_keras import protocols
from microexp_keras.atomic import write_text
from microexp_keras.datasets.database import get_database
from microexp_keras.models.networks import RIVALS, get_method
from microexp_keras.notes import Note
from microexp_keras.paper.cells import cell_of, constant_answer, table_5
from microexp_keras.paper.published import PAPER
from microexp_keras.paper.rivals import rival_value
from microexp_keras.protocols import Protocol
from microexp_keras.protocols.splits import SPLITS
from microexp_keras.results.html_elements import figure, table, tag
from microexp_keras.text import number

Json = dict[str, Any]
"""What scores.json or config.json holds."""

WRONG = 30  # wrong predictions that are listed; the others are counted

COMPARED = ("upstream", "loso")
"""Protocols that stand beside the run's: the original's, and the one that scores people never seen."""

PRINTED = {
    "stcnn": "the best of 100 epochs, chosen on the clips that it counts, whose people train too",
    "intermediate": "counts all clips, also those that train, and its epoch is chosen on the same",
    "late": "counts all clips, also those that train, and its epoch is chosen on the same",
}
"""What the paper's accuracy of each network is, as the original programs come to it."""


def write(folder: str | Path) -> Path:
    """Write `report.html` into the folder of a run or of an evaluation, from the files that it holds.

    The same files give the same page. It loads nothing: figures are within it, and it has no scripts.

    Parameters
    ----------
    folder : str or Path
        Has `scores.json`, `predictions.csv` and `confusion_matrix.svg`; of a run also `config.json`, `curves.svg` and
        the sheets of saliency that `scores.json` names.

    Returns
    -------
    Path
    """
    folder = Path(folder)
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    config_path = folder / "config.json"
    config = json.loads(config_path.read_text(encoding="utf-8")) if config_path.exists() else None
    with open(folder / "predictions.csv", newline="", encoding="utf-8", errors="surrogateescape") as file:
        clips = list(csv.DictReader(file))
    protocol = _protocol(config["protocol"]) if config else None
    notes = [Note.from_text(text) for text in scores["notes"]]
    style = importlib.resources.files("microexp_keras.results").joinpath("page.css").read_text(encoding="utf-8")
    parts = [
        *_head(scores, notes, config, protocol),
        *_scores(scores),
        *_confusion(folder, scores),
        *(_curves(folder, scores) if config and (folder / "curves.svg").exists() else []),
        *_notes(notes),
        *(_saliency(folder, scores) if config else []),
        *(_folds(scores, config, clips) if config and len(config["folds"]) > 1 else []),
        *(_settings(protocol) if protocol else []),
        *_wrong(clips),
        *(_paper(scores, config, protocol) if config and protocol else []),
        *_repeating(scores, config),
    ]
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # whatever a name holds, nothing is loaded
    page = tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", content=policy, **{"http-equiv": "Content-Security-Policy"}),
            tag("title", scores["title"]),
            tag("style", "\n" + style),
        ),
        tag("body", *parts),
        lang="en",
    )
    ElementTree.indent(page, "")
    path = folder / "report.html"
    write_text(path, "<!DOCTYPE html>\n" + ElementTree.tostring(page, encoding="unicode", method="html") + "\n")
    return path


def _protocol(record: Json) -> Protocol:
    """Return the protocol of a run, as its config.json has it."""
    own = {name: value for name, value in record.items() if name not in ("model", "dataset")} | {
        "network": get_method(record["model"]),
        "database": get_database(record["dataset"]),
        "kernel_size": tuple(record["kernel_size"]),
        "split": SPLITS[record["split"]],
    }
    return Protocol(**own)


def _head(scores: Json, notes: Sequence[Note], config: Json | None, protocol: Protocol | None) -> list[Element]:
    alarms = [note for note in notes if note.is_alarm]
    if constant := scores["collapsed_to"]:
        alarms = [note for note in alarms if note.level != "collapsed"]  # says less
        text = f": every clip was called {constant}. This is the score of that constant answer."
        alarms.insert(0, Note("collapsed", text))
    banners = [
        tag("p", *_loud(note), kind="banner synthetic" if note.level == "synthetic" else "banner") for note in alarms
    ]
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
    return [tag("h1", scores["title"]), *banners, tag("p", verdict, people, kind="verdict")]


def _scores(scores: Json) -> list[Element]:
    over = scores["intervals_over_subjects"] or {}
    rows = [
        [
            "accuracy",
            number(scores["accuracy"]),
            _interval(scores["accuracy_interval"]),
            _interval(over.get("accuracy")),
        ],
        ["UF1", number(scores["uf1"]), "", _interval(over.get("uf1"))],
        ["UAR", number(scores["uar"]), "", _interval(over.get("uar"))],
        [f"always {scores['majority_class']}", number(scores["majority_rate"]), "", ""],
    ]
    confusion = scores["confusion"]
    called, right = map(sum, zip(*confusion, strict=True)), [row[label] for label, row in enumerate(confusion)]
    counts = [map(str, column) for column in (map(sum, confusion), called, right)]
    columns = [scores["class_names"], *counts, *(map(number, scores[name]) for name in ("recall", "f1"))]
    remark = "Intervals over subjects need clips of at least two known subjects."
    if over:
        remark = f"Over subjects: {over['resamples']} draws of {over['subjects']} subjects with all their clips."
        if over["lacking"]:
            remark += f" {over['lacking']} draws lack a class and do not count for UF1 and UAR."
    return [
        tag("h2", "Scores"),
        table(["", "value", "Wilson 95 % interval", "95 % interval over subjects"], rows),
        table(["class", "clips", "called so", "right", "recall", "F1"], zip(*columns, strict=True)),
        *[tag("p", f"Undefined: {reason}.") for reason in scores["undefined"]],
        tag(
            "p",
            f"Wilson's interval takes clips as independent, which those of one person are not. {remark}",
            kind="soft",
        ),
    ]


def _confusion(folder: Path, scores: Json) -> list[Element]:
    names, said = scores["class_names"], []
    for name, counts in zip(names, scores["confusion"], strict=True):
        called = ", ".join(f"{count} called {other}" for count, other in zip(counts, names, strict=True))
        said.append(f"of {sum(counts)} {name} clips {called}")
    alt = f"Confusion matrix: {'; '.join(said)}."
    return [tag("h2", "Confusion matrix"), figure(folder / "confusion_matrix.svg", alt)]


def _curves(folder: Path, scores: Json) -> list[Element]:
    first, *others = scores["folds"]
    caption = "Mean of the folds; each has its history.csv." if others else "The numbers are in history.csv."
    best = "" if others else f" The weights of epoch {first['epoch']} are scored."
    alt = f"Loss and accuracy after each epoch, in training and on the clips that choose the epoch.{best}"
    return [tag("h2", "Training"), figure(folder / "curves.svg", alt, caption)]


def _notes(notes: Sequence[Note]) -> list[Element]:
    return [
        tag("h2", "What a reader must know"),
        tag("ul", *[tag("li", *_loud(note)) for note in notes]),
    ]


def _saliency(folder: Path, scores: Json) -> list[Element]:
    first, *others = scores["folds"]
    drawn = first["saliency"] or {"sheets": [], "missing": "an earlier version has trained this fold."}
    caption = (
        f"Some scored clips{' of the first fold' if others else ''}, wrong ones first. Marked are the 5 % of a clip's "
        "pixels that move the score (logit) of the called class most: where the network is sensitive, right or wrong."
    )
    here = (folder / first["weights"]).parent
    sheets = [
        figure(here / sheet["file"], f"Saliency, {sheet['input']}: {'; '.join(sheet['clips'])}.", caption)
        for sheet in drawn["sheets"]
    ]
    return [tag("h2", "Saliency"), *(sheets or [tag("p", f"Not drawn: {drawn['missing']}")])]


def _folds(scores: Json, config: Json, clips: list[dict[str, str]]) -> list[Element]:
    rows, left = [], iter(clips)
    for fold, parts in zip(scores["folds"], config["folds"], strict=True):
        own = [next(left) for _ in parts["score"]]
        right = sum(clip["true"] == clip["predicted"] for clip in own)
        who, sizes = ", ".join(fold["subjects"]), f"{len(parts['train'])}, {len(parts['select'])}"
        levels = _levels(parts["statistics"])
        rows.append(
            [
                str(fold["fold"]),
                who,
                sizes,
                f"{right}/{len(own)}",
                "" if fold["epoch"] is None else str(fold["epoch"]),
                fold["collapsed_to"] or "",
                levels,
            ]
        )
    head = ["fold", "scored", "clips train, choose", "right", "epoch", "collapsed to", "standardised by"]
    return [tag("h2", "Folds"), table(head, rows)]


def _settings(protocol: Protocol) -> list[Element]:
    beside = [protocols.get(name, protocol.model, protocol.dataset) for name in COMPARED]
    chosen = [protocol, *[other for other in beside if other != protocol]]
    [_, own, *others], *rows = protocols.side_by_side(chosen, everything=True)
    cells: list[list[Element | str]] = [
        [name, value, *[tag("td", other, kind="differs" if other != value else None) for other in rest]]
        for name, value, *rest in rows
    ]
    shaded = tag("p", "What differs from this run is shaded and bold.", kind="soft")
    return [tag("h2", "Protocol"), table(["", f"this run: {own}", *others], cells), shaded]


def _wrong(clips: list[dict[str, str]]) -> list[Element]:
    wrong = [clip for clip in clips if clip["true"] != clip["predicted"]]
    wrong.sort(key=lambda clip: -float(clip[clip["predicted"]]))
    names = ("clip", "subject", "true", "predicted")
    rows = [[*[clip[name] for name in names], f"{float(clip[clip['predicted']]):.3f}"] for clip in wrong[:WRONG]]
    listed = [table([*names, "probability"], rows)] if wrong else []
    said = f"{len(wrong)} of {len(clips)} clips" + (", the surest first. " if wrong else ". ")
    if len(wrong) > WRONG:
        said += f"{len(wrong) - WRONG} more are not shown here. "
    link = tag("a", "predictions.csv", href="predictions.csv")
    return [tag("h2", "Wrong predictions"), *listed, tag("p", said, "All predictions are in ", link, ".", kind="soft")]


def _paper(scores: Json, config: Json, protocol: Protocol) -> list[Element]:
    percent, what = _printed(protocol)
    rows = [
        ["the paper, Table V", percent, f"{protocol.database.title}; {what}"],
        ["this run", f"{scores['accuracy']:.2%}", f"protocol {protocol.name}: {protocols.ABOUT[protocol.name]}"],
    ]
    remark = "They compare as far as their clips, labels and protocols are the same, and no further."
    if config["data"]["synthetic"]:
        rows[1][2] = f"synthetic clips; {rows[1][2]}"
        remark = "They cannot be compared: the clips of this run are synthetic."
    return [tag("h2", "What the paper reports"), table(["", "accuracy", "what it is"], rows), tag("p", remark)]


def _printed(protocol: Protocol) -> tuple[str, str]:
    """Write the paper's accuracy of a method and what it is."""
    if protocol.model in RIVALS:
        value = rival_value(PAPER, protocol.network, protocol.dataset)
        return value.printed, value.meaning
    cell = cell_of(table_5(PAPER), protocol.model, protocol.dataset)
    answer = constant_answer(PAPER, cell.percent, cell)
    constant = f"; it is what always answering {answer} scores there" if answer else ""
    return f"{cell.percent:.2f}%", f"{PRINTED[protocol.model]}{constant}"


def _repeating(scores: Json, config: Json | None) -> list[Element]:
    record = config or scores
    machine, rows = record["machine"], {"command": record["command"], "started": record["started"]}
    if config:
        settings, data = config["settings"], config["data"]
        counts = ", ".join(f"{count} {name}" for name, count in data["clips_per_class"].items())
        several = len(config["folds"]) > 1
        rows |= {
            "resumed": ", ".join(time["started"] for time in config["resumed"]) or "never",
            "seed": str(settings["seed"]),
            "data": settings["data"] or ", ".join(settings["training_images"]),
            "clips": f"{data['clips']} ({counts}) of {data['subjects']} known subjects",
            "data fingerprint": data["fingerprint"],
            "standardised by": "see Folds" if several else _levels(config["folds"][0]["statistics"]),
        }
    else:
        rows["weights"] = scores["weights"]
    devices = {device for fold in scores.get("folds", []) for device in fold["devices"] or ()} or machine["devices"]
    rows |= {
        "commit": record["commit"] or "not run from a checkout",
        "versions": ", ".join(f"{name} {version}" for name, version in record["versions"].items()),
        "machine": f"{machine['system']}, {machine['cores']} cores",
        "computed on": ", ".join(sorted(devices or ["not known"])),
    }
    cells: list[list[Element | str]] = [[name, tag("td", tag("code", value))] for name, value in rows.items()]
    files = ["report.txt", "scores.json", *(["config.json"] if config else [])]
    links = [part for name in files for part in (" ", tag("a", name, href=name))]
    return [tag("h2", "How to repeat it"), table([], cells), tag("p", "The same as files:", *links, kind="soft")]


def _loud(note: Note) -> list[Element | str]:
    """Return a note, its head being bold."""
    return [tag("strong", note.head), note.text] if note.head else [note.text]


def _levels(statistics: dict[str, dict[str, float]]) -> str:
    levels = [f"{name}: mean {own['mean']:.3f}, maximum {own['max']:.0f}" for name, own in statistics.items()]
    return "; ".join(levels) or "nothing by this run"


def _interval(limits: Sequence[float | None] | None) -> str:
    if not limits:
        return "not known"
    return "undefined" if None in limits else f"{limits[0]:.4f} to {limits[1]:.4f}"
