"""Stacks equal the original's pixel for pixel; standardisation equals it to 2e-6."""

import numpy as np
import pytest
from helpers import GOLDEN, write_clips

from microexp_keras import datasets, preprocessing, protocols

PROTOCOL = protocols.get("upstream")
FUSENET = protocols.get("upstream", "intermediate")
# Of the six golden clips together; two of them are in tests/golden. Checked below where all six are at hand.
SIX_CLIPS = preprocessing.Statistics(mean=141.59388111255788, max=243.0)
PLACES = {"s1_ne_01": 0, "s2_ne_02": 1, "s3_po_01": 2, "s4_po_02": 3, "s5_sur_01": 4, "s6_sur_02": 5}


def found_classes(root, tmp_path):
    """The golden clips with an empty stand-in for a class of which tests/golden has none."""
    for name in ("Negative", "Positive", "Surprise"):
        if (root / name).exists():
            (tmp_path / name).symlink_to(root / name)
        else:
            write_clips(tmp_path, [f"{name}/s99_po_99"])
    return [clip for clip in datasets.find_clips(tmp_path) if clip.id in PLACES]


def written_by_the_original(golden, name):
    """Standardised values of the golden samples, (samples, rows, columns, time)."""
    return np.load(golden / "arrays" / f"smic_{name}_images.npz")["array"][:, 0]


def levels(values, statistics):
    return np.rint(values * (statistics.max - statistics.mean) + statistics.mean)


def test_face_stacks_equal_the_originals_levels_and_standardised_its_values(golden, tmp_path):
    clips = found_classes(golden / "clips" / "smic", tmp_path)
    stacks = preprocessing.face_stacks(clips, PROTOCOL)
    written = written_by_the_original(golden, "stcnn")[[PLACES[clip.id] for clip in clips]]
    assert len(clips) >= 2 and stacks.dtype == np.uint8
    np.testing.assert_array_equal(stacks, levels(written, SIX_CLIPS))
    complete = len(clips) == len(PLACES)
    values, statistics = preprocessing.standardize(stacks, None if complete else SIX_CLIPS)
    assert statistics == pytest.approx(SIX_CLIPS, abs=1e-9)
    np.testing.assert_allclose(values, written, rtol=0, atol=2e-6)


REGIONS = {  # of the eight samples of the six golden clips; two of the clips are in tests/golden
    "eyes": preprocessing.Statistics(mean=163.13977728949652, max=238.0),
    "mouth": preprocessing.Statistics(mean=170.61475287543402, max=253.0),
}
FILES = {"eyes": "fusenet_eye", "mouth": "fusenet_nose_mouth"}


def test_eyes_and_mouth_equal_the_originals_levels(golden, tmp_path):
    clips = found_classes(golden / "clips" / "smic", tmp_path)
    stacks, notes = preprocessing.region_stacks(clips, FUSENET)
    places = [{"s6_sur_02": 6}.get(clip.id, PLACES[clip.id]) for clip in clips]  # behind two copies of s5_sur_01
    for name, file in FILES.items():
        written = written_by_the_original(golden, file)[places]
        np.testing.assert_array_equal(stacks[name], levels(written, REGIONS[name]))
    assert notes == []


def test_all_samples_of_the_fused_networks_equal_the_originals(golden):
    if len(list((golden / "clips" / "smic").glob("*/*"))) < 6:  # checked where all clips are at hand
        return
    samples = preprocessing.load_samples(golden / "clips" / "smic", FUSENET)
    inputs, statistics = preprocessing.network_inputs(samples.stacks)
    for name, file in FILES.items():
        assert statistics[name] == pytest.approx(REGIONS[name], abs=1e-9)
        np.testing.assert_allclose(inputs[name][..., 0], written_by_the_original(golden, file), rtol=0, atol=2e-6)


@pytest.mark.slow
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
