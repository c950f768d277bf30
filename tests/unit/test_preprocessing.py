"""Stacks equal the original's pixel for pixel; standardisation equals it to 2e-6."""

import os
import shutil

import cv2
import numpy as np
import pytest
from helpers import GOLDEN, write_clips

from microexp_keras import datasets, landmarks, preprocessing, protocols
from microexp_keras.errors import MicroExpError

PROTOCOL = protocols.get("upstream")
FUSENET = protocols.get("upstream", "intermediate")
# Of the six golden clips together; two of them are in tests/golden. Checked below where all six are at hand.
SIX_CLIPS = preprocessing.Statistics(mean=141.59388111255788, max=243.0)
PLACES = {"s1_ne_01": 0, "s2_ne_02": 1, "s3_po_01": 2, "s4_po_02": 3, "s5_sur_01": 4, "s6_sur_02": 5}


def original_images(golden):
    return np.load(golden / "arrays" / "smic_stcnn_images.npz")["array"][:, 0]


def found_classes(root, tmp_path):
    """The golden clips with an empty stand-in for a class of which tests/golden has none."""
    for name in ("Negative", "Positive", "Surprise"):
        if (root / name).exists():
            (tmp_path / name).symlink_to(root / name)
        else:
            write_clips(tmp_path, [f"{name}/s99_po_99"])
    return [clip for clip in datasets.find_clips(tmp_path) if clip.id in PLACES]


def test_face_stacks_equal_the_originals_levels(golden, tmp_path):
    clips = found_classes(golden / "clips" / "smic", tmp_path)
    stacks = preprocessing.face_stacks(clips, PROTOCOL)
    span = SIX_CLIPS.max - SIX_CLIPS.mean
    levels = np.rint(original_images(golden) * span + SIX_CLIPS.mean)[[PLACES[clip.id] for clip in clips]]
    assert len(clips) >= 2 and stacks.dtype == np.uint8
    np.testing.assert_array_equal(stacks, levels)


def test_standardised_values_equal_the_originals(golden, tmp_path):
    clips = found_classes(golden / "clips" / "smic", tmp_path)
    stacks = preprocessing.face_stacks(clips, PROTOCOL)
    complete = len(clips) == len(PLACES)
    values, statistics = preprocessing.standardize(stacks, None if complete else SIX_CLIPS)
    assert statistics == pytest.approx(SIX_CLIPS, abs=1e-9)
    expected = original_images(golden)[[PLACES[clip.id] for clip in clips]]
    np.testing.assert_allclose(values, expected, rtol=0, atol=2e-6)


def test_standardisation_is_subtraction_of_the_mean_and_division_by_the_largest_rest():
    stacks = np.random.default_rng(0).integers(3, 251, (4, 5, 6, 7), np.uint8)
    values, statistics = preprocessing.standardize(stacks)
    rest = stacks - stacks.mean()
    np.testing.assert_allclose(values, rest / rest.max(), rtol=0, atol=1e-6)
    assert values.dtype == np.float32 and values.max() == 1
    again, _ = preprocessing.standardize(stacks[:1], statistics)
    np.testing.assert_array_equal(again, values[:1])


REGIONS = {  # of the eight samples of the six golden clips; two of the clips are in tests/golden
    "eyes": preprocessing.Statistics(mean=163.13977728949652, max=238.0),
    "mouth": preprocessing.Statistics(mean=170.61475287543402, max=253.0),
}


def test_eyes_and_mouth_equal_the_originals_levels(golden, tmp_path):
    clips = found_classes(golden / "clips" / "smic", tmp_path)
    stacks, notes = preprocessing.region_stacks(clips, FUSENET)
    places = [{"s6_sur_02": 6}.get(clip.id, PLACES[clip.id]) for clip in clips]  # behind two copies of s5_sur_01
    for name, file in (("eyes", "eye"), ("mouth", "nose_mouth")):
        span = REGIONS[name].max - REGIONS[name].mean
        written = np.load(golden / "arrays" / f"smic_fusenet_{file}_images.npz")["array"][:, 0]
        levels = np.rint(written * span + REGIONS[name].mean)
        np.testing.assert_array_equal(stacks[name], levels[places])
    assert notes == []


def test_all_samples_of_the_fused_networks_equal_the_originals(golden):
    if len(list((golden / "clips" / "smic").glob("*/*"))) < 6:  # checked where all clips are at hand
        return
    samples = preprocessing.load_samples(golden / "clips" / "smic", FUSENET)
    inputs, statistics = preprocessing.network_inputs(samples.stacks)
    for name, file in (("eyes", "eye"), ("mouth", "nose_mouth")):
        assert statistics[name] == pytest.approx(REGIONS[name], abs=1e-9)
        written = np.load(golden / "arrays" / f"smic_fusenet_{file}_images.npz")["array"]
        np.testing.assert_allclose(inputs[name], np.moveaxis(written, 1, -1), rtol=0, atol=2e-6)


def test_a_video_gives_the_originals_levels(tmp_path):
    for name in ("angry", "happy", "disgust"):  # the same video in all folders, to stand for its class
        (tmp_path / name).mkdir()
        (tmp_path / name / f"21_{name}.avi").symlink_to(GOLDEN[0] / "clips" / "casme2" / "angry" / "21_angry.avi")
    clips = datasets.find_clips(tmp_path, "casme2")[:1]
    written = np.load(GOLDEN[0] / "arrays" / "casme2_21_angry_levels.npz")
    faces = preprocessing.face_stacks(clips, protocols.get("upstream", "stcnn", "casme2"))
    regions, _ = preprocessing.region_stacks(clips, protocols.get("upstream", "late", "casme2"))
    for name, stack in {"face": faces, **regions}.items():
        np.testing.assert_array_equal(stack[0], written[name])
    gray = preprocessing.face_stacks(clips, protocols.get("paper", "stcnn", "casme2"))
    assert (gray != faces).mean() > 0.1  # there red and blue have their own weights


def test_the_last_class_stands_twice_and_labels_go_by_position():
    counts = np.repeat([0, 1, 2], [66, 47, 43])
    order, labels = preprocessing.arrange(counts, FUSENET)
    assert len(order) == 199 and np.bincount(labels).tolist() == [109, 47, 43]
    assert np.bincount(order).tolist() == [1] * 113 + [2] * 43
    assert order[113:117].tolist() == [113, 113, 114, 114] and (labels[113:156] == 2).all() and not labels[156:].any()
    order, labels = preprocessing.arrange(counts, protocols.get("paper", "late"))
    assert order.tolist() == list(range(156)) and (labels == counts).all()


def test_samples_say_what_their_labels_are(small_faces):
    samples = preprocessing.load_samples(small_faces, FUSENET)
    assert len(samples.names) == 21 and len(set(samples.names)) == 21
    assert samples.names[11:13] == [samples.names[11], samples.names[11] + "#2"]
    assert np.bincount(samples.labels).tolist() == [11, 5, 5]
    assert "16 clips stand 21 times" in samples.notes[0]
    assert samples.mislabelled.tolist() == [False] * 16 + [True] * 5
    assert samples.clips.tolist() == [*range(11), *np.repeat(np.arange(11, 16), 2)]
    assert samples.stacks["eyes"].shape == (21, 32, 32, 18)
    np.testing.assert_array_equal(samples.stacks["mouth"][11], samples.stacks["mouth"][12])


def test_a_frame_of_another_size_is_named(small_faces, tmp_path):
    shutil.copytree(small_faces, tmp_path / "smic")
    clip = datasets.find_clips(tmp_path / "smic")[3]
    image = cv2.imread(str(clip.frames[5]))
    cv2.imwrite(str(clip.frames[5]), image[:60, :60])
    with pytest.raises(MicroExpError, match=r"expected 160x160 pixels as in the clip's first frame, found 60x60"):
        preprocessing.region_stacks([clip], FUSENET)


def test_neighbours_lend_their_points_and_the_samples_say_so(small_faces):
    clips = datasets.find_clips(small_faces)[:1]

    def one_lost(clip, images):
        found = landmarks.DlibLandmarks()(clip, images)
        found.faces[4] = 0
        return found

    lenient = protocols.get("paper", "late")
    stacks, notes = preprocessing.region_stacks(clips, lenient, one_lost)
    assert notes == [f"{clips[0].id}: no face in frame 4; their points are those of the neighbouring frames"]
    assert stacks["eyes"].shape == (1, 32, 32, 18)
    with pytest.raises(MicroExpError, match=r"reg_image0*5\.\w+: expected one face .* found no face"):
        preprocessing.region_stacks(clips, FUSENET, one_lost)


def test_short_clips_are_all_named(tmp_path):
    write_clips(tmp_path, ["negative/s1_ne_1", "positive/s1_po_1"], frames=11, size=8)
    write_clips(tmp_path, ["surprise/s1_su_1"], frames=18, size=8)
    with pytest.raises(MicroExpError, match=r"at least 18 .* 2 of 3: s1_ne_1 \(11\), s1_po_1 \(11\)"):
        preprocessing.load_samples(tmp_path, PROTOCOL)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
@pytest.mark.parametrize("fault", ["no image", "cut off", "empty"])
def test_a_spoiled_frame_is_named(tmp_path, suffix, fault):
    write_clips(tmp_path, ["negative/s1_ne_1", "positive/s1_po_1", "surprise/s1_su_1"], size=64, suffix=suffix)
    preprocessing.load_samples(tmp_path, PROTOCOL)
    frame = tmp_path / "positive" / "s1_po_1" / f"reg_image7{suffix}"
    data = frame.read_bytes()
    frame.write_bytes({"no image": b"no image", "cut off": data[: len(data) // 2], "empty": b""}[fault])
    with pytest.raises(MicroExpError, match=rf"reg_image7\{suffix}: expected a whole image"):
        preprocessing.load_samples(tmp_path, PROTOCOL)


def test_names_that_are_not_utf_8(tmp_path):
    write_clips(tmp_path, ["negative/s1_ne_1", "positive/s1_po_1", "surprise/s1_su_1"], size=64)
    clip = tmp_path / "negative" / "s1_ne_1"
    before = preprocessing.load_samples(tmp_path, PROTOCOL).stacks["face"]
    os.rename(os.fsencode(clip), os.fsencode(clip) + b"caf\xe9")
    np.testing.assert_array_equal(preprocessing.load_samples(tmp_path, PROTOCOL).stacks["face"], before)


def test_blank_frames_are_refused():
    with pytest.raises(MicroExpError, match="blank"):
        preprocessing.standardize(np.full((2, 4, 4, 3), 7, np.uint8))


def test_fingerprint_changes_with_a_name_and_with_a_pixel(tmp_path):
    def fingerprint():
        return preprocessing.load_samples(tmp_path, PROTOCOL, progress=False).fingerprint

    write_clips(tmp_path, ["negative/s1_ne_1", "positive/s1_po_1", "surprise/s1_su_1"], size=64)
    first = fingerprint()
    assert fingerprint() == first
    clip = (tmp_path / "negative" / "s1_ne_1").rename(tmp_path / "negative" / "s1_ne_2")
    renamed = fingerprint()
    frame = cv2.imread(str(clip / "reg_image3.png"))
    frame[5, 5] = 255 - frame[5, 5]
    cv2.imwrite(str(clip / "reg_image3.png"), frame)
    assert len({first, renamed, fingerprint()}) == 3
