"""Weights in and out: files of Keras 2.0.0 and of this Keras, and files made to do harm."""

import json
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from microexp_keras import models, weights
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import NETWORKS

GOLDEN = Path(__file__).parents[1] / "golden"
STCNN = GOLDEN / "keras2" / "stcnn.hdf5"
STCNN_WEIGHTS = GOLDEN / "keras2" / "stcnn.weights_only.hdf5"
DENSE = "model_weights/dense_1"
KERNEL, BIAS = f"{DENSE}/dense_1/kernel:0", f"{DENSE}/dense_1/bias:0"


def model_for(found, **changes):
    """Build the model that an exact WeightsFile describes."""
    arguments = {"frames": found.frames, "size": found.size, "num_classes": found.num_classes}
    return NETWORKS[found.network].build(**{**arguments, "kernel_size": found.kernel_size, **changes})


def clips(model, count=5, seed=0):
    shapes = [(count, *tensor.shape[1:]) for tensor in model.inputs]
    arrays = [np.random.default_rng(seed).normal(size=shape).astype("float32") for shape in shapes]
    return arrays if len(arrays) > 1 else arrays[0]


def randomised(network, **arguments):
    """A small model whose rows, columns and time differ behind the pooling, with biases that are not zero."""
    keras.utils.set_random_seed(3)
    model = NETWORKS[network].build(**{"frames": 24, "size": (14, 11), **arguments})
    model.set_weights([w if w.ndim > 1 else np.random.normal(size=w.shape) * 0.3 for w in model.get_weights()])
    return model


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def stcnn():
    """One model for all refusals: they must not change it."""
    return models.build_microexp_stcnn(frames=18, size=(14, 11))


def refuses(model, path, *fragments, **arguments):
    """Assert that loading `path` is refused with a message that names it, and leaves the model as it was."""
    before = model.get_weights()
    with pytest.raises(MicroExpError) as caught:
        weights.load_weights(model, path, **arguments)
    for fragment in (str(path), *fragments):
        assert fragment in str(caught.value)
    assert same(before, model.get_weights())


def test_channels_last_weights_are_not_permuted(stcnn):
    weights.load_weights(stcnn, STCNN_WEIGHTS, data_format="channels_last")
    with h5py.File(STCNN_WEIGHTS) as file:
        kernel = file["dense_1/dense_1/kernel:0"][()]
    assert np.array_equal(stcnn.get_layer("dense_1").get_weights()[0], kernel)
    weights.load_weights(stcnn, STCNN_WEIGHTS)
    assert not np.array_equal(stcnn.get_layer("dense_1").get_weights()[0], kernel)


@pytest.mark.parametrize("kind", ["float16", "float64", ">f4"])
def test_other_float_types_become_float32(tmp_path, stcnn, kind):
    path = shutil.copy(STCNN, tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        values = replace(file, KERNEL, file[KERNEL][()].astype(kind))
    weights.load_weights(stcnn, STCNN)
    expected = stcnn.get_weights()
    weights.load_weights(stcnn, path)
    kernel = stcnn.get_layer("dense_1").get_weights()[0]
    assert kernel.dtype == "float32"
    assert np.array_equal(np.sort(kernel, axis=None), np.sort(values.astype("float32"), axis=None))
    for one, other in zip(expected, stcnn.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


# --------------------------------------------------------------------------------------------- round trips


@pytest.mark.parametrize("network", list(NETWORKS))
@pytest.mark.parametrize("whole_model", [True, False])
@pytest.mark.slow
def test_keras_2_round_trip(tmp_path, network, whole_model):
    model = randomised(network, kernel_size=(3, 5, 7), num_classes=5)
    weights.save_keras2_hdf5(model, tmp_path / "x.hdf5", whole_model)
    other = NETWORKS[network].build(frames=24, size=(14, 11), kernel_size=(3, 5, 7), num_classes=5)
    found = weights.load_weights(other, tmp_path / "x.hdf5")
    assert (found.network, found.kernel_size, found.num_classes) == (network, (3, 5, 7), 5)
    assert (found.frames_range, found.size) == ((24, 26), (14, 11)) and found.exact == whole_model
    assert same(model.get_weights(), other.get_weights())
    inputs = clips(model)
    assert np.array_equal(model.predict(inputs, verbose=0), other.predict(inputs, verbose=0))


@pytest.mark.parametrize("network", list(NETWORKS))
@pytest.mark.slow
def test_keras_3_round_trips(tmp_path, network):
    model = randomised(network)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    inputs, labels = clips(model), np.eye(3, dtype="float32")[[0, 1, 2, 0, 1]]
    model.fit(inputs, labels, verbose=0)
    weights.save_weights(model, tmp_path / "ours.weights.h5")
    model.save_weights(tmp_path / "keras.weights.h5")
    model.save(tmp_path / "legacy.h5")
    for name, kind in (("ours.weights", "weights"), ("keras.weights", "weights"), ("legacy", "whole model")):
        other = NETWORKS[network].build(frames=24, size=(14, 11))
        found = weights.load_weights(other, tmp_path / f"{name}.h5")
        assert (found.kind, found.network, found.optimizer) == (f"Keras 3 {kind}", network, True)
        assert (found.dense_row_order, found.size, found.frames_range) == ("channels_last", (14, 11), (23, 25))
        assert same(model.get_weights(), other.get_weights())
    other = NETWORKS[network].build(frames=24, size=(14, 11))
    other.load_weights(tmp_path / "ours.weights.h5")
    assert same(model.get_weights(), other.get_weights())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keras.weights.h5", "legacy.h5", "ours.weights.h5"]


@pytest.mark.parametrize("flatten", ["channels_first", "channels_last"])
def test_flatten_that_reorders_is_noticed(tmp_path, flatten):
    """Keras since 2.2 flattens in channels-last order when the flatten itself is told channels first."""
    settings = {"data_format": "channels_first"}
    original = keras.Sequential(
        [
            keras.Input((1, 14, 11, 24)),
            layers.Conv3D(32, (3, 3, 15), activation="relu", **settings),
            layers.MaxPooling3D(3, **settings),
            layers.Dropout(0.5),
            layers.Flatten(data_format=flatten),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(3),
            layers.Activation("softmax"),
        ]
    )
    original.save(tmp_path / "x.h5")
    model = models.build_microexp_stcnn(frames=24, size=(14, 11))
    found = weights.load_weights(model, tmp_path / "x.h5")
    assert found.dense_row_order == ("channels_last" if flatten == "channels_first" else "channels_first")
    inputs = clips(model, 2)
    expected = original(np.moveaxis(inputs, -1, 1), training=False)
    np.testing.assert_allclose(model(inputs), expected, rtol=0, atol=1e-6)


def test_layers_go_by_name_and_without_names_by_order(tmp_path):
    model = randomised("late")
    model.save_weights(tmp_path / "x.weights.h5")  # Keras': without checksums, so that its layers can be moved
    other = models.build_late_fusenet(frames=24, size=(14, 11))
    with h5py.File(tmp_path / "x.weights.h5", "r+") as file:
        file.move("layers/conv3d", "layers/moved")
        file.move("layers/conv3d_1", "layers/conv3d")
        file.move("layers/moved", "layers/conv3d_1")
    weights.load_weights(other, tmp_path / "x.weights.h5")
    assert same(model.get_weights(), other.get_weights())
    with h5py.File(tmp_path / "x.weights.h5", "r+") as file:
        for group in file["layers"].values():
            del group["vars"].attrs["name"]
    weights.load_weights(other, tmp_path / "x.weights.h5")
    assert same(model.get_layer("eyes_conv").get_weights(), other.get_layer("mouth_conv").get_weights())
    assert same(model.get_layer("mouth_dense_2").get_weights(), other.get_layer("mouth_dense_2").get_weights())


def test_failed_write_keeps_the_file_that_was_there(tmp_path, stcnn, monkeypatch):
    path = tmp_path / "x.hdf5"
    path.write_text("before")

    def full(*arguments, **settings):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5py.Group, "create_dataset", full)
    with pytest.raises(MicroExpError, match="No space left"):
        weights.save_keras2_hdf5(stcnn, path)
    assert [file.name for file in tmp_path.iterdir()] == ["x.hdf5"] and path.read_text() == "before"


def test_save_weights_wants_the_suffix_that_keras_wants(tmp_path, stcnn):
    with pytest.raises(MicroExpError, match=r"x\.h5.*weights\.h5"):
        weights.save_weights(stcnn, tmp_path / "x.h5")
    assert not list(tmp_path.iterdir())


def test_only_our_models(tmp_path):
    other = keras.Sequential([keras.Input((3,)), layers.Dense(2, name="d")])
    with pytest.raises(MicroExpError, match=r"microexp_keras\.models"):
        weights.load_weights(other, STCNN)
    with pytest.raises(MicroExpError, match=r"microexp_keras\.models"):
        weights.save_keras2_hdf5(other, tmp_path / "x.hdf5")


# ------------------------------------------------------------------- the right file for another model: the remedy


@pytest.mark.slow
def test_says_how_to_build_the_model(tmp_path, stcnn):
    path = tmp_path / "weights-improvement-53-0.88.hdf5"
    for whole_model in (True, False):
        weights.save_keras2_hdf5(models.build_microexp_stcnn(frames=96, size=(14, 11)), path, whole_model)
        message = (
            "written for MicroExpSTCNN with 96 frames (dense_1 kernel 10368x128), but the model takes 18 frames. "
            "Build it with frames=96."
        )
        refuses(stcnn, path, message)
        weights.save_keras2_hdf5(randomised("stcnn", frames=18, num_classes=5), path, whole_model)
        refuses(stcnn, path, "5 classes", "takes 3 classes", "Build it with num_classes=5.")
        weights.save_keras2_hdf5(randomised("stcnn", frames=18, kernel_size=(3, 3, 7)), path, whole_model)
        refuses(stcnn, path, "a 3x3x7 kernel", "kernel_size=(3, 3, 7)")
        weights.save_keras2_hdf5(randomised("late", frames=18), path, whole_model)
        refuses(
            stcnn, path, "written for Late MicroExpFuseNet", "the model is MicroExpSTCNN", "models.build_late_fusenet"
        )
    weights.save_keras2_hdf5(randomised("stcnn", frames=18, size=(11, 14)), path)  # as many features, another order
    refuses(stcnn, path, "11x14 pixels", "takes 14x11 pixels", "size=(11, 14)")
    weights.save_keras2_hdf5(randomised("stcnn", frames=18, size=(17, 17)), path, False)
    refuses(stcnn, path, "800 features", "takes 384")
    refuses(stcnn, STCNN, "channels_first", "Leave it out", data_format="channels_last")


def test_frames_that_the_pooling_discards_do_not_matter():
    model = models.build_microexp_stcnn(frames=19, size=(16, 13))
    assert weights.load_weights(model, STCNN).frames == 18


@pytest.mark.parametrize(("frames", "kernel_size"), [(18, (3, 3, 15)), (96, (3, 3, 93))])
def test_paper_sizes_are_derived_without_a_config(tmp_path, frames, kernel_size):
    model = models.build_microexp_stcnn(frames=frames, kernel_size=kernel_size)
    weights.save_keras2_hdf5(model, tmp_path / "x.hdf5", whole_model=False)
    found = weights.inspect(tmp_path / "x.hdf5")
    assert (found.frames, found.frames_range, found.size) == (frames, (frames - 1, frames + 1), (64, 64))
    assert not found.exact and found.parameters == model.count_params()


# ------------------------------------------------------------------------------------------- files that do harm


def replace(file, path, data=None, **settings):
    """Put another dataset where `path` is."""
    del file[path]
    file.create_dataset(path, data=data, **settings)
    return data


def virtual(file):
    source = h5py.VirtualSource("other.h5", "x", shape=(384, 128))
    layout = h5py.VirtualLayout((384, 128), "f4")
    layout[:] = source
    del file[KERNEL]
    file.create_virtual_dataset(KERNEL, layout)


def linked(file, link):
    del file[KERNEL]
    file[KERNEL] = link


def deep(file):
    group = file
    for _ in range(20):
        group = group.create_group("g")


def named_type(file):
    file["type"] = np.dtype("f4")
    replace(file, KERNEL, np.zeros((384, 128), "f4"), dtype=file["type"])


def bomb(file):
    """49,152 floats as declared, but a stored chunk that inflates to 64 MB."""
    replace(file, KERNEL, dtype="f4", shape=(384, 128), chunks=(384, 128), compression="gzip")
    file[KERNEL].id.write_direct_chunk((0, 0), zlib.compress(bytes(2**26), 9))


def config(file, change):
    described = json.loads(file.attrs["model_config"])
    change([step["config"] for step in described["config"]], described)
    file.attrs["model_config"] = json.dumps(described)


def nothing_stored(shape):
    return lambda file: replace(file, KERNEL, shape=shape, dtype="f4")


def values(change):
    def act(file):
        changed = file[KERNEL][()]
        change(changed)
        file[KERNEL][...] = changed

    return act


HOSTILE = {
    "soft link": (lambda f: linked(f, h5py.SoftLink("/model_weights/dense_2/dense_2/kernel:0")), "found a link"),
    "external link": (lambda f: linked(f, h5py.ExternalLink("/etc/passwd", "/x")), "structure"),
    "dangling link elsewhere": (lambda f: f.__setitem__("odd", h5py.SoftLink("/nowhere")), "found a link"),
    "external storage": (
        lambda f: replace(f, KERNEL, shape=(384, 128), dtype="f4", external=[("/etc/passwd", 0, 384 * 128 * 4)]),
        "fewer or none",
    ),
    "virtual": (virtual, "virtual"),
    "compression bomb": (bomb, "compressed"),
    "chunks": (lambda f: replace(f, KERNEL, np.zeros((384, 128), "f4"), chunks=(8, 8)), "chunked"),
    "petabytes": (nothing_stored((2**40, 2**10)), "stored"),
    "nothing stored": (nothing_stored((384, 128)), "stored"),
    "no dataspace": (lambda f: replace(f, KERNEL, h5py.Empty("f4")), "structure"),
    "shape": (lambda f: replace(f, KERNEL, np.zeros((383, 128), "f4")), "383 features"),
    "transposed": (lambda f: replace(f, KERNEL, np.zeros((128, 384), "f4")), "dense_1 kernel"),
    "empty": (lambda f: replace(f, KERNEL, np.zeros((0, 128), "f4")), "dense_1 kernel"),
    "scalar": (lambda f: replace(f, KERNEL, np.float32(1)), "dense_1"),
    "strings": (
        lambda f: replace(f, KERNEL, np.full((384, 128), b"x")),
        "dense_1/kernel:0: type: expected a plain array of numbers",
    ),
    "objects": (lambda f: replace(f, KERNEL, ["text"] * 3, dtype=h5py.string_dtype()), "numbers"),
    "references": (lambda f: replace(f, KERNEL, [f.ref] * 3, dtype=h5py.ref_dtype), "numbers"),
    "compound": (lambda f: replace(f, KERNEL, np.zeros((384, 128), [("a", "f4")])), "numbers"),
    "complex": (lambda f: replace(f, KERNEL, np.zeros((384, 128), "c8")), "numbers"),
    "integers": (lambda f: replace(f, KERNEL, np.zeros((384, 128), "i4")), "int32"),
    "long doubles": (lambda f: replace(f, KERNEL, np.zeros((384, 128), np.longdouble)), "structure"),
    "named type": (named_type, "numbers"),
    "nan": (values(lambda x: x.__setitem__((3, 4), np.nan)), "dense_1 kernel: expected finite"),
    "infinity": (values(lambda x: x.__setitem__((3, 4), -np.inf)), "dense_1 kernel: expected finite"),
    "overflow": (lambda f: replace(f, KERNEL, np.full((384, 128), 1e300)), "dense_1 kernel: expected finite"),
    "missing array": (lambda f: f.__delitem__(KERNEL), KERNEL),
    "missing layer": (lambda f: f.__delitem__("model_weights/dense_1"), "dense_1"),
    "missing bias": (
        lambda f: (f.__delitem__(BIAS), f[DENSE].attrs.__setitem__("weight_names", [b"dense_1/kernel:0"])),
        "a kernel and a bias",
    ),
    "layer not named": (
        lambda f: f["model_weights"].attrs.__setitem__("layer_names", [b"conv3d_1", b"dense_1"]),
        "dense_2",
    ),
    "extra layer": (lambda f: f.create_dataset("model_weights/extra/kernel:0", data=np.zeros(3, "f4")), "extra"),
    "layer named twice": (
        lambda f: f["model_weights"].attrs.__setitem__("layer_names", [b"conv3d_1", b"dense_1", b"dense_1"]),
        "twice",
    ),
    "dots": (lambda f: f.move(DENSE, "model_weights/.."), "plain name"),
    "path as layer name": (
        lambda f: f["model_weights"].attrs.__setitem__("layer_names", [b"conv3d_1/../../secret"]),
        "layer_names",
    ),
    "path as weight name": (
        lambda f: f[DENSE].attrs.__setitem__("weight_names", [b"/etc/passwd", b"dense_1/../x"]),
        "weight_names",
    ),
    "dataset as layer": (lambda f: replace(f, DENSE, np.zeros(3, "f4")), "dense_1"),
    "dataset as model": (lambda f: replace(f, "model_weights", np.zeros(3, "f4")), "layer_names"),
    "cycle": (lambda f: f.__setitem__("model_weights/loop", f["model_weights"]), "objects"),
    "deep": (deep, "levels"),
    "many": (lambda f: [f.create_group(f"g{i}") for i in range(1100)], "objects"),
    "many names": (lambda f: f["model_weights"].attrs.__setitem__("layer_names", [b"x"] * 100), "at most 64 texts"),
    "numbers as names": (lambda f: f["model_weights"].attrs.__setitem__("layer_names", [1, 2]), "expected text"),
    "records as names": (
        lambda f: f["model_weights"].attrs.__setitem__("layer_names", np.zeros(2, [("a", "f4")])),
        "expected attributes of texts or numbers",
    ),
    "lists as names": (
        lambda f: f.attrs.create("x", np.array([np.zeros(3, "f4")] * 2 + [0], object)[:2], dtype=h5py.vlen_dtype("f4")),
        "expected attributes of texts or numbers",
    ),
    "no names": (lambda f: f["model_weights"].attrs.__delitem__("layer_names"), "layer_names"),
    "large config": (lambda f: f.attrs.__setitem__("model_config", "x" * 2**21), "65536"),
    "no json": (lambda f: f.attrs.__setitem__("model_config", "lambda: 1"), "model_config"),
    "nested json": (lambda f: f.attrs.__setitem__("model_config", "[" * 60_000), "model_config"),
    "other json": (lambda f: f.attrs.__setitem__("model_config", '{"config": 3}'), "model_config"),
    "lambda layer": (
        lambda f: config(f, lambda s, c: c["config"].append({"class_name": "Lambda", "config": {}})),
        "Lambda",
    ),
    "other pooling": (lambda f: config(f, lambda s, c: s[1].update(strides=[2, 2, 2])), "MaxPooling3D strides"),
    "other activation": (lambda f: config(f, lambda s, c: s[0].update(activation="tanh")), "tanh"),
    "other head": (lambda f: config(f, lambda s, c: s[4].update(activation="linear")), "activations"),
    "other clips": (lambda f: config(f, lambda s, c: s[0].update(batch_input_shape=[None, 1, 64, 64, 18])), "64x64x18"),
    "absurd clips": (lambda f: config(f, lambda s, c: s[0].update(batch_input_shape=[None, 1, 1, 1, 10**9])), "input"),
    "other backend": (lambda f: f.attrs.__setitem__("backend", "theano"), "Theano"),
    "terminal codes": (lambda f: f.attrs.__setitem__("keras_version", "2\x1b[2J"), "keras_version"),
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_refuses(tmp_path, stcnn, name):
    harm, fragment = HOSTILE[name]
    path = shutil.copy(STCNN, tmp_path / "hostile.hdf5")
    weights.load_weights(stcnn, path)
    with h5py.File(path, "r+") as file:
        harm(file)
    refuses(stcnn, path, fragment)
    if "finite" not in fragment:
        with pytest.raises(MicroExpError, match=r"hostile\.hdf5"):
            weights.inspect(path)


HOSTILE_KERAS_3 = {
    "link": (lambda f: f.__setitem__("layers/dense/vars/2", h5py.ExternalLink("/etc/passwd", "/x")), "structure"),
    "third array": (lambda f: f.create_dataset("layers/dense/vars/2", data=np.zeros(3, "f4")), "vars/2"),
    "nested model": (lambda f: f.create_dataset("layers/a/layers/dense/vars/0", data=np.zeros(3, "f4")), "layers/a"),
    "extra layer": (lambda f: f.create_dataset("layers/dense_9/vars/0", data=np.zeros(3, "f4")), "dense_9"),
    "missing bias": (lambda f: f.__delitem__("layers/dense/vars/1"), "a kernel and a bias"),
    "missing layer": (lambda f: f.__delitem__("layers/dense_1"), "found 2 layers"),
    "shape": (lambda f: replace(f, "layers/dense_1/vars/1", np.zeros(4, "f4")), "dense_2 bias: expected 3, found 4"),
    "nan": (lambda f: f["layers/dense/vars/0"].__setitem__((0, 0), np.nan), "dense_1 kernel: expected finite"),
    "no layers": (lambda f: f.__delitem__("layers"), "none"),
}


@pytest.mark.parametrize("name", list(HOSTILE_KERAS_3))
def test_refuses_keras_3_weights(tmp_path, stcnn, name):
    harm, fragment = HOSTILE_KERAS_3[name]
    path = tmp_path / "hostile.weights.h5"
    stcnn.save_weights(path)
    weights.load_weights(stcnn, path)
    with h5py.File(path, "r+") as file:
        harm(file)
    refuses(stcnn, path, fragment)


def test_refuses_what_is_no_complete_hdf5_file(tmp_path, stcnn):
    whole = STCNN.read_bytes()
    path = tmp_path / "x.hdf5"
    refuses(stcnn, path, "no such file")
    refuses(stcnn, tmp_path, "no such file")
    for length in (0, 7, 100, 2000, len(whole) // 2, len(whole) * 9 // 10):
        path.write_bytes(whole[:length])
        refuses(stcnn, path, "complete HDF5 file")
    path.write_bytes(b"PK\x03\x04" + bytes(1000))
    refuses(stcnn, path, "complete HDF5 file")
    with h5py.File(path, "w"):
        pass
    refuses(stcnn, path, "found none")


@pytest.mark.parametrize("damaged", [b"dense_1", b"kernel:0", b"weight_names", b"SNOD", b"TREE", b"HEAP"])
def test_damaged_structure_is_refused(tmp_path, stcnn, damaged):
    """A name or a block signature overwritten anywhere in the file shows as a MicroExpError or does not matter."""
    whole = STCNN.read_bytes()
    places = [place for place in range(len(whole)) if whole.startswith(damaged, place)]
    refused = 0
    for place in places:
        path = tmp_path / "x.hdf5"
        path.write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
        before = stcnn.get_weights()
        try:
            weights.load_weights(stcnn, path)
        except MicroExpError:
            refused += 1
            assert same(before, stcnn.get_weights())
    assert refused


# ------------------------------------------------------------------------------------------------- the command


def test_command_says_what_a_file_is(capsys):
    assert weights.main(["inspect", str(STCNN)]) == 0
    text = capsys.readouterr().out
    assert "Keras 2 whole model" in text and "models.build_microexp_stcnn(frames=18, size=(14, 11)" in text
    assert weights.main(["inspect", "--json", str(STCNN_WEIGHTS)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["network"], facts["frames"], facts["parameters"]) == ("stcnn", None, 54019)


def test_command_shows_errors_without_traceback(tmp_path, capsys):
    assert weights.main(["inspect", str(tmp_path / "none.h5")]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.startswith("error: ") and "none.h5: no such file" in shown.err


def test_inspecting_loads_no_keras():
    program = f"import sys; from microexp_keras import weights; weights.inspect({str(STCNN)!r}); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "pyfive" in loaded and not {"h5py", "keras", "tensorflow", "jax", "torch"} & set(loaded)


def test_a_model_is_built_and_loaded_from_its_file():
    arrays = np.load(STCNN.with_suffix(".npz"))
    inputs = np.moveaxis(arrays["inputs"], 1, -1)
    model, file = weights.load_model(STCNN)
    np.testing.assert_allclose(model.predict(inputs, verbose=0), arrays["predictions"], rtol=0, atol=1e-6)
    assert file.network == "stcnn"
    with pytest.raises(MicroExpError, match="classes"):
        weights.load_model(STCNN, num_classes=5)
    unsaid = weights.inspect(STCNN_WEIGHTS)
    if unsaid.frames is None or unsaid.size is None:
        with pytest.raises(MicroExpError, match="Give them: load_model"):
            weights.load_model(STCNN_WEIGHTS)
        with pytest.raises(MicroExpError, match=r"expected frames in the file, found none\. .*\(path, frames=\)"):
            weights.load_model(STCNN_WEIGHTS, size=file.size)
    again, _ = weights.load_model(STCNN_WEIGHTS, file.frames, file.size)
    np.testing.assert_allclose(again.predict(inputs, verbose=0), arrays["predictions"], rtol=0, atol=1e-6)
