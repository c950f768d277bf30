"""Callbacks at the end of an epoch: stop on NaN, save the best weights and the state to resume from."""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras import weights
from microexp_keras.backend import keras
from microexp_keras.console import progress_bar
from microexp_keras.errors import MicroExpError
from microexp_keras.training.history import MONITOR, History, Row, best_weights_name

STATE_SECONDS = 10.0
"""How often the state is saved at most. Writing it takes up to 6 % of a short epoch; a resumed run repeats what is not
saved, to the bit."""


class DivergedError(MicroExpError):
    """A loss became infinite or NaN."""


class StopOnNaN(keras.callbacks.Callback):
    """Stop with an error when a loss is NaN or infinite; list it first, so that such an epoch is never saved."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        bad = [name for name, value in logs.items() if not math.isfinite(value)]
        if bad:
            raise DivergedError(
                f"epoch {epoch}: expected finite numbers, found {', '.join(f'{name} = {logs[name]}' for name in bad)}. "
                "Training diverged and was stopped; the weights of earlier epochs are intact. Look for broken frames; "
                "the protocol's learning rate may be too high for these clips."
            )


class NotWantedError(MicroExpError):
    """Nobody waits for the training any longer."""


class StopUnlessWanted(keras.callbacks.Callback):
    """End training between two epochs when nobody wants it; what is saved can be resumed.

    Parameters
    ----------
    wanted : callable
        Asked before every epoch.
    """

    def __init__(self, wanted: Callable[[], bool]) -> None:
        super().__init__()
        self.wanted = wanted

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if not self.wanted():
            raise NotWantedError(f"stopped before epoch {epoch}: nobody waits for it")


class BestWeights(keras.callbacks.Callback):
    """Save the weights whenever the monitored value improves, as the original's `ModelCheckpoint` did.

    The file is `weights-improvement-{epoch:02d}-{value:.2f}.weights.h5`, epochs counted from 0 as Keras 2.0.0 did. It
    is written whole or not at all, and Keras' own `model.load_weights` reads it.

    Parameters
    ----------
    folder : str or Path
        Where the files go.
    monitor : str
        Name in the epoch's logs; higher is better.
    metadata : dict, optional
        Written into the file, see `weights.save_weights`; the epoch is added.
    keep_all : bool
        Keep every improvement, as the original; by default `remove_outdone` removes all but the best.

    Attributes
    ----------
    value : float
        Best value so far.
    epoch : int
        The epoch, counted from 0, that reached it.
    path : Path or None
        File with the weights that reached it.

    References
    ----------
    `SMIC/MicroExpSTCNN.py:119-121`.
    """

    def __init__(
        self,
        folder: str | Path,
        monitor: str = MONITOR,
        metadata: dict[str, Any] | None = None,
        keep_all: bool = False,
    ) -> None:
        super().__init__()
        self.folder, self.monitor, self.metadata, self.keep_all = Path(folder), monitor, metadata or {}, keep_all
        self.value = -math.inf
        self.epoch = -1
        self.path: Path | None = None
        self._outdone: list[Path] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        value = logs[self.monitor]
        if value > self.value:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self._file(epoch, value)
            weights.save_weights(
                self.model, path, {**self.metadata, "epoch": epoch, self.monitor: value}, optimizer=False
            )
            if self.path and self.path != path:
                self._outdone.append(self.path)
            self.value, self.epoch, self.path = value, epoch, path

    def restore(self, value: float, epoch: int, path: Path, rows: Sequence[Row]) -> None:
        """Resume a saved state; without `keep_all`, files that a killed run did not come to remove are removed.

        Its own files are those that `rows`, all rows of its history, lead to: no other is touched.
        """
        self.value, self.epoch, self.path = value, epoch, path
        if not self.keep_all:
            for own in {self._file(int(row["epoch"]), row[self.monitor]) for row in rows} - {path}:
                own.unlink(missing_ok=True)

    def _file(self, epoch: int, value: float) -> Path:
        return self.folder / best_weights_name(epoch, value)

    def remove_outdone(self) -> None:
        """Remove files that are no longer the best; call it once the saved state names the newer one."""
        while self._outdone:
            outdone = self._outdone.pop()
            if not self.keep_all:
                outdone.unlink(missing_ok=True)


class RunState(keras.callbacks.Callback):
    """Save what a killed run needs to resume as if nothing had happened.

    `history.csv` is written after every epoch, then `last.weights.h5`: after the first epoch, the last, and between
    them at most every `STATE_SECONDS`. Each is replaced in one step, and the second decides where a run resumes; the
    best weights that it names are there as long as it names them. Beside weights and optimizer it carries the best
    score and the state of the random numbers that dropout draws, which Keras' own files lack.

    Parameters
    ----------
    history : History
        Rows so far; a row is added per epoch.
    best : BestWeights
        Whose score and file are part of the state; it stands before this callback.
    path : str or Path
        Usually `last.weights.h5` in the run folder.
    metadata : dict, optional
        As for `BestWeights`.
    """

    def __init__(
        self, history: History, best: BestWeights, path: str | Path, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.history, self.best, self.path, self.metadata = history, best, Path(path), metadata or {}
        self._saved = -math.inf
        self._unsaved: tuple[int, list[np.ndarray]] | None = None

    def forget(self) -> None:
        """Let go of the epoch before, once the one after it is known to be sound: its copy takes memory."""
        self._unsaved = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self.history.add(epoch, logs)
        self.forget()
        if time.monotonic() - self._saved < STATE_SECONDS:
            self._unsaved = epoch, [np.array(keras.ops.convert_to_numpy(one)) for one in self._variables()]
        else:
            self._save(epoch)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self._unsaved is None:
            return
        (epoch, values), self._unsaved = self._unsaved, None
        for variable in self._variables():  # an epoch that diverged spoiled them
            variable.assign(values.pop(0))
        self._save(epoch)

    def _variables(self) -> list[keras.Variable]:
        return [*self.model.weights, *self.model.optimizer.variables, *_random_states(self.model)]

    def _save(self, epoch: int) -> None:
        state = {
            "best_value": self.best.value,
            "best_file": self.best.path.name if self.best.path else None,
            "random_states": [keras.ops.convert_to_numpy(v).tolist() for v in _random_states(self.model)],
        }
        weights.save_weights(self.model, self.path, {**self.metadata, "epoch": epoch, "resume": state})
        self._saved = time.monotonic()
        self.best.remove_outdone()

    def restore(self, model: keras.Model) -> int:
        """Put model, optimizer, dropout and best score into the saved state.

        Returns
        -------
        int
            The first epoch to train: 0 when nothing was saved yet.

        Raises
        ------
        MicroExpError
            If a file of the run is missing or is not of this run.
        """
        if not self.path.exists() and len(self.history.rows) < 2:  # killed before the first state was saved
            self.history.keep_until(-1)
            return 0
        try:
            metadata = weights.load_layers(model, self.path, optimizer=True)
            epoch, state = metadata["epoch"], metadata["resume"]
            for variable, value in zip(_random_states(model), state["random_states"], strict=True):
                variable.assign(np.array(value, "uint32"))
            best, rows = self.best.folder / state["best_file"], self.history.rows
            self.history.keep_until(epoch)
            if [row["epoch"] for row in self.history.rows] != list(range(epoch + 1)):
                raise MicroExpError(self.history.path, f"a row for each of {epoch + 1} epochs")
            if not best.is_file():
                raise MicroExpError(best, found="no such file")
            value = float(state["best_value"])
            reached = (row["epoch"] for row in self.history.rows if row[self.best.monitor] >= value)
            self.best.restore(value, next(reached, epoch), best, rows)
        except (MicroExpError, KeyError, TypeError, ValueError) as error:
            raise MicroExpError(
                self.path.parent,
                "the files that the run left",
                f"them changed or missing ({error})",
                "Restore them, or start a new run; --weights can start from one of these.",
            ) from error
        return epoch + 1


class EpochBar(keras.callbacks.Callback):
    """A progress bar over epochs on stderr, with the newest loss and accuracy and the best accuracy so far."""

    def __init__(self, best: BestWeights, epochs: int, first_epoch: int = 0) -> None:
        super().__init__()
        self.best, self.epochs, self.first_epoch = best, epochs, first_epoch

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._bar = progress_bar(total=self.epochs, initial=self.first_epoch, desc="training", unit="epoch")

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        collapsed = " (all one class)" if logs.get("val_only_class", -1) >= 0 else ""
        self._bar.set_postfix_str(
            f"loss {logs['loss']:.3f}, accuracy {logs[self.best.monitor]:.3f}{collapsed}, best {self.best.value:.3f}",
            refresh=False,
        )
        self._bar.update()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._bar.close()


def _random_states(model: keras.Model) -> list[keras.Variable]:
    """Variables that are no weights: the seed states of the dropout layers, in layer order."""
    weights_of_model = {id(variable) for variable in model.weights}
    return [
        variable for variable in model.variables if id(variable) not in weights_of_model and "seed" in variable.path
    ]
