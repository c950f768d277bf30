"""Published values stand beside those that came out, and what is a constant answer is said."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers import write_clips

from microexp_keras import metrics, reproduce, train
from microexp_keras.paper import published, table_5_markdown, tables, tables_markdown


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
        "ten_epochs": {"mean": 0.6, "deviation": 0.02, "first": 91, "last": 100},
        "chosen_on_scored": protocol in ("upstream", "paper"),
        "folds": [{"epoch": 40, "collapsed_to": scores["collapsed_to"]}],
        "notes": ["a note"],
        **scores,
        **more,
    }


def text(found, wanted=("V", "VII", "VIII"), dataset="smic"):
    return tables_markdown.as_markdown(tables.tables(wanted, found, dataset), found, [], dataset, synthetic=False)


def test_the_papers_own_numbers_differ_in_nothing():
    rows = tables.tables(["V", "VII"], [run()], "smic")
    assert rows["V"][0]["published"] == pytest.approx(0.6875) and rows["V"][0]["difference"] == pytest.approx(0)
    assert rows["VII"][0]["ours"] == rows["VII"][0]["published"] and rows["VII"][0]["same_clips_per_class"]
    said = text([run()])
    assert (
        "| MicroExpSTCNN | upstream | 68.75% | 68.75% (22/32) | +0.00 |" in said
        and "| 14 / 14 | 0 / 0 | 5 / 5 |" in said
    )
    assert "| epochs 91 to 100 | the scored clips | 62.50% ± 2.55 | 60.00% ± 2.00 | -2.50 |" in said
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
    mixed["folds"] = [{"epoch": 0, "collapsed_to": name} for name in ("negative", "positive", "negative", None)]
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
    gap = 100 * (80 / 156 - 140 / 199)
    assert f"`upstream` to `loso`: {gap:+.2f}" in said
    assert f"under `upstream` {100 * (0.6 - 140 / 199):+.2f} if no epoch were chosen" in said
    assert f"{100 * (0.25 - 140 / 199):+.2f} if its 159 training clips were not scored (each by itself)" in said
    assert "25.00% of 40, 40 with a wrong label" in said and "chosen on other clips" in said


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


def test_what_does_not_exist_is_left_out():
    found = tables.trainings(["V"], ["stcnn", "late"], ["upstream", "glorot"], "smic")
    assert [(one.model, one.name) for one in found] == [("stcnn", "upstream"), ("late", "upstream"), ("late", "glorot")]


def rival(model, protocol="loso", **more):
    """A run of a rival, without epochs."""
    return run(model, protocol, ten_epochs=None, folds=[{"epoch": None, "collapsed_to": None}], **more)


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


def predictions(right):
    """Rows of predictions.csv of eight clips of four subjects."""
    return [
        {"clip": f"c{n}", "subject": f"s{n // 2}", "true": "a", "predicted": "a" if hit else "b"}
        for n, hit in enumerate(right)
    ]


def test_ahead_is_tested_clip_by_clip_and_by_subject():
    found = [run(protocol="loso"), rival("lbp-top"), rival("stclqp", "upstream")]
    answers = [predictions([1] * 8), predictions([0, 0, 0, 0, 0, 0, 1, 1]), predictions([0] * 8)]
    [pair] = table_5_markdown.pairs(found, answers)  # the third is under another protocol
    assert (pair["other"], pair["clips"], pair["first_only"], pair["second_only"]) == ("lbp-top", 8, 6, 0)
    assert pair["p_clips"] == pytest.approx(2 / 2**6) and pair["p_subjects"] == pytest.approx(2 / 2**3)
    said = "\n".join(table_5_markdown.pairs_text([pair]))
    assert "| LBP-TOP | loso | 0 | 6 : 0 of 8 | 0.031 | 3 : 0 | 0.25 |" in said
    assert table_5_markdown.pairs(found[:2], [answers[0], answers[1][1:]]) == []  # other clips
    same = metrics.paired([1, 0, 1], [1, 0, 1], ["s1", "s1", "s2"])
    assert (same.p_clips, same.p_subjects) == (1, 1)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp("small")
    write_clips(
        root, [f"HS/s{s}/micro/{c}/s{s}_{c[:2]}_01" for s in (1, 2, 3, 4) for c in ("negative", "positive", "surprise")]
    )
    return root


def test_a_reproduction_runs_and_goes_on(small, tmp_path, capsys):
    out = tmp_path / "all"
    arguments = [
        "--dataset",
        "smic",
        "--data",
        str(small),
        "--models",
        "stcnn",
        "--protocols",
        "upstream",
        "loso",
        "glorot",
    ]
    assert reproduce.main([*arguments, "--epochs", "1", "--out", str(out)]) == 0
    printed, announced = capsys.readouterr()
    assert "2 trainings, 5 folds, 5 epochs in all" in announced and "how long it takes" in announced
    assert announced.index("weights will take") < announced.index("5 folds in ")
    taken = sum(path.stat().st_size for pattern in ("*.h5", "*_images.npy") for path in out.rglob(pattern))
    assert float(re.search(r"weights will take ([\d.]+) MB", announced)[1]) == pytest.approx(taken / 1e6, rel=0.02)
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


def test_folds_that_stop_early_say_so(small, tmp_path, capsys):
    out = tmp_path / "early"
    line = ["--dataset", "smic", "--data", str(small), "--models", "stcnn", "--protocols", "loso", "--epochs", "12"]
    assert reproduce.main([*line, "--patience", "1", "--out", str(out)]) == 0
    said = capsys.readouterr().err
    assert "4 folds, at most 48 epochs in all" in said and "weights will take 0.0 MB" in said
    run = out / "stcnn-loso-3x3x15-seed0"
    trained = [len(path.read_text().splitlines()) - 1 for path in run.glob("fold-*/history.csv")]
    early = [count for count in trained if count < 12]
    assert early and not [*run.rglob("*.h5")]
    for text in [(run / name).read_text() for name in ("report.txt", "report.html")] + [
        (out / "report.md").read_text()
    ]:
        assert f"Early stopping: {len(early)} of 4 folds ended after " in text
        assert "may stop early, after 1 epoch without a better accuracy" in text
    before = (out / "report.md").read_bytes()
    assert reproduce.main(["--resume", str(out)]) == 0 and (out / "report.md").read_bytes() == before


def test_table_5_alone_is_of_all_seven_methods_on_the_same_folds(small, tmp_path, capsys):
    arguments = ["--dataset", "smic", "--data", str(small), "--tables", "V"]
    plan = reproduce._new_plan(reproduce.parser().parse_args(arguments))
    assert len(plan["models"]) == 7 and plan["protocols"] == ["loso"]
    out = tmp_path / "five"
    models = ["--models", "lbp-top", "3d-fcnn", "stcnn"]
    assert reproduce.main([*arguments, *models, "--epochs", "1", "--out", str(out)]) == 0
    found = json.loads((out / "tables.json").read_text())
    assert [row["model"] for row in found["tables"]["V"]] == ["lbp-top", "3d-fcnn", "stcnn"]
    assert [pair["other"] for pair in found["pairs"]] == ["lbp-top", "3d-fcnn"]
    assert {path.name for path in out.iterdir() if path.is_dir()} == {
        "lbp-top-loso-seed0", "3d-fcnn-loso-seed0", "stcnn-loso-3x3x15-seed0",
    }  # fmt: skip
    said = capsys.readouterr().out
    assert "## Is MicroExpSTCNN ahead?" in said and "## What the rivals' published values can be" in said
    assert "| LBP-TOP | loso | 42.72% |" in said and (out / "accuracy.png").exists()


def test_a_fold_that_fails_leaves_the_others(small, tmp_path, capsys):
    out = tmp_path / "some"
    arguments = ["--dataset", "smic", "--data", str(small), "--models", "stcnn", "--protocols", "upstream", "loso"]
    (out / "stcnn-loso-3x3x15-seed0").mkdir(parents=True)
    (out / "stcnn-loso-3x3x15-seed0" / "fold-02").write_text("in the way")
    (out / reproduce.RECORD).write_text(
        json.dumps({"plan": reproduce._new_plan(reproduce.parser().parse_args([*arguments, "--epochs", "1"]))})
    )
    assert reproduce.main(["--resume", str(out)]) == 1
    printed = capsys.readouterr().out
    assert "**FAILED** and left out" in printed
    assert "fold-02: expected a folder, found none, and none could be made" in printed
    assert "| MicroExpSTCNN | upstream |" in printed and "| MicroExpSTCNN | loso |" not in printed


def test_mistakes_are_one_line_and_leave_nothing(small, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = ["--dataset", "smic", "--data", str(small)]
    for wrong, said in [
        ([], "--dataset: expected"),
        (["--dataset", "smic"], "--data, --synthetic: expected one of them, found none or both"),
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
