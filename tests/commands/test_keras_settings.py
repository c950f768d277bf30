"""Whatever Keras a user has and however it is set up: the commands train as ever, or say what to write or install."""

import json
import os
import re
import subprocess
import sys

import pytest
from helpers import SHORT, best_weights
from loso import weights_digest

HIDDEN = """
import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {hidden} else find_spec(name, package)
"""


def train(tmp_path, data, keras_json=None, environment=(), hidden=(), broken=()):
    """Train for an epoch; `hidden` packages are not installed, `broken` modules cannot be loaded."""
    site, home = tmp_path / "site", tmp_path / "keras"
    for folder in (site, home):
        folder.mkdir()
    (site / "sitecustomize.py").write_text(HIDDEN.format(hidden=set(hidden)) if hidden else "")
    for module, fault in dict(broken).items():
        (site / f"{module}.py").write_text(f"raise ImportError({fault!r}, name={module!r})")
    if keras_json is not None:
        (home / "keras.json").write_text(json.dumps(keras_json))
    options = [*SHORT, "--dataset", "smic", "--data", str(data), "--no-faces", "--out", str(tmp_path / "run")]
    return run_python("-m", "microexp_keras.train", *options, KERAS_HOME=str(home), site=site, **dict(environment))


def run_python(*arguments, site, **environment):
    """Run Python with a folder of modules before all others, in an environment that names no backend."""
    own = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    own |= {"PYTHONPATH": os.pathsep.join([str(site), *filter(None, sys.path)]), **environment}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=own)


OTHERS = ("torch", "jax")

REFUSED = {
    "float16": (
        {"keras_json": {"floatx": "float16"}},
        r"keras\.json sets floatx to 'float16'.*\"floatx\": \"float32\"",
    ),
    "Keras refuses it": (
        {"keras_json": {"image_data_format": "th"}},
        r"keras\.json: Keras cannot use .*'channels_last'",
    ),
    "theano in keras.json": (
        {"keras_json": {"backend": "theano"}},
        r"keras\.json names the backend 'theano', which is none that Keras 3 trains with.*that is installed: \w+",
    ),
    "not installed": (
        {"environment": {"KERAS_BACKEND": "jax"}, "hidden": ("jax",)},
        r"KERAS_BACKEND names the backend 'jax', which is not installed\. .*pip install jax.*that is installed: \w+",
    ),
    "none installed": (
        {"hidden": (*OTHERS, "tensorflow")},
        r"none is installed. Run: python -m pip install tensorflow",
    ),
    "TensorFlow that cannot be loaded": (
        {"broken": {"tensorflow": "libfoo.so.2: cannot open shared object file"}, "hidden": OTHERS},
        r"TensorFlow is installed but cannot be loaded: libfoo.*pip install --force-reinstall tensorflow\)\.",
    ),
    "OpenCV without libGL": (
        {"broken": {"cv2": "libGL.so.1: cannot open shared object file: No such file or directory"}},
        r"OpenCV cannot be loaded: libGL.*apt-get install libgl1.*opencv-python-headless",
    ),
    "another package is missing": (
        {"broken": {"sklearn": "No module named 'sklearn'"}},
        r"No module named 'sklearn'.*pip install --force-reinstall scikit-learn",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_named_with_what_to_do(case, small_smic, tmp_path):
    given, expected = REFUSED[case]
    done = train(tmp_path, small_smic, **given)
    said = done.stderr.splitlines()[-1]
    assert done.returncode == 2 and said.startswith("error: "), done.stderr
    assert "Traceback" not in done.stderr and re.search(expected, said), said


@pytest.mark.parametrize("keras_json", [None, {"backend": "tensorflow"}])
def test_without_tensorflow_the_backend_that_is_installed_is_taken_and_said(tmp_path, keras_json):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").touch()
    (tmp_path / "sitecustomize.py").write_text(HIDDEN.format(hidden={"tensorflow", "jax"}))
    if keras_json:
        (tmp_path / "keras.json").write_text(json.dumps(keras_json))
    choose = "from microexp_keras.backend import choose_backend; print(choose_backend())"
    done = run_python("-c", choose, KERAS_HOME=str(tmp_path), site=tmp_path)
    assert done.stdout == "torch\n", done.stderr
    assert done.stderr == "note: TensorFlow is not installed, computing with PyTorch\n"


@pytest.mark.slow
def test_a_users_keras_json_and_matplotlibrc_change_no_bit_and_stay(best, small_smic, tmp_path):
    """Beside the run of the same options in this process, which has neither."""
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.size: 30\n")
    settings = {"image_data_format": "channels_first", "backend": "tensorflow", "floatx": "float32", "epsilon": 1e-7}
    done = train(tmp_path, small_smic, settings, {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc")})
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "keras" / "keras.json").read_text()) == settings
    assert weights_digest(best_weights(tmp_path / "run")) == weights_digest(best)
