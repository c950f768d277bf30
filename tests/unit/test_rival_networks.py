"""The rivals' networks: their layers, flow and strain of known motions, changed copies of images, whose settings."""

import inspect

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from microexp_keras import protocols
from microexp_keras.backend import keras
from microexp_keras.baselines import lbp_top, networks, stclqp
from microexp_keras.baselines.networks import flow, strain, to_apex
from microexp_keras.baselines.settings import is_reconstruction, marks, settings
from microexp_keras.datasets import Clip
from microexp_keras.errors import MicroExpError
from microexp_keras.models import RIVALS
from microexp_keras.preprocessing import measure
from microexp_keras.preprocessing.samples import apex_read

INSIDE = (slice(None), slice(16, -16), slice(16, -16))


def test_every_setting_says_whose_it_is_and_reconstructions_say_so():
    for name, method in RIVALS.items():
        assert len(marks(name)) > 15
        for setting, value, mark in marks(name):
            assert mark.startswith(("published (", "reported by ", "ours: ")) and len(mark) > 9, setting
            assert value == getattr(settings(name), setting)
        assert ("(our reconstruction)" in method.title) == is_reconstruction(name)
    assert [is_reconstruction(name) for name in RIVALS] == [False, True, True, True, False]
    for function in (lbp_top.features, lbp_top.codes, stclqp.counts, stclqp.learn):
        published = vars(settings("lbp-top" if "lbp" in function.__module__ else "stclqp"))
        defaults = {name: one.default for name, one in inspect.signature(function).parameters.items()}
        shared = defaults.keys() & published.keys()
        assert shared and all(defaults[name] == published[name] for name in shared)
    numbers = [mark for _, value, mark in marks("cnn-augmentation") if not isinstance(value, str)]
    assert numbers and all(mark.startswith("ours: ") for mark in numbers)  # nothing but its idea is published


# --------------------------------------------------------------------------------------------- layers


def test_layers_of_ststnet_as_its_authors_weights_have_them():
    model = networks.build_ststnet()
    trained = {layer.name: sum(map(np.size, layer.trainable_weights)) for layer in model.layers if layer.weights}
    assert [trained[f"conv_{number}"] for number in (1, 2, 3)] == [81 + 3, 135 + 5, 216 + 8]
    assert [trained[f"normalization_{number}"] for number in (1, 2, 3)] == [6, 10, 16]
    assert trained["dense"] == 1200 + 3 and sum(trained.values()) == 1683 and model.count_params() == 1715
    shapes = {one.name: tuple(one.shape) for one in model.inputs}
    assert shapes == dict.fromkeys(("flow_x", "flow_y", "strain"), (None, 28, 28, 1))
    sizes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert sizes["conv_3"] == (28, 28, 8) and sizes["pool_3"] == (10, 10, 8)
    assert sizes["fusion"] == (10, 10, 16) and sizes["mean_pool"] == (5, 5, 16)
    assert sizes["flatten"] == (400,) and model.output_shape == (None, 3)


def test_clips_that_are_too_small_are_refused():
    for build, options, axis in (
        (networks.build_cnn_augmentation, {"size": (7, 64)}, "rows"),
        (networks.build_3d_fcnn, {"size": (64, 7)}, "columns"),
        (networks.build_3d_fcnn, {"frames": 8}, "flow fields"),
    ):
        with pytest.raises(MicroExpError, match=f"{axis}.*at least 8"):
            build(**options)


def test_every_stream_counts_and_has_its_own_place():
    keras.utils.set_random_seed(0)
    model, random = networks.build_3d_fcnn(frames=18, size=16), np.random.default_rng(0)
    streams = {one.name: random.normal(size=(2, *one.shape[1:])).astype("float32") for one in model.inputs}
    answer = model.predict(streams, verbose=0)
    changes = [{name: np.zeros_like(array)} for name, array in streams.items()]
    for change in [*changes, {"flow_x": streams["flow_y"], "flow_y": streams["flow_x"]}]:
        assert np.abs(model.predict({**streams, **change}, verbose=0) - answer).max() > 1e-4


# ------------------------------------------------------------------------------------ flow and strain


@pytest.fixture(scope="module")
def texture():
    """A smooth random picture; uint8 (100, 100)."""
    picture = gaussian_filter(np.random.default_rng(0).normal(size=(100, 100)), 2)
    picture -= picture.min()
    return (picture / picture.max() * 255).astype(np.uint8)


def moved(texture, rights, downs=(0, 0, 0, 0)):
    """A window of 64 x 64 in which the texture lies so many whole pixels away in each frame; uint8 (64, 64, frames)."""
    places = zip(rights, downs, strict=False)
    return np.stack([texture[20 - down : 84 - down, 20 - right : 84 - right] for right, down in places], axis=2)


@pytest.mark.parametrize(
    ("rights", "downs"), [((0, 1, 2, 3), (0, 0, 0, 0)), ((0, -2, -4, -6), (0, 1, 2, 3)), ((0, 0, 1, 1), (0, 1, 1, 0))]
)
def test_the_flow_of_a_texture_leads_to_the_next_frame(texture, rights, downs):
    fields = flow(moved(texture, rights, downs))
    assert fields.shape == (2, 64, 64, 3) and fields.dtype == np.float32 and fields.flags.c_contiguous
    np.testing.assert_allclose(fields[INSIDE].mean(axis=(1, 2)), [np.diff(rights), np.diff(downs)], atol=0.005)


def test_the_flow_is_the_same_to_the_bit_on_any_number_of_threads(texture):
    threads, found = cv2.getNumThreads(), []
    try:
        for number in (1, 4):
            cv2.setNumThreads(number)
            found.append(flow(moved(texture, range(4))))
    finally:
        cv2.setNumThreads(threads)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("stack", [np.zeros((9, 9, 1), np.uint8), np.zeros((9, 9, 5)), np.zeros((9, 9), np.uint8)])
def test_other_arrays_have_no_flow(stack):
    with pytest.raises(MicroExpError, match=r"optical flow: .* instead of uint8"):
        flow(stack)


ROWS, COLUMNS = np.mgrid[0:12, 0:12].astype(float)


@pytest.mark.parametrize(
    ("right", "down", "expected"),
    [
        (0 * ROWS + 0.5, 0 * ROWS + 0.25, 0),  # everything moves alike
        (-0.1 * ROWS, 0.1 * COLUMNS, 0),  # it turns
        (0.1 * COLUMNS, 0 * ROWS, 0.1),  # it widens
        (0.1 * COLUMNS, 0.1 * ROWS, 0.1 * np.sqrt(2)),  # it grows
        (0.1 * ROWS, 0 * ROWS, 0.1 / np.sqrt(2)),  # it shears
    ],
)
def test_strain_of_known_flows(right, down, expected):
    np.testing.assert_allclose(strain(np.stack([right, down])), expected, atol=1e-9)


def test_the_flow_leads_to_the_annotated_apex_or_else_to_the_furthest_frame(texture):
    for apex, right in ((1, 1), (None, 2)):
        found = to_apex(moved(texture, (0, 1, 2, 1)), apex)
        assert found.shape == (28, 28, 3) and found.dtype == np.float32
        np.testing.assert_allclose(found[8:-8, 8:-8].mean(axis=(0, 1)), [right, 0, 0], atol=0.03)


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
def test_where_the_apex_is_among_the_frames_that_are_read(sampling, length, apex, expected):
    protocol = protocols.get("loso", "ststnet", "smic", sampling=sampling)
    clip = Clip("c", "s", 0, tuple(f"{number}.png" for number in range(length)), apex=apex)
    assert apex_read(clip, protocol) == expected


# ----------------------------------------------------------------- scale of what networks see, changed copies


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_values_are_scaled_by_the_training_clips(kind):
    values, train = np.random.default_rng(0).integers(0, 200, (6, 5, 5, 4)).astype(kind), [0, 2, 5]
    scale = measure(values, np.array(train))
    known = networks.scaled(values[train], scale)
    assert known.dtype == np.float32 and known.mean() == pytest.approx(0, abs=1e-6) and known.max() == pytest.approx(1)
    expected = (values[1] - values[train].mean()) / (values[train].max() - values[train].mean())
    np.testing.assert_allclose(networks.scaled(values, scale)[1, ..., 0], expected, atol=1e-6)
    with pytest.raises(MicroExpError, match="all values of the training clips are equal"):
        networks.scaled(np.ones((3, 4, 4)), measure(np.ones((3, 4, 4), np.float32)))


def test_the_scale_that_a_weights_file_says():
    def scale(said):
        return networks.known_scale("x.h5", {"scales": {"image": said}}, "image")

    assert scale({"mean": 100.0, "max": 250.0}) == (100, 250)
    assert scale({"mean": 100.0, "largest": 150.0}) == (100, 250)  # of earlier versions
    for wrong in ({"mean": 1.0, "max": 1.0}, {"mean": 1.0, "max": float("inf")}, {"mean": "many"}, ["mean", "max"]):
        with pytest.raises(MicroExpError, match=r"x.h5: says no mean and largest value of image"):
            scale(wrong)


def test_mirrored_shifted_turned_and_zoomed_images():
    image, changed = np.random.default_rng(0).integers(0, 256, (20, 40), np.uint8), networks.changed
    np.testing.assert_array_equal(changed(image), image)  # no change is the image to the bit
    np.testing.assert_array_equal(changed(image, flip=True), image[:, ::-1])
    moved = changed(image, right=0.05, down=-0.1)  # 2 pixels to the right, 2 up; the border is repeated
    np.testing.assert_array_equal(moved[:-2, 2:], image[2:, :-2])
    np.testing.assert_array_equal(moved[:-2, 0], image[2:, 0])
    np.testing.assert_array_equal(moved[-1, 2:], image[-1, :-2])
    image = np.zeros((41, 41), np.uint8)
    image[20, 20:35] = 200  # a line from the middle to the right
    np.testing.assert_array_equal(changed(image, angle=90), np.rot90(image))
    larger = changed(image, zoom=1.2)
    assert larger[20, 20] == 200 and larger[20, 36] == 200 and not larger[20, 39]


def test_draws_fill_their_ranges_each_by_itself():
    random = np.random.default_rng(0)
    changes = [networks.draw(random) for _ in range(2000)]
    drawn = {name: np.array([one[name] for one in changes]) for name in changes[0]}
    assert drawn["flip"].mean() == pytest.approx(0.5, abs=0.05)
    for name, middle, reach in (("angle", 0, 10), ("right", 0, 0.05), ("down", 0, 0.05), ("zoom", 1, 0.05)):
        down, up = middle - drawn[name].min(), drawn[name].max() - middle
        assert 0.98 * reach < down <= reach and 0.98 * reach < up <= reach
    assert abs(np.corrcoef(drawn["right"], drawn["down"])[0, 1]) < 0.1


def test_images_are_equally_spaced_from_first_to_last():
    stack = np.broadcast_to(np.arange(18, dtype=np.uint8), (5, 6, 18))
    assert networks.pick_images(stack, 8).shape == (8, 5, 6)
    for number, places in ((8, [0, 2, 4, 7, 9, 12, 14, 17]), (18, [*range(18)]), (2, [0, 17])):
        assert networks.pick_images(stack, number)[:, 0, 0].tolist() == places
    for number in (1, 19):
        with pytest.raises(MicroExpError, match="from 2 to 18"):
            networks.pick_images(stack, number)


def test_training_images_are_of_the_training_clips_alone_and_their_copies_of_the_seed():
    images = np.random.default_rng(0).integers(0, 20, (6, 8, 32, 30)) + 40 * np.arange(6)[:, None, None, None]
    images, train = images.astype(np.uint8), np.array([4, 1, 3])
    found, clip = networks.training_images(images, train, seed=5)
    assert found.shape == (3 * 8 * 5, 32, 30) and found.dtype == np.uint8
    assert clip.tolist() == [4] * 40 + [1] * 40 + [3] * 40
    assert (found // 40 == clip[:, None, None]).all()  # each clip has gray levels of its own, which no change can leave
    by_image = found.reshape(3, 8, 5, 32, 30)
    np.testing.assert_array_equal(by_image[:, :, 0], images[train])
    copies = by_image[:, :, 1:].reshape(-1, 32, 30)
    assert len(np.unique(copies, axis=0)) == 96  # no two alike
    originals = np.repeat(images[train].reshape(-1, 32, 30), 4, axis=0)
    assert ((copies != originals).mean(axis=(1, 2)) > 0.5).all()
    np.testing.assert_array_equal(networks.training_images(images, train, seed=5)[0], found)
    assert (networks.training_images(images, train, seed=6)[0] != found).any()
    alone, _ = networks.training_images(images, np.array([1]), seed=5)
    np.testing.assert_array_equal(alone, found[40:80])  # other clips do not matter
