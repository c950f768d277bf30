"""Runs and clips that several of the commands' tests look at."""

import pytest
from helpers import microexp
from own_clips import write_own


@pytest.fixture(scope="session")
def fused(shared, small_faces):
    """The folder of a short run of the Intermediate network under the original's rules."""
    line = f"train --dataset smic --data {small_faces} --model intermediate --epochs 2 --no-faces --out"
    return shared("fused", lambda out: microexp(f"{line} {out}"))


@pytest.fixture(scope="session")
def synthetic_run(shared, small_faces):
    """The folder of a run of one epoch on synthetic clips."""
    line = f"train --dataset smic --data {small_faces} --epochs 1 --seed 3 --no-faces --out"
    return shared("one-epoch", lambda out: microexp(f"{line} {out}"))


@pytest.fixture(scope="session")
def own(shared):
    """A user's own table of clips."""
    return shared("own", write_own) / "my clips.csv"


@pytest.fixture
def inside(tmp_path, monkeypatch):
    """An empty folder, in which the commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
