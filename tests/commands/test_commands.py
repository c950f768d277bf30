"""The commands as a person uses them: what they write, what they say, and how they refuse."""

import csv
import json
import re
import shutil

import numpy as np
import pytest
from helpers import best_weights, reported, write_clips

from microexp_keras import __main__, evaluate, train, weights
from microexp_keras.datasets import __main__ as datasets_command
from microexp_keras.weights import hdf5

RUN_FILES = {
    "config.json", "history.csv", "curves.png", "curves.svg", "confusion_matrix.json", "confusion_matrix.png",
    "confusion_matrix.svg", "scores.json", "predictions.csv", "report.txt", "report.html",
    "result.json", "saliency_face.png", "saliency_face.svg", "roc.png", "roc.svg", "calibration.png", "calibration.svg",
    "microexpstcnn_val_images.npy", "microexpstcnn_val_images.json", "microexpstcnn_val_labels.npy", "last.weights.h5",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(small_smic, tmp_path_factory):
    """The folder of a short run."""
    out = tmp_path_factory.mktemp("runs") / "run"
    uneven = ["--batch-size", "5"]  # neither the 24 training clips nor the 6 held-out ones fill their batches
    arguments = ["--dataset", "smic", "--data", str(small_smic), "--epochs", "2", *uneven, "--out", str(out)]
    assert train.main(arguments) == 0
    return out


def test_a_run_folder_holds_what_it_should(run, small_smic):
    names = {path.name for path in run.iterdir()} - {".lock", best_weights(run).name}
    assert names == RUN_FILES
    config = json.loads((run / "config.json").read_text())
    assert config["settings"]["seed"] == 0 and config["protocol"]["name"] == "upstream"
    assert config["settings"]["data"] == str(small_smic)
    assert config["data"]["clips_per_class"] == {"negative": 10, "positive": 10, "surprise": 10}
    assert not config["data"]["synthetic"] and config["data"]["subjects"] == 10
    assert set(config["versions"]) >= {"python", "keras", "numpy", "opencv-python", "h5py", "microexp-keras"}
    [fold] = config["folds"]
    statistics = fold["statistics"]["face"]
    assert 0 < statistics["mean"] < statistics["max"] <= 255
    assert fold["fold"] == 1 and (fold["train"]["clips"], fold["test"]["clips"]) == (24, 6)
    assert len(config["data"]["names"]) == 30
    with open(run / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"] and set(rows[0]) >= {"loss", "val_loss", "val_accuracy"}


def test_a_run_without_faces_shows_none_and_stays_so_when_resumed(small_smic, tmp_path, capsys):
    out = tmp_path / "run"
    data = ["--dataset", "smic", "--data", str(small_smic), "--epochs", "1"]
    assert train.main([*data, "--no-faces", "--out", str(out)]) == 0
    assert train.main(["--resume", str(out), "--epochs", "2"]) == 0
    said = reported(capsys)
    assert "FACES" not in said and "shows faces" not in said and f"With figures: {out / 'report.html'}" in said
    assert {path.name for path in out.iterdir()} >= {"report.html", "roc.png"} and not list(out.glob("saliency*"))
    assert "data:image/png" not in (out / "report.html").read_text()


def test_the_best_file_is_named_by_epoch_and_accuracy(run):
    scores = json.loads((run / "scores.json").read_text())
    assert (
        best_weights(run).name
        == f"weights-improvement-{scores['folds'][0]['epoch']:02d}-{scores['accuracy']:.2f}.weights.h5"
    )
    confusion = json.loads((run / "confusion_matrix.json").read_text())
    assert confusion["class_names"] == ["negative", "positive", "surprise"]
    assert np.trace(confusion["counts"]) == scores["correct"] and np.sum(confusion["counts"]) == 6


def test_the_report_puts_interval_and_majority_rate_beside_the_accuracy(run):
    report = (run / "report.txt").read_text()
    [line] = [line for line in report.splitlines() if line.startswith("accuracy")]
    assert "Wilson 95 % interval" in line and "majority-class baseline" in line
    assert "optimistic" in report and "synthetic" not in report.lower()


def test_evaluation_repeats_the_runs_score(run, small_smic, tmp_path, capsys):
    weights = ["--weights", str(best_weights(run))]
    assert evaluate.main([*weights, "--data", str(small_smic), "--out", str(tmp_path / "clips")]) == 0
    arrays = ["--validation-images", str(run / "microexpstcnn_val_images.npy")]
    arrays += ["--validation-labels", str(run / "microexpstcnn_val_labels.npy")]
    assert evaluate.main([*weights, *arrays, "--out", str(tmp_path / "arrays")]) == 0
    trained = json.loads((run / "scores.json").read_text())
    for folder in ("clips", "arrays"):
        scores = json.loads((tmp_path / folder / "scores.json").read_text())
        assert scores["confusion"] == trained["confusion"] and scores["uf1"] == trained["uf1"]
        assert (tmp_path / folder / "confusion_matrix.png").stat().st_size > 1000
    said = capsys.readouterr().out + (tmp_path / "clips" / "report.txt").read_text()
    assert "WARNING" not in said and "UF1" in said
    assert "The weights were not trained on them" in said and "MicroExpSTCNN on arrays" in said
    assert "best epoch is chosen on" in said
    last = ["--weights", str(run / "last.weights.h5"), "--data", str(small_smic)]
    assert evaluate.main([*last, "--out", str(tmp_path / "last")]) == 0
    said = reported(capsys)
    assert "best epoch is chosen on" not in said and "Training and test share" in said


def test_evaluation_warns_of_other_pictures(run, small_smic, tmp_path, capsys):
    names = [
        f"HS/s{n}/micro/{label}/s{n}_{label[:2]}_01" for n in (1, 2) for label in ("negative", "positive", "surprise")
    ]
    write_clips(tmp_path / "dark", names, size=70, seed=3, brightest=120)
    weights = ["--weights", str(best_weights(run))]
    assert evaluate.main([*weights, "--data", str(tmp_path / "dark"), "--out", str(tmp_path / "a")]) == 0
    said = reported(capsys)
    assert "which are used" in said and "it is unknown whether the weights were trained on some of these clips" in said
    assert "best epoch is chosen on" not in said  # it was chosen on other clips


def test_the_originals_files_are_evaluated_with_a_warning(run, tmp_path, capsys):
    import keras

    from microexp_keras import models, weights

    model = models.build_microexp_stcnn()
    weights.load_weights(model, best_weights(run))
    weights.save_keras2_hdf5(model, tmp_path / "weights-improvement-53-0.88.hdf5")
    labels = np.load(run / "microexpstcnn_val_labels.npy")
    assert keras.ops.shape(labels) == (6, 3)
    np.save(tmp_path / "labels.npy", labels.argmax(axis=1))
    arguments = ["--weights", str(tmp_path / "weights-improvement-53-0.88.hdf5"), "--out", str(tmp_path / "out")]
    arguments += ["--validation-images", str(run / "microexpstcnn_val_images.npy")]
    arguments += ["--validation-labels", str(tmp_path / "labels.npy")]
    assert evaluate.main(arguments) == 0
    assert "does not say by which mean" in reported(capsys)
    trained = json.loads((run / "scores.json").read_text())
    assert json.loads((tmp_path / "out" / "scores.json").read_text())["confusion"] == trained["confusion"]


def test_training_starts_from_given_weights_which_are_not_needed_again(run, small_smic, tmp_path, capsys):
    given = shutil.copy(best_weights(run), tmp_path / "first.weights.h5")
    arguments = ["--dataset", "smic", "--data", str(small_smic), "--epochs", "1", "--batch-size", "24"]
    arguments += ["--protocol", "paper", "--seed", "3"]
    started, fresh = tmp_path / "a", tmp_path / "b"
    assert train.main([*arguments, "--weights", str(given), "--out", str(started)]) == 0
    assert train.main([*arguments, "--out", str(fresh)]) == 0
    config = json.loads((started / "config.json").read_text())
    assert (config["settings"]["seed"], config["protocol"]["batch_size"]) == (3, 24)
    first = [(out / "history.csv").read_text().splitlines()[1] for out in (started, fresh)]
    assert first[0].split(",")[2] != first[1].split(",")[2]  # the losses
    capsys.readouterr()
    best = ["--weights", str(best_weights(started))]
    assert evaluate.main([*best, "--data", str(small_smic), "--out", str(tmp_path / "out")]) == 0
    assert "it is unknown whether the weights were trained on some of these clips" in capsys.readouterr().out
    given.unlink()
    assert train.main(["--resume", str(started), "--epochs", "2"]) == 0  # more epochs for a run that was finished
    assert len((started / "history.csv").read_text().splitlines()) == 3
    config = json.loads((started / "config.json").read_text())
    assert config["protocol"]["epochs"] == 2 and len(config["resumed"]) == 1


def refused(main, capsys, *arguments):
    """Run a command that must fail in one line and return the line."""
    assert main(list(map(str, arguments))) == 2
    said = capsys.readouterr().err
    error = said[said.rindex("error: ") :]
    assert "Traceback" not in said and error.count("\n") == 1
    return error


def test_mistakes_are_one_line_and_leave_nothing(run, small_smic, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "no clips of SMIC below" in refused(train.main, capsys, "--dataset", "smic")
    assert "does not exist" in refused(train.main, capsys, "--dataset", "smic", "--data", tmp_path / "no")
    assert "no config.json" in refused(train.main, capsys, "--resume", tmp_path)
    assert "expected no other option" in refused(train.main, capsys, "--resume", run, "--seed", 0)
    assert "--resume" in refused(train.main, capsys, "--dataset", "smic", "--data", small_smic, "--out", run)
    first = refused(train.main, capsys, "--dataset", "smic", "--data", small_smic, "--weights", tmp_path / "no.h5")
    assert "no.h5" in first
    for seed in ("-1", str(2**32)):
        with pytest.raises(SystemExit) as stopped:
            train.main(["--dataset", "smic", "--data", str(small_smic), "--seed", seed])
        assert stopped.value.code == 2 and "from 0 to" in capsys.readouterr().err
    missing = refused(evaluate.main, capsys, "--weights", tmp_path / "no.h5", "--data", small_smic)
    assert "no.h5" in missing
    assert list(tmp_path.iterdir()) == []


def test_a_resumed_run_wants_the_same_data(run, tmp_path, capsys):
    write_clips(tmp_path, ["negative/s1_ne_1", "positive/s1_po_1", "surprise/s1_su_1"], size=64)
    assert "found others" in refused(train.main, capsys, "--resume", run, "--data", tmp_path)


def header(text):
    """A .npy file of nothing but a header."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    ("which", "spoil"),
    {
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
    }.values(),
)
def test_arrays_that_are_not_the_originals(run, tmp_path, capsys, which, spoil):
    images, labels = (np.load(run / f"microexpstcnn_val_{name}.npy") for name in ("images", "labels"))
    for name, array in {"x.npy": images, "y.npy": labels, which: spoil(images, labels)}.items():
        if isinstance(array, bytes):
            (tmp_path / name).write_bytes(array)
        else:
            np.save(tmp_path / name, array, allow_pickle=True)
    arguments = ["--weights", best_weights(run), "--validation-images", tmp_path / "x.npy"]
    error = refused(evaluate.main, capsys, *arguments, "--validation-labels", tmp_path / "y.npy")
    assert which in error and "expected" in error


@pytest.mark.parametrize(
    "metadata",
    [
        '{"statistics": {"face": {"mean": NaN, "max": 200}}}',
        '{"statistics": 7}',
        '{"statistics": {"face": {"mean": 1' + "0" * 400 + ', "max": 2}}}',
        "[]",
        "{",
    ],
)
def test_metadata_of_a_weights_file_is_not_trusted(run, small_smic, tmp_path, capsys, metadata):
    import h5py

    path = tmp_path / "x.weights.h5"
    shutil.copy(best_weights(run), path)
    with h5py.File(path, "r+") as file:
        file.attrs["microexp_keras"] = np.bytes_(metadata)
    error = refused(evaluate.main, capsys, "--weights", path, "--data", small_smic)
    assert "x.weights.h5" in error and ("statistics" in error or "attribute microexp_keras: no JSON object" in error)


def test_weights_that_overflow_are_no_classifier(run, small_smic, tmp_path, capsys):
    import h5py

    path = tmp_path / "x.weights.h5"
    shutil.copy(best_weights(run), path)
    with h5py.File(path, "r+") as file:
        for name in ("conv3d", "dense", "dense_1"):
            file[f"layers/{name}/vars/0"][...] = 3e38
    assert "finite" in refused(evaluate.main, capsys, "--weights", path, "--data", small_smic)


def flip_a_bit(path):
    """Flip a bit in the middle of the longest array."""
    with hdf5.opened(path) as contents:
        kernel = max((array.tobytes() for array in contents.arrays.values()), key=len)
    data = bytearray(path.read_bytes())
    data[data.index(kernel) + len(kernel) // 2] ^= 1
    path.write_bytes(data)


def change_json(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def copied(run, tmp_path):
    shutil.copytree(run, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.mark.parametrize(
    "spoil",
    {
        "no last weights": lambda run: (run / "last.weights.h5").unlink(),
        "other last weights": lambda run: shutil.copy(best_weights(run), run / "last.weights.h5"),
        "no best weights": lambda run: best_weights(run).unlink(),
        "no history": lambda run: (run / "history.csv").unlink(),
        "half a history": lambda run: (run / "history.csv").write_text((run / "history.csv").read_text()[:90]),
        "one bit of the last weights": lambda run: flip_a_bit(run / "last.weights.h5"),
        "no folds": lambda run: change_json(run / "config.json", folds=[]),
        "folds of nothing": lambda run: change_json(run / "config.json", folds=[{}]),
        "no settings": lambda run: (run / "config.json").write_text('{"settings": {}, "data": {"fingerprint": ""}}'),
        "text for a number": lambda run: (run / "config.json").write_text(
            (run / "config.json").read_text().replace('"epochs": 2', '"epochs": "2"')
        ),
        "no JSON": lambda run: (run / "config.json").write_text("{"),
    }.values(),
)
def test_a_spoiled_run_is_not_resumed(run, tmp_path, capsys, spoil):
    folder = copied(run, tmp_path)
    spoil(folder)
    assert str(folder) in refused(train.main, capsys, "--resume", folder, "--epochs", 3)


def test_fewer_epochs_than_done_are_refused(run, capsys):
    assert "at least the 2" in refused(train.main, capsys, "--resume", run, "--epochs", 1)


def test_ctrl_c_before_the_run_begins_leaves_nothing(small_smic, tmp_path, capsys, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "import_keras", interrupt)
    assert train.main(["--dataset", "smic", "--data", str(small_smic), "--out", str(tmp_path / "run")]) == 130
    assert "--resume" not in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_a_run_that_has_just_begun_is_left_alone(small_smic, tmp_path, capsys):
    from microexp_keras.atomic import only_writer

    out = tmp_path / "run"
    out.mkdir()
    with only_writer(out):
        error = refused(train.main, capsys, "--dataset", "smic", "--data", small_smic, "--out", out)
    assert "another run" in error and (out / ".lock").exists()


def test_one_program_for_all_commands(capsys):
    assert __main__.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("train", "evaluate", "weights", "datasets"))
    assert __main__.main(["tarin"]) == 2
    assert "no command 'tarin'" in capsys.readouterr().err
    assert __main__.main(["train", "--dataset", "smic"]) == 2


@pytest.mark.slow
def test_short_commands(run, small_smic, capsys):
    code = datasets_command.main(["check", str(small_smic)])
    said = capsys.readouterr().out
    assert __main__.main(["check", str(small_smic)]) == code and capsys.readouterr().out == said != ""
    assert __main__.main(["inspect", str(best_weights(run))]) == 0 and "stcnn" in capsys.readouterr().out


def test_the_database_is_found_in_the_folder_and_a_better_protocol_is_named(small_smic, tmp_path, capsys):
    assert train.main(["--data", str(small_smic), "--epochs", "1", "--out", str(tmp_path / "run")]) == 0
    out = capsys.readouterr().out
    assert "MicroExpSTCNN on SMIC" in out and out.endswith("train with --protocol loso.\n")


def test_synthetic_travels_with_arrays_and_weights(run, small_smic, tmp_path, capsys):
    shutil.copytree(small_smic, tmp_path / "made")
    (tmp_path / "made" / "SYNTHETIC.txt").write_text("")

    def page(command, *arguments):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        assert command.main([*map(str, arguments), "--out", str(folder)]) == 0
        assert "SYNTHETIC" in capsys.readouterr().out and "SYNTHETIC" in (folder / "report.html").read_text()
        return folder, json.loads((folder / "scores.json").read_text())

    short = ["--dataset", "smic", "--epochs", 1]
    made, _ = page(train, *short, "--data", tmp_path / "made")
    images, labels = made / "microexpstcnn_val_images.npy", made / "microexpstcnn_val_labels.npy"
    again, scores = page(train, *short, "--training-images", images, "--training-labels", labels)
    assert scores["title"] == "MicroExpSTCNN on synthetic SMIC"
    assert weights.inspect(best_weights(again)).metadata["synthetic"] is True
    arrays = ["--validation-images", images, "--validation-labels", labels]
    _, scores = page(evaluate, "--weights", best_weights(run), *arrays)
    assert "on synthetic arrays" in scores["title"]
    shutil.copy(images, tmp_path / "images.npy")
    arrays = ["--validation-images", tmp_path / "images.npy", "--validation-labels", labels]
    _, scores = page(evaluate, "--weights", best_weights(again), *arrays)
    assert "synthetic" not in scores["title"] and any("train these weights" in note for note in scores["notes"])
    page(evaluate, "--weights", best_weights(again), "--data", small_smic)
    further, scores = page(train, *short, "--data", small_smic, "--weights", best_weights(again))
    assert "synthetic" not in scores["title"]
    page(train, *short, "--data", small_smic, "--weights", best_weights(further))
    assert evaluate.main(["--weights", str(best_weights(run)), *map(str, arrays), "--out", str(tmp_path / "own")]) == 0
    assert "SYNTHETIC" not in capsys.readouterr().out


def test_synthetic_clips_are_called_synthetic(tmp_path, capsys):
    assert datasets_command.main(["synthesize", "--dataset", "smic", "--out", str(tmp_path / "smic")]) == 0
    assert "164 synthetic clips of 16 subjects" in capsys.readouterr().out
    out = tmp_path / "run"
    assert train.main(["--dataset", "smic", "--data", str(tmp_path / "smic"), "--epochs", "1", "--out", str(out)]) == 0
    assert "synthetic SMIC" in capsys.readouterr().out
    assert "SYNTHETIC" in (out / "report.txt").read_text()
    config = json.loads((out / "config.json").read_text())
    assert config["data"]["synthetic"] and config["data"]["clips_per_class"] == {
        "negative": 66,
        "positive": 50,
        "surprise": 43,
    }
    assert json.loads((out / "scores.json").read_text())["confusion"] and config["data"]["subjects"] == 16


def test_training_says_once_what_is_odd_in_the_clips_and_the_report_lists_it(tmp_path, capfd):
    import cv2

    names = [
        f"HS/s{n}/micro/{name}/s{n}_{name[:2]}_01" for n in range(1, 5) for name in ("negative", "positive", "surprise")
    ]
    write_clips(tmp_path / "data", names, frames=20)
    first, second = (tmp_path / "data" / name for name in names[:2])
    (first / "reg_image7.png").unlink()
    cv2.imwrite(str(first / "reg_image8.png"), cv2.imread(str(first / "reg_image8.png"))[:60])
    cv2.imwrite(
        str(second / "reg_image8.png"),
        cv2.imread(str(second / "reg_image8.png"), cv2.IMREAD_COLOR_BGR)[..., [0, 1, 2, 2]],
    )
    shutil.copytree(first, tmp_path / "data" / "HS/s1/micro/fear" / "s1_fe_01")
    shutil.copytree(second, tmp_path / "data" / "HS/s4/micro/surprise/s4_su_02")
    arguments = ["--dataset", "smic", "--data", str(tmp_path / "data"), "--protocol", "paper", "--epochs", "1"]
    assert train.main([*arguments, "--out", str(tmp_path / "run")]) == 0
    said = re.findall(r"note: (\d+) remarks on the data", capfd.readouterr().err)
    kinds = (
        "number 7 is missing",
        "frames of several sizes",
        "an alpha channel",
        "none of the classes",
        "has the pixels of",
    )
    report, page = ((tmp_path / "run" / name).read_text() for name in ("report.txt", "report.html"))
    assert said == ["6"]  # the alpha channel is in the copy, too
    for kind in kinds:
        assert kind in report and kind in page
    notes = json.loads((tmp_path / "run" / "scores.json").read_text())["notes"]
    assert sum(note.startswith("WARNING: data: ") for note in notes) == len(kinds)


def test_names_that_are_formulas_or_commands_of_a_terminal(tmp_path, capsys):
    tree = [
        f"HS/s{n}/micro/{name}/s{n}_{name[:2]}_1" for n in range(1, 4) for name in ("negative", "positive", "surprise")
    ]
    tree += [f"HS/s2/micro/positive/{name}" for name in ("=cmd|calc!A0", "$_$", "\x1b[2J")]
    write_clips(tmp_path / "data", tree)
    out = tmp_path / "run"
    arguments = [
        "--dataset",
        "smic",
        "--data",
        str(tmp_path / "data"),
        "--epochs",
        "1",
        "--protocol",
        "loso",
        "--jobs",
        "1",
    ]
    assert train.main([*arguments, "--out", str(out)]) == 0
    with open(out / "predictions.csv", newline="") as file:
        clips = [row["clip"] for row in csv.DictReader(file)]
    assert "=cmd|calc!A0" in clips and "$_$" in clips
    assert "\x1b" not in capsys.readouterr().out and "\x1b" not in (out / "report.txt").read_text()
    assert ">=cmd|calc!A0<" in (out / "report.html").read_text() or "=cmd" not in (out / "report.html").read_text()


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_computed(
    run, small_smic, tmp_path, capsys, monkeypatch
):
    from microexp_keras import preprocessing

    def computing(*arguments, **options):
        raise AssertionError("computed")

    monkeypatch.setattr(preprocessing, "load_samples", computing)
    weights = ["--weights", str(best_weights(run)), "--data", str(small_smic)]
    for out in (tmp_path / ("x" * 300), "/proc/nothing"):
        assert "error: " in refused(evaluate.main, capsys, *weights, "--out", out)


@pytest.mark.parametrize(
    ("name", "value"),
    [("dataset", '["smic"]'), ("protocol", "{}"), ("fold", "true"), ("model", '["smic"]'), ("statistics", "1.0")],
)
def test_metadata_of_other_types_ends_in_one_line(run, small_smic, tmp_path, capsys, name, value):
    import h5py

    path = tmp_path / "x.weights.h5"
    shutil.copy(best_weights(run), path)
    with h5py.File(path, "r+") as file:
        said = json.loads(file.attrs["microexp_keras"])
        file.attrs["microexp_keras"] = np.bytes_(json.dumps({**said, name: json.loads(value)}))
    arguments = ["--weights", path, "--data", small_smic, "--protocol", "loso", "--out", tmp_path / "out"]
    assert evaluate.main([*map(str, arguments)]) in (0, 2)
    assert "Traceback" not in capsys.readouterr().err


def test_weights_that_started_from_others_are_not_said_to_be_new_to_the_clips(run, small_smic, tmp_path, capsys):
    arguments = ["--dataset", "smic", "--data", str(small_smic), "--epochs", "1", "--out", str(tmp_path / "run")]
    assert train.main([*arguments, "--weights", str(best_weights(run))]) == 0
    capsys.readouterr()
    best = best_weights(tmp_path / "run")
    assert evaluate.main(["--weights", str(best), "--data", str(small_smic), "--out", str(tmp_path / "out")]) == 0
    assert "it is unknown whether the weights were trained on some of these clips" in reported(capsys)
