"""Four people, and the run on them that other ways of training must come to."""

import pytest
from helpers import write_clips
from loso import options

from microexp_keras import train


@pytest.fixture(scope="session")
def four_people(shared):
    """Twenty-four clips of four people, two of each class."""
    return shared("four", lambda root: write_clips(root, names_of_clips(1, 2)))


@pytest.fixture(scope="session")
def twelve_clips(shared):
    """The same with one of each class."""
    return shared("twelve", lambda root: write_clips(root, names_of_clips(1)))


def names_of_clips(*numbers):
    labels = ("negative", "positive", "surprise")
    people = range(1, 5)
    return [f"HS/s{s}/micro/{label}/s{s}_{label[:2]}_0{n}" for s in people for label in labels for n in numbers]


@pytest.fixture(scope="session")
def serial(shared, four_people):
    """A run of four folds, one after the other."""

    def make(out):
        assert train.main([*options(four_people, out), "--jobs", "1"]) == 0

    return shared("serial", make)
