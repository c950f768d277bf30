"""From a model, inputs and a fold to trained weights, repeatable and resumable to the bit, and to answers."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras import weights
from microexp_keras.backend import descend, keras, together
from microexp_keras.console import progress_bar
from microexp_keras.errors import MicroExpError
from microexp_keras.models.layers import Crossentropy
from microexp_keras.preprocessing.standardization import StandardizedInput
from microexp_keras.protocols.splits import Fold
from microexp_keras.training.checkpoint import Checkpoint
from microexp_keras.training.history import MONITOR, FoldResult

if TYPE_CHECKING:
    from microexp_keras.training.job import Job

#: By name of the network's input: float32 (clips, rows, columns, time, 1), or what gives such arrays for positions.
Inputs = Mapping[str, np.ndarray | StandardizedInput]

DIVERGED = (
    "Training diverged and was stopped; the weights of earlier epochs are intact. Look for broken frames; the "
    "protocol's learning rate may be too high for these clips."
)

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


def only_class(answers: np.ndarray) -> int:
    """Return the class if several clips are all given the same one, else -1."""
    return int(answers[0]) if len(answers) > 1 and (answers == answers[0]).all() else -1


def predict(model: keras.Model, inputs: Inputs, positions: np.ndarray | None = None) -> np.ndarray:
    """Predict clips, by default all, a batch at a time: float32 probabilities (positions, classes)."""
    if positions is None:
        positions = np.arange(len(next(iter(inputs.values()))))
    batches = [positions[start : start + PREDICTED] for start in range(0, len(positions), PREDICTED)]
    probabilities = np.concatenate([model.predict_on_batch(keras_inputs(inputs, chosen)) for chosen in batches])
    if not np.isfinite(probabilities).all():
        hint = "The weights or the clips are beyond float32."
        raise MicroExpError("predictions", "are not finite", hint)
    return probabilities


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
    how = (protocol.learning_rate, protocol.momentum, protocol.probability_floor, protocol.optimizer)
    compile_model(model, *how)
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
