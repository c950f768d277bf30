"""From a fold to one of the paper's networks, trained, and its saliency."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras import preprocessing, weights
from microexp_keras.backend import computing_in, import_keras
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import NETWORKS
from microexp_keras.preprocessing import StandardizedInput, original_npy
from microexp_keras.results import plots, sheets
from microexp_keras.runs.run import Run
from microexp_keras.training.history import STATE
from microexp_keras.training.task import Learned, Task, train

if TYPE_CHECKING:
    import keras

SALIENCY_CLIPS = 4  # on a sheet: a page's length


def fit_network(run: Run, number: int, task: Task) -> Learned:
    """Train a fold, or resume it; choose the epoch and predict the clips that are scored."""
    import_keras()

    from microexp_keras import training

    settings, protocol, samples = run.settings, run.protocol, run.samples
    fold, folder, network = task.fold, task.folder, NETWORKS[protocol.model]
    inputs, _ = preprocessing.network_inputs(samples.stacks, run.statistics[number])
    class_names = protocol.database.class_names
    _, rows, columns, frames, _ = inputs[protocol.inputs[0]].shape
    with computing_in(settings.precision):
        model = network.build(
            frames, (rows, columns), len(class_names), protocol.kernel_size, protocol.conv_initializer, settings.seed
        )
    if settings.weights and not (folder / STATE).exists():
        weights.load_weights(model, settings.weights)
    if run.has_one_fold:
        seen = protocol.training_inputs(inputs)
        origin = {name: task.metadata[name] for name in ("synthetic", "dataset", "data_fingerprint")}
        original_npy.write_validation(folder, network, seen, samples.labels, len(class_names), fold.held_out, origin)
    outcome = train(task, model, inputs, samples.labels, fold, task.metadata)
    weights.load_weights(model, outcome.best_path)
    probabilities = training.predict(model, inputs, fold.score)
    if number > 0:  # one fold's are enough to look at
        return Learned(outcome, probabilities)
    return Learned(outcome, probabilities, {"saliency": _draw_saliency(run, model, inputs, probabilities)})


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
    plain = [title.encode("ascii", "backslashreplace").decode() for title in titles]
    for name, clips in few.items():
        path = run.fold_folder(0) / f"saliency_{name}.png"
        marks, title = saliency.binarize(maps[name]), f"Saliency: {name}"
        plots.saliency_sheet(clips[..., 0], marks, path, plain, title=title, strengths=maps[name])
    drawn = [{"input": name, "file": f"saliency_{name}.png", "clips": titles} for name in few]
    return {"sheets": drawn, "missing": None}
