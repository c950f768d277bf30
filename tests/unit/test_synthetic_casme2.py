"""Synthetic CAS(ME)^2: both layouts from one seed, and expressions that are nothing but motion where they should be."""

import shutil

import cv2
import numpy as np
import openpyxl
import pytest

from microexp_keras import datasets
from microexp_keras.datasets import __main__ as datasets_command
from microexp_keras.datasets import frames
from microexp_keras.datasets.synthetic import casme2 as synthetic_casme2
from microexp_keras.datasets.synthetic.casme2 import EMOTIONS, SUBJECTS, WORKBOOK, Expression
from microexp_keras.errors import MicroExpError

FEW = (2, 2, 1)
SEEN = range(72, 168)  # frames that the networks see


def videos(root):
    """Bytes of all videos by their place below `root`."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.avi"))}


def decode(path):
    """All frames of a video, int16 (frames, rows, columns, 3)."""
    capture, images = cv2.VideoCapture(str(path)), []
    while (image := capture.read()[1]) is not None:
        images.append(image)
    return np.stack(images).astype(np.int16)


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    root = tmp_path_factory.mktemp("flat") / "casme2"
    return synthetic_casme2.write_casme2(root, 0, "flat", FEW, progress=False, workers=2)


@pytest.fixture(scope="module")
def distributed(tmp_path_factory):
    root = tmp_path_factory.mktemp("distributed") / "casme2"
    return synthetic_casme2.write_casme2(root, 0, clips_per_class=(2, 1, 1), progress=False, workers=2)


def test_the_command_writes_recordings_that_it_can_read(distributed, tmp_path, monkeypatch, capsys):
    def few(root, *_):
        return shutil.copytree(distributed, root)

    monkeypatch.setattr(synthetic_casme2, "write_casme2", few)
    out = ["--out", str(tmp_path / "made")]
    assert datasets_command.main(["synthesize", "--dataset", "casme2", "--layout", "rawvideo", *out]) == 0
    said = capsys.readouterr().out
    assert "4 synthetic clips" in said and "--labels self-report" in said
    datasets_command.main(["check", str(tmp_path / "made"), "--labels", "self-report"])
    assert "synthetic CAS(ME)^2" in capsys.readouterr().out
    assert datasets_command.main(["check", str(tmp_path / "made")]) == 1
    said = capsys.readouterr().out  # without labels no clip can be read, and yet they are what they are
    assert "found none of disgust" in said and "synthetic CAS(ME)^2" in said and "SYNTHETIC clips" in said


@pytest.fixture(scope="module")
def subject():
    return synthetic_casme2.make_subject(0, 15)


def test_the_seed_alone_decides_the_videos(flat, tmp_path):
    fewer = synthetic_casme2.write_casme2(tmp_path / "fewer", 0, "flat", (1, 1, 0), progress=False, workers=1)
    assert len(videos(fewer)) == 2
    assert videos(fewer).items() <= videos(flat).items()
    other = synthetic_casme2.write_casme2(tmp_path / "other", 1, "flat", (1, 0, 0), progress=False)
    assert not videos(other).items() & videos(flat).items()


def test_the_flat_layout_is_read_as_the_original_programs_clips(flat):
    clips = datasets.find_clips(flat, "casme2")
    assert [(clip.id, clip.subject, clip.label) for clip in clips] == [
        ("15_0401girlcrashing_1", "s15", 0),
        ("16_0402beatingpregnantwoman_1", "s16", 0),
        ("15_0502funnyerrors_1", "s15", 1),
        ("16_0503unnyfarting_1", "s16", 1),
        ("15_0101disgustingteeth_1", "s15", 2),
    ]
    assert datasets.are_synthetic(clips)
    assert all(len(list(frames.read_frames(clip, 96))) == 96 for clip in clips)


def test_flat_clips_are_xvid_of_little_more_than_168_frames(flat):
    for path in flat.rglob("*.avi"):
        assert 168 <= len(decode(path)) <= 175
        assert b"XVID" in path.read_bytes()[:512]
        assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS) == 30


def test_the_whole_set_has_the_numbers_of_the_original_programs():
    plan = synthetic_casme2._clips(0, (75, 93, 35))
    assert [sum(film.path.startswith(name) for film in plan) for name in ("angry", "happy", "disgust")] == [75, 93, 35]
    assert len({film.path for film in plan}) == len({film.key for film in plan}) == 203
    assert {film.subject for film in plan} == set(SUBJECTS) and len(SUBJECTS) == 22


def test_expressions_lie_within_the_frames_that_the_networks_see():
    for film in synthetic_casme2._clips(3, (110, 110, 110)):
        (expression,) = film.expressions
        assert SEEN[0] < expression.onset < expression.apex < expression.offset < SEEN[-1]
        assert expression.micro == (expression.offset - expression.onset <= 15)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_an_expression_is_motion_from_onset_to_offset_and_nothing_else(subject, emotion):
    """Films that differ in nothing but the expression are equal up to its onset and from its offset on."""
    expression = Expression(emotion, False, 3, 8, 12, 1.0)
    rest, film = (
        np.stack(list(synthetic_casme2.render_film(subject, (0, 1), 14, shown))).astype(int)
        for shown in ([], [expression])
    )
    moved = np.abs(film - rest).mean(axis=(2, 3))  # (frames, rows)
    assert not moved[:4].any() and not moved[12:].any()
    assert moved[8, 15:70].mean() > 2 and moved[8, 75:140].mean() > 2  # rows of the eyes, rows of the mouth
    assert (moved[4:12].mean(axis=1) <= moved[8].mean()).all()


def test_the_codec_keeps_the_motion(subject, tmp_path):
    happy = Expression("happy", False, 3, 18, 30, 1.0)
    films = []
    for name, shown in (("rest", []), ("happy", [happy])):
        images = list(synthetic_casme2.render_film(subject, (0, 1), 36, shown))
        synthetic_casme2._write_video(tmp_path / f"{name}.avi", images, len(images))
        films.append((np.stack(images).astype(int), decode(tmp_path / f"{name}.avi")))
    before, after = ((happy[18] - rest[18]).ravel() for rest, happy in zip(*films, strict=True))
    assert np.corrcoef(before, after)[0, 1] > 0.9


def test_recordings_lie_in_the_distributed_tree(distributed):
    assert list(videos(distributed)) == [
        "rawvideo/s15/15_0101disgustingteeth.avi",
        "rawvideo/s15/15_0401girlcrashing.avi",
        "rawvideo/s15/15_0502funnyerrors.avi",
        "rawvideo/s16/16_0402beatingpregnantwoman.avi",
    ]
    assert (distributed / datasets.SYNTHETIC_MARK).is_file()


def test_the_workbook_is_in_the_distributed_form(distributed):
    book = openpyxl.load_workbook(distributed / WORKBOOK)
    assert book.sheetnames == ["CASFEcode_final", "naming rule1", "naming rule2"]
    rows = list(book["CASFEcode_final"].values)
    assert [row[:2] for row in rows] == [
        (1, "anger1_1"),
        (1, "happy1_1"),
        (1, "happy1_2"),
        (1, "disgust1_1"),
        (1, "disgust1_2"),
        (2, "anger2_1"),
    ]
    assert [row[8] for row in rows] == ["anger", "happiness", "surprise", "disgust", "sadness", "anger"]
    assert [row[6] for row in rows] == ["negative", "positive", "surprise", "negative", "negative", "negative"]
    assert {row[7] for row in rows} <= {"macro-expression", "micro-expression"}
    assert [row[4] == 0 for row in rows] == [False, True, False, False, False, False]
    assert list(book["naming rule1"].values)[:3] == [(15, "s15", 1), (16, "s16", 2), (19, "s19", 3)]
    assert dict(book["naming rule2"].values)["0507"] == "happy4"


def test_the_workbook_counts_frames_from_one(distributed):
    row = next(openpyxl.load_workbook(distributed / WORKBOOK).worksheets[0].values)
    (film, *_) = synthetic_casme2._recordings(0, (2, 1, 1))
    assert row[2:5] == tuple(number + 1 for number in film.expressions[0][2:5])
    assert len(decode(distributed / film.path)) == film.frames


def test_the_whole_recordings_hold_one_to_three_expressions_apart_from_each_other():
    plan = synthetic_casme2._recordings(0, (75, 93, 35))
    emotions = [expression.emotion for film in plan for expression in film.expressions]
    assert [emotions.count(name) for name in EMOTIONS] == [75, 93, 35, 6, 6]
    assert len({film.path for film in plan}) == len({film.key for film in plan}) == len(plan) <= 100
    for film in synthetic_casme2._recordings(0, (110, 110, 110)):
        assert 1 <= len(film.expressions) <= 3
        apexes = [expression.apex for expression in film.expressions]
        assert apexes[0] >= 48 and film.frames - apexes[-1] >= 48  # the 96 frames around an apex are there
        assert all(np.diff(apexes) >= 96)


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(MicroExpError, match="expected no such folder, or an empty one"):
        synthetic_casme2.write_casme2(tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_video_that_was_not_written_whole_is_an_error(tmp_path, monkeypatch):
    class Full:
        """A writer on a full disk: frames are lost, and nothing is said."""

        fourcc = staticmethod(cv2.VideoWriter.fourcc)

        def __init__(self, *arguments):
            self.writer, self.room = VideoWriter(*arguments), 50
            self.isOpened, self.release = self.writer.isOpened, self.writer.release

        def write(self, frame):
            self.room -= 1
            if self.room > 0:
                self.writer.write(frame)

    VideoWriter = cv2.VideoWriter
    monkeypatch.setattr(cv2, "VideoWriter", Full)
    with pytest.raises(
        MicroExpError, match=r"casme2: could not be written \(15_0401girlcrashing_1.avi came out with 49"
    ):
        synthetic_casme2.write_casme2(tmp_path / "casme2", 0, "flat", (1, 0, 0), progress=False)
    assert not list(tmp_path.iterdir())


def test_an_opencv_without_the_codec_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic_casme2, "FOURCC", "????")
    with pytest.raises(MicroExpError, match="could not start a video of the codec"):
        synthetic_casme2.write_casme2(tmp_path / "casme2", 0, "flat", (1, 0, 0), progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layout": "rawpic"}, "layout: expected one of rawvideo, flat, found 'rawpic'"),
        ({"clips_per_class": (1, 111, 1)}, "expected 0 to 110 happy clips, found 111"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, arguments, message):
    with pytest.raises(MicroExpError, match=message):
        synthetic_casme2.write_casme2(tmp_path / "casme2", **arguments)
    assert not list(tmp_path.iterdir())
