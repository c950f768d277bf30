"""The run that other ways of training must come to."""

import pytest
from loso import options

from microexp_keras import train


@pytest.fixture(scope="session")
def serial(shared, three_people):
    """A run of three folds, one after the other."""

    def make(out):
        assert train.main([*options(three_people, out), "--jobs", "1"]) == 0

    return shared("serial", make)
