"""From scores to what a person reads: no accuracy stands without its interval and the majority rate."""

import csv
import io
import math
from pathlib import Path

import numpy as np

from microexp_keras import metrics, plots
from microexp_keras.files import write_json, write_text


def accuracy_line(scores):
    """Accuracy with its counts, its 95 % interval and what the constant classifier would reach."""
    low, high = scores.accuracy_interval
    return (
        f"{scores.accuracy:.2%} ({scores.correct}/{scores.clips}; Wilson 95 % interval {low:.1%} to {high:.1%}; "
        f"always answering {scores.majority_class}: {scores.majority_rate:.1%})"
    )


def training_notes(outcomes, protocol, class_names):
    """What a reader must know of how the networks of a run were trained to judge their score, as a list of sentences.

    Parameters
    ----------
    outcomes : list of runs.Outcome
        One per fold.
    protocol : protocols.Protocol
    class_names : sequence of str
    """
    folds, lasts = len(outcomes), [outcome.history[-10:] for outcome in outcomes]
    epochs, best = _span([len(one.history) for one in outcomes]), _span([one.best_epoch for one in outcomes])
    last = [row["val_accuracy"] for rows in lasts for row in rows]
    found = [
        f"Protocol {protocol.name} ({protocol.source}): {f'{folds} folds, each ' if folds > 1 else ''}{epochs} epochs "
        f"of batch {protocol.batch_size}; weights of epoch {best}, counted from 0.",
        f"Accuracy on the clips that the epoch is chosen on, over the last {_span([len(rows) for rows in lasts])} "
        f"epochs: mean {np.mean(last):.2%}, deviation {np.std(last):.2%}.",
    ]
    if folds == 1:
        collapsed = {int(row["val_only_class"]): row["val_accuracy"] for row in outcomes[0].history}
        collapsed.pop(-1, None)
        if collapsed:
            epochs = sum(row["val_only_class"] >= 0 for row in outcomes[0].history)
            constant = ", ".join(f"{class_names[label]} ({rate:.2%})" for label, rate in sorted(collapsed.items()))
            found.append(
                f"COLLAPSED: after {epochs} of the {len(outcomes[0].history)} epochs the network gave one and the "
                f"same class to all clips that the epoch is chosen on: {constant}, which is what that constant answer "
                "scores."
            )
    else:
        constant = [one.history[one.best_epoch]["val_only_class"] >= 0 for one in outcomes]
        if any(constant):
            found.append(
                f"COLLAPSED: in {sum(constant)} of the {folds} folds the network that is scored gave one and the same "
                "class to all clips that its epoch is chosen on: no epoch did better."
            )
    losses, guessing = [np.mean([row["loss"] for row in rows]) for rows in lasts], math.log(len(class_names))
    if np.max(losses) > guessing:
        where = f" in {sum(loss > guessing for loss in losses)} of the {folds} folds" if folds > 1 else ""
        found.append(
            f"NOT LEARNED{where}: the training loss over the last epochs is {_span(losses, '.3g')}; answering every "
            f"class with the same probability would give {guessing:.3g}."
        )
    return found + [f"DIVERGED: {outcome.diverged}" for outcome in outcomes if outcome.diverged]


def _span(values, form=""):
    low, high = min(values), max(values)
    return f"{low:{form}}" if low == high else f"{low:{form}} to {high:{form}}"


def scores_text(scores, over_subjects=None):
    """All scores as a block of plain text.

    Parameters
    ----------
    scores : metrics.Scores
    over_subjects : dict, optional
        See `metrics.subject_intervals`.
    """
    lines = [f"accuracy  {accuracy_line(scores)}"]
    if scores.collapsed_to:
        lines.append(
            f"COLLAPSED: every clip was called {scores.collapsed_to}. This is the score of the constant classifier "
            f"{scores.collapsed_to}, not of a network that tells the classes apart."
        )
    lines.append(f"UF1       {_number(scores.uf1)}    UAR {_number(scores.uar)}")
    lines += [f"undefined: {reason}" for reason in scores.undefined]
    if over_subjects:
        lines.append(f"95 % intervals over subjects: {_over_subjects(over_subjects)}")
    width = max(len(name) for name in scores.class_names) + 2
    header = "".join(f"{name:>{width}}" for name in scores.class_names)
    lines.append(f"{'true / predicted':<18}{header}{'recall':>{width}}")
    for name, counts, recall in zip(scores.class_names, scores.confusion, scores.recall, strict=True):
        cells = "".join(f"{count:>{width}}" for count in counts)
        lines.append(f"{name:<18}{cells}{_number(recall):>{width}}")
    return "\n".join(lines)


def _over_subjects(found):
    draws, lacking = f"{found['resamples']} draws of {found['subjects']} subjects", found["lacking"]
    if found["accuracy"][0] == found["accuracy"][1]:
        return f"undefined, for all {draws} have the same accuracy"
    spans = [
        f"{name} {low:.3f} to {high:.3f}"
        for name in ("accuracy", "UF1", "UAR")
        for low, high in [found[name.lower()]]
        if low == low
    ]
    without = f"; {lacking} lack a class and do not count for UF1 and UAR" if len(spans) > 1 and lacking else ""
    return f"{', '.join(spans)} ({draws}{without})"


def write(folder, title, notes, scores, clips, true, probabilities, subjects=None, **more):
    """Write what was found into a folder and return the text of it.

    Parameters
    ----------
    folder : str or Path
        Gets `report.txt`, `scores.json`, `confusion_matrix.json`, `.png` and `.svg`, `predictions.csv`.
    title : str
        Which network met which clips: `MicroExpSTCNN on synthetic SMIC`.
    notes : sequence of str
        What the reader must know to judge the scores.
    scores : metrics.Scores
    clips : sequence of str
        Names of the scored clips.
    true : int array (clips,)
    probabilities : float array (clips, classes)
    subjects : sequence of str or None, optional
        Whose clips they are; if that is known of all, the scores get intervals over subjects.
    **more
        Further contents of scores.json.
    """
    folder, subjects, over_subjects = Path(folder), subjects or [None] * len(clips), None
    if None not in subjects and len(set(subjects)) > 1:
        predicted = probabilities.argmax(axis=1)
        over_subjects = metrics.subject_intervals(true, predicted, subjects, len(scores.class_names))
    text = "\n".join([title, *[f"* {note}" for note in notes], "", scores_text(scores, over_subjects), ""])
    write_text(folder / "report.txt", text)
    found = {**scores.as_json(), "intervals_over_subjects": metrics.for_json(over_subjects)}
    write_json(folder / "scores.json", {"title": title, "notes": list(notes), **more, **found})
    write_json(
        folder / "confusion_matrix.json",
        {"class_names": scores.class_names, "rows": "true", "columns": "predicted", "counts": scores.confusion},
    )
    plots.confusion_matrix(scores, folder / "confusion_matrix.png", title)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["clip", "subject", "true", "predicted", *scores.class_names])
    for clip, subject, label, row in zip(clips, subjects, true, probabilities, strict=True):
        writer.writerow([clip, subject, scores.class_names[label], scores.class_names[row.argmax()], *row])
    write_text(folder / "predictions.csv", table.getvalue())
    return text


def _number(value):
    return "undefined" if value != value else f"{value:.4f}"
