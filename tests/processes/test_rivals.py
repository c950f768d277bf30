"""The rivals of Table V as models: leave one subject out, whole runs, processes, resuming, scoring again, refusals."""

import shutil
import subprocess
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest
from helpers import microexp, read_json, read_rows, refused, smic_names, write_clips
from loso import noise, times_of

from microexp_keras import preprocessing, protocols, weights
from microexp_keras.baselines.settings import settings
from microexp_keras.errors import MicroExpError
from microexp_keras.models import METHODS, RIVALS
from microexp_keras.protocols import splits
from microexp_keras.runs import Settings
from microexp_keras.runs.run import Run, read_fold, train_fold
from microexp_keras.weights.hdf5 import opened

pytestmark = pytest.mark.slow

CLASSES = ("negative", "positive", "surprise")
STEPWISE = [name for name, method in RIVALS.items() if method.takes]
INSTANT = {*RIVALS} - {*STEPWISE}  # they have no epochs


def training(model, data, out, protocol="loso"):
    epochs = "--epochs 1" if model in STEPWISE else ""
    return f"train --dataset smic --data {data} --model {model} --protocol {protocol} {epochs} --out {out}"


@pytest.fixture(scope="module", params=RIVALS)
def rival(request, three_people, shared):
    """A run of each rival under loso, on one process."""
    model = request.param

    def make(out):
        microexp(f"{training(model, three_people, out)} --keep-weights --jobs 1")

    return model, shared(f"rival-{model}", make)


def rows(folder):
    return read_rows(folder / "predictions.csv")


def test_a_run_is_reported_like_a_networks(rival):
    model, out = rival
    method = METHODS[model]
    scores = read_json(out / "scores.json")
    assert scores["title"] == f"{method.title} on SMIC" and scores["clips"] == 9 and len(scores["folds"]) == 3
    assert len({row["clip"] for row in rows(out)}) == 9 and not scores["chosen_on_scored"]
    report, page = (out / "report.txt").read_text(), (out / "report.html").read_text()
    assert "; over subjects " in report and f"It sees {method.sees}" in report
    assert ("reconstruction" in report) == (model not in ("lbp-top", "ststnet")) and "What the paper reports" in page
    assert "| setting | value | whose |" in (out / "method.md").read_text()
    assert (out / "curves.png").exists() == (model in STEPWISE)
    [learned] = (out / "fold-01").glob("*.h5")
    assert weights.read_metadata(learned)["model"] == model


@pytest.mark.parametrize("rival", ["lbp-top"], indirect=True)  # the others are trained by the same loop
def test_a_program_from_stdin_trains_in_two_processes_and_a_resumed_run_gives_the_same(rival, three_people, tmp_path):
    """As `python - <<EOF` has it, into a folder named from here."""
    line = f"{training('lbp-top', three_people, 'two')} --jobs 2"
    program = f"from microexp_keras.__main__ import main\nprint(main({line.split()!r}))"
    done = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.endswith("\n0\n"), done.stderr
    out, other = rival[1], tmp_path / "two"
    assert rows(other) == rows(out)
    assert not [*other.rglob("*.h5")] and "The weights of 3 folds were not kept" in (other / "report.txt").read_text()
    times = times_of(other.glob("fold-*/result.json"))
    gone = sorted(times)[1]
    gone.unlink()
    microexp(f"train --resume {other}")
    assert rows(other) == rows(out) and [path for path, time in times_of(times).items() if time != times[path]] == [
        gone
    ]


def test_what_was_learned_is_scored_again_alike_and_refused_by_what_is_for_networks(rival, three_people, tmp_path):
    model, out = rival
    [learned] = (out / "fold-02").glob("*.h5")
    again = tmp_path / "again"
    microexp(f"evaluate --weights {learned} --data {three_people} --out {again}")
    own = [row for row in rows(out) if row["subject"] == "s02"]
    found = rows(again)
    assert [row["clip"] for row in found] == [row["clip"] for row in own]
    for one, other in zip(found, own, strict=True):
        probabilities = ([float(row[f"p_{name}"]) for name in CLASSES] for row in (one, other))
        assert next(probabilities) == pytest.approx(next(probabilities))
        assert [one[name] for name in ("fold", "method", "protocol", "seed")] == ["2", model, "loso", "0"]
    assert "WARNING" not in (again / "report.txt").read_text()

    error = refused(f"predict video.mp4 --weights {learned}")
    assert METHODS[model].title in error and "microexp_keras.evaluate" in error
    with pytest.raises(MicroExpError, match="learned this, none of the three networks"):
        weights.inspect(learned)


def test_published_reads_all_frames_and_takes_clips_that_are_too_short_for_the_networks(tmp_path):
    for model in set(RIVALS) - {"ststnet"}:  # which the paper does not have
        published, upstream = (protocols.get(name, model, "smic") for name in ("published", "upstream"))
        assert (published.sampling, published.unseen_subjects) == ("interpolate", True)
        assert published.split is splits.leave_one_subject_out
        assert (upstream.sampling, upstream.split) == ("first", splits.random_fifth)
    write_clips(tmp_path / "short", smic_names(3), frames=9)
    microexp(training("lbp-top", tmp_path / "short", tmp_path / "out", "published"))
    assert read_json(tmp_path / "out" / "scores.json")["clips"] == 9


def samples(out=None):
    """Clips of four subjects; those of subject `out` have other pixels and labels."""
    made = noise(np.random.default_rng(5).integers(0, 3, 24), [f"s{number % 4}" for number in range(24)], size=16)
    left, stacks = np.array(made.subjects) == out, made.stacks["face"]
    stacks[left], made.labels[left] = 255 - stacks[left] // 3, (made.labels[left] + 1) % 3
    return made


def learned_of_fold(model, folder, data, number=2):
    """All that a fold learned, chose and scaled by; and its probabilities."""
    settings = Settings.of(
        protocols.get("loso", model, "smic"), data="nowhere", epochs=int(model not in INSTANT), keep_weights=True
    )
    folder.mkdir()
    folds = preprocessing.folds(settings.protocol, samples())  # the labels of those left out must not move anyone
    run = replace(Run.of(folder, settings, data), folds=folds)
    train_fold(run, number, progress=False)
    found = read_fold(run, number)
    metadata = weights.read_metadata(found.best_path)
    kept = {name: metadata[name] for name in ("cost", "scales", "epoch", "val_accuracy") if name in metadata}
    with opened(found.best_path) as contents:
        kept |= {name: item[()].tolist() for name, item in contents.arrays.items()}
    return kept, found.probabilities.tolist()


@pytest.mark.parametrize("model", [*RIVALS, "stcnn"])
def test_the_subject_left_out_changes_nothing_learned(model, tmp_path):
    fold = splits.leave_one_subject_out(samples().labels, samples().subjects)[2]
    [left_out] = {samples().subjects[clip] for clip in fold.test}
    before, answers = learned_of_fold(model, tmp_path / "before", samples())
    after, others = learned_of_fold(model, tmp_path / "after", samples(out=left_out))
    assert before == after and answers != others
    if model == "lbp-top":
        changed, _ = learned_of_fold(model, tmp_path / "changed", samples(out="s0"))
        assert before != changed  # otherwise the test could not fail


def test_images_keep_their_labels_on_both_sides_of_the_split(tmp_path):
    """A bright marker for each class, painted into every frame, is learned and found on people never seen."""
    data = samples()
    for clip, label in enumerate(data.labels):
        data.stacks["face"][clip] //= 4
        data.stacks["face"][clip, 5 * label : 5 * label + 5] = 255
    settings = Settings.of(protocols.get("loso", "cnn-augmentation", "smic"), data="nowhere", epochs=6)
    run = Run.of(tmp_path, settings, data)
    train_fold(run, 0, progress=False)
    found = read_fold(run, 0)
    assert found.probabilities.argmax(axis=1).tolist() == data.labels[run.folds[0].test].tolist()


def test_methods_protocols_and_settings_agree():
    for protocol in [one for one in protocols.ALL if one.model in RIVALS]:
        own = settings(protocol.model)
        assert protocol.epochs == getattr(own, "epochs", 0) and protocol.batch_size == getattr(own, "batch", 0)
        assert protocol.learning_rate == getattr(own, "learning_rate", 0.01)
        assert protocol.momentum == getattr(own, "momentum", 0.0)


@pytest.mark.parametrize("rival", ["stclqp"], indirect=True)
@pytest.mark.parametrize("damage", [("features", np.nan), ("tables", 255)], ids=lambda damage: damage[0])
def test_learned_values_that_cannot_be_are_refused(damage, rival, three_people, tmp_path):
    [learned] = (rival[1] / "fold-01").glob("*.h5")
    path, (name, value) = shutil.copy(learned, tmp_path / "learned.h5"), damage
    with h5py.File(path, "r+") as file:
        file[name][(0,) * file[name].ndim] = value
    error = refused(f"evaluate --weights {path} --data {three_people} --out {tmp_path}/again")
    assert "learned.h5" in error
