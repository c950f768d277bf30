"""From scores to text: no accuracy stands without its interval and the majority rate."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras import metrics
from microexp_keras.atomic import write_json, write_text
from microexp_keras.metrics import Scores
from microexp_keras.notes import Note
from microexp_keras.protocols import Protocol
from microexp_keras.results import plots
from microexp_keras.text import cell, counted, number, plain, span

if TYPE_CHECKING:
    from microexp_keras.training.history import Outcome


OF_EACH = "The scores above are of all databases together. Of the same predictions, each database's own clips:"


def accuracy_line(scores: Scores) -> str:
    """Write the accuracy with its counts, its 95 % interval and what the constant classifier would reach."""
    low, high = scores.accuracy_interval
    return (
        f"{scores.accuracy:.2%} ({scores.correct}/{scores.clips}; Wilson 95 % interval {low:.1%} to {high:.1%}; "
        f"always answering {scores.majority_class}: {scores.majority_rate:.1%})"
    )


def training_notes(outcomes: "Sequence[Outcome]", protocol: Protocol, class_names: Sequence[str]) -> list[Note]:
    """Return what a reader must know of how the networks of a run were trained to judge their score.

    Parameters
    ----------
    outcomes : sequence of training.Outcome
        One per fold.
    protocol : Protocol
    class_names : sequence of str
    """
    if not outcomes[0].history:
        many = f"{len(outcomes)} folds, " if len(outcomes) > 1 else ""
        return [Note("remark", f"Protocol {protocol.name} ({protocol.source}): {many}not trained step by step.")]
    folds, lasts = len(outcomes), [outcome.history[-10:] for outcome in outcomes]
    epochs = counted(span(len(outcome.history) for outcome in outcomes), "epoch")
    lasting = counted(span(map(len, lasts)), "epoch")
    best = span(int(outcome.best_epoch or 0) for outcome in outcomes)
    last = [row["val_accuracy"] for rows in lasts for row in rows]
    each = f"{folds} folds, each " if folds > 1 else ""
    remarks = [
        f"Protocol {protocol.name} ({protocol.source}): {each}{epochs} of batch {protocol.batch_size}; weights "
        f"of epoch {best}, counted from 0.",
        f"Accuracy on the clips that the epoch is chosen on, over the last {lasting}: mean "
        f"{np.mean(last):.2%}, deviation {np.std(last):.2%}.",
    ]
    notes = [Note("remark", remark) for remark in remarks]
    if early := [len(outcome.history) for outcome in outcomes if _stopped_early(outcome, protocol)]:
        which = f"{len(early)} of {folds} folds" if folds > 1 else "training"
        text = (
            f"Early stopping: {which} ended after {counted(span(early), 'epoch')} instead of {protocol.epochs}, for "
            f"{counted(protocol.patience, 'epoch')} in a row had brought no better accuracy on the clips that the "
            "epoch is chosen on."
        )
        notes.append(Note("remark", text))
    if folds == 1:
        collapsed = {int(row["val_only_class"]): row["val_accuracy"] for row in outcomes[0].history}
        collapsed.pop(-1, None)
        if collapsed:
            times = sum(row["val_only_class"] >= 0 for row in outcomes[0].history)
            constant = ", ".join(f"{class_names[label]} ({rate:.2%})" for label, rate in sorted(collapsed.items()))
            text = (
                f": after {times} of {counted(len(outcomes[0].history), 'epoch')} the network gave one and the "
                f"same class to all clips that the epoch is chosen on: {constant}, which is what that constant answer "
                "scores."
            )
            notes.append(Note("collapsed", text))
    else:
        constant_folds = sum(outcome.only_class is not None for outcome in outcomes)
        if constant_folds:
            text = (
                f": in {constant_folds} of the {folds} folds the network that is scored gave one and the same "
                "class to all clips that its epoch is chosen on: no epoch did better."
            )
            notes.append(Note("collapsed", text))
    losses, guessing = [np.mean([row["loss"] for row in rows]) for rows in lasts], math.log(len(class_names))
    if np.max(losses) > guessing:
        where = f" in {sum(loss > guessing for loss in losses)} of the {folds} folds" if folds > 1 else ""
        text = (
            f"{where}: the training loss over the last epochs is {span(losses, '.3g')}; answering every "
            f"class with the same probability would give {guessing:.3g}."
        )
        notes.append(Note("not learned", text))
    return notes + [Note("diverged", f": {outcome.diverged}") for outcome in outcomes if outcome.diverged]


def _stopped_early(outcome: "Outcome", protocol: Protocol) -> bool:
    """Whether training ended before its last epoch for want of a better accuracy."""
    return protocol.patience is not None and outcome.diverged is None and len(outcome.history) < protocol.epochs


def scores_text(scores: Scores, over_subjects: dict[str, Any] | None = None) -> str:
    """Write all scores as a block of plain text.

    Parameters
    ----------
    scores : metrics.Scores
    over_subjects : dict, optional
        See `metrics.subject_intervals`.
    """
    lines = [f"accuracy  {accuracy_line(scores)}"]
    if scores.collapsed_to:
        text = (
            f": every clip was called {scores.collapsed_to}. This is the score of the constant classifier "
            f"{scores.collapsed_to}, not of a network that tells the classes apart."
        )
        lines.append(Note("collapsed", text).render())
    lines.append(f"UF1       {number(scores.uf1)}    UAR {number(scores.uar)}")
    lines += [f"undefined: {reason}" for reason in scores.undefined]
    if over_subjects:
        lines.append(f"95 % intervals over subjects: {_over_subjects(over_subjects)}")
    width = max(len(name) for name in scores.class_names) + 2
    header = "".join(f"{name:>{width}}" for name in scores.class_names)
    lines.append(f"{'true / predicted':<18}{header}{'recall':>{width}}")
    for name, counts, recall in zip(scores.class_names, scores.confusion, scores.recall, strict=True):
        cells = "".join(f"{count:>{width}}" for count in counts)
        lines.append(f"{name:<18}{cells}{number(recall):>{width}}")
    return "\n".join(lines)


def of_each_database(
    true: np.ndarray,
    predicted: np.ndarray,
    subjects: Sequence[str | None],
    databases: Sequence[str | None],
    class_names: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """Score each database's own clips, of predictions on clips of several.

    Parameters
    ----------
    true, predicted : int array (clips,)
    subjects, databases : sequence of str or None, (clips,)
    class_names : sequence of str

    Returns
    -------
    dict of str to dict
        By database, in the order of their names: `metrics.Scores` as JSON, and how many `subjects`.
    """
    parts = {}
    for name in sorted({database for database in databases if database is not None}):
        own = np.array([database == name for database in databases])
        people = {subject for subject, here in zip(subjects, own, strict=True) if here}
        parts[name] = {**metrics.score(true[own], predicted[own], class_names).as_json(), "subjects": len(people)}
    return parts


def databases_rows(parts: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Write what `of_each_database` gives as rows of a table, the first being its head."""
    head = ["database", "clips", "subjects", "accuracy", "Wilson 95 % interval", "majority rate", "UF1", "UAR"]
    rows = [
        [
            name,
            str(own["clips"]),
            str(own["subjects"]),
            f"{own['accuracy']:.2%}",
            "{:.1%} to {:.1%}".format(*own["accuracy_interval"]),
            f"{own['majority_rate']:.1%} ({own['majority_class']})",
            number(own["uf1"]),
            number(own["uar"]),
        ]
        for name, own in parts.items()
    ]
    return [head, *rows]


def _databases_text(parts: dict[str, dict[str, Any]]) -> str:
    rows = databases_rows(parts)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(["", OF_EACH, *lines])


def interval_over_subjects(intervals: dict[str, Any], name: str, digits: int) -> str:
    """Write the interval of a score (a key of `metrics.subject_intervals`), or why it has none."""
    low, high = intervals[name]
    if name in intervals.get("same_in_all", ()):  # runs of earlier versions do not say so
        return "the same in every draw"
    return "undefined" if low is None or math.isnan(low) else f"{low:.{digits}f} to {high:.{digits}f}"


def _over_subjects(intervals: dict[str, Any]) -> str:
    spans = [f"{name} {interval_over_subjects(intervals, name.lower(), 3)}" for name in ("accuracy", "UF1", "UAR")]
    lacking = intervals["lacking"]
    without = f"; {lacking} lack a class and do not count for UF1 and UAR" if lacking else ""
    of = f"{intervals['resamples']} draws of {intervals['subjects']} subjects"
    return f"{', '.join(spans)} ({of}{without}){same_in_all(intervals)}"


def same_in_all(intervals: dict[str, Any]) -> str:
    """Return what it means that all draws of subjects score the same, if they do."""
    return ". What is the same in every draw says nothing of other subjects." * bool(intervals.get("same_in_all"))


def write(
    folder: str | Path,
    title: str,
    notes: Sequence[Note | str],
    scores: Scores,
    clips: Sequence[str],
    true: np.ndarray,
    probabilities: np.ndarray,
    subjects: Sequence[str | None] | None = None,
    databases: Sequence[str | None] = (),
    **more: Any,
) -> str:
    """Write scores and predictions into a folder and return the report as text.

    Parameters
    ----------
    folder : str or Path
        Gets `report.txt`, `scores.json`, `predictions.csv`, `confusion_matrix.json`, and `confusion_matrix`, `roc` and
        `calibration` as `.png` and `.svg`.
    title : str
        Which network met which clips: `MicroExpSTCNN on synthetic SMIC`.
    notes : sequence of Note, or of rendered ones
        What the reader must know to judge the scores.
    scores : metrics.Scores
    clips : sequence of str
        Names of the scored clips.
    true : int array (clips,)
    probabilities : float array (clips, classes)
    subjects : sequence of str or None, optional
        Whose clips they are; if that is known of all, the scores get intervals over subjects.
    databases : sequence of str or None, optional
        Of which they are, if they are of several: each is then scored by itself too.
    **more
        Further contents of scores.json.
    """
    folder, owners, over_subjects = Path(folder), subjects or [None] * len(clips), None
    rendered = [Note.of(note).render() for note in notes]
    known = [owner for owner in owners if owner is not None]
    if len(known) == len(clips) and len(set(known)) > 1:
        predicted = probabilities.argmax(axis=1)
        over_subjects = metrics.subject_intervals(true, predicted, known, len(scores.class_names))
    parts = of_each_database(true, probabilities.argmax(axis=1), owners, databases, scores.class_names)
    blocks = [scores_text(scores, over_subjects), *([_databases_text(parts)] if parts else [])]
    text = plain("\n".join([title, *[f"* {note}" for note in rendered], "", *blocks, ""]))
    write_text(folder / "report.txt", text)
    values = {**scores.as_json(), "intervals_over_subjects": metrics.for_json(over_subjects)}
    values |= {"databases": parts} if parts else {}
    write_json(folder / "scores.json", {"title": title, "notes": rendered, **more, **values})
    write_json(
        folder / "confusion_matrix.json",
        {"class_names": scores.class_names, "rows": "true", "columns": "predicted", "counts": scores.confusion},
    )
    plots.confusion_matrix(scores, folder / "confusion_matrix.png", title)
    plots.roc(true, probabilities, scores.class_names, folder / "roc.png", title)
    plots.calibration(true, probabilities, folder / "calibration.png", title)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["clip", "subject", "true", "predicted", *scores.class_names])
    for clip, subject, label, row in zip(clips, owners, true, probabilities, strict=True):
        writer.writerow(
            [cell(clip), cell(subject or ""), scores.class_names[label], scores.class_names[row.argmax()], *row]
        )
    write_text(folder / "predictions.csv", table.getvalue())
    return text
