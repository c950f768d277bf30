"""Training and evaluation of the fused networks as a person uses them, from faces to the report."""

import numpy as np
import pytest
from helpers import best_weights, read_json, reported, write_clips

from microexp_keras import evaluate, train
from microexp_keras.landmarks import dlib_detector
from microexp_keras.landmarks.__main__ import main as landmarks_command

pytestmark = pytest.mark.slow

ARRAYS = {f"intermediate_microexpfusenet_{letter}val_{kind}.npy" for letter in "en" for kind in ("images", "labels")}


@pytest.fixture(scope="module")
def run(small_faces, shared):
    """The folder of a short run under the original's rules."""
    arguments = [
        "--dataset",
        "smic",
        "--data",
        str(small_faces),
        "--model",
        "intermediate",
        "--epochs",
        "2",
        "--no-faces",
    ]

    def make(out):
        assert train.main([*arguments, "--out", str(out)]) == 0

    return shared("fused", make)


def read(folder, name="scores.json"):
    return read_json(folder / name)


def test_the_originals_quirks_are_in_the_report(run):
    report = (run / "report.txt").read_text()
    assert "16 clips stand 21 times in the arrays" in report
    assert "5 of the 21 test labels go by position and differ from the clips' folders" in report
    assert "16 of the 21 test clips are training clips too" in report and "Accuracy on the other 5 clips" in report
    assert "SYNTHETIC" in report
    config = read(run, "config.json")
    assert config["data"]["clips_per_class"] == {"negative": 11, "positive": 5, "surprise": 5}
    assert config["protocol"]["eyes_trained_on"] == "mouth" and config["protocol"]["last_class_copies"] == 2
    assert set(config["folds"][0]["statistics"]) == {"eyes", "mouth"}
    assert "second copies of training clips" in report
    assert read(run)["clips"] == 21


def test_a_collapsed_network_is_named_with_the_constant_score(run):
    report, scores = (run / "report.txt").read_text(), read(run)
    assert scores["collapsed_to"] in ("negative", "positive", "surprise")
    name = scores["collapsed_to"]
    count = {"negative": 11, "positive": 5, "surprise": 5}[name]
    assert f"COLLAPSED: {name} was predicted for every clip" in report and scores["correct"] == count
    assert f"majority-class baseline (negative): {11 / 21:.1%}" in report


def test_the_arrays_are_those_of_the_original(run):
    assert {path.name for path in run.glob("*.npy")} == ARRAYS
    eyes, mouth = (np.load(run / f"intermediate_microexpfusenet_{letter}val_images.npy") for letter in "en")
    assert eyes.shape == (5, 1, 32, 32, 18) and np.array_equal(eyes, mouth)  # the program saves mouths as eyes


def test_evaluation_repeats_the_runs_score_on_clips(run, small_faces, tmp_path, capsys):
    arguments = ["--weights", str(best_weights(run)), "--data", str(small_faces)]
    assert evaluate.main([*arguments, "--out", str(tmp_path / "all")]) == 0
    assert read(tmp_path / "all")["confusion"] == read(run)["confusion"]
    said = reported(capsys)
    assert "The weights were not trained on them" not in said and "test labels go by position" in said


def test_evaluation_takes_two_arrays(run, tmp_path, capsys):
    images = [str(run / f"intermediate_microexpfusenet_{letter}val_images.npy") for letter in "en"]
    labels = ["--validation-labels", str(run / "intermediate_microexpfusenet_eval_labels.npy")]
    weights = ["--weights", str(best_weights(run))]
    assert evaluate.main([*weights, "--validation-images", *images, *labels, "--out", str(tmp_path / "out")]) == 0
    said = reported(capsys)
    assert "the arrays of eyes and mouth are the same" in said and read(tmp_path / "out")["clips"] == 5
    assert evaluate.main([*weights, "--validation-images", images[0], *labels, "--out", str(tmp_path / "no")]) == 2
    assert "Give 2 .npy files (eyes, mouth, in this order)" in capsys.readouterr().err


def test_training_on_ones_own_landmarks_goes_on_from_its_cache_and_its_state(run, small_faces, tmp_path, monkeypatch):
    points = str(tmp_path / "points.csv")
    assert landmarks_command(["detect", str(small_faces), "--dataset", "smic", "--out", points]) == 0
    arguments = ["--dataset", "smic", "--data", str(small_faces), "--model", "intermediate", "--epochs", "1"]
    out = tmp_path / "own"
    assert train.main([*arguments, "--landmarks", points, "--no-faces", "--out", str(out)]) == 0
    prints = [read(folder, "config.json")["data"]["fingerprint"] for folder in (run, out)]
    assert prints[0] == prints[1]  # of the same pixels
    assert "landmarks from" in (out / "report.txt").read_text()

    def not_again(images):
        raise AssertionError("the faces were found already")

    monkeypatch.setattr(dlib_detector, "detect", not_again)
    assert train.main(["--resume", str(out), "--epochs", "2"]) == 0
    assert len((out / "history.csv").read_text().splitlines()) == 3


def test_what_would_be_ignored_is_refused(run, small_faces, tmp_path, capsys):
    def refused(command, *arguments):
        assert command.main([str(argument) for argument in arguments]) == 2
        return capsys.readouterr().err

    data = ["--dataset", "smic", "--data", small_faces, "--out", tmp_path / "out"]
    assert "goes with a fused network only" in refused(train, *data, "--landmarks", "points.csv")
    weights = ["--weights", best_weights(run)]
    assert "holds weights of Intermediate MicroExpFuseNet, not of Late" in refused(
        train, *data, "--model", "late", *weights
    )
    assert "the run was started without" in refused(train, "--resume", run, "--landmarks", "points.csv")
    assert not (tmp_path / "out").exists()


def test_a_clip_without_a_face_is_named(tmp_path, capsys):
    write_clips(tmp_path / "data", ["Negative/s1_ne_01", "Positive/s1_po_01", "Surprise/s1_sur_01"])
    arguments = ["--dataset", "smic", "--data", str(tmp_path / "data"), "--model", "late", "--protocol", "paper"]
    assert train.main([*arguments, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "s1_ne_01: no frame shows one face" in error and "no face in frames 0-17" in error
    assert not (tmp_path / "out").exists()
