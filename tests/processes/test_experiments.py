"""Folds keep people apart, come out the same in one process or two, and go on after a kill."""

import csv
import json
import os
import re
import shutil
import signal
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from loso import command, contents, options, weights_digest

from microexp_keras import atomic, evaluate, protocols, train, weights
from microexp_keras.datasets.synthetic import smic as synthetic
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import Samples
from microexp_keras.protocols import splits
from microexp_keras.runs import Settings
from microexp_keras.runs import fold as one_fold
from microexp_keras.runs.disk import bytes_to_come
from microexp_keras.runs.fold import RESULT, train_fold
from microexp_keras.runs.report import report
from microexp_keras.runs.run import Run

LOSO = protocols.get("loso")


def made_up(labels, subjects, seed=0):
    """Samples of noise, no two alike, as the protocols on faces want them."""
    stacks = np.random.default_rng(seed).integers(0, 256, (len(labels), 64, 64, 18), np.uint8)
    places = np.arange(len(labels))
    names = [f"clip{place}" for place in places]
    return Samples(names, list(subjects), np.array(labels), {"face": stacks}, places, np.zeros(len(labels), bool))


def test_nobody_is_on_both_sides_whatever_the_data():
    random, divided = np.random.default_rng(0), 0
    for _ in range(300):
        people, clips = random.integers(3, 12), random.integers(6, 60)
        labels = random.choice(3, clips, p=random.dirichlet([1, 1, 1]))
        subjects = [f"s{one:02d}" for one in np.minimum(random.geometric(random.uniform(0.1, 0.6), clips), people)]
        if len(set(subjects)) < 3:
            continue
        try:
            folds = splits.leave_one_subject_out(labels, subjects)
        except MicroExpError as error:
            assert "at least two clips of some class" in str(error)
            continue
        divided += 1
        owner = np.array(subjects)
        assert [{*owner[fold.score]} for fold in folds] == [{one} for one in sorted({*subjects})]
        for fold in folds:
            sides = [{*owner[part]} for part in (fold.train, fold.select, fold.score)]
            assert all(sides) and sum(map(len, sides)) == len(set.union(*sides)) == len({*subjects})
            assert sorted([*fold.train, *fold.select, *fold.score]) == list(range(clips))
    assert divided > 200


def test_synthetic_smic_has_sixteen_folds_and_the_papers_counts():
    plan = synthetic._plan((66, 47, 43))
    subjects = [f"s{number:02d}" for number, *_ in plan]
    labels = np.repeat([0, 1, 2], [66, 47, 43])
    assert np.bincount([["negative", "positive", "surprise"].index(label) for _, label, *_ in plan]).tolist() == [
        66,
        47,
        43,
    ]
    folds = splits.leave_one_subject_out(labels, subjects)
    assert len(folds) == 16
    assert all(len({subjects[one] for one in fold.select}) > 1 for fold in folds)
    assert all(np.unique(labels[fold.train]).tolist() == [0, 1, 2] for fold in folds)


@pytest.mark.parametrize(
    ("labels", "subjects", "said"),
    [
        ([0, 1, 2, 0], ["s1", "s1", "s2", "s2"], "three known subjects.*found 2 subjects"),
        ([0, 1, 2, 0], ["s1", "s2", "s3", None], "found 3 subjects and 1 clips of nobody known"),
        ([0, 1, 2], ["s1", "s2", "s3"], "at least two clips of some class"),
    ],
)
def test_clips_that_cannot_be_divided_are_refused(labels, subjects, said):
    with pytest.raises(MicroExpError, match=said):
        splits.leave_one_subject_out(np.array(labels), subjects)


def test_a_planted_leak_is_caught():
    samples = made_up([0, 1, 2] * 4, [f"s{clip // 3}" for clip in range(12)])
    assert len(splits.folds(LOSO, samples)) == 4
    with pytest.raises(MicroExpError, match=r"found s\d.* among those that train"):
        splits.folds(replace(LOSO, split=splits.random_fifth), samples)

    def leaking_choice(labels, subjects):
        [first, *others] = splits.leave_one_subject_out(labels, subjects)
        return [replace(first, select=first.score), *others]

    with pytest.raises(MicroExpError, match="found s0 among those that train or choose"):
        splits.folds(replace(LOSO, split=leaking_choice), samples)
    samples.stacks["face"][11] = samples.stacks["face"][0]  # one clip under two names and subjects
    same = made_up(samples.labels, samples.subjects)
    same.stacks["face"][11] = same.stacks["face"][0]
    with pytest.raises(MicroExpError, match="same pixels in clip0 and clip11"):
        splits.folds(LOSO, same)


def fold_bits(folder, samples, protocol="loso"):
    """Weights, epoch and statistics of the first fold after an epoch of training."""
    settings = Settings.of(replace(protocols.get(protocol), epochs=2), data="nowhere", keep_weights=True)
    run = Run.of(folder, settings, samples)
    run.write_config()
    train_fold(run, 0, progress=False)
    here = run.fold_folder(0)
    result = json.loads((here / RESULT).read_text())
    file = weights.inspect(here / result["weights"])
    statistics = json.loads((folder / "config.json").read_text())["folds"][0]["statistics"]
    return weights_digest(here / result["weights"]), result["best_epoch"], statistics, file.metadata["fold"]


def test_nothing_of_the_left_out_subject_reaches_the_weights(tmp_path):
    subjects = [f"s{clip // 3}" for clip in range(12)]
    bits = fold_bits(tmp_path / "as it is", made_up([0, 1, 2] * 4, subjects))
    other = made_up([0, 1, 2] * 4, subjects)
    other.stacks["face"][:3] = 255 - other.stacks["face"][:3] // 2  # s0, left out in the first fold
    other.labels[:3] = [2, 2, 2]
    assert fold_bits(tmp_path / "other", other) == bits
    known = made_up([0, 1, 2] * 4, subjects)
    known.stacks["face"][3:] //= 2  # those that train and choose
    assert fold_bits(tmp_path / "known", known)[0] != bits[0]


def test_a_run_pools_every_clip_once(serial, four_people):
    with open(serial / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["clip"] for row in rows}) == len(rows) == 24
    assert all(re.match(rf"s0?{row['subject'][1:].lstrip('0')}[/_]", row["clip"]) for row in rows)
    scores = json.loads((serial / "scores.json").read_text())
    assert scores["clips"] == 24 and [fold["subjects"] for fold in scores["folds"]] == [
        ["s01"],
        ["s02"],
        ["s03"],
        ["s04"],
    ]
    assert scores["correct"] == sum(row["true"] == row["predicted"] for row in rows)
    assert not scores["chosen_on_scored"] and scores["held_out"]["clips"] == 24
    assert scores["intervals_over_subjects"]["subjects"] == 4
    report = (serial / "report.txt").read_text()
    assert "4 folds, each 2 epochs of batch 8" in report and "seen nothing of its subject" in report
    assert "95 % intervals over subjects: accuracy" in report and "optimistic" not in report
    config = json.loads((serial / "config.json").read_text())
    means = [fold["statistics"]["face"]["mean"] for fold in config["folds"]]
    assert len(set(means)) > 1
    assert not list(serial.glob("fold-*/last.weights.h5"))
    assert "Saliency, face" in (serial / "report.html").read_text()
    assert [path.parent.name for path in serial.rglob("saliency_*.png")] == ["fold-01"]


def test_two_processes_give_the_same_bits_as_one(serial, four_people, tmp_path):
    assert train.main([*options(four_people, tmp_path / "two"), "--jobs", "2"]) == 0
    assert contents(tmp_path / "two") == contents(serial)


def test_a_killed_run_goes_on_with_the_folds_it_lacks(serial, four_people, tmp_path, capsys):
    out = tmp_path / "killed"
    process = command(*options(four_people, out), "--jobs", "1")
    while not (out / "fold-02" / "history.csv").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)  # not its worker
    process.wait()
    done = (out / "fold-01" / "result.json").stat().st_mtime_ns
    with waiting_for(out / "fold-02"):
        pass  # the worker is gone, for its folder is free
    assert train.main(["--resume", str(out)]) == 0
    assert (out / "fold-01" / "result.json").stat().st_mtime_ns == done
    assert contents(out) == contents(serial)


def test_weights_that_were_not_kept_are_made_again(serial, four_people, tmp_path):
    out = tmp_path / "bare"
    assert train.main([*options(four_people, out, keep=False), "--jobs", "1"]) == 0
    before, kept = contents(out), contents(serial)
    assert not [*out.rglob("*.h5")] and (before["predictions.csv"], before["result"]) == (
        kept["predictions.csv"], kept["result"],
    )  # fmt: skip
    assert "Weights were not kept of" in before["report.txt"] and "--keep-weights" not in kept["report.txt"]
    assert "--keep-weights" in (out / "report.html").read_text()
    assert [fold["weights"] for fold in json.loads((out / "scores.json").read_text())["folds"]] == [None] * 4
    files = [path for number in (1, 3, 4) for path in (out / f"fold-0{number}").iterdir()]
    times = {path: path.stat().st_mtime_ns for path in files}
    shutil.rmtree(out / "fold-02")
    assert train.main(["--resume", str(out), "--keep-weights"]) == 0
    again = contents(out)
    assert again["weights"] == {name: one for name, one in kept["weights"].items() if name.parts[0] == "fold-02"}
    assert (len(again["weights"]), again["predictions.csv"]) == (1, kept["predictions.csv"])
    assert {path: path.stat().st_mtime_ns for path in files} == times
    assert train.main(["--resume", str(out)]) == 0 and contents(out) == again  # it stays


@pytest.mark.parametrize("keep", [False, True])
def test_what_a_fold_killed_at_its_end_left_is_removed_with_the_report(keep, tmp_path, monkeypatch):
    settings = Settings.of(LOSO, data="nowhere", epochs=2, keep_weights=keep, faces=False)
    run = Run.of(tmp_path, settings, made_up([0, 1, 2] * 3, [f"s{clip // 3}" for clip in range(9)]))
    run.write_config()
    expected = bytes_to_come([run], 1)
    with monkeypatch.context() as patch:
        patch.setattr(one_fold, "drop_rest", lambda *_: None)
        for number in range(3):
            train_fold(run, number, progress=False)
    best, last = ([*tmp_path.glob(f"fold-*/{name}.h5")] for name in ("weights-improvement-*", "last*"))
    assert (len(best), len(last)) == (3, 3) and bytes_to_come([run], 1) == (0, 0)
    mine = shutil.copy(best[0], best[0].parent / "weights-improvement-40-0.69.weights.h5")
    size = best[0].stat().st_size
    report(run)
    assert {*tmp_path.rglob("*.h5")} == {mine, *(best if keep else [])}
    assert expected.stays == pytest.approx(3 * size if keep else 0, rel=0.02)
    assert expected.most == pytest.approx(expected.stays + (3 if keep else 4) * size, rel=0.02)
    report(run)  # once more, with nothing left to remove
    assert mine.exists()


def waiting_for(folder, seconds=20):
    """Hold a folder as soon as nobody else does."""
    for _ in range(seconds * 10):
        try:
            lock = atomic.only_writer(folder)
            lock.__enter__()
            lock.__exit__(None, None, None)
            return atomic.only_writer(folder)
        except MicroExpError:
            time.sleep(0.1)
    raise AssertionError(f"{folder} is still held")


def test_ctrl_c_ends_all_processes_and_says_how_to_go_on(four_people, tmp_path):
    out = tmp_path / "stopped"
    process = command(*options(four_people, out, epochs=500), "--jobs", "2")
    while not (out / "fold-02" / "history.csv").exists():
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and f"--resume {out}" in said and "Traceback" not in said
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.killpg(process.pid, 0)
            time.sleep(0.1)


def test_a_fold_that_fails_is_named(serial, four_people, tmp_path, capsys):
    assert train.main(["--resume", str(serial), "--epochs", "5"]) == 2
    assert "run of one fold only" in capsys.readouterr().err
    assert train.main(["--dataset", "smic", "--data", str(four_people), "--kernel-size", "3", "3", "30"]) == 2
    assert "kernel" in capsys.readouterr().err


def test_the_weights_of_a_fold_are_scored_on_their_own_subject(serial, four_people, tmp_path, capsys):
    scores = json.loads((serial / "scores.json").read_text())
    path = serial / scores["folds"][1]["weights"]
    arguments = ["--weights", str(path), "--data", str(four_people), "--out", str(tmp_path / "one")]
    assert evaluate.main(arguments) == 0
    said = capsys.readouterr().out
    assert "6 of 24 clips are scored" in said and "The weights were not trained on them" in said
    with (
        open(tmp_path / "one" / "predictions.csv", newline="") as one,
        open(serial / "predictions.csv", newline="") as of_all,
    ):
        pooled = {row["clip"]: row for row in csv.DictReader(of_all)}
        for row in csv.DictReader(one):
            assert row["subject"] == "s02" and row["predicted"] == pooled[row["clip"]]["predicted"]
    assert evaluate.main([*arguments[:-1], str(tmp_path / "other"), "--protocol", "upstream"]) == 0
    assert "whether the weights were trained on some of them is not known" in capsys.readouterr().out


def test_weights_that_may_know_the_left_out_are_refused(serial, four_people, tmp_path, capsys):
    known = next(serial.glob("fold-01/*.weights.h5"))
    assert train.main([*options(four_people, tmp_path / "out"), "--weights", str(known)]) == 2
    assert "they may know the people that are left out" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_results_of_another_fold_are_refused(serial, tmp_path, capsys):
    out = tmp_path / "copy"
    shutil.copytree(serial, out)
    one, two = (out / f"fold-0{number}" / "result.json" for number in (1, 2))
    kept = two.read_text()
    two.write_text(one.read_text())
    assert train.main(["--resume", str(out)]) == 2
    assert f"{two}: expected clips: the names of this fold's clips, found something else" in capsys.readouterr().err
    result = json.loads(kept)
    two.write_text(json.dumps({**result, "probabilities": [[9e9, 0, 0] for _ in result["clips"]]}))
    assert train.main(["--resume", str(out)]) == 2
    assert f"{two}: expected probabilities: " in capsys.readouterr().err
    two.write_text(kept)
    assert train.main(["--resume", str(out)]) == 0
    assert contents(out)["result"] == contents(serial)["result"]


def test_metadata_cannot_name_a_fold_that_is_not_there():
    from microexp_keras.runs import scored_clips

    samples = made_up([0, 1, 2] * 4, [f"s{clip // 3}" for clip in range(12)])
    for fold in (4, -1, "1", None):
        metadata = {"split": "leave_one_subject_out", "fold": fold}
        file = SimpleNamespace(path="x.h5", metadata=metadata, network="stcnn")
        with pytest.raises(MicroExpError, match="one of the 4 folds"):
            scored_clips.from_samples(samples, LOSO, file, "noise")
