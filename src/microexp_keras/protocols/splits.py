"""From labels and subjects to folds: which clips train, which choose the epoch, which are scored."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from microexp_keras.errors import MicroExpError
from microexp_keras.text import counted

if TYPE_CHECKING:
    from microexp_keras.preprocessing import Samples
    from microexp_keras.protocols.protocol import Protocol

INNER_PARTS = 5  # of the training subjects about one in five chooses the epoch


@dataclass(frozen=True)
class Fold:
    """Three sets of clips, as int arrays of positions in the data set.

    Attributes
    ----------
    train : array of int
        Clips that the weights are fitted to.
    select : array of int
        Clips on which the best epoch is chosen.
    score : array of int
        Clips that the result is reported on.
    """

    train: np.ndarray
    select: np.ndarray
    score: np.ndarray

    @property
    def held_out(self) -> np.ndarray:
        """Scored clips that do not train, in order: what the original saves as validation arrays."""
        return self.score[~np.isin(self.score, self.train)]


def random_fifth(labels: np.ndarray, subjects: Sequence[str | None]) -> list[Fold]:
    """Hold out a random 20 % of the clips; the epoch is chosen on the very clips that are scored.

    Subjects stand on both sides. With the paper's 66/47/43 SMIC clips the held-out set has 19/6/7 of them.

    Parameters
    ----------
    labels : array of int, (clips,)
        Class of each clip.
    subjects : sequence of str
        Not looked at: that is what makes this split optimistic.

    Returns
    -------
    list of Fold
        One fold.

    References
    ----------
    `SMIC/MicroExpSTCNN.py:129`: `train_test_split` with `test_size=0.2, random_state=4`.
    """
    from sklearn.model_selection import train_test_split

    train, held_out = train_test_split(np.arange(len(labels)), test_size=0.2, random_state=4)
    return [Fold(train=train, select=held_out, score=held_out)]


def last_fifth_scored_on_all(labels: np.ndarray, subjects: Sequence[str | None]) -> list[Fold]:
    """Keep the last 20 % of the clips, unshuffled, out of training; choose the epoch and score on all clips.

    The classes stand one after the other, so those last clips are of the last class or two: all 40 of SMIC's 199 are
    surprise, and of CAS(ME)^2's 41 of 203 six are happy and 35 disgust, so that no disgust trains. Parameters and
    result are those of `random_fifth`.

    References
    ----------
    `SMIC/Intermediate_MicroFuseNet.py:230` (`shuffle=False`) and `:240` (the validation data are the whole arrays);
    the other three programs of the fused networks do the same.
    """
    from sklearn.model_selection import train_test_split

    everything = np.arange(len(labels))
    train, _ = train_test_split(everything, test_size=0.2, shuffle=False)
    return [Fold(train=train, select=everything, score=everything)]


def leave_one_subject_out(labels: np.ndarray, subjects: Sequence[str | None]) -> list[Fold]:
    """Score each subject by a network that has seen nothing of them, neither in training nor to choose its epoch.

    The other subjects are divided by scikit-learn's `StratifiedGroupKFold`: clips of one subject stay together, and the
    classes are shared out as evenly as that allows. The part with most subjects chooses the epoch.

    Parameters
    ----------
    labels : array of int, (clips,)
        Class of each clip.
    subjects : sequence of str
        Whose face each clip shows.

    Returns
    -------
    list of Fold
        One per subject, in the order of their names.

    Raises
    ------
    MicroExpError
        If a clip's subject is not known, or there are fewer than three, or too few clips to divide the others.

    References
    ----------
    See et al., "MEGC 2019", FG 2019, for the outer split; the inner one is this package's.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    unknown = sum(subject is None for subject in subjects)
    known = sorted({subject for subject in subjects if subject is not None})
    if unknown or len(known) < 3:
        raise MicroExpError(
            "leave one subject out",
            "clips of at least three known subjects (one is scored, one chooses the epoch, one trains)",
            f"{len(known)} subjects and {unknown} clips of nobody known",
            (
                "Take clips in the folders of their subjects (data/README.md), or a protocol that does not look at "
                "subjects."
            ),
        )
    labels, owner, folds = np.asarray(labels), np.array([str(subject) for subject in subjects]), []
    for subject in known:
        others = np.flatnonzero(owner != subject)
        parts = min(INNER_PARTS, len(known) - 1, np.bincount(labels[others]).max())
        if parts < 2:
            raise MicroExpError(
                "leave one subject out",
                f"at least two clips of some class beside those of {subject}",
                "none",
                "Take more clips.",
            )
        with warnings.catch_warnings():  # that a class has fewer clips than there are parts
            warnings.simplefilter("ignore", UserWarning)
            inner = list(StratifiedGroupKFold(parts).split(others, labels[others], owner[others]))
        train, select = max(inner, key=lambda sides: len(set(owner[others[sides[1]]])))
        folds.append(Fold(train=others[train], select=others[select], score=np.flatnonzero(owner == subject)))
    return folds


def folds(protocol: "Protocol", samples: "Samples") -> list[Fold]:
    """Return the folds of a protocol, after checking that they keep what it promises.

    Parameters
    ----------
    protocol : protocols.Protocol
        Gives `split` and `unseen_subjects`.
    samples : preprocessing.Samples

    Returns
    -------
    list of Fold

    Raises
    ------
    MicroExpError
        If the protocol promises unseen subjects, and a scored subject or clip is also among those that train or choose
        the epoch, be it under another name.
    """
    divided = protocol.split(samples.labels, samples.subjects)
    if protocol.unseen_subjects:
        for fold in divided:
            _require_unseen(fold, samples, protocol.name)
    return divided


def _require_unseen(fold: Fold, samples: "Samples", name: str) -> None:
    known = np.concatenate([fold.train, fold.select])
    subjects = {samples.subjects[clip] for clip in known} & {samples.subjects[clip] for clip in fold.score}
    if subjects:
        raise MicroExpError(
            f"protocol {name}",
            "subjects that are scored to be nowhere else",
            f"{', '.join(subjects)} among those that train or choose the epoch",
            "This would be a fault of the split: please report it.",
        )
    pixels = samples.pixels
    for position in fold.score:
        same = known[pixels[known] == pixels[position]]
        if len(same):
            raise MicroExpError(
                f"protocol {name}",
                "every clip under one subject",
                f"the same pixels in {samples.names[position]} and {samples.names[same[0]]}",
                "Remove the one that is misfiled.",
            )


def remarks(fold: Fold, samples: "Samples", right: np.ndarray | None = None) -> list[str]:
    """Return, as sentences, why a fold's score is not the accuracy on new clips; empty if it is.

    Parameters
    ----------
    fold : Fold
    samples : preprocessing.Samples
        Their `clips`, `pixels`, `mislabelled` and `subjects` are looked at.
    right : bool array (scored clips,), optional
        Which of `fold.score` were predicted right: the accuracy on those that do not train is said too.
    """
    said = []
    seen, wrong = np.isin(fold.score, fold.train), samples.mislabelled[fold.score]
    twins = np.isin(samples.clips[fold.score], samples.clips[fold.train]) & ~seen
    if wrong.any():
        said.append(
            f"{wrong.sum()} of the {len(wrong)} scored labels are not those of the clips' folders: they go by position."
        )
    if seen.any():
        said.append(f"{seen.sum()} of the {len(seen)} scored clips were trained on, so the score is optimistic.")
        if right is not None and not seen.all():
            hits, doubts = right[~seen], wrong[~seen].sum()
            labels = f"; {doubts} of these have a label that is not their folder's" if doubts else ""
            told = f"{counted(hits.sum(), 'right answer')} ({hits.mean():.2%}){labels}"
            said.append(f"On the other {counted(len(hits), 'clip')} {told}.")
    if twins.any():
        said.append(f"{twins.sum()} of the scored clips are second copies of clips that were trained on.")
    same = np.isin(samples.pixels[fold.score], samples.pixels[fold.train]) & ~seen & ~twins
    if same.any():
        said.append(f"{same.sum()} of the scored clips have the very pixels of others that were trained on.")
    if set(fold.select) & set(fold.score):
        said.append("The best epoch is chosen on clips that are scored, so the score is optimistic.")
    trained, scored = ({samples.subjects[position] for position in part} for part in (fold.train, fold.score))
    shared = trained & scored - {None}
    if shared:
        said.append(
            f"Clips of {counted(len(shared), 'subject')} both train and are scored, so this is not accuracy on unseen "
            "people."
        )
    return said


Split = Callable[[np.ndarray, Sequence[str | None]], list[Fold]]
"""From the label and the subject of each clip to folds."""

SPLITS: dict[str, Split] = {
    split.__name__: split for split in (random_fifth, last_fifth_scored_on_all, leave_one_subject_out)
}
"""By the names under which files keep them."""
