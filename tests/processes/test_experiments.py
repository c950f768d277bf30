"""Folds keep people apart, come out the same in one process or two, and go on after a kill."""

import json
import re
import shutil
import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import microexp, read_json, read_rows, refused
from loso import contents, noise, started, training, until

from microexp_keras import preprocessing, protocols, weights
from microexp_keras.errors import MicroExpError
from microexp_keras.protocols import splits
from microexp_keras.runs import scored_clips
from microexp_keras.runs.run import RESULT

pytestmark = pytest.mark.slow

LOSO = protocols.get("loso")


def test_nobody_is_on_both_sides_whatever_the_data():
    random, divided = np.random.default_rng(0), 0
    for _ in range(60):
        people, clips = random.integers(3, 12), random.integers(6, 60)
        labels = random.choice(3, clips, p=random.dirichlet([1, 1, 1]))
        subjects = [f"s{one:02d}" for one in np.minimum(random.geometric(random.uniform(0.1, 0.6), clips), people)]
        if len(set(subjects)) < 3:
            continue
        try:
            folds = splits.leave_one_subject_out(labels, subjects)
        except MicroExpError as error:
            assert "no class has two clips" in str(error)
            continue
        divided += 1
        owner = np.array(subjects)
        assert [{*owner[fold.test]} for fold in folds] == [{one} for one in sorted({*subjects})]
        for fold in folds:
            sides = [{*owner[part]} for part in (fold.train, fold.validation, fold.test)]
            assert all(sides) and sum(map(len, sides)) == len(set.union(*sides)) == len({*subjects})
            assert sorted([*fold.train, *fold.validation, *fold.test]) == list(range(clips))
    assert divided > 40


@pytest.mark.parametrize(
    ("labels", "subjects", "said"),
    [
        ([0, 1, 2, 0], ["s1", "s1", "s2", "s2"], "at least three .*but found 2 subjects"),
        ([0, 1, 2, 0], ["s1", "s2", "s3", None], "found 1 clip without a subject"),
        ([0, 1, 2], ["s1", "s2", "s3"], "no class has two clips"),
    ],
)
def test_clips_that_cannot_be_divided_are_refused(labels, subjects, said):
    with pytest.raises(MicroExpError, match=said):
        splits.leave_one_subject_out(np.array(labels), subjects)


def test_a_planted_leak_is_caught():
    samples = noise([0, 1, 2] * 4, [f"s{clip // 3}" for clip in range(12)])
    assert len(preprocessing.folds(LOSO, samples)) == 4
    with pytest.raises(MicroExpError, match=r"test subjects are in training or validation too: s\d"):
        preprocessing.folds(replace(LOSO, split=splits.random_fifth), samples)

    def leaking_choice(labels, subjects):
        [first, *others] = splits.leave_one_subject_out(labels, subjects)
        return [replace(first, validation=first.test), *others]

    with pytest.raises(MicroExpError, match="in training or validation too: s0"):
        preprocessing.folds(replace(LOSO, split=leaking_choice), samples)
    same = noise(samples.labels, samples.subjects)
    same.stacks["face"][11] = same.stacks["face"][0]  # one clip under two names and subjects
    with pytest.raises(MicroExpError, match="same pixels are in clip0 and clip11"):
        preprocessing.folds(LOSO, same)


def test_a_run_pools_every_clip_once_and_a_fold_has_one_number_everywhere(serial):
    rows = read_rows(serial / "predictions.csv")
    assert len({row["clip"] for row in rows}) == len(rows) == 9
    assert all(re.match(rf"s0?{row['subject'][1:].lstrip('0')}[/_]", row["clip"]) for row in rows)
    scores, config = (read_json(serial / name) for name in ("scores.json", "config.json"))
    assert scores["correct"] == sum(row["true"] == row["predicted"] for row in rows)
    assert not scores["chosen_on_scored"] and scores["held_out"]["clips"] == scores["clips"] == 9
    assert scores["intervals_over_subjects"]["subjects"] == 3
    assert len({fold["statistics"]["face"]["mean"] for fold in config["folds"]}) > 1
    for number, (fold, scored) in enumerate(zip(config["folds"], scores["folds"], strict=True), 1):
        folder = serial / f"fold-{number:02d}"
        result = read_json(folder / RESULT)
        kept = weights.read_metadata(folder / result["weights"])
        assert {fold["fold"], result["fold"], kept["fold"]} == {number}
        subjects = [f"s{number:02d}"]
        assert fold["test_subjects"] == scored["subjects"] == result["subjects"] == kept["test_subjects"] == subjects
        assert {row["subject"] for row in rows if row["fold"] == str(number)} == {*subjects}
        assert not (folder / "last.weights.h5").exists()
    report = (serial / "report.txt").read_text()
    assert "3 folds, each 2 epochs with batch size 2" in report and "seen nothing of its subject" in report
    assert "; over subjects " in report and "optimistic" not in report


def test_a_killed_run_goes_on_with_the_folds_it_lacks(serial, three_people, tmp_path):
    out = tmp_path / "killed"
    process = started(f"{training(three_people, out)} --jobs 1")
    until((out / "fold-02" / "history.csv").exists, process)
    process.send_signal(signal.SIGKILL)  # not its worker, which ends after its epoch; who resumes waits for it
    process.wait()
    done = (out / "fold-01" / "result.json").stat().st_mtime_ns
    microexp(f"train --resume {out}")
    assert (out / "fold-01" / "result.json").stat().st_mtime_ns == done
    assert contents(out) == contents(serial)


def test_what_a_fold_killed_at_its_end_left_is_removed_with_the_report(serial, tmp_path):
    out = shutil.copytree(serial, tmp_path / "run")
    config = read_json(out / "config.json")
    config["settings"]["keep_weights"] = False
    (out / "config.json").write_text(json.dumps(config))
    mine = out / "fold-01" / "weights-improvement-40-0.69.weights.h5"
    for path in (mine, out / "fold-01" / "last.weights.h5"):
        path.touch()
    microexp(f"train --resume {out}")
    assert [*out.rglob("*.h5")] == [mine]


def test_what_folds_cannot_be_trained_with_is_refused(serial, three_people, tmp_path):
    assert "run of one fold only" in refused(f"train --resume {serial} --epochs 5")
    known = next(serial.glob("fold-01/*.weights.h5"))
    error = refused(training(three_people, tmp_path / "out", more=f"--weights {known}"))
    assert "may have been trained on the held-out" in error and not (tmp_path / "out").exists()


def test_the_weights_of_a_fold_are_scored_on_their_own_subject(serial, three_people, tmp_path):
    path = serial / read_json(serial / "scores.json")["folds"][1]["weights"]
    line = f"evaluate --weights {path} --data {three_people} --out {tmp_path}"
    said = microexp(f"{line}/one").report
    assert "Scored: 3 of 9 clips, subject s02" in said and "The weights were not trained on them" in said
    pooled = {row["clip"]: row["predicted"] for row in read_rows(serial / "predictions.csv")}
    scored = read_rows(tmp_path / "one" / "predictions.csv")
    assert {row["subject"] for row in scored} == {"s02"}
    assert all(row["predicted"] == pooled[row["clip"]] for row in scored)
    said = microexp(f"{line}/other --protocol upstream").report
    assert "it is unknown whether the weights were trained on some of these clips" in said


EVERY = list(range(12))


@pytest.mark.parametrize(
    ("same_clips", "left_out", "part", "expected"),
    [
        (True, ["s2"], None, [6, 7, 8]),
        (True, ["s2"], "all", EVERY),
        (False, ["s2"], None, EVERY),  # no subject of other clips was left out
        (False, None, None, EVERY),
        (True, ["s4"], None, EVERY),  # of no fold of this protocol
        (True, 2, None, EVERY),
    ],
)
def test_weights_of_a_fold_are_scored_on_clips_that_it_left_out_or_on_all(same_clips, left_out, part, expected):
    samples = noise([0, 1, 2] * 4, [f"s{clip // 3}" for clip in range(12)])
    fingerprint = samples.fingerprint if same_clips else "of others"
    metadata = {"split": "leave_one_subject_out", "test_subjects": left_out, "data_fingerprint": fingerprint}
    file = SimpleNamespace(path="x.h5", metadata=metadata, network="stcnn")
    clips = scored_clips.from_samples(samples, LOSO, file, "noise", part)
    assert clips.positions.tolist() == expected
    said = " ".join(map(str, clips.notes))
    assert f"Scored: {len(expected)} of 12 clips" in said
    assert ("The weights were not trained on them" in said) == (expected == [6, 7, 8])
    assert ("the weights are of other clips" in said) == (not same_clips)
