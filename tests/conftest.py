"""Golden files and small made-up clips for all tests.

tests/golden holds the small golden files. `MICROEXP_GOLDEN=FOLDER make test` also runs over a folder with all of them.
"""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from microexp_keras.datasets.synthetic import casme2 as synthetic_casme2
from microexp_keras.datasets.synthetic import smic as synthetic

GOLDEN = [Path(__file__).parent / "golden", *map(Path, filter(None, [os.environ.get("MICROEXP_GOLDEN")]))]


@pytest.fixture(params=GOLDEN, ids=lambda folder: folder.parent.name)
def golden(request):
    """Each folder of golden files in turn."""
    return request.param


def write_clips(root, clips, frames=18, size=70, suffix=".png", seed=0, brightest=200):
    """Write a folder of noisy frames at `root/NAME` for each clip, no two alike."""
    random = np.random.default_rng(seed)
    for place, name in enumerate(clips):
        folder = Path(root) / name
        folder.mkdir(parents=True)
        for frame in range(frames):
            image = random.integers(0, brightest + place % 50, (size, size, 3), np.uint8)
            cv2.imwrite(str(folder / f"reg_image{frame + 1}{suffix}"), image)


def as_nobody(folder, function):
    """Call a function in `folder` in a process without root's rights; give what it printed or raised, as text."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.chdir(folder)  # a test's folder is closed to others from above
            if os.geteuid() == 0:
                os.setuid(65534)
            said = repr(function())
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writer, said.encode())
        os._exit(0)
    os.waitpid(child, 0)
    return os.read(reader, 65536).decode()


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Tests leave the user's cache alone."""
    os.environ["MICROEXP_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def small_faces(tmp_path_factory):
    """Sixteen synthetic SMIC clips with faces that the detector finds."""
    return synthetic.write_smic(tmp_path_factory.mktemp("faces") / "smic", clips_per_class=(6, 5, 5), progress=False)


@pytest.fixture(scope="session")
def small_videos(tmp_path_factory):
    """Six synthetic CAS(ME)^2 videos in the flat layout."""
    root = tmp_path_factory.mktemp("videos") / "casme2"
    return synthetic_casme2.write_casme2(root, layout="flat", clips_per_class=(2, 2, 2), progress=False)


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
