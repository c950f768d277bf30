"""The commands as a person uses them: what they write, what they say, and how they refuse."""

import json
import shutil

import h5py
import numpy as np
import pytest
from helpers import best_weights, read_json, read_rows, reported, smic_names, write_clips

from microexp_keras import __main__, evaluate, models, protocols, train, weights
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


def run(command, *arguments):
    assert command.main([*map(str, arguments)]) == 0


def read(folder, name="scores.json"):
    return read_json(folder / name)


def arrays_of(folder):
    """Options for the arrays that a run has written."""
    images, labels = (folder / f"microexpstcnn_val_{name}.npy" for name in ("images", "labels"))
    return ["--validation-images", images, "--validation-labels", labels]


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


def test_evaluation_repeats_the_runs_score(trained, best, small_smic, tmp_path, capsys):
    run(evaluate, "--weights", best, "--data", small_smic, "--out", tmp_path / "clips")
    run(evaluate, "--weights", best, *arrays_of(trained), "--out", tmp_path / "arrays")
    for folder in ("clips", "arrays"):
        scores = read(tmp_path / folder)
        assert scores["confusion"] == read(trained)["confusion"] and scores["uf1"] == read(trained)["uf1"]
        assert (tmp_path / folder / "confusion_matrix.png").stat().st_size > 1000
    said = capsys.readouterr().out + (tmp_path / "clips" / "report.txt").read_text()
    assert "WARNING" not in said and "UF1" in said and "best epoch is chosen on" in said
    assert "The weights were not trained on them" in said and "MicroExpSTCNN on arrays" in said
    run(evaluate, "--weights", trained / "last.weights.h5", "--data", small_smic, "--out", tmp_path / "last")
    said = reported(capsys)
    assert "best epoch is chosen on" not in said and "Training and test share" in said


def test_evaluation_warns_of_other_pictures(best, tmp_path, capsys):
    write_clips(tmp_path / "dark", smic_names(2), size=70, seed=3, brightest=120)
    run(evaluate, "--weights", best, "--data", tmp_path / "dark", "--out", tmp_path / "a")
    said = reported(capsys)
    assert "which are used" in said and UNKNOWN in said
    assert "best epoch is chosen on" not in said  # it was chosen on other clips


def test_the_originals_files_are_evaluated_with_a_warning(trained, best, tmp_path, capsys):
    model = models.build_microexp_stcnn()
    weights.load_weights(model, best)
    weights.save_keras2_hdf5(model, tmp_path / "weights-improvement-53-0.88.hdf5")
    options = arrays_of(trained)
    labels = np.load(options[3])
    assert labels.shape == (6, 3)
    np.save(tmp_path / "labels.npy", labels.argmax(axis=1))
    authors = ["--weights", tmp_path / "weights-improvement-53-0.88.hdf5"]
    run(evaluate, *authors, *options[:3], tmp_path / "labels.npy", "--out", tmp_path / "out")
    assert "does not say by which mean" in reported(capsys)
    assert read(tmp_path / "out")["confusion"] == read(trained)["confusion"]


def test_a_run_from_given_weights_and_without_faces_is_resumed_without_either(
    trained, best, small_smic, tmp_path, capsys
):
    given, out = shutil.copy(best, tmp_path / "first.weights.h5"), tmp_path / "run"
    same = ["--data", small_smic, "--batch-size", 5, "--seed", 3]  # which database it is, is found
    run(train, *same, "--epochs", 1, "--weights", given, "--no-faces", "--out", out)
    said = capsys.readouterr().out
    assert "MicroExpSTCNN on SMIC" in said and said.endswith("train with --protocol loso.\n")
    losses = [(folder / "history.csv").read_text().splitlines()[1].split(",")[2] for folder in (out, trained)]
    assert losses[0] != losses[1]
    (tmp_path / "first.weights.h5").unlink()
    run(train, "--resume", out, "--epochs", 2)  # more epochs for a run that was finished
    said = reported(capsys)
    assert len((out / "history.csv").read_text().splitlines()) == 3
    config = read(out, "config.json")
    assert config["protocol"]["epochs"] == 2 and len(config["resumed"]) == 1
    assert "FACES" not in said and "shows faces" not in said and f"With figures: {out / 'report.html'}" in said
    assert {path.name for path in out.iterdir()} >= {"report.html", "roc.png"} and not list(out.glob("saliency*"))
    assert "data:image/png" not in (out / "report.html").read_text()
    run(evaluate, "--weights", best_weights(out), "--data", small_smic, "--out", tmp_path / "out")
    assert UNKNOWN in capsys.readouterr().out


def test_synthetic_travels_with_arrays_and_weights(trained, best, small_smic, tmp_path, capsys):
    shutil.copytree(small_smic, tmp_path / "made clips")
    (tmp_path / "made clips" / "SYNTHETIC.txt").touch()
    short = ["--dataset", "smic", "--epochs", 1, "--no-faces"]
    made, further = tmp_path / "from clips", tmp_path / "from weights"

    def scores_of(synthetic, command, *arguments, out):
        run(command, *arguments, "--out", out)
        said = capsys.readouterr().out, (out / "report.html").read_text()
        assert ["SYNTHETIC" in text for text in said] == [synthetic] * 2
        return read(out)

    scores = scores_of(True, train, *short, "--data", tmp_path / "made clips", out=made)
    assert scores["title"] == "MicroExpSTCNN on synthetic SMIC"
    assert weights.inspect(best_weights(made)).metadata["synthetic"] is True
    scores = scores_of(True, evaluate, "--weights", best, *arrays_of(made), out=tmp_path / "1")
    assert "on synthetic arrays" in scores["title"]
    scores = scores_of(True, train, *short, "--data", small_smic, "--weights", best_weights(made), out=further)
    assert "synthetic" not in scores["title"]
    args = train.parser().parse_args(["--dataset", "smic", "--weights", str(best_weights(further))])
    assert train._synthetic_start(args, protocols.get("upstream"))
    arrays = arrays_of(made)
    arrays[1] = shutil.copy(arrays[1], tmp_path / "images.npy")  # without what says where they come from
    scores = scores_of(True, evaluate, "--weights", best_weights(made), *arrays, out=tmp_path / "2")
    assert "synthetic" not in scores["title"] and any("train these weights" in note for note in scores["notes"])
    scores_of(False, evaluate, "--weights", best, *arrays, out=tmp_path / "3")


def refused(command, capsys, *arguments):
    """Run a command that must fail in one line and return the line."""
    capsys.readouterr()
    assert command.main([*map(str, arguments)]) == 2
    said = capsys.readouterr().err
    error = said[said.rindex("error: ") :]
    assert "Traceback" not in said and error.count("\n") == 1
    return error


def test_mistakes_are_one_line_and_leave_nothing(trained, small_smic, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    smic = ["--dataset", "smic", "--data", small_smic]
    none = tmp_path / "no.h5"
    for said, command, *arguments in [
        ("no clips of SMIC below", train, "--dataset", "smic"),
        ("does not exist", train, "--dataset", "smic", "--data", none),
        ("no config.json", train, "--resume", tmp_path),
        ("does not go with --seed", train, "--resume", trained, "--seed", 0),
        ("fewer than the 2", train, "--resume", trained, "--epochs", 1),
        ("--resume", train, *smic, "--out", trained),
        ("no.h5", train, *smic, "--weights", none),
        ("no.h5", evaluate, *smic[2:], "--weights", none),
    ]:
        assert said in refused(command, capsys, *arguments)
    for seed in ("-1", str(2**32)):
        with pytest.raises(SystemExit, match="2"):
            train.main([*map(str, smic), "--seed", seed])
        assert "from 0 to" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []


def test_a_resumed_run_wants_the_same_data(trained, tmp_path, capsys):
    write_clips(tmp_path, ["negative/s1_ne_1", "positive/s1_po_1", "surprise/s1_su_1"], size=64)
    assert "these are not the clips" in refused(train, capsys, "--resume", trained, "--data", tmp_path)


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
def test_arrays_that_are_not_the_originals(trained, tmp_path, which, spoil):
    images, labels = (np.load(trained / f"microexpstcnn_val_{name}.npy") for name in ("images", "labels"))
    for name, array in {"x.npy": images, "y.npy": labels, which: spoil(images, labels)}.items():
        if isinstance(array, bytes):
            (tmp_path / name).write_bytes(array)
        else:
            np.save(tmp_path / name, array, allow_pickle=True)
    with pytest.raises(MicroExpError, match=f"{which}: "):
        original_npy.read([tmp_path / "x.npy"], tmp_path / "y.npy", ["face"], 3)


@pytest.mark.parametrize(
    ("metadata", "said"),
    {
        "nan": ({"statistics": {"face": {"mean": float("nan"), "max": 200}}}, "statistics"),
        "huge": ({"statistics": {"face": {"mean": 10**400, "max": 2}}}, "statistics"),
        "list": ([], "attribute microexp_keras: no JSON object"),
        "statistics": ({"statistics": 1.0}, "statistics"),
        "no clips": ({"dataset": ["smic"], "fold": True}, None),  # it is not known which trained these weights
    }.values(),
)
def test_metadata_of_a_weights_file_is_not_trusted(best, small_smic, tmp_path, capsys, metadata, said):
    path = shutil.copy(best, tmp_path / "x.weights.h5")
    with h5py.File(path, "r+") as file:
        own = json.loads(file.attrs["microexp_keras"])
        changed = {**own, **metadata} if isinstance(metadata, dict) else metadata
        file.attrs["microexp_keras"] = np.bytes_(json.dumps(changed))
    arguments = ["--weights", path, "--data", small_smic, "--protocol", "loso", "--out", tmp_path / "out"]
    if said is None:
        run(evaluate, *arguments)
    else:
        error = refused(evaluate, capsys, *arguments)
        assert "x.weights.h5" in error and said in error


def test_weights_that_overflow_are_no_classifier(best, small_smic, tmp_path, capsys):
    path = shutil.copy(best, tmp_path / "x.weights.h5")
    with h5py.File(path, "r+") as file:
        for name in ("conv3d", "dense", "dense_1"):
            file[f"layers/{name}/vars/0"][...] = 3e38
    assert "finite" in refused(evaluate, capsys, "--weights", path, "--data", small_smic)


def change_json(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def change_text(path, change):
    path.write_text(change(path.read_text()))


@pytest.mark.parametrize(
    "spoil",
    {
        "no last weights": lambda run: (run / "last.weights.h5").unlink(),
        "other last weights": lambda run: shutil.copy(best_weights(run), run / "last.weights.h5"),
        "no best weights": lambda run: best_weights(run).unlink(),
        "no history": lambda run: (run / "history.csv").unlink(),
        "folds of nothing": lambda run: change_json(run / "config.json", folds=[{}]),
        "no settings": lambda run: change_json(run / "config.json", settings={}),
        "text for a number": lambda run: change_text(
            run / "config.json", lambda text: text.replace('"epochs": 2', '"epochs": "2"')
        ),
        "no JSON": lambda run: (run / "config.json").write_text("{"),
    }.values(),
)
def test_a_spoiled_run_is_not_resumed(trained, tmp_path, capsys, spoil):
    folder = tmp_path / "copy"
    shutil.copytree(trained, folder)
    spoil(folder)
    assert str(folder) in refused(train, capsys, "--resume", folder, "--epochs", 3)


def test_ctrl_c_before_the_run_begins_leaves_nothing(small_smic, tmp_path, capsys, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "import_keras", interrupt)
    assert train.main(["--dataset", "smic", "--data", str(small_smic), "--out", str(tmp_path / "run")]) == 130
    assert "--resume" not in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_a_run_that_has_just_begun_is_left_alone(small_smic, tmp_path, capsys):
    out = tmp_path / "run"
    out.mkdir()
    with only_writer(out):
        error = refused(train, capsys, "--dataset", "smic", "--data", small_smic, "--out", out)
    assert "another run" in error and (out / ".lock").exists()


def test_one_program_for_all_commands(best, small_smic, capsys):
    assert __main__.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("train", "evaluate", "weights", "datasets"))
    assert __main__.main(["tarin"]) == 2
    assert "no command 'tarin'" in capsys.readouterr().err
    assert __main__.main(["train", "--dataset", "smic"]) == 2
    assert __main__.main(["inspect", str(best)]) == 0 and "stcnn" in capsys.readouterr().out
    codes = [__main__.main([*command, str(small_smic)]) for command in (["datasets", "check"], ["check"])]
    assert codes[0] == codes[1]
