"""From the end of an epoch to the best weights, the history and the state from which a killed training resumes."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras import weights
from microexp_keras.backend import keras
from microexp_keras.errors import MicroExpError
from microexp_keras.training.history import MONITOR, STATE, History

STATE_SECONDS = 10.0
"""How often the state is saved at most: writing it takes up to 6 % of a short epoch, and what is not saved is repeated
to the bit."""


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
        self._outdone: list[Path] = []
        self._saved = -math.inf
        self._unsaved: int | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Keep an epoch whose losses are numbers."""
        if logs[MONITOR] > self.value:
            self._outdone += [self.path] if self.epoch >= 0 else []
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
        while self._outdone:  # no saved state names them any more
            self._outdone.pop().unlink(missing_ok=True)

    def resume(self) -> int:
        """Put model, optimizer, dropout and best score into the saved state, and return the first epoch to train.

        Files that a killed run did not come to remove are removed: its own are those that its history leads to.
        """
        last, rows = self.folder / STATE, self.history.rows
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
            reached = (row["epoch"] for row in self.history.rows if row[MONITOR] >= self.value)
            self.epoch = next(reached, epoch)
            for own in {self._file(int(row["epoch"]), row[MONITOR]) for row in rows} - {self.path}:
                own.unlink(missing_ok=True)
        except (MicroExpError, KeyError, TypeError, ValueError) as error:
            found = f"files that the run left are changed or missing ({error})"
            hint = "Restore them, or start a new run; --weights can start from one of these."
            raise MicroExpError(self.folder, found, hint) from error
        return epoch + 1

    def _file(self, epoch: int, value: float) -> Path:
        return self.folder / f"weights-improvement-{epoch:02d}-{value:.2f}.weights.h5"  # as the original names it

    def _random_states(self) -> list[keras.Variable]:
        """Variables that are no weights: the seed states of the dropout layers, in layer order."""
        known = {id(variable) for variable in self.model.weights}
        return [one for one in self.model.variables if id(one) not in known and "seed" in one.path]
