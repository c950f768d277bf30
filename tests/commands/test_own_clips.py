"""All commands on a user's own table of clips."""

import csv
import re

import cv2
import numpy as np
import pytest
from helpers import microexp, read_json, refused
from own_clips import CLASSES, write_own, write_table

from microexp_keras import datasets, preprocessing, protocols, weights
from microexp_keras.datasets.frames import read_frames

pytestmark = pytest.mark.slow

COLUMNS, HOW = ("clip", "true", "predicted", "subject"), ("fold", "method", "protocol", "seed")


@pytest.fixture(scope="module")
def run(own, shared):
    line = f"train --data '{own}' --protocol loso --epochs 1 --keep-weights --frames 24 --sampling interpolate --jobs 1"
    return shared("own-run", lambda out: microexp(f"{line} --out {out}"))


def texts(folder):
    """What the files of a folder say, without pictures."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".txt", ".json", ".csv", ".html", ".svg"):
            yield path, re.sub(r'base64,[^"]*', "", path.read_text(encoding="utf-8"))


def test_a_report_has_its_own_names_and_those_of_no_other(run):
    assert (run / "report.txt").read_text(encoding="utf-8").startswith("MicroExpSTCNN on my clips\n")
    for path, text in texts(run):
        assert "smic" not in text.lower(), path
    assert read_json(run / "scores.json")["class_names"] == list(CLASSES)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in CLASSES)
    for file in run.rglob("*.weights.h5"):
        metadata = weights.inspect(file).metadata
        assert metadata["class_names"] == list(CLASSES) and metadata["dataset"]["title"] == "my clips"
    assert [path.parent.name for path in run.rglob("saliency_*.png")] == ["fold-01"]
    assert "Saliency, face" in page


def test_runs_resume_and_weights_are_scored_and_asked(own, run, inside):
    before = (run / "predictions.csv").read_bytes()
    microexp(f"train --resume {run}")
    assert (run / "predictions.csv").read_bytes() == before
    file = next((run / "fold-01").glob("*.weights.h5"))
    said = microexp(f"evaluate --weights {file} --data '{own}' --out scored").report
    assert "The weights were not trained on them." in said
    assert all("smic" not in text.lower() for _, text in texts(inside / "scored"))
    said = refused(f"predict '{own.parent}/people 1/film.avi' --weights {file} --out seen")
    assert "has 20 frames, and the network looks at 24 at once" in said


@pytest.fixture(scope="module")
def columns_as_classes(tmp_path_factory):
    """A run of LBP-TOP on classes that are named as columns of predictions.csv are."""
    table = write_own(tmp_path_factory.mktemp("columns"))
    text, out = table.read_text(encoding="utf-8-sig"), table.parent / "run"
    for before, after in zip(CLASSES, COLUMNS, strict=True):
        text = text.replace(f";{before};", f";{after};")
    table.write_text(text, encoding="utf-8")
    return table, out, "".join(microexp(f"train --data '{table}' --model lbp-top --keep-weights --out {out}"))


def test_no_class_can_be_named_as_a_column_of_predictions(columns_as_classes, tmp_path):
    table, out, _ = columns_as_classes
    file = next((out / "fold-01").glob("*.h5"))
    microexp(f"evaluate --weights {file} --data '{table}' --out {tmp_path}/scored")
    for folder in (out, tmp_path / "scored"):
        scores = read_json(folder / "scores.json")
        with open(folder / "predictions.csv", newline="", encoding="utf-8") as file:
            head, *rows = csv.reader(file)
        assert head == [*COLUMNS[:1], "subject", "true", "predicted", *[f"p_{name}" for name in COLUMNS], *HOW]
        assert sum(row[2] == row[3] for row in rows) == scores["correct"] and len(rows) == scores["clips"]
        for row in rows:
            assert row[3] == COLUMNS[np.argmax([float(value) for value in row[4:8]])] and row[2] in COLUMNS
        page = (folder / "report.html").read_text(encoding="utf-8")
        assert f"{scores['clips'] - scores['correct']} of {scores['clips']} clips, most confident first" in page


def test_a_method_without_epochs_says_nothing_of_epochs(columns_as_classes):
    _, out, printed = columns_as_classes
    page = (out / "report.html").read_text(encoding="utf-8").split("<body>")[1]
    said = printed + re.sub(r'base64,[^"]*', "", page) + (out / "report.txt").read_text(encoding="utf-8")
    words = ("best epoch", "0epoch", ">epochs<", "batch_size", "kernel_size", "training time", "FACES", "faces of")
    assert not [word for word in words if word in said]
    fold = read_json(out / "config.json")["folds"][0]
    assert [fold[part]["clips"] for part in ("train", "validation", "test")] == [8, 0, 4]


def test_tables_are_laid_beside_each_other_and_not_beside_the_paper(own, inside):
    microexp(f"reproduce --data '{own}' --tables V VIII --models stcnn --protocols paper --epochs 1 --out tables", 0, 1)
    report = re.sub(" +", " ", (inside / "tables" / "report.txt").read_text(encoding="utf-8"))
    assert report.startswith("Tables of Reddy et al. (2019) on my clips\n") and "no results on these clips" in report
    assert "method protocol ours 95 % interval" in report and "network protocol over on ours" in report
    assert all("smic" not in text.lower() for _, text in texts(inside / "tables"))


def test_a_table_of_smic_gives_the_samples_and_folds_of_smic(small_smic, tmp_path):
    table = tmp_path / "copy.csv"
    microexp(f"datasets table {small_smic} --dataset smic --out {table}")
    found = []
    for path, database in ((small_smic, "smic"), (table, datasets.own_database(table))):
        protocol = protocols.get("paper", "stcnn", database)
        samples = preprocessing.load_samples(path, protocol, progress=False)
        [fold] = preprocessing.folds(protocol, samples)
        found.append([samples.stacks["face"][:], samples.labels, fold.train, fold.validation, fold.test])
    assert all(map(np.array_equal, *found)) and len(found[0][1]) == 30


def test_faces_are_cut_out_in_training_and_of_a_video(small_faces, inside):
    clips = datasets.find_clips(small_faces, "smic")
    rows = [f"{clip.path},{clip.subject},{'ab'[clip.label % 2]}" for clip in (*clips[:9:2], *clips[9:])]
    (inside / "faces.csv").write_text("\n".join(["clip,subject,label", *rows]) + "\n")
    reading = "--protocol paper --crop face --sampling interpolate --no-faces"
    microexp(f"train --data faces.csv --epochs 1 {reading} --out cut", 0, 1)
    file = next((inside / "cut").glob("weights*.h5"))
    microexp(f"predict {clips[0].path} --weights {file} --fps 100 --out seen")
    assert all("smic" not in text.replace(str(small_faces), "").lower() for _, text in texts(inside / "cut"))
    microexp("landmarks detect faces.csv --out points.csv")


def test_of_two_people_check_says_what_training_stops_at(small_faces, inside):
    [face] = read_frames(datasets.find_clips(small_faces)[0], slice(0, 1))
    clips = {"one": face, "two": np.hstack([face, face]), "nobody": np.full_like(face, 90)}
    for name, image in clips.items():
        (inside / name).mkdir()
        for number in range(18):
            cv2.imwrite(str(inside / name / f"img{number}.png"), image)
    write_table(inside, *clips)
    microexp("check clips.csv")
    said = microexp("check clips.csv --crop face", 1).out
    assert "two/img0.png: shows 2 faces wider than an eighth of it" in said
    assert "nobody/img0.png: shows no face wider than an eighth of it" in said
    assert "one/img0.png" not in said
    error = refused("train --data clips.csv --protocol paper --crop face --out run")
    assert re.search(r"(two.*shows 2 faces|nobody.*shows no face) wider than an eighth", error)
