"""From a protocol and samples to folds that keep what it promises, and to why a fold's score is too good."""

import numpy as np

from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing.samples import Samples
from microexp_keras.protocols.protocol import Protocol
from microexp_keras.protocols.splits import Fold
from microexp_keras.text import counted


def folds(protocol: Protocol, samples: Samples) -> list[Fold]:
    """Return the folds of a protocol, after checking that they keep what it promises.

    Raises
    ------
    MicroExpError
        If the protocol promises unseen subjects, and a test subject or clip is also among those of training or
        validation, be it under another name.
    """
    divided = protocol.split(samples.labels, samples.subjects)
    if not protocol.network.has_epochs:
        divided = [fold.without_validation() for fold in divided]
    for fold in divided if protocol.unseen_subjects else ():
        known = np.concatenate([fold.train, fold.validation])
        if shared := {samples.subjects[clip] for clip in known} & {samples.subjects[clip] for clip in fold.test}:
            found = f"test subjects are in training or validation too: {', '.join(map(str, shared))}"
            raise MicroExpError(f"protocol {protocol.name}", found, "This is a fault of the split: please report it.")
        same = np.argwhere(samples.pixels[fold.test][:, None] == samples.pixels[known])
        if len(same):
            one, other = samples.names[fold.test[same[0, 0]]], samples.names[known[same[0, 1]]]
            found = f"the same pixels are in {one} and {other}, clips of different subjects"
            raise MicroExpError(f"protocol {protocol.name}", found, "Remove the one that is misfiled.")
    return divided


def remarks(fold: Fold, samples: Samples, right: np.ndarray | None = None) -> list[str]:
    """Say why a fold's score is not the accuracy on new clips; `right`: which of `fold.test` are correct."""
    said = []
    seen, wrong = np.isin(fold.test, fold.train), samples.mislabelled[fold.test]
    twins = np.isin(samples.clips[fold.test], samples.clips[fold.train]) & ~seen
    same = np.isin(samples.pixels[fold.test], samples.pixels[fold.train]) & ~seen & ~twins
    if wrong.any():
        said.append(f"{wrong.sum()} of the {len(wrong)} test labels go by position and differ from the clips' folders.")
    if seen.any():
        said.append(f"{seen.sum()} of the {len(seen)} test clips are training clips too, so the score is optimistic.")
    if seen.any() and right is not None and not seen.all():
        hits, doubts = right[~seen], wrong[~seen].sum()
        labels = f"; {doubts} of these have a label that is not their folder's" if doubts else ""
        said.append(f"Accuracy on the other {counted(len(hits), 'clip')}: {hits.mean():.2%} ({hits.sum()}){labels}.")
    if twins.any():
        said.append(f"{twins.sum()} of the test clips are second copies of training clips.")
    if same.any():
        said.append(f"{same.sum()} of the test clips have the same pixels as training clips under other names.")
    if set(fold.validation) & set(fold.test):
        said.append("The best epoch is chosen on test clips, so the score is optimistic.")
    if shared := {*samples.subjects_of(fold.train)} & {*samples.subjects_of(fold.test)}:
        unseen = "synthetic subjects" if samples.synthetic else "people"
        said.append(
            f"Training and test share {counted(len(shared), 'subject')}, so this is not accuracy on unseen {unseen}."
        )
    return said
