"""Copies of the databases, as their owners and public programs have them: each is read, or says what is needed."""

import csv
import re
import shutil
from pathlib import Path

import openpyxl
import pytest
import trees
from helpers import as_nobody, write_clips
from trees import write_casme2, write_casmeii, write_images, write_samm, write_smic, write_smic_e, write_workbook

from microexp_keras import datasets, protocols, train
from microexp_keras.datasets import DATABASES, find_clips, find_dataset, own_database, read_table
from microexp_keras.datasets.clips import SYNTHETIC_MARK, natural_order
from microexp_keras.datasets.find import databases_in
from microexp_keras.datasets.table import write_table
from microexp_keras.errors import MicroExpError

BOOK = "CAS(ME)^2code_final.xlsx"


def said(table):
    """What a table has noticed: `level where: text`."""
    return [f"{issue.level} {issue.where}: {issue.text}" for issue in table.issues]


def numbers(clip):
    """Numbers of a clip's first and last frame."""
    if clip.video:
        return clip.video.first, clip.video.last
    return tuple(int(re.search(r"(\d+)(_360x288)?$", image.stem)[1]) for image in (clip.images[0], clip.images[-1]))


def shown(clip):
    """A clip as the tables below write it: `name subject label first-last @apex`, the apex counted from its start."""
    first, last = numbers(clip)
    return f"{clip.id} {clip.subject} {clip.label} {first}-{last}" + (f" @{clip.apex}" if clip.apex is not None else "")


# --------------------------------------------------------------------------- what is read, each way it is kept

# As one public copy has it: blank head cells, formulas, second and third expressions, text in FirstF.
LONG_HEAD = ("Subject", "Filename", None, "OnsetF", "OffsetF", "Onset2F", "Offset2F", "Onset3F", "Offset3F", None)
LONG_HEAD = (*LONG_HEAD, "FirstF", "LastF", "TotalMF1", "TotalMF2", "TotalVL", "Emotion", None, None)


def long_row(subject, clip, *frames, first=99990, emotion="negative"):
    frames = (*frames, *[None] * (6 - len(frames)))
    return (subject, clip, None, *frames, None, first, "=K2+29", 20, None, "=L2-K2+1", emotion, None, None)


def smic_e_of_2013(root):
    write_smic_e(root)
    rows = [
        long_row(3, "s3_ne_01", 99995, 99999, 100001, 100005, 100008, 100010),
        (),
        long_row(None, "s3_ne_02", 99995, 100014, first="??"),
        long_row(4, "s4_po_01", 99995, 100014, emotion="positive"),
        long_row(10, "s10_sur_1", 99995, 100014, emotion="surprise"),
        (),
        ("FirstF is the first frame of the clip",),
    ]
    other = [LONG_HEAD, *(long_row(3, clip, 12, 20) for _, clip in trees.SMIC_E)]
    write_workbook(root / "SMIC-HS-E_annotation.xlsx", {"VIS": other, "HS": [LONG_HEAD, *rows]})


def smic_e_with_an_odd_name(root):
    write_smic_e(root, [*trees.smic_e_rows(), ("s04", "s4-extra", 99995, 100001, 99990, "positive")])
    write_images(root / "SMIC-HS-E/s04/s4-extra", range(99990, 100020), "image{}.jpg")


def smic_e_with_merged_cells(root):
    write_smic_e(root)
    book = openpyxl.load_workbook(root / "SMIC-HS-E_annotation.xlsx")
    book["Sheet1"].merge_cells("A2:A3")
    book["Sheet1"].merge_cells("A7:C7")
    book.save(root / "SMIC-HS-E_annotation.xlsx")


def smic_with_an_empty_folder(root):
    write_smic(root / "HS")
    (root / "HS/s18/micro/surprise/s18_sur_03").mkdir(parents=True)


def coding_rows(*rows):
    """A workbook of CASME II: subject, clip, onset, apex, offset, emotion."""
    head = (*trees.CODING_HEAD, "Estimated Emotion")
    return [head, *((f"{who:02d}", clip, None, *three, None, "4", emotion) for who, clip, *three, emotion in rows)]


def casmeii_with_ep09f(root):
    write_casmeii(root, [*trees.CODING, (9, "EP09f", 10, "/", 20, "disgust")])
    write_images(root / "CASME2_RAW_selected/sub09/EP09f", range(10, 30))


def casmeii_renamed(root):
    write_casmeii(root)
    (root / "CASME2-coding-20140508.xlsx").rename(root / "CASME2.xlsx")
    write_workbook(root / "notes.xlsx", {"Sheet1": [("Subject", "Age")]})


def casmeii_as_csv(root):
    write_casmeii(root)
    (root / "CASME2-coding-20140508.xlsx").unlink()
    with open(root / "export.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";").writerows(coding_rows(*trees.CODING))


def casmeii_raw_and_cropped(root):
    write_casmeii(root)
    write_casmeii(root, tree="Cropped", image="reg_img{}.jpg")


def casmeii_two_workbooks(root):
    """The newer one calls a sad clip surprise; an export of SAMM's lies there too."""
    write_casmeii(root)
    rows = [*trees.CODING, (1, "EP99_01", 10, 12, 20, "surprise")]
    write_images(root / "CASME2_RAW_selected/sub01/EP99_01", range(10, 30))
    write_workbook(root / "CASME2-coding-2019217.xlsx", {"Sheet1": coding_rows(*rows)})
    write_workbook(root / "SAMM.xlsx", {"Sheet1": coding_rows((6, "006_1_2", 1, 2, 3, "Anger"))})


def casme2_headless_in_other_columns(root):
    """An empty column in front, sheets in another order, a number as text, empty rows between."""
    book = openpyxl.load_workbook(write_casme2(root, "selectedpic") / BOOK)
    book["CASFEcode_final"].insert_cols(1)
    book["CASFEcode_final"].insert_rows(3, 2)
    book["CASFEcode_final"]["D1"] = "41"
    book.move_sheet("CASFEcode_final", 2)
    book.save(root / "renamed.xlsx")
    (root / BOOK).unlink()


def casme2_with_head_and_text(root):
    header = ("subject", "clip", "onset", "apex", "offset", "AU", "emotion", "type", "self-report")
    spaced = (1.0, " Anger1_1 ", "41", 60.0, 70, "4", "Anger", "Macro-expression ", "")
    trees.write_code_final(
        write_casme2(root, "selectedpic") / BOOK, [header, spaced, *trees.EXPRESSIONS[1:], *trees.TEXT_ROWS]
    )


def casme2_as_xls(root):
    (write_casme2(root, "cropped") / BOOK).unlink()
    shutil.copy(Path(__file__).with_name("code_final.xls"), root / "code_final.XLS")  # written by xlwt 1.3.0


SMIC = [f"s{who}_{code}_01 s{who:02d} {n} 4998-5017" for n, code in enumerate(("ne", "po", "sur")) for who in (2, 10)]
LONG = [f"{one} 99995-100014" for one in ("s3_ne_01 s03 0", "s3_ne_02 s03 0", "s4_po_01 s04 1", "s10_sur_1 s10 2")]
SHORT = ["s3_ne_01 s03 0 99995-99999", "s3_ne_01_2 s03 0 100001-100005", "s3_ne_01_3 s03 0 100008-100010"]
CASME2 = [
    "s15_anger1_1 s15 0 41-70 @19", "s15_anger1_2 s15 0 61-95 @19", "s16_happy1_1 s16 1 50-66 @9",
    "s23_happy1_1 s23 1 81-99 @9", "s23_disgust1_1 s23 2 20-90 @50",
]  # fmt: skip
WINDOWS = [
    "s15_anger1_1 s15 0 12-107 @48", "s15_anger1_2 s15 0 25-120 @55", "s16_happy1_1 s16 1 11-106 @48",
    "s23_happy1_1 s23 1 25-120 @65", "s23_disgust1_1 s23 2 22-117 @48",
]  # fmt: skip
CASMEII = [
    "sub02_EP02_01f sub02 0 9-30", "sub17_EP05_02 sub17 0 10-40 @5",  # the offset of this is 0
    "sub01_EP02_01f sub01 1 46-86 @13", "sub02_EP13_04 sub02 2 95-120 @5",
]  # fmt: skip
SAMM = ["006_1_2 006 0 562-590 @8", "006_1_3 006 1 9990-10010 @9", "011_6_1 011 2 5-45 @4"]
NOT_OF_MEGC = "info sub04/ep12_01f (row 5): is not among"
NO_OFFSET = "warning CASME2-coding-20140508.xlsx, sheet 'Sheet1', row 6: "
OTHERS = "info sub26/ep18_44 (row 7): is of emotion others, which is none of the classes, so it is left out"
CODED = [NOT_OF_MEGC, NO_OFFSET, OTHERS]
CODED_OF_ANOTHER_NAME = [NOT_OF_MEGC, "warning ", OTHERS]
BEYOND = "row 17: of onset 5 and offset 999 one is not among the frames 5 to 45: "
FACES = [f"warning SAMM_Micro_FACS_Codes_v2.xlsx, sheet 'MICRO_ONLY', {BEYOND}", "info 037/037_7_1 (row 18): is of "]

# name: (how to write it, database, options, clips, what is said)
READ = {
    "SMIC-E": (write_smic_e, "smic", {}, LONG, []),
    "SMIC-E with its workbook elsewhere": (
        lambda root: write_smic_e(root / "SMIC-E/SMIC-E", workbook="doc/SMIC-HS-E_annotation_2019.xlsx"), "smic", {},
        LONG, [],
    ),
    "SMIC-E with second expressions": (smic_e_of_2013, "smic", {}, [*SHORT, *LONG[1:]], []),
    "an unexpected name in SMIC-E": (
        smic_e_with_an_odd_name, "smic", {}, [*LONG[:2], "s4-extra s04 1 99995-100001", *LONG[2:]], [],
    ),
    "merged cells in SMIC-E": (smic_e_with_merged_cells, "smic", {}, LONG, []),
    "an empty folder": (
        smic_with_an_empty_folder, "smic", {}, SMIC,
        ["warning HS/s18/micro/surprise/s18_sur_03: is empty, so there is one clip less"],
    ),
    "VIS at 25 frames a second": (
        lambda root: [write_smic(root / camera, frames=5) for camera in ("VIS", "NIR")], "smic", {"camera": "VIS"},
        [clip.replace("5017", "5002") for clip in SMIC], [],
    ),
    "sizes in the names of frames": (
        lambda root: write_smic(root / "HS", "f_{:04d}_360x288.bmp"), "smic", {}, SMIC, [],
    ),
    "CAS(ME)^2": (lambda root: write_casme2(root, "rawpic"), "casme2", {}, WINDOWS, []),
    "CAS(ME)^2 as videos, which count from 0": (
        lambda root: write_casme2(root / "CAS(ME)^2", "rawvideo"), "casme2", {},
        [re.sub(r"(\d+)-(\d+)", lambda found: f"{int(found[1]) - 1}-{int(found[2]) - 1}", clip) for clip in WINDOWS],
        [],
    ),
    "expressions of CAS(ME)^2": (lambda root: write_casme2(root / "again", "selectedpic"), "casme2", {}, CASME2, []),
    "cropped CAS(ME)^2": (lambda root: write_casme2(root, "cropped"), "casme2", {}, CASME2, []),
    "CAS(ME)^2 without a head": (casme2_headless_in_other_columns, "casme2", {}, CASME2, []),
    "CAS(ME)^2 with head and text": (casme2_with_head_and_text, "casme2", {}, CASME2, []),
    "CAS(ME)^2 with an .xls": (casme2_as_xls, "casme2", {}, CASME2, []),
    "CASME II": (
        lambda root: write_casmeii(root, subject="sub{:02d}".format), "casmeii", {}, CASMEII, CODED,
    ),
    "EP09f": (casmeii_with_ep09f, "casmeii", {}, [CASMEII[0], "sub09_EP09f sub09 0 10-20", *CASMEII[1:]], CODED),
    "a renamed workbook beside another": (casmeii_renamed, "casmeii", {}, CASMEII, CODED_OF_ANOTHER_NAME),
    "a workbook as CSV": (casmeii_as_csv, "casmeii", {}, CASMEII, CODED_OF_ANOTHER_NAME),
    "the newer of two workbooks": (
        casmeii_two_workbooks, "casmeii", {}, [*CASMEII[:3], "sub01_EP99_01 sub01 2 10-20 @2", CASMEII[3]],
        ["warning CASME2-coding-2019217.xlsx: is read, not CASME2-coding-20140508.xlsx", *CODED_OF_ANOTHER_NAME],
    ),
    "an unknown spelling": (
        lambda root: write_casmeii(root, [*trees.CODING[:-1], (26, "EP18_44", 10, 15, 20, "Suprise")]), "casmeii", {},
        CASMEII,
        [NOT_OF_MEGC, NO_OFFSET, "warning sub26/ep18_44 (row 7): is of emotion suprise, which is none of the classes"],
    ),
    "a subject as number, an apex as text": (
        lambda root: write_casmeii(root, subject=float), "casmeii", {}, CASMEII, CODED,
    ),
    "cropped CASME II": (
        casmeii_raw_and_cropped, "casmeii",
        {"layout": "cropped"}, CASMEII, CODED,
    ),
    "SAMM below the text of its workbook": (write_samm, "samm", {}, SAMM, FACES),
    "SAMM with four figures": (
        lambda root: write_samm(root, [*trees.FACS, ("006", "006_9_1", 1, 2, 3, "Fear")], digits=4), "samm", {}, SAMM,
        [*FACES, "warning SAMM_Micro_FACS_Codes_v2.xlsx, sheet 'MICRO_ONLY', row 19: there is no folder 006/006_9_1"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_it_is_read_and_a_table_written_of_it_gives_the_same_clips(tmp_path, name):
    write, database, options, clips, remarks = READ[name]
    write(tmp_path)
    assert find_dataset(tmp_path) == database
    table = read_table(tmp_path, database, **options)
    assert [shown(clip) for clip in table.clips] == clips
    assert all(clip.length == last - first + 1 for clip in table.clips for first, last in [numbers(clip)])
    found = [text.replace(f"{tmp_path}/", "") for text in said(table)]
    assert len(found) == len(remarks) and all(map(str.startswith, found, remarks)), found
    write_table(tmp_path / "clips.csv", [table])
    own = own_database(tmp_path / "clips.csv")
    assert own.class_names == DATABASES[database].class_names
    assert read_table(tmp_path / "clips.csv", own).clips == table.clips


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
        assert [shown(clip) for clip in clips] == [clip.replace("4998-5017", "98-101") for clip in SMIC]
        assert [frame.name for frame in clips[0].frames] == [image.format(number) for number in range(98, 102)]


ORIGINAL = ["Negative/s10_ne_01", "Negative/s2_ne_10", "Negative/s2_ne_9", "Positive/s3_po_01", "Surprise/s4_sur_01"]


def test_the_layout_of_the_original_programs_in_natural_order_without_what_systems_leave_behind(tmp_path):
    write_clips(tmp_path, ORIGINAL, frames=11, size=8)
    (tmp_path / "again").symlink_to(tmp_path)  # a link back up ends
    left = (".DS_Store", "Thumbs.db", "._reg_image1.png", "desktop.ini", "ehthumbs_vista.db", "Picasa.ini", "~$a.xlsx")
    for name in left:
        (tmp_path / "Negative" / "s2_ne_9" / name).write_bytes(b"x")
        (tmp_path / "Negative" / name).write_bytes(b"x")
    write_clips(tmp_path, ["Negative/s2_ne_9/@eaDir", "Negative/@eaDir", "__MACOSX/Negative/s2_ne_9"], 1, 8)
    table = read_table(tmp_path)
    clips = ["s2_ne_9 s02 0", "s2_ne_10 s02 0", "s10_ne_01 s10 0", "s3_po_01 s03 1", "s4_sur_01 s04 2"]
    assert [shown(clip) for clip in table.clips] == [f"{clip} 1-11" for clip in clips]
    assert [path.stem for path in table.clips[0].frames] == [f"reg_image{n}" for n in range(1, 12)] and not table.issues
    assert sorted(["a10", "a²", "a9", "a٣"], key=natural_order) == ["a٣", "a9", "a10", "a²"]


def test_the_flat_layout_of_casme2(tmp_path):
    for name in ("Angry/15_0401girlcrashing_1", "happy/s16_0502_1", "happy/16_0502_10", "Disgust/sick"):
        trees.write_video(tmp_path / "data" / f"{name}.avi", 2)
    table = read_table(tmp_path, "casme2")
    assert (table.layout, table.root, table.camera) == ("flat", tmp_path / "data", None)
    assert [shown(clip) for clip in table.clips] == [
        "15_0401girlcrashing_1 s15 0 72-None", "16_0502_10 s16 1 72-None", "s16_0502_1 s16 1 72-None",
        "sick None 2 72-None",  # the original programs look at no subject
    ]  # fmt: skip
    [text] = said(table)
    assert text.startswith(f"warning {tmp_path}/data/Disgust/sick.avi: does not begin with a subject")


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
    row = (1, "anger1_1", onset, apex, offset, *trees.EXPRESSIONS[0][5:])
    write_casme2(tmp_path, layout, [row, *trees.EXPRESSIONS[2:]], name="img{}.jpg")
    clip = find_clips(tmp_path, "casme2", frames=20)[0]
    start = first - 1 if layout == "rawvideo" else first
    assert numbers(clip) == (start, start + 19) and clip.apex == (apex - first if apex else None)


def test_emotions_and_expressions_are_chosen_and_the_others_listed(tmp_path):
    emotions = {"Surprise ": "Micro-", " DISGUST": "macro-", "others": "macro ", None: "macro-", "hapiness": "macro-"}
    others = [
        (2, f"happy1_{number}", 50, 60, 70, "12", emotion, f"{kind}expression", "")
        for number, (emotion, kind) in enumerate(emotions.items(), 2)
    ]
    write_casme2(tmp_path, "rawpic", [*trees.EXPRESSIONS, *others])
    table, none = read_table(tmp_path, "casme2"), "which is none of the classes, so it is left out"
    assert [clip.label for clip in table.clips] == [0, 0, 1, 1, 2, 2] and table.clips[4].id == "s16_happy1_3"
    assert said(table) == [
        f"info s16_happy1_2 (row 6): is of emotion surprise, {none}",
        f"info s16_happy1_4 (row 8): is of emotion others, {none}",
        f"info s16_happy1_5 (row 9): is of emotion (none), {none}",
        f"warning s16_happy1_6 (row 10): is of emotion hapiness, {none}",
    ]
    videos = find_clips(tmp_path, "casme2", labels="video")
    assert [clip.label for clip in videos] == [0, 0, 1, 1, 1, 1, 1, 1, 1, 2]
    macro = read_table(tmp_path, "casme2", labels="video", expressions="macro")
    assert len(macro.clips) == 8
    assert said(macro) == [
        f"info s16_{one}: is a micro-expression, so it is left out" for one in ("happy1_1 (row 3)", "happy1_2 (row 6)")
    ]


def test_the_column_that_holds_emotions_gives_the_labels(tmp_path):
    """Copies have negative, positive, surprise or others in the seventh column, as every public description says."""
    emotions = {"anger": "negative", "happiness": "positive", "disgust": "others"}
    rows = [(*row[:6], emotions[row[6]], row[7], row[6]) for row in trees.EXPRESSIONS]
    last = (1, "anger1_3", 61, 80, 95, "4", "others", "macro-expression", "sadness")
    table = read_table(write_casme2(tmp_path, "rawpic", [*rows, last]), "casme2")
    assert [clip.label for clip in table.clips] == [0, 0, 1, 1, 2]
    taken, left_out = said(table)
    assert "says negative and positive, so labels are those of the self-report" in taken
    assert left_out.startswith("info s15_anger1_3 (row 6): is of emotion sadness")
    with pytest.raises(MicroExpError, match=r"but negative, others, positive. Choose other labels: self-report or vid"):
        find_clips(tmp_path, "casme2", labels="emotion")
    assert [clip.label for clip in find_clips(tmp_path, "casme2", labels="video")] == [0, 0, 0, 1, 1, 2]


MEGC = [  # clips of CASME II: their emotion in the workbooks of 2014 and 2019, their label in MEGC 2019
    (1, "EP01_01", "disgust", "disgust", 0),
    (1, "EP01_02", "repression", "repression", 0),
    (1, "EP01_03", "fear", "fear", None),
    (5, "EP12_03f", "surprise", "surprise", 2),
    (5, "EP09_05f", "disgust", "disgust", None),
    (4, "EP12_01f", "disgust", "disgust", None),
    (24, "EP18_03", "surprise", "surprise", 2),
    (24, "EP07_01", "sadness", "surprise", None),
    (24, "EP07_04f", "sadness", "surprise", None),
    (24, "EP10_03", "sadness", "surprise", None),
    (9, "EP09f", "happiness", "happiness", 1),
]


@pytest.mark.parametrize("year", [2014, 2019])
def test_megc_2019_has_the_same_clips_of_casme_ii_with_either_workbook(tmp_path, year):
    rows = [(who, clip, 1, 1, 1, {2014: first, 2019: second}[year]) for who, clip, first, second, _ in MEGC]
    write_workbook(tmp_path / "CASME2-coding.xlsx", {"Sheet1": coding_rows(*rows)})
    for who, clip, *_ in MEGC:
        write_images(tmp_path / "CASME2_RAW_selected" / f"sub{who:02d}" / clip, [1])
    table = read_table(tmp_path, "casmeii")
    labels = {f"sub{who:02d}_{clip}": label for who, clip, *_, label in MEGC}
    assert {clip.id: clip.label for clip in table.clips} == {id: one for id, one in labels.items() if one is not None}
    assert table.annotated == len(MEGC) and all("left out" in issue.text for issue in table.issues)
    assert len(table.issues) == len(MEGC) - len(table.clips)  # each by name and row
    named = {issue.where.partition(" (row ")[0] for issue in table.issues if "MEGC 2019" in issue.text}
    sad = {"sub24/ep07_01", "sub24/ep07_04f", "sub24/ep10_03"} if year == 2019 else set()
    assert named == {"sub05/ep09_05f", "sub04/ep12_01f"} | sad


# ------------------------------------------------------------------------------------- which of them is meant


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


def test_of_trees_beside_each_other_the_one_that_is_asked_for_is_read(tmp_path):
    places = {
        "smic": {"smic-e": "SMIC-HS-E"},
        "casme2": {name: name for name in ("rawpic", "rawvideo", "selectedpic", "cropped")},
        "casmeii": {"raw": "CASME2_RAW_selected", "cropped": "Cropped"},
    }
    write_smic_e(tmp_path / "smic")
    for layout in places["casme2"]:
        write_casme2(tmp_path / "casme2", layout)
    casmeii_raw_and_cropped(tmp_path / "casmeii")
    for database, layout, place in ((name, *one) for name, layouts in places.items() for one in layouts.items()):
        table, where = read_table(tmp_path / database, database, layout=layout), tmp_path / database / place
        assert (table.layout, table.root) == (layout, where)
        assert table.clips and all(where in clip.path.parents for clip in table.clips)


def test_the_database_is_found_out_and_synthetic_clips_are_read_only_where_they_are_named(tmp_path):
    write_clips(tmp_path / "made", ORIGINAL, frames=1, size=8)
    assert not datasets.are_synthetic(find_clips(tmp_path)) and databases_in(tmp_path)
    (tmp_path / "made" / SYNTHETIC_MARK).write_text("x")
    assert not databases_in(tmp_path) and databases_in(tmp_path / "made")
    for look in (find_clips, find_dataset):
        with pytest.raises(MicroExpError, match=r"but synthetic ones\. Name the folder"):
            look(tmp_path)
    assert datasets.are_synthetic(find_clips(tmp_path / "made")) and find_dataset(tmp_path / "made") == "smic"
    write_clips(tmp_path / "real", ORIGINAL, frames=1, size=8)
    assert not datasets.are_synthetic(find_clips(tmp_path)) and find_dataset(tmp_path) == "smic"
    write_casme2(tmp_path / "a", "cropped")
    with pytest.raises(MicroExpError, match=r"holds clips of SMIC and CAS\(ME\)\^2.*--dataset"):
        find_dataset(tmp_path)
    assert [database.name for database in databases_in(tmp_path)] == ["smic", "casme2"]


def test_how_clips_are_read_can_be_chosen_where_the_paper_has_not_settled_it():
    args = train.parser().parse_args(["--frames", "9", "--sampling", "first", "--size", "48"])
    reading = datasets.chosen_reading(args)
    for name, protocol in (("samm", "paper"), ("smic", "loso"), ("casme2", "loso")):
        read = protocols.get(protocol, "stcnn", name, **reading)
        assert (read.frames, read.sampling, read.size, read.database) == (9, "first", 48, DATABASES[name])
    with pytest.raises(MicroExpError, match=r"protocol paper reads clips of SMIC as published .* take --protocol loso"):
        protocols.get("paper", "stcnn", "smic", **reading)


# --------------------------------------------------------------------------------------------- what is refused


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


def test_a_folder_that_may_not_be_read_is_named_and_not_left_out(tmp_path):
    names = ["HS/s1/negative/s1_ne_1", "HS/s2/positive/s2_po_1", "HS/s2/surprise/s2_su_1", "HS/s3/negative/s3_ne_1"]
    write_clips(tmp_path, names, 1, 8)
    tmp_path.chmod(0o755)
    for closed in ("HS/s3", "HS/s2/positive"):
        (tmp_path / closed).chmod(0o000)
        said = as_nobody(tmp_path, lambda: len(find_clips(".")))
        assert closed in said and "Permission denied" in said
        (tmp_path / closed).chmod(0o755)
    assert as_nobody(tmp_path, lambda: len(find_clips("."))) == "4"


@pytest.mark.parametrize(
    ("database", "column", "value", "said"),
    [
        ("smic", 2, "?", r"sheet 'Sheet1', row 3: onset and offset are '\?' and 100014, not among the frames 99990 to"),
        ("smic", 3, 99991, "row 3: onset and offset are 99995 and 99991"),
        ("smic", 3, 100020, "row 3: onset and offset are 99995 and 100020, not among the frames .* of .*s3_ne_02"),
        ("smic", 3, None, "row 3: onset and offset are 99995 and an empty cell.* if they are formulas, open it in"),
        ("smic", 3, "=C2+19", "row 3: onset and offset are 99995 and an empty cell, .* program and save it"),
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
        ("samm", 1, "006_1_2", "row 16: 006/006_1_2 is also in row 15"),
        ("samm", 5, "Hapiness", "no clip of the class positive"),
    ],
)
def test_a_damaged_row_is_named(tmp_path, database, column, value, said):
    rows = [[*row] for row in {"smic": trees.smic_e_rows(), "casme2": trees.EXPRESSIONS, "samm": trees.FACS}[database]]
    rows[1][column] = value
    if database == "casme2":
        trees.write_code_final(write_casme2(tmp_path, "rawpic") / BOOK, rows)
    else:
        {"smic": write_smic_e, "samm": write_samm}[database](tmp_path, rows)
    with pytest.raises(MicroExpError, match=said):
        find_clips(tmp_path, database)


def casme2_whose_workbook_is(sheets):
    def write(root):
        book = write_casme2(root, "cropped") / BOOK
        (root / f"~${BOOK}").write_text("kept by a spreadsheet program")
        write_workbook(book, sheets) if sheets else book.write_text("onset,apex")

    return write


def flat_videos(root):
    for label in ("angry", "happy", "disgust"):
        trees.write_video(root / label / f"15_{label}.avi", 1)


def images_in(*folders, name="img{}.jpg"):
    return lambda root: [write_images(root / folder, range(3), name) for folder in folders]


# name: (how to write it, what is said) and options
REFUSED = {
    "a workbook without a table": (
        casme2_whose_workbook_is({"code": [("angry_1", 1)]}),
        r"no workbook with .*; there are CAS\(ME\)\^2code_final.xlsx",
    ),
    "a workbook without the subjects": (
        casme2_whose_workbook_is({"code": trees.EXPRESSIONS}),
        "none of its other sheets says which subject has which index",
    ),
    "SAMM with other frames": (
        lambda root: write_samm(root, [(*trees.FACS[0][:2], 1, 2, 9, "Anger"), *trees.FACS[1:]]),
        "row 15: onset 1 and offset 9 are not among the frames 562",
    ),
    "SAMM with letters for frames": (
        lambda root: write_samm(root, [(*trees.FACS[0][:2], "x", 2, "y", "Anger"), *trees.FACS[1:]]),
        "row 15: onset 'x' and offset 'y' are not among",
    ),
    "no workbook": (casme2_whose_workbook_is(None), r"code_final.xlsx: cannot be read as a workbook \("),
    "expressions that are none": (flat_videos, "--expressions .*: means nothing", {"expressions": "micro"}),
    "a camera that is none": (flat_videos, "no tree HS, but flat", {"camera": "HS"}),
    "CASME II raw and cropped": (
        casmeii_raw_and_cropped, "--layout"
    ),
    "CASME II as videos": (
        lambda root: trees.write_video(root / "CASME2_compressed/sub01/EP02_01f.avi", 2),
        "II as videos .its folders of images, CASME2_RAW_selected",
    ),
    "MMEW": (
        images_in(*(f"{emotion}/S01-01-001" for emotion in ("surprise", "disgust", "happiness"))),
        "clips of MMEW, for which there is no reader. Write .* columns clip .*subject and label",
    ),
    "CASME": (
        images_in("Cropped/sub01/EP01_2", name="EP01_2-{}.jpg"),
        "clips of CASME, the first, for which there is no reader. Write a table",
    ),
    "CAS(ME)^3": (
        images_in("part_A/data/spNO.1/a/color"), r"clips of CAS\(ME\)\^3, for which there is no reader. Write a table"
    ),
    "4DME": (images_in("4DME_gray/any"), "4DME, for which there is no reader. Write a table"),
    "other folders": (images_in("mine/clip1"), "no reader for other folders. Write a table"),
    "nothing": (lambda root: (root / "empty").mkdir(), "holds no clips of SMIC, .* in a tree that is known"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_it_says_what_is_needed(tmp_path, name):
    write, said, *options = REFUSED[name]
    write(tmp_path)
    with pytest.raises(MicroExpError, match=said):
        read_table(tmp_path, find_dataset(tmp_path), **dict(*options))
    if "no reader" in said:
        with pytest.raises(MicroExpError, match=said):
            read_table(tmp_path, "smic")


def test_what_is_no_folder_is_named_with_what_to_do(tmp_path):
    (tmp_path / "list.txt").write_text("s1/a 0\ns2/b 1\n")
    (tmp_path / "SMIC.zip").touch()
    for name, said in (
        ("list.txt", "is a file, not the folder of a database. Write a table of the clips"),
        ("SMIC.zip", "is a file, not the folder of a database. Unpack it, and name the folder."),
        ("none", "does not exist. Check the path"),
    ):
        with pytest.raises(MicroExpError, match=f"{name}: {said}"):
            find_dataset(tmp_path / name)
