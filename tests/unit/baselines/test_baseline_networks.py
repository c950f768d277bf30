"""The two networks: shapes, parameters, and what their inputs are for."""

import keras
import numpy as np
import pytest

from microexp_keras.baselines.networks import BUILDERS, build_3d_fcnn, build_cnn_augmentation
from microexp_keras.errors import MicroExpError


@pytest.fixture(scope="module")
def cnn() -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_cnn_augmentation()


@pytest.fixture(scope="module")
def fcnn() -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_3d_fcnn(frames=18, size=16)


@pytest.fixture(scope="module")
def streams() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    frames = {"gray": 18, "flow_x": 17, "flow_y": 17}
    return {name: random.normal(size=(2, 16, 16, length, 1)).astype("float32") for name, length in frames.items()}


def test_parameters_and_shapes_of_the_cnn(cnn: keras.Model) -> None:
    assert cnn.count_params() == 548_099
    assert [weights.count_params() for weights in cnn.layers if weights.weights] == [160, 4_640, 18_496, 524_416, 387]
    assert [layer.output.shape[1] for layer in cnn.layers if "pool" in layer.name] == [32, 16, 8]
    assert cnn.input_shape == (None, 64, 64, 1) and cnn.output_shape == (None, 3)


def test_parameters_and_shapes_of_the_3d_fcnn() -> None:
    model = build_3d_fcnn()
    assert model.count_params() == 1_626_035
    counts = {layer.name: layer.count_params() for layer in model.layers if layer.weights}
    for stream in ("gray", "flow_x", "flow_y"):
        assert [counts.pop(f"{stream}_conv_{number}") for number in (1, 2, 3)] == [224, 3_472, 13_856]
        assert model.get_layer(f"{stream}_flatten").output.shape == (None, 4096)
    assert counts == {"dense_1": 1_572_992, "dense_2": 387}
    lengths = [
        [layer.output.shape[3] for layer in model.layers if f"{name}_pool" in layer.name] for name in ("gray", "flow_x")
    ]
    assert lengths == [[9, 4, 2], [8, 4, 2]]
    shapes = {tensor.name: tuple(tensor.shape) for tensor in model.inputs}
    assert shapes == {"gray": (None, 64, 64, 18, 1)} | dict.fromkeys(("flow_x", "flow_y"), (None, 64, 64, 17, 1))


@pytest.mark.parametrize("name", BUILDERS)
def test_every_layer_is_named(name: str) -> None:
    """Names that Keras gives by itself count up from model to model."""
    first, second = BUILDERS[name](), BUILDERS[name]()
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
    assert len({layer.name for layer in first.layers}) == len(first.layers)


def test_too_small() -> None:
    for build, options, axis in (
        (build_cnn_augmentation, {"size": (7, 64)}, "rows"),
        (build_3d_fcnn, {"size": (64, 7)}, "columns"),
        (build_3d_fcnn, {"frames": 8}, "flow fields"),
    ):
        with pytest.raises(MicroExpError, match=f"{axis}.*at least 8"):
            build(**options)


def test_every_stream_counts_and_has_its_own_place(fcnn: keras.Model, streams: dict[str, np.ndarray]) -> None:
    answer = fcnn.predict(streams, verbose=0)
    for name in streams:
        without = {**streams, name: np.zeros_like(streams[name])}
        assert np.abs(fcnn.predict(without, verbose=0) - answer).max() > 1e-4
    exchanged = {**streams, "flow_x": streams["flow_y"], "flow_y": streams["flow_x"]}
    assert np.abs(fcnn.predict(exchanged, verbose=0) - answer).max() > 1e-4


@pytest.mark.parametrize("name", BUILDERS)
def test_a_seed_gives_what_keras_draws_from_it(name):
    def values(seed=None):
        return [keras.ops.convert_to_numpy(one).tobytes() for one in BUILDERS[name](size=9, seed=seed).variables]

    keras.utils.set_random_seed(3)
    drawn_by_keras = values()
    keras.utils.set_random_seed(99)
    assert values(seed=3) == drawn_by_keras != values(seed=4)
