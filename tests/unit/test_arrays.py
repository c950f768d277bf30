"""The original's .npy arrays: read with every doubt spoken out, written as its users' programs expect them."""

import numpy as np
import pytest

from microexp_keras.errors import MicroExpError
from microexp_keras.models import NETWORKS
from microexp_keras.preprocessing import original_npy

NAMES = ("eyes", "mouth")


@pytest.fixture
def saved(tmp_path):
    """What `write_validation` makes of five of seven clips for the Late network."""
    random = np.random.default_rng(0)
    inputs = {name: random.normal(size=(7, 8, 7, 17, 1)).astype("float32") for name in NAMES}
    labels, held_out = np.array([0, 2, 1, 1, 0, 2, 1]), np.array([6, 0, 3, 2, 5])
    origin = {"synthetic": True, "dataset": "smic"}
    original_npy.write_validation(tmp_path, NETWORKS["late"], inputs, labels, 3, held_out, origin)
    return tmp_path, {name: array[held_out] for name, array in inputs.items()}, labels[held_out]


def paths(folder):
    images = [folder / f"late_microexpfusenet_{letter}val_images.npy" for letter in "en"]
    return images, folder / "late_microexpfusenet_eval_labels.npy"


def test_what_is_written_is_read(saved):
    folder, inputs, labels = saved
    images, label_path = paths(folder)
    assert np.load(images[0]).shape == (5, 1, 8, 7, 17) and np.load(label_path).shape == (5, 3)
    np.save(folder / "at once.npy", inputs["eyes"].transpose(0, 4, 1, 2, 3))
    assert images[0].read_bytes() == (folder / "at once.npy").read_bytes()
    (folder / "at once.npy").unlink()
    stacks, read = original_npy.read(images, label_path, NAMES, 3)
    for name in NAMES:
        np.testing.assert_array_equal(stacks[name], inputs[name][..., 0])
    assert read.tolist() == labels.tolist()
    assert len(list(folder.glob("*.npy"))) == 4


REFUSED = {
    r"1 is not the number .* Give 2 \.npy files \(eyes, mouth, in this order\)": lambda images, labels: images.pop(),
    r"differ in shape: \[\(4, 8, 7, 17\), \(5, 8, 7, 17\)\]": lambda images, labels: fewer(images[1]),
    "not 5 labels from 0 to 2": lambda images, labels: fewer(labels),
}


def fewer(path):
    np.save(path, np.load(path)[:4])


@pytest.mark.parametrize("said", REFUSED)
def test_arrays_that_do_not_belong_together_are_refused(saved, said):
    images, labels = paths(saved[0])
    REFUSED[said](images, labels)
    with pytest.raises(MicroExpError, match=said):
        original_npy.read(images, labels, NAMES, 3)


def test_arrays_say_that_they_are_synthetic(saved):
    folder, *_ = saved
    images, _ = paths(folder)
    assert original_npy.are_synthetic(images)
    images[0].with_suffix(".json").unlink()
    assert original_npy.are_synthetic(images), "one of them is enough"
    images[1].with_suffix(".json").write_text('{"synthetic": false}')
    assert not original_npy.are_synthetic(images)
    images[1].with_suffix(".json").write_text("[")
    with pytest.raises(MicroExpError, match="does not say where the arrays come from"):
        original_npy.are_synthetic(images)
