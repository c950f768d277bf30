"""From scores to what a person reads: no accuracy stands without its interval and the majority rate."""

import csv
import io
from pathlib import Path

from microexp_keras import plots
from microexp_keras.files import write_json, write_text


def accuracy_line(scores):
    """Accuracy with its counts, its 95 % interval and what the constant classifier would reach."""
    low, high = scores.accuracy_interval
    return (
        f"{scores.accuracy:.2%} ({scores.correct}/{scores.clips}; Wilson 95 % interval {low:.1%} to {high:.1%}; "
        f"always answering {scores.majority_class}: {scores.majority_rate:.1%})"
    )


def scores_text(scores):
    """All scores as a block of plain text."""
    lines = [f"accuracy  {accuracy_line(scores)}"]
    if scores.collapsed_to:
        lines.append(
            f"COLLAPSED: every clip was called {scores.collapsed_to}. This is the score of the constant classifier "
            f"{scores.collapsed_to}, not of a network that tells the classes apart."
        )
    lines.append(f"UF1       {_number(scores.uf1)}    UAR {_number(scores.uar)}")
    lines += [f"undefined: {reason}" for reason in scores.undefined]
    width = max(len(name) for name in scores.class_names) + 2
    header = "".join(f"{name:>{width}}" for name in scores.class_names)
    lines.append(f"{'true / predicted':<18}{header}{'recall':>{width}}")
    for name, counts, recall in zip(scores.class_names, scores.confusion, scores.recall, strict=True):
        cells = "".join(f"{count:>{width}}" for count in counts)
        lines.append(f"{name:<18}{cells}{_number(recall):>{width}}")
    return "\n".join(lines)


def write(folder, title, notes, scores, clips, true, probabilities, **more):
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
    **more
        Further contents of scores.json.
    """
    folder = Path(folder)
    text = "\n".join([title, *[f"* {note}" for note in notes], "", scores_text(scores), ""])
    write_text(folder / "report.txt", text)
    write_json(folder / "scores.json", {"title": title, "notes": list(notes), **more, **scores.as_json()})
    write_json(
        folder / "confusion_matrix.json",
        {"class_names": scores.class_names, "rows": "true", "columns": "predicted", "counts": scores.confusion},
    )
    plots.confusion_matrix(scores, folder / "confusion_matrix.png", title)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["clip", "true", "predicted", *scores.class_names])
    for clip, label, row in zip(clips, true, probabilities, strict=True):
        writer.writerow([clip, scores.class_names[label], scores.class_names[row.argmax()], *row])
    write_text(folder / "predictions.csv", table.getvalue())
    return text


def _number(value):
    return "undefined" if value != value else f"{value:.4f}"
