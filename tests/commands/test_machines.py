"""The commands on machines of other people: another Keras, other languages, flags of Python, systems, damaged files."""

import json
import re
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import SHORT, best_weights, microexp, python
from loso import weights_digest
from own_clips import write_own, write_table
from trees import write_smic

pytestmark = pytest.mark.slow


HIDDEN = """
import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {hidden} else find_spec(name, package)
"""


def train(tmp_path, data, keras_json=None, environment=(), hidden=(), broken=()):
    """Train for an epoch; `hidden` packages are not installed, `broken` modules cannot be loaded."""
    (tmp_path / "sitecustomize.py").write_text(HIDDEN.format(hidden={*hidden}))
    for module, fault in dict(broken).items():
        (tmp_path / f"{module}.py").write_text(f"raise ImportError({fault!r}, name={module!r})")
    if keras_json is not None:
        (tmp_path / "keras.json").write_text(json.dumps(keras_json))
    options = [*SHORT, "--dataset", "smic", "--data", data, "--no-faces", "--out", tmp_path / "run"]
    settings = {"KERAS_HOME": str(tmp_path), **dict(environment)}
    return python("-m", "microexp_keras.train", *options, site=tmp_path, **settings)


OTHERS = ("torch", "jax")

NO_GL = "libGL.so.1: cannot open shared object file: No such file or directory"
NO_FOO = "libfoo.so.2: cannot open shared object file"

REFUSED = {
    r"keras\.json sets floatx to 'float16'.*\"floatx\": \"float32\"": {"keras_json": {"floatx": "float16"}},
    r"keras\.json: Keras cannot use .*'channels_last'": {"keras_json": {"image_data_format": "th"}},
    r"keras\.json names the backend 'theano', which is none that Keras 3 trains with.*that is installed: \w+": {
        "keras_json": {"backend": "theano"}
    },
    r"KERAS_BACKEND names the backend 'jax', which is not installed\. .*pip install jax.*that is installed: \w+": {
        "environment": {"KERAS_BACKEND": "jax"},
        "hidden": ("jax",),
    },
    r"none is installed. Run: python -m pip install tensorflow": {"hidden": (*OTHERS, "tensorflow")},
    r"TensorFlow is installed but cannot be loaded: libfoo.*pip install --force-reinstall tensorflow\)\.": {
        "broken": {"tensorflow": NO_FOO},
        "hidden": OTHERS,
    },
    r"OpenCV cannot be loaded: libGL.*apt-get install libgl1.*opencv-python-headless": {"broken": {"cv2": NO_GL}},
    r"No module named 'sklearn'.*pip install --force-reinstall scikit-learn": {
        "broken": {"sklearn": "No module named 'sklearn'"}
    },
}


@pytest.mark.parametrize("expected", REFUSED)
def test_what_cannot_be_used_is_named_with_what_to_do(expected, small_smic, tmp_path):
    done = train(tmp_path, small_smic, **REFUSED[expected])
    said = done.stderr.splitlines()[-1]
    assert done.returncode == 2 and said.startswith("error: "), done.stderr
    assert "Traceback" not in done.stderr and re.search(expected, said), said


@pytest.mark.parametrize("keras_json", [None, {"backend": "tensorflow"}])
def test_without_tensorflow_the_backend_that_is_installed_is_taken_and_said(tmp_path, keras_json):
    (tmp_path / "torch.py").touch()
    (tmp_path / "sitecustomize.py").write_text(HIDDEN.format(hidden={"tensorflow", "jax"}))
    if keras_json:
        (tmp_path / "keras.json").write_text(json.dumps(keras_json))
    choose = "from microexp_keras.backend import choose_backend; print(choose_backend())"
    done = python("-c", choose, site=tmp_path, KERAS_HOME=str(tmp_path))
    assert done.stdout == "torch\n", done.stderr
    assert done.stderr == "note: TensorFlow is not installed, computing with PyTorch\n"


def test_a_users_keras_json_and_matplotlibrc_change_no_bit_and_stay(best, small_smic, tmp_path):
    """Beside the run of the same options in this process, which has neither."""
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.size: 30\n")
    settings = {"image_data_format": "channels_first", "backend": "tensorflow", "floatx": "float32", "epsilon": 1e-7}
    done = train(tmp_path, small_smic, settings, {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc")})
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "keras.json").read_text()) == settings
    assert weights_digest(best_weights(tmp_path / "run")) == weights_digest(best)


LANGUAGES = {
    "LANG=C": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "tr_TR": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    "python -O": {"PYTHONOPTIMIZE": "1"},
}


def test_language_and_flags_of_python_change_nothing(tmp_path):
    own, smic, here = write_own(tmp_path / "own"), write_smic(tmp_path / "smic" / "HS"), tmp_path / "here.csv"
    expected = microexp(f"check '{own}' --json").out
    microexp(f"datasets table {smic} --dataset smic --out {here}")
    for number, language in enumerate(LANGUAGES.values()):
        there = tmp_path / f"there {number}.csv"
        done = python("-m", "microexp_keras", "check", own, "--json", **language)
        assert done.returncode == 0 and done.stdout == expected, done.stderr
        table = ["datasets", "table", smic, "--dataset", "smic", "--out", there]
        done = python("-m", "microexp_keras", *table, **language)
        assert done.returncode == 0 and there.read_bytes() == here.read_bytes(), done.stderr


WITHOUT = """
import os, sys
import locket  # Dask's locks, which on Windows need no fcntl
sys.modules["fcntl"] = None
for name in ("fchmod", "O_NOFOLLOW", "O_DIRECTORY", "posix_fallocate", "sched_getaffinity"):
    delattr(os, name)
os.process_cpu_count = os.cpu_count  # Python's own, since 3.13, where there is no sched_getaffinity
"""

COMMANDS = """
import os, sys
from microexp_keras import __main__
assert not hasattr(os, "fchmod")
for line in sys.argv[1:]:
    print("ran", line.split()[0], __main__.main(line.split()))
"""


def test_the_commands_run_without_what_windows_and_macos_lack(three_people, tmp_path):
    """As fcntl, fchmod, flags of open, affinity, reservation."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)  # for the processes that train folds, too
    smic = f"--dataset smic --data {three_people}"
    lines = [
        f"datasets check {three_people} --dataset smic",
        f"train {smic} --epochs 1 --no-faces --out {tmp_path}/one",
        f"train {smic} --protocol loso --model lbp-top --jobs 1 --out {tmp_path}/folds",
        f"evaluate --weights {tmp_path}/one/last.weights.h5 --data {three_people} --out {tmp_path}/scored",
        "protocols upstream loso",
        "audit",
        "datasets cache list",
    ]
    done = python("-c", COMMANDS, *lines, site=tmp_path, MICROEXP_CACHE=str(tmp_path / "cache"))
    ran = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("ran ")]
    assert ran == [[line.split()[0], "0"] for line in lines], done.stderr
    assert (tmp_path / "folds" / "fold-02" / "result.json").exists()


IMAGES = ("whole.png", "lost.png", "lost.jpg", "lost.tiff", "lost.bmp", "lost.webp")
VIDEOS = {"av1.mp4": ["libaom-av1", "-cpu-used", "8"], "mpeg4.avi": ["mpeg4"]}


def test_what_libraries_say_of_damaged_files_is_not_shown(tmp_path):
    """Clips of an image and videos, all but the first with bytes in the middle lost."""
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for name in IMAGES:
        data = bytearray(cv2.imencode(Path(name).suffix, image)[1].tobytes())
        data[len(data) // 2 :] = data[len(data) // 2 :] if name == "whole.png" else bytes(9)
        (tmp_path / name.replace(".", "_")).mkdir()
        (tmp_path / name.replace(".", "_") / f"img1{Path(name).suffix}").write_bytes(data)
    for name, codec in VIDEOS.items():
        film = ["-f", "lavfi", "-i", "testsrc2=size=96x64", "-frames:v", "12", "-pix_fmt", "yuv420p", "-c:v", *codec]
        subprocess.run([ffmpeg, "-v", "error", *film, tmp_path / name], check=True)
        data = bytearray((tmp_path / name).read_bytes())
        data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
        (tmp_path / name).write_bytes(data)
    table = write_table(tmp_path, *(name.replace(".", "_") for name in IMAGES), *VIDEOS)
    done = python("-m", "microexp_keras", "datasets", "check", table)
    assert done.returncode == 1 and all(name.replace(".", "_") in done.stdout for name in IMAGES[1:])
    assert "av1.mp4: damaged" in done.stdout and "mpeg4.avi: damaged" in done.stdout
    assert "whole_png/img1.png" not in done.stdout
    shown = [line for line in done.stderr.splitlines() if line and not line.startswith("reading files")]
    assert shown == []
