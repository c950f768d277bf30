"""Synthetic SMIC: the same bytes from the same seed, SMIC's tree and counts, and a class that is nothing but motion."""

import hashlib
import os
import shutil
from collections import Counter

import cv2
import numpy as np
import pytest

from microexp_keras import datasets
from microexp_keras.datasets import __main__ as command
from microexp_keras.datasets.synthetic import smic as synthetic
from microexp_keras.errors import MicroExpError

FEW = (4, 3, 3)


def digest(root):
    """SHA-256 over the names and bytes of all files."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(str(path.relative_to(root)).encode() + path.read_bytes() for path in files)).digest()


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    return synthetic.write_smic(tmp_path_factory.mktemp("few") / "smic", 0, FEW, progress=False, workers=2)


@pytest.mark.slow
def test_the_seed_alone_decides_every_byte(few, tmp_path):
    assert digest(synthetic.write_smic(tmp_path / "serial", 0, FEW, progress=False, workers=1)) == digest(few)
    assert digest(synthetic.write_smic(tmp_path / "other", 1, FEW, progress=False)) != digest(few)


def test_a_clip_does_not_depend_on_how_many_others_there_are(few, tmp_path):
    fewer = synthetic.write_smic(tmp_path / "fewer", 0, (1, 1, 1), progress=False)
    clip = "HS/s1/micro/surprise/s1_sur_01"
    assert digest(fewer / clip) == digest(few / clip)


def test_the_tree_is_smics_and_says_that_it_is_synthetic(few):
    clips = datasets.find_clips(few)
    assert Counter(clip.label for clip in clips) == dict(enumerate(FEW))
    assert [clip.id for clip in clips if clip.label == 0] == ["s1_ne_01", "s1_ne_02", "s1_ne_03", "s3_ne_01"]
    assert (few / "HS/s1/micro/negative/s1_ne_01/reg_image000001.jpg").is_file()
    assert datasets.are_synthetic(clips)
    for clip in clips:
        assert synthetic.MIN_FRAMES <= len(clip.frames) <= synthetic.MAX_FRAMES
        assert all(cv2.imread(str(frame)).shape == (160, 160, 3) for frame in clip.frames)
    assert len({len(clip.frames) for clip in clips}) > 1


def test_counts_of_the_whole_set_are_the_papers():
    plan = synthetic._plan((66, 47, 43))
    assert Counter(label for _, label, *_ in plan) == {"negative": 66, "positive": 47, "surprise": 43}
    assert {number for number, *_ in plan} == {1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14, 15, 18, 19, 20}
    assert len({(number, take) for number, _, _, take in plan}) == len({name for _, _, name, _ in plan}) == 156


@pytest.fixture(scope="module")
def films():
    """The same clip at rest and with the motion of every class, (frames, rows, columns, 3)."""
    subject = synthetic.make_subject(0, 1)
    motions = {"rest": (0,) * len(synthetic.MOVEMENTS), **synthetic.MOTIONS}
    return {name: np.stack(list(synthetic.render_clip(subject, (0, 1, 1), motion))) for name, motion in motions.items()}


def test_the_class_enters_by_its_motion_alone(films):
    """Clips that differ in nothing but the motion have equal first and last frames, and unequal ones between."""
    for name in synthetic.MOTIONS:
        np.testing.assert_array_equal(films[name][0], films["rest"][0])
        np.testing.assert_array_equal(films[name][17:], films["rest"][17:])
        assert (films[name][9] != films["rest"][9]).any()


def test_eyes_and_mouth_both_move(films):
    for name in synthetic.MOTIONS:
        moved = np.abs(films[name][9].astype(int) - films["rest"][9]).mean(axis=(1, 2))
        assert moved[:70].mean() > 1 and moved[85:].mean() > 1  # rows of the eyes, rows of the mouth; in gray levels


def test_subjects_look_different():
    first, second = (synthetic.make_subject(0, number).image.astype(int) for number in (1, 2))
    assert np.abs(first - second).mean() > 5


def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch):
    encode, frames = synthetic.jpeg, []

    def interrupted(frame):
        frames.append(frame)
        if len(frames) == 30:
            raise KeyboardInterrupt
        return encode(frame)

    monkeypatch.setattr(synthetic, "jpeg", interrupted)
    with pytest.raises(KeyboardInterrupt):
        synthetic.write_smic(tmp_path / "smic", 0, FEW, progress=False)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_a_plain_error(tmp_path, monkeypatch):
    def full(frame):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(synthetic, "jpeg", full)
    with pytest.raises(MicroExpError, match=r"smic: could not be written \(No space left"):
        synthetic.write_smic(tmp_path / "smic", 0, FEW, progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dataset", ["smic", "casmeii", "samm"])
def test_a_layout_of_another_database_is_refused_before_anything_is_written(dataset, tmp_path):
    out = tmp_path / "made"
    assert command.main(["synthesize", "--dataset", dataset, "--layout", "rawvideo", "--out", str(out)]) == 2
    assert not out.exists()


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(MicroExpError, match="expected no such folder, or an empty one"):
        synthetic.write_smic(tmp_path, 0, FEW, progress=False)
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_an_empty_folder_is_filled(tmp_path):
    assert synthetic.write_smic(tmp_path, 0, (1, 1, 1), progress=False) == tmp_path
    assert len(datasets.find_clips(tmp_path)) == 3


def test_more_clips_than_there_are_is_refused(tmp_path):
    with pytest.raises(MicroExpError, match="expected 0 to 66 negative clips, found 67"):
        synthetic.write_smic(tmp_path / "smic", 0, (67, 47, 43))


def test_a_process_that_was_overtaken_takes_the_others_clips(tmp_path):
    with synthetic.new_folder(tmp_path / "smic", "smic", 0):
        synthetic.write_smic(tmp_path / "smic", 0, (1, 1, 1), progress=False)
    assert len(datasets.find_clips(tmp_path / "smic")) == 3
    shutil.rmtree(tmp_path / "smic")
    other_seed = synthetic.new_folder(tmp_path / "smic", "smic", 1)
    with pytest.raises(MicroExpError, match="could not be written"), other_seed:
        synthetic.write_smic(tmp_path / "smic", 0, (1, 1, 1), progress=False)
    assert len(datasets.find_clips(tmp_path / "smic")) == 3


def test_what_a_killed_process_has_left_is_removed_after_an_hour(tmp_path):
    left, mine, new = (tmp_path / name for name in (".smic-killed", ".smic-mine", ".smic-new"))
    for folder, inside in ((left, "smic/a"), (mine, "photos"), (new, "smic")):
        (folder / inside).mkdir(parents=True)
    for path in (left / "smic" / "a", left / "smic", left, mine / "photos", mine):
        os.utime(path, (0, 0))
    synthetic.write_smic(tmp_path / "smic", 0, (1, 1, 1), progress=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".smic-mine", ".smic-new", "smic"]
