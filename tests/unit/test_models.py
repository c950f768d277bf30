"""The networks have the paper's sizes, and the two re-ordered steps change no number."""

import hashlib
import itertools

import keras
import numpy as np
import pytest
from keras import layers

from microexp_keras import models
from microexp_keras.baselines.networks import BUILDERS as RIVALS
from microexp_keras.errors import MicroExpError
from microexp_keras.models import layers as own_layers
from microexp_keras.models.networks import NETWORKS
from microexp_keras.training import keras_inputs
from microexp_keras.training.loop import SGD

ALL = {name: network.build for name, network in NETWORKS.items()} | RIVALS

on_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends draw other numbers")


@pytest.mark.parametrize(
    ("network", "frames", "parameters"),
    [
        ("stcnn", 18, 1_643_267),
        ("stcnn", 96, 44_241_667),
        ("intermediate", 18, 6_694_915),
        ("intermediate", 96, 177_088_515),
        ("late", 18, 6_827_523),
        ("late", 96, 177_221_123),
    ],
)
@pytest.mark.slow
def test_parameter_counts(network, frames, parameters):
    assert NETWORKS[network].build(frames=frames).count_params() == parameters


@pytest.mark.parametrize("shape", [(14, 11, 18), (16, 13, 23), (13, 12, 32)])
def test_cropping_and_late_relu_equal_the_papers_order(shape):
    rows, columns, frames = shape
    ours = models.build_microexp_stcnn(frames, (rows, columns))
    x = face = keras.Input((rows, columns, frames, 1))
    x = layers.Conv3D(32, (3, 3, 15), activation="relu")(x)
    x = layers.MaxPooling3D(3)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu")(x)
    plain = keras.Model(face, layers.Dense(3, activation="softmax")(x))
    plain.set_weights(ours.get_weights())
    clips = np.random.default_rng(0).normal(size=(5, *shape, 1)).astype("float32")
    np.testing.assert_allclose(ours.predict(clips, verbose=0), plain.predict(clips, verbose=0), rtol=0, atol=1e-6)


@on_tensorflow
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_dense_and_the_update_in_place_train_as_keras_own(momentum):
    random = np.random.default_rng(0)
    inputs, targets = (
        random.normal(size=(8, 40)).astype("float32"),
        np.eye(3, dtype="float32")[random.integers(0, 3, 8)],
    )
    trained = []
    for dense, optimizer in (
        (layers.Dense, keras.optimizers.SGD),
        (layers.Dense, SGD),
        (own_layers.Dense, SGD),
    ):
        x = given = keras.Input((40,))
        for units in (20, 3):
            x = dense(units, kernel_initializer=keras.initializers.GlorotUniform(units), activation="tanh")(x)
        model = keras.Model(given, x)
        model.compile(optimizer(0.1, momentum), "mse")
        losses = [model.train_on_batch(inputs, targets) for _ in range(6)]
        trained.append([*losses, *[np.array(one) for one in [*model.get_weights(), *model.optimizer.variables]]])
    assert trained[0][0] > 1.2 * trained[0][5]
    for keras_own, in_place, with_dense in zip(*trained, strict=True):
        np.testing.assert_array_equal(in_place, keras_own)
        np.testing.assert_allclose(with_dense, keras_own, rtol=1e-5, atol=1e-7)


def arrays(variables):
    """Their numbers, one after the other."""
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


@on_tensorflow
@pytest.mark.parametrize("seed", [None, 0, 3])  # 384 independent values correlate by 0.05 on average, seldom above 0.1
@pytest.mark.parametrize(
    "name", [name for name in ALL if name != "ststnet"]
)  # whose kernels are too small: see test_ststnet
def test_no_two_layers_share_their_draws(name, seed):
    keras.utils.set_random_seed(5)
    model = ALL[name](seed=seed)
    kernels = [array.ravel() for array in arrays(model.weights) if array.ndim > 1 and array.size >= 384]
    assert len(kernels) >= 3
    for one, other in itertools.combinations(kernels, 2):
        compared = min(one.size, other.size)
        assert abs(np.corrcoef(one[:compared], other[:compared])[0, 1]) < 0.1
    seeds = [layer.seed_generator.state for layer in model.layers if isinstance(layer, layers.Dropout)]
    assert len({state.tobytes() for state in arrays(seeds)}) == len(seeds) > 0


@on_tensorflow
@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("stcnn", "f16c1a196a3d5bc2f45232dc111e0d64a51112b0871ffd8244a0fa7b1f8b4a5e"),
        ("intermediate", "3c8cf8bba3383c307f5ee580b57da4ad830ca4456d699a42cb9a397b446bd5f4"),
        ("late", "08d9c412b54b045b98e528346ca6215aa9112d8cec309e7194acd16fdc1c415b"),
    ],
)
def test_initial_weights_of_seed_0(network, expected):
    drawn = b"".join(array.tobytes() for array in arrays(NETWORKS[network].build(seed=0).weights))
    assert hashlib.sha256(drawn).hexdigest() == expected


@pytest.mark.parametrize("name", ALL)
def test_a_users_channels_first_changes_no_bit(name):
    outcomes = []
    for data_format in ("channels_last", "channels_first"):
        random_numbers = np.random.default_rng(0)
        keras.config.set_image_data_format(data_format)
        try:
            model = ALL[name](size=(21, 20), seed=1)
            drawn = {
                one.name: random_numbers.normal(size=(4, *one.shape[1:])).astype("float32") for one in model.inputs
            }
            inputs = keras_inputs(drawn)
            model.compile("sgd", "categorical_crossentropy")
            loss = model.train_on_batch(inputs, np.eye(3, dtype="float32")[[0, 1, 2, 0]])
            found = [model.predict_on_batch(inputs), *arrays(model.variables)]
            outcomes.append([loss, *[one.tobytes() for one in found]])
            assert keras.config.image_data_format() == data_format
        finally:
            keras.config.set_image_data_format("channels_last")
    assert outcomes[0] == outcomes[1]


def test_a_network_is_made_again_from_its_configuration():
    model = models.build_intermediate_fusenet()
    custom = {
        "Conv3D": own_layers.Conv3D,
        "Dense": own_layers.Dense,
        "Keras2GlorotUniform": models.Keras2GlorotUniform,
    }
    again = keras.Model.from_config(model.get_config(), custom_objects=custom)
    kernel = keras.ops.convert_to_numpy(again.get_layer("eyes_conv").kernel)
    assert 0.13 < np.abs(kernel).max() < 0.143


def test_too_few_frames_for_the_kernel():
    with pytest.raises(MicroExpError, match=r"frames: a kernel of 19 .* take at least 21, not 18"):
        models.build_microexp_stcnn(kernel_size=(3, 3, 19))
    with pytest.raises(MicroExpError, match=r"rows: .* at least 5, not 4"):
        models.build_microexp_stcnn(size=4)


@pytest.mark.parametrize("initializer", ["keras2_glorot_uniform", "he_normal", "ones"])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_seed_gives_what_keras_draws_from_it(network, initializer):
    for seed in (0, 3):
        keras.utils.set_random_seed(seed)
        drawn_by_keras = NETWORKS[network].build(size=(9, 9), conv_initializer=initializer)
        keras.utils.set_random_seed(99)
        seeded = NETWORKS[network].build(size=(9, 9), conv_initializer=initializer, seed=seed)
        for one, other in zip(arrays(seeded.variables), arrays(drawn_by_keras.variables), strict=True):
            np.testing.assert_array_equal(one, other)
