"""From a compiled model, inputs and a fold to trained weights in a folder, repeatable and resumable to the bit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras.backend import keras
from microexp_keras.models.keras2 import Crossentropy
from microexp_keras.protocols.protocol import Protocol
from microexp_keras.protocols.splits import Fold
from microexp_keras.training.batches import Batches, Inputs, train_epoch
from microexp_keras.training.callbacks import BestWeights, DivergedError, EpochBar, RunState, StopOnNaN
from microexp_keras.training.descent import SGD
from microexp_keras.training.history import STATE, History, Outcome
from microexp_keras.training.prediction import held_out_logs


def compile_model(
    model: keras.Model, learning_rate: float, momentum: float = 0.0, probability_floor: float = 1e-7
) -> None:
    """Compile as the original: categorical cross-entropy, stochastic gradient descent, accuracy.

    XLA is left off with TensorFlow, where it makes this convolution many times slower on a CPU.
    """
    backend = keras.backend.backend()
    descent = SGD if backend == "tensorflow" else keras.optimizers.SGD
    model.compile(
        optimizer=descent(learning_rate, momentum),
        loss=Crossentropy(probability_floor),
        metrics=["accuracy"],
        jit_compile=backend == "jax",
    )
    model.optimizer.build(model.trainable_variables)


def fit(
    model: keras.Model,
    inputs: Inputs,
    labels: np.ndarray,
    fold: Fold,
    folder: str | Path,
    protocol: Protocol,
    seed: int,
    metadata: dict[str, Any] | None = None,
    keep_all: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    progress: bool = True,
) -> Outcome:
    """Train a compiled model; a folder with a saved state is resumed.

    Parameters
    ----------
    model : keras.Model
        Compiled by `compile_model`, built with `seed`.
    inputs : dict of str to float32 array (clips, rows, columns, time, 1)
        All clips of the data set, standardised, for each input of the network in its order; as for `Batches`.
    labels : int array (clips,)
        Their classes.
    fold : splits.Fold
        Which of them train and which choose the epoch.
    folder : Path
        Gets `history.csv`, `last.weights.h5` and `weights-improvement-*.weights.h5`.
    protocol : protocols.Protocol
        Gives `batch_size`, `epochs` and `patience`; epochs count from the start of the run, not of this call.
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
    Outcome

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
    state = RunState(history, best, Path(folder) / STATE, metadata)
    first_epoch = state.restore(model)
    bar = [EpochBar(best, protocol.epochs, first_epoch)] if progress else []
    forget = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: state.forget())
    run = keras.callbacks.CallbackList([StopOnNaN(), *callbacks, forget, best, state, *bar], model=model)
    diverged, model.stop_training = None, False
    run.on_train_begin()
    try:
        for epoch in range(first_epoch, protocol.epochs):
            if protocol.patience is not None and epoch - best.epoch > protocol.patience:
                break
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
    assert best.path is not None  # an epoch was trained
    return Outcome(history.rows, best.epoch, best.path, diverged)
