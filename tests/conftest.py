"""Golden files and small made-up clips for all tests.

tests/golden holds the small golden files. `MICROEXP_GOLDEN=FOLDER make test` also runs over a folder with all of them.
"""

import multiprocessing
import os
from pathlib import Path

import pytest
from filelock import FileLock
from helpers import GOLDEN, SHORT, best_weights, smic_names, write_clips

from microexp_keras.backend import choose_backend
from microexp_keras.datasets import synthesize

choose_backend()  # before any test imports Keras, which would look for TensorFlow where there is none


def pytest_collection_modifyitems(items):
    """Let what takes long begin first, so that the processes of the tests end together."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(params=GOLDEN, ids=lambda folder: folder.parent.name)
def golden(request):
    """Each folder of golden files in turn."""
    return request.param


@pytest.fixture(scope="session", autouse=True)
def own_cache(shared):
    """Tests leave the user's cache alone; their processes share one."""
    os.environ["MICROEXP_CACHE"] = str(shared("cache", Path.mkdir))


@pytest.fixture(scope="session", autouse=True)
def warm_workers():
    """Processes for the folds of a run are forked from one that has loaded Keras, which takes seconds each time.

    Commands that tests start as processes of their own start theirs as users' do.
    """
    import dask
    from distributed import utils

    multiprocessing.get_context("forkserver").set_forkserver_preload(["warm_worker"])
    utils._forkserver_preload_set = True
    here = os.path.dirname(__file__)
    os.environ["PYTHONPATH"] = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        yield


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """Make a folder once for all processes of the tests: `shared(name, make)` calls `make(folder)`, or waits."""
    temporary = tmp_path_factory.getbasetemp()
    temporary = temporary.parent if "PYTEST_XDIST_WORKER" in os.environ else temporary

    def folder_of(name, make):
        folder, done = temporary / "shared" / name, temporary / "shared" / f"{name}.done"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not done.exists():
                make(folder)
                done.touch()
        return folder

    return folder_of


@pytest.fixture(scope="session")
def small_faces(shared):
    """Sixteen easy synthetic SMIC clips with faces that the detector finds: enough to ask whether a network learns."""
    return shared("faces/smic", lambda root: synthesize("smic", root, clips=(6, 5, 5), easy=True, progress=False))


@pytest.fixture(scope="session")
def small_videos(shared):
    """Six synthetic CAS(ME)^2 videos in the flat layout."""
    return shared("videos/casme2", lambda root: synthesize("casme2", root, clips=(2, 2, 2), progress=False))


@pytest.fixture(scope="session")
def small_smic(shared):
    """Thirty clips of ten subjects in the distributed tree: enough to train on for an epoch or two."""
    return shared("smic", lambda root: write_clips(root, smic_names(10)))


@pytest.fixture(scope="session")
def three_people(shared):
    """Nine clips of three subjects, the fewest that can be left out one by one."""
    return shared("three", lambda root: write_clips(root, smic_names(3)))


@pytest.fixture(scope="session")
def trained(shared, small_smic):
    """The folder of a run of two epochs on `small_smic`: for all that only look at a run. Who changes it takes a copy.

    Neither the 24 training clips nor the 6 held-out ones fill their batches.
    """
    from microexp_keras import train

    def make(out):
        assert train.main(["--dataset", "smic", "--data", str(small_smic), *SHORT, "--out", str(out)]) == 0

    return shared("trained", make)


@pytest.fixture(scope="session")
def best(trained):
    """The best weights of that run."""
    return best_weights(trained)
