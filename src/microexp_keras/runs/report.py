"""From the folds of a run to its report: predictions pooled, scores, figures and the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from microexp_keras import preprocessing
from microexp_keras.atomic import write_text
from microexp_keras.baselines.settings import is_reconstruction, marks
from microexp_keras.datasets import READING
from microexp_keras.errors import SYNTHETIC_CLIPS, Issue
from microexp_keras.metrics import Scores
from microexp_keras.models import RIVALS
from microexp_keras.protocols import Protocol
from microexp_keras.results.page import Report, caveat, which_apply
from microexp_keras.results.predictions import Predictions
from microexp_keras.results.scores import write
from microexp_keras.runs.folder import read_config
from microexp_keras.runs.run import Run, drop_rest, read_fold
from microexp_keras.text import counted, markdown_table, span
from microexp_keras.training.history import MONITOR, FoldResult, Row

SETTINGS = "method.md"


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    report: Report
    scores: dict[str, Any]  # the contents of scores.json
    predictions: Predictions
    trained_well: bool  # False if a fold diverged


def report(run: Run) -> Outcome:
    """Pool the predictions of all folds and write the run's report."""
    protocol, results = run.protocol, [read_fold(run, number) for number in range(len(run.folds))]
    for result in results:
        drop_rest(run, result)  # killed between its result and the end, it may have left some
    predictions = Predictions.of(
        run.samples,
        np.concatenate([fold.test for fold in run.folds]),
        class_names=protocol.database.class_names,
        probabilities=np.concatenate([result.probabilities.astype(np.float32) for result in results]),
        folds=[number for number, fold in enumerate(run.folds, start=1) for _ in fold.test],
        method=protocol.model,
        protocol=protocol.name,
        seed=run.settings.seed,
    )
    right = predictions.correct
    histories = [result.history for result in results]
    # Of the scored clips those that do not train, and those with a label that is not their folder's.
    unseen = ~np.concatenate([np.isin(fold.test, fold.train) for fold in run.folds])
    mislabelled = np.concatenate([run.samples.mislabelled[fold.test] for fold in run.folds])
    held_out = {"clips": unseen, "correct": unseen & right, "mislabelled": unseen & mislabelled}
    caveats = [*_method_notes(run), *training_notes(results, protocol, predictions.scores)]
    caveats += _notes(run, results, right)
    more = {
        "folds": [_fold_json(run, number, result) for number, result in enumerate(results)],
        "held_out": {name: int(chosen.sum()) for name, chosen in held_out.items()},
        "chosen_on_scored": any(np.isin(fold.test, fold.validation).any() for fold in run.folds),
        "ten_epochs": last_ten_epochs(histories, [len(fold.validation) for fold in run.folds]),
    }
    _, config = read_config(run.folder)
    curves = _mean_history(histories)
    described, values = write(run.folder, run.title, caveats, predictions, config, protocol, curves, **more)
    return Outcome(described, values, predictions, not any(result.diverged for result in results))


def _fold_json(run: Run, number: int, result: FoldResult) -> dict[str, Any]:
    """What scores.json says of a fold."""
    only = result.only_class
    return {
        "fold": number + 1,
        "subjects": run.samples.subjects_of(run.folds[number].test),
        "epoch": result.best_epoch,
        "epochs": len(result.history) or None,
        "collapsed_to": None if only is None else run.protocol.database.class_names[only],
        "folder": str(run.fold_folder(number).relative_to(run.folder)),
        "weights": str(result.best_path.relative_to(run.folder)) if result.best_path.exists() else None,
        "devices": result.devices,
        "saliency": result.saliency,
    }


def _mean_history(histories: list[list[Row]]) -> list[Row]:
    """Mean over the folds of what they logged after each epoch; of those that ended earlier, after their last."""
    means = []
    for epoch in range(max(map(len, histories))):
        rows = [history[min(epoch, len(history) - 1)] for history in histories]
        means.append({name: float(np.mean([row[name] for row in rows])) for name in rows[0]} | {"epoch": epoch})
    return means


def last_ten_epochs(histories: Sequence[Sequence[Row]], sizes: Sequence[int]) -> dict[str, Any] | None:
    """Return mean and sample deviation of the accuracy over epochs 91 to 100, or the last ten if fewer: Table VIII.

    After each epoch the accuracy is that of the validation clips of all folds together, of which there are `sizes`.
    None if there are no epochs, or the folds ended after different numbers of them.
    """
    lengths = {len(history) for history in histories}
    if len(lengths) > 1 or lengths == {0}:
        return None
    of_folds = np.array([[row[MONITOR] for row in history[:100][-10:]] for history in histories])
    values = np.average(of_folds, axis=0, weights=sizes)
    last = int(histories[0][:100][-1]["epoch"]) + 1
    return {
        "mean": float(values.mean()),
        "deviation": float(values.std(ddof=1)) if len(values) > 1 else None,
        "epochs": len(values),
        "first": last - len(values) + 1,  # counted from 1
        "last": last,
    }


def _notes(run: Run, results: Sequence[FoldResult], right: np.ndarray) -> list[Issue]:
    """Return the caveats on the files, on the clips and on what differs from the protocol."""
    settings, protocol, published = run.settings, run.protocol, run.settings.published_protocol
    method, gone = protocol.network, sum(not result.best_path.exists() for result in results)
    again = not method.is_own or (method.has_epochs and ":" in method.name)  # others no command can train again
    drawn = (results[0].saliency or {}).get("sheets")
    epochs = counted(protocol.patience or 0, "epoch")
    changed = [
        f"{name} {getattr(protocol, name)} instead of the protocol's {getattr(published, name)}"
        for name in ("epochs", "batch_size", "kernel_size", *READING)
        if getattr(protocol, name) != getattr(published, name)
    ]
    changed += which_apply(
        {
            f"early stopping after {epochs} without a better validation accuracy": protocol.patience,
            f"started from {settings.weights}": settings.weights,
            f"landmarks from {settings.landmarks}": settings.landmarks,
        }
    )
    own = right if run.has_one_fold else None
    remarks = dict.fromkeys(said for fold in run.folds for said in preprocessing.remarks(fold, run.samples, own))
    of_files = {
        caveat("not_kept", folds=counted(gone, "fold")): gone and again,
        caveat("faces"): drawn and not run.samples.synthetic,
    }
    of_clips = [*run.samples.all_notes, *map(Issue.of, remarks)]
    of_settings = {
        caveat("unseen"): protocol.unseen_subjects and not settings.weights,
        caveat("changed", what="; ".join(changed)): changed,
        SYNTHETIC_CLIPS: run.samples.synthetic,
        caveat("synthetic_start"): settings.weights_synthetic,
    }
    return [*which_apply(of_files), *of_clips, *which_apply(of_settings)]


def training_notes(results: Sequence[FoldResult], protocol: Protocol, scores: Scores) -> list[Issue]:
    """Return the caveats on how the networks of a run were trained."""
    several, name, source = len(results) > 1, protocol.name, protocol.source
    if not results[0].history:
        return [caveat("protocol", name=name, source=source, folds=f": {len(results)} folds" * several)]

    def of_folds(count: int) -> str:
        return f" in {count} of {len(results)} folds" * several

    lengths = [len(result.history) for result in results]
    each = f"{len(results)} folds, each " * several + counted(span(lengths), "epoch")
    best = span(int(result.best_epoch or 0) for result in results)
    early = [len(result.history) for result in results if not result.diverged and len(result.history) < protocol.epochs]
    of_early = f"{len(early)} of {len(results)} folds" if several else "training"
    epochs = counted(span(early or [0]), "epoch")
    constant = [scores.class_names[result.only_class] for result in results if result.only_class is not None]
    losses = [float(np.mean([row["loss"] for row in result.history[-10:]])) for result in results]
    guessing = math.log(len(scores.class_names))
    high = sum(loss > guessing for loss in losses)
    not_learned = high and scores.accuracy_interval[0] <= scores.majority_rate
    notes = which_apply(
        {
            caveat("trained", name=name, source=source, each=each, batch=protocol.batch_size, best=best): True,
            caveat("early", which=of_early, epochs=epochs, planned=protocol.epochs): protocol.patience and early,
            caveat("collapsed", where=of_folds(len(constant)), classes=", ".join(dict.fromkeys(constant))): constant,
            caveat("not_learned", where=of_folds(high), losses=span(losses, ".3g"), guessing=guessing): not_learned,
        }
    )
    return notes + [caveat("diverged", why=result.diverged) for result in results if result.diverged]


def _method_notes(run: Run) -> list[Issue]:
    """Return what a rival method sees; whose its settings are is written into the run's folder."""
    method = run.protocol.network
    if method.name not in RIVALS:
        return []
    rows = [("setting", "value", "whose"), *((name, str(value), mark) for name, value, mark in marks(method.name))]
    write_text(run.folder / SETTINGS, f"# Settings of {method.title}\n\n{markdown_table(rows)}\n")
    what = "A reconstruction, not the authors' method" if is_reconstruction(method.name) else "Written anew"
    return [caveat("rival", what=what, file=SETTINGS, count=len(rows) - 1, sees=method.sees)]
