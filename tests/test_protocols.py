"""Protocols say what the programs and the paper say; the split is the one the paper's tables come from."""

import numpy as np
import pytest

from microexp_keras import protocols, splits
from microexp_keras.errors import MicroExpError


def test_the_papers_validation_set():
    labels = np.repeat([0, 1, 2], [66, 47, 43])
    [fold] = splits.random_fifth(labels, None)
    assert np.bincount(labels[fold.score]).tolist() == [19, 6, 7]  # Table VII's row sums
    assert np.bincount(labels[fold.train]).tolist() == [47, 41, 36]
    assert sorted([*fold.train, *fold.score]) == list(range(156))
    assert fold.select is fold.score


def test_what_makes_a_score_optimistic_is_computed():
    def remarks(train, select, score):
        fold = splits.Fold(*(np.array(part, dtype=int) for part in (train, select, score)))
        return " ".join(splits.remarks(fold, ["s01", "s01", "s02", "s03"]))

    assert remarks([0, 1], [2], [3]) == ""
    assert "best epoch" in remarks([0, 1], [2, 3], [3]) and "subjects" not in remarks([0, 1], [2, 3], [3])
    assert "1 subjects both train" in remarks([0, 2], [3], [1]) and "best epoch" not in remarks([0, 2], [3], [1])


def test_upstream_and_paper_on_smic():
    upstream, paper = protocols.get("upstream"), protocols.get("paper")
    assert (upstream.batch_size, upstream.epochs, upstream.learning_rate) == (16, 100, 0.01)
    assert (paper.batch_size, paper.epochs, paper.learning_rate) == (8, 100, 0.01)
    assert (upstream.frames, upstream.size) == (18, 64)


def test_an_unknown_protocol_lists_the_known():
    with pytest.raises(MicroExpError, match="upstream for stcnn on smic"):
        protocols.get("upstream", model="vgg")
