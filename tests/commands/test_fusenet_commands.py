"""Training and evaluation of the fused networks as a person uses them, from faces to the report."""

import numpy as np
import pytest
from helpers import best_weights, microexp, read_json, refused, write_clips

from microexp_keras.landmarks import dlib_detector

pytestmark = pytest.mark.slow

ARRAYS = {f"intermediate_microexpfusenet_{letter}val_{kind}.npy" for letter in "en" for kind in ("images", "labels")}
COUNTS = {"negative": 11, "positive": 5, "surprise": 5}


def read(folder, name="scores.json"):
    return read_json(folder / name)


def test_the_originals_quirks_are_in_the_report(fused):
    report, config = (fused / "report.txt").read_text(), read(fused, "config.json")
    for said in (
        "16 clips stand 21 times in the arrays",
        "5 of the 21 test labels go by position and differ from the clips' folders",
        "16 of the 21 test clips are training clips too",
        "Accuracy on the other 5 clips",
        "SYNTHETIC",
        "second copies of training clips",
    ):
        assert said in report
    assert config["data"]["clips_per_class"] == COUNTS and read(fused)["clips"] == 21
    assert config["protocol"]["eyes_trained_on"] == "mouth" and config["protocol"]["last_class_copies"] == 2
    assert set(config["folds"][0]["statistics"]) == {"eyes", "mouth"}


def test_a_collapsed_network_is_named_with_the_constant_score(fused):
    report, scores = (fused / "report.txt").read_text(), read(fused)
    name = scores["collapsed_to"]
    assert f"COLLAPSED: {name} was predicted for every clip" in report and scores["correct"] == COUNTS[name]
    assert f"majority-class baseline (negative): {11 / 21:.1%}" in report


def test_the_arrays_are_those_of_the_original(fused):
    assert {path.name for path in fused.glob("*.npy")} == ARRAYS
    eyes, mouth = (np.load(fused / f"intermediate_microexpfusenet_{letter}val_images.npy") for letter in "en")
    assert eyes.shape == (5, 1, 32, 32, 18) and np.array_equal(eyes, mouth)  # the program saves mouths as eyes


def test_evaluation_repeats_the_runs_score_on_clips_and_takes_two_arrays(fused, small_faces, tmp_path):
    line = f"evaluate --weights {best_weights(fused)}"
    said = microexp(f"{line} --data {small_faces} --out {tmp_path}/all").report
    assert read(tmp_path / "all")["confusion"] == read(fused)["confusion"]
    assert "The weights were not trained on them" not in said and "test labels go by position" in said
    start = f"{fused}/intermediate_microexpfusenet"
    arrays = f"--validation-images {start}_eval_images.npy {start}_nval_images.npy"
    said = microexp(f"{line} {arrays} --validation-labels {start}_eval_labels.npy --out {tmp_path}/arrays").report
    assert "the arrays of eyes and mouth are the same" in said and read(tmp_path / "arrays")["clips"] == 5


def test_training_on_ones_own_landmarks_goes_on_from_its_cache_and_its_state(fused, small_faces, inside, monkeypatch):
    microexp(f"landmarks detect {small_faces} --dataset smic --out points.csv")
    line = f"train --dataset smic --data {small_faces} --model intermediate --epochs 1"
    microexp(f"{line} --landmarks points.csv --no-faces --out own")
    own = inside / "own"
    prints = [read(folder, "config.json")["data"]["fingerprint"] for folder in (fused, own)]
    assert prints[0] == prints[1]  # of the same pixels
    assert "landmarks from" in (own / "report.txt").read_text()

    def not_again(images):
        raise AssertionError("the faces were found already")

    monkeypatch.setattr(dlib_detector, "detect", not_again)
    microexp("train --resume own --epochs 2")
    assert len((own / "history.csv").read_text().splitlines()) == 3


def test_a_clip_without_a_face_is_named(inside):
    write_clips(inside / "data", ["Negative/s1_ne_01", "Positive/s1_po_01", "Surprise/s1_sur_01"])
    error = refused("train --dataset smic --data data --model late --protocol paper --out out")
    assert "s1_ne_01: no frame shows one face" in error and "no face in frames 0-17" in error
    assert not (inside / "out").exists()
