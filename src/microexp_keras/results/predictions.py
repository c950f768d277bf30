"""The table of predictions: a row for each scored clip, from which scores, figures, pages and comparisons come."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras.metrics import Scores, score

if TYPE_CHECKING:
    import pandas

    from microexp_keras.preprocessing import Samples

FILE = "predictions.csv"
PROBABILITY = "p_{}"  # column of a class's probability: no other is named so, whatever the class is called


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Scored clips and what was predicted for them."""

    class_names: Sequence[str]
    clips: Sequence[str]  #: Names of the scored clips.
    subjects: Sequence[str | None]  #: (clips,), None if unknown.
    true: np.ndarray  #: int (clips,)
    probabilities: np.ndarray  #: float (clips, classes)
    folds: Sequence[int | None]  #: (clips,), counted from 1: whose training clips each was predicted from, if known.
    method: str
    protocol: str = ""
    seed: int | None = None
    databases: Sequence[str | None] = ()  #: (clips,) if the clips are of several databases, else empty.

    @classmethod
    def of(cls, samples: "Samples", positions: np.ndarray, **own: Any) -> "Predictions":
        """Take names, subjects, labels and databases of the scored clips from samples."""
        return cls(
            clips=[samples.names[position] for position in positions],
            subjects=[samples.subjects[position] for position in positions],
            true=samples.labels[positions],
            databases=samples.databases_of(positions),
            **own,
        )

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
        columns |= {PROBABILITY.format(name): self.probabilities[:, label] for label, name in enumerate(names)}
        how = {"fold": self.folds, "method": self.method, "protocol": self.protocol, "seed": self.seed}
        return pandas.DataFrame({**columns, **how})
