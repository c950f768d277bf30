"""What is given to others: the sdist holds all that its tests need, and the wheel runs alone."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = "from setuptools import build_meta as b; b.build_sdist('../built'); b.build_wheel('../built')"
OWN = {".git", ".venv", "runs", "data", "demo", "build", "dist"}  # in the repository's root: not of the package

pytestmark = pytest.mark.slow


def tracked():
    """What git tracks, or all files where the tests run from an sdist."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        return {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}
    places = [place for place in ROOT.rglob("*") if place.is_file() and place.relative_to(ROOT).parts[0] not in OWN]
    return {place.relative_to(ROOT).as_posix() for place in places if "__pycache__" not in place.parts}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The sdist and the wheel."""
    folder = tmp_path_factory.mktemp("packages")
    for name in tracked():
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / "source" / name)
    subprocess.run([sys.executable, "-c", BUILD], cwd=folder / "source", check=True, capture_output=True)
    [sdist], [wheel] = (folder / "built").glob("*.tar.gz"), (folder / "built").glob("*.whl")
    return sdist, wheel


def test_the_sdist_holds_all_that_is_tracked(built):
    with tarfile.open(built[0]) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert tracked() - held == set()
    assert {"tests/conftest.py", "tests/helpers.py", "tests/golden/keras2/stcnn.hdf5"} <= held


def test_the_metadata_name_author_and_requirements(built):
    with zipfile.ZipFile(built[1]) as wheel:
        [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(wheel.read(name).decode())
        assert not [name for name in wheel.namelist() if name.startswith("tests")]
    assert metadata["Author"] == "the microexp_keras maintainers" and metadata["Summary"]
    assert any(line.startswith("filelock") for line in metadata.get_all("Requires-Dist"))
    assert any("arxiv.org/abs/1904.01390" in line for line in metadata.get_all("Project-URL"))


def test_the_wheel_alone_trains_and_scores(built, small_faces, tmp_path):
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    scripts, python = tmp_path / "env" / "bin", tmp_path / "env" / "bin" / "python"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(built[1])], check=True, env=environment)
    [site] = (tmp_path / "env").glob("lib/python*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_paths()["purelib"])  # the requirements, as they are installed here

    def run(*command):
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = "import microexp_keras; print(microexp_keras.__file__)"
    assert Path(run(python, "-c", where).strip()).is_relative_to(site)
    assert run(scripts / "microexp-keras", "--version").startswith("microexp-keras 0.")
    face = "from microexp_keras.datasets import synthesize; synthesize('smic', 'made', clips=(1, 1, 1))"
    run(python, "-c", face)
    trained = ["--dataset", "smic", "--data", small_faces, "--model", "lbp-top", "--out", "out"]
    assert "accuracy" in run(scripts / "microexp-keras", "train", *trained)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["commit"] is None and str(site) in config["commit_missing"]
    assert "none: the package does not run from a checkout" in (tmp_path / "out" / "report.html").read_text()
