"""From standardised stacks and a fold to trained weights in a run folder, repeatable and resumable to the bit."""

import math
from pathlib import Path

import keras
import numpy as np

from microexp_keras import weights
from microexp_keras.callbacks import BestWeights, DivergedError, EpochBar, RunState, StopOnNaN
from microexp_keras.errors import MicroExpError
from microexp_keras.runs import History, Outcome

PREDICTED = 16  # clips at a time: no more memory than a step of training takes


class Batches:
    """Training batches whose order depends on the seed and the epoch alone, on every backend.

    Keras' own shuffling of arrays replays one permutation in every epoch after `set_random_seed` (TensorFlow), and a
    resumed run would replay the first ones.

    Parameters
    ----------
    inputs : dict of str to float32 array (clips, rows, columns, time, 1)
        By name of the network's input; or what gives such arrays for positions, as `preprocessing.network_inputs`.
    targets : float32 array (clips, classes)
    positions : int array
        Which of the clips are trained on.
    batch_size, seed : int
    """

    def __init__(self, inputs, targets, positions, batch_size, seed):
        self.inputs, self.targets, self.positions = inputs, targets, positions
        self.batch_size, self.seed = batch_size, seed
        self.reorder(0)

    def reorder(self, epoch):
        """Draw the order of `epoch`."""
        random = np.random.default_rng([self.seed, epoch])
        self.order = self.positions[random.permutation(len(self.positions))]

    def __len__(self):
        return math.ceil(len(self.positions) / self.batch_size)

    def __getitem__(self, index):
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return _taken(self.inputs, chosen), self.targets[chosen]


class Crossentropy(keras.losses.Loss):
    """Categorical cross-entropy of probabilities, as Keras 2.0.0 computes it.

    A probability below the floor counts as the floor and has no gradient. A network that saturates on a wrong answer
    is therefore stuck. Keras 3 takes the logits instead where its backend can find them (TensorFlow), which hides it.

    Parameters
    ----------
    floor : float
        1e-7 as in Keras; a value near the smallest float32 keeps the gradient alive.

    References
    ----------
    `keras/backend/tensorflow_backend.py`, `categorical_crossentropy`, of Keras 2.0.0.
    """

    def __init__(self, floor=1e-7):
        super().__init__(name="categorical_crossentropy")
        self.floor = floor

    def call(self, targets, probabilities):
        """Return the loss of each clip; both arguments are (clips, classes)."""
        clipped = keras.ops.clip(probabilities, self.floor, 1 - self.floor)
        return -keras.ops.sum(targets * keras.ops.log(clipped), axis=-1)


def compile_model(model, learning_rate, momentum=0.0, probability_floor=1e-7):
    """Compile as the original: categorical cross-entropy, stochastic gradient descent, accuracy.

    XLA is left off with TensorFlow, where it makes this convolution many times slower on a CPU.
    """
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate, momentum),
        loss=Crossentropy(probability_floor),
        metrics=["accuracy"],
        jit_compile=keras.backend.backend() == "jax",
    )
    model.optimizer.build(model.trainable_variables)


def train_epoch(model, batches, epoch, callbacks=None):
    """Train a compiled model on every batch once and return the epoch's logs.

    This stands in for `model.fit`, which with TensorFlow builds a tf.data pipeline for every epoch and every
    validation; starting one takes up to a second now and then, more than a whole epoch on SMIC.

    Parameters
    ----------
    model : keras.Model
    batches : Batches
    epoch : int
        Decides the order of the clips.
    callbacks : keras.callbacks.CallbackList, optional
        Told of every batch.

    Returns
    -------
    dict of str to float
        Means over the epoch: `loss`, `accuracy`.
    """
    batches.reorder(epoch)
    seen = []
    for index in range(len(batches)):
        if callbacks:
            callbacks.on_train_batch_begin(index)
        inputs, targets = batches[index]
        model.reset_metrics()  # newer versions of Keras do so by themselves, 3.12 does not
        logs = model.train_on_batch(inputs, targets, return_dict=True)
        seen.append((len(targets), logs))
        if callbacks:
            callbacks.on_train_batch_end(index, logs)
    return _mean_logs(seen)


def held_out_logs(model, inputs, targets, positions, batch_size):
    """Return `val_loss`, `val_accuracy` and `val_only_class` over some clips.

    The last is the class if all clips are given the same one, else -1. The loss is that of training, in float64.
    """
    floor = model.loss.floor
    right, losses, answers = 0, 0.0, set()
    for start in range(0, len(positions), batch_size):
        chosen = positions[start : start + batch_size]
        probabilities = model.predict_on_batch(_taken(inputs, chosen)).astype("float64")
        wanted = targets[chosen].astype(bool)
        losses -= np.log(np.clip(probabilities[wanted], floor, 1 - floor)).sum()
        answered = probabilities.argmax(axis=1)
        right += np.count_nonzero(answered == wanted.argmax(axis=1))
        answers.update(answered.tolist())
    clips = len(positions)
    only = answers.pop() if len(answers) == 1 and clips > 1 else -1
    return {"val_loss": losses / clips, "val_accuracy": right / clips, "val_only_class": only}


def _taken(inputs, positions):
    """Some clips of all inputs, as Keras wants them: an array, or a list of them in the order of the model's inputs."""
    taken = [array[positions] for array in inputs.values()]
    return taken if len(taken) > 1 else taken[0]


def _mean_logs(seen):
    """Mean over clips of `(clips, logs)` of single batches."""
    clips = sum(count for count, _ in seen)
    return {name: sum(count * float(logs[name]) for count, logs in seen) / clips for name in seen[0][1]}


def fit(
    model, inputs, labels, fold, folder, protocol, seed, metadata=None, keep_all=False, callbacks=(), progress=True
):
    """Train a compiled model; from a folder with a saved state, go on.

    Parameters
    ----------
    model : keras.Model
        Compiled by `compile_model`, built after `keras.utils.set_random_seed(seed)`.
    inputs : dict of str to float32 array (clips, rows, columns, time, 1)
        All clips of the data set, standardised, for each input of the network in its order; as for `Batches`.
    labels : int array (clips,)
        Their classes.
    fold : splits.Fold
        Which of them train and which choose the epoch.
    folder : Path
        Gets `history.csv`, `last.weights.h5` and `weights-improvement-*.weights.h5`.
    protocol : protocols.Protocol
        Gives `batch_size` and `epochs`; the epochs count from the start of the run, not of this call.
    seed : int
        Of the order of the clips.
    metadata : dict, optional
        Written into every weights file.
    keep_all : bool
        Keep every improvement, not only the best.
    callbacks : sequence of keras.callbacks.Callback
        More of them.
    progress : bool
        Show a progress bar on stderr.

    Returns
    -------
    runs.Outcome

    Raises
    ------
    DivergedError
        If a loss is infinite or NaN in the very first epoch, so that there is nothing to report.
    MicroExpError
        If a file cannot be written. The files of earlier epochs are intact.
    """
    targets = keras.utils.to_categorical(labels, model.output_shape[-1]).astype("float32")
    batches = Batches(protocol.training_inputs(inputs), targets, fold.train, protocol.batch_size, seed)
    history = History(Path(folder) / "history.csv")
    best = BestWeights(folder, metadata=metadata, keep_all=keep_all)
    state = RunState(history, best, Path(folder) / "last.weights.h5", metadata)
    first_epoch = state.restore(model)
    bar = [EpochBar(best, protocol.epochs, first_epoch)] if progress else []
    run = keras.callbacks.CallbackList([StopOnNaN(), *callbacks, best, state, *bar], model=model)
    diverged, model.stop_training = None, False
    run.on_train_begin()
    try:
        for epoch in range(first_epoch, protocol.epochs):
            run.on_epoch_begin(epoch)
            logs = train_epoch(model, batches, epoch, run)
            logs |= held_out_logs(model, inputs, targets, fold.select, protocol.batch_size)
            run.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
    except DivergedError as error:
        if not history.rows:
            raise
        diverged = str(error)
    run.on_train_end()
    best_epoch = weights.inspect(best.path).metadata["epoch"]
    return Outcome(history.rows, best_epoch, best.path, diverged)


def predict(model, inputs, positions=None):
    """Predict the classes of clips, a batch at a time.

    Parameters
    ----------
    model : keras.Model
    inputs : dict of str to float32 array (clips, rows, columns, time, 1)
        As for `Batches`.
    positions : int array, optional
        Of which clips; by default all.

    Returns
    -------
    float32 array (positions, classes)
        Probabilities.

    Raises
    ------
    MicroExpError
        If they are not finite.
    """
    if positions is None:
        positions = np.arange(len(next(iter(inputs.values()))))
    batches = [positions[start : start + PREDICTED] for start in range(0, len(positions), PREDICTED)]
    probabilities = np.concatenate([model.predict_on_batch(_taken(inputs, chosen)) for chosen in batches])
    if not np.isfinite(probabilities).all():
        raise MicroExpError("expected finite probabilities, found NaN: the weights or the clips are beyond float32.")
    return probabilities
