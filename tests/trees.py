"""Writes small copies of the databases' trees as they are distributed, with what a test wants wrong in them."""

import cv2
import numpy as np
import openpyxl

SUBJECTS = [(1, 15), (2, 16), (7, 23)]
VIDEOS = {"anger1": "0401girlcrashing", "happy1": "0502funnyerrors", "disgust1": "0101disgustingteeth"}
EXPRESSIONS = [  # index of the subject, clip, onset, apex, offset, action units, emotion, kind, self-report
    (1, "anger1_1", 41, 60, 70, "4", "anger", "macro-expression", "angry"),
    (1, "anger1_2", 61, 80, 95, "4", "anger", "macro-expression", "angry"),
    (2, "happy1_1", 50, 59, 66, "12", "happiness", "micro-expression", "happy"),
    (7, "happy1_1", 81, 90, 99, "12", "happiness", "macro-expression", "happy"),
    (7, "disgust1_1", 20, 70, 90, "10", "disgust", "macro-expression", "sick"),
]
TEXT_ROWS = [(), ("1. onset, apex and offset are numbers of frames",), ("0 means that it could not be seen", None, "x")]


def write_workbook(path, sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)


def write_code_final(path, expressions=EXPRESSIONS, **sheets):
    """The annotation workbook of CAS(ME)^2."""
    rules = {
        "naming rule1": [(subject, f"s{subject}", index) for index, subject in SUBJECTS],
        "naming rule2": [(video[:4], code, video[4:]) for code, video in VIDEOS.items()],
    }
    write_workbook(path, {"CASFEcode_final": expressions, **rules, **sheets})


def write_images(folder, numbers, name="img{}.jpg", size=8):
    """One small image of noise for each number; the names of folder and file decide what it shows."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        random = np.random.default_rng(list(f"{folder.parent.name}/{folder.name}/{number}".encode()))
        image = random.integers(0, 256, (size, size, 3), np.uint8)
        assert cv2.imwrite(str(folder / name.format(number)), image)


def write_video(path, frames, size=16):
    """Frames of noise; the name of the file decides what they show."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (size, size))
    random = np.random.default_rng([*path.name.encode()])
    for _ in range(frames):
        writer.write(random.integers(0, 256, (size, size, 3), np.uint8))
    writer.release()


def recordings(expressions=EXPRESSIONS):
    """Subject and name of each recording that the expressions are of: `15, 15_0401girlcrashing`."""
    subjects = dict(SUBJECTS)
    return sorted({(subjects[row[0]], f"{subjects[row[0]]}_{VIDEOS[row[1].split('_')[0]]}") for row in expressions})


def write_casme2(root, layout, expressions=EXPRESSIONS, frames=120, name="img{:03d}.jpg"):
    """A tree of CAS(ME)^2 beside its workbook."""
    write_code_final(root / "CAS(ME)^2code_final.xlsx", expressions)
    for subject, recording in recordings(expressions):
        if layout == "rawpic":
            write_images(root / layout / f"s{subject}" / recording, range(1, frames + 1), name)
        if layout == "rawvideo":
            write_video(root / layout / f"s{subject}" / f"{recording}.avi", frames)
    for index, code, onset, apex, offset, *_ in expressions if layout in ("selectedpic", "cropped") else ():
        folder = f"{'s' if layout == 'selectedpic' else ''}{dict(SUBJECTS)[index]}"
        write_images(root / layout / folder / code, range(onset, (offset or apex) + 1), name)
    return root


SMIC_E = [("s03", "s3_ne_01"), ("s03", "s3_ne_02"), ("s04", "s4_po_01"), ("s10", "s10_sur_1")]


def smic_e_rows(first=99990, onset=99995, offset=100014):
    emotions = {"ne": "negative", "po": "Positive", "su": "surprise"}
    return [
        (subject if clip.endswith("1") else None, clip, onset, offset, first, emotions[clip.split("_")[1][:2]])
        for subject, clip in SMIC_E
    ]


def write_smic_e(root, rows=None, workbook="SMIC-HS-E_annotation.xlsx"):
    """A tree of SMIC-E beside its workbook; the numbers of the frames grow wider within each clip."""
    for subject, clip in SMIC_E:
        write_images(root / "SMIC-HS-E" / subject / clip, range(99990, 100020), "image{}.jpg")
    titles = ("Subject", "Filename", "OnsetF", "OffsetF", "FirstF", "Emotion")
    write_workbook(root / workbook, {"Sheet1": [titles, *(rows or smic_e_rows()), *TEXT_ROWS]})
    return root


def write_smic(root, image="reg_image{:06d}.bmp", first=4998, frames=20):
    """A tree of SMIC as distributed."""
    for label, code in (("negative", "ne"), ("positive", "po"), ("surprise", "sur")):
        for subject in (2, 10):
            folder = root / f"s{subject}" / "micro" / label / f"s{subject}_{code}_01"
            write_images(folder, range(first, first + frames), image)
            write_images(root / f"s{subject}" / "non_micro" / label / f"s{subject}_non_01", [1], image)
    return root


CODING = [  # subject, clip, onset, apex, offset, emotion
    (1, "EP02_01f", 46, 59, 86, "happiness"),
    (2, "EP02_01f", 9, "/", 30, "repression"),
    (2, "EP13_04", 95, 100, 120, "surprise"),
    (4, "EP12_01f", 10, 15, 20, "disgust"),
    (17, "EP05_02", 10, 15, 0, "disgust"),
    (26, "EP18_44", 10, 15, 20, "others"),
]
CODING_HEAD = ("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units")


def write_casmeii(root, rows=CODING, tree="CASME2_RAW_selected", image="img{}.jpg", subject="{:02d}".format):
    """A tree of CASME II beside its workbook; a subject's cell is text, or a number."""
    for number, clip, onset, _, offset, _ in CODING:
        write_images(root / tree / f"sub{number:02d}" / clip, range(onset, (offset or 40) + 1), image)
    cells = [(subject(number), clip, None, *frames, None, "4", emotion) for number, clip, *frames, emotion in rows]
    write_workbook(root / "CASME2-coding-20140508.xlsx", {"Sheet1": [(*CODING_HEAD, "Estimated Emotion"), *cells]})
    return root


FACS = [
    ("006", "006_1_2", 562, 570, 590, "Anger"),
    ("006", "006_1_3", 9990, 9999, 10010, "Happiness"),
    ("011", "011_6_1", 5, 9, 999, "Surprise"),
    ("037", "037_7_1", 5, 9, 20, "Other"),
]
FACS_HEAD = ("Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration", "Micro")


def write_samm(root, rows=FACS, digits=5):
    """A tree of SAMM beside its workbook, whose table has text above and below."""
    for subject, clip, onset, _, offset, _ in FACS:
        numbers = range(onset, min(offset, onset + 40) + 1)
        write_images(root / subject / clip, numbers, subject + f"_{{:0{digits}d}}.jpg")
    cells = [(*row[:2], 1, *row[2:5], 40, "Micro - 1/2", "4", row[5], 1, None) for row in rows]
    head = (*FACS_HEAD, "Action Units", "Estimated Emotion", "Objective Classes", "Notes")
    sheet = [("SAMM",), *[(f"Note {line}",) for line in range(12)], head, *cells, (), ("1. Frames count from 0",)]
    write_workbook(root / "SAMM_Micro_FACS_Codes_v2.xlsx", {"MICRO_ONLY": sheet})
    return root
