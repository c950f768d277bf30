"""Clips to stacks, samples and standardized values; interpolation in time; the arrays of the original programs."""

import os
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from helpers import write_clips
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import write_images, write_video

from microexp_keras import datasets, preprocessing, protocols
from microexp_keras.datasets.frames import read_frames
from microexp_keras.errors import MicroExpError
from microexp_keras.models import NETWORKS
from microexp_keras.preprocessing import original_npy
from microexp_keras.preprocessing.tim import interpolate, interpolation_matrix

PROTOCOL = protocols.get("upstream")
FUSENET = protocols.get("upstream", "intermediate")
CLIPS = ["negative/s1_ne_1", "positive/s1_po_1", "surprise/s1_su_1"]


def test_standardisation_is_subtraction_of_the_mean_and_division_by_the_largest_rest():
    stacks = np.random.default_rng(0).integers(3, 251, (4, 5, 6, 7), np.uint8)
    values, statistics = preprocessing.standardize(stacks)
    rest = stacks - stacks.mean()
    np.testing.assert_allclose(values, rest / rest.max(), rtol=0, atol=1e-6)
    assert values.dtype == np.float32 and values.max() == 1
    again, _ = preprocessing.standardize(stacks[:1], statistics)
    np.testing.assert_array_equal(again, values[:1])
    with pytest.raises(MicroExpError, match="blank"):
        preprocessing.standardize(np.full((2, 4, 4, 3), 7, np.uint8))


def test_the_last_class_stands_twice_and_labels_go_by_position():
    counts = np.repeat([0, 1, 2], [66, 47, 43])
    order, labels = preprocessing.arrange(counts, FUSENET)
    assert len(order) == 199 and np.bincount(labels).tolist() == [109, 47, 43]
    assert np.bincount(order).tolist() == [1] * 113 + [2] * 43
    assert order[113:117].tolist() == [113, 113, 114, 114] and (labels[113:156] == 2).all() and not labels[156:].any()
    order, labels = preprocessing.arrange(counts, protocols.get("paper", "late"))
    assert order.tolist() == list(range(156)) and (labels == counts).all()


def test_short_clips_are_all_named(tmp_path):
    write_images(tmp_path / "selectedpic/s15/anger1_1", range(40), size=8)
    images = tuple(sorted((tmp_path / "selectedpic/s15/anger1_1").iterdir()))
    clips = [datasets.Clip(name, "s15", 0, images) for name in "ab"]
    with pytest.raises(MicroExpError, match=r"^2 of 2 clips: a \(40\), b \(40\), but .* 96 frames .* --protocol loso"):
        preprocessing.face_stacks(clips, protocols.get("upstream", "stcnn", "casme2"))
    assert preprocessing.face_stacks(clips, protocols.get("loso", "stcnn", "casme2")).shape == (2, 64, 64, 96)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_a_spoiled_frame_is_named_and_leaves_nothing_in_the_cache(tmp_path, monkeypatch, suffix):
    monkeypatch.setenv("MICROEXP_CACHE", str(tmp_path / "cache"))
    write_clips(tmp_path / "data", CLIPS, size=64, suffix=suffix)
    frame = tmp_path / "data" / CLIPS[1] / f"reg_image7{suffix}"
    data = frame.read_bytes()
    for spoiled in (b"no image", data[: len(data) // 2], b""):
        frame.write_bytes(spoiled)
        with pytest.raises(MicroExpError, match=rf"reg_image7\{suffix}: (no BMP|damaged|the image is cut off)"):
            preprocessing.load_samples(tmp_path / "data", PROTOCOL)
        assert list((tmp_path / "cache" / "stacks").iterdir()) == []


def test_the_fingerprint_changes_with_a_name_and_with_a_pixel_and_names_need_not_be_utf_8(tmp_path):
    def load():
        return preprocessing.load_samples(tmp_path, PROTOCOL, progress=False)

    write_clips(tmp_path, CLIPS, size=64)
    first = load()
    assert load().fingerprint == first.fingerprint
    clip = (tmp_path / CLIPS[0]).rename(os.fsdecode(os.fsencode(tmp_path / CLIPS[0]) + b"caf\xe9"))
    renamed = load()
    np.testing.assert_array_equal(renamed.stacks["face"], first.stacks["face"])
    frame = cv2.imdecode(np.fromfile(clip / "reg_image3.png", np.uint8), cv2.IMREAD_COLOR)
    frame[5, 5] = 255 - frame[5, 5]
    (clip / "reg_image3.png").write_bytes(cv2.imencode(".png", frame)[1].tobytes())
    assert len({first.fingerprint, renamed.fingerprint, load().fingerprint}) == 3


def test_all_frames_of_a_video_are_read_where_a_protocol_says_so(tmp_path):
    path = tmp_path / "angry" / "15_long.avi"
    write_video(path, 30)
    clip = datasets.Clip("15_long", "s15", 0, datasets.Video(path))
    protocol = replace(protocols.get("published", "lbp-top"), frames=10, size=16)
    frames = list(read_frames(clip))
    whole = np.stack([preprocessing.gray(frame, 16) for frame in frames], axis=2)
    assert len(frames) == 30
    np.testing.assert_array_equal(preprocessing.face_stacks([clip], protocol)[0], interpolate(whole, 10))
    write_video(path, 1)
    with pytest.raises(MicroExpError, match="only 1 can be decoded, but at least 2 frames are needed"):
        preprocessing.face_stacks([clip], protocol)


# --------------------------------------------------------------------------------------- interpolation in time


def test_known_matrices():
    np.testing.assert_allclose(interpolation_matrix(2, 3), [[1, 0.5, 0], [0, 0.5, 1]], atol=1e-12)
    outer = (0.45534, 0.66667, -0.12201)
    columns = [(1, 0, 0), outer, (0, 1, 0), outer[::-1], (0, 0, 1)]
    np.testing.assert_allclose(interpolation_matrix(3, 5), np.transpose(columns), atol=5e-6)
    shorter = interpolation_matrix(18, 10)
    assert (shorter.min(), shorter.max()) == pytest.approx((-0.217, 1.001), abs=5e-4)  # overshoot is real


def model_by_svd(frames, m):
    """The model as it was published: (pixels, n) to (pixels, m)."""
    n = frames.shape[1]
    mean = frames.mean(axis=1, keepdims=True)
    left, values, right = np.linalg.svd(frames - mean, full_matrices=False)
    left, q = left[:, : n - 1], values[: n - 1, None] * right[: n - 1]
    path = np.diag(np.ones(n - 1), 1)
    path += path.T
    _, vectors = np.linalg.eigh(np.diag(path.sum(axis=0)) - path)  # ascending; the first is constant
    order = np.arange(1, n)[:, None]

    def curve(positions):
        return np.sin(np.pi * order * positions / n + np.pi * (n - order) / (2 * n))

    embedded = vectors[:, 1:n].T
    scale = embedded[:, 0] / curve(1.0)[:, 0]
    to_curve, *_ = np.linalg.lstsq(embedded.T, q.T, rcond=None)
    return mean + left @ (to_curve.T @ (scale[:, None] * curve(np.linspace(1, n, m))))


@pytest.mark.parametrize(("n", "m"), [(2, 3), (3, 5), (5, 10), (11, 10), (18, 10), (33, 10), (58, 20), (10, 10)])
def test_it_is_the_published_model(n, m):
    frames = np.random.default_rng(n).uniform(0, 255, (300, n))
    np.testing.assert_allclose(frames @ interpolation_matrix(n, m), model_by_svd(frames, m), atol=1e-8)


@given(n=st.integers(1, 60), m=st.integers(2, 60))
@settings(max_examples=60, deadline=None)
def test_every_matrix(n, m):
    matrix = interpolation_matrix(n, m)
    assert matrix.shape == (n, m) and matrix.dtype == np.float64
    np.testing.assert_allclose(matrix.sum(axis=0), 1, atol=1e-9)  # constants stay
    np.testing.assert_allclose(matrix[::-1, ::-1], matrix, atol=1e-9)  # backwards in time is the same model
    if n == m:
        np.testing.assert_allclose(matrix, np.eye(n), atol=1e-9)
    if n > 1:
        np.testing.assert_allclose(matrix[:, 0], np.eye(n)[0], atol=1e-9)  # the first frame stays the first


def test_clips_keep_their_frames_round_half_to_even_and_clip_overshoot():
    clip = np.random.default_rng(0).integers(0, 256, (6, 5, 18), np.uint8)
    np.testing.assert_array_equal(interpolate(clip, 18), clip)
    shorter = interpolate(clip, 10)
    assert shorter.dtype == np.uint8 and shorter.shape == (6, 5, 10)
    np.testing.assert_array_equal(shorter[..., [0, -1]], clip[..., [0, -1]])
    levels = np.arange(256)
    pairs = np.stack(np.meshgrid(levels, levels), axis=2).astype(np.uint8)  # every pair of gray levels
    exact = [[round(Fraction(one + other, 2)) for one in range(256)] for other in range(256)]
    np.testing.assert_array_equal(interpolate(pairs, 3)[..., 1], exact)
    step = np.repeat([0, 255], 9).astype(np.uint8).reshape(1, 1, 18)
    exact = step[0, 0] @ interpolation_matrix(18, 10)
    assert exact.min() < -1 and exact.max() > 256
    np.testing.assert_array_equal(interpolate(step, 10)[0, 0], np.clip(np.rint(exact), 0, 255))


# --------------------------------------------------------------------------- arrays of the original programs

NAMES = ("eyes", "mouth")


@pytest.fixture
def saved(tmp_path):
    """Five of seven synthetic clips for the Late network, as the original keeps them; their stacks and labels."""
    random = np.random.default_rng(0)
    inputs = {name: random.normal(size=(7, 8, 7, 17, 1)).astype("float32") for name in NAMES}
    labels, held_out = np.array([0, 2, 1, 1, 0, 2, 1]), np.array([6, 0, 3, 2, 5])
    origin = {"synthetic": True, "dataset": "smic"}
    original_npy.write_validation(tmp_path, NETWORKS["late"], inputs, labels, 3, held_out, origin)
    images = [tmp_path / f"late_microexpfusenet_{letter}val_images.npy" for letter in "en"]
    kept = {name: array[held_out] for name, array in inputs.items()}
    return images, tmp_path / "late_microexpfusenet_eval_labels.npy", kept, labels[held_out]


def test_arrays_are_written_as_the_original_does_and_read_again(saved, tmp_path):
    images, label_path, inputs, labels = saved
    assert np.load(images[0]).shape == (5, 1, 8, 7, 17) and np.load(label_path).shape == (5, 3)
    assert len(list(tmp_path.glob("*.npy"))) == 4
    np.save(tmp_path / "at once.npy", inputs["eyes"].transpose(0, 4, 1, 2, 3))
    assert images[0].read_bytes() == (tmp_path / "at once.npy").read_bytes()
    stacks, read = original_npy.read(images, label_path, NAMES, 3)
    for name in NAMES:
        np.testing.assert_array_equal(stacks[name], inputs[name][..., 0])
    assert read.tolist() == labels.tolist()


def test_arrays_that_do_not_belong_together_are_refused(saved, tmp_path):
    images, labels, *_ = saved
    fewer_images, fewer_labels = tmp_path / "images.npy", tmp_path / "labels.npy"
    for whole, fewer in ((images[1], fewer_images), (labels, fewer_labels)):
        np.save(fewer, np.load(whole)[:4])
    for given_images, given_labels, said in (
        (images[:1], labels, r"1 is not the number .* Give 2 \.npy files \(eyes, mouth, in this order\)"),
        ([images[0], fewer_images], labels, r"differ in shape: \[\(4, 8, 7, 17\), \(5, 8, 7, 17\)\]"),
        (images, fewer_labels, "not 5 labels from 0 to 2"),
    ):
        with pytest.raises(MicroExpError, match=said):
            original_npy.read(given_images, given_labels, NAMES, 3)


def test_arrays_say_that_they_are_synthetic(saved):
    images, *_ = saved
    assert original_npy.are_synthetic(images)
    images[0].with_suffix(".json").unlink()
    assert original_npy.are_synthetic(images), "one of them is enough"
    images[1].with_suffix(".json").write_text('{"synthetic": false}')
    assert not original_npy.are_synthetic(images)
    images[1].with_suffix(".json").write_text("[")
    with pytest.raises(MicroExpError, match="does not say where the arrays come from"):
        original_npy.are_synthetic(images)
