"""The table of predictions: a row for each scored clip, from which scores, figures, pages and comparisons come."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from microexp_keras.atomic import write_text
from microexp_keras.metrics import Scores, score

if TYPE_CHECKING:
    import pandas

FILE = "predictions.csv"


def probability_column(class_name: str) -> str:
    """Name the column of a class's probability, as no other column is named, whatever the class is called."""
    return f"p_{class_name}"


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Scored clips and what was predicted for them.

    Attributes
    ----------
    class_names : sequence of str
    clips : sequence of str
        Names of the scored clips.
    subjects : sequence of str or None, (clips,)
        None if unknown.
    true : int array (clips,)
    probabilities : float array (clips, classes)
    folds : sequence of int or None, (clips,)
        The fold, counted from 1, whose training clips each was predicted from; None if unknown.
    method, protocol : str
    seed : int or None
    databases : sequence of str or None
        (clips,) if the clips are of several databases, else empty.
    """

    class_names: Sequence[str]
    clips: Sequence[str]
    subjects: Sequence[str | None]
    true: np.ndarray
    probabilities: np.ndarray
    folds: Sequence[int | None]
    method: str
    protocol: str = ""
    seed: int | None = None
    databases: Sequence[str | None] = ()

    @property
    def predicted(self) -> np.ndarray:
        """The most probable class of each clip, int array (clips,)."""
        return self.probabilities.argmax(axis=1)

    @functools.cached_property
    def scores(self) -> Scores:
        """Accuracy, UF1, UAR and so on of all of them."""
        return score(self.true, self.predicted, self.class_names)

    @property
    def correct(self) -> np.ndarray:
        """Which clips were predicted correctly, bool array (clips,)."""
        return self.predicted == self.true

    def frame(self) -> "pandas.DataFrame":
        """Return the rows of `predictions.csv`."""
        import pandas

        names = np.array(self.class_names)
        columns = {"clip": self.clips, "subject": self.subjects, "true": names[self.true]}
        columns |= {"predicted": names[self.predicted]}
        columns |= {probability_column(name): self.probabilities[:, label] for label, name in enumerate(names)}
        how = {"fold": self.folds, "method": self.method, "protocol": self.protocol, "seed": self.seed}
        return pandas.DataFrame({**columns, **how})

    def write(self, folder: Path) -> None:
        """Write `predictions.csv`."""
        write_text(folder / FILE, self.frame().to_csv(index=False, lineterminator="\n"))
