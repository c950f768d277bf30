"""Training repeats and resumes to the bit, and no fault costs an earlier checkpoint."""

import gc
import hashlib
import random
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import on_a_full_disk
from loso import started, until

from microexp_keras import metrics, models, protocols, training, weights
from microexp_keras.backend import keras
from microexp_keras.errors import MicroExpError
from microexp_keras.protocols import splits
from microexp_keras.runs.report import last_ten_epochs, training_notes
from microexp_keras.training import loop
from microexp_keras.training.history import History
from microexp_keras.training.job import Job

PROTOCOL = replace(protocols.get("upstream"), epochs=4, batch_size=8)
LABELS = np.arange(30) % 3
NAMES = ("one", "two", "three")
SCORES = metrics.score([0, 1, 2] * 4, [0] * 12, NAMES)
"""Of a run that tells nothing apart."""
INPUTS = np.random.default_rng(0).normal(size=(30, 16, 14, 18, 1)).astype("float32")
INPUTS[LABELS == 1, :, :, 9:] += 1


def start(folder, before=lambda model: None, **changes):
    """Train a small MicroExpSTCNN in `folder`, or go on there, as the train command does; `before` each epoch."""
    [fold] = splits.random_fifth(LABELS, None)
    model = models.build_microexp_stcnn(size=(16, 14), seed=7)
    how = {"protocol": replace(PROTOCOL, **changes), "statistics": {}, "metadata": {}, "seed": 7}
    job = Job(samples=None, fold=fold, folder=folder, wanted=lambda: before(model) is None, **how)
    return model, training.fit(job, model, {"face": INPUTS}, LABELS, fold)


def state(folder):
    """All that must repeat: weights, dropout state and best score of the last epoch, the best weights, the history."""
    history = timeless(History(folder / "history.csv").rows)
    last = weights.inspect(folder / "last.weights.h5").metadata
    files = sorted(path.name for path in folder.iterdir())
    return files, history, last, [arrays(path) for path in sorted(folder.glob("*.weights.h5"))]


def timeless(rows):
    return [{**row, "seconds": None} for row in rows]


def arrays(path):
    model = models.build_microexp_stcnn(size=(16, 14))
    weights.load_weights(model, path)
    return hashlib.sha256(b"".join(value.tobytes() for value in model.get_weights())).hexdigest()


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    start(folder)
    return folder


def test_the_same_seed_gives_the_same_bits_whatever_another_thread_draws(whole_run, tmp_path):
    stopped = threading.Event()

    def draw():
        while not stopped.is_set():
            random.random(), np.random.random()
            time.sleep(0)

    noisy = threading.Thread(target=draw)
    noisy.start()
    try:
        start(tmp_path)
    finally:
        stopped.set()
        noisy.join()
    assert state(tmp_path) == state(whole_run)


def test_nothing_of_a_trained_network_stays_in_memory(tmp_path):
    def graphs():
        gc.collect()
        return sum(type(one).__name__ in ("FuncGraph", "Functional") for one in gc.get_objects())

    before = graphs()
    start(tmp_path, epochs=1)
    assert graphs() <= before


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "saved_epochs"), [(0, {0, 1, 2, 3}), (600, {0, 3})])
def test_a_kill_at_any_moment_leaves_what_the_state_names(whole_run, tmp_path, monkeypatch, seconds, saved_epochs):
    """Copies are taken where a kill could strike; each is resumed to the same bits."""
    copies = []
    plain = weights.save_weights

    def saving(model, path, *arguments, **options):
        plain(model, path, *arguments, **options)
        copies.append(shutil.copytree(run, tmp_path / f"copy{len(copies)}"))

    def kill(model):
        copies.append(shutil.copytree(run, tmp_path / f"copy{len(copies)}"))

    run = tmp_path / "run"
    run.mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(weights, "save_weights", saving)
        patched.setattr(loop, "STATE_SECONDS", seconds)
        start(run, before=kill)
    saved = [weights.inspect(copy / "last.weights.h5").metadata for copy in copies if list(copy.glob("last*"))]
    assert {one["epoch"] for one in saved} == saved_epochs
    for copy in [*copies, run]:
        start(copy)
        assert state(copy) == state(whole_run)


@pytest.mark.slow
@pytest.mark.parametrize("patience", [1, 9])
def test_early_stopping_ends_at_the_same_epoch_whenever_it_is_resumed(tmp_path, patience):
    _, whole = start(tmp_path / "all", epochs=9)
    values = [row["val_accuracy"] for row in whole.history]
    best = [int(np.argmax(values[: epoch + 1])) for epoch in range(9)]
    last = next((epoch + 1 for epoch in range(9) if epoch - best[epoch] == patience), 9)
    assert (last < 9) == (patience == 1)  # otherwise nothing would be tried
    start(tmp_path / "run", epochs=min(2, last), patience=patience)
    for _ in range(2):
        _, outcome = start(tmp_path / "run", epochs=9, patience=patience)
        assert timeless(outcome.history) == timeless(whole.history[:last])
    protocol = replace(PROTOCOL, epochs=9, patience=patience)
    notes = training_notes([outcome] * 2, protocol, SCORES)
    assert any(f"2 of 2 folds ended after {last} epochs instead of 9" in str(note) for note in notes) == (last < 9)


def test_every_epoch_has_its_own_order_and_every_clip_once():
    batches = training.Batches({"face": np.arange(30)}, np.arange(30), np.arange(30), 8, seed=1)

    def order(epoch):
        batches.reorder(epoch)
        return tuple(np.concatenate([batches[index][0] for index in range(len(batches))]).tolist())

    orders = [order(epoch) for epoch in range(3)]
    assert all(sorted(one) == [*range(30)] for one in orders)
    assert len({*orders}) == 3 and order(1) == orders[1]


@pytest.mark.slow
def test_an_epoch_is_what_keras_fit_does():
    targets = np.eye(3, dtype="float32")[LABELS]
    ours, theirs = (models.build_microexp_stcnn(size=(16, 14)) for _ in range(2))
    theirs.set_weights(ours.get_weights())
    for model in (ours, theirs):
        training.compile_model(model, 0.05)
        for name in ("dropout_1", "dropout_2"):  # the two models draw from different generators
            model.get_layer(name).rate = 0
    batches = training.Batches({"face": INPUTS}, targets, np.arange(30), 8, seed=2)  # 8, 8, 8, 6
    logs = training.train_epoch(ours, batches, epoch=3)
    logs |= training.held_out_logs(ours, {"face": INPUTS}, targets, np.arange(30), 8)
    assert logs.pop("val_only_class") in (-1, 0, 1, 2)
    validation = {"validation_data": (INPUTS, targets), "validation_batch_size": 8}
    ordered = INPUTS[batches.order], targets[batches.order]
    expected = theirs.fit(*ordered, batch_size=8, shuffle=False, verbose=0, **validation)
    assert logs == pytest.approx({name: values[0] for name, values in expected.history.items()}, abs=2e-6)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_run_says_that_it_collapsed_or_did_not_learn(tmp_path):
    _, outcome = start(tmp_path, learning_rate=30.0, epochs=3)

    def said(scores=SCORES, **changes):
        notes = training_notes([replace(outcome, **changes)], PROTOCOL, scores)
        return " ".join(str(note) for note in notes)

    only = NAMES[int(outcome.history[outcome.best_epoch]["val_only_class"])]
    assert f"COLLAPSED: the scored network predicts a single class ({only}) for every validation clip" in said()
    assert "NOT LEARNED" in said() and "uniform guessing gives 1.1." in said()
    perfect = metrics.score([0, 1, 2] * 4, [0, 1, 2] * 4, NAMES)
    assert "NOT LEARNED" not in said(perfect)  # the loss is high, but 12 of 12 clips say otherwise
    constant, good = ({"loss": 0.4, "val_accuracy": 0.8, "val_only_class": only} for only in (1, -1))
    mixed = said(history=[constant] * 11 + [good], best_epoch=11)
    assert "12 epochs" in mixed and "COLLAPSED" not in mixed and "NOT LEARNED" not in mixed
    assert "COLLAPSED" in said(history=[constant] * 11 + [good], best_epoch=0)


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ([[0.2, 0.4, 0.6]], (0.4, 0.2)),
        ([[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]], (0.5, 0.0)),  # two folds, as many validation clips each
        ([[0.5] * 90 + [0.7, 0.9] * 5], (0.8, np.std([0.7, 0.9] * 5, ddof=1))),
        ([[0.1]], (0.1, None)),
        ([[0.2, 0.4, 0.6], [0.2, 0.4]], None),  # a fold stopped early
        ([[]], None),  # no epochs
    ],
)
def test_the_last_ten_epochs_are_pooled_over_folds_that_all_have_them(accuracies, expected):
    histories = [[{"epoch": n, "val_accuracy": value} for n, value in enumerate(of_fold)] for of_fold in accuracies]
    found = last_ten_epochs(histories, [7] * len(histories))
    if expected is None:
        assert found is None
    else:
        assert (found["mean"], found["deviation"]) == (pytest.approx(expected[0]), pytest.approx(expected[1]))
        assert found["last"] == len(accuracies[0]) and found["first"] == max(1, found["last"] - 9)


def test_a_nan_loss_stops_training_and_is_never_the_best(tmp_path):
    def poison(model):
        if len(History(tmp_path / "history.csv").rows) == 2:
            model.get_layer("dense_2").bias.assign(np.full(3, np.nan, "float32"))

    _, outcome = start(tmp_path, poison)
    assert "epoch 2" in outcome.diverged and "loss = nan" in outcome.diverged
    assert [row["epoch"] for row in outcome.history] == [0, 1]
    assert outcome.best_epoch < 2 and all(map(np.isfinite, [row["loss"] for row in outcome.history]))
    assert weights.inspect(tmp_path / "last.weights.h5").metadata["epoch"] < 2
    assert arrays(tmp_path / "last.weights.h5")  # of a sound epoch: NaN is refused
    with pytest.raises(MicroExpError, match="epoch 0"):  # which leaves no weights
        start(tmp_path / "first", learning_rate=1e30)
    assert not list((tmp_path / "first").iterdir())


FILL_THE_DISK = f"""
import hashlib, pathlib, sys
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}
import test_training
from microexp_keras.errors import MicroExpError
folder = pathlib.Path(sys.argv[1])
def digests():
    return {{path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.weights.h5")}}
def fill(model):
    global before
    if len(test_training.History(folder / "history.csv").rows) == 2:  # take all, then leave less than a file needs
        before = digests()
        with open(folder / "filler", "wb", buffering=0) as file:
            try:
                while True: file.write(b"x" * 4096)
            except OSError:
                pass
        with open(folder / "filler", "r+b") as file:
            file.truncate((folder / "filler").stat().st_size - 100_000)
try:
    test_training.start(folder, fill)
except MicroExpError as error:
    print(error)
print(before == digests(), sorted(before), [path.name for path in folder.glob(".writing-*")])
(folder / "filler").unlink()
print(test_training.start(folder)[1].history[-1]["epoch"])
"""


@pytest.mark.slow
def test_a_full_disk_keeps_the_previous_checkpoint(whole_run, tmp_path):
    done = on_a_full_disk(FILL_THE_DISK, tmp_path / "disk", megabytes=4)
    message, kept, epochs = done.stdout.splitlines()
    # Which file comes first depends on whether the epoch improved: a new best file, or the last one.
    assert "could not be written (" in message and ("file is intact" in message or "Nothing was written" in message)
    assert kept.startswith("True [") and "last.weights.h5" in kept and kept.endswith("[]")
    assert epochs == "3"


@pytest.mark.slow
def test_only_the_best_and_the_last_are_kept_and_no_file_of_the_users_is_removed(tmp_path):
    mine = tmp_path / "weights-improvement-40-0.69.weights.h5"
    for epochs in (2, 4):
        _, outcome = start(tmp_path, learning_rate=0.03, epochs=epochs)  # a later epoch is better than the first
        values = [row["val_accuracy"] for row in outcome.history]
        improved = [epoch for epoch, value in enumerate(values) if value > max([-1, *values[:epoch]])]
        names = [f"weights-improvement-{epoch:02d}-{values[epoch]:.2f}.weights.h5" for epoch in range(epochs)]
        best = names[improved[-1]]
        kept = {mine.name, best} if epochs == 4 else {best}
        assert {path.name for path in tmp_path.glob("weights-*")} == kept
        assert outcome.best_path.name == best and outcome.best_epoch == improved[-1]
        mine.write_bytes(b"those of the authors")
        for name in {*names} - {best}:
            (tmp_path / name).touch()  # the run's own, as if it had been killed before it removed it
    assert len(improved) > 1 and mine.read_bytes() == b"those of the authors"


@pytest.mark.slow
def test_ctrl_c_leaves_a_run_that_was_of_one_command_and_can_be_resumed(small_smic, tmp_path):
    out = tmp_path / "run"
    process = started(f"train --dataset smic --data {small_smic} --epochs 4000 --out {out}")
    until(lambda: (out / "last.weights.h5").exists(), process)
    second = started(f"train --resume {out}")
    _, refusal = second.communicate(timeout=120)
    assert process.poll() is None and second.returncode == 2 and f"{out}: another run" in refusal
    for _ in range(3):  # pressed again if nothing happens: Python loses one that meets it in a destructor
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=30)
            break
        except subprocess.TimeoutExpired:
            pass
    assert process.returncode == 130
    assert f"--resume {out}" in said and "Traceback" not in said
    assert weights.inspect(out / "last.weights.h5").metadata["resume"]


def test_a_second_training_in_a_folder_keeps_the_best_weights_of_the_first(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    for accuracies in ((0.25, 0.5), (0.75,)):
        kept = training.Checkpoint(tmp_path)
        kept.set_model(model)
        for epoch, accuracy in enumerate(accuracies):
            kept.on_epoch_end(epoch, {"val_accuracy": accuracy})
        kept.on_train_end()
    found = sorted(path.name for path in tmp_path.glob("weights-improvement-*"))
    assert found == [f"weights-improvement-{name}.weights.h5" for name in ("00-0.75", "01-0.50")]
