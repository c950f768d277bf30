"""`check` finds each problem that is planted in a clean miniature, and nothing else."""

import functools
import json
import shutil

import pytest
from trees import EXPRESSIONS, write_casme2, write_samm, write_smic, write_smic_e, write_video

from microexp_keras.datasets import __main__ as command
from microexp_keras.datasets import check
from microexp_keras.datasets.database import DISTRIBUTED


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

    @functools.cache
    def folder(tree):
        root = tmp_path_factory.mktemp(tree)
        WRITERS[tree](root)
        return root

    return folder


def clips_of(*subjects):
    """One clip of each class of each subject."""
    return {"subjects": subjects, "by_subject": dict.fromkeys(subjects, (1, 1, 1))}


@pytest.fixture(autouse=True)
def published(monkeypatch):
    """Let what is published be what the miniatures hold."""
    casme2 = {"annotated": len(EXPRESSIONS), "subjects": ("s15", "s16", "s23")}
    monkeypatch.setitem(DISTRIBUTED, "smic", DISTRIBUTED["smic"] | {"annotated": 4} | clips_of("s02", "s10"))
    monkeypatch.setitem(DISTRIBUTED, "casme2", DISTRIBUTED["casme2"] | casme2)


def look(root, tree):
    if tree == "smic-e":
        DISTRIBUTED["smic"] = DISTRIBUTED["smic"] | clips_of("s03", "s04", "s10")
    return check.check(root, frames=READ.get(tree), progress=False)


@pytest.mark.parametrize("tree", WRITERS)
def test_nothing_is_found_in_a_clean_miniature(clean, tree):
    report = look(clean(tree), tree)
    assert report.issues == [] and not report.stops_training
    assert len(report.table.clips) == {"smic": 6, "smic-e": 4, "flat": 3}.get(tree, 5)


def cut(path, part):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])


def rename(old, new):
    def plant(root):
        (root / new).parent.mkdir(parents=True, exist_ok=True)
        (root / old).rename(root / new)

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


NE = "HS/s2/micro/negative/s2_ne_01"
IMAGE = f"{NE}/reg_image005000.png"

PLANTED = [  # tree, name, how to plant it, what is said, where it is, whether it stops training
    ("smic", "a short clip", remove(*[f"{NE}/reg_image{number:06d}.png" for number in range(5015, 5018)]),
     "has 17 frames, fewer than 19", "s2_ne_01", False),
    ("smic", "a number twice", rename(f"{NE}/reg_image005017.png", f"{NE}/reg_image5016.png"),
     "frame number 5016 is there more than once", "s2_ne_01", False),
    ("smic", "a frame cut off", lambda root: cut(root / IMAGE, 0.5), "decoded", IMAGE, True),
    ("smic", "a frame cut off after those that are read", lambda root: cut(root / NE / "reg_image005017.png", 0.5),
     "decoded", "reg_image005017", False),
    ("smic", "a strange file", copy(IMAGE, f"{NE}/notes.txt"), "holds notes.txt, where only frames", "s2_ne_01", True),
    ("smic", "a file among the clips", copy(IMAGE, f"{NE}/../list.xlsx"),
     "is a file between the folders of clips", "list.xlsx", True),
    ("smic", "a clip in the folder of another subject", rename(NE, "HS/s10/micro/negative/s2_ne_01"),
     "named as of s2, as which it is taken", "s10/micro/negative/s2_ne_01", False),
    ("smic", "a clip missing", remove(NE), "0 clips, as distributed 1", "s02 negative", False),
    ("smic", "a subject missing", remove("HS/s2"), "no clip of this subject", "s02", False),
    ("smic", "a name twice", copy(NE, "HS/s2/micro/positive/s2_ne_01"),
     "s2_ne_01 is also there as ", "s2_ne_01", True),
    ("smic-e", "a clip without a row", copy("SMIC-HS-E/s04/s4_po_01", "SMIC-HS-E/s04/s4_po_09"),
     "has no row in the workbook", "s4_po_09", False),
    ("smic-e", "a row without a clip", remove("SMIC-HS-E/s03/s3_ne_02"),
     "there is no folder 's3_ne_02', so there is one clip less", "row 3", False),
    ("rawpic", "the known misfile", rename("rawpic/s23/23_0502funnyerrors", "rawpic/s19/23_0502funnyerrors"),
     "named as of s23", "s19/23_0502funnyerrors", False),
    ("rawpic", "a recording twice", copy("rawpic/s16/16_0502funnyerrors", "rawpic/again/16_0502funnyerrors"),
     "is also there as ", "16_0502funnyerrors", True),
    ("selectedpic", "a missing expression", remove("selectedpic/s15/anger1_2"),
     "there is no folder s15/anger1_2", "s15_anger1_2", False),
    ("rawvideo", "a video cut off", lambda root: cut(root / "rawvideo/s15/15_0401girlcrashing.avi", 0.5),
     "damaged or cut off at frame 48", "15_0401girlcrashing.avi", True),
    ("rawvideo", "a missing recording", remove("rawvideo/s23/23_0502funnyerrors.avi"),
     "there is no recording 23_0502", "s23_happy1_1", False),
    ("flat", "a video too short", lambda root: write_video(root / "happy/16_0502funnyerrors.avi", 167),
     "has 95 frames, fewer than 96, of the video's 167 from frame 72 on", "16_0502funnyerrors.avi", True),
    ("flat", "the same video twice", copy("happy/16_0502funnyerrors.avi", "happy/16_0502funnyerrors_2.avi"),
     "has the very frames of ", "16_0502funnyerrors_2", False),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "name", "plant", "text", "where", "stops"), PLANTED, ids=[one[1] for one in PLANTED])
def test_exactly_the_planted_problem_is_found(clean, tmp_path, tree, name, plant, text, where, stops):
    root = shutil.copytree(clean(tree), tmp_path / "data")
    plant(root)
    report = look(root, tree)
    (issue,) = report.issues
    assert report.stops_training == stops == (issue.level == "error")
    assert where in issue.where and text in issue.text, issue
    assert f"* {issue.where}: {issue.text}" in report.as_text() and issue.hint in report.as_text()
    assert issue.hint or not stops


def test_exit_codes(clean, tmp_path, capsys):
    assert command.main(["check", str(clean("smic"))]) == 0
    assert command.main(["check", str(clean("selectedpic"))]) == 1  # its clips are too short for the default protocol
    assert command.main(["check", str(clean("selectedpic")), "--sampling", "interpolate"]) == 0
    capsys.readouterr()
    assert command.main(["check", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}: holds no clips of SMIC, ")
    assert command.main(["check", str(clean("rawpic")), "--layout", "cropped"]) == 2
    assert "holds no tree cropped, but rawpic in" in capsys.readouterr().err
    assert command.main(["check", str(clean("flat")), "--labels", "video"]) == 2
    assert "--labels video: means nothing with the tree flat" in capsys.readouterr().err


def test_the_report_as_json(clean, capsys):
    root = clean("rawpic")
    assert command.main(["check", str(root), "--json", "--expressions", "macro"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["dataset"] == "casme2" and printed["layout"] == "rawpic" and printed["root"] == str(root / "rawpic")
    assert printed["workbook"] == str(root / "CAS(ME)^2code_final.xlsx") and printed["annotated"] == 5
    assert printed["clips"] == 4 and printed["clips_by_subject"] == {"s15": [2, 0, 0], "s23": [0, 1, 1]}
    assert printed["clips_by_frames"] == {"96": 4} and not printed["stops_training"]
    assert printed["frames_read"] == 96 and list(printed["files_by_size"]) == ["8x8"]
    assert [(issue["level"], issue["where"]) for issue in printed["issues"]] == [
        ("info", "s16_happy1_1 (row 3)"), ("warning", "s16"),
    ]  # fmt: skip


def test_the_report_as_text(clean, tmp_path):
    shutil.copytree(clean("smic"), tmp_path / "HS" / "again")
    shutil.rmtree(tmp_path / "HS" / "again" / NE)
    text = check.check(tmp_path, "smic", progress=False).as_text().splitlines()
    assert text[0] == f"SMIC, tree cropped, camera HS, in {tmp_path / 'HS/again/HS'}"
    assert [line.split() for line in text[2:6]] == [
        ["subject", "negative", "positive", "surprise", "clips"],
        ["s02", "0", "1", "1", "2"],
        ["s10", "1", "1", "1", "3"],
        ["all", "1", "2", "2", "5"],
    ]
    assert "frames of a clip: 20 to 20, median 20; the first 18 are read" in text
    assert "Stops training: nothing" in text and "* s02 negative: 0 clips, as distributed 1" in text


def test_all_frames_are_needed_where_all_are_interpolated(clean, tmp_path):
    """`check` calls an error what training stops at: damage anywhere where all frames are read."""
    root = shutil.copytree(clean("smic"), tmp_path / "data")
    cut(root / NE / "reg_image005017.png", 0.5)
    for sampling, stops in (("first", False), ("interpolate", True)):
        assert check.check(root, sampling=sampling, progress=False).stops_training == stops


def test_videos_of_any_kind_are_read_but_not_among_frames(clean, tmp_path):
    flat, recordings, frames = (shutil.copytree(clean(tree), tmp_path / tree) for tree in ("flat", "rawvideo", "smic"))
    (flat / "happy" / "16_0502funnyerrors.avi").rename(flat / "happy" / "16_0502 funny.WMV")
    one = sorted(recordings.rglob("*.avi"))[0]
    one.rename(one.with_suffix(".webm"))
    assert not any(check.check(root, progress=False).issues for root in (flat, recordings))
    clip = next(path.parent for path in sorted(frames.rglob("*.png")))
    (clip.parent / "s9_ne_01.mp4").write_bytes(b"a video")
    (clip / "all.webm").write_bytes(b"a video")
    said = [issue.text.partition(",")[0] for issue in check.check(frames, progress=False).issues]
    assert said == ["is a file between the folders of clips", "holds all.webm"]


def test_samm_is_compared_with_what_megc_2019_counts(tmp_path):
    report = check.check(write_samm(tmp_path), progress=False)
    said = "\n".join(map(str, report.issues))
    assert not report.stops_training
    for count in ("2 subjects, as distributed 28", "4 annotated clips, as distributed 159"):
        assert count in said
    assert all(f"clips, as distributed {count}" in said for count in (92, 26, 15))
    counts = [DISTRIBUTED[name] for name in ("casmeii", "samm")]
    assert [sum(one["clips"]) for one in counts] == [145, 133] and [one["people"] for one in counts] == [24, 28]
