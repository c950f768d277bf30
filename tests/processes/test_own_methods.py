"""A user's own Keras model or scikit-learn estimator, trained and tested by the rules of this package."""

import random
import time

import keras
import numpy as np
import pandas
import pytest
from helpers import microexp, read_json, refused
from loso import times_of
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

import microexp_keras as mk
from microexp_keras.errors import MicroExpError
from microexp_keras.models import METHODS

pytestmark = pytest.mark.slow


def pooled(input_shape, num_classes, loss="sparse_categorical_crossentropy", activation="softmax"):
    layers = [keras.Input(input_shape), keras.layers.AveragePooling3D((16, 16, 3)), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(num_classes, activation=activation)])
    model.compile("sgd", loss)
    return model


def cross_validate(method, data, *protocol, **options):
    """In this process, an epoch if it has some, without a bar."""
    return mk.cross_validate(method, data, *protocol, **{"epochs": 1, "jobs": 1, "progress": False, **options})


@pytest.fixture(scope="module")
def data(three_people):
    return mk.load("smic", three_people)


@pytest.fixture(scope="module")
def result(data, tmp_path_factory):
    return cross_validate(pooled, data, epochs=2, out=tmp_path_factory.mktemp("own") / "run")


def test_data_and_what_comes_of_them_print_as_a_line(data, result):
    """As in a notebook, where a cell shows its last value."""
    assert len(data) == 9 and data.input_shape == (64, 64, 18, 1) and data.num_classes == 3
    assert str(data) == "SMIC: 9 clips (3 negative, 3 positive, 3 surprise) of 3 subjects"
    assert data.class_names == ("negative", "positive", "surprise") and set(data.labels) == {0, 1, 2}
    fold = next(iter(mk.folds(data, progress=False)))
    assert repr(fold) == "3 training, 3 validation and 3 test clips; tested on s01"
    assert repr(result.scores).startswith(f"accuracy {result.scores.accuracy:.2%} ({result.scores.correct}/9; 95 %")
    assert "permutation test over subjects: p = 1;" in repr(result.compare(result))
    protocol = data.protocol("loso", "stcnn")
    assert repr(protocol).startswith("loso: MicroExpSTCNN on SMIC, leave one subject out (")
    samples = mk.preprocessing.load_samples(data.path, protocol, progress=False)
    assert repr(samples) == "9 samples of 3 subjects: face uint8 (9, 64, 64, 18)"


@pytest.mark.parametrize("call", [mk.cross_validate, lambda method, data: next(mk.folds(data))])
def test_something_else_than_data_is_refused(call):
    with pytest.raises(MicroExpError, match=r"data: give what mk\.load returns, not a str"):
        call("stcnn", "clips.csv")


def test_every_clip_is_predicted_once_by_a_model_that_never_saw_its_subject(result, data):
    table = result.predictions
    assert sorted(table["clip"]) == sorted(clip.id for clip in data.clips)
    assert (table.groupby("fold").subject.nunique() == 1).all() and table["fold"].nunique() == 3
    assert np.allclose(table[["p_negative", "p_positive", "p_surprise"]].sum(axis=1), 1, atol=1e-3)
    config = read_json(result.folder / "config.json")
    assert [fold["test_subjects"] for fold in config["folds"]] == [[f"s{n:02d}"] for n in range(1, 4)]
    assert "accuracy" in str(result) and "majority" in str(result) and "pooled" in str(result)
    assert result.scores.clips == 9 and 0 <= result.scores.uar <= 1


def test_the_report_names_the_method_and_none_of_the_papers_settings(result, tmp_path):
    page = result.report(tmp_path / "copy").read_text()
    assert "pooled on SMIC" in page and "learning_rate" not in page and "Table V" not in page
    with pytest.raises(MicroExpError, match="files in this folder"):
        result.report(tmp_path / "copy")


def test_scored_weights_are_those_of_the_best_epoch(result, data):
    first = next(iter(mk.folds(data, progress=False)))
    model = pooled(data.input_shape, 3)
    model.load_weights(result.folder / "fold-01" / "best.weights.h5")
    kept = read_json(result.folder / "fold-01/result.json")
    assert np.allclose(model.predict(first.test[0], verbose=0), kept["probabilities"], atol=1e-5)
    rows = (result.folder / "fold-01/history.csv").read_text().splitlines()[1:]
    accuracy = (model.predict(first.validation[0], verbose=0).argmax(axis=1) == first.validation[1]).mean()
    assert accuracy == pytest.approx(max(float(row.split(",")[4]) for row in rows))


def test_processes_give_what_this_process_gives(data):
    """A function in a function cannot be imported by a process. One epoch, so that no rounding chooses another."""

    def local():
        for _ in range(time.time_ns() % 97):
            random.random()  # as other threads of a process may
        return pooled((64, 64, 18, 1), 3)

    here, there = (cross_validate(local, data, jobs=jobs) for jobs in (1, 2))
    columns = ["p_negative", "p_positive", "p_surprise"]
    assert np.allclose(here.predictions[columns], there.predictions[columns], atol=1e-4)


@pytest.mark.parametrize(
    ("loss", "activation"),
    [("categorical_crossentropy", "softmax"), (keras.losses.SparseCategoricalCrossentropy(from_logits=True), None)],
)
def test_losses_of_every_kind(loss, activation, data):
    own = cross_validate(lambda: pooled((64, 64, 18, 1), 3, loss, activation), data, "upstream")
    assert len(own.predictions) == 2


def test_callbacks_are_made_for_each_fold(data):
    made = []

    def callbacks():
        made.append(keras.callbacks.EarlyStopping("loss", patience=0, min_delta=1e9))
        return made[-1:]

    own = cross_validate(pooled, data, epochs=3, callbacks=callbacks)
    assert len(made) == len({id(one) for one in made}) == 3
    assert {fold["epochs"] for fold in read_json(own.folder / "scores.json")["folds"]} == {2}


def test_estimators_and_methods_of_this_package_by_name(data, result):
    methods = (LogisticRegression(max_iter=5), LinearSVC(max_iter=5), "lbp-top")
    found = [mk.cross_validate(method, data, jobs=1, progress=False) for method in methods]
    assert [len(one.predictions) for one in found] == [9, 9, 9]
    without_probabilities = found[1]
    assert set(without_probabilities.predictions.p_negative) <= {0, 1}
    assert "were not kept" not in str(without_probabilities)
    assert 0 <= result.compare(without_probabilities).p_subjects <= 1
    figure = without_probabilities.plot_confusion()
    assert [axes.get_xlabel() for axes in figure.axes] == ["predicted"] and figure.get_suptitle() == "LinearSVC on SMIC"


def test_an_interrupted_run_goes_on(data, result, tmp_path):
    calls = []

    def fails_at_the_second():
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return pooled((64, 64, 18, 1), 3)

    options = {"epochs": 2, "out": tmp_path / "run"}
    with pytest.raises(KeyboardInterrupt):
        cross_validate(fails_at_the_second, data, **options)
    with pytest.raises(MicroExpError, match="holds files"):
        cross_validate(fails_at_the_second, data, **options)
    with pytest.raises(MicroExpError, match="begun with other seed"):
        cross_validate(fails_at_the_second, data, **options, seed=1, resume=True)
    own = cross_validate(fails_at_the_second, data, **options, resume=True)
    assert len(calls) == 2 + 2
    assert own.scores == result.scores


class Broken(keras.layers.Layer):
    def call(self, clips, training=False):
        if training:
            raise RuntimeError("only in training")
        return clips


def broken():
    raise RuntimeError("no such layer")


def broken_in_training(input_shape, num_classes):
    layers = [keras.Input(input_shape), Broken(), keras.layers.GlobalAveragePooling3D(), keras.layers.Dense(3)]
    model = keras.Sequential([*layers, keras.layers.Softmax()])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def not_compiled(input_shape):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(3)])


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (lambda: None, "the function returns NoneType, not a keras.Model"),
        (not_compiled, "not_compiled: the model is not compiled"),
        (lambda input_shape: pooled(input_shape, 4), r"shape \(4,\), but there are 3 classes"),
        (lambda: pooled((64, 64, 3, 1), 3), r"the model cannot take clips of shape \(64, 64, 18, 1\)"),
        (lambda input_shape: pooled(input_shape, 3, activation=None), "the model's answers are no probabilities"),
        (broken, r"broken: the function failed \(RuntimeError: no such layer\)"),
        (broken_in_training, r"broken_in_training: training failed \(RuntimeError: only in training\)"),
        (pooled((64, 64, 18, 1), 3), "a Sequential is given, but it must be a function"),
        (LinearSVC, "a class is given"),
        ("resnet", f"'resnet' is none of {', '.join(METHODS)}. Take"),
    ],
)
def test_mistakes_are_one_sentence_that_names_the_function(method, said, data):
    with pytest.raises(MicroExpError, match=said):
        cross_validate(method, data)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (["simc"], {}, "simc"),
        (["smic", "nowhere"], {}, "nowhere"),
        (["smic"], {"frame": 3}, "no option frame"),
        (["smic", "there"], {"synthetic": True}, "leave path out"),
        (["smic"], {"sampling": "lats"}, "sampling='lats' is none of first"),
        (["smic"], {"frames": 0}, "frames=0 must be a whole number from 1"),
    ],
)
def test_mistakes_in_loading(arguments, options, said):
    with pytest.raises(MicroExpError, match=said):
        mk.load(*arguments, **options)


MODULE = """
import keras

def tiny(input_shape, num_classes):
    layers = [keras.Input(input_shape), keras.layers.AveragePooling3D(16), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(num_classes, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model
"""


def test_on_the_command_line(three_people, tmp_path, monkeypatch):
    (tmp_path / "own_models.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    line = f"train --dataset smic --data {three_people} --epochs 1 --protocol upstream --model own_models:tiny"
    assert "tiny on SMIC" in microexp(line).out
    run = tmp_path / "runs/smic-own_models-tiny-upstream-001"
    times = times_of([run / "result.json", run / "best.weights.h5"])
    (run / "report.html").unlink()
    microexp(f"train --resume {run}")
    assert (run / "report.html").exists() and times_of(times) == times  # it is not trained again
    scored = f"evaluate --weights {run} --data {three_people} --out scored"
    assert "--model MODULE:FUNCTION" in refused(scored)
    microexp(f"{scored} --model own_models:tiny")
    again, own = (pandas.read_csv(folder / "predictions.csv") for folder in (tmp_path / "scored", run))
    assert [*again["clip"]] == [*own["clip"]] and np.allclose(again.p_surprise, own.p_surprise, atol=1e-5)


@pytest.mark.parametrize(("name", "protocol"), [("stcnn", "upstream"), ("ststnet", "loso")])
def test_networks_of_the_package_are_trained_in_float32_whatever_ones_own_compute_in(name, protocol, data):
    expected = cross_validate(name, data, protocol).predictions
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert cross_validate(name, data, protocol).predictions.equals(expected)
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(before)
