"""Genuine copies of the databases, as public programs and annotations show them: each is read, or says what is needed.

One case for each oddity: how its tree is written, and which clips and remarks come out.
"""

import csv
from pathlib import Path

import openpyxl
import pytest
from trees import (
    CODING,
    CODING_HEAD,
    FACS,
    SMIC_E,
    smic_e_rows,
    write_casme2,
    write_casmeii,
    write_code_final,
    write_images,
    write_samm,
    write_smic,
    write_smic_e,
    write_video,
    write_workbook,
)

from microexp_keras.datasets import DATABASES, find_dataset, own_database, read_table
from microexp_keras.datasets.table import write_table
from microexp_keras.errors import MicroExpError

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
    other = [LONG_HEAD, *(long_row(3, clip, 12, 20) for _, clip in SMIC_E)]
    write_workbook(root / "SMIC-HS-E_annotation.xlsx", {"VIS": other, "HS": [LONG_HEAD, *rows]})


def smic_e_without_values(root):
    write_smic_e(root, [("s03", "s3_ne_01", 99995, "=C2+19", 99990, "negative"), *smic_e_rows()[1:]])


def smic_e_with_an_odd_name(root):
    write_smic_e(root, [*smic_e_rows(), ("s04", "s4-extra", 99995, 100001, 99990, "positive")])
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
    head = (*CODING_HEAD, "Estimated Emotion")
    return [head, *((f"{who:02d}", clip, None, *three, None, "4", emotion) for who, clip, *three, emotion in rows)]


def casmeii_with_ep09f(root):
    write_casmeii(root, [*CODING, (9, "EP09f", 10, "/", 20, "disgust")])
    write_images(root / "CASME2_RAW_selected/sub09/EP09f", range(10, 30))


def casmeii_renamed(root):
    write_casmeii(root)
    (root / "CASME2-coding-20140508.xlsx").rename(root / "CASME2.xlsx")
    write_workbook(root / "notes.xlsx", {"Sheet1": [("Subject", "Age")]})


def casmeii_as_csv(root):
    write_casmeii(root)
    (root / "CASME2-coding-20140508.xlsx").unlink()
    with open(root / "export.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";").writerows(coding_rows(*CODING))


def casmeii_two_workbooks(root):
    """The newer one calls a sad clip surprise; an export of SAMM's lies there too."""
    write_casmeii(root)
    rows = [*CODING, (1, "EP99_01", 10, 12, 20, "surprise")]
    write_images(root / "CASME2_RAW_selected/sub01/EP99_01", range(10, 30))
    write_workbook(root / "CASME2-coding-2019217.xlsx", {"Sheet1": coding_rows(*rows)})
    write_workbook(root / "SAMM.xlsx", {"Sheet1": coding_rows((6, "006_1_2", 1, 2, 3, "Anger"))})


def casmeii_of_unknown_spelling(root):
    write_casmeii(root, [*CODING[:-1], (26, "EP18_44", 10, 15, 20, "Suprise")])


def casme2_headless_in_other_columns(root):
    """An empty column in front, sheets in another order, a number as text, empty rows between."""
    write_casme2(root, "selectedpic")
    write_code_final(root / "CAS(ME)^2code_final.xlsx")
    book = openpyxl.load_workbook(root / "CAS(ME)^2code_final.xlsx")
    book["CASFEcode_final"].insert_cols(1)
    book["CASFEcode_final"].insert_rows(3, 2)
    book["CASFEcode_final"]["D1"] = "41"
    book.move_sheet("CASFEcode_final", 2)
    book.save(root / "renamed.xlsx")
    (root / "CAS(ME)^2code_final.xlsx").unlink()


SMIC = {f"s{who}_{code}_01": 20 for code in ("ne", "po", "sur") for who in (2, 10)}
LONG = {"s3_ne_01": 20, "s3_ne_02": 20, "s4_po_01": 20, "s10_sur_1": 20}
CASME = {"sub02_EP02_01f": 22, "sub17_EP05_02": 31, "sub01_EP02_01f": 41, "sub02_EP13_04": 26}

# name: (how to write it, database, options, clips by length, what is said, with the level in front)
READ = {
    "SMIC-E with second expressions": (
        smic_e_of_2013, "smic", {},
        {**LONG, "s3_ne_01": 5, "s3_ne_01_2": 5, "s3_ne_01_3": 3}, [],
    ),
    "an unexpected name in SMIC-E": (smic_e_with_an_odd_name, "smic", {}, {**LONG, "s4-extra": 7}, []),
    "merged cells in SMIC-E": (smic_e_with_merged_cells, "smic", {}, LONG, []),
    "an empty folder": (
        smic_with_an_empty_folder, "smic", {}, SMIC, ["warning s18_sur_03: is empty, so there is one clip less"],
    ),
    "VIS at 25 frames a second": (
        lambda root: [write_smic(root / camera, frames=5) for camera in ("VIS", "NIR")], "smic", {"camera": "VIS"},
        dict.fromkeys(SMIC, 5), [],
    ),
    "sizes in the names of frames": (
        lambda root: write_smic(root / "HS", "f_{:04d}_360x288.bmp"), "smic", {}, SMIC, [],
    ),
    "EP09f": (
        casmeii_with_ep09f, "casmeii", {},
        {**CASME, "sub09_EP09f": 11},
        ["info sub26/ep18_44 (row 7): is of emotion others", "info sub04/ep12_01f (row 5): is not among"],
    ),
    "a renamed workbook beside another": (casmeii_renamed, "casmeii", {}, CASME, []),
    "a workbook as CSV": (casmeii_as_csv, "casmeii", {}, CASME, []),
    "the newer of two workbooks": (casmeii_two_workbooks, "casmeii", {}, {**CASME, "sub01_EP99_01": 11}, []),
    "an unknown spelling": (
        casmeii_of_unknown_spelling, "casmeii", {}, CASME,
        ["warning sub26/ep18_44 (row 7): is of emotion suprise, which is none of the classes"],
    ),
    "a subject as number, an apex as text": (
        lambda root: write_casmeii(root, subject=float), "casmeii", {}, CASME, [],
    ),
    "SAMM with four figures": (
        lambda root: write_samm(root, [*FACS, ("006", "006_9_1", 1, 2, 3, "Fear")], digits=4), "samm", {},
        {"006_1_2": 29, "006_1_3": 21, "011_6_1": 41},
        ["warning SAMM_Micro_FACS_Codes_v2.xlsx, sheet 'MICRO_ONLY', row 19: there is no folder 006/006_9_1"],
    ),
    "CAS(ME)^2 without a head": (
        casme2_headless_in_other_columns, "casme2", {},
        {"s15_anger1_1": 30, "s15_anger1_2": 35, "s16_happy1_1": 17, "s23_happy1_1": 19, "s23_disgust1_1": 71}, [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_it_is_read_and_a_table_written_of_it_gives_the_same_clips(tmp_path, name):
    write, database, options, clips, remarks = READ[name]
    write(tmp_path)
    assert find_dataset(tmp_path) == database
    table = read_table(tmp_path, database, **options)
    assert {clip.id: clip.length for clip in table.clips} == clips
    said = [f"{issue.level} {issue.where.rpartition('surprise/')[2]}: {issue.text}" for issue in table.issues]
    assert all(any(text.startswith(remark) for text in said) for remark in remarks), said
    assert bool(said) == bool(remarks) or database == "casmeii"
    if name == "the newer of two workbooks":
        assert table.workbook.name == "CASME2-coding-2019217.xlsx"
        assert any("is read, not CASME2-coding-20140508.xlsx" in text for text in said)
    write_table(tmp_path / "clips.csv", [table])
    own = own_database(tmp_path / "clips.csv")
    assert own.class_names == DATABASES[database].class_names
    assert read_table(tmp_path / "clips.csv", own).clips == table.clips


def mmew(root):
    for emotion in ("surprise", "disgust", "happiness"):
        write_images(root / emotion / "S01-01-001", range(3))


def casmeii_videos(root):
    write_video(root / "CASME2_compressed/sub01/EP02_01f.avi", 2)


# name: (how to write it, what is said)
REFUSED = {
    "formulas without values": (
        smic_e_without_values, "row 2: onset and offset are 99995 and an empty cell, .* spreadsheet program and save it"
    ),
    "CASME II as videos": (casmeii_videos, "II as videos .its folders of images, CASME2_RAW_selected"),
    "MMEW": (mmew, "clips of MMEW, for which there is no reader. Write .* columns clip .*subject and label"),
    "CASME": (
        lambda root: write_images(root / "Cropped/sub01/EP01_2", range(3), "EP01_2-{}.jpg"),
        "clips of CASME, the first, for which there is no reader. Write a table",
    ),
    "CAS(ME)^3": (
        lambda root: write_images(root / "part_A/data/spNO.1/a/color", range(3)),
        r"clips of CAS\(ME\)\^3, for which there is no reader. Write a table",
    ),
    "4DME": (
        lambda root: write_images(root / "4DME_gray/any", range(3)), "4DME, for which there is no reader. Write a table"
    ),
    "other folders": (
        lambda root: write_images(root / "mine/clip1", range(3)), "no reader for other folders. Write a table"
    ),
    "nothing": (lambda root: (root / "empty").mkdir(), "holds no clips of SMIC, .* in a tree that is known"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_it_says_what_is_needed(tmp_path, name):
    write, said = REFUSED[name]
    write(tmp_path)
    with pytest.raises(MicroExpError, match=said):
        read_table(tmp_path, find_dataset(tmp_path))
    if "no reader" in said:
        with pytest.raises(MicroExpError, match=said):
            read_table(tmp_path, "smic")


def test_a_list_in_a_text_file_is_no_table(tmp_path):
    (tmp_path / "list.txt").write_text("s1/a 0\ns2/b 1\n")
    with pytest.raises(MicroExpError, match=r"is a file, not the folder of a database. Write a table of the clips"):
        find_dataset(tmp_path / "list.txt")
    (tmp_path / "list.csv").write_text("casme2,01,EP02_01f,1\n")
    with pytest.raises(MicroExpError, match=r"has no column clip, subject, label. Write a table of the clips"):
        own_database(tmp_path / "list.csv")


# Clips of CASME II by emotion in the workbook of 2014; in that of 2019 three sad ones of sub24 are called surprise.
COUNTS = {"others": 99, "disgust": 63, "happiness": 32, "repression": 27, "surprise": 25, "sadness": 7, "fear": 2}
NAMED = {
    ("sub05", "EP12_03f"): "surprise",
    ("sub05", "EP09_05f"): "disgust",
    ("sub04", "EP12_01f"): "disgust",
    ("sub24", "EP18_03"): "surprise",
    ("sub24", "EP07_01"): "sadness",
    ("sub24", "EP07_04f"): "sadness",
    ("sub24", "EP10_03"): "sadness",
    ("sub09", "EP09f"): "happiness",
}
SUBJECTS = [f"sub{number:02d}" for number in range(1, 27) if number not in (10, 18)]


def whole_casmeii(root: Path, year: int) -> None:
    """As many clips of made-up names as CASME II has, of each emotion, of all subjects; a frame each."""
    names = dict(NAMED)
    for emotion, count in COUNTS.items():
        missing = count - [*NAMED.values()].count(emotion)
        subjects = ["sub10", "sub18", *SUBJECTS] if emotion == "others" else SUBJECTS
        names |= {(subjects[at % len(subjects)], f"EP{at:02d}_{emotion[:2]}"): emotion for at in range(missing)}
    rows = []
    for (subject, clip), emotion in names.items():
        renamed = year == 2019 and emotion == "sadness" and (subject, clip) in NAMED
        called = "surprise" if renamed else emotion
        rows.append((int(subject[3:]), clip, 1, 1, 1, called))
        folder = root / "CASME2_RAW_selected" / subject / clip
        folder.mkdir(parents=True)
        (folder / "img1.jpg").touch()
    write_workbook(root / "CASME2-coding.xlsx", {"Sheet1": coding_rows(*rows)})


@pytest.mark.parametrize("year", [2014, 2019])
def test_megc_2019_counts_145_clips_of_casme_ii_with_either_workbook(tmp_path, year):
    whole_casmeii(tmp_path, year)
    table = read_table(tmp_path, "casmeii")
    assert [[clip.label for clip in table.clips].count(label) for label in range(3)] == [88, 32, 25]
    assert len({clip.subject for clip in table.clips}) == 24 and table.annotated == 255
    ids = {clip.id for clip in table.clips}
    assert {"sub05_EP12_03f", "sub24_EP18_03", "sub09_EP09f"} <= ids
    out = [issue.where for issue in table.issues if "MEGC 2019" in issue.text]
    named = {"sub05/ep09_05f", "sub04/ep12_01f"}
    if year == 2019:
        named |= {"sub24/ep07_01", "sub24/ep07_04f", "sub24/ep10_03"}
    assert {where.partition(" (")[0] for where in out} == named and all("(row " in where for where in out)
    assert not {where.replace("/", "_") for where in named} & {one.lower() for one in ids}
    assert sum("left out" in issue.text for issue in table.issues) == 255 - 145  # each by name and row
