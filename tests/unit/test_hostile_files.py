"""Files from strangers: no wait without end, no memory without end, and no damage that is not noticed."""

import json
import random

import h5py
import numpy as np
import pytest
from fuzz import corpus, fuzz
from fuzz.subjects import KINDS
from helpers import GOLDEN, MEGABYTES, limited

from microexp_keras import training, weights
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import NETWORKS
from microexp_keras.preprocessing import original_npy
from microexp_keras.runs.run import read_result
from microexp_keras.training.history import History

STCNN = GOLDEN[0] / "keras2" / "stcnn.hdf5"
CLIPS = ["a", "b"]


# ------------------------------------------------------------------------------------------------ HDF5


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
    with open(tmp_path / "x.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (2**20, 1, 64, 64, 18)}
        )
        file.write(bytes(1000))
    said = limited(lambda: original_npy.read([tmp_path / "x.npy"], tmp_path / "x.npy", ["face"], 3))
    assert "x.npy: is no .npy file of numbers" in said and "MemoryError" not in said


# -------------------------------------------------------------------------------------------- checksums


def flipped(data, place, bit=0):
    changed = bytearray(data)
    changed[place] ^= 1 << bit
    return bytes(changed)


def ours(path, model):
    weights.save_weights(model, path)


def whole(path, model):
    weights.save_keras2_hdf5(model, path)


def alone(path, model):
    weights.save_keras2_hdf5(model, path, whole_model=False)


@pytest.mark.parametrize("write", [ours, whole, alone], ids=lambda write: write.__name__)
def test_every_flipped_bit_of_an_array_is_noticed(tmp_path, write):
    model, path, draw = NETWORKS["late"].build(frames=18, size=(9, 9)), tmp_path / "x.weights.h5", random.Random(0)
    training.compile_model(model, 0.01)  # what `ours` keeps of the optimiser is small and stored in another way
    write(path, model)
    data = path.read_bytes()
    with h5py.File(path) as file:
        found = []
        file.visititems(lambda _, one: found.append(one[()]) if isinstance(one, h5py.Dataset) else None)
    for array in [one.tobytes() for one in found if one.any()]:  # zeros are also where nothing is stored
        place = data.index(array) + draw.randrange(len(array))
        path.write_bytes(flipped(data, place, draw.randrange(8)))
        with pytest.raises(MicroExpError, match=r"damaged|checksum|complete"):
            weights.load_weights(model, path)


# ---------------------------------------------------------------------------------- records of a run

RESULT = {
    "clips": CLIPS,
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

    def read(text, has_epochs=True):
        (tmp_path / "result.json").write_bytes(text.encode("latin-1"))
        return read_result(tmp_path, CLIPS, 3, has_epochs)

    return read


def test_a_result_that_is_whole_is_read(fold):
    found = fold(json.dumps(RESULT))
    assert found.probabilities.tolist() == RESULT["probabilities"] and found.best_path.name == RESULT["weights"]
    assert found.best_epoch == 1 and found.devices == ["CPU"] and len(found.history) == 2
    without = json.dumps({**RESULT, "best_epoch": None})
    assert fold(without, has_epochs=False).best_epoch is None
    for text, has_epochs in ((without, True), (json.dumps(RESULT), False)):
        with pytest.raises(MicroExpError, match="is not the result of this fold"):
            fold(text, has_epochs)


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
    with pytest.raises(MicroExpError, match="no complete HDF5 file"):
        weights.read_metadata(path)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("probabilities", "[[0.5, 0.2, 0.1], [0, 0, 1]]"),
        ("probabilities", "[[NaN, 0, 1], [0, 0, 1]]"),
        ("probabilities", "[[0, 0, 1]]"),
        ("clips", '["a", "c"]'),
        ("best_epoch", "2"),
        ("best_epoch", "1.0"),
        ("weights", "0"),
        ("devices", '"CPU"'),
        ("diverged", "0"),
    ],
)
def test_a_result_with_a_field_that_cannot_be_is_refused(fold, field, text):
    others = {name: json.dumps(value) for name, value in RESULT.items()}
    record = "{" + ", ".join(f'"{name}": {value}' for name, value in {**others, field: text}.items()) + "}"
    with pytest.raises(MicroExpError, match=r"result\.json: is not the result of this fold .* Remove this file"):
        fold(record)


@pytest.mark.parametrize("row", ["0,inf", "0,nan", "0", "0,1,2", "0," + "1" * 200_000])
def test_a_history_of_other_numbers_is_refused(tmp_path, row):
    (tmp_path / "history.csv").write_text(f"epoch,loss\n{row}\n")
    with pytest.raises(MicroExpError, match=r"history\.csv: is not the history of a run"):
        History(tmp_path / "history.csv")
