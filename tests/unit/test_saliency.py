"""Saliency is the gradient of the class's score, on every backend; maps are cut and counted as they say."""

import contextlib

import keras
import numpy as np
import pytest

from microexp_keras import models
from microexp_keras.errors import MicroExpError
from microexp_keras.models import saliency
from microexp_keras.models.networks import NETWORKS

STEP = 3e-3  # small against the kinks of the network, large against float32
CLASSES = np.array([0, 2, 1])


@pytest.fixture(scope="module", params=NETWORKS)
def case(request):
    """An untrained network, random clips for it, and the gradients of chosen classes."""
    keras.utils.set_random_seed(1)
    model = NETWORKS[request.param].build(frames=20, size=(9, 12))
    random = np.random.default_rng(0)
    shapes = {tensor.name: (len(CLASSES), *tensor.shape[1:]) for tensor in model.inputs}
    inputs = {name: random.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    return model, inputs, saliency.saliency(model, inputs, CLASSES)


def scores(model, inputs):
    """What the softmax takes in (clips, classes)."""
    logits = keras.Model(model.inputs, model.get_layer("softmax").input)
    return logits.predict_on_batch([inputs[tensor.name] for tensor in model.inputs]).astype("float64")


def test_the_gradient_is_the_slope_of_the_classes_score(case):
    """Between the kinks of ReLU and max-pooling the score is linear, so that central differences are exact."""
    model, inputs, gradient = case
    clips, right = range(len(CLASSES)), []
    for name, array in inputs.items():
        assert gradient[name].shape == array.shape[:-1] and gradient[name].dtype == np.float32
        flat = gradient[name].reshape(len(clips), -1)
        strongest = np.argsort(np.abs(flat).sum(axis=0))[-20:]
        changes = np.zeros((20, 1, flat.shape[1]), np.float32)
        changes[range(20), 0, strongest] = STEP
        changes = changes.reshape(20, 1, *array.shape[1:])
        together = {other: np.concatenate([one] * 20) for other, one in inputs.items()}
        ends = [
            scores(model, {**together, name: (array + sign * changes).reshape(-1, *array.shape[1:])})
            for sign in (1, -1)
        ]
        slopes = np.abs((ends[0] - ends[1]) / (2 * STEP)).reshape(20, len(clips), -1)[:, clips, CLASSES]
        right += [*np.isclose(slopes, flat[:, strongest].T, rtol=0.03, atol=0.03 * np.abs(flat).max()).ravel()]
    assert np.mean(right) > 0.75  # of the rest, a kink lay within the step


@contextlib.contextmanager
def scaled_logits(model, factor):
    """The network with weights of its last layer multiplied, for a while."""
    layer = model.layers[-2]
    before = layer.get_weights()
    layer.set_weights([factor * array for array in before])
    yield
    layer.set_weights(before)


def test_a_saturated_network_has_saliency_too(case):
    model, inputs, gradient = case
    with scaled_logits(model, 1e4):
        assert model.predict(inputs, verbose=0).max(axis=1).min() == 1
        saturated = saliency.saliency(model, inputs, CLASSES)
    for name, array in saturated.items():
        np.testing.assert_allclose(array / 1e4, gradient[name], rtol=0, atol=1e-4 * np.abs(gradient[name]).max())


def test_the_network_is_left_as_it_is_and_clips_do_not_touch_each_other(case, monkeypatch):
    model, inputs, gradient = case
    before = model.get_weights()
    monkeypatch.setattr(saliency, "AT_ONCE", 2)
    backwards = dict(reversed(inputs.items()))
    for name, array in saliency.saliency(model, backwards, CLASSES.tolist()).items():
        np.testing.assert_allclose(array, gradient[name], rtol=0, atol=1e-5 * np.abs(gradient[name]).max())
    assert all(variable.trainable for variable in model.trainable_variables) and model.trainable_variables
    for was, array in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, array)


def test_the_class_is_the_predicted_one_if_none_is_given(case):
    model, inputs, _ = case
    predicted = scores(model, inputs).argmax(axis=1)
    chosen = saliency.saliency(model, inputs, predicted)
    for name, array in saliency.saliency(model, inputs).items():
        np.testing.assert_allclose(array, chosen[name], rtol=0, atol=1e-5 * array.max())
        assert array.min() >= 0 and array.max() > 0


def test_pixels_that_the_pooling_discards_have_none():
    model = models.build_microexp_stcnn(frames=18, size=(6, 5))
    [maps] = saliency.saliency(model, {"face": np.random.default_rng(0).normal(size=(1, 6, 5, 18, 1))}).values()
    assert maps[0].any(axis=(1, 2)).tolist() == [True] * 5 + [False]
    assert maps[0].any(axis=(0, 1)).tolist() == [True] * 17 + [False]


def test_what_does_not_fit_is_said(case):
    model, inputs, _ = case
    headless = keras.Model(model.inputs, model.layers[-1].input)
    with pytest.raises(MicroExpError, match=r"must end in a layer Softmax, .* not in Dense"):
        saliency.saliency(headless, inputs)


def test_the_strongest_pixels_of_each_clip_are_marked():
    maps = np.random.default_rng(0).permuted(np.arange(2 * 400.0).reshape(2, 4, 10, 10), axis=1)
    marked = saliency.binarize(maps, share=0.1)
    assert marked.dtype == bool and marked.sum(axis=(1, 2, 3)).tolist() == [40, 40]
    assert all(maps[clip][marked[clip]].min() > maps[clip][~marked[clip]].max() for clip in (0, 1))
    assert saliency.binarize(maps, share=1e-9).sum() == 2
    assert saliency.binarize(np.ones((1, 3, 3, 2))).all()
    assert not saliency.binarize(np.zeros((1, 3, 3, 2)), share=1).any()
