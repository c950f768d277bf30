"""From a run and the number of a fold to what was learned and predictions in the fold's folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from microexp_keras.atomic import write_json
from microexp_keras.backend import import_keras
from microexp_keras.baselines.hand_crafted import FILE as LEARNED
from microexp_keras.baselines.rivals import RIVALS
from microexp_keras.errors import MicroExpError
from microexp_keras.runs.folder import make_folder
from microexp_keras.runs.network_fold import fit_network
from microexp_keras.runs.provenance import devices
from microexp_keras.runs.result import REMEDY, RESULT, read_result
from microexp_keras.runs.run import Run
from microexp_keras.training.history import MONITOR, STATE, History, Outcome, best_weights_name
from microexp_keras.training.task import Task

NO_SALIENCY = {"sheets": [], "missing": "saliency is drawn of the paper's own networks."}


def is_done(folder: Path) -> bool:
    """Whether the fold in this folder has its predictions, the last file that it writes."""
    return (folder / RESULT).exists()


def train_fold(run: Run, number: int, progress: bool = True, wanted: Callable[[], bool] | None = None) -> None:
    """Train a fold, or resume it, and predict the clips that are scored.

    Parameters
    ----------
    run : Run
    number : int
        Which of its folds, from 0.
    progress : bool
        Show a progress bar on stderr.
    wanted : callable, optional
        Asked before every epoch: if it says no, training ends there with `training.NotWantedError`.
    """
    settings, protocol, samples = run.settings, run.protocol, run.samples
    fold, folder = run.folds[number], run.fold_folder(number)
    make_folder(folder)
    metadata = {
        "model": protocol.model,
        "dataset": protocol.database.as_json(),
        "protocol": protocol.name,
        "split": protocol.split.__name__,
        "fold": number,
        "started_from": settings.weights,
        "started_from_synthetic": settings.weights_synthetic,
        "synthetic": samples.synthetic,
        "seed": settings.seed,
        "class_names": protocol.database.class_names,
        "statistics": {name: values._asdict() for name, values in run.statistics[number].items()},
        "data_fingerprint": samples.fingerprint,
    }
    task = Task(
        samples=samples,
        fold=fold,
        protocol=protocol,
        folder=folder,
        seed=settings.seed,
        metadata=metadata,
        keep_all=settings.keep_all,
        callbacks=_callbacks(run, folder, wanted),
        progress=progress,
    )
    rival = RIVALS.get(protocol.model)
    learned = rival.fit(task) if rival else fit_network(run, number, task)
    outcome = learned.outcome
    result = {
        "subjects": sorted({str(samples.subjects[position]) for position in fold.score}),
        "clips": run.clip_names(fold.score),
        "probabilities": learned.probabilities.tolist(),
        "best_epoch": outcome.best_epoch,
        "weights": outcome.best_path.name if run.keeps_weights else None,
        "diverged": outcome.diverged,
        "devices": devices(),
        **({"saliency": NO_SALIENCY} if rival else {}),
        **learned.more,
    }
    write_json(folder / RESULT, result)
    if not run.has_one_fold:
        drop_rest(outcome, folder, run.keeps_weights)


def _callbacks(run: Run, folder: Path, wanted: Callable[[], bool] | None) -> tuple[Any, ...]:
    if "epochs" not in run.protocol.network.takes:
        return ()
    keras = import_keras()

    from microexp_keras.training import StopUnlessWanted

    logged = [keras.callbacks.TensorBoard(folder / "tensorboard")] if run.settings.tensorboard else []
    return (*([StopUnlessWanted(wanted)] if wanted else []), *logged)


def drop_rest(outcome: Outcome, folder: Path, weights: bool) -> None:
    """Remove what a fold that has its result does not keep: its state, and its best weights unless these stay."""
    if not weights:
        outcome.best_path.unlink(missing_ok=True)
    (folder / STATE).unlink(missing_ok=True)


def read_outcome(run: Run, number: int) -> tuple[Outcome, dict[str, Any]]:
    """Read how a fold ended, and its result.json.

    Raises
    ------
    MicroExpError
        If it is not the result of this fold.
    """
    folder, clips = run.fold_folder(number), run.clip_names(run.folds[number].score)
    class_names, history = run.protocol.database.class_names, History(folder / "history.csv").rows
    stepwise = "epochs" in run.protocol.network.takes
    if stepwise and (not history or any("val_only_class" not in row for row in history)):
        raise MicroExpError(folder / RESULT, "a history.csv of its epochs beside it", "none", REMEDY)
    result = read_result(folder / RESULT, clips, len(class_names), len(history) if stepwise else None)
    best = history[result["best_epoch"]] if stepwise else None
    not_kept = best_weights_name(best["epoch"], best[MONITOR]) if best else LEARNED
    best_path = folder / (result["weights"] or not_kept)
    return Outcome(history, result["best_epoch"], best_path, result["diverged"]), result
