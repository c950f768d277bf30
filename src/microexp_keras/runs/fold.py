"""From a run and the number of a fold to trained weights and predictions in the fold's folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras import preprocessing, weights
from microexp_keras.atomic import write_json
from microexp_keras.backend import import_keras
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import StandardizedInput, original_npy
from microexp_keras.results import plots, sheets
from microexp_keras.runs.folder import make_folder
from microexp_keras.runs.provenance import devices
from microexp_keras.runs.result import REMEDY, RESULT, read_result
from microexp_keras.runs.run import Run
from microexp_keras.training.history import History, Outcome

if TYPE_CHECKING:
    import keras

SALIENCY_CLIPS = 4  # on a sheet: a page's length


def is_done(folder: Path) -> bool:
    """Whether the fold in this folder has its predictions, the last file that it writes."""
    return (folder / RESULT).exists()


def train_fold(run: Run, number: int, progress: bool = True) -> None:
    """Train a fold, or resume it; choose the epoch and predict the clips that are scored.

    Parameters
    ----------
    run : Run
    number : int
        Which of its folds, from 0.
    progress : bool
        Show a progress bar on stderr.
    """
    keras = import_keras()

    from microexp_keras import training

    settings, protocol, samples = run.settings, run.protocol, run.samples
    fold, folder = run.folds[number], run.fold_folder(number)
    make_folder(folder)
    inputs, statistics = preprocessing.network_inputs(samples.stacks, run.statistics[number])
    class_names = protocol.database.class_names
    _, rows, columns, frames, _ = inputs[protocol.inputs[0]].shape
    model = protocol.network.build(
        frames, (rows, columns), len(class_names), protocol.kernel_size, protocol.conv_initializer, settings.seed
    )
    if settings.weights and not (folder / "last.weights.h5").exists():
        weights.load_weights(model, settings.weights)
    training.compile_model(model, protocol.learning_rate, protocol.momentum, protocol.probability_floor)
    metadata = {
        "model": protocol.model,
        "dataset": protocol.dataset,
        "protocol": protocol.name,
        "split": protocol.split.__name__,
        "fold": number,
        "started_from": settings.weights,
        "synthetic": samples.synthetic,
        "seed": settings.seed,
        "class_names": class_names,
        "statistics": {name: values._asdict() for name, values in statistics.items()},
        "data_fingerprint": samples.fingerprint,
    }
    if run.has_one_fold:
        seen = protocol.training_inputs(inputs)
        original_npy.write_validation(folder, protocol.network, seen, samples.labels, len(class_names), fold.held_out)
    callbacks = [keras.callbacks.TensorBoard(folder / "tensorboard")] if settings.tensorboard else []
    outcome = training.fit(
        model,
        inputs,
        samples.labels,
        fold,
        folder,
        protocol,
        settings.seed,
        metadata,
        settings.keep_all,
        callbacks,
        progress,
    )
    weights.load_weights(model, outcome.best_path)
    probabilities = training.predict(model, inputs, fold.score)
    result = {
        "subjects": sorted({str(samples.subjects[position]) for position in fold.score}),
        "clips": run.clip_names(fold.score),
        "probabilities": probabilities.tolist(),
        "best_epoch": outcome.best_epoch,
        "weights": outcome.best_path.name,
        "diverged": outcome.diverged,
        "devices": devices(),
    }
    if number == 0:  # one fold's are enough to look at
        result["saliency"] = _draw_saliency(run, model, inputs, probabilities)
    write_json(folder / RESULT, result)
    if not run.has_one_fold:
        drop_state(folder)


def drop_state(folder: Path) -> None:
    """Remove what only an unfinished fold needs."""
    (folder / "last.weights.h5").unlink(missing_ok=True)


def read_outcome(run: Run, number: int) -> tuple[Outcome, dict[str, Any]]:
    """Read how a fold ended, and its result.json.

    Raises
    ------
    MicroExpError
        If it is not the result of this fold.
    """
    folder, clips = run.fold_folder(number), run.clip_names(run.folds[number].score)
    class_names, history = run.protocol.database.class_names, History(folder / "history.csv").rows
    if not history or any("val_only_class" not in row for row in history):
        raise MicroExpError(folder / RESULT, "a history.csv of its epochs beside it", "none", REMEDY)
    result = read_result(folder / RESULT, clips, len(class_names), len(history))
    return Outcome(history, result["best_epoch"], folder / result["weights"], result["diverged"]), result


def _draw_saliency(
    run: Run, model: "keras.Model", inputs: Mapping[str, np.ndarray | StandardizedInput], probabilities: np.ndarray
) -> dict[str, Any]:
    """Draw what moves the scores of some clips, of every class; give the sheets drawn, or why there are none."""
    if not run.settings.faces:
        return {"sheets": [], "missing": "the run was started with --no-faces."}
    from microexp_keras.models import saliency

    samples, class_names, scored = run.samples, run.protocol.database.class_names, run.folds[0].score
    predicted, true = probabilities.argmax(axis=1), samples.labels[scored]
    chosen = sheets.some_of_every_class(true, predicted, SALIENCY_CLIPS)
    few = {name: stacks[scored[chosen]] for name, stacks in inputs.items()}
    try:
        maps = saliency.saliency(model, few, predicted[chosen])
    except MicroExpError as error:
        return {"sheets": [], "missing": str(error)}
    titles = [
        f"{samples.names[scored[clip]]}: {class_names[true[clip]]}, called {class_names[predicted[clip]]} "
        f"({probabilities[clip, predicted[clip]]:.0%})"
        for clip in chosen
    ]
    plain = [title.encode("ascii", "backslashreplace").decode().replace("$", r"\$") for title in titles]  # no formulas
    for name, clips in few.items():
        path = run.fold_folder(0) / f"saliency_{name}.png"
        marks, title = saliency.binarize(maps[name]), f"Saliency: {name}"
        plots.saliency_sheet(clips[..., 0], marks, path, plain, title=title, strengths=maps[name])
    drawn = [{"input": name, "file": f"saliency_{name}.png", "clips": titles} for name in few]
    return {"sheets": drawn, "missing": None}
