"""The commands as a person uses them: what they write, what they say, and how they refuse."""

import json
import shutil

import h5py
import numpy as np
import pytest
from helpers import best_weights, microexp, read_json, read_rows, refused, smic_names, write_clips

from microexp_keras import models, protocols, train, weights
from microexp_keras.atomic import only_writer
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import original_npy

pytestmark = pytest.mark.slow

RUN_FILES = {
    "config.json", "history.csv", "curves.png", "curves.svg", "confusion_matrix.json", "confusion_matrix.png",
    "confusion_matrix.svg", "scores.json", "predictions.csv", "report.txt", "report.html",
    "result.json", "saliency_face.png", "saliency_face.svg", "roc.png", "roc.svg", "calibration.png", "calibration.svg",
    "microexpstcnn_val_images.npy", "microexpstcnn_val_images.json", "microexpstcnn_val_labels.npy", "last.weights.h5",
}  # fmt: skip
UNKNOWN = "it is unknown whether the weights were trained on some of these clips"


def read(folder, name="scores.json"):
    return read_json(folder / name)


def arrays_of(folder):
    """Options for the arrays that a run has written."""
    images, labels = (folder / f"microexpstcnn_val_{name}.npy" for name in ("images", "labels"))
    return f"--validation-images '{images}' --validation-labels '{labels}'"


def test_a_run_folder_holds_what_it_should(trained, best, small_smic):
    assert {path.name for path in trained.iterdir()} - {".lock", best.name} == RUN_FILES
    config = read(trained, "config.json")
    assert (config["settings"]["seed"], config["protocol"]["batch_size"]) == (3, 5)
    assert config["protocol"]["name"] == "upstream" and config["settings"]["data"] == str(small_smic)
    assert config["data"]["clips_per_class"] == {"negative": 10, "positive": 10, "surprise": 10}
    assert not config["data"]["synthetic"] and config["data"]["subjects"] == 10
    assert set(config["versions"]) >= {"python", "keras", "numpy", "opencv-python", "h5py", "microexp-keras"}
    [fold] = config["folds"]
    statistics = fold["statistics"]["face"]
    assert 0 < statistics["mean"] < statistics["max"] <= 255
    assert fold["fold"] == 1 and (fold["train"]["clips"], fold["test"]["clips"]) == (24, 6)
    assert len(config["data"]["names"]) == 30
    rows = read_rows(trained / "history.csv")
    assert [row["epoch"] for row in rows] == ["0", "1"] and set(rows[0]) >= {"loss", "val_loss", "val_accuracy"}


def test_a_run_is_reported(trained, best):
    scores, confusion = read(trained), read(trained, "confusion_matrix.json")
    assert best.name == f"weights-improvement-{scores['folds'][0]['epoch']:02d}-{scores['accuracy']:.2f}.weights.h5"
    assert confusion["class_names"] == ["negative", "positive", "surprise"]
    assert np.trace(confusion["counts"]) == scores["correct"] and np.sum(confusion["counts"]) == 6
    report = (trained / "report.txt").read_text()
    [line] = [line for line in report.splitlines() if line.startswith("accuracy")]
    assert "Wilson 95 % interval" in line and "majority-class baseline" in line
    assert "optimistic" in report and "synthetic" not in report.lower()


def test_evaluation_repeats_the_runs_score(trained, best, small_smic, tmp_path):
    clips = microexp(f"evaluate --weights {best} --data {small_smic} --out {tmp_path}/clips").report
    arrays = microexp(f"evaluate --weights {best} {arrays_of(trained)} --out {tmp_path}/arrays").report
    for folder in (tmp_path / "clips", tmp_path / "arrays"):
        scores = read(folder)
        assert scores["confusion"] == read(trained)["confusion"] and scores["uf1"] == read(trained)["uf1"]
        assert (folder / "confusion_matrix.png").stat().st_size > 1000
    assert "WARNING" not in clips and "UF1" in clips and "best epoch is chosen on" in clips
    assert "The weights were not trained on them" in clips and "MicroExpSTCNN on arrays" in arrays
    last = f"evaluate --weights {trained}/last.weights.h5 --data {small_smic} --out {tmp_path}/last"
    said = microexp(last).report
    assert "best epoch is chosen on" not in said and "Training and test share" in said


def test_evaluation_warns_of_other_pictures(best, tmp_path):
    write_clips(tmp_path / "dark", smic_names(2), size=70, seed=3, brightest=120)
    said = microexp(f"evaluate --weights {best} --data {tmp_path}/dark --out {tmp_path}/a").report
    assert "which are used" in said and UNKNOWN in said
    assert "best epoch is chosen on" not in said  # it was chosen on other clips


def test_the_originals_files_are_evaluated_with_a_warning(trained, best, small_smic, tmp_path):
    model = models.build_microexp_stcnn()
    weights.load_weights(model, best)
    weights.save_keras2_hdf5(model, tmp_path / "weights-improvement-53-0.88.hdf5")
    arrays = shutil.copytree(trained, tmp_path / "run")
    labels = np.load(arrays / "microexpstcnn_val_labels.npy")
    assert labels.shape == (6, 3)
    np.save(arrays / "microexpstcnn_val_labels.npy", labels.argmax(axis=1))
    authors = f"evaluate --weights {tmp_path}/weights-improvement-53-0.88.hdf5"
    assert "does not say by which mean" in microexp(f"{authors} {arrays_of(arrays)} --out {tmp_path}/out").report
    assert read(tmp_path / "out")["confusion"] == read(trained)["confusion"]
    said = microexp(f"{authors} --data {small_smic} --out {tmp_path}/clips").out
    assert "These are standardised by their own (face: mean " in said and "this accuracy is wrong" in said


def test_a_run_from_given_weights_and_without_faces_is_resumed_without_either(trained, best, small_smic, tmp_path):
    given, out = shutil.copy(best, tmp_path / "first.weights.h5"), tmp_path / "run"
    same = f"--data {small_smic} --batch-size 5 --seed 3"  # which database it is, is found
    said = microexp(f"train {same} --epochs 1 --weights {given} --no-faces --out {out}").out
    assert "MicroExpSTCNN on SMIC" in said and said.endswith("train with --protocol loso.\n")
    losses = [(folder / "history.csv").read_text().splitlines()[1].split(",")[2] for folder in (out, trained)]
    assert losses[0] != losses[1]
    (tmp_path / "first.weights.h5").unlink()
    said = microexp(f"train --resume {out} --epochs 2").report  # more epochs for a run that was finished
    assert len((out / "history.csv").read_text().splitlines()) == 3
    config = read(out, "config.json")
    assert config["protocol"]["epochs"] == 2 and len(config["resumed"]) == 1
    assert "FACES" not in said and "shows faces" not in said and f"With figures: {out / 'report.html'}" in said
    assert {path.name for path in out.iterdir()} >= {"report.html", "roc.png"} and not list(out.glob("saliency*"))
    assert "data:image/png" not in (out / "report.html").read_text()
    scored = f"evaluate --weights {best_weights(out)} --data {small_smic} --out {tmp_path}/out"
    assert UNKNOWN in microexp(scored).out


def test_synthetic_travels_with_arrays_and_weights(synthetic_run, best, small_smic, tmp_path):
    made, further, bare = synthetic_run, tmp_path / "from weights", tmp_path / "bare"
    assert read(made)["title"] == "MicroExpSTCNN on synthetic SMIC"
    assert all("SYNTHETIC" in (made / name).read_text() for name in ("report.txt", "report.html"))
    assert weights.inspect(best_weights(made)).metadata["synthetic"] is True

    def scores_of(synthetic, line, out):
        said = microexp(f"{line} --out '{out}'").out, (out / "report.html").read_text()
        assert ["SYNTHETIC" in text for text in said] == [synthetic] * 2
        return read(out)

    scores = scores_of(True, f"evaluate --weights {best} {arrays_of(made)}", tmp_path / "1")
    assert "on synthetic arrays" in scores["title"]
    started = f"train --dataset smic --epochs 1 --no-faces --data {small_smic} --weights {best_weights(made)}"
    assert "synthetic" not in scores_of(True, started, further)["title"]
    args = train.parser().parse_args(["--dataset", "smic", "--weights", str(best_weights(further))])
    assert train._synthetic_start(args, protocols.get("upstream"))
    shutil.copytree(made, bare, ignore=shutil.ignore_patterns("*.json"))  # which say where arrays come from
    scores = scores_of(True, f"evaluate --weights {best_weights(made)} {arrays_of(bare)}", tmp_path / "2")
    assert "synthetic" not in scores["title"] and any("train these weights" in note for note in scores["notes"])
    scores_of(False, f"evaluate --weights {best} {arrays_of(bare)}", tmp_path / "3")


def header(text):
    """A .npy file of nothing but a header."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


NO_ARRAYS = {  # which file is spoilt, and what is in it instead of images x and labels y
    "pickle": ("x.npy", lambda x, y: np.array([{"a": 1}], dtype=object)),
    "four axes": ("x.npy", lambda x, y: x[:, 0]),
    "float64": ("x.npy", lambda x, y: x.astype("float64")),
    "no clips": ("x.npy", lambda x, y: x[:0]),
    "nan": ("x.npy", lambda x, y: np.where(x == x.max(), np.nan, x).astype("float32")),
    "empty": ("x.npy", lambda x, y: b""),
    "huge": ("x.npy", lambda x, y: header("{'descr': '<f4', 'fortran_order': False, 'shape': (10**20,)}")),
    "negative": ("x.npy", lambda x, y: header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3)}")),
    "nested": ("x.npy", lambda x, y: header("(" * 9000)),
    "fewer labels": ("y.npy", lambda x, y: y[:-1]),
    "not one-hot": ("y.npy", lambda x, y: y * 2),
    "complex labels": ("y.npy", lambda x, y: y.argmax(axis=1).astype(complex)),
    "labels beyond": ("y.npy", lambda x, y: y.argmax(axis=1) + 1),
}


@pytest.mark.parametrize("case", NO_ARRAYS)
def test_arrays_that_are_not_the_originals(trained, tmp_path, case):
    images, labels = (np.load(trained / f"microexpstcnn_val_{name}.npy") for name in ("images", "labels"))
    which, spoil = NO_ARRAYS[case]
    for name, array in {"x.npy": images, "y.npy": labels, which: spoil(images, labels)}.items():
        if isinstance(array, bytes):
            (tmp_path / name).write_bytes(array)
        else:
            np.save(tmp_path / name, array, allow_pickle=True)
    with pytest.raises(MicroExpError, match=f"{which}: "):
        original_npy.read([tmp_path / "x.npy"], tmp_path / "y.npy", ["face"], 3)


NOT_OURS = {  # metadata of a weights file, and what is said
    "nan": ({"statistics": {"face": {"mean": float("nan"), "max": 200}}}, "statistics"),
    "huge": ({"statistics": {"face": {"mean": 10**400, "max": 2}}}, "statistics"),
    "list": ([], "attribute microexp_keras: no JSON object"),
    "statistics": ({"statistics": 1.0}, "statistics"),
    "no clips": ({"dataset": ["smic"], "fold": True}, None),  # it is not known which trained these weights
}


@pytest.mark.parametrize("case", NOT_OURS)
def test_metadata_of_a_weights_file_is_not_trusted(best, small_smic, tmp_path, case):
    path = shutil.copy(best, tmp_path / "x.weights.h5")
    metadata, said = NOT_OURS[case]
    with h5py.File(path, "r+") as file:
        own = json.loads(file.attrs["microexp_keras"])
        changed = {**own, **metadata} if isinstance(metadata, dict) else metadata
        file.attrs["microexp_keras"] = np.bytes_(json.dumps(changed))
    line = f"evaluate --weights {path} --data {small_smic} --protocol loso --out {tmp_path}/out"
    if said is None:
        microexp(line)
    else:
        error = refused(line)
        assert "x.weights.h5" in error and said in error


def test_weights_that_overflow_are_no_classifier(best, small_smic, tmp_path):
    path = shutil.copy(best, tmp_path / "x.weights.h5")
    with h5py.File(path, "r+") as file:
        for name in ("conv3d", "dense", "dense_1"):
            file[f"layers/{name}/vars/0"][...] = 3e38
    assert "finite" in refused(f"evaluate --weights {path} --data {small_smic}")


def config_of(run, change):
    path = run / "config.json"
    path.write_text(change(path.read_text()))


SPOILED = {
    "no last weights": lambda run: (run / "last.weights.h5").unlink(),
    "other last weights": lambda run: shutil.copy(best_weights(run), run / "last.weights.h5"),
    "no best weights": lambda run: best_weights(run).unlink(),
    "no history": lambda run: (run / "history.csv").unlink(),
    "folds of nothing": lambda run: config_of(run, lambda text: json.dumps({**json.loads(text), "folds": [{}]})),
    "no settings": lambda run: config_of(run, lambda text: json.dumps({**json.loads(text), "settings": {}})),
    "text for a number": lambda run: config_of(run, lambda text: text.replace('"epochs": 2', '"epochs": "2"')),
    "no JSON": lambda run: config_of(run, lambda text: "{"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_a_spoiled_run_is_not_resumed(trained, tmp_path, case):
    folder = shutil.copytree(trained, tmp_path / "copy")
    SPOILED[case](folder)
    assert str(folder) in refused(f"train --resume {folder} --epochs 3")


def test_ctrl_c_before_the_run_begins_leaves_nothing(small_smic, tmp_path, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "import_keras", interrupt)
    said = microexp(f"train --dataset smic --data {small_smic} --out {tmp_path}/run", 130)
    assert "--resume" not in said.err and not (tmp_path / "run").exists()


def test_a_run_that_has_just_begun_is_left_alone(small_smic, tmp_path):
    with only_writer(tmp_path):
        assert "another run" in refused(f"train --dataset smic --data {small_smic} --out {tmp_path}")
    assert (tmp_path / ".lock").exists()


def test_one_program_for_all_commands(best, small_smic):
    shown = microexp("--help").out
    assert all(name in shown for name in ("train", "evaluate", "weights", "datasets"))
    assert "no command 'tarin'" in microexp("tarin", 2).err
    assert "stcnn" in microexp(f"inspect {best}").out
    assert microexp(f"check {small_smic}").out == microexp(f"datasets check {small_smic}").out
