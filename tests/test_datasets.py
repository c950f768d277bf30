"""Every tree is read right, and what is wrong with a tree is said."""

import pytest
from conftest import as_nobody, write_clips

from microexp_keras.datasets import SYNTHETIC_MARK, are_synthetic, find_clips
from microexp_keras.datasets.folders import natural_order
from microexp_keras.errors import MicroExpError

ORIGINAL = ["Negative/s10_ne_01", "Negative/s2_ne_10", "Negative/s2_ne_9", "Positive/s3_po_01", "Surprise/s4_sur_01"]


def test_original_layout_in_natural_order(tmp_path):
    write_clips(tmp_path, ORIGINAL, frames=11, size=8)
    clips = find_clips(tmp_path)
    assert [clip.id for clip in clips] == ["s2_ne_9", "s2_ne_10", "s10_ne_01", "s3_po_01", "s4_sur_01"]
    assert [clip.subject for clip in clips] == ["s02", "s02", "s10", "s03", "s04"]
    assert [clip.label for clip in clips] == [0, 0, 0, 1, 2]
    assert [path.stem for path in clips[0].frames] == [f"reg_image{number}" for number in range(1, 12)]


@pytest.mark.parametrize("above", ["", "HS", "SMIC_all_cropped/HS", "SMIC_all_cropped/SMIC_all_cropped/HS"])
def test_distributed_layout_nested_or_not(tmp_path, above):
    names = ["s1/micro/negative/s1_ne_01", "s01/micro/positive/s1_po_01", "s20/micro/surprise/s20_sur_01"]
    write_clips(tmp_path / above, names, frames=2, size=8, suffix=".bmp")
    write_clips(tmp_path / above, ["s1/non_micro/negative/s1_ne_99", "s1/non_micro/s1_nm_01"], frames=2, size=8)
    clips = find_clips(tmp_path)
    assert [(clip.id, clip.subject, clip.label) for clip in clips] == [
        ("s1_ne_01", "s01", 0),
        ("s1_po_01", "s01", 1),
        ("s20_sur_01", "s20", 2),
    ]


def test_subject_from_the_folder_above(tmp_path):
    write_clips(tmp_path, ["s7/negative/first", "s7/positive/second", "s8/surprise/third"], frames=1, size=8)
    assert [clip.subject for clip in find_clips(tmp_path)] == ["s07", "s07", "s08"]


def test_files_that_systems_leave_behind_are_no_frames(tmp_path):
    write_clips(tmp_path, ORIGINAL, frames=2, size=8)
    for name in (".DS_Store", "Thumbs.db", "._reg_image1.png", "desktop.ini"):
        (tmp_path / "Negative" / "s2_ne_9" / name).write_bytes(b"x")
        (tmp_path / "Negative" / name).write_bytes(b"x")
    assert len(find_clips(tmp_path)[0].frames) == 2


def test_a_link_back_up_ends(tmp_path):
    write_clips(tmp_path, ORIGINAL, frames=1, size=8)
    (tmp_path / "again").symlink_to(tmp_path)
    assert len(find_clips(tmp_path)) == 5


def spoiled(case, root):
    """Plant one fault below `root` and return what the message must say."""
    clip = root / "Negative" / "s2_ne_9"
    if case == "missing class":
        (root / "Surprise").rename(root / "Suprise")
        return ["surprise", "data/README.md"]
    if case == "empty class":
        (root / "Surprise" / "s4_sur_01").rename(root / "elsewhere")
        return ["surprise", "found none"]
    if case == "empty clip":
        for frame in clip.iterdir():
            frame.unlink()
        return ["s2_ne_9", "none"]
    if case == "strange file":
        (clip / "notes.txt").write_text("x")
        return ["s2_ne_9", "notes.txt"]
    if case == "file between clips":
        (root / "Negative" / "list.xlsx").write_text("x")
        return ["list.xlsx"]
    if case == "no subject":
        clip.rename(clip.with_name("clip9"))
        return ["clip9", "subject"]
    if case == "twice":
        write_clips(root, ["copy/Negative/s2_ne_9"], frames=1, size=8)
        return ["s2_ne_9", "copy"]
    write_clips(root, ["HS/Negative/s1_ne_1"], frames=1, size=8)
    return ["HS, VIS", "one camera", "--camera"]


@pytest.mark.parametrize(
    "case",
    [
        "missing class",
        "empty class",
        "empty clip",
        "strange file",
        "file between clips",
        "no subject",
        "twice",
        "cameras",
    ],
)
def test_faults_are_named(tmp_path, case):
    write_clips(tmp_path, [f"VIS/{name}" for name in ORIGINAL] if case == "cameras" else ORIGINAL, frames=1, size=8)
    find_clips(tmp_path)
    expected = spoiled(case, tmp_path)
    with pytest.raises(MicroExpError) as error:
        find_clips(tmp_path)
    assert all(part in str(error.value) for part in expected), error.value


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(MicroExpError, match="found nothing"):
        find_clips(tmp_path / "smic")
    with pytest.raises(MicroExpError, match="expected one of smic"):
        find_clips(tmp_path, "samm")


def test_a_folder_that_may_not_be_read_is_named_and_not_left_out(tmp_path):
    write_clips(tmp_path, ["HS/s1/negative/s1_ne_1", "HS/s2/positive/s2_po_1", "HS/s2/surprise/s2_su_1"], 1, 8)
    write_clips(tmp_path, ["HS/s3/negative/s3_ne_1"], 1, 8)
    tmp_path.chmod(0o755)
    for closed in ("HS/s3", "HS/s2/positive"):
        (tmp_path / closed).chmod(0o000)
        said = as_nobody(tmp_path, lambda: len(find_clips(".")))
        assert said.startswith("MicroExpError") and closed in said and "Permission denied" in said
        (tmp_path / closed).chmod(0o755)
    assert as_nobody(tmp_path, lambda: len(find_clips("."))) == "4"


def test_synthetic_clips_are_known_from_any_folder_above_or_below(tmp_path):
    write_clips(tmp_path / "made", ORIGINAL, frames=1, size=8)
    assert not are_synthetic(find_clips(tmp_path))
    (tmp_path / "made" / SYNTHETIC_MARK).write_text("x")
    assert are_synthetic(find_clips(tmp_path)) and are_synthetic(find_clips(tmp_path / "made"))


def test_natural_order_of_odd_digits():
    assert sorted(["a10", "a²", "a9", "a٣"], key=natural_order) == ["a٣", "a9", "a10", "a²"]
