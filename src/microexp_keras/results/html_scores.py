"""From scores.json and predictions.csv to the parts of a page about the scores."""

from pathlib import Path
from xml.etree.ElementTree import Element

from microexp_keras.results.html_elements import Json, figure, table, tag
from microexp_keras.results.text_report import OF_EACH, databases_rows, interval_over_subjects, same_in_all
from microexp_keras.text import counted, number

WRONG = 30  # wrong predictions that are listed; the others are counted


def scores_tables(scores: Json) -> list[Element]:
    """Make the tables of the scores and of the classes."""
    over = scores["intervals_over_subjects"] or {}
    rows = [
        [
            "accuracy",
            number(scores["accuracy"]),
            "{:.4f} to {:.4f}".format(*scores["accuracy_interval"]),
            _over(over, "accuracy"),
        ],
        ["UF1", number(scores["uf1"]), "", _over(over, "uf1")],
        ["UAR", number(scores["uar"]), "", _over(over, "uar")],
        [f"always {scores['majority_class']}", number(scores["majority_rate"]), "", ""],
    ]
    confusion = scores["confusion"]
    called = [sum(column) for column in zip(*confusion, strict=True)]
    right = [row[label] for label, row in enumerate(confusion)]
    counts = [map(str, column) for column in (map(sum, confusion), called, right)]
    precision = [hits / count if count else None for hits, count in zip(right, called, strict=True)]
    rates = [map(number, rate) for rate in (scores["recall"], precision, scores["f1"])]
    columns = [scores["class_names"], *counts, *rates]
    remark = "Intervals over subjects need clips of at least two known subjects."
    if over:
        remark = (
            f"Over subjects: {over['resamples']} draws of {counted(over['subjects'], 'subject')} with all their clips."
        )
        if over["lacking"]:
            remark += f" Without a class, hence not counted for UF1 and UAR: {counted(over['lacking'], 'draw')}."
        remark += same_in_all(over).lstrip(".")
    return [
        tag("h2", "Scores"),
        table(["", "value", "Wilson 95 % interval", "95 % interval over subjects"], rows),
        table(["class", "clips", "called so", "right", "recall", "precision", "F1"], zip(*columns, strict=True)),
        *[tag("p", f"Undefined: {reason}.") for reason in scores["undefined"]],
        tag(
            "p",
            f"Wilson's interval takes clips as independent, which those of one person are not. {remark}",
            kind="soft",
        ),
    ]


def databases(scores: Json) -> list[Element]:
    """Lay the scores of each database's own clips beside each other, if the clips are of several."""
    if "databases" not in scores:
        return []
    head, *rows = databases_rows(scores["databases"])
    return [tag("h2", "Each database"), tag("p", OF_EACH, kind="soft"), table(head, rows)]


def confusion_matrix(folder: Path, scores: Json) -> list[Element]:
    """Show the confusion matrix, with its numbers as alternative text."""
    names, said = scores["class_names"], []
    for name, counts in zip(names, scores["confusion"], strict=True):
        called = ", ".join(f"{count} called {other}" for count, other in zip(counts, names, strict=True))
        said.append(f"of {counted(sum(counts), f'{name} clip')} {called}")
    alt = f"Confusion matrix: {'; '.join(said)}."
    return [tag("h2", "Confusion matrix"), figure(folder / "confusion_matrix.svg", alt)]


def probabilities(folder: Path, scores: Json) -> list[Element]:
    """Show ROC curves and calibration, if the folder has those figures."""
    pooled = " Probabilities of the folds' networks, pooled." if len(scores.get("folds", [])) > 1 else ""
    shown = [
        figure(folder / name, alt, caption)
        for name, alt, caption in (
            ("roc.svg", "ROC curve of each class against the others.", f"Each class against the others.{pooled}"),
            (
                "calibration.svg",
                "How often the called class is right, against its probability.",
                "Points below the dotted line: surer than right. Few clips make wide bars.",
            ),
        )
        if (folder / name).exists()
    ]
    return [tag("h2", "Probabilities"), tag("div", *shown, kind="beside")] if shown else []


def subjects(clips: list[dict[str, str]]) -> list[Element]:
    """Count each known subject's clips and those called right."""
    whose = sorted({clip["subject"] for clip in clips} - {""}, key=lambda name: (len(name), name))
    if len(whose) < 2:
        return []
    rows = []
    for name in whose:
        own = [clip for clip in clips if clip["subject"] == name]
        right = sum(clip["true"] == clip["predicted"] for clip in own)
        rows.append([name, str(len(own)), str(right), f"{right / len(own):.0%}"])
    return [tag("h2", "Subjects"), table(["subject", "clips", "right", "accuracy"], rows)]


def wrong_predictions(clips: list[dict[str, str]]) -> list[Element]:
    """List wrong predictions, the most confident first."""
    wrong = [clip for clip in clips if clip["true"] != clip["predicted"]]
    wrong.sort(key=lambda clip: -float(clip[clip["predicted"]]))
    names = ("clip", "subject", "true", "predicted")
    rows = [[*[clip[name] for name in names], f"{float(clip[clip['predicted']]):.3f}"] for clip in wrong[:WRONG]]
    listed = [table([*names, "probability"], rows)] if wrong else []
    said = f"{len(wrong)} of {counted(len(clips), 'clip')}" + (", the surest first. " if wrong else ". ")
    if len(wrong) > WRONG:
        said += f"{len(wrong) - WRONG} more are not shown here. "
    link = tag("a", "predictions.csv", href="predictions.csv")
    return [tag("h2", "Wrong predictions"), *listed, tag("p", said, "All predictions are in ", link, ".", kind="soft")]


def _over(intervals: Json, name: str) -> str:
    return interval_over_subjects(intervals, name, 4) if intervals else "not known"
