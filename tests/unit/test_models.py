"""The networks: the sizes of the paper, equal numbers in any order of steps and data, seeds, and saliency."""

import hashlib
import itertools

import numpy as np
import pytest

from microexp_keras import models
from microexp_keras.backend import keras
from microexp_keras.baselines.networks import BUILDERS as RIVALS
from microexp_keras.errors import MicroExpError
from microexp_keras.models import layers as own_layers
from microexp_keras.models import saliency
from microexp_keras.models.networks import NETWORKS
from microexp_keras.training import keras_inputs
from microexp_keras.training.loop import SGD

layers = keras.layers
BUILDERS = {name: network.build for name, network in NETWORKS.items()} | RIVALS

on_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends draw other numbers")


def arrays(variables):
    """Their numbers, one after the other."""
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


@pytest.mark.parametrize(
    ("name", "frames", "parameters"),
    [
        ("stcnn", 18, 1_643_267),
        ("stcnn", 96, 44_241_667),
        ("intermediate", 18, 6_694_915),
        ("intermediate", 96, 177_088_515),
        ("late", 18, 6_827_523),
        ("late", 96, 177_221_123),
        ("cnn-augmentation", None, 548_099),
        ("3d-fcnn", 18, 1_626_035),
        ("ststnet", None, 1_715),
    ],
)
@pytest.mark.slow
def test_parameter_counts(name, frames, parameters):
    assert BUILDERS[name](**{"frames": frames} if frames else {}).count_params() == parameters


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
    inputs = random.normal(size=(8, 40)).astype("float32")
    targets = np.eye(3, dtype="float32")[random.integers(0, 3, 8)]
    trained = []
    for dense, optimizer in ((layers.Dense, keras.optimizers.SGD), (layers.Dense, SGD), (own_layers.Dense, SGD)):
        x = given = keras.Input((40,))
        for units in (20, 3):
            x = dense(units, kernel_initializer=keras.initializers.GlorotUniform(units), activation="tanh")(x)
        model = keras.Model(given, x)
        model.compile(optimizer(0.1, momentum), "mse")
        losses = [model.train_on_batch(inputs, targets) for _ in range(6)]
        trained.append([*losses, *arrays([*model.weights, *model.optimizer.variables])])
    assert trained[0][0] > 1.2 * trained[0][5]
    for keras_own, in_place, with_dense in zip(*trained, strict=True):
        np.testing.assert_array_equal(in_place, keras_own)
        np.testing.assert_allclose(with_dense, keras_own, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", BUILDERS)
def test_a_users_channels_first_changes_no_bit(name):
    outcomes = []
    for data_format in ("channels_last", "channels_first"):
        random = np.random.default_rng(0)
        keras.config.set_image_data_format(data_format)
        try:
            model = BUILDERS[name](size=(21, 20), seed=1)
            inputs = keras_inputs({one.name: random.normal(size=(4, *one.shape[1:])) for one in model.inputs})
            model.compile("sgd", "categorical_crossentropy")
            loss = model.train_on_batch(inputs, np.eye(3, dtype="float32")[[0, 1, 2, 0]])
            found = [model.predict_on_batch(inputs), *arrays(model.variables)]
            outcomes.append([loss, *[one.tobytes() for one in found]])
            assert keras.config.image_data_format() == data_format
        finally:
            keras.config.set_image_data_format("channels_last")
    assert outcomes[0] == outcomes[1]


# ------------------------------------------------------------------------------------------- what is drawn


@on_tensorflow
@pytest.mark.parametrize("seed", [None, 0, 3])
@pytest.mark.parametrize("name", BUILDERS)
def test_no_two_layers_share_their_draws(name, seed):
    """Of 384 independent values the correlation is 0.05 on average, seldom above 0.1; of STSTNet's 81 it is 0.11."""
    keras.utils.set_random_seed(5)
    model = BUILDERS[name](seed=seed)
    least, most = (81, 0.5) if name == "ststnet" else (384, 0.1)
    kernels = [array.ravel() for array in arrays(model.weights) if array.ndim > 1 and array.size >= least]
    assert len(kernels) >= 3
    for one, other in itertools.combinations(kernels, 2):
        compared = min(one.size, other.size)
        assert abs(np.corrcoef(one[:compared], other[:compared])[0, 1]) < most
    seeds = [layer.seed_generator.state for layer in model.layers if isinstance(layer, layers.Dropout)]
    assert len({state.tobytes() for state in arrays(seeds)}) == len(seeds)
    assert seeds or name == "ststnet"


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


INITIALIZERS = [{"conv_initializer": name} for name in ("keras2_glorot_uniform", "he_normal", "ones")]


@pytest.mark.parametrize(
    ("name", "options"), [*itertools.product(NETWORKS, INITIALIZERS), *itertools.product(RIVALS, [{}])]
)
def test_a_seed_gives_what_keras_draws_from_it_and_layers_have_names_of_their_own(name, options):
    """Names that Keras gives by itself count up from model to model."""
    for seed in (0, 3):
        keras.utils.set_random_seed(seed)
        by_keras = BUILDERS[name](size=9, **options)
        keras.utils.set_random_seed(99)
        seeded = BUILDERS[name](size=9, seed=seed, **options)
        for one, other in zip(arrays(seeded.variables), arrays(by_keras.variables), strict=True):
            np.testing.assert_array_equal(one, other)
        assert [layer.name for layer in seeded.layers] == [layer.name for layer in by_keras.layers]


def test_a_network_is_made_again_from_its_configuration():
    config = models.build_intermediate_fusenet().get_config()
    own = (own_layers.Conv3D, own_layers.Dense, models.Keras2GlorotUniform)
    again = keras.Model.from_config(config, custom_objects={one.__name__: one for one in own})
    kernel = keras.ops.convert_to_numpy(again.get_layer("eyes_conv").kernel)
    assert 0.13 < np.abs(kernel).max() < 0.143


def test_too_few_frames_for_the_kernel():
    with pytest.raises(MicroExpError, match=r"frames: a kernel of 19 .* take at least 21, not 18"):
        models.build_microexp_stcnn(kernel_size=(3, 3, 19))
    with pytest.raises(MicroExpError, match=r"rows: .* at least 5, not 4"):
        models.build_microexp_stcnn(size=4)


# ------------------------------------------------------------------------------------------------ saliency

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


def assert_near(found, expected, within):
    """Compare maps of every input, within a part of the largest value."""
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[name], rtol=0, atol=within * np.abs(expected[name]).max())


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
        up, down = (
            scores(model, {**together, name: (array + sign * changes).reshape(-1, *array.shape[1:])})
            for sign in (1, -1)
        )
        slopes = np.abs((up - down) / (2 * STEP)).reshape(20, len(clips), -1)[:, clips, CLASSES]
        right += [*np.isclose(slopes, flat[:, strongest].T, rtol=0.03, atol=0.03 * np.abs(flat).max()).ravel()]
    assert np.mean(right) > 0.75  # of the rest, a kink lay within the step


def test_a_saturated_network_has_saliency_too(case):
    model, inputs, gradient = case
    layer = model.layers[-2]
    before = layer.get_weights()
    layer.set_weights([1e4 * array for array in before])
    assert model.predict(inputs, verbose=0).max(axis=1).min() == 1
    saturated = saliency.saliency(model, inputs, CLASSES)
    layer.set_weights(before)
    assert_near({name: array / 1e4 for name, array in saturated.items()}, gradient, 1e-4)


def test_the_network_is_left_as_it_is_and_clips_do_not_touch_each_other(case, monkeypatch):
    model, inputs, gradient = case
    before = model.get_weights()
    monkeypatch.setattr(saliency, "AT_ONCE", 2)
    assert_near(saliency.saliency(model, dict(reversed(inputs.items())), CLASSES.tolist()), gradient, 1e-5)
    assert all(variable.trainable for variable in model.trainable_variables) and model.trainable_variables
    for was, array in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, array)
    headless = keras.Model(model.inputs, model.layers[-1].input)
    with pytest.raises(MicroExpError, match=r"must end in a layer Softmax, .* not in Dense"):
        saliency.saliency(headless, inputs)


def test_the_class_is_the_predicted_one_if_none_is_given(case):
    model, inputs, _ = case
    found = saliency.saliency(model, inputs)
    assert_near(found, saliency.saliency(model, inputs, scores(model, inputs).argmax(axis=1)), 1e-5)
    assert all(array.min() >= 0 and array.max() > 0 for array in found.values())


def test_pixels_that_the_pooling_discards_have_none():
    model = models.build_microexp_stcnn(frames=18, size=(6, 5))
    [maps] = saliency.saliency(model, {"face": np.random.default_rng(0).normal(size=(1, 6, 5, 18, 1))}).values()
    assert maps[0].any(axis=(1, 2)).tolist() == [True] * 5 + [False]
    assert maps[0].any(axis=(0, 1)).tolist() == [True] * 17 + [False]


def test_the_strongest_pixels_of_each_clip_are_marked():
    maps = np.random.default_rng(0).permuted(np.arange(2 * 400.0).reshape(2, 4, 10, 10), axis=1)
    marked = saliency.binarize(maps, share=0.1)
    assert marked.dtype == bool and marked.sum(axis=(1, 2, 3)).tolist() == [40, 40]
    assert all(maps[clip][marked[clip]].min() > maps[clip][~marked[clip]].max() for clip in (0, 1))
    assert saliency.binarize(maps, share=1e-9).sum() == 2
    assert saliency.binarize(np.ones((1, 3, 3, 2))).all()
    assert not saliency.binarize(np.zeros((1, 3, 3, 2)), share=1).any()
