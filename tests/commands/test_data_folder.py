"""SMIC with its own lengths in `data/`, and the commands that find it there without being told."""

import shutil
from pathlib import Path

import pytest
from helpers import microexp, read_json, read_rows, refused
from trees import write_images

from microexp_keras import datasets, preprocessing, protocols
from microexp_keras.datasets import options
from microexp_keras.errors import MicroExpError

LENGTHS = Path(__file__).parents[1] / "smic_hs_lengths.csv"
SHORT = {"s3_ne_03": 11, "s3_ne_16": 17, "s20_ne_01": 17, "s20_ne_07": 17, "s3_po_11": 16}
CLASSES = {"ne": "negative", "po": "positive", "sur": "surprise"}
HS = "data/SMIC_all_cropped/HS"


def write_smic(root, longest=100):
    """Clips of noise with names and lengths of SMIC-HS, of one camera's tree."""
    for row in read_rows(LENGTHS):
        subject, code, _ = row["clip"].split("_")
        frames = range(1, 1 + min(int(row["frames"]), longest))
        write_images(root / subject / "micro" / CLASSES[code] / row["clip"], frames, "reg_image{:03d}.bmp")
    return root


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A working folder with SMIC in `data/`."""
    folder = tmp_path_factory.mktemp("home")
    write_smic(folder / HS)
    return folder


@pytest.fixture(autouse=True)
def alone(inside, monkeypatch):
    """Nothing is found but what a test puts there."""
    monkeypatch.delenv("MICROEXP_DATA", raising=False)
    monkeypatch.setattr(options, "CHECKOUT", inside / "checkout")


@pytest.fixture
def synthetic(home, inside):
    """Synthetic clips in the `data/` of this folder."""
    made = inside / "data/synthetic-smic"
    shutil.copytree(home / HS / "s1", made / "HS/s1")
    (made / "SYNTHETIC.txt").write_text("x")
    return made


def test_check_names_the_five_short_clips(home, monkeypatch):
    monkeypatch.chdir(home)
    said = microexp("datasets check")
    assert said.err.startswith(f"SMIC is read from {home}/{HS}\n")
    assert "70          51          43         164" in said.out
    for name, length in SHORT.items():
        assert f"has {length} frames, fewer than 19" in said.out and name in said.out


@pytest.mark.slow
def test_the_plain_command_trains_on_the_clips_that_the_paper_keeps(home, monkeypatch):
    monkeypatch.chdir(home)
    said = microexp("train --dataset smic --epochs 1 --no-faces", 0, 1)
    assert said.err.startswith(f"SMIC is read from {home}/{HS}\n")
    run = home / "runs/smic-stcnn-upstream-001"
    config = read_json(run / "config.json")
    assert config["data"]["clips"] == 159 and list(config["data"]["clips_per_class"].values()) == [66, 50, 43]
    assert config["protocol"]["more_frames_than"] == 18 and config["settings"]["data"] == str(home / "data")
    assert len(read_rows(run / "predictions.csv")) == 32
    for report in ((run / "report.txt").read_text(), (run / "report.html").read_text()):
        assert "keeps clips with more than 18 frames (section IV.A.2), so protocols upstream and paper leave" in report
        assert all(f"{name} ({length} frames)" in report for name, length in SHORT.items())


def test_leave_one_subject_out_takes_all_clips(home):
    samples = preprocessing.load_samples(home / "data", protocols.get("loso"), progress=False)
    assert len(samples.names) == 164
    said = " ".join(map(str, samples.all_notes))
    assert "brought to 18 by temporal interpolation" in said and "The paper keeps" not in said
    assert all(f"{name} ({length})" in said for name, length in SHORT.items())


COMMANDS = ("train", "reproduce", "evaluate --weights synthetic", "datasets check", "landmarks detect")


@pytest.mark.parametrize("command", COMMANDS)
def test_where_there_is_no_database_one_sentence_says_what_to_do(command, synthetic, inside):
    line = command if "--weights" in command else f"{command} --dataset smic"  # the weights say which
    [said] = microexp(line, 2).err.splitlines()  # synthetic clips are passed over
    for part in (f"no clips of SMIC below {inside}/data:", "data/README.md", "--synthetic"):
        assert part in said
    assert "synthetic-smic" in refused(f"{line} --synthetic --layout flat")  # whose tree is another


def test_the_folders_are_looked_in_one_after_the_other(home, inside, monkeypatch, capsys):
    places = ("named", "data", "checkout/data")
    for place in places:
        shutil.copytree(home / HS / "s1", inside / place / "any/depth/SMIC_all_cropped/HS/s1")
    (inside / "checkout/pyproject.toml").touch()
    monkeypatch.setenv("MICROEXP_DATA", "named")
    for place in places:
        assert datasets.data_folder("smic") == inside / place
        assert f"SMIC is read from {inside / place}/any/depth/" in capsys.readouterr().err
        shutil.rmtree(inside / place)
    with pytest.raises(MicroExpError, match=f"{inside}/named, {inside}/data or {inside}/checkout/data"):
        datasets.data_folder("smic")


def test_notebooks_fall_back_to_synthetic_clips_and_say_so(home, synthetic, inside, capsys):
    assert datasets.data_or_synthetic("smic") == synthetic and "SYNTHETIC" in capsys.readouterr().out
    shutil.copytree(home / HS / "s1", inside / HS / "s1")
    assert datasets.data_or_synthetic("smic") == inside / "data"


def test_cameras_of_25_frames_a_second(inside):
    """No clip of VIS and NIR has 18 frames."""
    write_smic(inside / "data/SMIC_all_cropped/VIS", longest=13)
    assert "take --protocol loso" in microexp("datasets check", 1).out
    microexp("datasets check --sampling interpolate")
    assert "take --protocol loso" in refused("train --dataset smic")
    said = refused("train --dataset smic --protocol loso --sampling apex")
    assert "SMIC-HS as distributed has none). Take --sampling interpolate" in said
    stacks = []
    for reading in ({}, {"sampling": "interpolate"}):
        protocol = protocols.get("loso", "stcnn", "smic", **reading)
        samples = preprocessing.load_samples(inside / "data", protocol, progress=False)
        stacks.append(samples.stacks["face"][:])
        assert len(samples.names) == 164
        assert ("all 164 clips (11 to 13)" in " ".join(samples.notes)) == (not reading)
    assert (stacks[0] == stacks[1]).all()
