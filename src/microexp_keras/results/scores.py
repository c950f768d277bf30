"""From predictions to scores, figures, files, and the report of a run or of an evaluation."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas

from microexp_keras import metrics, protocols
from microexp_keras.atomic import write_json, write_text
from microexp_keras.errors import Issue
from microexp_keras.paper.published import published_value
from microexp_keras.protocols import Protocol
from microexp_keras.results import plots
from microexp_keras.results.page import Bar, Figure, Json, Report, Section, Table, caveat
from microexp_keras.results.predictions import FILE, Predictions
from microexp_keras.text import counted, number

WRONG = 30  # wrong predictions that are listed; the others are counted

#: Protocols that the run's is compared with: the original's, and the one that tests on unseen subjects.
COMPARED = ("upstream", "loso")


def write(
    folder: Path,
    title: str,
    notes: Sequence[Issue],
    predictions: Predictions,
    about: Json,
    protocol: Protocol | None = None,
    history: Sequence[dict[str, Any]] = (),
    **more: Any,
) -> tuple[Report, dict[str, Any]]:
    """Write scores, figures, predictions and report into a folder; return the report and the contents of scores.json.

    Intervals over subjects are given if all subjects are known. `about` are the contents of config.json, of an
    evaluation `more`, which goes into scores.json; `protocol` and `history`, its curves, are those of a run.
    """
    names, true, probabilities = predictions.class_names, predictions.true, predictions.probabilities
    scores, over_subjects = predictions.scores, None
    if None not in predictions.subjects and len({*predictions.subjects}) > 1:
        known = [*map(str, predictions.subjects)]
        over_subjects = metrics.subject_intervals(true, predictions.predicted, known, len(names))
    if scores.collapsed_to:  # which says more than what is known of validation clips
        others = [note for note in notes if note.level != "collapsed"]
        notes = [caveat("constant", name=scores.collapsed_to), *others]
    values = {"title": title, "notes": [*map(str, notes)], **more, **scores.as_json()}
    values["intervals_over_subjects"] = metrics.for_json(over_subjects)
    if parts := _of_each_database(predictions):
        values["databases"] = parts
    write_json(folder / "scores.json", values)
    matrix = {"class_names": names, "rows": "true", "columns": "predicted", "counts": scores.confusion}
    write_json(folder / "confusion_matrix.json", matrix)
    plots.confusion_matrix(scores, folder / "confusion_matrix.png", title)
    plots.roc(true, probabilities, names, folder / "roc.png", title)
    plots.calibration(true, probabilities, folder / "calibration.png", title)
    if history:
        best_epoch = more["folds"][0]["epoch"] if len(more["folds"]) == 1 else None
        plots.curves(history, folder / "curves.png", best_epoch, scores.majority_rate, title)
    write_text(folder / FILE, predictions.frame().to_csv(index=False, lineterminator="\n"))
    training, how = [], []
    if protocol:
        training = [*_training(folder, values), _saliency(folder, values)]
        how = [*_folds(values, about, predictions), _settings(protocol), *_paper(values, about, protocol)]
    sections = [_classes(folder, values, predictions), *_databases(values), *training, *_subjects(predictions)]
    sections += [_wrong(predictions), *how, _repeating(values, about, protocol is not None)]
    report = Report(title, notes, _verdict(values, about, protocol), sections, *_bars(values))
    report.write(folder)
    return report, values


def _of_each_database(predictions: Predictions) -> dict[str, dict[str, Any]]:
    """Score each database's own clips, of predictions on clips of several: scores as JSON, and how many `subjects`."""
    parts, databases = {}, np.array(predictions.databases, object)
    for name in sorted({*databases} - {None}):
        own = databases == name
        scores = metrics.score(predictions.true[own], predictions.predicted[own], predictions.class_names)
        people = {*np.array(predictions.subjects, object)[own]} - {None}
        parts[name] = {**scores.as_json(), "subjects": len(people)}
    return parts


def _verdict(scores: Json, about: Json, protocol: Protocol | None) -> str:
    majority, (low, high) = scores["majority_rate"], scores["accuracy_interval"]
    where = "below" if majority < low else "above" if majority > high else "within"
    said = f"The majority-class baseline lies {where} the interval of the accuracy."
    if protocol is None:
        return said
    if not protocol.unseen_subjects:
        return said + " Training and test may share subjects: this is not accuracy on unseen people."
    if about["settings"]["weights"]:
        return said + " The initial weights may have been trained on test subjects."
    return said + " No test subject was seen in training or validation."


def _bars(scores: Json) -> tuple[list[Bar], str]:
    """Return accuracy, UF1 and UAR with their intervals, and what these are or why some are missing."""
    over, wilson, majority = scores["intervals_over_subjects"], scores["accuracy_interval"], scores["majority_rate"]
    ends: dict[str, Any] = dict.fromkeys(("accuracy", "uf1", "uar"))
    said = dict.fromkeys(ends, "")
    for key in ends if over else ():
        ends[key] = None if over[key][0] is None else over[key]
        undefined = "n/a" if key in over["zero_width"] else "undefined"
        said[key] = "over subjects " + ("{:.3f} to {:.3f}".format(*ends[key]) if ends[key] else undefined)
    text = (
        f"{scores['correct']}/{scores['clips']}; Wilson 95 % interval {wilson[0]:.1%} to {wilson[1]:.1%}; "
        f"majority-class baseline ({scores['majority_class']}): {majority:.1%}; {said['accuracy']}"
    )
    accuracy, text = scores["accuracy"], text.removesuffix("; ")
    bars = [
        Bar("accuracy", f"{accuracy:.2%}", accuracy, text, wilson, ends["accuracy"], majority),
        *(Bar(key.upper(), number(scores[key]), scores[key], said[key], None, ends[key]) for key in ("uf1", "uar")),
    ]
    about = "Wilson's interval assumes independent clips."
    if over:
        draws = f"{over['resamples']} bootstrap draws of {counted(over['subjects'], 'subject')}"
        about += f" Those over subjects are 95 % intervals of {draws}"
        if over["lacking"]:
            about += f"; UF1 and UAR without the {counted(over['lacking'], 'draw')} that lack a class"
        about += "; n/a: a zero-width interval is uninformative." if over["zero_width"] else "."
    return bars, " ".join([about, *(f"Undefined: {reason}." for reason in scores["undefined"])])


def _classes(folder: Path, scores: Json, predictions: Predictions) -> Section:
    """Confusion matrix with the rates of each class, ROC and calibration."""
    names, confusion = scores["class_names"], np.array(scores["confusion"])
    answered = confusion.sum(axis=0)
    precision = confusion.diagonal() / np.where(answered, answered, np.nan)
    rates = zip(scores["recall"], precision, scores["f1"], strict=True)
    rows = [
        [name, *map(str, counts), *(number(rate, 3) for rate in of_class)]
        for name, counts, of_class in zip(names, scores["confusion"], rates, strict=True)
    ]
    pooled = " Probabilities pooled over the folds." if len({*predictions.folds}) > 1 else ""
    alt, under = "Accuracy against the probability of the predicted class.", "points below the line are overconfident."
    figures = [
        Figure.of(folder / "confusion_matrix.svg", "Confusion matrix: the table above.", "Confusion matrix."),
        Figure.of(folder / "roc.svg", "ROC curve of each class.", f"One class against the rest.{pooled}"),
        Figure.of(folder / "calibration.svg", alt, f"Calibration: {under}"),
    ]
    table = Table(["true / predicted", *names, "recall", "precision", "F1"], rows)  # a class may be called F1, too
    return Section("Scores by class", tables=[table], figures=figures)


def _databases(scores: Json) -> list[Section]:
    rows = [
        {
            "database": name,
            "clips": part["clips"],
            "subjects": part["subjects"],
            "accuracy": f"{part['accuracy']:.2%}",
            "Wilson 95 % interval": "{:.1%} to {:.1%}".format(*part["accuracy_interval"]),
            "majority rate": f"{part['majority_rate']:.1%} ({part['majority_class']})",
            "UF1": number(part["uf1"]),
            "UAR": number(part["uar"]),
        }
        for name, part in scores.get("databases", {}).items()
    ]
    said = "The scores above are of all databases together; below, each database's own clips:"
    return [Section("Each database", said, [Table.of(rows)])] if rows else []


def _training(folder: Path, scores: Json) -> list[Section]:
    """Loss and accuracy over the epochs."""
    first, *others = scores["folds"]
    if not first["epochs"]:
        return []
    caption = "Mean over the folds. Each fold has its history.csv." if others else "The numbers are in history.csv."
    best = "" if others else f" The weights of epoch {first['epoch']} are scored."
    alt = f"Training and validation loss and accuracy after each epoch.{best}"
    return [Section("Training", figures=[Figure.of(folder / "curves.svg", alt, caption, wide=True)])]


def _saliency(folder: Path, scores: Json) -> Section:
    """Saliency of the first fold, of which the first input is shown at once."""
    first, *others = scores["folds"]
    sheets = first["saliency"]["sheets"]
    if not sheets:
        return Section("Saliency", f"Not drawn: {first['saliency']['missing']}")
    caption = (
        f"Test clips{' of the first fold' if others else ''} of every class, wrong predictions first. Marked are the "
        "5 % of the pixels with the largest gradient of the predicted class's logit. The heat map is smoothed."
    )
    alts = [f"Saliency, {sheet['input']}: {'; '.join(sheet['clips'])}." for sheet in sheets]
    paths = [folder / first["folder"] / sheet["file"] for sheet in sheets]
    figures = [Figure.of(path, alt, caption) for path, alt in zip(paths, alts, strict=True)]
    return Section("Saliency", figures=figures, folded=", ".join(sheet["input"] for sheet in sheets[1:]))


def _subjects(predictions: Predictions) -> list[Section]:
    hits = pandas.Series(predictions.correct).groupby(pandas.Series(predictions.subjects)).agg(["size", "sum"])
    rows = [
        {"subject": name, "clips": clips, "correct": right, "accuracy": f"{right / clips:.0%}"}
        for name, clips, right in sorted(hits.itertuples(), key=lambda row: (len(row[0]), row[0]))
    ]
    several = len(rows) > 1
    return [Section("Subjects", tables=[Table.of(rows)], folded=f"{len(rows)} subjects")] if several else []


def _wrong(predictions: Predictions) -> Section:
    """List wrong predictions, most confident first."""
    frame = predictions.frame()[["clip", "subject", "true", "predicted"]].fillna("")
    frame["probability"] = predictions.probabilities.max(axis=1)
    wrong = frame[~predictions.correct].sort_values("probability", ascending=False, kind="stable")
    more = f" {len(wrong) - WRONG} more are not shown here." if len(wrong) > WRONG else ""
    said = f"{len(wrong)} of {counted(len(frame), 'clip')}{', most confident first' * (len(wrong) > 0)}.{more}"
    rows = wrong[:WRONG].assign(probability=wrong["probability"].map("{:.3f}".format)).to_dict("records")
    tables, folded = ([Table.of(rows)], counted(len(rows), "clip")) if rows else ([], "")
    return Section("Wrong predictions", said, tables, remark="All predictions:", files=[FILE], folded=folded)


def _folds(scores: Json, about: Json, predictions: Predictions) -> list[Section]:
    rows = [
        {
            "fold": fold["fold"],
            "test subject": ", ".join(fold["subjects"]),
            **{part: parts[part]["clips"] for part in ("train", "validation", "test")},
            "correct": predictions.correct[np.array(predictions.folds) == fold["fold"]].sum(),
            "epoch": fold["epoch"],
            "collapsed to": fold["collapsed_to"],
        }
        for fold, parts in zip(scores["folds"], about["folds"], strict=True)
    ]
    return [Section("Folds", tables=[Table.of(rows)], folded=f"{len(rows)} folds")] if len(rows) > 1 else []


def _settings(protocol: Protocol) -> Section:
    """The settings in which the protocol differs from others; all, where there are no others."""
    there = protocols.of(protocol.model, protocol.database)
    chosen = [protocol, *(other for other in there if other.name in COMPARED and other != protocol)]
    (first, own, *others), *rows = protocols.side_by_side(chosen, everything=len(chosen) == 1)
    said = "Settings that differ:" if others else "All settings:"
    return Section("Protocol", said, [Table([first, f"this run: {own}", *others], rows, shaded=True)])


def _paper(scores: Json, about: Json, protocol: Protocol) -> list[Section]:
    if not protocol.database.in_paper or protocol.network.is_own:
        return []
    published = published_value(protocol)
    ours = f"protocol {protocol.name}: {protocols.ABOUT[protocol.name]}"
    remark = "They are comparable only if clips, labels and protocol are the same."
    if about["data"]["synthetic"]:
        ours, remark = f"synthetic clips; {ours}", "They are not comparable: the clips of this run are synthetic."
    rows = [
        ["the paper, Table V", published.printed, f"{protocol.database.title}; {published.meaning}"],
        ["this run", f"{scores['accuracy']:.2%}", ours],
    ]
    return [Section("What the paper reports", tables=[Table(["", "accuracy", "what it is"], rows)], remark=remark)]


def _repeating(scores: Json, about: Json, is_run: bool) -> Section:
    files = ["report.txt", "scores.json"]
    if not is_run:
        return repeating(about, {"weights": scores["weights"]}, files)
    data, settings = about["data"], about["settings"]
    counts = ", ".join(f"{count} {name}" for name, count in data["clips_per_class"].items())
    own = {
        "seed": str(settings["seed"]),
        "data": settings["data"],
        "clips": f"{data['clips']} ({counts}) of {counted(data['subjects'], 'subject')}",
        "data fingerprint": data["fingerprint"],
    }
    devices = {device for fold in scores["folds"] for device in fold["devices"] or ()}
    return repeating(about, own, [*files, "config.json"], devices)


def repeating(about: Json, own: Mapping[str, str], files: Sequence[str], devices: Collection[str] = ()) -> Section:
    """The command, versions and machine that repeat the numbers, see `runs.provenance`, and `own` rows of a table."""
    machine = about["machine"]
    rows = {
        "command": about["command"],
        "started": about["started"],
        **own,
        "commit": about["commit"] or f"none: {about.get('commit_missing') or 'not run from a checkout'}",
        "versions": ", ".join(f"{name} {version}" for name, version in about["versions"].items()),
        "machine": f"{machine['system']}, {machine['cores']} cores",
        "computed on": ", ".join(sorted(devices or machine["devices"] or ["unknown"])),
    }
    tables = [Table([], list(rows.items()))]
    return Section("How to repeat it", tables=tables, remark="The same as files:", files=files, page_only=True)
