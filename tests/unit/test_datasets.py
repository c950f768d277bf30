"""Every tree is read right, and what is wrong with a tree is said."""

import base64
import re
import subprocess
import sys
import types
import zipfile
import zlib

import pytest
from helpers import as_nobody, write_clips
from trees import (
    EXPRESSIONS,
    TEXT_ROWS,
    smic_e_rows,
    write_casme2,
    write_code_final,
    write_smic,
    write_smic_e,
    write_video,
    write_workbook,
)

from microexp_keras.datasets import (
    DATABASES,
    SYNTHETIC_MARK,
    Clip,
    Database,
    Video,
    are_synthetic,
    find_clips,
    find_dataset,
    find_layout,
    read_tree,
    synthesize,
)
from microexp_keras.datasets.folders import Place, natural_order
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
        find_clips(tmp_path, "mmew")


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


# Miniatures of the trees as distributed; tests/test_check.py uses them too.


@pytest.mark.parametrize("above", ["{}", "{}/{}", "archive/{}/{}/{}"])
@pytest.mark.parametrize("camera", ["HS", "VIS", "NIR"])
@pytest.mark.parametrize(
    ("layout", "image"), [("cropped", "reg_image{:04d}.bmp"), ("raw", "image{}.bmp"), ("raw", "IMAGE{:06d}.JPG")]
)
def test_smic_as_distributed_however_nested(tmp_path, layout, image, camera, above):
    tree = write_smic(tmp_path / above.format(*[f"SMIC_all_{layout}"] * 3) / camera, image, first=98, frames=4)
    assert find_layout(tmp_path) == (layout, tree, camera)
    for root in (tmp_path, tree, tree.parent):
        clips = find_clips(root)
        assert [(clip.id, clip.subject, clip.label) for clip in clips] == [
            (f"s{subject}_{code}_01", f"s{subject:02d}", label)
            for label, code in enumerate(("ne", "po", "sur"))
            for subject in (2, 10)
        ]
        assert [frame.name for frame in clips[0].frames] == [image.format(number) for number in range(98, 102)]


def test_of_several_trees_and_cameras_the_options_decide(tmp_path):
    for layout, image in (("raw", "image{}.bmp"), ("cropped", "reg_image{}.bmp")):
        for camera in ("HS", "VIS"):
            write_smic(tmp_path / f"SMIC_all_{layout}" / camera, image, frames=1)
    with pytest.raises(MicroExpError, match=r"cropped \(HS\) in .*cropped/HS, .*raw \(VIS\) in .*--layout"):
        find_clips(tmp_path)
    with pytest.raises(MicroExpError, match=r"HS, VIS.*--camera"):
        find_clips(tmp_path, layout="raw")
    clips = find_clips(tmp_path, layout="raw", camera="VIS")
    assert len(clips) == 6 and all("SMIC_all_raw/VIS" in str(clip.path) for clip in clips)
    for asked in ({"camera": "NIR"}, {"layout": "flat"}):
        with pytest.raises(MicroExpError, match=r"found cropped \(HS\) in "):
            find_clips(tmp_path, **asked)
    with pytest.raises(MicroExpError, match="expected one of HS, VIS, NIR, found 'hs'"):
        find_clips(tmp_path, camera="hs")


def test_what_a_mac_leaves_behind_is_no_second_copy(tmp_path):
    write_smic(tmp_path / "HS", frames=1)
    (tmp_path / "__MACOSX" / "HS" / "s2" / "micro" / "negative" / "s2_ne_01").mkdir(parents=True)
    assert len(find_clips(tmp_path)) == 6


def test_a_clip_in_another_subjects_folder_is_taken_by_its_name_and_noted(tmp_path):
    write_smic(tmp_path / "HS", frames=1)
    (tmp_path / "HS/s2/micro/negative/s2_ne_01").rename(tmp_path / "HS/s10/micro/negative/s2_ne_01")
    tree = read_tree(tmp_path)
    assert [clip.subject for clip in tree.clips].count("s02") == 3
    assert [problem.kind for problem in tree.problems] == ["wrong subject folder"]


@pytest.mark.parametrize("workbook", ["SMIC-HS-E_annotation.xlsx", "doc/SMIC-HS-E_annotation_2019.xlsx"])
def test_smic_e_from_onset_to_offset(tmp_path, workbook):
    write_smic_e(tmp_path / "SMIC-E" / "SMIC-E", workbook=workbook)
    tree = read_tree(tmp_path)
    assert tree.layout == ("smic-e", tmp_path / "SMIC-E/SMIC-E/SMIC-HS-E", "HS")
    assert tree.workbook == tmp_path / "SMIC-E/SMIC-E" / workbook and tree.annotated == 4 and not tree.problems
    assert [(clip.id, clip.subject, clip.label) for clip in tree.clips] == [
        ("s3_ne_01", "s03", 0), ("s3_ne_02", "s03", 0), ("s4_po_01", "s04", 1), ("s10_sur_1", "s10", 2),
    ]  # fmt: skip
    assert all(
        [frame.stem for frame in clip.frames] == [f"image{number}" for number in range(99995, 100015)]
        for clip in tree.clips
    )


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        (1, "s3-ne-02", r"sheet 'Sheet1', row 3: expected a clip's name \(s3_ne_01\), found 's3-ne-02'"),
        (2, "?", r"row 3: expected onset and offset as frame numbers, found '\?' and 100014"),
        (3, 99991, "row 3: expected onset and offset as frame numbers, found 99995 and 99991"),
        (3, 100020, r"row 3: .*among the frames of .*s3_ne_02 \(99990 to 100019\), found 99995 and 100020"),
        (5, "positive", "row 3: expected the emotion negative, as in the name s3_ne_02, found 'positive'"),
    ],
)
def test_a_damaged_row_of_smic_e_is_named(tmp_path, column, value, said):
    rows = [list(row) for row in smic_e_rows()]
    rows[1][column] = value
    write_smic_e(tmp_path, rows)
    with pytest.raises(MicroExpError, match=said):
        find_clips(tmp_path)


@pytest.mark.parametrize("above", ["", "CAS(ME)^2", "again/{}"])
@pytest.mark.parametrize("layout", ["rawpic", "rawvideo", "selectedpic", "cropped"])
def test_casme2_as_distributed_however_nested(tmp_path, layout, above):
    root = write_casme2(tmp_path / above.format(layout), layout)
    tree = read_tree(tmp_path, "casme2")
    assert tree.layout == (layout, root / layout, None) and tree.workbook == root / "CAS(ME)^2code_final.xlsx"
    assert tree.annotated == 5 and not tree.problems and not tree.left_out
    assert [(clip.id, clip.subject, clip.label) for clip in tree.clips] == [
        ("s15_anger1_1", "s15", 0),
        ("s15_anger1_2", "s15", 0),
        ("s16_happy1_1", "s16", 1),
        ("s23_happy1_1", "s23", 1),
        ("s23_disgust1_1", "s23", 2),
    ]
    clip = tree.clips[0]  # its apex is frame 60
    if layout == "rawvideo":
        assert clip.frames == Video(root / "rawvideo/s15/15_0401girlcrashing.avi", 60 - 1 - 48)
    else:
        numbers = range(12, 12 + 96) if layout == "rawpic" else range(41, 71)
        assert [frame.name for frame in clip.frames] == [f"img{number:03d}.jpg" for number in numbers]


@pytest.mark.parametrize("layout", ["rawpic", "rawvideo"])
@pytest.mark.parametrize(
    ("onset", "apex", "offset", "first"),
    [
        (60, 70, 75, 60),  # ten before the apex
        (60, 0, 75, 57),  # without an apex around the middle, 67
        (60, 70, 0, 60),  # without an offset around the apex
        (60, None, 0, 50),  # without either around the onset
        (3, 5, 8, 1),  # moved inside the recording
        (110, 118, 0, 101),
    ],
)
def test_the_window_lies_around_the_expression_within_the_recording(tmp_path, layout, onset, apex, offset, first):
    """Numbers of frames in the workbook count from 1, as the names of the images do."""
    row = (1, "anger1_1", onset, apex, offset, *EXPRESSIONS[0][5:])
    write_casme2(tmp_path, layout, [row, *EXPRESSIONS[2:]], name="img{}.jpg")
    clip = find_clips(tmp_path, "casme2", frames=20)[0]
    if layout == "rawvideo":
        assert clip.frames.first == first - 1
    else:
        assert [frame.name for frame in clip.frames] == [f"img{number}.jpg" for number in range(first, first + 20)]


def test_a_recording_shorter_than_the_window_is_taken_whole(tmp_path):
    write_casme2(tmp_path, "rawpic", frames=90)
    assert {len(clip.frames) for clip in find_clips(tmp_path, "casme2", frames=96)} == {90}
    assert {len(clip.frames) for clip in find_clips(tmp_path, "casme2", frames=90)} == {90}


def test_the_known_misfile_is_taken_by_its_name(tmp_path):
    write_casme2(tmp_path, "rawpic")
    (tmp_path / "rawpic" / "s19").mkdir()
    (tmp_path / "rawpic/s23/23_0502funnyerrors").rename(tmp_path / "rawpic/s19/23_0502funnyerrors")
    tree = read_tree(tmp_path, "casme2")
    assert next(clip for clip in tree.clips if clip.id == "s23_happy1_1").path.parent.name == "s19"
    assert [(problem.kind, problem.stops_training) for problem in tree.problems] == [("wrong subject folder", False)]


def test_emotions_and_expressions_are_chosen_and_the_others_counted(tmp_path):
    others = [
        (2, "happy1_2", 50, 60, 70, "12", "Surprise ", "Micro-expression", ""),
        (2, "happy1_3", 50, 60, 70, "12", " DISGUST", "macro-expression", ""),
        (2, "happy1_4", 50, 60, 70, "12", "others", "macro expression", ""),
        (2, "happy1_5", 50, 60, 70, "12", None, "macro-expression", ""),
    ]
    write_casme2(tmp_path, "rawpic", [*EXPRESSIONS, *others])
    tree = read_tree(tmp_path, "casme2")
    assert [clip.label for clip in tree.clips] == [0, 0, 1, 1, 2, 2] and tree.clips[4].id == "s16_happy1_3"
    assert tree.left_out == {
        "of emotion surprise": 1,
        "of emotion others": 1,
        "of emotion (none)": 1,
    }
    assert [clip.label for clip in find_clips(tmp_path, "casme2", labels="video")] == [0, 0, 1, 1, 1, 1, 1, 1, 2]
    macro = read_tree(tmp_path, "casme2", labels="video", expressions="macro")
    assert len(macro.clips) == 7 and macro.left_out == {"micro-expressions": 2}


def test_labels_of_a_column_without_these_emotions_must_be_chosen(tmp_path):
    """Copies are about in which the seventh column says negative, positive, surprise or others."""
    emotions = {"anger": "negative", "happiness": "positive", "disgust": "others"}
    rows = [(*row[:6], emotions[row[6]], row[7], row[6]) for row in EXPRESSIONS]
    write_casme2(tmp_path, "rawpic", [*rows, (1, "anger1_3", 61, 80, 95, "4", "others", "macro-expression", "sadness")])
    with pytest.raises(
        MicroExpError, match=r"found negative, others, positive. Choose other labels: self-report or video"
    ):
        find_clips(tmp_path, "casme2")
    tree = read_tree(tmp_path, "casme2", labels="self-report")
    assert [clip.label for clip in tree.clips] == [0, 0, 1, 1, 2] and tree.left_out == {"of emotion sadness": 1}
    assert [clip.label for clip in find_clips(tmp_path, "casme2", labels="video")] == [0, 0, 0, 1, 1, 2]


def test_a_header_and_trailing_text_are_no_expressions(tmp_path):
    write_casme2(tmp_path, "selectedpic")
    header = ("subject", "clip", "onset", "apex", "offset", "AU", "emotion", "type", "self-report")
    spaced = [(1.0, " Anger1_1 ", "41", 60.0, 70, "4", "Anger", "Macro-expression ", ""), *EXPRESSIONS[1:]]
    write_code_final(tmp_path / "CAS(ME)^2code_final.xlsx", [header, *spaced, *TEXT_ROWS])
    tree = read_tree(tmp_path, "casme2")
    assert len(tree.clips) == tree.annotated == 5


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        (0, 9, r"sheet 'CASFEcode_final', row 2: .*index of a subject \(1 to 7\), found 9"),
        (
            1,
            "anger9_2",
            r"row 2: expected a clip of anger1, happy1, disgust1 \(anger1_1\) in column 2, found 'anger9_2'",
        ),
        (1, None, "row 2: expected a clip of"),
        (2, 0, "row 2: expected onset, apex and offset as whole numbers, found 0, 80, 95"),
        (3, "80?", "row 2: .*found 61, '80\\?', 95"),
        (3, 121, r"row 2: expected frame 121 in .*15_0401girlcrashing \(1 to 120\), found none"),
        (7, "expression", "row 2: expected macro-expression or micro-expression in column 8, found 'expression'"),
        (1, "anger1_1", "row 2: expected every expression once, found s15_anger1_1 also in .*row 1"),
    ],
)
def test_a_damaged_row_of_casme2_is_named(tmp_path, column, value, said):
    write_casme2(tmp_path, "rawpic")
    rows = [list(row) for row in EXPRESSIONS]
    rows[1][column] = value
    write_code_final(tmp_path / "CAS(ME)^2code_final.xlsx", rows)
    with pytest.raises(MicroExpError, match=said):
        find_clips(tmp_path, "casme2")


def test_a_damaged_last_row_is_no_trailing_text(tmp_path):
    write_casme2(tmp_path, "rawpic")
    write_code_final(tmp_path / "code_final.xlsx", [*EXPRESSIONS, (1, "anger 1-3", 41, 60, 70), *TEXT_ROWS])
    (tmp_path / "CAS(ME)^2code_final.xlsx").unlink()
    with pytest.raises(MicroExpError, match=r"row 6: expected a clip of .*found 'anger 1-3'"):
        find_clips(tmp_path, "casme2")


def test_a_sheet_may_be_larger_than_it_says(tmp_path):
    write_casme2(tmp_path, "cropped")
    written = zipfile.ZipFile(tmp_path / "CAS(ME)^2code_final.xlsx")
    with zipfile.ZipFile(tmp_path / "code_final.xlsx", "w") as rewritten:
        for name in written.namelist():
            rewritten.writestr(name, re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1"', written.read(name)))
    (tmp_path / "CAS(ME)^2code_final.xlsx").unlink()
    assert len(find_clips(tmp_path, "casme2")) == 5


def spoil_workbook(case, root):
    """Plant one fault with the workbook of CAS(ME)^2 and return what the message must say."""
    book = root / "CAS(ME)^2code_final.xlsx"
    if case == "missing":
        book.unlink()
        return "expected the annotation workbook .*found none"
    if case == "two":
        write_code_final(root / "doc" / "code_final(Updated).xlsx")
        return r"expected one annotation workbook, found .*\^2code_final.xlsx and .*doc/code_final\(Updated\).xlsx"
    if case == "cut off":
        book.write_bytes(book.read_bytes()[:-2000])
        return r"code_final.xlsx: expected a workbook, found one that cannot be read \("
    if case == "no workbook at all":
        book.write_text("onset,apex")
        return r"code_final.xlsx: expected a workbook, found one that cannot be read \("
    if case == "one sheet":
        write_workbook(book, {"code": EXPRESSIONS})
        return "expected three sheets .*found 1"
    if case == "no subjects":
        write_code_final(book, **{"naming rule1": [("index", "subject")]})
        return "sheet 'naming rule1': expected the index of each subject"
    if case == "odd subject":
        write_code_final(book, **{"naming rule1": [(1, 15), (16,)]})
        return r"sheet 'naming rule1', row 2: expected .*\(1, 15\), found 16"
    write_code_final(book, **{"naming rule2": [("anger1", "0401girlcrashing"), ("anger2", "?")]})
    return r"sheet 'naming rule2', row 2: expected .*0101disgustingteeth\), found 'anger2', '\?'"


@pytest.mark.parametrize(
    "case",
    [
        "missing",
        "two",
        "cut off",
        "no workbook at all",
        "one sheet",
        "no subjects",
        "odd subject",
        "odd video",
    ],
)
def test_faults_of_a_workbook_are_named(tmp_path, case):
    write_casme2(tmp_path, "cropped")
    (tmp_path / "~$CAS(ME)^2code_final.xlsx").write_text("kept by a spreadsheet program")
    find_clips(tmp_path, "casme2")
    with pytest.raises(MicroExpError, match=spoil_workbook(case, tmp_path)):
        find_clips(tmp_path, "casme2")


def test_an_xls_workbook_reads_the_same(tmp_path):
    expected = [clip.id for clip in find_clips(write_casme2(tmp_path, "cropped"), "casme2")]
    (tmp_path / "CAS(ME)^2code_final.xlsx").unlink()
    (tmp_path / "code_final.XLS").write_bytes(zlib.decompress(base64.b64decode(CODE_FINAL_XLS)))
    assert [clip.id for clip in find_clips(tmp_path, "casme2")] == expected
    (tmp_path / "code_final.XLS").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(MicroExpError, match=r"code_final.XLS: expected a workbook, found one that cannot be read"):
        find_clips(tmp_path, "casme2")


def test_of_several_casme2_trees_the_option_decides(tmp_path):
    for layout in ("rawpic", "selectedpic", "cropped"):
        write_casme2(tmp_path, layout)
    with pytest.raises(
        MicroExpError, match=r"found cropped in .*, rawpic in .*, selectedpic in .* --layout \(cropped or"
    ):
        find_clips(tmp_path, "casme2")
    for layout in ("rawpic", "selectedpic", "cropped"):
        assert all(layout in str(clip.path) for clip in find_clips(tmp_path, "casme2", layout=layout))
    with pytest.raises(MicroExpError, match="found 'flats'"):
        find_clips(tmp_path, "casme2", layout="flats")


def test_the_flat_layout_of_casme2(tmp_path):
    for name in ("Angry/15_0401girlcrashing_1", "happy/s16_0502_1", "happy/16_0502_10", "Disgust/23_0101_2"):
        write_video(tmp_path / "data" / f"{name}.avi", 2)
    clips = find_clips(tmp_path, "casme2")
    assert [(clip.id, clip.subject, clip.label) for clip in clips] == [
        ("15_0401girlcrashing_1", "s15", 0),
        ("16_0502_10", "s16", 1),
        ("s16_0502_1", "s16", 1),
        ("23_0101_2", "s23", 2),
    ]
    assert find_layout(tmp_path, "casme2") == ("flat", tmp_path / "data", None)
    assert clips[0].frames == Video(tmp_path / "data/Angry/15_0401girlcrashing_1.avi", 72)


@pytest.mark.parametrize("option", [{"labels": "video"}, {"expressions": "micro"}, {"camera": "HS"}])
def test_an_option_that_does_not_apply_is_refused(tmp_path, option):
    for label in ("angry", "happy", "disgust"):
        write_video(tmp_path / label / f"15_{label}.avi", 1)
    with pytest.raises(MicroExpError, match=f"{next(iter(option))}: expected"):
        find_clips(tmp_path, "casme2", **option)


def test_the_database_is_found_out(tmp_path):
    write_casme2(tmp_path / "a", "cropped")
    write_smic(tmp_path / "b" / "HS", frames=1)
    assert find_dataset(tmp_path / "a") == "casme2" and find_dataset(tmp_path / "b") == "smic"
    with pytest.raises(MicroExpError, match=r"found SMIC and CAS\(ME\)\^2.*--dataset"):
        find_dataset(tmp_path)
    with pytest.raises(MicroExpError, match="found none"):
        find_dataset(tmp_path / "a" / "cropped" / "15" / "anger1_1")


def test_a_database_of_ones_own_is_found_and_read(tmp_path, monkeypatch):
    reader = types.ModuleType("reader_of_two")
    reader.scan = lambda root: [Place("flat", root, path) for path in sorted(root.glob("*.two"))]
    reader.read = lambda chosen, findings: ([Clip(p.path.stem, "s01", 0, (p.path,)) for p in chosen.places], None, None)
    monkeypatch.setitem(sys.modules, "reader_of_two", reader)
    own = {"class_names": ("calm", "tense"), "frames": 1, "frames_per_second": 25, "recordings": "own"}
    two = Database(name="two", title="TWO", layouts=("flat",), reader="reader_of_two", **own)
    monkeypatch.setitem(DATABASES, "two", two)
    (tmp_path / "first.two").write_bytes(b"")
    assert find_dataset(tmp_path) == "two" and [clip.id for clip in find_clips(tmp_path, "two")] == ["first"]
    write_casme2(tmp_path, "cropped")
    with pytest.raises(MicroExpError, match=r"found CAS\(ME\)\^2 and TWO. Say which with --dataset \(casme2 or two\)"):
        find_dataset(tmp_path)
    with pytest.raises(MicroExpError, match="one of smic, casme2, casmeii, samm, found 'two'"):
        synthesize("two", tmp_path / "new")


def test_looking_for_clips_loads_neither_opencv_nor_a_reader_of_workbooks():
    code = "import sys, microexp_keras.datasets; from microexp_keras.datasets import smic, casme2; "
    code += "print({'cv2', 'openpyxl', 'xlrd'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


# The workbook of `write_code_final` as written by xlwt 1.3.0, compressed.
CODE_FINAL_XLS = (
    "eNrtWE9oFGcUf9/M7L+4STabxJoEQghoNaaws0mkF7M1UD01pLm0iJhuNtNkTTIbZhMwHqLW5qgInixeBCn0Ys3FKm2hvZVSUOqhUBASPYkgKC"
    "oeNNv33vfNl51kDwZsWmXfMm++97735vvN9/58u3v7VsPy5aXWFVhH/WDCaikG4TKdwCvmCwnA+VKJhv49ilepSm8VxaIYyHAIfqz9I0IxpHiv"
    "gAHXrF+RA9zD6wjMwGDBdTq2kAYYQ1YQhv0ijLlnYEZeQl4HLYwsyTzHvJH592z9E/OPWHOW+X60XRaH4VZmsOtDlcmfG508V4dcwA/s8zdrbG"
    "iG3yiTT54X0jYEB7x8dur/OdFuxeEKYOwOOa7jZaeWoQmDeAWelToAnvrV+ktHVb+1egGofxHURyroLxgWwCkofSEoERchDg8smrEgVxhzFtFr"
    "ifoq6t3sdN4d7/Dmphyb9GdrNujTLyEpdqK2TbbjrDvuePaIjSnTG1Ii1vt0NucVPnCOz3hOsZgvuHLKm1/zSONwIjszM4/OWBR2OiblvIse9I"
    "T8hiewOUIayxfH54qzyjEV0Rp8rWI+N2nize5jvo94ugcnUr0pO+yvHgcYz3tTOS9bnMA3o+m+VDrsI9oG8OWc6847nlfwijRrp+zo2sL1eojO"
    "s44zO0EbJRtdItDoarn448jHoJ7HDdwCErh3L797/Ocno0OZEdac4sNNHoE7KWJQgtPkgc51PBNiTsdjF3vsZf4VP7WNx63Mm9AS77uGmtXg4B"
    "m2+Zpnd+E6PUx3Mu+XjXfjePHhpzfaF+9n9uD46qGVE01X/8pchk5ccwz96XMGukW3+OYi0c2MfxeqVd5l3rKhbUaNhMJeUud8PSwYnFy4H7RP"
    "r6CG372BdT/DDuQGSt+yxRPmrYJyVlqGUBbaL6x2VUoRlEwtRVGyFAZRAYMIYBCMIaQwCMbwnC0GBPEFjUEEMIgABhHAIAIYjAoYDF6hRtnLLA"
    "krDAZj+J0tHkk7jcFgDBHtRxiiWiIMMS1F1QqEwayAweRntyt7M4DBZAwHeQeOMT+nMZgBDGYAgxnYBzOAwaqAwQpgsBjDNoXBYgzDOhMkEktZ"
    "Eoa49iMMtVoqx2AxBqqnfiMJ12nj8SBfo62oY1Pzt7WOzbK4ySqjeNRzpJKqjvt1XRm69tb7ydpLKD9ZewO6FgxdL+v9ZL00KD8ZjaM6dwwZW6"
    "jG9s3FNhno0Y1aoppsKuuulSPcHOiu27VE3u+V9cXKcd4R6IstWiLvVr+SK0a7SlWq0n9MgtuEbIqW+hob5q9p8n+dV3itVv8meWdpGAr4mcUf"
    "pR+Di3cP5jeVP9shJPxnidf08f8vJPoMV/dgEkYZx+Sm8xePTVH+Pq/tmHhzJbTZ9Vc3g/NfXv8f5dKlDw=="
)
