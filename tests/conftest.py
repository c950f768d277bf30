"""Golden files and small made-up clips for all tests.

tests/golden holds the small golden files. `MICROEXP_GOLDEN=FOLDER make test` also runs over a folder with all of them.
"""

import os

import pytest
from helpers import GOLDEN, write_clips

from microexp_keras.backend import choose_backend
from microexp_keras.datasets import synthesize

choose_backend()  # before any test imports Keras, which would look for TensorFlow where there is none


@pytest.fixture(params=GOLDEN, ids=lambda folder: folder.parent.name)
def golden(request):
    """Each folder of golden files in turn."""
    return request.param


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Tests leave the user's cache alone."""
    os.environ["MICROEXP_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def small_faces(tmp_path_factory):
    """Sixteen easy synthetic SMIC clips with faces that the detector finds: enough to ask whether a network learns."""
    root = tmp_path_factory.mktemp("faces") / "smic"
    return synthesize("smic", root, clips=(6, 5, 5), easy=True, progress=False)


@pytest.fixture(scope="session")
def small_videos(tmp_path_factory):
    """Six synthetic CAS(ME)^2 videos in the flat layout."""
    root = tmp_path_factory.mktemp("videos") / "casme2"
    return synthesize("casme2", root, clips=(2, 2, 2), progress=False)


@pytest.fixture(scope="session")
def small_smic(tmp_path_factory):
    """Thirty clips of ten subjects in the distributed tree: enough to train on for an epoch or two."""
    root = tmp_path_factory.mktemp("smic")
    names = [
        f"HS/s{subject}/micro/{label}/s{subject}_{label[:2]}_01"
        for subject in range(1, 11)
        for label in ("negative", "positive", "surprise")
    ]
    write_clips(root, names)
    return root
