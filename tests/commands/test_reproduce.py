"""Published values stand beside those that came out, and what is a constant answer is said."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers import write_clips

from microexp_keras import metrics, reproduce, train
from microexp_keras.paper import published, tables
from microexp_keras.results.predictions import Predictions


def run(model="stcnn", protocol="upstream", seed=0, confusion=((14, 0, 5), (2, 2, 2), (1, 0, 6)), **more):
    """A run as `reproduce` gathers it; by default the paper's own Table VII."""
    names = ("negative", "positive", "surprise")
    pairs = [(t, p) for t, row in enumerate(confusion) for p, count in enumerate(row) for _ in range(count)]
    scores = metrics.score(*zip(*pairs, strict=True), names).as_json()
    return {
        "folder": "somewhere",
        "model": model,
        "dataset": "smic",
        "protocol": protocol,
        "seed": seed,
        "kernel": (3, 3, 15),
        "intervals_over_subjects": None,
        "held_out": {"clips": scores["clips"], "correct": scores["correct"], "mislabelled": 0},
        "ten_epochs": {"mean": 0.6, "deviation": 0.02, "epochs": 10, "first": 91, "last": 100},
        "planned_epochs": 100,
        "chosen_on_scored": protocol in ("upstream", "paper"),
        "folds": [{"epoch": 40, "epochs": 100, "collapsed_to": scores["collapsed_to"]}],
        "notes": ["a note"],
        **scores,
        **more,
    }


def text(found, wanted=("V", "VII", "VIII"), dataset="smic"):
    return tables.as_markdown(tables.tables(wanted, found, dataset), found, [], dataset, synthetic=False)


def test_the_papers_own_numbers_differ_in_nothing():
    rows = tables.tables(["V", "VII"], [run()], "smic")
    assert rows["V"][0]["published"] == pytest.approx(0.6875) and rows["V"][0]["difference"] == pytest.approx(0)
    assert rows["VII"][0]["ours"] == rows["VII"][0]["published"] and rows["VII"][0]["same_clips_per_class"]
    said = text([run()])
    assert "| upstream | 68.75% | 68.75% (22/32) | +0.00 |" in said and "| 14 / 14 | 0 / 0 | 5 / 5 |" in said
    assert "| epochs 91 to 100 | the test clips | 62.50% ± 2.55 | 60.00% ± 2.00 | -2.50 |" in said
    assert said.endswith("`somewhere`\n\n* a note\n")


def test_a_constant_classifier_is_named_on_both_sides():
    constant = run("intermediate", confusion=((109, 0, 0), (47, 0, 0), (43, 0, 0)))
    [row] = tables.tables(["V"], [constant], "smic")["V"]
    assert row["published_is"] == "negative" and row["collapsed"] == ["negative"]
    said = text([constant])
    assert "54.77% = always negative | 54.77% (109/199)" in said
    assert "Intermediate MicroExpFuseNet under upstream (1 of 1 trainings: always negative)" in said
    assert "always" not in text([run()])
    mixed = run("late", "loso", confusion=((60, 6, 0), (40, 7, 0), (40, 3, 0)))
    mixed["folds"] = [
        {"epoch": 0, "epochs": 100, "collapsed_to": name} for name in ("negative", "positive", "negative", None)
    ]
    assert "Late MicroExpFuseNet under loso (3 of 4 trainings: always negative or positive)" in text([mixed], ["V"])


def test_the_published_constant_follows_the_published_number(monkeypatch):
    changed = replace(published.PAPER, accuracy=published.PAPER.accuracy | {("intermediate", "smic"): 54.80})
    monkeypatch.setattr(tables, "PAPER", changed)
    [row] = tables.tables(["V"], [run("intermediate", confusion=((109, 0, 0), (47, 0, 0), (43, 0, 0)))], "smic")["V"]
    assert row["published_is"] is None


def test_seeds_are_averaged_with_their_spread():
    better = run(seed=1, confusion=((16, 0, 3), (1, 4, 1), (1, 0, 6)))
    [row] = tables.tables(["V"], [run(), better], "smic")["V"]
    assert row["ours"] == pytest.approx(24 / 32) and row["deviation"] == pytest.approx(np.std([22, 26], ddof=1) / 32)
    assert row["interval"] == [run()["accuracy_interval"][0], better["accuracy_interval"][1]]
    assert "75.00% ± 8.84 (22/32, 26/32)" in text([run(), better])


def test_the_gap_is_taken_apart():
    seen = run(
        "late",
        confusion=((100, 5, 4), (20, 20, 7), (20, 3, 20)),
        held_out={"clips": 40, "correct": 10, "mislabelled": 40},
    )
    unseen = run("late", "loso", confusion=((40, 10, 16), (20, 20, 7), (20, 3, 20)))
    said = text([seen, unseen], ["V"])
    why = "70.35% | 60.00% (epochs 91 to 100) | 25.00% of 40, 40 with a wrong label |"
    assert f"| Late MicroExpFuseNet | upstream | {why}" in said and "| loso | 51.28% | chosen on other clips |" in said


def test_kernel_sizes_need_frames_enough():
    def sizes(dataset):
        return [one.kernel_size for one in tables.trainings(["IX"], ["stcnn", "late"], ["upstream"], dataset)]

    assert len(sizes("casme2")) == 12 and set(sizes("casme2")) == set(published.PAPER.kernel_sizes)
    assert len(sizes("smic")) == 9  # none of 19 frames in clips of 18
    found = [run(kernel=size, dataset="casme2") for size in published.PAPER.kernel_sizes]
    rows = {row["kernel"]: row for row in tables.tables(["IX"], found, "casme2")["IX"]}
    assert len(rows) == 12 and rows["3x3x19"]["published"] == pytest.approx(0.2927)
    constants = [row["published_is"] for row in rows.values() if row["published_is"]]
    assert sorted(constants) == ["angry"] * 3 + ["happy"] * 3  # whatever our own clips are


def rival(model, protocol="loso", **more):
    """A run of a rival, without epochs."""
    return run(model, protocol, ten_epochs=None, folds=[{"epoch": None, "epochs": None, "collapsed_to": None}], **more)


def test_no_difference_stands_to_a_value_that_is_no_count():
    found = [rival("lbp-top"), rival("stclqp"), rival("3d-fcnn"), rival("cnn-augmentation"), run(protocol="loso")]
    rows = {row["model"]: row for row in tables.tables(["V", "VIII"], found, "smic")["V"]}
    assert rows["lbp-top"]["published"] == pytest.approx(0.4272) and rows["lbp-top"]["difference"] is None
    assert rows["stclqp"]["difference"] == pytest.approx(0.6875 - 0.6402)
    assert rows["cnn-augmentation"]["published"] is None and rows["cnn-augmentation"]["difference"] is None
    [cas] = tables.tables(["V"], [rival("cnn-augmentation", dataset="casme2")], "casme2")["V"]
    assert cas["published"] == pytest.approx(0.7802) and cas["difference"] is None
    shown = {row["group"]: row["published"] for row in tables.figure_rows([*rows.values()])}
    assert shown["LBP-TOP"] is None and shown["STCLQP (our reconstruction)"] == pytest.approx(0.6402)
    said = text(found)
    assert "| LBP-TOP | loso | 42.72% | 68.75% (22/32) |  |" in said
    assert "no count of 164: the nearest, 70/164, is 42.68%; always answering negative gives 70/164" in said
    assert "105/164 = 64.0244%" in said and "91/164 = 55.4878%" in said and "| no epochs |" in said
    assert said.count("STCLQP (our reconstruction)") == 2  # wherever a number of it stands


def folds(*epochs):
    return [{"epoch": 0, "epochs": count, "collapsed_to": None} for count in epochs]


def test_table_viii_of_several_folds_has_no_published_value_beside_it():
    pooled = run(protocol="loso", folds=folds(100, 100))
    [row] = tables.tables(["VIII"], [pooled], "smic")["VIII"]
    assert (row["ours"], row["deviation"], row["published"], row["difference"]) == (0.6, 0.02, None, None)
    said = text([run(), pooled], ["VIII"])
    over = "epochs 91 to 100 | validation clips, not the test clips, 2 folds pooled"
    assert f"| loso | {over} |  | 60.00% ± 2.00 |  |" in said
    assert "62.50% ± 2.55" in said and "It varies less than that of a single network" in said
    stopped = run(protocol="loso", folds=folds(12, 40), ten_epochs=None)
    assert "| loso | n/a: the folds end after 12 to 40 epochs |" in text([stopped], ["VIII"])


def predictions(right, subjects=4):
    """Predictions for eight clips."""
    return Predictions(
        class_names=("a", "b"),
        clips=[f"c{n}" for n in range(len(right))],
        subjects=[f"s{n * subjects // 8}" if subjects else None for n in range(len(right))],
        true=np.zeros(len(right), int),
        probabilities=np.array([[hit, 1 - hit] for hit in right], float),
        folds=[1] * len(right),
        method="",
    )


def test_ahead_is_tested_by_swapping_subjects_and_clip_by_clip():
    found = [run(protocol="loso"), rival("lbp-top"), rival("stclqp", "upstream"), rival("cnn-augmentation")]
    found[3]["folds"] = folds(100)
    answers = [predictions([*map(int, one)]) for one in ("11111111", "00000011", "00000000", "11111110")]
    first, second = tables.pairs(found, answers)  # the third is under another protocol
    assert (first["other"], first["clips"], first["first_only"], first["second_only"]) == ("lbp-top", 8, 6, 0)
    assert first["p_clips"] == pytest.approx(2 / 2**6) and first["p_subjects"] == pytest.approx(2 / 2**3)
    assert (first["p_holm"], second["p_subjects"], second["p_holm"]) == (0.5, 1, 1)
    said = tables.as_markdown({"V": []}, [], [], "smic", False, [first])
    assert "| LBP-TOP | loso | 0 | 3 : 0 | 0.25 | 0.5 | 6 : 0 of 8 | 0.031 |" in said and "ignores subjects" in said
    assert tables.pairs(found[:2], [answers[0], predictions([1] * 7)]) == []  # other clips
    [unknown] = tables.pairs(found[:2], [predictions([1] * 8, 0), predictions([0] * 8, 0)])
    assert (unknown["p_subjects"], unknown["p_holm"], unknown["p_clips"]) == (None, None, 2 / 2**8)


def test_a_deterministic_method_is_compared_with_every_seed():
    found = [run(protocol="loso"), run(protocol="loso", seed=1), rival("lbp-top")]
    pairs = tables.pairs(found, [predictions([1] * 8)] * 3)
    assert [(pair["seed"], pair["other"]) for pair in pairs] == [(0, "lbp-top"), (1, "lbp-top")]


def test_training_that_was_cut_short_gets_no_p_value():
    found = [run(protocol="loso", folds=folds(38, 100)), rival("lbp-top"), rival("cnn-augmentation")]
    found[2] |= {"folds": folds(3), "planned_epochs": 30}
    pairs = tables.pairs(found, [predictions([1] * 8), predictions([0] * 8), predictions([0] * 8)])
    assert all(pair[name] is None for pair in pairs for name in ("p_clips", "p_subjects", "p_holm"))
    said = tables.as_markdown({"V": []}, [], [], "smic", False, pairs)
    assert "| LBP-TOP | loso | 0 | 4 : 0 | n/a | n/a | 8 : 0 of 8 | n/a |" in said
    assert "No p value where training was cut short: MicroExpSTCNN trained for 38 to 100 of 100 epochs; " in said
    assert "CNN with augmentation (our reconstruction) trained for 3 of 30 epochs" in said


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    root, names = tmp_path_factory.mktemp("small"), ("negative", "positive", "surprise")
    write_clips(root, [f"HS/s{s}/micro/{name}/s{s}_{name[:2]}_01" for s in (1, 2, 3, 4) for name in names])
    return root


def test_a_reproduction_runs_and_goes_on(small, tmp_path, capsys):
    out = tmp_path / "all"
    arguments = ["--dataset", "smic", "--data", str(small), "--models", "stcnn"]
    arguments += ["--protocols", "upstream", "loso", "glorot"]
    assert reproduce.main([*arguments, "--epochs", "1", "--out", str(out)]) == 0
    printed, announced = capsys.readouterr()
    assert announced.index("2 trainings, 5 folds, 5 epochs in all") < announced.index("5 folds in ")
    assert (out / "report.md").read_text() in printed and "There is no protocol glorot of MicroExpSTCNN." in printed
    assert "TRIAL: 1 of 100 epochs" in printed
    assert "| MicroExpSTCNN | loso | 68.75% |" in printed and "SYNTHETIC" not in printed
    found = json.loads((out / "tables.json").read_text())
    assert [run["clips"] for run in found["runs"]] == [3, 12] and set(found["tables"]) == {"V", "VII", "VIII"}
    assert (out / "accuracy.png").stat().st_size > 1000
    times = {path: path.stat().st_mtime_ns for path in out.rglob("result.json")}
    assert len(times) == 5
    gone = sorted(times)[0]
    gone.unlink()
    assert reproduce.main(["--resume", str(out)]) == 0
    again = {path: path.stat().st_mtime_ns for path in out.rglob("result.json")}
    assert set(again) == set(times) and [path for path in times if times[path] != again[path]] == [gone]
    assert capsys.readouterr().out == printed
    assert train.main(["--resume", str(out / "stcnn-upstream-3x3x15-seed0"), "--epochs", "2"]) == 0
    assert reproduce.main(["--resume", str(out)]) == 2
    assert "expected a training as planned, found epochs 2 instead of 1" in capsys.readouterr().err


def test_a_fold_that_fails_leaves_the_others_and_folds_that_stop_early_say_so(small, tmp_path, capsys):
    out = tmp_path / "early"
    arguments = ["--dataset", "smic", "--data", str(small), "--models", "stcnn", "--protocols", "loso"]
    arguments += ["--epochs", "12", "--patience", "1", "--seeds", "0", "1"]
    failing, run = (out / f"stcnn-loso-3x3x15-seed{seed}" for seed in (0, 1))
    failing.mkdir(parents=True)
    (failing / "fold-02").write_text("in the way")
    plan = reproduce._new_plan(reproduce.parser().parse_args(arguments))
    (out / reproduce.RECORD).write_text(json.dumps({"plan": plan}))
    assert reproduce.main(["--resume", str(out)]) == 1
    printed, said = capsys.readouterr()
    assert "8 folds, at most 96 epochs in all" in said and "**FAILED** and left out" in printed
    assert "fold-02: expected a folder, found none, and none could be made" in printed
    trained = [len(path.read_text().splitlines()) - 1 for path in run.glob("fold-*/history.csv")]
    early = [count for count in trained if count < 12]
    assert early and not [*run.rglob("*.h5")]
    texts = [(run / name).read_text() for name in ("report.txt", "report.html")] + [(out / "report.md").read_text()]
    for text in texts:
        assert f"Early stopping: {len(early)} of 4 folds ended after " in text
        assert "early stopping after 1 epoch without a better validation accuracy" in text


def test_table_5_alone_is_of_all_seven_methods_on_the_same_folds(small, tmp_path, capsys):
    arguments = ["--dataset", "smic", "--data", str(small), "--tables", "V"]
    plan = reproduce._new_plan(reproduce.parser().parse_args(arguments))
    assert len(plan["models"]) == 7 and plan["protocols"] == ["loso"]
    out = tmp_path / "five"
    models = ["--models", "lbp-top", "3d-fcnn", "stcnn", "--seeds", "0", "1"]
    assert reproduce.main([*arguments, *models, "--epochs", "1", "--out", str(out)]) == 0
    found = json.loads((out / "tables.json").read_text())
    assert [row["model"] for row in found["tables"]["V"]] == ["lbp-top", "3d-fcnn", "stcnn"]
    assert [(pair["seed"], pair["other"]) for pair in found["pairs"]] == [
        (0, "lbp-top"), (0, "3d-fcnn"), (1, "lbp-top"), (1, "3d-fcnn"),
    ]  # fmt: skip
    assert [row["seeds"] for row in found["tables"]["V"]] == [[0], [0, 1], [0, 1]]
    assert len([path for path in out.iterdir() if path.is_dir()]) == 5
    said = capsys.readouterr().out
    assert "## Is MicroExpSTCNN ahead?" in said and "## What the rivals' published values can be" in said
    assert "| LBP-TOP | loso | 42.72% |" in said and (out / "accuracy.png").exists()


def test_mistakes_are_one_line_and_leave_nothing(small, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = ["--dataset", "smic", "--data", str(small)]
    for wrong, said in [
        ([], "--dataset: expected"),
        (["--dataset", "smic", "--data", str(small), "--synthetic"], "leave it out or name no data of your own"),
        ([*data, "--tables", "VI"], "expected tables of SMIC, V, VII, VIII or IX, found VI"),
        ([*data, "--protocols", "glorot", "--models", "stcnn"], "something to train, found nothing"),
        ([*data, "--tables", "IX", "--models", "late"], "something to train, found nothing"),
        (["--resume", str(tmp_path)], "expected the record of a reproduction"),
        (["--resume", str(tmp_path), "--epochs", "3"], "found --epochs"),
        (["--dataset", "smic", "--data", str(tmp_path / "none")], "none"),
    ]:
        assert reproduce.main(wrong) == 2
        error = capsys.readouterr().err
        assert said in error and "Traceback" not in error
    assert not list(tmp_path.glob("runs/*"))
