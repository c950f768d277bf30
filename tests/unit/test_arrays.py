"""The original's .npy arrays: read with every doubt spoken out, written as its users' programs expect them."""

from types import SimpleNamespace

import numpy as np
import pytest

from microexp_keras.errors import MicroExpError
from microexp_keras.models import NETWORKS
from microexp_keras.notes import Note
from microexp_keras.preprocessing import measure, original_npy, standardize
from microexp_keras.runs import scored_clips

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


def test_one_array_is_not_enough_for_two_inputs(saved):
    images, labels = paths(saved[0])
    with pytest.raises(MicroExpError, match=r"expected 2 \.npy files \(eyes, mouth, in this order\), found 1"):
        original_npy.read(images[:1], labels, NAMES, 3)


def test_arrays_of_different_clips_are_refused(saved):
    images, labels = paths(saved[0])
    np.save(images[1], np.load(images[1])[:4])
    with pytest.raises(MicroExpError, match=r"one shape, found \(4, 1, 8, 7, 17\) and \(5, 1, 8, 7, 17\)"):
        original_npy.read(images, labels, NAMES, 3)


def test_labels_of_other_clips_are_refused(saved):
    images, labels = paths(saved[0])
    np.save(labels, np.array([0, 1, 2]))
    with pytest.raises(MicroExpError, match="expected 5 labels from 0 to 2"):
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
    with pytest.raises(MicroExpError, match="something else"):
        original_npy.are_synthetic(images)


def rendered(notes):
    return [Note.of(note).render() for note in notes]


def test_swapped_eyes_and_mouth_are_named(tmp_path):
    random = np.random.default_rng(0)
    levels = {name: random.integers(0, most, (6, 8, 7, 18), np.uint8) for name, most in (("eyes", 200), ("mouth", 90))}
    for name, stack in levels.items():
        np.save(tmp_path / f"{name}.npy", standardize(stack)[0][:3, None])
    np.save(tmp_path / "labels.npy", np.array([0, 1, 2]))
    statistics = {name: measure(stack)._asdict() for name, stack in levels.items()}
    file = SimpleNamespace(network="late", path="late.h5", metadata={"statistics": statistics})

    def taken(*names):
        images = [tmp_path / f"{name}.npy" for name in names]
        return scored_clips.from_arrays(images, tmp_path / "labels.npy", NAMES, 3, file)

    assert not any("WARNING" in note for note in rendered(taken("eyes", "mouth").notes))
    with pytest.raises(MicroExpError, match=r"expected eyes and mouth, in this order, found mouth and eyes"):
        taken("mouth", "eyes")
    file.metadata = {"statistics": {"eyes": statistics["eyes"], "mouth": statistics["eyes"]}}
    assert sum("standardised differently" in note for note in rendered(taken("eyes", "mouth").notes)) == 1
