"""From labels and subjects to folds: training, validation and test clips."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from microexp_keras.errors import MicroExpError
from microexp_keras.text import counted

INNER_PARTS = 5  # about one in five of the subjects that are not tested is for validation


@dataclass(frozen=True)
class Fold:
    """Three sets of clips, as int arrays of positions in the data set."""

    train: np.ndarray  #: Clips that the weights are fitted to.
    validation: np.ndarray  #: Clips on which the best epoch is chosen; none for a method without epochs.
    test: np.ndarray  #: Clips that are scored.

    @property
    def held_out(self) -> np.ndarray:
        """Test clips that are not training clips, in order: what the original saves as validation arrays."""
        return self.test[~np.isin(self.test, self.train)]

    def without_validation(self) -> "Fold":
        """Return the fold for a method that needs no validation clips: they train, unless they are scored."""
        train = np.setdiff1d(np.union1d(self.train, self.validation), self.test)
        return Fold(train=train, validation=self.validation[:0], test=self.test)


def random_fifth(labels: np.ndarray, subjects: Sequence[str | None]) -> list[Fold]:
    """Hold out a random 20 % of the clips, which are validation and test clips at once.

    Subjects are not looked at, which makes this split optimistic: they stand on both sides. With the paper's 66/47/43
    SMIC clips the held-out set has 19/6/7 of them.

    As `SMIC/MicroExpSTCNN.py:129`: `train_test_split` with `test_size=0.2, random_state=4`.
    """
    from sklearn.model_selection import train_test_split

    train, held_out = train_test_split(np.arange(len(labels)), test_size=0.2, random_state=4)
    return [Fold(train=train, validation=held_out, test=held_out)]


def last_fifth_scored_on_all(labels: np.ndarray, subjects: Sequence[str | None]) -> list[Fold]:
    """Keep the last 20 % of the clips, unshuffled, out of training; all clips are validation and test clips.

    The classes stand one after the other, so those last clips are of the last class or two: all 40 of SMIC's 199 are
    surprise, and of CAS(ME)^2's 41 of 203 six are happy and 35 disgust, so that no disgust trains.

    As `SMIC/Intermediate_MicroFuseNet.py:230` (`shuffle=False`) and `:240` (the validation data are the whole arrays);
    the other three programs of the fused networks do the same.
    """
    everything = np.arange(len(labels))
    return [Fold(train=everything[: len(labels) - math.ceil(len(labels) / 5)], validation=everything, test=everything)]


def leave_one_subject_out(labels: np.ndarray, subjects: Sequence[str | None]) -> list[Fold]:
    """Score each subject by a network that has seen nothing of them, neither in training nor to choose its epoch.

    The other subjects are divided by scikit-learn's `StratifiedGroupKFold`: clips of one subject stay together, and the
    classes are shared out as evenly as that allows. The part with most subjects is for validation.

    The outer split is that of See et al., "MEGC 2019", FG 2019; the inner one is this package's.
    """
    from sklearn.model_selection import LeaveOneGroupOut, StratifiedGroupKFold

    unknown = sum(subject is None for subject in subjects)
    known = {subject for subject in subjects if subject is not None}
    if unknown or len(known) < 3:
        fault = f"{counted(unknown, 'clip')} without a subject" if unknown else counted(len(known), "subject")
        found = f"takes a subject for each clip, and at least three (training, validation, test), but found {fault}"
        hint = "Fill in or add subjects, or take a protocol that ignores them, such as paper."
        raise MicroExpError("leave one subject out", found, hint)
    labels, owner, folds = np.asarray(labels), np.array([str(subject) for subject in subjects]), []
    for others, test in LeaveOneGroupOut().split(labels, groups=owner):
        parts = min(INNER_PARTS, len(known) - 1, np.bincount(labels[others]).max())
        if parts < 2:
            found = f"without {owner[test[0]]}, no class has two clips"
            raise MicroExpError("leave one subject out", found, "Take more clips.")
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # of a class with fewer clips than parts
            inner = list(StratifiedGroupKFold(parts).split(others, labels[others], owner[others]))
        train, validation = max(inner, key=lambda sides: len(set(owner[others[sides[1]]])))
        folds.append(Fold(train=others[train], validation=others[validation], test=test))
    return folds


#: From the label and the subject of each clip to folds.
Split = Callable[[np.ndarray, Sequence[str | None]], list[Fold]]

#: By the names under which files keep them.
SPLITS: dict[str, Split] = {
    split.__name__: split for split in (random_fifth, last_fifth_scored_on_all, leave_one_subject_out)
}
