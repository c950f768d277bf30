"""From labels and subjects to folds: which clips train, which choose the epoch, which are scored."""

from dataclasses import dataclass

import numpy as np


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
    def held_out(self):
        """Scored clips that do not train, in order: what the original saves as validation arrays."""
        return self.score[~np.isin(self.score, self.train)]


def random_fifth(labels, subjects):
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


def last_fifth_scored_on_all(labels, subjects):
    """Keep the last 20 % of the clips, unshuffled, out of training; choose the epoch and score on all clips.

    The classes stand one after the other, so those last clips are all of the last class. Parameters and result are
    those of `random_fifth`.

    References
    ----------
    `SMIC/Intermediate_MicroFuseNet.py:230` (`shuffle=False`) and `:240` (the validation data are the whole arrays);
    the other three programs of the fused networks do the same.
    """
    from sklearn.model_selection import train_test_split

    everything = np.arange(len(labels))
    train, _ = train_test_split(everything, test_size=0.2, shuffle=False)
    return [Fold(train=train, select=everything, score=everything)]


def remarks(fold, samples, right=None):
    """Say what makes a fold's score other than accuracy on new clips, as a list of sentences; empty when nothing does.

    Parameters
    ----------
    fold : Fold
    samples : preprocessing.Samples
        Their `clips`, `mislabelled` and `subjects` are looked at.
    right : bool array (scored clips,), optional
        Which of `fold.score` were predicted right: the accuracy on those that do not train is said too.
    """
    found = []
    seen, wrong = np.isin(fold.score, fold.train), samples.mislabelled[fold.score]
    twins = np.isin(samples.clips[fold.score], samples.clips[fold.train]) & ~seen
    if wrong.any():
        found.append(
            f"{wrong.sum()} of the {len(wrong)} scored labels are not those of the clips' folders: they go by position."
        )
    if seen.any():
        found.append(f"{seen.sum()} of the {len(seen)} scored clips were trained on, so the score is optimistic.")
        if right is not None and not seen.all():
            hits, doubts = right[~seen], wrong[~seen].sum()
            labels = f"; {doubts} of these have a label that is not their folder's" if doubts else ""
            found.append(f"On the other {len(hits)} clips {hits.sum()} answers are right ({hits.mean():.2%}){labels}.")
    if twins.any():
        found.append(f"{twins.sum()} of the scored clips are second copies of clips that were trained on.")
    if set(fold.select) & set(fold.score):
        found.append("The best epoch is chosen on clips that are scored, so the score is optimistic.")
    trained, scored = ({samples.subjects[position] for position in part} for part in (fold.train, fold.score))
    shared = trained & scored - {None}
    if shared:
        found.append(
            f"Clips of {len(shared)} subjects both train and are scored, so this is not accuracy on unseen people."
        )
    return found
