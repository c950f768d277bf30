"""Four people, and the run on them that other ways of training must come to."""

import pytest
from helpers import write_clips
from loso import options

from microexp_keras import train


@pytest.fixture(scope="session")
def four_people(tmp_path_factory):
    root = tmp_path_factory.mktemp("four")
    names = [
        f"HS/s{subject}/micro/{label}/s{subject}_{label[:2]}_0{clip}"
        for subject in range(1, 5)
        for label in ("negative", "positive", "surprise")
        for clip in (1, 2)
    ]
    write_clips(root, names)
    return root


@pytest.fixture(scope="session")
def serial(four_people, tmp_path_factory):
    """A run of four folds, one after the other."""
    out = tmp_path_factory.mktemp("loso") / "serial"
    assert train.main([*options(four_people, out), "--jobs", "1"]) == 0
    return out
