"""`check` finds each problem that is planted in a clean miniature, and nothing else."""

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from trees import (
    EXPRESSIONS,
    smic_e_rows,
    write_casme2,
    write_code_final,
    write_images,
    write_smic,
    write_smic_e,
    write_video,
)

from microexp_keras.datasets import __main__ as command
from microexp_keras.datasets import casme2, check, check_text, find_clips, smic
from microexp_keras.errors import MicroExpError


def write_flat_videos(root):
    for name in ("angry/15_0401girlcrashing", "happy/16_0502funnyerrors", "disgust/23_0101disgustingteeth"):
        write_video(root / f"{name}.avi", 170)


WRITERS = {
    "smic": lambda root: write_smic(root / "HS", "reg_image{:06d}.png"),
    "smic-e": write_smic_e,
    "rawpic": lambda root: write_casme2(root, "rawpic"),
    "rawvideo": lambda root: write_casme2(root, "rawvideo"),
    "selectedpic": lambda root: write_casme2(root, "selectedpic"),
    "flat": write_flat_videos,
}
READ = {"selectedpic": 15}  # frames, where the expressions are shorter than what the protocols read


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A function from the name of a tree to a clean miniature of it, written once."""
    written = {}

    def folder(tree):
        if tree not in written:
            written[tree] = tmp_path_factory.mktemp(tree)
            WRITERS[tree](written[tree])
        return written[tree]

    return folder


def publish(monkeypatch, reader, **values):
    monkeypatch.setattr(reader, "DISTRIBUTED", replace(reader.DISTRIBUTED, **values))


def clips_of(*subjects):
    """One clip of each class of each subject."""
    return {"subjects": subjects, "by_subject": dict.fromkeys(subjects, (1, 1, 1))}


@pytest.fixture(autouse=True)
def published(monkeypatch):
    """Let what is published be what the miniatures hold."""
    publish(monkeypatch, smic, annotated=4, **clips_of("s02", "s10"))
    publish(monkeypatch, casme2, annotated=len(EXPRESSIONS), subjects=("s15", "s16", "s23"))


def look(root, tree):
    if tree == "smic-e":
        smic.DISTRIBUTED = replace(smic.DISTRIBUTED, **clips_of("s03", "s04", "s10"))
    return check.check(root, frames=READ.get(tree), progress=False)


@pytest.mark.parametrize("tree", WRITERS)
def test_nothing_is_found_in_a_clean_miniature(clean, tree):
    report = look(clean(tree), tree)
    assert report.problems == [] and not report.stops_training
    assert len(report.tree.clips) == {"smic": 6, "smic-e": 4, "flat": 3}.get(tree, 5)


def replace_row(row, **values):
    """Plant values in the workbook of CAS(ME)^2."""

    def plant(root):
        rows = [list(cells) for cells in EXPRESSIONS]
        for name, value in values.items():
            rows[row][{"onset": 2, "apex": 3, "offset": 4}[name]] = value
        write_code_final(root / "CAS(ME)^2code_final.xlsx", rows)

    return plant


def cut(path, part):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])


def rename(old, new):
    def plant(root):
        (root / new).parent.mkdir(parents=True, exist_ok=True)
        (root / old).rename(root / new)

    return plant


def rewrite(name, change):
    """Plant an image changed by a function of its pixels."""

    def plant(root):
        image = cv2.imread(str(root / name))
        assert cv2.imwrite(str(root / name), change(image))

    return plant


def remove(*names):
    def plant(root):
        for name in names:
            shutil.rmtree(root / name) if (root / name).is_dir() else (root / name).unlink()

    return plant


def copy(old, new):
    def plant(root):
        (shutil.copytree if (root / old).is_dir() else shutil.copy)(root / old, root / new)

    return plant


def uneven_video(root):
    """A video whose frames 60 to 79 were dropped, as a recorder that cannot keep up does: chunks without data."""
    path = root / "happy" / "16_0502funnyerrors.avi"
    write_video(path, 190)
    data = path.read_bytes()
    for number in range(60, 80):
        data = empty_chunk(data, number)
    path.write_bytes(data)


def empty_chunk(data, number):
    """Give the AVI file's frame no bytes, in its index and where it lies."""
    index = data.rindex(b"idx1") + 8 + 16 * number
    offset = int.from_bytes(data[index + 8 : index + 12], "little")
    size = int.from_bytes(data[index + 12 : index + 16], "little")
    start = data.index(b"movi") + offset
    assert data[start : start + 4] == data[index : index + 4]
    junk = b"JUNK" + (size - 8 + size % 2).to_bytes(4, "little")
    data = data[: index + 12] + bytes(4) + data[index + 16 :]
    return data[: start + 4] + bytes(4) + junk + data[start + 16 :]


NE = "HS/s2/micro/negative/s2_ne_01"
IMAGE = f"{NE}/reg_image005000.png"

# tree, name: (how to plant it, its kind, where it is, whether it stops training)
PLANTED = {
    ("smic", "a short clip"): (
        remove(*[f"{NE}/reg_image{number:06d}.png" for number in range(5015, 5018)]),
        "short clip", "s2_ne_01", True,
    ),
    ("smic", "a gap in the numbers"): (remove(f"{NE}/reg_image005016.png"), "missing frames", "s2_ne_01", False),
    ("smic", "a number twice"): (
        rename(f"{NE}/reg_image005017.png", f"{NE}/reg_image5016.png"), "repeated frame number", "s2_ne_01", False,
    ),
    ("smic", "a frame of another size"): (
        rewrite(IMAGE, lambda image: image[:, :6]), "mixed sizes", "s2_ne_01", False,
    ),
    ("smic", "a frame of 16 bits"): (
        rewrite(IMAGE, lambda image: image.astype(np.uint16) * 256), "16-bit image", IMAGE, False,
    ),
    ("smic", "a frame with alpha"): (
        rewrite(IMAGE, lambda image: np.dstack([image, image[..., 0]])), "alpha channel", IMAGE, False,
    ),
    ("smic", "a frame cut off"): (lambda root: cut(root / IMAGE, 0.5), "unreadable image", IMAGE, True),
    ("smic", "a frame cut off after those that are read"): (
        lambda root: cut(root / NE / "reg_image005017.png", 0.5), "unreadable image", "reg_image005017", False,
    ),
    ("smic", "an empty frame"): (lambda root: cut(root / IMAGE, 0), "unreadable image", IMAGE, True),
    ("smic", "a strange file"): (copy(IMAGE, f"{NE}/notes.txt"), "strange file", "s2_ne_01", True),
    ("smic", "a file among the clips"): (copy(IMAGE, f"{NE}/../list.xlsx"), "strange file", "list.xlsx", True),
    ("smic", "a clip in the folder of another subject"): (
        rename(NE, "HS/s10/micro/negative/s2_ne_01"), "wrong subject folder", "s10/micro/negative/s2_ne_01", False,
    ),
    ("smic", "a clip missing"): (remove(NE), "clips missing or added", "s02 negative", False),
    ("smic", "a subject missing"): (remove("HS/s2"), "missing subject", "s02", False),
    ("smic", "a name twice"): (copy(NE, "HS/s2/micro/positive/s2_ne_01"), "repeated name", "s2_ne_01", True),
    ("smic-e", "a clip without a row"): (
        copy("SMIC-HS-E/s04/s4_po_01", "SMIC-HS-E/s04/s4_po_09"), "no row", "s4_po_09", False,
    ),
    ("smic-e", "a row without a clip"): (remove("SMIC-HS-E/s03/s3_ne_02"), "missing clip", "row 3", False),
    ("smic-e", "a short clip"): (
        lambda root: write_smic_e(root, [*smic_e_rows()[:3], *smic_e_rows(onset=100000)[3:]]),
        "short clip", "s10_sur_1", True,
    ),
    ("smic-e", "a damaged row"): (
        lambda root: write_smic_e(root, [*smic_e_rows()[:1], *smic_e_rows(onset="?")[1:2], *smic_e_rows()[2:]]),
        "damaged row", "row 3", True,
    ),
    ("smic-e", "first frames missing"): (
        remove("SMIC-HS-E/s04/s4_po_01/image99990.jpg"), "missing frames", "s4_po_01", False,
    ),
    ("smic-e", "a JPEG cut off"): (
        lambda root: cut(root / "SMIC-HS-E/s04/s4_po_01/image100000.jpg", 0.8),
        "unreadable image", "image100000.jpg", True,
    ),
    ("rawpic", "a zero offset"): (replace_row(2, offset=0), "zero offset", "s16_happy1_1", False),
    ("rawpic", "a damaged row"): (replace_row(1, onset="?"), "damaged row", "row 2", True),
    ("rawpic", "an apex beyond the recording"): (replace_row(1, apex=121, offset=125), "damaged row", "row 2", True),
    ("rawpic", "an onset after the apex"): (replace_row(1, onset=90), "order of frames", "row 2", False),
    ("rawpic", "the known misfile"): (
        rename("rawpic/s23/23_0502funnyerrors", "rawpic/s19/23_0502funnyerrors"),
        "wrong subject folder", "s19/23_0502funnyerrors", False,
    ),
    ("rawpic", "a recording twice"): (
        copy("rawpic/s16/16_0502funnyerrors", "rawpic/again/16_0502funnyerrors"),
        "repeated name", "16_0502funnyerrors", True,
    ),
    ("rawpic", "a short recording"): (
        remove(*[f"rawpic/s16/16_0502funnyerrors/img{number:03d}.jpg" for number in range(90, 121)]),
        "short clip", "s16_happy1_1", True,
    ),
    ("rawpic", "two workbooks"): (copy("CAS(ME)^2code_final.xlsx", "code_final.xlsx"), "cannot be read", "", True),
    ("rawpic", "no workbook"): (remove("CAS(ME)^2code_final.xlsx"), "cannot be read", "", True),
    ("rawpic", "a damaged workbook"): (
        lambda root: cut(root / "CAS(ME)^2code_final.xlsx", 0.7), "cannot be read", "code_final.xlsx", True,
    ),
    ("selectedpic", "a missing expression"): (
        remove("selectedpic/s15/anger1_2"), "missing clip", "s15_anger1_2", False,
    ),
    ("selectedpic", "a folder without a row"): (
        copy("selectedpic/s15/anger1_2", "selectedpic/s15/anger1_9"), "no row", "anger1_9", False,
    ),
    ("selectedpic", "the same clip twice"): (
        lambda root: (
            shutil.rmtree(root / "selectedpic/s15/anger1_2"),
            shutil.copytree(root / "selectedpic/s15/anger1_1", root / "selectedpic/s15/anger1_2"),
        ),
        "same clip twice", "s15_anger1_2", False,
    ),
    ("selectedpic", "a clip of another size"): (
        lambda root: write_images(root / "selectedpic/s15/anger1_2", range(61, 96), "img{:03d}.jpg", size=9),
        "clips of several sizes", "all clips", False,
    ),
    ("rawvideo", "a video cut off"): (
        lambda root: cut(root / "rawvideo/s15/15_0401girlcrashing.avi", 0.5),
        "video cut off", "15_0401girlcrashing.avi", True,
    ),
    ("rawvideo", "a missing recording"): (
        remove("rawvideo/s23/23_0502funnyerrors.avi"), "missing clip", "s23_happy1_1", False,
    ),
    ("rawvideo", "a file that is no video"): (
        lambda root: (root / "rawvideo/s23/23_0502funnyerrors.avi").write_text("no video"),
        "unreadable video", "23_0502funnyerrors.avi", True,
    ),
    ("flat", "a video too short"): (
        lambda root: write_video(root / "happy/16_0502funnyerrors.avi", 167),
        "short clip", "16_0502funnyerrors.avi", True,
    ),
    ("flat", "a video cut off"): (
        lambda root: cut(root / "happy/16_0502funnyerrors.avi", 0.5),
        "video cut off", "16_0502funnyerrors.avi", True,
    ),
    ("flat", "a video without subject"): (
        copy("happy/16_0502funnyerrors.avi", "happy/funnyerrors.avi"), "no subject", "funnyerrors.avi", True,
    ),
    ("flat", "the same video twice"): (
        copy("happy/16_0502funnyerrors.avi", "happy/16_0502funnyerrors_2.avi"),
        "same clip twice", "16_0502funnyerrors_2", False,
    ),
    ("flat", "dropped frames"): (uneven_video, "uneven frame rate", "16_0502funnyerrors.avi", False),
}  # fmt: skip


@pytest.mark.parametrize(("tree", "name"), PLANTED, ids=lambda name: name.replace(" ", "-"))
def test_exactly_the_planted_problem_is_found(clean, tmp_path, tree, name):
    plant, kind, where, stops = PLANTED[tree, name]
    root = tmp_path / "data"
    shutil.copytree(clean(tree), root)
    plant(root)
    report = look(root, tree)
    assert [(problem.kind, problem.stops_training) for problem in report.problems] == [(kind, stops)], report.problems
    (problem,) = report.problems
    assert report.stops_training == stops and where in problem.where
    assert problem.found.startswith("expected") and problem.remedy.endswith(".")
    assert problem.found in check_text.as_text(report) and problem.remedy in check_text.as_text(report)


def test_exit_codes(clean, tmp_path, capsys):
    assert command.main(["check", str(clean("smic"))]) == 0
    assert command.main(["check", str(clean("rawpic")), "--frames", "121"]) == 1
    capsys.readouterr()
    assert command.main(["check", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}: expected the clips of SMIC, ")
    assert command.main(["check", str(clean("rawpic")), "--layout", "cropped"]) == 2
    assert "found rawpic in" in capsys.readouterr().err
    assert command.main(["check", str(clean("flat")), "--labels", "video"]) == 2
    assert "labels: expected none for the tree flat" in capsys.readouterr().err


def test_the_report_as_json(clean, capsys):
    root = clean("rawpic")
    assert command.main(["check", str(root), "--json", "--expressions", "macro"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["dataset"] == "casme2" and printed["layout"] == "rawpic" and printed["root"] == str(root / "rawpic")
    assert printed["workbook"] == str(root / "CAS(ME)^2code_final.xlsx") and printed["annotated"] == 5
    assert printed["clips"] == 4 and printed["clips_by_subject"] == {"s15": [2, 0, 0], "s23": [0, 1, 1]}
    assert printed["left_out"] == {"micro-expressions": 1} and printed["clips_by_frames"] == {"96": 4}
    assert printed["frames_read"] == 96 and list(printed["files_by_size"]) == ["8x8"]
    assert [problem["kind"] for problem in printed["problems"]] == ["missing subject"] and not printed["stops_training"]


def test_the_report_as_text(clean, tmp_path):
    shutil.copytree(clean("smic"), tmp_path / "HS" / "again")
    shutil.rmtree(tmp_path / "HS" / "again" / NE)
    text = check_text.as_text(check.check(tmp_path, "smic", progress=False)).splitlines()
    assert text[0] == f"SMIC, tree cropped, camera HS, in {tmp_path / 'HS/again/HS'}"
    assert [line.split() for line in text[2:6]] == [
        ["subject", "negative", "positive", "surprise", "clips"],
        ["s02", "0", "of", "1", "1", "1", "2", "of", "3"],
        ["s10", "1", "1", "1", "3"],
        ["all", "1", "of", "2", "2", "2", "5", "of", "6"],
    ]
    assert "frames of a clip: 20 to 20, median 20; the first 18 are read" in text
    assert "Stops training: nothing" in text and "* clips missing or added (1)" in text


def test_many_problems_of_a_kind_are_counted(clean):
    report = check.check(clean("selectedpic"), progress=False)
    assert [problem.kind for problem in report.problems] == ["short clip"] * 5
    assert "rawvideo or rawpic" in check_text.as_text(report) and "* short clip (5)" in check_text.as_text(report)


@pytest.mark.slow
def test_training_stops_where_check_says_so(clean, tmp_path):
    """The readers raise the first of the problems that `check` lists."""
    for (tree, name), (plant, _, where, stops) in PLANTED.items():
        if tree == "rawpic":
            root = tmp_path / name
            shutil.copytree(clean(tree), root)
            plant(root)
            if stops and name != "a short recording":
                with pytest.raises(MicroExpError, match=(where or "workbook").replace("(", ".")):
                    find_clips(root, "casme2")
            else:
                find_clips(root, "casme2")


@pytest.mark.parametrize("name", ["a workbook too many", "a folder that may not be read"])
def test_a_path_that_holds_a_colon_stays_whole(clean, tmp_path, monkeypatch, name):
    root = tmp_path / "Disk: mine. Yes" / "CAS: 2"
    shutil.copytree(clean("rawpic"), root)
    if name == "a workbook too many":
        copy("CAS(ME)^2code_final.xlsx", "code_final.xlsx")(root)
        found, remedy = "expected one annotation workbook, found ", "Move all but one away."
    else:
        denied = PermissionError(13, "Permission denied", str(root))
        monkeypatch.setattr(casme2, "read", lambda *_: (_ for _ in ()).throw(denied))
        found, remedy = "could not be read (Permission denied)", "Change its permissions, or restore it."
    report = check.check(root, progress=False)
    (problem,) = report.problems
    assert problem.kind == "cannot be read" and problem.stops_training
    assert problem.where == str(root) and problem.found.startswith(found) and problem.remedy == remedy
    assert f"    {problem.where}: {problem.found}\n  {remedy}" in check_text.as_text(report)
    with pytest.raises(MicroExpError) as error:
        find_clips(root, "casme2")
    assert (error.value.where, error.value.remedy) == (str(root), remedy)


def test_what_stops_training_is_raised_in_four_parts(clean, tmp_path):
    root = tmp_path / "a: b"
    shutil.copytree(clean("smic"), root)
    copy(IMAGE, f"{NE}/notes.txt")(root)
    with pytest.raises(MicroExpError) as error:
        find_clips(root)
    assert error.value.where == str(root / NE) and error.value.found == "notes.txt"
    assert error.value.expected.startswith("only frames") and error.value.remedy == "Move it away."


def test_videos_of_another_kind_are_to_be_converted(clean, tmp_path):
    flat, recordings, frames = (shutil.copytree(clean(tree), tmp_path / tree) for tree in ("flat", "rawvideo", "smic"))
    (flat / "happy" / "16_0502funnyerrors.avi").rename(flat / "happy" / "16_0502 funny.WMV")
    one = sorted(recordings.rglob("*.avi"))[0]
    one.rename(one.with_suffix(".webm"))
    clip = next(path.parent for path in sorted(frames.rglob("*.png")))
    (clip.parent / "s9_ne_01.mp4").write_bytes(b"a video")
    (clip / "all.webm").write_bytes(b"a video")
    for root, said in {
        flat: ["ffmpeg -i '16_0502 funny.WMV' -c:v ffv1 '16_0502 funny'.avi"],
        recordings: [f"ffmpeg -i {one.stem}.webm -c:v ffv1 {one.stem}.avi"],
        frames: ["mkdir s9_ne_01; ffmpeg -i s9_ne_01.mp4 s9_ne_01/%06d.png", "ffmpeg -i all.webm %06d.png"],
    }.items():
        remedies = [problem.remedy for problem in check.check(root, progress=False).problems]
        assert all(any(one in remedy for remedy in remedies) for one in said), remedies
