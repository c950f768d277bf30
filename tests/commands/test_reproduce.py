"""Published values stand beside those that came out, and what is a constant answer is said."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers import microexp, read_json, refused

from microexp_keras import metrics, protocols, reproduce
from microexp_keras.datasets.database import DATABASES
from microexp_keras.paper import published
from microexp_keras.results import tables
from microexp_keras.results.predictions import Predictions

TABLE_7 = ((14, 0, 5), (2, 2, 2), (1, 0, 6))
CONSTANT = ((109, 0, 0), (47, 0, 0), (43, 0, 0))


def folds(*epochs, collapsed=(None,)):
    return [{"epoch": 40 if of else None, "epochs": of, "collapsed_to": name} for of in epochs for name in collapsed]


def predictions(right, subjects=4):
    """Predictions for eight clips."""
    return Predictions(
        class_names=("a", "b"),
        clips=[f"c{n}" for n in range(len(right))],
        subjects=[f"s{n * subjects // 8}" if subjects else None for n in range(len(right))],
        true=np.zeros(len(right), int),
        probabilities=np.array([[int(hit), 1 - int(hit)] for hit in right], float),
        folds=[1] * len(right),
        method="",
    )


def run(model="stcnn", name="upstream", seed=0, confusion=TABLE_7, right="1", dataset="smic", kernel=None, **more):
    """A training as `reproduce` gathers it; by default the paper's own Table VII."""
    protocol = protocols.get(name, model, dataset)
    protocol = replace(protocol, kernel_size=kernel or protocol.kernel_size)
    pairs = [(t, p) for t, row in enumerate(confusion) for p, count in enumerate(row) for _ in range(count)]
    scores = metrics.score(*zip(*pairs, strict=True), protocol.database.class_names).as_json()
    stepwise = protocol.network.has_epochs
    scores |= {
        "intervals_over_subjects": None,
        "held_out": {"clips": scores["clips"], "correct": scores["correct"], "mislabelled": 0},
        "ten_epochs": {"mean": 0.6, "deviation": 0.02, "epochs": 10, "first": 91, "last": 100} if stepwise else None,
        "chosen_on_scored": name in ("upstream", "paper"),
        "folds": folds(100 if stepwise else None, collapsed=[scores["collapsed_to"]]),
        **more,
    }
    answers = right if isinstance(right, Predictions) else predictions(right)
    return tables.Trained(protocol, seed, more.pop("planned", 100), "somewhere", scores, answers)


@pytest.fixture
def said(tmp_path):
    """What the report says of some trainings, with single spaces."""

    def text(*found, wanted=("V", "VII", "VIII")):
        report = tables.write(tmp_path, wanted, found, False, [])
        assert (tmp_path / "report.html").stat().st_size > 1000
        return re.sub(r"\s+", " ", report.text())

    return text


def test_the_papers_own_numbers_differ_in_nothing(said):
    text = said(run())
    assert "upstream 68.75% 68.75% (22/32) +0.00" in text and "negative 14 / 14 0 / 0 5 / 5" in text
    assert "as many clips of each class as published" in text and "always" not in text
    assert "epochs 91 to 100 the test clips 62.50% ± 2.55 60.00% ± 2.00 -2.50" in text


def test_a_constant_classifier_is_named_on_both_sides(said):
    text = said(run("intermediate", confusion=CONSTANT), wanted=["V"])
    assert "54.77% = always negative 54.77% (109/199)" in text
    assert "Intermediate MicroExpFuseNet under upstream (1 of 1 trainings: always negative)" in text
    mixed = folds(100, collapsed=["negative", "positive", "negative", None])
    text = said(run("late", "loso", folds=mixed), wanted=["V"])
    assert "Late MicroExpFuseNet under loso (3 of 4 trainings: always negative or positive)" in text


def test_the_published_constant_follows_the_published_number(monkeypatch, said):
    changed = published.PAPER._replace(accuracy=published.PAPER.accuracy | {("intermediate", "smic"): 54.80})
    monkeypatch.setattr(published, "PAPER", changed)
    assert "= always" not in said(run("intermediate", confusion=CONSTANT), wanted=["V"])


def test_seeds_are_averaged_with_their_spread(said):
    better = run(seed=1, confusion=((16, 0, 3), (1, 4, 1), (1, 0, 6)))
    text = said(run(), better)
    assert "75.00% ± 8.84 (22/32, 26/32)" in text and "sum of seeds 0, 1" in text
    bounds = run().scores["accuracy_interval"][0], better.scores["accuracy_interval"][1]
    assert "{:.1%} to {:.1%}, over clips (Wilson)".format(*bounds) in text


def test_the_gap_is_taken_apart(said):
    held_out = {"clips": 40, "correct": 10, "mislabelled": 40}
    seen = run("late", confusion=((100, 5, 4), (20, 20, 7), (20, 3, 20)), held_out=held_out)
    unseen = run("late", "loso", confusion=((40, 10, 16), (20, 20, 7), (20, 3, 20)))
    text = said(seen, unseen, wanted=["V"])
    why = "70.35% 60.00% ± 2.00 (epochs 91 to 100) 25.00% of 40, 40 with a wrong label"
    assert f"Late MicroExpFuseNet upstream {why}" in text and "loso 51.28% chosen on other clips" in text


def test_kernel_sizes_need_frames_enough(said):
    def sizes(dataset):
        found = tables.trainings(["IX"], ["stcnn", "late"], ["upstream"], DATABASES[dataset])
        return [one.kernel_size for one in found]

    assert len(sizes("casme2")) == 12 and set(sizes("casme2")) == set(published.PAPER.kernel_sizes)
    assert len(sizes("smic")) == 9  # none of 19 frames in clips of 18
    text = said(*(run(kernel=size, dataset="casme2") for size in published.PAPER.kernel_sizes), wanted=["IX"])
    assert "3x3x19 upstream 29.27% = always angry" in text and text.index("3x3x19") < text.index("5x5x3 ")
    assert (text.count("= always angry"), text.count("= always happy")) == (3, 3)


def test_no_difference_stands_to_a_value_that_is_no_count(said):
    text = said(*(run(model, "loso") for model in ("lbp-top", "stclqp", "3d-fcnn", "cnn-augmentation", "stcnn")))
    assert "LBP-TOP loso 42.72% 68.75% (22/32) 51.4% to" in text
    assert "STCLQP (our reconstruction) loso 64.02% 68.75% (22/32) +4.73" in text
    assert "no count of 164: the nearest, 70/164, is 42.68%; always answering negative gives 70/164" in text
    assert "105/164 = 64.0244%" in text and "91/164 = 55.4878%" in text and " no epochs " in text
    assert "CNN with augmentation (our reconstruction) loso 78.02% 68" in said(
        run("cnn-augmentation", "loso", dataset="casme2"), wanted=["V"]
    )


def test_table_viii_of_several_folds_has_no_published_value_beside_it(said):
    pooled = run(name="loso", folds=folds(100, 100))
    text = said(run(), pooled, wanted=["VIII"])
    assert "loso epochs 91 to 100 validation clips, not the test clips, 2 folds pooled 60.00% ± 2.00 " in text
    assert "62.50% ± 2.55" in text and "It varies less than that of a single network" in text
    stopped = run(name="loso", folds=folds(12, 40), ten_epochs=None)
    assert "loso n/a: the folds end after 12 to 40 epochs" in said(stopped, wanted=["VIII"])


def test_ahead_is_tested_by_swapping_subjects_and_clip_by_clip(said):
    found = [
        run(name="loso", right="11111111"),
        run("lbp-top", "loso", right="00000011"),
        run("stclqp", "upstream", right="00000000"),  # under another protocol
        run("cnn-augmentation", "loso", right="11111110"),
    ]
    text = said(*found, wanted=["V"])
    assert "LBP-TOP loso 0 3 : 0 0.25 0.5 6 : 0 of 8 0.031" in text and "ignores subjects" in text
    assert (
        "(our reconstruction) loso 0 1 : 0 1 1 1 : 0 of 8 1" in text and "STCLQP (our reconstruction) loso" not in text
    )
    assert "ahead?" not in said(found[0], run("lbp-top", "loso", right="1111111"), wanted=["V"]).lower()  # other clips
    nobody = [run(model, "loso", right=predictions(hits * 8, 0)) for model, hits in (("stcnn", "1"), ("lbp-top", "0"))]
    assert "LBP-TOP loso 0 0 : 0 n/a n/a 8 : 0 of 8 0.0078" in said(*nobody, wanted=["V"])


def test_a_deterministic_method_is_compared_with_every_seed(said):
    text = said(run(name="loso"), run(name="loso", seed=1), run("lbp-top", "loso"), wanted=["V"])
    assert "LBP-TOP loso 0 0 : 0" in text and "LBP-TOP loso 1 0 : 0" in text


def test_training_that_was_cut_short_gets_no_p_value(said):
    found = [run(name="loso", right="1" * 8, folds=folds(38, 100)), run("lbp-top", "loso", right="0" * 8)]
    found.append(run("cnn-augmentation", "loso", right="0" * 8, folds=folds(3))._replace(planned_epochs=30))
    text = said(*found, wanted=["V"])
    assert "LBP-TOP loso 0 4 : 0 n/a n/a 8 : 0 of 8 n/a" in text
    assert "No p value where training was cut short: MicroExpSTCNN trained for 38 to 100 of 100 epochs; " in text
    assert "CNN with augmentation (our reconstruction) trained for 3 of 30 epochs" in text


def planned(line):
    """What a command line would train."""
    return reproduce._new_plan(reproduce.parser().parse_args(line.split()))


@pytest.mark.slow
def test_a_reproduction_runs_leaves_out_a_fold_that_fails_and_goes_on(three_people, tmp_path):
    out = tmp_path / "all"
    line = f"--dataset smic --data {three_people} --models stcnn --protocols upstream loso glorot --epochs 2"
    failing = out / "stcnn-loso-3x3x15-seed0" / "fold-02"
    failing.parent.mkdir(parents=True)
    failing.write_text("in the way")
    (out / reproduce.RECORD).write_text(json.dumps({"plan": planned(line)}))
    said = microexp(f"reproduce --resume {out}", 1)
    assert said.err.index("2 trainings, 4 folds, 8 epochs in all") < said.err.index("4 folds in ")
    assert "FAILED and left out" in said.out and "fold-02: this folder cannot be made" in said.out
    times = {path: path.stat().st_mtime_ns for path in out.rglob("result.json")}
    assert len(times) == 3 and not [*failing.parent.rglob("*.h5")]

    failing.unlink()
    said = microexp(f"reproduce --resume {out}").out
    assert {path: path.stat().st_mtime_ns for path in times} == times and len([*out.rglob("result.json")]) == 4
    text, page = (out / "report.txt").read_text(), (out / "report.html").read_text()
    assert "TABLE V: ACCURACY" in said and "TABLE VIII" not in said and "TABLE VIII" in text
    assert "There is no protocol glorot of MicroExpSTCNN." in text and "TRIAL: 2 of 100 epochs" in said
    assert re.search(r"MicroExpSTCNN +loso +68.75% ", said) and "SYNTHETIC" not in text
    assert "Table VII: confusion matrix" in page and "stcnn-loso-3x3x15-seed0" in page
    path = out / "stcnn-upstream-3x3x15-seed0" / "config.json"
    config = read_json(path)
    config["protocol"]["epochs"] = 3  # as of a run that somebody has resumed
    path.write_text(json.dumps(config))
    assert "was trained differently from the plan: epochs 3 instead of 2" in refused(f"reproduce --resume {out}")


@pytest.mark.slow
def test_table_5_alone_is_of_all_methods_and_folds_that_stop_early_say_so(three_people, tmp_path):
    line = f"--dataset smic --data {three_people} --tables V"
    plan = planned(line)
    assert len(plan["models"]) == 8 and plan["protocols"] == ["loso"]
    some = f"{line} --models lbp-top 3d-fcnn --epochs 4 --patience 1"
    assert len(reproduce._settings(planned(f"{some} --seeds 0 1"))) == 3  # what has no epochs needs one seed
    out = tmp_path / "five"
    said = microexp(f"reproduce {some} --out {out}")
    assert "2 trainings, 6 folds, at most 12 epochs in all" in said.err
    report, printed = (re.sub(" +", " ", text) for text in ((out / "report.txt").read_text(), said.out))
    [table] = re.findall("TABLE V(.*)WHY ", report, re.DOTALL)
    assert re.findall(r"\n(LBP-TOP|3D-FCNN).* loso ", table) == ["LBP-TOP", "3D-FCNN"]
    assert "LBP-TOP loso 42.72%" in report and "LBP-TOP loso 42.72%" in printed

    run = out / "3d-fcnn-loso-seed0"
    trained = [len(path.read_text().splitlines()) - 1 for path in run.glob("fold-*/history.csv")]
    early = [count for count in trained if count < 4]
    for text in [(run / name).read_text() for name in ("report.txt", "report.html")]:
        assert f"Early stopping: {len(early)} of 3 folds ended after " in text and early
        assert "early stopping after 1 epoch without a better validation accuracy" in text
