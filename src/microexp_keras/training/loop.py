"""From a model, inputs and a fold to trained weights, repeatable and resumable to the bit, and to answers."""

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras import weights
from microexp_keras.backend import descend, keras, together
from microexp_keras.console import progress_bar
from microexp_keras.errors import MicroExpError
from microexp_keras.models.layers import Crossentropy
from microexp_keras.preprocessing.standardization import Inputs
from microexp_keras.protocols.splits import Fold
from microexp_keras.training.history import MONITOR, STATE, FoldResult, History, Row, only_class

if TYPE_CHECKING:
    from microexp_keras.training.job import Job

DIVERGED = (
    "Training diverged and was stopped; the weights of earlier epochs are intact. Look for broken frames; the "
    "protocol's learning rate may be too high for these clips."
)

STATE_SECONDS = 10.0
"""How often the state is saved at most: writing it takes up to 6 % of a short epoch, and what is not saved is repeated
to the bit."""

PREDICTED = 16  # clips at a time: no more memory than a step of training takes


class SGD(keras.optimizers.SGD):
    """`keras.optimizers.SGD` for TensorFlow on one device, to the bit, in less memory.

    Weights are updated once all gradients are there: TensorFlow copies a variable that is still being read. Nothing is
    summed over replicas: TensorFlow registers a gradient of that sum, and with it keeps every model that was trained.
    """

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        super().apply(together(grads), trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        velocity = self.momentums[self._get_variable_index(variable)] if self.momentum else None
        descend(variable, gradient, learning_rate, self.momentum, velocity)

    def _all_reduce_sum_gradients(self, grads_and_vars: list[Any]) -> list[Any]:
        return grads_and_vars


def compile_model(
    model: keras.Model,
    learning_rate: float,
    momentum: float = 0.0,
    probability_floor: float = 1e-7,
    optimizer: str = "sgd",
) -> None:
    """Compile as the original: categorical cross-entropy, accuracy, and an optimizer by `Protocol.optimizer`.

    XLA is left off with TensorFlow, where it makes this convolution many times slower on a CPU.
    """
    backend = keras.backend.backend()
    descent = SGD if backend == "tensorflow" else keras.optimizers.SGD
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate) if optimizer == "adam" else descent(learning_rate, momentum),
        loss=Crossentropy(probability_floor),
        metrics=["accuracy"],
        jit_compile=backend == "jax",
    )
    model.optimizer.build(model.trainable_variables)


class Batches:
    """Training batches of some positions, whose order depends on the seed and the epoch alone, on every backend.

    Keras' own shuffling of arrays replays one permutation in every epoch after `set_random_seed` (TensorFlow), and a
    resumed run would replay the first ones. Targets are float32 (clips, classes).
    """

    def __init__(self, inputs: Inputs, targets: np.ndarray, positions: np.ndarray, batch_size: int, seed: int) -> None:
        self.inputs, self.targets, self.positions = inputs, targets, positions
        self.batch_size, self.seed = batch_size, seed
        self.reorder(0)

    def reorder(self, epoch: int) -> None:
        """Draw the order of `epoch`."""
        random = np.random.default_rng([self.seed, epoch])
        self.order = self.positions[random.permutation(len(self.positions))]

    def __len__(self) -> int:
        return math.ceil(len(self.positions) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray | list[np.ndarray], np.ndarray]:
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return keras_inputs(self.inputs, chosen), self.targets[chosen]


def keras_inputs(inputs: Inputs, positions: np.ndarray | None = None) -> np.ndarray | list[np.ndarray]:
    """Return clips as Keras takes them: an array, or a list of them in the order of the network's inputs."""
    taken = [array[:] if positions is None else array[positions] for array in inputs.values()]
    return taken if len(taken) > 1 else taken[0]


def train_epoch(model: keras.Model, batches: Batches, epoch: int) -> dict[str, float]:
    """Train a compiled model on every batch, in the epoch's order; return the means over it: `loss` and `accuracy`.

    This stands in for `model.fit`, which with TensorFlow builds a tf.data pipeline for every epoch and every
    validation; starting one takes up to a second now and then, more than a whole epoch on SMIC.
    """
    batches.reorder(epoch)
    seen = []
    for index in range(len(batches)):
        inputs, targets = batches[index]
        model.reset_metrics()  # newer versions of Keras do so by themselves, 3.12 does not
        seen.append((len(targets), model.train_on_batch(inputs, targets, return_dict=True)))
    clips = sum(count for count, _ in seen)
    return {name: sum(count * float(logs[name]) for count, logs in seen) / clips for name in seen[0][1]}


def held_out_logs(
    model: keras.Model, inputs: Inputs, targets: np.ndarray, positions: np.ndarray, batch_size: int
) -> dict[str, float]:
    """Return `val_loss`, `val_accuracy` and `val_only_class`, see `only_class`, over some clips.

    The loss is that of training, in float64.
    """
    floor = model.loss.floor
    losses, answers = 0.0, []
    for start in range(0, len(positions), batch_size):
        chosen = positions[start : start + batch_size]
        probabilities = model.predict_on_batch(keras_inputs(inputs, chosen)).astype("float64")
        losses -= np.log(np.clip(probabilities[targets[chosen].astype(bool)], floor, 1 - floor)).sum()
        answers.append(probabilities.argmax(axis=1))
    answered = np.concatenate(answers)
    right = float((answered == targets[positions].argmax(axis=1)).mean())
    return {"val_loss": losses / len(positions), MONITOR: right, "val_only_class": only_class(answered)}


def predict(model: keras.Model, inputs: Inputs, positions: np.ndarray | None = None) -> np.ndarray:
    """Predict clips, by default all, a batch at a time: float32 probabilities (positions, classes)."""
    if positions is None:
        positions = np.arange(len(next(iter(inputs.values()))))
    batches = [positions[start : start + PREDICTED] for start in range(0, len(positions), PREDICTED)]
    probabilities = np.concatenate([model.predict_on_batch(keras_inputs(inputs, chosen)) for chosen in batches])
    if not np.isfinite(probabilities).all():
        raise MicroExpError("predictions", "are not finite", "The weights or the clips are beyond float32.")
    return probabilities


class Checkpoint(keras.callbacks.Callback):
    """The callback that keeps a training: best weights, history and state, each written whole or not at all.

    `fit` calls it, and Keras' own `model.fit` can, with `validation_data` and the metric "accuracy". The best weights
    are kept as the original's `ModelCheckpoint` did (`SMIC/MicroExpSTCNN.py:119-121`), epochs from 0. The state,
    written last, decides where a run resumes, and the best weights that it names are there as long as it names them.
    Beside weights and optimizer it carries the best score and the state of the random numbers that dropout draws.
    `metadata` is written into every weights file.
    """

    def __init__(self, folder: str | Path, metadata: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.folder, self.metadata = Path(folder), metadata or {}
        self.folder.mkdir(parents=True, exist_ok=True)
        self.history = History(self.folder / "history.csv")
        self.value, self.epoch, self.path = -math.inf, -1, self.folder  # of the best epoch; -1: none yet
        self._saved, self._before = -math.inf, len(self.history.rows)  # epochs of an earlier training in this folder
        self._unsaved: int | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Keep an epoch whose losses are numbers."""
        if logs[MONITOR] > self.value:
            self.value, self.epoch, self.path = logs[MONITOR], epoch, self._file(epoch, logs[MONITOR])
            about = {**self.metadata, "epoch": epoch, MONITOR: self.value}
            weights.save_weights(self.model, self.path, about, optimizer=False)
        self.history.add(epoch, logs)
        self._unsaved = epoch
        if time.monotonic() - self._saved >= STATE_SECONDS:
            self.on_train_end()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Save the state of the last epoch, if it is not saved yet."""
        if self._unsaved is None:
            return
        state = {
            "best_value": self.value,
            "best_file": self.path.name,
            "random_states": [keras.ops.convert_to_numpy(one).tolist() for one in self._random_states()],
        }
        about = {**self.metadata, "epoch": self._unsaved}
        weights.save_weights(self.model, self.folder / STATE, {**about, "resume": state})
        self._saved, self._unsaved = time.monotonic(), None
        self._remove_outdone(self.history.rows[self._before :])

    def resume(self) -> int:
        """Put model, optimizer, dropout and best score into the saved state, and return the first epoch to train.

        Files that a killed run did not come to remove are removed: its own are those that its history leads to.
        """
        last, rows, self._before = self.folder / STATE, self.history.rows, 0
        if not last.exists() and len(rows) < 2:  # killed before the first state was saved
            self.history.keep_until(-1)
            return 0
        try:
            metadata = weights.load_layers(self.model, last, optimizer=True)
            epoch, state = metadata["epoch"], metadata["resume"]
            for variable, value in zip(self._random_states(), state["random_states"], strict=True):
                variable.assign(np.array(value, "uint32"))
            self.value, self.path = float(state["best_value"]), self.folder / state["best_file"]
            self.history.keep_until(epoch)
            if [row["epoch"] for row in self.history.rows] != list(range(epoch + 1)):
                raise MicroExpError(self.history.path, f"lacks some of {epoch + 1} epochs")
            if not self.path.is_file():
                raise MicroExpError(self.path, "no such file")
            self.epoch = next((row["epoch"] for row in self.history.rows if row[MONITOR] >= self.value), epoch)
            self._remove_outdone(rows)
        except (MicroExpError, KeyError, TypeError, ValueError) as error:
            found = f"files that the run left are changed or missing ({error})"
            hint = "Restore them, or start a new run; --weights can start from one of these."
            raise MicroExpError(self.folder, found, hint) from error
        return epoch + 1

    def _remove_outdone(self, rows: list[Row]) -> None:
        """Remove the best weights of other epochs, which no saved state names any more."""
        own = {self._file(row["epoch"], row[MONITOR]) for row in rows} - {self.path}
        for path in own & {*self.folder.glob("weights-improvement-*")}:
            path.unlink(missing_ok=True)

    def _file(self, epoch: int, value: float) -> Path:
        return self.folder / f"weights-improvement-{epoch:02d}-{value:.2f}.weights.h5"  # as the original names it

    def _random_states(self) -> list[keras.Variable]:
        """Variables that are no weights: the seed states of the dropout layers, in layer order."""
        known = {id(variable) for variable in self.model.weights}
        return [one for one in self.model.variables if id(one) not in known and "seed" in one.path]


def fit(
    job: "Job",
    model: keras.Model,
    inputs: Inputs,
    labels: np.ndarray,
    fold: Fold,
    metadata: Mapping[str, Any] | None = None,
) -> FoldResult:
    """Train a network by a job's protocol, or resume it in the job's folder, and predict by the best epoch's weights.

    Parameters
    ----------
    job : Job
        Says how, with which seed, and into which folder. Epochs count from the start of the run, not of this call.
    model : keras.Model
        Not compiled; built with the job's seed.
    inputs, labels
        All clips, as for `Batches`, and their classes, int array (clips,).
    fold : splits.Fold
        Which of them train, choose the epoch, and are predicted.
    metadata : dict, optional
        Written into every weights file.
    """
    protocol = job.protocol
    compile_model(model, protocol.learning_rate, protocol.momentum, protocol.probability_floor, protocol.optimizer)
    targets = keras.utils.to_categorical(labels, model.output_shape[-1]).astype("float32")
    batches = Batches(protocol.training_inputs(inputs), targets, fold.train, protocol.batch_size, job.seed)
    best = Checkpoint(job.folder, metadata)
    best.set_model(model)
    first, diverged = best.resume(), None
    hidden = not job.progress
    with progress_bar(total=protocol.epochs, initial=first, desc="training", unit="epoch", disable=hidden) as bar:
        for epoch in range(first, protocol.epochs):
            if protocol.patience is not None and epoch - best.epoch > protocol.patience:
                break
            job.require_wanted(epoch)
            logs = train_epoch(model, batches, epoch)
            logs |= held_out_logs(model, inputs, targets, fold.validation, protocol.batch_size)
            if bad := [f"{name} = {value}" for name, value in logs.items() if not math.isfinite(value)]:
                diverged = f"epoch {epoch}: {', '.join(bad)}. {DIVERGED}"
                break
            best.on_epoch_end(epoch, logs)
            collapsed = " (all one class)" * (logs["val_only_class"] >= 0)
            said = f"loss {logs['loss']:.3f}, accuracy {logs[MONITOR]:.3f}{collapsed}, best {best.value:.3f}"
            bar.set_postfix_str(said, refresh=False)
            bar.update()
    if not diverged:  # else the weights are spoiled
        best.on_train_end()
    elif not best.history.rows:
        raise MicroExpError(diverged)
    weights.load_layers(model, best.path)
    return FoldResult(
        history=best.history.rows,
        best_epoch=best.epoch,
        best_path=best.path,
        diverged=diverged,
        probabilities=predict(model, inputs, fold.test),
    )
