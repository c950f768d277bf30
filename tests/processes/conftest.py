"""The run that other ways of training must come to."""

import pytest
from helpers import microexp
from loso import training


@pytest.fixture(scope="session")
def serial(shared, three_people):
    """A run of three folds, one after the other."""
    return shared("serial", lambda out: microexp(f"{training(three_people, out)} --jobs 1"))
