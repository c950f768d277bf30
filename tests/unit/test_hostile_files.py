"""Files from strangers: no wait without end, no memory without end, and no damage that is not noticed."""

import json
import os
import random
import shutil

import keras
import numpy as np
import pytest
from fuzz import corpus, fuzz
from fuzz.subjects import KINDS
from helpers import GOLDEN, MEGABYTES, limited

from microexp_keras import cache, models, training, weights
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import NETWORKS
from microexp_keras.preprocessing import original_npy, stack_cache
from microexp_keras.regular import read_json
from microexp_keras.runs.folder import read_config
from microexp_keras.runs.result import read_result
from microexp_keras.training.history import History
from microexp_keras.weights import checksums

STCNN = GOLDEN[0] / "keras2" / "stcnn.hdf5"
CLIPS = ["a", "b"]


def pipe(folder, name):
    os.mkfifo(folder / name)
    return folder / name


# ------------------------------------------------------------------------------------------------ HDF5


@pytest.mark.parametrize("make", corpus.HDF5, ids=lambda make: make.__name__)
def test_the_worst_files_are_refused_at_once(tmp_path, make):
    path = tmp_path / "worst.weights.h5"
    path.write_bytes(make())
    assert limited(lambda: weights.inspect(path)).startswith(f"MicroExpError: {path}: ")
    assert "None" in limited(lambda: stack_cache.kept_stacks(path, ["face"], (3, 4, 5, 6)))
    os.environ["MICROEXP_CACHE"], before = str(tmp_path), os.environ.get("MICROEXP_CACHE")
    try:
        shutil.copy(path, cache.place("stacks", "0" * 64))
        assert "about=None" in limited(lambda: cache.find("stacks"))
    finally:
        os.environ.pop("MICROEXP_CACHE") if before is None else os.environ.update(MICROEXP_CACHE=before)


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.slow
def test_some_damaged_files(tmp_path, kind):
    """`make fuzz` reads thousands."""
    counts, failures, _, megabytes = fuzz.run(kind, tmp_path, count=150, seed=1)
    least = 3 if kind == "video" else 10  # decoders of videos conceal most damage
    assert failures == [] and counts["refused"] > least and megabytes < MEGABYTES


def test_a_pipe_is_no_file(tmp_path):
    path = pipe(tmp_path, "x.h5")
    for read in (
        lambda: weights.inspect(path),
        lambda: original_npy.read([path], path, ["face"], 3),
        lambda: read_json(path),
        lambda: History(path),
    ):
        assert limited(read) == (
            f"MicroExpError: {path}: expected a regular file, found a pipe or a device. Copy its content into a file."
        )
    assert limited(lambda: stack_cache.kept_stacks(path, ["face"], (3, 4, 5, 6))) == "None"
    pipe(tmp_path, "config.json")
    assert "regular file" in limited(lambda: read_config(tmp_path))


def test_a_device_is_no_file():
    assert "regular file" in limited(lambda: weights.inspect("/dev/zero"))


def test_an_array_that_declares_more_than_there_is_takes_no_memory(tmp_path):
    with open(tmp_path / "x.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (2**20, 1, 64, 64, 18)}
        )
        file.write(bytes(1000))
    said = limited(lambda: original_npy.read([tmp_path / "x.npy"], tmp_path / "x.npy", ["face"], 3))
    assert "x.npy: expected a .npy file of numbers" in said and "MemoryError" not in said


# -------------------------------------------------------------------------------------------- checksums


@pytest.fixture(scope="module")
def small():
    model = models.build_microexp_stcnn(frames=18, size=(9, 8))
    training.compile_model(model, 0.01)
    return model


def state(model):
    return [keras.ops.convert_to_numpy(variable) for variable in [*model.weights, *model.optimizer.variables]]


def flipped(data, place, bit=0):
    changed = bytearray(data)
    changed[place] ^= 1 << bit
    return bytes(changed)


def test_every_flipped_bit_is_refused_or_changes_nothing(tmp_path, small):
    path, draw = tmp_path / "x.weights.h5", random.Random(0)
    weights.save_weights(small, path, {"epoch": 3})
    data, before, refused = path.read_bytes(), state(small), 0
    for _ in range(400):
        path.write_bytes(flipped(data, draw.randrange(len(data)), draw.randrange(8)))
        try:
            found = weights.load_weights(small, path, optimizer=True)
            assert found.metadata == {"epoch": 3}
        except MicroExpError:
            refused += 1
        assert all(map(np.array_equal, before, state(small)))
    assert refused > 200


@pytest.mark.parametrize("whole_model", [True, False])
@pytest.mark.parametrize("network", list(NETWORKS))
def test_an_export_carries_checksums(tmp_path, network, whole_model):
    model = NETWORKS[network].build(frames=18, size=(9, 9), kernel_size=(3, 3, 15))
    weights.save_keras2_hdf5(model, tmp_path / "x.hdf5", whole_model)
    found = weights.load_weights(model, tmp_path / "x.hdf5")
    assert found.checksums == len(model.get_weights())
    data = (tmp_path / "x.hdf5").read_bytes()
    kernel = model.get_weights()[0].tobytes()  # of a convolution: the same in channels first
    (tmp_path / "x.hdf5").write_bytes(flipped(data, data.index(kernel) + 5))
    with pytest.raises(MicroExpError, match=r"kernel: expected the checksum .* it was changed or damaged"):
        weights.load_weights(model, tmp_path / "x.hdf5")


def test_files_without_checksums_load_and_say_so(tmp_path, small, capsys):
    small.save_weights(tmp_path / "keras.weights.h5")
    assert weights.load_weights(small, tmp_path / "keras.weights.h5").checksums is None
    assert weights.inspect(STCNN).checksums is None
    assert weights.main(["inspect", str(STCNN)]) == 0
    assert "checksums        not in the file" in capsys.readouterr().out


def test_changed_metadata_and_missing_checksums_are_refused(tmp_path, small):
    import h5py

    path = tmp_path / "x.weights.h5"
    for change, said in (
        (lambda file: file.attrs.__setitem__("microexp_keras", np.bytes_('{"epoch": 4}')), "names and texts"),
        (lambda file: file.attrs.__setitem__(checksums.NAME, np.bytes_("{}")), "a checksum of each array"),
        (lambda file: file.attrs.__setitem__(checksums.NAME, np.bytes_("[[[")), "a checksum of each array"),
        (lambda file: file["layers/dense/vars"].attrs.__setitem__("name", "dense_2"), "names and texts"),
        (lambda file: file.attrs.__delitem__(checksums.NAME), "as the file says elsewhere"),
    ):
        weights.save_weights(small, path, {"epoch": 3})
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(MicroExpError, match=said):
            weights.inspect(path)


def test_keras_itself_reads_what_carries_checksums(tmp_path, small):
    weights.save_weights(small, tmp_path / "x.weights.h5")
    other = models.build_microexp_stcnn(frames=18, size=(9, 8))
    other.load_weights(tmp_path / "x.weights.h5")
    assert all(map(np.array_equal, small.get_weights(), other.get_weights()))


# ---------------------------------------------------------------------------------- records of a run

RESULT = {
    "subjects": ["s1"],
    "clips": CLIPS,
    "probabilities": [[0.7, 0.2, 0.1], [0.0, 0.0, 1.0]],
    "best_epoch": 1,
    "weights": "weights-improvement-01-0.50.weights.h5",
    "diverged": None,
    "devices": ["CPU"],
}


def test_a_result_that_is_whole_is_read(tmp_path):
    (tmp_path / "result.json").write_text(json.dumps(RESULT))
    assert read_result(tmp_path / "result.json", CLIPS, 3, 2) == RESULT
    (tmp_path / "result.json").write_text(json.dumps({**RESULT, "weights": None}))  # they are not kept
    assert read_result(tmp_path / "result.json", CLIPS, 3, 2)["weights"] is None


def test_a_result_without_epochs_names_none(tmp_path):
    path = tmp_path / "result.json"
    path.write_text(json.dumps({**RESULT, "best_epoch": None, "chosen": {"cost": 0.5}, "images": [0, 16]}))
    assert read_result(path, CLIPS, 3, None)["best_epoch"] is None
    with pytest.raises(MicroExpError, match="expected best_epoch: a number from 0 to 1"):
        read_result(path, CLIPS, 3, 2)
    path.write_text(json.dumps(RESULT))
    with pytest.raises(MicroExpError, match="expected best_epoch: null"):
        read_result(path, CLIPS, 3, None)


def test_arrays_come_back_even_empty_ones(tmp_path):
    path = tmp_path / "learned.h5"
    arrays = {"some": np.arange(6.0).reshape(2, 3), "none": np.empty((0, 3), np.float64), "whole": np.arange(3)}
    weights.save_arrays(path, arrays, {"model": "lbp-top"})
    kinds = {name: (array.dtype.kind, array.ndim) for name, array in arrays.items()}
    found = weights.read_arrays(path, kinds)
    assert all(
        np.array_equal(found[name], array) and found[name].shape == array.shape for name, array in arrays.items()
    )
    assert weights.read_metadata(path) == {"model": "lbp-top"}
    path.write_bytes(path.read_bytes().replace(b'"lbp-top"', b'"lbp-tip"'))
    with pytest.raises(MicroExpError, match="names and texts: expected the checksum"):
        weights.read_metadata(path)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("probabilities", "[[9e9, 0, 0], [0, 0, 1]]"),
        ("probabilities", "[[0.5, 0.2, 0.1], [0, 0, 1]]"),
        ("probabilities", "[[-1, 1, 1], [0, 0, 1]]"),
        ("probabilities", "[[1e400, 0, 0], [0, 0, 1]]"),
        ("probabilities", "[[true, 0, 0], [0, 0, 1]]"),
        ("probabilities", "[[0, 0, 1]]"),
        ("probabilities", "[]"),
        ("clips", '["a", "c"]'),
        ("best_epoch", "2"),
        ("best_epoch", "-1"),
        ("best_epoch", "1.0"),
        ("weights", '"../../x.h5"'),
        ("weights", '".."'),
        ("weights", '""'),
        ("weights", "0"),
        ("subjects", "[1]"),
        ("devices", '"CPU"'),
        ("diverged", "0"),
        ("saliency", '{"sheets": [{"input": "face", "file": "/etc/passwd", "clips": []}]}'),
        ("saliency", '{"sheets": [{"input": "face", "file": "passport.png", "clips": []}]}'),
        ("saliency", '{"sheets": 3}'),
        ("chosen", "{}"),
        ("chosen", '{"cost": 0}'),
        ("chosen", '{"cost": true}'),
        ("chosen", '{"cost": "1"}'),
        ("images", "[3, 2]"),
        ("images", "[0, 0]"),
        ("images", "[1]"),
        ("images", "7"),
    ],
)
def test_a_field_that_cannot_be_is_named(tmp_path, field, text):
    path = tmp_path / "result.json"
    others = {name: json.dumps(value) for name, value in RESULT.items()}
    path.write_text("{" + ", ".join(f'"{name}": {value}' for name, value in {**others, field: text}.items()) + "}")
    with pytest.raises(MicroExpError, match=rf"result\.json: expected {field}: .* Remove this file and resume"):
        read_result(path, CLIPS, 3, 2)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "[" * 10**5, "", "{", "\xff", "9" * 5000, "[1]", "null"])
def test_what_is_no_result_is_refused(tmp_path, text):
    (tmp_path / "result.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(MicroExpError, match=r"result\.json: expected (the result|an object)"):
        read_result(tmp_path / "result.json", CLIPS, 3, 2)


@pytest.mark.parametrize("row", ["0,inf", "0,nan", "inf,0", "0", "0,1,2", "0," + "1" * 200_000])
def test_a_history_of_other_numbers_is_refused(tmp_path, row):
    (tmp_path / "history.csv").write_text(f"epoch,loss\n{row}\n")
    with pytest.raises(MicroExpError, match=r"history\.csv: expected the history of a run"):
        History(tmp_path / "history.csv")
