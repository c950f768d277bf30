"""STSTNet: shapes and parameters, flow and strain of known motions, which frame is the apex."""

import itertools

import keras
import numpy as np
import pytest

from microexp_keras import protocols
from microexp_keras.baselines.networks import build_ststnet, strain, to_apex
from microexp_keras.datasets import Clip
from microexp_keras.preprocessing.samples import apex_read

ROWS, COLUMNS = np.mgrid[0:12, 0:12].astype(float)
STILL = np.zeros_like(ROWS)


def test_shapes_and_parameters_as_its_authors_weights_have_them() -> None:
    model = build_ststnet()
    trained = {layer.name: sum(map(np.size, layer.trainable_weights)) for layer in model.layers if layer.weights}
    assert [trained[f"conv_{number}"] for number in (1, 2, 3)] == [81 + 3, 135 + 5, 216 + 8]
    assert [trained[f"normalization_{number}"] for number in (1, 2, 3)] == [6, 10, 16]
    assert trained["dense"] == 1200 + 3 and sum(trained.values()) == 1683 and model.count_params() == 1715
    shapes = {one.name: tuple(one.shape) for one in model.inputs}
    assert shapes == dict.fromkeys(("flow_x", "flow_y", "strain"), (None, 28, 28, 1))
    assert model.output_shape == (None, 3)
    sizes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert sizes["conv_3"] == (28, 28, 8) and sizes["pool_3"] == (10, 10, 8)
    assert sizes["fusion"] == (10, 10, 16) and sizes["mean_pool"] == (5, 5, 16) and sizes["flatten"] == (400,)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ((0.5 + STILL, 0.25 + STILL), 0),  # everything moves alike
        ((-0.1 * ROWS, 0.1 * COLUMNS), 0),  # it turns
        ((0.1 * COLUMNS, STILL), 0.1),  # it widens
        ((0.1 * COLUMNS, 0.1 * ROWS), 0.1 * np.sqrt(2)),  # it grows
        ((0.1 * ROWS, STILL), 0.1 / np.sqrt(2)),  # it shears
    ],
)
def test_strain_of_known_flows(field: tuple[np.ndarray, np.ndarray], expected: float) -> None:
    np.testing.assert_allclose(strain(np.stack(field)), expected, atol=1e-9)


def moved(texture: np.ndarray, right: int) -> np.ndarray:
    return texture[20:84, 20 - right : 84 - right]


def test_the_flow_leads_to_the_annotated_apex_or_else_to_the_furthest_frame(texture: np.ndarray) -> None:
    clip = np.stack([moved(texture, right) for right in (0, 1, 2, 1)], axis=2)
    inside = (slice(8, -8), slice(8, -8))
    for apex, right in ((1, 1), (None, 2)):
        flow = to_apex(clip, apex)
        assert flow.shape == (28, 28, 3) and flow.dtype == np.float32
        np.testing.assert_allclose(flow[inside].mean(axis=(0, 1)), [right, 0, 0], atol=0.03)


@pytest.mark.parametrize(
    ("sampling", "length", "apex", "expected"),
    [
        ("first", 30, 5, 5),
        ("first", 30, 18, None),  # of 18 frames that are read the last is 17
        ("first", 10, 9, 17),  # a short clip is brought to 18 frames
        ("apex", 30, 20, 9),
        ("interpolate", 35, 34, 17),
        ("first", 30, None, None),
    ],
)
def test_where_the_apex_is_among_the_frames_that_are_read(
    sampling: str, length: int, apex: int | None, expected: int | None
) -> None:
    protocol = protocols.get("loso", "ststnet", "smic", sampling=sampling)
    clip = Clip("c", "s", 0, tuple(f"{number}.png" for number in range(length)), apex=apex)
    assert apex_read(clip, protocol) == expected


def test_a_seed_gives_the_same_weights_and_no_two_layers_share_draws() -> None:
    def values(seed: int) -> list[np.ndarray]:
        return [keras.ops.convert_to_numpy(one).ravel() for one in build_ststnet(seed=seed).trainable_weights]

    first, again, other = values(1), values(1), values(2)
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    kernels = [one for one in first if len(one) > 80]
    assert not np.array_equal(kernels[0], other[0])
    for one, two in itertools.combinations(kernels, 2):  # 81 independent values correlate by 0.11 on average
        assert abs(np.corrcoef(one[:81], two[:81])[0, 1]) < 0.5
