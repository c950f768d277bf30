"""Initial weights and losses follow those of Keras 2.0.0, through saturation."""

import keras
import numpy as np
import pytest
from helpers import GOLDEN

from microexp_keras import models, training, weights


def test_convolutions_start_as_large_as_those_of_keras_2():
    written = np.load(GOLDEN[0] / "training" / "saturated.npz")
    for kernel_size, largest in zip(written["kernel_sizes"], written["largest_initial_values"], strict=True):
        model = models.build_late_fusenet(20, 20, kernel_size=tuple(kernel_size.tolist()))
        for name in ("eyes_conv", "mouth_conv"):
            kernel = keras.ops.convert_to_numpy(model.get_layer(name).kernel)
            assert np.abs(kernel).max() == pytest.approx(largest, rel=0.01)
            assert kernel.std() == pytest.approx(largest / 3**0.5, rel=0.05) and abs(kernel.mean()) < 0.1 * largest
    # Glorot's own rule is there by its name.
    model = models.build_microexp_stcnn(conv_initializer="glorot_uniform")
    kernel = keras.ops.convert_to_numpy(model.get_layer("conv").kernel)
    assert np.abs(kernel).max() == pytest.approx(np.sqrt(6 / (135 + 135 * 32)), rel=0.01)


def saturating(floor):
    """Losses of the golden steps, and predictions after them."""
    written = np.load(GOLDEN[0] / "training" / "saturated.npz")
    arrays = np.load(GOLDEN[0] / "keras2" / "stcnn.npz")
    model = models.build_microexp_stcnn(size=(14, 11))
    weights.load_weights(model, GOLDEN[0] / "keras2" / "stcnn.hdf5")
    for name in ("dropout_1", "dropout_2"):
        model.get_layer(name).rate = 0
    training.compile_model(model, float(written["learning_rate"]), probability_floor=floor)
    inputs, losses = np.moveaxis(arrays["inputs"], 1, -1), []
    for _ in range(5):
        for start in range(0, len(inputs), 8):
            chosen = slice(start, start + 8)
            losses.append(float(model.train_on_batch(inputs[chosen], arrays["labels"][chosen])[0]))
            model.reset_metrics()
    return losses, model.predict(inputs, verbose=0), written


def test_a_saturated_network_is_stuck_as_in_keras_2():
    losses, predictions, written = saturating(floor=1e-7)
    np.testing.assert_allclose(losses, written["losses"], rtol=1e-4)
    np.testing.assert_allclose(predictions, written["predictions"], atol=1e-5)
    assert losses[5] == losses[8] == losses[11] > 6  # the same clips, nothing learned


def test_a_lower_floor_lets_it_go_on():
    losses, _, _ = saturating(floor=1e-30)
    assert losses[11] != losses[8] and losses[-1] < 6
