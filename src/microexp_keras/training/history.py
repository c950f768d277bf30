"""What training leaves of each epoch, and what came of a fold."""

import csv
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras.atomic import write_text
from microexp_keras.errors import MicroExpError

STATE = "last.weights.h5"  #: The file from which a killed training resumes.

MONITOR = "val_accuracy"  #: What chooses the epoch: the accuracy on the validation clips.

Row = dict[str, Any]  #: `epoch`, a whole number from 0, and the epoch's logs and `seconds` as numbers.


class History:
    """One row per epoch, in a CSV file that is read if it exists and written whole with every row."""

    def __init__(self, path: str | Path) -> None:
        self.path, self._last = Path(path), time.perf_counter()
        self.rows: list[Row] = []
        if not self.path.exists():
            return
        try:
            with open(self.path, newline="", encoding="utf-8") as file:
                rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
            self.rows = [{**row, "epoch": int(row["epoch"])} for row in rows]
            if not all(math.isfinite(value) for row in rows for value in row.values()):
                raise ValueError("a number that is not finite")
        except (ValueError, OverflowError, TypeError, AttributeError, KeyError, csv.Error) as error:
            found = f"is not the history of a run ({error})"
            raise MicroExpError(self.path, found) from error

    def add(self, epoch: int, logs: dict[str, float]) -> None:
        """Append the epoch's logs and the seconds since the row before."""
        now = time.perf_counter()
        numbers = {name: float(value) for name, value in logs.items()}
        self.rows.append({"epoch": epoch, **numbers, "seconds": now - self._last})
        self._last = now
        lines = [[*self.rows[0]], *([*row.values()] for row in self.rows)]
        write_text(self.path, "".join(",".join(map(str, line)) + "\n" for line in lines))

    def keep_until(self, epoch: int) -> None:
        """Drop rows of later epochs: a run was killed between this file and its weights."""
        self.rows = [row for row in self.rows if row["epoch"] <= epoch]
        self._last = time.perf_counter()


def only_class(answers: np.ndarray) -> int:
    """Return the class if several clips are all given the same one, else -1."""
    return int(answers[0]) if len(answers) > 1 and (answers == answers[0]).all() else -1


@dataclass(frozen=True, kw_only=True)
class FoldResult:
    """What came of a fold: how training ended, and what is predicted for the clips that are scored."""

    best_path: Path  # file with what was learned; of a fold whose weights are not kept it is gone
    history: list[Row] = field(default_factory=list)  # empty of a method that is not trained step by step
    best_epoch: int | None = None  # counted from 0; None without epochs
    diverged: str | None = None  # why training broke off, if it did
    probabilities: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))  # float (scored clips, classes)
    model: Any = None  # a network of the paper with the weights of the best epoch, while it is at hand
    saliency: dict[str, Any] | None = None  # sheets that were drawn, or why none
    devices: list[str] | None = None  # what the fold was computed on

    @property
    def only_class(self) -> int | None:
        """The class, if the best epoch's weights predict a single one for every validation clip, else None."""
        only = -1 if self.best_epoch is None else int(self.history[self.best_epoch]["val_only_class"])
        return None if only < 0 else only
