"""From the folds of a run to its report: predictions pooled, scores, figures and the page."""

from typing import Any

import numpy as np

from microexp_keras import metrics
from microexp_keras.notes import SYNTHETIC_CLIPS, Note
from microexp_keras.protocols import splits
from microexp_keras.results import html_page, plots, text_report
from microexp_keras.runs.fold import drop_rest, read_outcome
from microexp_keras.runs.method_notes import method_notes
from microexp_keras.runs.run import Run
from microexp_keras.text import counted
from microexp_keras.training.history import MONITOR, Outcome, Row

UNSEEN = (
    "Every clip is scored once, by a model that has seen nothing of its subject: neither to train, nor to choose the "
    "epoch or another setting, nor to standardise. Predictions are pooled over the folds."
)


NOT_KEPT = (
    "Weights were not kept of {folds}: once `fold-NN` is removed, `train --resume FOLDER --keep-weights` makes those "
    "of that fold again, on the same machine and with the same versions to the bit."
)

SYNTHETIC_START = Note("synthetic", " clips trained the weights that this training started from.")

FACES = Note(
    "faces",
    " of the clips are shown in report.html and saliency_*.png. Databases of faces may not be passed on, as a "
    "rule, nor may pictures of their people: keep these files to yourself. A run with --no-faces has none.",
)


def report(run: Run) -> tuple[str, bool]:
    """Pool the predictions of all folds and write the run's report.

    Returns
    -------
    str
        The text of it.
    bool
        False if a fold diverged.
    """
    class_names = run.protocol.database.class_names
    folders = [run.fold_folder(number) for number in range(len(run.folds))]
    outcomes, results = zip(*[read_outcome(run, number) for number in range(len(run.folds))], strict=True)
    for folder, outcome, result in zip(folders, outcomes, results, strict=True):
        if not run.has_one_fold:  # killed between its result and the end, it may have left some
            drop_rest(outcome, folder, result["weights"] is not None)
    scored = np.concatenate([fold.score for fold in run.folds])
    probabilities = np.concatenate([np.array(result["probabilities"], np.float32) for result in results])
    true, predicted = run.samples.labels[scored], probabilities.argmax(axis=1)
    scores, history = metrics.score(true, predicted, class_names), _mean_history(outcomes)
    best_epoch = outcomes[0].best_epoch if run.has_one_fold else None
    each = [] if run.has_one_fold else [outcome.history for outcome in outcomes]
    if history:
        plots.curves(history, run.folder / "curves.png", best_epoch, scores.majority_rate, run.title, each)
    text = text_report.write(
        run.folder,
        run.title,
        [*method_notes(run, results, scores), *_notes(run, outcomes, predicted == true), *_files(run, results)],
        scores,
        run.clip_names(scored),
        true,
        probabilities,
        subjects=[run.samples.subjects[position] for position in scored],
        databases=run.samples.databases_of(scored),
        folds=[
            {
                "fold": number + 1,
                "subjects": result["subjects"],
                "epoch": outcome.best_epoch,
                "collapsed_to": None if outcome.only_class is None else class_names[outcome.only_class],
                "folder": str(folder.relative_to(run.folder)),
                "weights": str(outcome.best_path.relative_to(run.folder)) if result["weights"] else None,
                "devices": result["devices"],
                "saliency": result.get("saliency"),
            }
            for number, (folder, outcome, result) in enumerate(zip(folders, outcomes, results, strict=True))
        ],
        held_out=_held_out(run, predicted == true),
        chosen_on_scored=any(np.isin(fold.score, fold.select).any() for fold in run.folds),
        ten_epochs=_ten_epochs(history) if history else None,
    )
    html_page.write(run.folder)
    return text, not any(outcome.diverged for outcome in outcomes)


def _files(run: Run, results: tuple[dict[str, Any], ...]) -> list[Note | str]:
    """Say how to get weights that are not kept, and warn of real people's faces on the page, if it shows any."""
    not_kept = sum(result["weights"] is None for result in results)
    shown = any((result.get("saliency") or {}).get("sheets") for result in results) and not run.samples.synthetic
    return [*([NOT_KEPT.format(folds=counted(not_kept, "fold"))] if not_kept else []), *([FACES] if shown else [])]


def _mean_history(outcomes: tuple[Outcome, ...]) -> list[Row]:
    """Mean over the folds of what they logged after each epoch; of those that ended earlier, after their last."""
    means = []
    for epoch in range(max(len(outcome.history) for outcome in outcomes)):
        rows = [outcome.history[min(epoch, len(outcome.history) - 1)] for outcome in outcomes]
        means.append({name: float(np.mean([row[name] for row in rows])) for name in rows[0]} | {"epoch": epoch})
    return means


def _held_out(run: Run, right: np.ndarray) -> dict[str, int]:
    """Of the scored clips that do not train: how many, how many right, how many with a label not their folder's."""
    unseen = ~np.concatenate([np.isin(fold.score, fold.train) for fold in run.folds])
    wrong = np.concatenate([run.samples.mislabelled[fold.score] for fold in run.folds])
    counts = {"clips": unseen, "correct": unseen & right, "mislabelled": unseen & wrong}
    return {name: int(chosen.sum()) for name, chosen in counts.items()}


def _ten_epochs(history: list[Row]) -> dict[str, Any]:
    """Table VIII: mean and deviation of the accuracy after epochs 91 to 100 (from 1), or the last ten if fewer."""
    rows = history[:100][-10:]
    values = [row[MONITOR] for row in rows]
    span = {"first": int(rows[0]["epoch"]) + 1, "last": int(rows[-1]["epoch"]) + 1}
    return {"mean": float(np.mean(values)), "deviation": float(np.std(values)), **span}


def _notes(run: Run, outcomes: tuple[Outcome, ...], right: np.ndarray) -> list[Any]:
    """What a reader must know of training and clips to judge the score."""
    settings, protocol, published = run.settings, run.protocol, run.settings.published_protocol
    changed = [
        f"{name} {getattr(protocol, name)} instead of the protocol's {getattr(published, name)}"
        for name in ("epochs", "batch_size", "kernel_size")
        if getattr(protocol, name) != getattr(published, name)
    ]
    if protocol.patience is not None:
        changed.append(f"may stop early, after {counted(protocol.patience, 'epoch')} without a better accuracy")
    if settings.precision != "float32":
        changed.append(f"computed in {settings.precision} instead of float32")
    if settings.weights:
        changed.append(f"started from {settings.weights}")
    if settings.landmarks:
        changed.append(f"landmarks from {settings.landmarks}")
    if run.has_one_fold:
        remarks = splits.remarks(run.folds[0], run.samples, right)
    else:
        remarks = [*dict.fromkeys(remark for fold in run.folds for remark in splits.remarks(fold, run.samples))]
    return [
        *text_report.training_notes(outcomes, protocol, protocol.database.class_names),
        *run.samples.all_notes,
        *remarks,
        *([UNSEEN] if protocol.unseen_subjects and not settings.weights else []),
        *([f"Differs from the protocol: {'; '.join(changed)}."] if changed else []),
        *([SYNTHETIC_CLIPS] if run.samples.synthetic else []),
        *([SYNTHETIC_START] if settings.weights_synthetic else []),
    ]
