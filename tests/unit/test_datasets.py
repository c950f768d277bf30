"""Every tree is read right, and what is wrong with a tree is said."""

import shutil
import subprocess
import sys
from pathlib import Path

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
    Video,
    are_synthetic,
    find_clips,
    find_dataset,
    read_table,
)
from microexp_keras.datasets.clips import SYNTHETIC_MARK, natural_order
from microexp_keras.datasets.find import databases_in
from microexp_keras.errors import MicroExpError


def said(table):
    """What a table has noticed: `level where: text`."""
    return [f"{issue.level} {issue.where}: {issue.text}" for issue in table.issues]


ORIGINAL = ["Negative/s10_ne_01", "Negative/s2_ne_10", "Negative/s2_ne_9", "Positive/s3_po_01", "Surprise/s4_sur_01"]


def test_original_layout_in_natural_order(tmp_path):
    write_clips(tmp_path, ORIGINAL, frames=11, size=8)
    (tmp_path / "again").symlink_to(tmp_path)  # a link back up ends
    clips = find_clips(tmp_path)
    assert [clip.id for clip in clips] == ["s2_ne_9", "s2_ne_10", "s10_ne_01", "s3_po_01", "s4_sur_01"]
    assert [clip.subject for clip in clips] == ["s02", "s02", "s10", "s03", "s04"]
    assert [clip.label for clip in clips] == [0, 0, 0, 1, 2]
    assert [path.stem for path in clips[0].frames] == [f"reg_image{number}" for number in range(1, 12)]
    assert sorted(["a10", "a²", "a9", "a٣"], key=natural_order) == ["a٣", "a9", "a10", "a²"]


def test_files_that_systems_leave_behind_are_no_frames(tmp_path):
    write_clips(tmp_path, ORIGINAL, frames=2, size=8)
    for name in (
        ".DS_Store",
        "Thumbs.db",
        "._reg_image1.png",
        "desktop.ini",
        "ehthumbs_vista.db",
        "Picasa.ini",
        "~$a.xlsx",
    ):
        (tmp_path / "Negative" / "s2_ne_9" / name).write_bytes(b"x")
        (tmp_path / "Negative" / name).write_bytes(b"x")
    write_clips(tmp_path, ["Negative/s2_ne_9/@eaDir", "Negative/@eaDir", "__MACOSX/Negative/s2_ne_9"], 1, 8)
    table = read_table(tmp_path)
    assert len(table.clips[0].frames) == 2 and not table.issues


def test_all_errors_are_raised_at_once_and_a_class_without_clips_is_one(tmp_path):
    write_clips(tmp_path, ORIGINAL, frames=1, size=8)
    (tmp_path / "Surprise").rename(tmp_path / "Suprise")
    with pytest.raises(MicroExpError, match="no clip of the class surprise"):
        find_clips(tmp_path)
    (tmp_path / "Negative" / "list.xlsx").write_text("x")
    (tmp_path / "Negative" / "s2_ne_9" / "notes.txt").write_text("x")
    with pytest.raises(MicroExpError) as error:
        find_clips(tmp_path)
    for part in ("2 problems", "list.xlsx", "notes.txt", "datasets check"):
        assert part in str(error.value)
    assert [issue.level for issue in error.value.issues] == ["error"] * 2 and "\n" not in str(error.value)


def test_a_clip_without_a_subject_is_read_and_said(tmp_path):
    """The original programs look at no subject; none is looked for above the folder that was named."""
    root = tmp_path / "s3" / "bucket" / "data"
    write_clips(root, ["negative/first", "positive/second", "surprise/third"], frames=1, size=8)
    table = read_table(root)
    assert [clip.subject for clip in table.clips] == [None] * 3
    assert said(table)[0] == (
        f"warning {root}/negative/first: names no subject, neither itself (s1_ne_01) nor by a folder above it (s1),"
        " so its subject is not known"
    )
    assert [clip.subject for clip in find_clips(tmp_path / "s3")] == ["s03"] * 3  # its own name counts


def test_a_folder_that_may_not_be_read_is_named_and_not_left_out(tmp_path):
    write_clips(tmp_path, ["HS/s1/negative/s1_ne_1", "HS/s2/positive/s2_po_1", "HS/s2/surprise/s2_su_1"], 1, 8)
    write_clips(tmp_path, ["HS/s3/negative/s3_ne_1"], 1, 8)
    tmp_path.chmod(0o755)
    for closed in ("HS/s3", "HS/s2/positive"):
        (tmp_path / closed).chmod(0o000)
        said = as_nobody(tmp_path, lambda: len(find_clips(".")))
        assert closed in said and "Permission denied" in said
        (tmp_path / closed).chmod(0o755)
    assert as_nobody(tmp_path, lambda: len(find_clips("."))) == "4"


def test_synthetic_clips_are_known_and_read_only_where_they_are_named(tmp_path):
    write_clips(tmp_path / "made", ORIGINAL, frames=1, size=8)
    assert not are_synthetic(find_clips(tmp_path)) and databases_in(tmp_path)
    (tmp_path / "made" / SYNTHETIC_MARK).write_text("x")
    assert not databases_in(tmp_path) and databases_in(tmp_path / "made")
    for look in (find_clips, find_dataset):
        with pytest.raises(MicroExpError, match=r"but synthetic ones\. Name the folder"):
            look(tmp_path)
    assert are_synthetic(find_clips(tmp_path / "made")) and find_dataset(tmp_path / "made") == "smic"
    write_clips(tmp_path / "real", ORIGINAL, frames=1, size=8)
    assert not are_synthetic(find_clips(tmp_path)) and find_dataset(tmp_path) == "smic"


# Miniatures of the trees as distributed; tests/test_check.py uses them too.


@pytest.mark.parametrize(
    ("layout", "image", "camera", "above"),
    [
        ("cropped", "reg_image{:04d}.bmp", "HS", "{}"),
        ("raw", "image{}.bmp", "VIS", "{}/{}"),
        ("raw", "IMAGE{:06d}.JPG", "NIR", "archive/{}/{}/{}"),
    ],
)
def test_smic_as_distributed_however_nested(tmp_path, layout, image, camera, above):
    tree = write_smic(tmp_path / above.format(*[f"SMIC_all_{layout}"] * 3) / camera, image, first=98, frames=4)
    found = read_table(tmp_path)
    assert (found.layout, found.root, found.camera) == (layout, tree, camera)
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
    with pytest.raises(MicroExpError, match=r"raw \(HS\) in .*, raw \(VIS\) in .*--camera \(HS or VIS; the paper"):
        find_clips(tmp_path, layout="raw")
    clips = find_clips(tmp_path, layout="raw", camera="VIS")
    assert len(clips) == 6 and all("SMIC_all_raw/VIS" in str(clip.path) for clip in clips)
    for asked in ({"camera": "NIR"}, {"layout": "flat"}, {"camera": "hs"}):
        with pytest.raises(MicroExpError, match=r"but cropped \(HS\) in "):
            find_clips(tmp_path, **asked)


@pytest.mark.parametrize("workbook", ["SMIC-HS-E_annotation.xlsx", "doc/SMIC-HS-E_annotation_2019.xlsx"])
def test_smic_e_from_onset_to_offset(tmp_path, workbook):
    write_smic_e(tmp_path / "SMIC-E" / "SMIC-E", workbook=workbook)
    tree = read_table(tmp_path)
    assert (tree.layout, tree.root, tree.camera) == ("smic-e", tmp_path / "SMIC-E/SMIC-E/SMIC-HS-E", "HS")
    assert tree.workbook == tmp_path / "SMIC-E/SMIC-E" / workbook and tree.annotated == 4 and not tree.issues
    assert [(clip.id, clip.subject, clip.label) for clip in tree.clips] == [
        ("s3_ne_01", "s03", 0), ("s3_ne_02", "s03", 0), ("s4_po_01", "s04", 1), ("s10_sur_1", "s10", 2),
    ]  # fmt: skip
    assert all(
        [frame.stem for frame in clip.frames] == [f"image{number}" for number in range(99995, 100015)]
        for clip in tree.clips
    )


@pytest.mark.parametrize(
    ("layout", "above"), [("rawpic", ""), ("rawvideo", "CAS(ME)^2"), ("selectedpic", "again/{}"), ("cropped", "{}")]
)
def test_casme2_as_distributed_however_nested(tmp_path, layout, above):
    root = write_casme2(tmp_path / above.format(layout), layout)
    tree = read_table(tmp_path, "casme2")
    assert (tree.layout, tree.root, tree.camera) == (layout, root / layout, None)
    assert tree.workbook == root / "CAS(ME)^2code_final.xlsx" and tree.annotated == 5 and not tree.issues
    assert [(clip.id, clip.subject, clip.label) for clip in tree.clips] == [
        ("s15_anger1_1", "s15", 0),
        ("s15_anger1_2", "s15", 0),
        ("s16_happy1_1", "s16", 1),
        ("s23_happy1_1", "s23", 1),
        ("s23_disgust1_1", "s23", 2),
    ]
    clip = tree.clips[0]  # its apex is frame 60
    if layout == "rawvideo":
        assert clip.frames == Video(root / "rawvideo/s15/15_0401girlcrashing.avi", 60 - 1 - 48, 60 - 1 + 47)
    else:
        numbers = range(12, 12 + 96) if layout == "rawpic" else range(41, 71)
        assert [frame.name for frame in clip.frames] == [f"img{number:03d}.jpg" for number in numbers]
    assert clip.apex == (60 - 41 if layout in ("selectedpic", "cropped") else 48)


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
        assert clip.frames[1:] == (first - 1, first + 18)
    else:
        assert [frame.name for frame in clip.frames] == [f"img{number}.jpg" for number in range(first, first + 20)]
    assert clip.apex == (apex - first if apex else None)


def test_emotions_and_expressions_are_chosen_and_the_others_listed(tmp_path):
    others = [
        (2, "happy1_2", 50, 60, 70, "12", "Surprise ", "Micro-expression", ""),
        (2, "happy1_3", 50, 60, 70, "12", " DISGUST", "macro-expression", ""),
        (2, "happy1_4", 50, 60, 70, "12", "others", "macro expression", ""),
        (2, "happy1_5", 50, 60, 70, "12", None, "macro-expression", ""),
        (2, "happy1_6", 50, 60, 70, "12", "hapiness", "macro-expression", ""),
    ]
    write_casme2(tmp_path, "rawpic", [*EXPRESSIONS, *others])
    table = read_table(tmp_path, "casme2")
    assert [clip.label for clip in table.clips] == [0, 0, 1, 1, 2, 2] and table.clips[4].id == "s16_happy1_3"
    assert said(table) == [
        f"{level} s16_{row}: is of emotion {emotion}, which is none of the classes, so it is left out"
        for level, row, emotion in (
            ("info", "happy1_2 (row 6)", "surprise"),
            ("info", "happy1_4 (row 8)", "others"),
            ("info", "happy1_5 (row 9)", "(none)"),
            ("warning", "happy1_6 (row 10)", "hapiness"),
        )
    ]
    videos = find_clips(tmp_path, "casme2", labels="video")
    assert [clip.label for clip in videos] == [0, 0, 1, 1, 1, 1, 1, 1, 1, 2]
    macro = read_table(tmp_path, "casme2", labels="video", expressions="macro")
    assert len(macro.clips) == 8
    assert said(macro) == [
        f"info s16_{one}: is a micro-expression, so it is left out" for one in ("happy1_1 (row 3)", "happy1_2 (row 6)")
    ]


def write_with_valences(root):
    """Copies have negative, positive, surprise or others in the seventh column, as every public description says."""
    emotions = {"anger": "negative", "happiness": "positive", "disgust": "others"}
    rows = [(*row[:6], emotions[row[6]], row[7], row[6]) for row in EXPRESSIONS]
    last = (1, "anger1_3", 61, 80, 95, "4", "others", "macro-expression", "sadness")
    return write_casme2(root, "rawpic", [*rows, last])


def test_the_column_that_holds_emotions_gives_the_labels(tmp_path):
    table = read_table(write_with_valences(tmp_path), "casme2")
    assert [clip.label for clip in table.clips] == [0, 0, 1, 1, 2]
    taken, left_out = said(table)
    assert "says negative and positive, so labels are those of the self-report" in taken
    assert left_out.startswith("info s15_anger1_3 (row 6): is of emotion sadness")
    with pytest.raises(MicroExpError, match=r"but negative, others, positive. Choose other labels: self-report or vid"):
        find_clips(tmp_path, "casme2", labels="emotion")
    assert [clip.label for clip in find_clips(tmp_path, "casme2", labels="video")] == [0, 0, 0, 1, 1, 2]


def test_a_header_and_trailing_text_are_no_expressions(tmp_path):
    write_casme2(tmp_path, "selectedpic")
    header = ("subject", "clip", "onset", "apex", "offset", "AU", "emotion", "type", "self-report")
    spaced = [(1.0, " Anger1_1 ", "41", 60.0, 70, "4", "Anger", "Macro-expression ", ""), *EXPRESSIONS[1:]]
    write_code_final(tmp_path / "CAS(ME)^2code_final.xlsx", [header, *spaced, *TEXT_ROWS])
    tree = read_table(tmp_path, "casme2")
    assert len(tree.clips) == tree.annotated == 5


@pytest.mark.parametrize(
    ("database", "column", "value", "said"),
    [
        ("smic", 2, "?", r"sheet 'Sheet1', row 3: onset and offset are '\?' and 100014, not among the frames 99990 to"),
        ("smic", 3, 99991, "row 3: onset and offset are 99995 and 99991"),
        ("smic", 3, 100020, "row 3: onset and offset are 99995 and 100020, not among the frames .* of .*s3_ne_02"),
        ("smic", 3, None, "row 3: onset and offset are 99995 and an empty cell.* if they are formulas, open it in"),
        ("smic", 5, "positive", "row 3: the emotion of s3_ne_02 is given as 'positive'"),
        ("smic", 1, "s3_ne_1", "row 3: s3_ne_1 is also in row 2"),
        ("casme2", 0, 9, r"sheet 'CASFEcode_final', row 2: 9 is not the index of a subject \(1 to 7\)"),
        ("casme2", 1, "anger9_2", r"row 2: 'anger9_2' is no clip of anger1, happy1, disgust1 \(anger1_1\)"),
        ("casme2", 1, None, "row 2: None is no clip of"),
        ("casme2", 2, 0, "row 2: onset, apex and offset must be the numbers of frames, but are 0, 80, 95"),
        ("casme2", 3, "80?", "row 2: .* but are 61, '80\\?', 95"),
        ("casme2", 3, 121, r"row 2: frame 121 is not among the frames 1 to 120 of .*15_0401girlcrashing"),
        ("casme2", 7, "expression", "row 2: 'expression' is neither macro-expression nor micro-expression"),
        ("casme2", 1, "anger1_1", "row 2: s15/anger1_1 is also in row 1"),
    ],
)
def test_a_damaged_row_is_named(tmp_path, database, column, value, said):
    rows = [list(row) for row in (smic_e_rows() if database == "smic" else EXPRESSIONS)]
    rows[1][column] = value
    if database == "smic":
        write_smic_e(tmp_path, rows)
    else:
        write_casme2(tmp_path, "rawpic")
        write_code_final(tmp_path / "CAS(ME)^2code_final.xlsx", rows)
    with pytest.raises(MicroExpError, match=said):
        find_clips(tmp_path, database)


# what is done to the workbook of CAS(ME)^2, and what is said
@pytest.mark.parametrize(
    ("sheets", "said"),
    [
        (
            {"code": [("angry_1", 1)]},
            r"no workbook with .*; there are CAS\(ME\)\^2code_final.xlsx",
        ),
        ({"code": EXPRESSIONS}, "none of its other sheets says which subject has which index"),
        (None, r"code_final.xlsx: cannot be read as a workbook \("),
    ],
)
def test_faults_of_a_workbook_are_named(tmp_path, sheets, said):
    book = write_casme2(tmp_path, "cropped") / "CAS(ME)^2code_final.xlsx"
    (tmp_path / "~$CAS(ME)^2code_final.xlsx").write_text("kept by a spreadsheet program")
    write_workbook(book, sheets) if sheets else book.write_text("onset,apex")
    with pytest.raises(MicroExpError, match=said):
        find_clips(tmp_path, "casme2")


def test_an_xls_workbook_reads_the_same(tmp_path):
    expected = [clip.id for clip in find_clips(write_casme2(tmp_path, "cropped"), "casme2")]
    (tmp_path / "CAS(ME)^2code_final.xlsx").unlink()
    shutil.copy(Path(__file__).with_name("code_final.xls"), tmp_path / "code_final.XLS")  # written by xlwt 1.3.0
    assert [clip.id for clip in find_clips(tmp_path, "casme2")] == expected


def test_the_flat_layout_of_casme2(tmp_path):
    for name in ("Angry/15_0401girlcrashing_1", "happy/s16_0502_1", "happy/16_0502_10", "Disgust/sick"):
        write_video(tmp_path / "data" / f"{name}.avi", 2)
    clips = find_clips(tmp_path, "casme2")
    assert [(clip.id, clip.subject, clip.label) for clip in clips] == [
        ("15_0401girlcrashing_1", "s15", 0),
        ("16_0502_10", "s16", 1),
        ("s16_0502_1", "s16", 1),
        ("sick", None, 2),  # the original programs look at no subject
    ]
    table = read_table(tmp_path, "casme2")
    assert (table.layout, table.root, table.camera) == ("flat", tmp_path / "data", None)
    [text] = said(table)
    assert text.startswith(f"warning {tmp_path}/data/Disgust/sick.avi: does not begin with a subject")
    assert clips[0].frames == Video(tmp_path / "data/Angry/15_0401girlcrashing_1.avi", 72)


@pytest.mark.parametrize("option", [{"labels": "video"}, {"expressions": "micro"}, {"camera": "HS"}])
def test_an_option_that_does_not_apply_is_refused(tmp_path, option):
    for label in ("angry", "happy", "disgust"):
        write_video(tmp_path / label / f"15_{label}.avi", 1)
    with pytest.raises(MicroExpError, match=f"--{next(iter(option))} .*: means nothing|no tree HS, but flat"):
        find_clips(tmp_path, "casme2", **option)


def test_the_database_is_found_out(tmp_path):
    write_casme2(tmp_path / "a", "cropped")
    write_smic(tmp_path / "b" / "HS", frames=1)
    assert find_dataset(tmp_path / "a") == "casme2" and find_dataset(tmp_path / "b") == "smic"
    with pytest.raises(MicroExpError, match=r"holds clips of SMIC and CAS\(ME\)\^2.*--dataset"):
        find_dataset(tmp_path)
    assert [database.name for database in databases_in(tmp_path)] == ["smic", "casme2"]


def test_looking_for_clips_loads_neither_opencv_nor_a_reader_of_workbooks():
    code = "import sys, microexp_keras.datasets; from microexp_keras.datasets import smic, casme2; "
    code += "print({'cv2', 'pandas', 'openpyxl', 'xlrd'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
