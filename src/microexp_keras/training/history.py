"""What training leaves of each epoch, and how it ended."""

import csv
import io
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microexp_keras.atomic import write_text
from microexp_keras.errors import MicroExpError
from microexp_keras.regular import open_regular

STATE = "last.weights.h5"
"""The file from which a killed training resumes."""

MONITOR = "val_accuracy"
"""What chooses the epoch: the accuracy on the clips held out for it."""

Row = dict[str, Any]
"""`epoch`, a whole number from 0, and the epoch's logs and `seconds` as numbers."""


def best_weights_name(epoch: int, value: float) -> str:
    """Return the name of the file of an epoch that was the best so far, as the original wrote it."""
    return f"weights-improvement-{epoch:02d}-{value:.2f}.weights.h5"


class History:
    """One row per epoch, kept in a CSV file that is never half-written.

    Parameters
    ----------
    path : str or Path
        Read if it exists, rewritten with every row.
    """

    def __init__(self, path: str | Path) -> None:
        self.path, self._last = Path(path), time.perf_counter()
        self.rows: list[Row] = []
        if self.path.exists():
            try:
                with io.TextIOWrapper(open_regular(self.path), newline="", encoding="utf-8") as file:
                    rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
                self.rows = [{**row, "epoch": int(row["epoch"])} for row in rows]
                if not all(math.isfinite(value) for row in rows for value in row.values()):
                    raise ValueError("a number that is not finite")
            except MicroExpError:
                raise
            except (ValueError, OverflowError, TypeError, AttributeError, KeyError, csv.Error) as error:
                raise MicroExpError(
                    self.path,
                    "the history of a run",
                    f"something else ({error})",
                ) from error

    def add(self, epoch: int, logs: dict[str, float]) -> None:
        """Append the epoch's logs and the seconds since the row before."""
        now = time.perf_counter()
        self.rows.append(
            {"epoch": epoch, **{name: float(value) for name, value in logs.items()}, "seconds": now - self._last}
        )
        self._last = now
        self._write()

    def keep_until(self, epoch: int) -> None:
        """Drop rows of later epochs: a run was killed between this file and its weights."""
        self.rows = [row for row in self.rows if row["epoch"] <= epoch]
        self._last = time.perf_counter()

    def _write(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, self.rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self.path, text.getvalue())


@dataclass(frozen=True)
class Outcome:
    """How training ended.

    Attributes
    ----------
    history : list of dict
        One row per epoch.
    best_epoch : int or None
        Counted from 0; None of a method that is not trained step by step, whose history is empty.
    best_path : Path
        File with what was learned then; of a fold whose weights are not kept it is gone.
    diverged : str or None
        Why training broke off, if it did.
    """

    history: list[Row]
    best_epoch: int | None
    best_path: Path
    diverged: str | None

    @property
    def only_class(self) -> int | None:
        """The class, if after the best epoch all clips that it is chosen on are given the same one, else None."""
        if self.best_epoch is None:
            return None
        only = int(self.history[self.best_epoch]["val_only_class"])
        return None if only < 0 else only
