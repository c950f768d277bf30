"""Weights in and out: files of Keras 2.0.0 and of this Keras, and files made to do harm, which take little time."""

import json
import random
import shutil
import zipfile
import zlib

import h5py
import numpy as np
import pytest
from fuzz import corpus, fuzz
from fuzz.subjects import KINDS
from helpers import GOLDEN, MEGABYTES, limited

from microexp_keras import models, training, weights
from microexp_keras.backend import keras
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import NETWORKS
from microexp_keras.preprocessing import original_npy
from microexp_keras.runs.run import read_result
from microexp_keras.training.history import History
from microexp_keras.weights.__main__ import main

layers = keras.layers
STCNN = GOLDEN[0] / "keras2" / "stcnn.hdf5"
STCNN_WEIGHTS = GOLDEN[0] / "keras2" / "stcnn.weights_only.hdf5"
KERNEL = "model_weights/dense_1/dense_1/kernel:0"


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
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(a, b) and a.dtype == b.dtype == "float32" for a, b in pairs)


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
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


# --------------------------------------------------------------------------------------------- round trips


@pytest.mark.slow
@pytest.mark.parametrize("network", list(NETWORKS))
def test_round_trips(tmp_path, network):
    """Files of Keras 2.0.0's two kinds, ours, and the two of Keras 3 itself."""
    model = randomised(network, kernel_size=(3, 5, 7), num_classes=5)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.fit(clips(model), np.eye(5, dtype="float32"), verbose=0)
    weights.save_keras2_hdf5(model, tmp_path / "whole.hdf5")
    weights.save_keras2_hdf5(model, tmp_path / "alone.hdf5", whole_model=False)
    weights.save_weights(model, tmp_path / "ours.weights.h5")
    model.save_weights(tmp_path / "keras.weights.h5")
    model.save(tmp_path / "legacy.h5")
    files = {"whole.hdf5": "2 whole model", "alone.hdf5": "2 weights", "legacy.h5": "3 whole model"}
    files |= {"ours.weights.h5": "3 weights", "keras.weights.h5": "3 weights"}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)
    for name, kind in files.items():
        other = NETWORKS[network].build(frames=24, size=(14, 11), kernel_size=(3, 5, 7), num_classes=5)
        found = weights.load_weights(other, tmp_path / name)
        assert (found.kind, found.network) == (f"Keras {kind}", network)
        assert (found.kernel_size, found.num_classes) == ((3, 5, 7), 5)
        assert found.exact == ("whole" in kind) and found.size == ((14, 11) if found.exact else None)
        assert found.dense_row_order == ("channels_last" if "3" in kind else "channels_first")
        assert same(model, other)
    other = NETWORKS[network].build(frames=24, size=(14, 11), kernel_size=(3, 5, 7), num_classes=5)
    other.load_weights(tmp_path / "ours.weights.h5")
    assert same(model, other)


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
    expected = original.predict(np.moveaxis(inputs, -1, 1), verbose=0)
    np.testing.assert_allclose(model.predict(inputs, verbose=0), expected, rtol=0, atol=1e-6)


def test_layers_go_by_name_and_without_names_by_order(tmp_path):
    model, path = randomised("late"), tmp_path / "x.weights.h5"
    model.save_weights(path)  # Keras': without checksums, so that its layers can be moved
    other = models.build_late_fusenet(frames=24, size=(14, 11))
    with h5py.File(path, "r+") as file:
        file.move("layers/conv3d", "layers/moved")
        file.move("layers/conv3d_1", "layers/conv3d")
        file.move("layers/moved", "layers/conv3d_1")
    weights.load_weights(other, path)
    assert same(model, other)
    with h5py.File(path, "r+") as file:
        for group in file["layers"].values():
            del group["vars"].attrs["name"]
    weights.load_weights(other, path)
    assert same(model.get_layer("eyes_conv"), other.get_layer("mouth_conv"))
    assert same(model.get_layer("mouth_dense_2"), other.get_layer("mouth_dense_2"))


@pytest.mark.parametrize("kind", ["float16", "float64", ">f4"])
def test_other_float_types_become_float32(tmp_path, stcnn, kind):
    path = shutil.copy(STCNN, tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        put(file, KERNEL, file[KERNEL][()].astype(kind))
    weights.load_weights(stcnn, STCNN)
    expected = stcnn.get_weights()
    weights.load_weights(stcnn, path)
    for one, other in zip(expected, stcnn.get_weights(), strict=True):
        assert other.dtype == "float32"
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_weights_files_of_late_keras_2_load(tmp_path):
    """Keras 2.15 writes `metrics` beside, and no names of layers."""
    model, path = randomised("stcnn"), tmp_path / "x.weights.h5"
    model.save_weights(path)
    with h5py.File(path, "r+") as file:
        for group in file["layers"].values():
            group["vars"].attrs.clear()
        for number in range(2):
            file[f"metrics/mean/vars/{number}"] = np.float32(0.5)
        file.require_group("vars")
    found = weights.inspect(path)
    assert (found.kind, found.dense_row_order) == ("Keras 2 weights", "channels_last")
    assert "channels_last is assumed" in found.assumption
    assert same(model, weights.load_model(path, 24, (14, 11)))


def test_a_keras_archive_is_named_and_the_way_out_works(tmp_path):
    model, path = randomised("stcnn"), tmp_path / "x.keras"
    model.save(path)
    with pytest.raises(MicroExpError, match=rf"a \.keras archive .* unzip {path} model\.weights\.h5"):
        weights.inspect(path)
    with zipfile.ZipFile(path) as archive:
        archive.extract("model.weights.h5", tmp_path)
    assert same(model, weights.load_model(tmp_path / "model.weights.h5", 24, (14, 11)))


def test_arrays_come_back_even_empty_ones(tmp_path):
    path = tmp_path / "learned.h5"
    arrays = {"some": np.arange(6.0).reshape(2, 3), "none": np.empty((0, 3), np.float64), "whole": np.arange(3)}
    weights.save_arrays(path, arrays, {"model": "lbp-top"})
    found = weights.read_arrays(path, {name: (array.dtype.kind, array.ndim) for name, array in arrays.items()})
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array, strict=True)
    assert weights.read_metadata(path) == {"model": "lbp-top"}
    path.write_bytes(path.read_bytes().replace(b'"lbp-top"', b'"lbp-tip"'))
    with pytest.raises(MicroExpError, match="no complete HDF5 file"):
        weights.read_metadata(path)


# ----------------------------------------------------- what a file is, and the right file for another model


def test_command_says_what_a_file_is(tmp_path, capsys):
    for path, *expected in (
        (STCNN, "Keras 2 whole model", "models.build_microexp_stcnn(frames=18, size=(14, 11)"),
        (STCNN_WEIGHTS, "frames           not in the file", "parameters       54019", "channels_first is assumed"),
    ):
        assert main(["inspect", str(path)]) == 0
        said = capsys.readouterr().out
        assert all(one in said for one in expected)
    assert weights.inspect(STCNN).assumption == ""
    assert main(["inspect", str(tmp_path / "none.h5")]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.startswith("error: ") and "none.h5: no such file" in shown.err


def test_a_model_is_built_and_loaded_from_its_file():
    arrays = np.load(STCNN.with_suffix(".npz"))
    inputs = np.moveaxis(arrays["inputs"], 1, -1)
    file = weights.inspect(STCNN)
    for model in (weights.load_model(STCNN), weights.load_model(STCNN_WEIGHTS, file.frames, file.size)):
        np.testing.assert_allclose(model.predict(inputs, verbose=0), arrays["predictions"], rtol=0, atol=1e-6)
    assert file.network == "stcnn"
    with pytest.raises(MicroExpError, match="classes"):
        weights.load_model(STCNN, num_classes=5)
    with pytest.raises(MicroExpError, match=r"does not say frames and size of its clips\. .*\(path, frames=, size=\)"):
        weights.load_model(STCNN_WEIGHTS)


OTHER_MODELS = {  # of the file, whether it is a whole model, what is said
    "frames": ({"size": (14, 11), "frames": 96}, True, "frames=96"),
    "classes": ({"num_classes": 5}, False, "num_classes=5"),
    "kernel": ({"kernel_size": (3, 3, 7)}, True, "kernel_size=(3, 3, 7)"),
    "network": ({"network": "late"}, True, "build_late_fusenet"),
    "as many features in another order": ({"size": (11, 14)}, True, "size=(11, 14)"),
    "features": ({"size": (17, 17)}, False, "frames=?, size=?"),
}


@pytest.mark.parametrize("case", OTHER_MODELS)
def test_says_how_to_build_the_model(tmp_path, stcnn, case):
    settings, whole_model, said = OTHER_MODELS[case]
    weights.save_keras2_hdf5(randomised(**{"network": "stcnn", "frames": 18, **settings}), tmp_path / "x", whole_model)
    other = "other weights than of MicroExpSTCNN with num_classes=3, frames=18, size=(14, 11)"
    refuses(stcnn, tmp_path / "x", other, "Build the model with models.build_", said)


@pytest.mark.parametrize(("frames", "kernel_size"), [(18, (3, 3, 15)), (96, (3, 3, 93))])
def test_paper_sizes_are_derived_without_a_config(tmp_path, frames, kernel_size):
    model = models.build_microexp_stcnn(frames=frames, kernel_size=kernel_size)
    weights.save_keras2_hdf5(model, tmp_path / "x.hdf5", whole_model=False)
    found = weights.inspect(tmp_path / "x.hdf5")
    assert (found.frames, found.frames_range, found.size) == (frames, (frames - 1, frames + 1), (64, 64))
    assert not found.exact and found.parameters == model.count_params()
    one_more = models.build_microexp_stcnn(frames=19, size=(16, 13))  # the pooling discards it
    assert weights.load_weights(one_more, STCNN).frames == 18


def test_only_our_models(tmp_path):
    other = keras.Sequential([keras.Input((3,)), layers.Dense(2, name="d")])
    with pytest.raises(MicroExpError, match=r"microexp_keras\.models"):
        weights.load_weights(other, STCNN)
    with pytest.raises(MicroExpError, match=r"microexp_keras\.models"):
        weights.save_keras2_hdf5(other, tmp_path / "x.hdf5")
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------------- files that do harm


def put(file, path, data=None, **settings):
    """Put another dataset where `path` is."""
    file.pop(path, None)
    file.create_dataset(path, data=data, **settings)


def instead(values, path=KERNEL, **settings):
    """Put something else where a kernel is."""
    return lambda file: put(file, path, values, **settings)


def virtual(file):
    layout = h5py.VirtualLayout((384, 128), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(384, 128))
    file.pop(KERNEL)
    file.create_virtual_dataset(KERNEL, layout)


def link(link, path=KERNEL):
    return lambda file: (file.pop(path, None), file.__setitem__(path, link))


def bomb(file):
    """49,152 floats as declared, but a stored chunk that inflates to 64 MB."""
    put(file, KERNEL, dtype="f4", shape=(384, 128), chunks=(384, 128), compression="gzip")
    file[KERNEL].id.write_direct_chunk((0, 0), zlib.compress(bytes(2**26), 9))


def config(layer=None, **changed):
    """Change the settings of a layer, or add a layer, in the description of the model."""

    def act(file):
        described = json.loads(file.attrs["model_config"])
        if layer is None:
            described["config"].append(changed)
        else:
            described["config"][layer]["config"].update(changed)
        file.attrs["model_config"] = json.dumps(described)

    return act


def layer_names(*names):
    return lambda file: file["model_weights"].attrs.update(layer_names=names)


def without(path):
    return lambda file: file.pop(path)


ELSEWHERE = {"shape": (384, 128), "dtype": "f4", "external": [("/etc/passwd", 0, 384 * 128 * 4)]}
OTHER = np.zeros(4, "f4")

HOSTILE = {
    "soft link": (link(h5py.SoftLink("/elsewhere")), "kernel:0 is a link to /elsewhere"),
    "external link": (link(h5py.ExternalLink("/etc/passwd", "/x")), "kernel:0 is a link to /etc/passwd/x"),
    "external storage": (instead(None, **ELSEWHERE), "in another file"),
    "virtual": (virtual, "in another file"),
    "compression bomb": (bomb, "compressed"),
    "chunks": (instead(np.zeros((384, 128), "f4"), chunks=(8, 8)), "in pieces"),
    "petabytes": (instead(None, shape=(2**40, 2**10), dtype="f4"), "the file does not hold them"),
    "nothing stored": (instead(None, shape=(384, 128), dtype="f4"), "the file does not hold them"),
    "no dataspace": (instead(h5py.Empty("f4")), "not an array of numbers"),
    "shape": (instead(np.zeros((383, 128), "f4")), "383 features"),
    "empty": (instead(np.zeros((0, 128), "f4")), "dense_1 kernel"),
    "scalar": (instead(np.float32(1)), "dense_1"),
    "strings": (instead(np.full((384, 128), b"x")), "dense_1/kernel:0 is not an array of numbers"),
    "integers": (instead(np.zeros((384, 128), "i4")), "int32"),
    "nan": (lambda file: file[KERNEL].__setitem__((3, 4), np.nan), "dense_1 holds NaN or infinity"),
    "overflow": (instead(np.full((384, 128), 1e300)), "dense_1 holds NaN or infinity"),
    "missing array": (without(KERNEL), "a kernel and a bias"),
    "missing layer": (without("model_weights/dense_1"), "found 2 layers"),
    "layer not named": (layer_names(b"conv3d_1", b"dense_1"), "dense_2"),
    "extra layer": (instead(OTHER, "model_weights/extra/x"), "extra"),
    "other layer named": (layer_names(b"conv3d_1/../../secret"), "layer_names"),
    "no names": (lambda file: file["model_weights"].attrs.pop("layer_names"), "layer_names"),
    "large config": (lambda file: file.attrs.update(model_config="x" * 2**21), "model_config"),
    "other json": (lambda file: file.attrs.update(model_config='{"config": 3}'), "model_config"),
    "lambda layer": (config(class_name="Lambda", config={}), "Lambda"),
    "other pooling": (config(1, strides=[2, 2, 2]), "MaxPooling3D strides"),
    "other activation": (config(0, activation="tanh"), "tanh"),
    "other head": (config(4, activation="linear"), "activations"),
    "other clips": (config(0, batch_input_shape=[None, 1, 64, 64, 18]), "64x64x18"),
    "other backend": (lambda file: file.attrs.update(backend="theano"), "Theano"),
    "Keras 3, link": (link(h5py.ExternalLink("/etc/passwd", "/x"), "layers/dense/vars/2"), "a link to"),
    "Keras 3, third array": (instead(OTHER, "layers/dense/vars/2"), "a kernel and a bias"),
    "Keras 3, extra layer": (instead(OTHER, "layers/dense_9/vars/0"), "dense_9"),
    "Keras 3, missing layer": (without("layers/dense_1"), "found 2 layers"),
    "Keras 3, shape": (instead(OTHER, "layers/dense_1/vars/1"), "dense_2 bias: its shape is 4 instead of 3"),
    "Keras 3, no layers": (without("layers"), "no weights of a Keras model"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refuses(tmp_path, stcnn, name):
    harm, fragment = HOSTILE[name]
    path = tmp_path / "hostile.weights.h5"
    if name.startswith("Keras 3"):
        stcnn.save_weights(path)
    else:
        shutil.copy(STCNN, path)
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
    refuses(stcnn, path, ".keras archive", f"unzip {path} model.weights.h5")
    with h5py.File(path, "w"):
        pass
    refuses(stcnn, path, "no weights of a Keras model")


@pytest.mark.parametrize("make", corpus.HDF5, ids=lambda make: make.__name__)
def test_the_worst_files_are_refused_at_once(tmp_path, make):
    path = tmp_path / "worst.weights.h5"
    path.write_bytes(make())
    assert limited(lambda: weights.inspect(path)).startswith(f"MicroExpError: {path}: ")


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.slow
def test_some_damaged_files(tmp_path, kind):
    """`make fuzz` reads thousands."""
    counts, failures, _, megabytes = fuzz.run(kind, tmp_path, count=50, seed=1)
    least = 1 if kind == "video" else 5  # decoders of videos conceal most damage
    assert failures == [] and counts["refused"] > least and megabytes < MEGABYTES


def test_an_array_that_declares_more_than_there_is_takes_no_memory(tmp_path):
    declared = {"descr": "<f4", "fortran_order": False, "shape": (2**20, 1, 64, 64, 18)}
    with open(tmp_path / "x.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, declared)
        file.write(bytes(1000))
    said = limited(lambda: original_npy.read([tmp_path / "x.npy"], tmp_path / "x.npy", ["face"], 3))
    assert "x.npy: is no .npy file of numbers" in said and "MemoryError" not in said


@pytest.mark.parametrize("kind", ["ours", "whole", "alone"])
def test_every_flipped_bit_of_an_array_is_noticed(tmp_path, kind):
    model, path, draw = NETWORKS["late"].build(frames=18, size=(9, 9)), tmp_path / "x.weights.h5", random.Random(0)
    training.compile_model(model, 0.01)  # what `ours` keeps of the optimiser is small and stored in another way
    if kind == "ours":
        weights.save_weights(model, path)
    else:
        weights.save_keras2_hdf5(model, path, whole_model=kind == "whole")
    data, found = path.read_bytes(), []
    with h5py.File(path) as file:
        file.visititems(lambda _, one: found.append(one[()]) if isinstance(one, h5py.Dataset) else None)
    for array in [one.tobytes() for one in found if one.any()]:  # zeros are also where nothing is stored
        place, changed = data.index(array) + draw.randrange(len(array)), bytearray(data)
        changed[place] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        with pytest.raises(MicroExpError, match=r"damaged|checksum|complete"):
            weights.load_weights(model, path)


# ---------------------------------------------------------------------------------- records of a run

RESULT = {
    "clips": ["a", "b"],
    "probabilities": [[0.7, 0.2, 0.1], [0.0, 0.0, 1.0]],
    "best_epoch": 1,
    "weights": "weights-improvement-01-0.50.weights.h5",
    "diverged": None,
    "devices": ["CPU"],
    "saliency": None,
}


@pytest.fixture
def fold(tmp_path):
    """A folder with the history of two epochs, and a function that writes a result there and reads it."""
    (tmp_path / "history.csv").write_text("epoch,val_accuracy,val_only_class\n0,0.25,-1\n1,0.5,-1\n")

    def read(has_epochs=True, **changed):
        (tmp_path / "result.json").write_text(json.dumps({**RESULT, **changed}))
        return read_result(tmp_path, RESULT["clips"], 3, has_epochs)

    return read


def test_a_result_that_is_whole_is_read(fold):
    found = fold()
    assert found.probabilities.tolist() == RESULT["probabilities"] and found.best_path.name == RESULT["weights"]
    assert found.best_epoch == 1 and found.devices == ["CPU"] and len(found.history) == 2
    assert fold(has_epochs=False, best_epoch=None).best_epoch is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"has_epochs": False},
        {"best_epoch": None},
        {"best_epoch": 2},
        {"best_epoch": 1.0},
        {"probabilities": [[0.5, 0.2, 0.1], [0, 0, 1]]},
        {"probabilities": [[np.nan, 0, 1], [0, 0, 1]]},
        {"probabilities": [[0, 0, 1]]},
        {"clips": ["a", "c"]},
        {"weights": 0},
        {"devices": "CPU"},
        {"diverged": 0},
    ],
    ids=str,
)
def test_a_result_with_a_field_that_cannot_be_is_refused(fold, wrong):
    with pytest.raises(MicroExpError, match=r"result\.json: is not the result of this fold .* Remove this file"):
        fold(**wrong)


@pytest.mark.parametrize("row", ["0,inf", "0,nan", "0", "0,1,2", "0," + "1" * 200_000], ids=lambda row: row[:5])
def test_a_history_of_other_numbers_is_refused(tmp_path, row):
    (tmp_path / "history.csv").write_text(f"epoch,loss\n{row}\n")
    with pytest.raises(MicroExpError, match=r"history\.csv: is not the history of a run"):
        History(tmp_path / "history.csv")
