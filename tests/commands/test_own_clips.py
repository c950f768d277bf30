"""All commands on a user's own table of clips."""

import json
import re

import h5py
import numpy as np
import pytest
from own_clips import CLASSES, write_own

from microexp_keras import datasets, evaluate, predict, reproduce, train, weights
from microexp_keras.datasets.__main__ import main as datasets_command
from microexp_keras.landmarks.__main__ import main as landmarks_command

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return write_own(tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def run(own):
    folder = own.parent / "run"
    arguments = ["--data", str(own), "--protocol", "loso", "--epochs", "1", "--keep-weights"]
    assert train.main([*arguments, "--out", str(folder)]) == 0
    return folder


def arrays_of(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return {name: values for name, values in found.items() if "sha" not in name and "check" not in name}


def texts(folder):
    """What the files of a folder say, without pictures."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".txt", ".json", ".csv", ".html", ".svg"):
            yield path, re.sub(r'base64,[^"]*', "", path.read_text(encoding="utf-8"))


def test_a_report_has_its_own_names_and_those_of_no_other(run):
    assert (run / "report.txt").read_text(encoding="utf-8").startswith("MicroExpSTCNN on my clips\n")
    for path, text in texts(run):
        assert "smic" not in text.lower(), path
    assert json.loads((run / "scores.json").read_text(encoding="utf-8"))["class_names"] == list(CLASSES)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in CLASSES)
    for file in run.rglob("*.weights.h5"):
        metadata = weights.inspect(file).metadata
        assert metadata["class_names"] == list(CLASSES) and metadata["dataset"]["title"] == "my clips"


def test_runs_resume_and_weights_are_scored_and_asked(own, run, capsys, tmp_path):
    before = (run / "predictions.csv").read_bytes()
    assert train.main(["--resume", str(run)]) == 0 and (run / "predictions.csv").read_bytes() == before
    file = next((run / "fold-01").glob("*.weights.h5"))
    assert evaluate.main(["--weights", str(file), "--data", str(own), "--out", str(tmp_path / "scored")]) == 0
    assert "The weights were not trained on them." in capsys.readouterr().out
    assert all("smic" not in text.lower() for _, text in texts(tmp_path / "scored"))
    video = str(own.parent / "people 1/film.avi")
    assert predict.main([video, "--weights", str(file), "--out", str(tmp_path / "seen")]) == 2  # noise, no face
    assert "expected a face throughout" in capsys.readouterr().err


def test_a_clip_changed_since_is_refused_when_a_run_is_resumed(run, own, tmp_path, capsys):
    other = own.with_name("other.csv")
    other.write_text(own.read_text(encoding="utf-8-sig").replace("p-3", "p-4"), encoding="utf-8")
    assert train.main(["--resume", str(run), "--data", str(other)]) == 2
    assert "expected the clips that the run" in capsys.readouterr().err


def test_check_looks_as_deep_as_for_a_known_database(own, capsys):
    assert datasets_command(["check", str(own), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["clips"], found["classes"], found["frames_read"]) == (12, list(CLASSES), 18)
    assert datasets_command(["check", str(own), "--frames", "30"]) == 1
    assert "short clip (12)" in capsys.readouterr().out


def test_a_rival_method_is_fitted_and_scored(own, tmp_path, capsys):
    arguments = ["--data", str(own), "--model", "lbp-top", "--keep-weights"]
    assert train.main([*arguments, "--out", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().out.startswith("LBP-TOP on my clips\n")
    file = next((tmp_path / "run/fold-01").glob("*.h5"))
    assert evaluate.main(["--weights", str(file), "--data", str(own), "--out", str(tmp_path / "scored")]) == 0


def test_methods_are_laid_beside_each_other_and_not_beside_the_paper(own, tmp_path, capsys):
    out = tmp_path / "tables"
    arguments = ["--data", str(own), "--tables", "V", "VIII", "--models", "stcnn", "lbp-top", "--epochs", "1"]
    assert reproduce.main([*arguments, "--out", str(out)]) in (0, 1)
    report = (out / "report.md").read_text(encoding="utf-8")
    assert report.startswith("# Tables of Reddy et al. (2019) on my clips\n") and "no numbers of these clips" in report
    assert "| method | protocol | ours | 95 % interval |" in report and "| LBP-TOP | loso |" in report
    assert "| network | protocol | over | on | ours |" in report and "## Is MicroExpSTCNN ahead?" in report
    assert all("smic" not in text.lower() for _, text in texts(out))
    before = (out / "report.md").read_bytes()
    capsys.readouterr()
    assert reproduce.main(["--resume", str(out)]) in (0, 1) and (out / "report.md").read_bytes() == before
    assert reproduce.main(["--data", str(own), "--tables", "V", "VII", "--out", str(tmp_path / "no")]) == 2
    assert "expected tables of my clips, V, VIII or IX, found VII" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_a_table_of_smic_gives_the_same_weights_to_the_bit(small_smic, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert datasets_command(["table", str(small_smic), "--dataset", "smic", "--out", "copy.csv"]) == 0
    common = ["--protocol", "paper", "--epochs", "1", "--no-faces"]
    assert train.main(["--dataset", "smic", "--data", str(small_smic), *common, "--out", "known"]) == 0
    assert train.main(["--data", "copy.csv", *common, "--out", "own"]) == 0
    [known], [own] = (list((tmp_path / name).glob("weights*.h5")) for name in ("known", "own"))
    known, own = arrays_of(known), arrays_of(own)
    assert known.keys() == own.keys() and all(np.array_equal(known[name], own[name]) for name in known)
    assert len(known) >= 6


def test_faces_are_cut_out_and_eyes_and_mouth_found(small_faces, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    clips = datasets.find_clips(small_faces, "smic")
    lines = ["clip,subject,label"] + [
        f"{clip.path},{clip.subject},{'ab'[clip.label % 2]}" for clip in clips[:9:2] + clips[9:]
    ]
    (tmp_path / "faces.csv").write_text("\n".join(lines) + "\n")
    common = ["--data", "faces.csv", "--epochs", "1", "--protocol"]
    assert train.main([*common, "paper", "--crop", "face", "--sampling", "interpolate", "--out", "cut"]) in (0, 1)
    file = next((tmp_path / "cut").glob("weights*.h5"))
    assert predict.main([str(clips[0].path), "--weights", str(file), "--fps", "100", "--out", "seen"]) == 0
    assert all("smic" not in text.replace(str(small_faces), "").lower() for _, text in texts(tmp_path / "cut"))
    assert train.main([*common, "glorot", "--model", "late", "--out", "fused"]) in (0, 1)
    assert landmarks_command(["detect", "faces.csv", "--out", "points.csv"]) == 0
    capsys.readouterr()
    assert train.main([*common, "paper", "--crop", "face", "--model", "late"]) == 2
    assert "expected with a method that sees the whole face" in capsys.readouterr().err
