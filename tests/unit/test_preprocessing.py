"""Clips to stacks, samples and standardised values; faults are named."""

import os
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from helpers import write_clips
from trees import write_images, write_video

from microexp_keras import datasets, landmarks, preprocessing, protocols
from microexp_keras.datasets.frames import read_frames
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing.tim import interpolate

PROTOCOL = protocols.get("upstream")
FUSENET = protocols.get("upstream", "intermediate")


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


@pytest.mark.slow
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
    with pytest.raises(MicroExpError, match="has frames of several sizes: 60x60, 160x160"):
        preprocessing.region_stacks([clip], protocols.get("paper", "late"))


def test_neighbours_lend_their_points_and_the_samples_say_so(small_faces):
    clips = datasets.find_clips(small_faces)[:1]

    def one_lost(clip, images, first):
        found = landmarks.DlibLandmarks()(clip, images)
        found.faces[4] = 0
        return found

    lenient = protocols.get("paper", "late")
    stacks, notes = preprocessing.region_stacks(clips, lenient, one_lost)
    assert notes == [f"{clips[0].id}: no face in frame 4; their points are those of the neighbouring frames"]
    assert stacks["eyes"].shape == (1, 32, 32, 18)
    with pytest.raises(MicroExpError, match=r"reg_image0*5\.\w+: no face, so that"):
        preprocessing.region_stacks(clips, FUSENET, one_lost)


def test_short_clips_are_all_named(tmp_path):
    write_images(tmp_path / "selectedpic/s15/anger1_1", range(40), size=8)
    images = tuple(sorted((tmp_path / "selectedpic/s15/anger1_1").iterdir()))
    clips = [datasets.Clip(name, "s15", 0, images) for name in "ab"]
    with pytest.raises(MicroExpError, match=r"^2 of 2 clips: a \(40\), b \(40\), but .* 96 frames .* --protocol loso"):
        preprocessing.face_stacks(clips, protocols.get("upstream", "stcnn", "casme2"))
    assert preprocessing.face_stacks(clips, protocols.get("loso", "stcnn", "casme2")).shape == (2, 64, 64, 96)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
@pytest.mark.parametrize("fault", ["no image", "cut off", "empty"])
def test_a_spoiled_frame_is_named(tmp_path, suffix, fault):
    write_clips(tmp_path, ["negative/s1_ne_1", "positive/s1_po_1", "surprise/s1_su_1"], size=64, suffix=suffix)
    preprocessing.load_samples(tmp_path, PROTOCOL)
    frame = tmp_path / "positive" / "s1_po_1" / f"reg_image7{suffix}"
    data = frame.read_bytes()
    frame.write_bytes({"no image": b"no image", "cut off": data[: len(data) // 2], "empty": b""}[fault])
    with pytest.raises(MicroExpError, match=rf"reg_image7\{suffix}: (no BMP|damaged|the image is cut off)"):
        preprocessing.load_samples(tmp_path, PROTOCOL)


def test_names_that_are_not_utf_8(tmp_path):
    write_clips(tmp_path, ["negative/s1_ne_1", "positive/s1_po_1", "surprise/s1_su_1"], size=64)
    clip = tmp_path / "negative" / "s1_ne_1"
    before = preprocessing.load_samples(tmp_path, PROTOCOL).stacks["face"]
    os.rename(os.fsencode(clip), os.fsencode(clip) + b"caf\xe9")
    np.testing.assert_array_equal(preprocessing.load_samples(tmp_path, PROTOCOL).stacks["face"], before)


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
