"""A user's own method, fitted on a fold: a Keras model that a function builds, or a scikit-learn estimator."""

import inspect
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras import preprocessing, weights
from microexp_keras.backend import drawing_from, import_keras
from microexp_keras.console import progress_bar
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import OWN
from microexp_keras.preprocessing import Samples
from microexp_keras.training.history import MONITOR, FoldResult, History, only_class
from microexp_keras.training.job import Job, known_statistics

if TYPE_CHECKING:
    import keras

WEIGHTS = "best.weights.h5"  #: Weights of the best epoch, as Keras writes and reads them.


def fit(job: Job) -> FoldResult:
    """Fit a fold from its beginning and predict the test clips; see `models.Method`."""
    clips = job.network_inputs()["face"][:]
    return _fit_network(job, clips) if job.protocol.network.has_epochs else _fit_estimator(job, clips)


def _fit_estimator(job: Job, clips: np.ndarray) -> FoldResult:
    from sklearn.base import clone

    fold, labels, flat, name = job.fold, job.samples.labels, clips.reshape(len(clips), -1), job.protocol.model
    estimator = clone(OWN[name].make)
    try:
        estimator.fit(flat[fold.train], labels[fold.train])
        if hasattr(estimator, "predict_proba"):
            probabilities = np.zeros((len(fold.test), job.num_classes))
            probabilities[:, np.asarray(estimator.classes_, int)] = estimator.predict_proba(flat[fold.test])
        else:
            probabilities = np.eye(job.num_classes)[np.asarray(estimator.predict(flat[fold.test]), int)]
    except (ValueError, TypeError, IndexError) as error:
        raise MicroExpError(f"{name}: cannot be fitted to clips of {flat.shape[1]} values ({error}).") from error
    return FoldResult(best_path=job.folder / WEIGHTS, probabilities=probabilities)


def _fit_network(job: Job, clips: np.ndarray) -> FoldResult:
    keras = import_keras()
    method, fold, labels, protocol = OWN[job.protocol.model], job.fold, job.samples.labels, job.protocol
    keras.utils.set_random_seed(job.seed)
    with drawing_from(job.seed):
        model = build(method.name, clips.shape[1:], job.num_classes)
    loss = model.loss if isinstance(model.loss, str) else getattr(model.loss, "name", type(model.loss).__name__)
    targets = labels if "sparse" in loss.lower() else np.eye(job.num_classes, dtype="float32")[labels]
    (job.folder / "history.csv").unlink(missing_ok=True)  # of a fold that was killed: it begins anew
    history, path = History(job.folder / "history.csv"), job.folder / WEIGHTS

    def answers(positions: np.ndarray) -> np.ndarray:
        return _probabilities(model, method.name, clips[positions]).argmax(axis=1)

    def keep(epoch: int, logs: dict[str, float]) -> None:
        """Add what every report needs to the logs of an epoch, and keep them."""
        if not np.isfinite([logs["loss"], logs["val_loss"]]).all():
            said = f"the loss of epoch {epoch} is {logs['loss']} and {logs['val_loss']} of validation clips"
            raise MicroExpError(method.name, said, "Training diverged: take a lower learning rate.")
        answered, best = answers(fold.validation), max((row[MONITOR] for row in history.rows), default=-1)
        logs[MONITOR] = float((answered == labels[fold.validation]).mean())
        measured = [logs[name] for name in logs if "acc" in name and not name.startswith("val_")]
        accuracy = measured[0] if measured else (answers(fold.train) == labels[fold.train]).mean()
        losses = {"loss": logs["loss"], "accuracy": accuracy, "val_loss": logs["val_loss"]}
        history.add(epoch, {**losses, MONITOR: logs[MONITOR], "val_only_class": only_class(answered)})
        if logs[MONITOR] > best:
            weights.save_weights(model, path, {**job.metadata, "epoch": epoch}, optimizer=False)
        bar.update()

    told = keras.callbacks.LambdaCallback(job.require_wanted, keep)
    with progress_bar(total=protocol.epochs, desc="training", unit="epoch", disable=not job.progress) as bar:
        try:
            model.fit(
                clips[fold.train],
                targets[fold.train],
                batch_size=protocol.batch_size,
                epochs=protocol.epochs,
                validation_data=(clips[fold.validation], targets[fold.validation]),
                callbacks=[told, *(method.callbacks() if method.callbacks else ())],
                verbose=0,
            )
        except (MicroExpError, OSError):
            raise
        except Exception as error:  # the user's layers, loss and callbacks may fail in any way
            raise MicroExpError(method.name, f"training failed ({_reason(error)})") from error
    _load(model, path)
    return FoldResult(
        history=history.rows,
        best_epoch=int(np.argmax([row[MONITOR] for row in history.rows])),
        best_path=path,
        probabilities=_probabilities(model, method.name, clips[fold.test]),
    )


def predict(file: Any, samples: Samples, positions: np.ndarray, num_classes: int) -> np.ndarray:
    """Predict clips with the weights that a user's own network keeps of a fold; see `models.Method`."""
    clips = preprocessing.network_inputs(samples.stacks, known_statistics(file))[0]["face"][positions]
    model = build(file.network, clips.shape[1:], num_classes)
    try:
        _load(model, file.path)
    except (ValueError, OSError) as error:
        said = f"does not fit the model of {file.network} ({str(error).splitlines()[0]})"
        raise MicroExpError(file.path, said, "Give the --model that was trained.") from error
    return _probabilities(model, file.network, clips)


def _load(model: "keras.Model", path: Path | str) -> None:
    with warnings.catch_warnings(action="ignore"):  # of the optimizer's state, which is not kept
        model.load_weights(path)


def build(name: str, input_shape: tuple[int, ...], classes: int) -> "keras.Model":
    """Call the user's function, and check that what it gives is a compiled model that fits."""
    keras, make = import_keras(), OWN[name].make
    offered = {"input_shape": input_shape, "num_classes": classes}
    try:
        model = make(**{one: offered[one] for one in inspect.signature(make).parameters if one in offered})
    except Exception as error:  # the user's function may fail in any way
        hint = f"It is called with nothing, or by name with input_shape, here {input_shape}, and num_classes, here "
        raise MicroExpError(name, f"the function failed ({_reason(error)})", f"{hint}{classes}.") from error
    if not isinstance(model, keras.Model):
        raise MicroExpError(name, f"the function returns {type(model).__name__}, not a keras.Model")
    if not model.compiled:
        hint = 'Call model.compile(optimizer=..., loss=..., metrics=["accuracy"]) in the function.'
        raise MicroExpError(name, "the model is not compiled", hint)
    try:
        answer = model(np.zeros((1, *input_shape), np.float32))
    except Exception as error:
        found = f"the model cannot take clips of shape {input_shape} ({_reason(error)})"
        raise MicroExpError(name, found) from error
    if tuple(answer.shape) != (1, classes):
        found = f"the model answers a clip with an array of shape {tuple(answer.shape[1:])}, but there are {classes} "
        hint = f"End it with keras.layers.Dense({classes}, activation='softmax')."
        raise MicroExpError(name, f"{found}classes", hint)
    return model


def _reason(error: Exception) -> str:
    """Return the sentence that says why, without the frame that Keras puts around it."""
    plain = re.sub(r"\x1b\[\d*m", "", str(error))
    lines = [line for line in plain.splitlines() if line.strip() and not line.startswith("Exception encountered")]
    return f"{type(error).__name__}: {lines[0].rstrip('.') if lines else plain}"


def _probabilities(model: "keras.Model", name: str, clips: np.ndarray) -> np.ndarray:
    """Return probabilities of clips, float array (clips, classes); logits of a loss `from_logits` become some."""
    from microexp_keras.training.loop import predict

    answers = predict(model, {"face": clips}).astype(float)
    if getattr(model.loss, "from_logits", False):
        answers = np.exp(answers - answers.max(axis=1, keepdims=True))
        answers /= answers.sum(axis=1, keepdims=True)
    if answers.min() < 0 or not np.allclose(answers.sum(axis=1), 1, atol=1e-3):
        found = f"the model's answers are no probabilities (from {answers.min():.3g} to {answers.max():.3g})"
        hint = "End it with a softmax, or compile it with a loss that has from_logits=True."
        raise MicroExpError(name, found, hint)
    return answers
