"""From predictions to scores, figures, files, and the report of a run or of an evaluation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas

from microexp_keras import metrics, protocols
from microexp_keras.atomic import write_json
from microexp_keras.notes import Note
from microexp_keras.paper.published import published_value
from microexp_keras.protocols import Protocol
from microexp_keras.results import plots
from microexp_keras.results.page import Bar, Figure, Json, Report, Section, Table
from microexp_keras.results.predictions import FILE, Predictions
from microexp_keras.text import counted, number

WRONG = 30  # wrong predictions that are listed; the others are counted

COMPARED = ("upstream", "loso")
"""Protocols that the run's is compared with: the original's, and the one that tests on unseen subjects."""


def write(
    folder: Path,
    title: str,
    notes: Sequence[Note | str],
    predictions: Predictions,
    about: Json,
    protocol: Protocol | None = None,
    seconds: float | None = None,
    **more: Any,
) -> tuple[Report, dict[str, Any]]:
    """Write scores, figures, predictions and report into a folder; return the report and the contents of scores.json.

    Intervals over subjects are given if all subjects are known. `about`, `protocol` and `seconds` are those of
    `describe`, `more` goes into scores.json.
    """
    names, true, probabilities = predictions.class_names, predictions.true, predictions.probabilities
    scores, over_subjects = predictions.scores, None
    known = [subject for subject in predictions.subjects if subject is not None]
    if len(known) == len(true) and len(set(known)) > 1:
        over_subjects = metrics.subject_intervals(true, predictions.predicted, known, len(names))
    all_notes = [Note.of(note) for note in notes]
    if scores.collapsed_to:  # which says more than what is known of validation clips
        text = f": {scores.collapsed_to} was predicted for every clip, so this is the score of a constant classifier."
        all_notes = [Note("collapsed", text), *(note for note in all_notes if note.level != "collapsed")]
    values = {"title": title, "notes": [note.render() for note in all_notes], **more, **scores.as_json()}
    values["intervals_over_subjects"] = metrics.for_json(over_subjects)
    if parts := _of_each_database(predictions):
        values["databases"] = parts
    write_json(folder / "scores.json", values)
    matrix = {"class_names": names, "rows": "true", "columns": "predicted", "counts": scores.confusion}
    write_json(folder / "confusion_matrix.json", matrix)
    plots.confusion_matrix(scores, folder / "confusion_matrix.png", title)
    plots.roc(true, probabilities, names, folder / "roc.png", title)
    plots.calibration(true, probabilities, folder / "calibration.png", title)
    predictions.write(folder)
    report = describe(folder, values, all_notes, predictions, about, protocol, seconds)
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


def describe(
    folder: Path,
    scores: Json,
    notes: Sequence[Note],
    predictions: Predictions,
    about: Json,
    protocol: Protocol | None = None,
    seconds: float | None = None,
) -> Report:
    """Say all that there is to say of a run, of which there is a protocol, or of an evaluation.

    The folder has the figures; `scores` are the contents of scores.json, `about` those of config.json, or of an
    evaluation of scores.json. `seconds`: how long training took, of a method that is trained in epochs.
    """
    sections = [_classes(folder, scores, predictions), *_databases(scores)]
    if protocol:
        sections += [*_training(folder, scores), _saliency(folder, scores)]
    sections += [*_subjects(predictions), _wrong(predictions)]
    if protocol:
        sections += [*_folds(scores, about, predictions), _settings(protocol), *_paper(scores, about, protocol)]
    sections.append(_repeating(scores, about, seconds, protocol is not None))
    bars, about_bars = _bars(scores)
    return Report(scores["title"], notes, _verdict(scores, about, protocol), sections, bars, about_bars)


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
    bars = []
    for key in ("accuracy", "uf1", "uar"):
        ends = over and (None if over[key][0] is None else over[key])
        of_subjects = f"over subjects {ends[0]:.3f} to {ends[1]:.3f}" if ends else "over subjects undefined"
        if over and key in over["zero_width"]:
            of_subjects = "over subjects n/a"
        said = of_subjects if over else ""
        if key == "accuracy":
            counts = f"{scores['correct']}/{scores['clips']}; Wilson 95 % interval {wilson[0]:.1%} to {wilson[1]:.1%}"
            baseline = f"majority-class baseline ({scores['majority_class']}): {majority:.1%}"
            said = "; ".join(filter(None, [counts, baseline, said]))
            bars.append(Bar(key, f"{scores[key]:.2%}", scores[key], wilson, ends, said, majority))
        else:
            bars.append(Bar(key.upper(), number(scores[key]), scores[key], None, ends, said, None))
    said = "Wilson's interval assumes independent clips."
    if over:
        said += f" Those over subjects are 95 % intervals of {over['resamples']} bootstrap draws of "
        said += counted(over["subjects"], "subject")
        if over["lacking"]:
            said += f"; UF1 and UAR without the {counted(over['lacking'], 'draw')} that lack a class"
        said += "; n/a: a zero-width interval is uninformative." if over["zero_width"] else "."
    return bars, " ".join([said, *(f"Undefined: {reason}." for reason in scores["undefined"])])


def _classes(folder: Path, scores: Json, predictions: Predictions) -> Section:
    """Confusion matrix with the rates of each class, ROC and calibration."""
    names, rows = scores["class_names"], []
    predicted = np.sum(scores["confusion"], axis=0).tolist()
    for label, (name, counts) in enumerate(zip(names, scores["confusion"], strict=True)):
        precision = counts[label] / predicted[label] if predicted[label] else None
        rates = [scores["recall"][label], precision, scores["f1"][label]]
        rows.append([name, *map(str, counts), *(number(rate, 3) for rate in rates)])
    pooled = " Probabilities pooled over the folds." if len({*predictions.folds}) > 1 else ""
    alt, under = "Accuracy against the probability of the predicted class.", "points below the line are overconfident."
    figures = [
        Figure.of(folder / "confusion_matrix.svg", "Confusion matrix: the table above.", "Confusion matrix."),
        Figure.of(folder / "roc.svg", "ROC curve of each class.", f"One class against the rest.{pooled}"),
        Figure.of(folder / "calibration.svg", alt, f"Calibration: {under}"),
    ]
    table = Table(["true / predicted", *names, "recall", "precision", "F1"], rows)
    return Section("Scores by class", tables=[table], figures=figures)


def _databases(scores: Json) -> list[Section]:
    head = ["database", "clips", "subjects", "accuracy", "Wilson 95 % interval", "majority rate", "UF1", "UAR"]
    rows = []
    for name, part in scores.get("databases", {}).items():
        interval = "{:.1%} to {:.1%}".format(*part["accuracy_interval"])
        rates = [f"{part['accuracy']:.2%}", interval, f"{part['majority_rate']:.1%} ({part['majority_class']})"]
        rows.append([name, str(part["clips"]), str(part["subjects"]), *rates, number(part["uf1"]), number(part["uar"])])
    said = "The scores above are of all databases together; below, each database's own clips:"
    return [Section("Each database", said, [Table(head, rows)])] if rows else []


def _training(folder: Path, scores: Json) -> list[Section]:
    """Loss and accuracy over the epochs."""
    first, *others = scores["folds"]
    if not first["epochs"]:
        return []
    caption, best = "The numbers are in history.csv.", f" The weights of epoch {first['epoch']} are scored."
    if others:
        caption, best = "Mean over the folds, single folds thin. Each fold has its history.csv.", ""
    alt = f"Training and validation loss and accuracy after each epoch.{best}"
    return [Section("Training", figures=[Figure.of(folder / "curves.svg", alt, caption, wide=True)])]


def _saliency(folder: Path, scores: Json) -> Section:
    """Saliency of the first fold, of which the first input is shown at once."""
    first, *others = scores["folds"]
    caption = (
        f"Test clips{' of the first fold' if others else ''} of every class, wrong predictions first. Marked are the "
        "5 % of the pixels with the largest gradient of the predicted class's logit. The heat map is smoothed."
    )
    names, sheets = [], []
    for sheet in first["saliency"]["sheets"]:
        alt = f"Saliency, {sheet['input']}: {'; '.join(sheet['clips'])}."
        names.append(sheet["input"])
        sheets.append(Figure.of(folder / first["folder"] / sheet["file"], alt, caption))
    if not sheets:
        return Section("Saliency", f"Not drawn: {first['saliency']['missing']}")
    folded = Section(", ".join(names[1:]), figures=sheets[1:]) if sheets[1:] else None
    return Section("Saliency", figures=sheets[:1], folded=folded)


def _subjects(predictions: Predictions) -> list[Section]:
    hits = pandas.Series(predictions.correct).groupby(pandas.Series(predictions.subjects)).agg(["size", "sum"])
    rows = [[name, str(clips), str(right), f"{right / clips:.0%}"] for name, clips, right in hits.itertuples()]
    table = Table(["subject", "clips", "correct", "accuracy"], sorted(rows, key=lambda row: (len(row[0]), row[0])))
    return [Section("Subjects", folded=Section(f"{len(rows)} subjects", tables=[table]))] if len(rows) > 1 else []


def _wrong(predictions: Predictions) -> Section:
    """List wrong predictions, most confident first."""
    frame = predictions.frame()[["clip", "subject", "true", "predicted"]].fillna("")
    frame["probability"] = predictions.probabilities.max(axis=1)
    wrong = frame[~predictions.correct].sort_values("probability", ascending=False, kind="stable")
    said = f"{len(wrong)} of {counted(len(frame), 'clip')}{', most confident first' * (len(wrong) > 0)}."
    if len(wrong) > WRONG:
        said += f" {len(wrong) - WRONG} more are not shown here."
    rows = [[*map(str, texts), f"{probability:.3f}"] for *texts, probability in wrong[:WRONG].itertuples(index=False)]
    folded = Section(counted(len(rows), "clip"), tables=[Table([*frame], rows)]) if rows else None
    return Section("Wrong predictions", said, folded=folded, remark="All predictions:", files=[FILE])


def _folds(scores: Json, about: Json, predictions: Predictions) -> list[Section]:
    if len(scores["folds"]) < 2:
        return []
    rows = []
    for fold, parts in zip(scores["folds"], about["folds"], strict=True):
        correct = predictions.correct[np.array(predictions.folds) == fold["fold"]].sum()
        row = {"fold": fold["fold"], "test subject": ", ".join(fold["subjects"])}
        row |= {part: parts[part]["clips"] for part in ("train", "validation", "test")}
        row |= {"correct": correct, "epoch": fold["epoch"], "collapsed to": fold["collapsed_to"]}
        rows.append(row | {"standardised by": _levels(parts["statistics"])})
    table = pandas.DataFrame(rows, dtype=object).dropna(axis="columns", how="all").fillna("").astype(str)
    folded = Section(f"{len(rows)} folds", tables=[Table([*table], table.to_numpy().tolist())])
    return [Section("Folds", folded=folded)]


def _settings(protocol: Protocol) -> Section:
    """The protocol beside others: the settings that differ, and on demand all."""
    beside = [one for one in protocols.of(protocol.model, protocol.database) if one.name in COMPARED]
    chosen = [protocol, *(other for other in beside if other != protocol)]

    def beside_each_other(everything: bool) -> Table:
        [_, own, *others], *rows = protocols.side_by_side(chosen, everything)
        return Table(["", f"this run: {own}", *others], rows, shaded=True)

    everything = Section("all settings", tables=[beside_each_other(True)])
    if len(chosen) == 1:
        return Section("Protocol", folded=everything)
    return Section("Protocol", "Settings that differ:", [beside_each_other(False)], folded=everything)


def _paper(scores: Json, about: Json, protocol: Protocol) -> list[Section]:
    if not protocol.database.in_paper or protocol.network.is_own:
        return []
    published = published_value(protocol)
    ours = f"protocol {protocol.name}: {protocols.ABOUT[protocol.name]}"
    remark = "They are comparable only if clips, labels and protocol are the same."
    if about["data"]["synthetic"]:
        ours, remark = f"synthetic clips; {ours}", "They are not comparable: the clips of this run are synthetic."
    printed = f"{published.percent:.2f}%" if published.percent else ""
    rows = [
        ["the paper, Table V", printed, f"{protocol.database.title}; {published.meaning}"],
        ["this run", f"{scores['accuracy']:.2%}", ours],
    ]
    return [Section("What the paper reports", tables=[Table(["", "accuracy", "what it is"], rows)], remark=remark)]


def _repeating(scores: Json, about: Json, seconds: float | None, is_run: bool) -> Section:
    """The command and the versions that repeat the numbers."""
    machine, rows = about["machine"], {"command": about["command"], "started": about["started"]}
    if is_run:
        settings, data, folds = about["settings"], about["data"], about["folds"]
        counts = ", ".join(f"{count} {name}" for name, count in data["clips_per_class"].items())
        rows |= {
            "resumed": ", ".join(time["started"] for time in about["resumed"]) or "never",
            "seed": str(settings["seed"]),
            "data": settings["data"],
            "clips": f"{data['clips']} ({counts}) of {counted(data['subjects'], 'subject')}",
            "data fingerprint": data["fingerprint"],
            "standardised by": "see Folds" if len(folds) > 1 else _levels(folds[0]["statistics"]),
        }
        if seconds is not None:
            took = f"{seconds:.1f} s" if seconds < 120 else f"{int(seconds // 60)} min {seconds % 60:.0f} s"
            rows["training time"] = took + ", all folds together" * (len(folds) > 1)
    else:
        rows["weights"] = scores["weights"]
    devices = {device for fold in scores.get("folds", []) for device in fold["devices"] or ()} or machine["devices"]
    rows |= origin_rows(about)
    rows["machine"] = f"{machine['system']}, {machine['cores']} cores"
    rows["computed on"] = ", ".join(sorted(devices or ["unknown"]))
    files = ["report.txt", "scores.json", *(["config.json"] if is_run else [])]
    tables = [Table([], list(rows.items()))]
    return Section("How to repeat it", tables=tables, remark="The same as files:", files=files, page_only=True)


def origin_rows(about: Json) -> dict[str, str]:
    """Return commit and versions of where results come from, for a table; see `runs.provenance`."""
    return {
        "commit": about["commit"] or f"none: {about.get('commit_missing') or 'not run from a checkout'}",
        "versions": ", ".join(f"{name} {version}" for name, version in about["versions"].items()),
    }


def _levels(statistics: Json) -> str:
    levels = [f"{name}: mean {own['mean']:.3f}, maximum {own['max']:.0f}" for name, own in statistics.items()]
    return "; ".join(levels) or "the method itself"
