"""Synthetic trees: the same pixels from the same seed, the databases' trees and counts, a class that is only motion."""

import hashlib
import shutil
from collections import Counter

import numpy as np
import openpyxl
import pytest

from microexp_keras import datasets
from microexp_keras.datasets import __main__ as command
from microexp_keras.datasets import check
from microexp_keras.errors import MicroExpError
from microexp_keras.synthetic import MARK_FILE, synthesize, synthetic_folder, trees
from microexp_keras.synthetic.film import MOTIONS, Expression, Film, render

REST = np.zeros((1, 8))
SEEN = range(72, 168)  # frames of a flat CAS(ME)^2 clip that the networks see

TREES = {  # dataset, layout, clips, what is read: name, subject, label
    "smic": ("smic", "flat", (4, 2, 1), [
        "s1_ne_01 s01 0", "s1_ne_02 s01 0", "s1_ne_03 s01 0", "s3_ne_01 s03 0", "s1_po_01 s01 1", "s1_po_02 s01 1",
        "s1_sur_01 s01 2",
    ]),
    "flat": ("casme2", "flat", (2, 1, 1), [
        "15_0401girlcrashing_1 s15 0", "16_0402beatingpregnantwoman_1 s16 0", "15_0502funnyerrors_1 s15 1",
        "15_0101disgustingteeth_1 s15 2",
    ]),
    "rawvideo": ("casme2", "rawvideo", (2, 1, 1), [
        "s15_anger1_1 s15 0", "s16_anger2_1 s16 0", "s15_happy1_1 s15 1", "s15_disgust1_1 s15 2",
    ]),
    "casmeii": ("casmeii", "flat", (2, 1, 1), [
        "sub01_EP01_01f sub01 0", "sub02_EP01_02f sub02 0", "sub01_EP02_01f sub01 1", "sub01_EP03_01f sub01 2",
    ]),
    "samm": ("samm", "flat", (2, 1, 1), [
        "001_1_1 001 0", "002_1_1 002 0", "001_2_1 001 1", "001_3_1 001 2",
    ]),
}  # fmt: skip


def digests(root):
    """SHA-256 of every frame or video by its place below `root`."""
    files = [path for path in sorted(root.rglob("*")) if path.suffix in (".jpg", ".avi")]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def make(name, root, **options):
    dataset, layout, clips, _ = TREES[name]
    return synthesize(dataset, root, **{"layout": layout, "clips": clips, "progress": False, **options})


@pytest.fixture(scope="module", params=TREES)
def tree(request, tmp_path_factory):
    """Name and folder of each tree in turn."""
    return request.param, make(request.param, tmp_path_factory.mktemp("tree") / request.param)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    return make("rawvideo", tmp_path_factory.mktemp("distributed") / "casme2")


def test_a_tree_is_read_as_the_databases_and_says_that_it_is_synthetic(tree):
    name, root = tree
    dataset, layout, _, expected = TREES[name]
    options = {"labels": "self-report"} if layout == "rawvideo" else {}
    clips = datasets.find_clips(root, dataset, **options)
    assert [f"{clip.id} {clip.subject} {clip.label}" for clip in clips] == expected
    assert datasets.are_synthetic(clips) and (root / MARK_FILE).is_file()
    report = check.check(root, dataset, progress=False, **options)
    assert not report.stops_training and report.facts["synthetic"] and [*report.facts["files_by_size"]] == ["160x160"]


def test_the_seed_alone_decides_a_clip_and_not_how_many_others_there_are(tree, tmp_path):
    name, root = tree
    fewer = digests(make(name, tmp_path / "fewer", clips=(1, 1, 1)))
    assert fewer and fewer.items() <= digests(root).items()
    assert not digests(make(name, tmp_path / "other", clips=(1, 0, 0), seed=1)).items() & digests(root).items()


def test_lengths_and_motions_of_smics_clips_are_its_own():
    films = trees.plan("smic")
    lengths = {film.path.split("/")[-1]: film.frames for film in films}
    assert Counter(film.expressions[0].motion for film in films) == {"negative": 70, "positive": 51, "surprise": 43}
    assert len({film.key for film in films}) == len(lengths) == 164
    assert sum(lengths.values()) == 5515 and np.median([*lengths.values()]) == 33 and max(lengths.values()) == 58
    short = {"s3_ne_03": 11, "s3_ne_16": 17, "s20_ne_01": 17, "s20_ne_07": 17, "s3_po_11": 16}
    assert {name: frames for name, frames in lengths.items() if frames <= 18} == short
    assert lengths["s1_ne_01"] == 36 and lengths["s14_ne_03"] == 58 and lengths["s20_sur_05"] == 24
    kept = Counter(film.expressions[0].motion for film in films if film.frames > 18)
    assert kept == {"negative": 66, "positive": 50, "surprise": 43}
    late = []
    for film in [film for seed in range(20) for film in trees.plan("smic", seed)]:
        (shown,) = film.expressions
        assert 0 < shown.onset < shown.apex < shown.offset < film.frames
        late.append(shown.apex >= 18)
    assert abs(np.mean(late) - 0.38) < 0.02  # beyond what the networks see
    for film in trees.plan("smic", easy=True):
        assert 19 <= film.frames <= 26 and film.expressions[0].offset < 18


def test_counts_of_casme2_are_those_of_the_original_programs_and_expressions_lie_where_the_networks_see_them():
    flat, raw = (trees.plan("casme2", layout=layout) for layout in ("flat", "rawvideo"))
    assert [sum(film.path.startswith(name) for film in flat) for name in trees.CASME2["videos"]] == [75, 93, 35]
    shown = Counter(expression.motion for film in raw for expression in film.expressions)
    assert shown == {"angry": 75, "happy": 93, "disgust": 35, "surprise": 6, "sadness": 6}
    for films in (flat, raw):
        assert len({film.path for film in films}) == len({film.key for film in films}) == len(films)
        assert {film.key[1] - 100 for film in films} == {*trees.CASME2["subjects"]}
    for film in trees.plan("casme2", 3, "flat", (99, 99, 99)):
        (shown,) = film.expressions
        assert SEEN[0] < shown.onset < shown.apex < shown.offset < SEEN[-1] and 168 <= film.frames <= 175
    for film in trees.plan("casme2", 3, "rawvideo", (99, 99, 99)):
        apexes = [expression.apex for expression in film.expressions]
        assert 1 <= len(apexes) <= 3 and all(np.diff(apexes) >= 96)
        assert apexes[0] >= 48 and film.frames - apexes[-1] >= 48  # the 96 frames around an apex are there


@pytest.mark.parametrize("motion", MOTIONS)
def test_an_expression_is_motion_from_onset_to_offset_and_nothing_else(motion):
    """Films that differ in nothing but the expression are equal up to its onset and from its offset on."""
    shown = Expression(motion, 3, 8, 12, 1.2)
    rest, film = (np.stack([*render(Film("", (0, 1, 1), 14, one), REST)]).astype(int) for one in ((), (shown,)))
    moved = np.abs(film - rest).mean(axis=(2, 3))  # (frames, rows)
    assert not moved[:4].any() and not moved[12:].any()
    assert moved[8, 15:70].mean() > 1 and moved[8, 75:140].mean() > 1  # rows of the eyes, rows of the mouth
    assert (moved[4:12].mean(axis=1) <= moved[8].mean()).all()


def test_the_command_writes_recordings_that_it_can_read_and_a_workbook_of_the_distributed_form(
    recordings, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(trees, "write", lambda dataset, root, *_: shutil.copytree(recordings, root))
    out = ["--layout", "rawvideo", "--out", str(tmp_path / "made")]
    assert command.main(["synthesize", "--dataset", "casme2", *out]) == 0
    assert "4 synthetic clips" in capsys.readouterr().out
    assert command.main(["check", str(tmp_path / "made")]) == 0
    said = capsys.readouterr().out
    for part in ("so labels are those of the self-report", "synthetic CAS(ME)^2", "SYNTHETIC clips"):
        assert part in said
    book = openpyxl.load_workbook(recordings / trees.CASME2["workbook"])
    assert book.sheetnames == ["CASFEcode_final", "naming rule1", "naming rule2"]
    rows = list(book["CASFEcode_final"].values)
    codes = ["anger1_1", "happy1_1", "happy1_2", "disgust1_1", "disgust1_2", "anger2_1"]
    assert [row[:2] for row in rows] == [*((1, code) for code in codes[:5]), (2, codes[5])]
    assert [row[8] for row in rows] == ["anger", "happiness", "surprise", "disgust", "sadness", "anger"]
    assert [row[6] for row in rows] == ["negative", "positive", "surprise", "negative", "negative", "negative"]
    assert [row[4] == 0 for row in rows] == [False, True, False, False, False, False]
    assert list(book["naming rule1"].values)[:3] == [(15, "s15", 1), (16, "s16", 2), (19, "s19", 3)]
    assert dict(book["naming rule2"].values)["0507"] == "happy4"
    first, *_ = trees.plan("casme2", layout="rawvideo", clips=(2, 1, 1))
    assert rows[0][2:5] == tuple(number + 1 for number in first.expressions[0][1:4])  # counted from 1
    assert all((row[7] == "micro-expression") == (0 < row[4] <= row[2] + 15) for row in rows)


def test_what_cannot_be_made_is_refused(tmp_path):
    for dataset, layout, message in (
        ("casme2", "rawpic", "layout: CAS.* is written as flat or rawvideo, not rawpic"),
        ("samm", "rawvideo", "layout: SAMM is written as flat, not rawvideo"),
        ("casme3", "flat", "dataset: 'casme3' is none of smic, casme2, casmeii, samm"),
    ):
        with pytest.raises(MicroExpError, match=message):
            synthesize(dataset, tmp_path / "made", layout=layout)
    assert not list(tmp_path.iterdir())


def ended_by(error):
    def render_three(film, rest):
        yield from render(film._replace(frames=3), rest)
        raise error

    return render_three


@pytest.mark.parametrize(
    ("name", "place", "attribute", "broken", "error", "message"),
    [
        ("smic", trees, "render", ended_by(KeyboardInterrupt()), KeyboardInterrupt, None),
        ("smic", trees, "render", ended_by(OSError(28, "No space left")), MicroExpError, r"not be written \(No space"),
        ("flat", trees, "FOURCC", "????", MicroExpError, r"made: could not be written \(.*came out with .* of its"),
    ],
)
def test_a_failure_leaves_nothing(name, place, attribute, broken, error, message, tmp_path, monkeypatch):
    monkeypatch.setattr(place, attribute, broken)
    with pytest.raises(error, match=message):
        make(name, tmp_path / "made")
    assert not list(tmp_path.iterdir())


def test_what_lies_in_a_folder_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert make("smic", tmp_path / "data/synthetic-smic") == tmp_path / "data/synthetic-smic"
    before = digests(tmp_path)
    with pytest.raises(MicroExpError, match="is there already and not an empty folder"):
        make("smic", tmp_path / "data/synthetic-smic", seed=1)
    assert synthetic_folder("smic") == tmp_path / "data/synthetic-smic" and digests(tmp_path) == before
