"""SMIC with its own lengths in `data/`, and the commands that find it there without being told."""

import shutil
from pathlib import Path

import pytest
from helpers import read_json, read_rows
from trees import write_images

from microexp_keras import datasets, evaluate, preprocessing, protocols, reproduce, train
from microexp_keras.datasets import options
from microexp_keras.datasets.__main__ import main as datasets_command
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks.__main__ import main as landmarks_command

LENGTHS = Path(__file__).parents[1] / "smic_hs_lengths.csv"
WEIGHTS = next((Path(__file__).parents[2] / "weights").glob("*smic*.h5"))
SHORT = {"s3_ne_03": 11, "s3_ne_16": 17, "s20_ne_01": 17, "s20_ne_07": 17, "s3_po_11": 16}
CLASSES = {"ne": "negative", "po": "positive", "sur": "surprise"}


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
    write_smic(folder / "data/SMIC_all_cropped/HS")
    return folder


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """Nothing is found but what a test puts there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MICROEXP_DATA", raising=False)
    monkeypatch.setattr(options, "CHECKOUT", tmp_path / "checkout")


def test_check_names_the_five_short_clips(home, monkeypatch, capsys):
    monkeypatch.chdir(home)
    assert datasets_command(["check"]) == 0
    said = capsys.readouterr()
    assert said.err.startswith(f"SMIC is read from {home}/data/SMIC_all_cropped/HS\n")
    assert "70          51          43         164" in said.out
    for name, length in SHORT.items():
        assert f"has {length} frames, fewer than 19" in said.out and name in said.out


@pytest.mark.slow
def test_the_plain_command_trains_on_the_clips_that_the_paper_keeps(home, monkeypatch, capsys):
    monkeypatch.chdir(home)
    assert train.main(["--dataset", "smic", "--epochs", "1", "--no-faces"]) in (0, 1)
    said = capsys.readouterr()
    assert said.err.startswith(f"SMIC is read from {home}/data/SMIC_all_cropped/HS\n")
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


@pytest.mark.parametrize(
    "command",
    [
        lambda *where: train.main(["--dataset", "smic", *where]),
        lambda *where: reproduce.main(["--dataset", "smic", *where]),
        lambda *where: evaluate.main(["--weights", str(WEIGHTS), *where]),
        lambda *where: datasets_command(["check", "--dataset", "smic", *where]),
        lambda *where: landmarks_command(["detect", "--dataset", "smic", *where]),
    ],
    ids=["train", "reproduce", "evaluate", "check", "detect"],
)
def test_where_there_is_no_database_one_sentence_says_what_to_do(command, home, tmp_path, capsys):
    shutil.copytree(home / "data/SMIC_all_cropped/HS/s1", tmp_path / "data/synthetic-smic/HS/s1")
    (tmp_path / "data/synthetic-smic/SYNTHETIC.txt").write_text("x")  # passed over
    assert command() == 2
    [said] = capsys.readouterr().err.splitlines()
    for part in (f"no clips of SMIC below {tmp_path}/data:", "data/README.md", "--synthetic"):
        assert part in said
    assert command("--synthetic", "--layout", "flat") == 2
    assert "synthetic-smic" in capsys.readouterr().err  # whose tree is another


def test_the_folders_are_looked_in_one_after_the_other(home, tmp_path, monkeypatch, capsys):
    clip = home / "data/SMIC_all_cropped/HS/s1"
    for place in ("named", "data", "checkout/data"):
        shutil.copytree(clip, tmp_path / place / "any/depth/SMIC_all_cropped/HS/s1")
    (tmp_path / "checkout/pyproject.toml").touch()
    monkeypatch.setenv("MICROEXP_DATA", "named")
    for place in ("named", "data", "checkout/data"):
        assert datasets.data_folder("smic") == tmp_path / place
        assert f"SMIC is read from {tmp_path / place}/any/depth/" in capsys.readouterr().err
        shutil.rmtree(tmp_path / place)
    with pytest.raises(MicroExpError, match=f"{tmp_path}/named, {tmp_path}/data or {tmp_path}/checkout/data"):
        datasets.data_folder("smic")


def test_notebooks_fall_back_to_synthetic_clips_and_say_so(home, tmp_path, capsys):
    made = tmp_path / "data/synthetic-smic"
    shutil.copytree(home / "data/SMIC_all_cropped/HS/s1", made / "HS/s1")
    (made / "SYNTHETIC.txt").write_text("x")
    assert datasets.data_or_synthetic("smic") == made and "SYNTHETIC" in capsys.readouterr().out
    shutil.copytree(home / "data/SMIC_all_cropped/HS/s1", tmp_path / "data/SMIC_all_cropped/HS/s1")
    assert datasets.data_or_synthetic("smic") == tmp_path / "data"


def test_cameras_of_25_frames_a_second(tmp_path, capsys):
    """No clip of VIS and NIR has 18 frames."""
    write_smic(tmp_path / "data/SMIC_all_cropped/VIS", longest=13)
    assert datasets_command(["check"]) == 1 and "take --protocol loso" in capsys.readouterr().out
    assert datasets_command(["check", "--sampling", "interpolate"]) == 0
    assert train.main(["--dataset", "smic"]) == 2 and "take --protocol loso" in capsys.readouterr().err
    assert train.main(["--dataset", "smic", "--protocol", "loso", "--sampling", "apex"]) == 2
    assert "SMIC-HS as distributed has none). Take --sampling interpolate" in capsys.readouterr().err
    stacks = []
    for reading in ({}, {"sampling": "interpolate"}):
        protocol = protocols.get("loso", "stcnn", "smic", **reading)
        samples = preprocessing.load_samples(tmp_path / "data", protocol, progress=False)
        stacks.append(samples.stacks["face"][:])
        assert len(samples.names) == 164
        assert ("all 164 clips (11 to 13)" in " ".join(samples.notes)) == (not reading)
    assert (stacks[0] == stacks[1]).all()
