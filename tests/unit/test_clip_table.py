"""A user's own table of clips: what is read of it, and how bad ones are refused."""

import csv
import random

import numpy as np
import openpyxl
import pytest
from own_clips import CLASSES, PEOPLE, write_own, write_video
from trees import write_images

from microexp_keras import datasets, preprocessing, protocols, train
from microexp_keras.datasets import Video, find_clips, own_database
from microexp_keras.datasets.database import SMIC, Database
from microexp_keras.datasets.table_writer import write_table
from microexp_keras.errors import MicroExpError
from microexp_keras.runs import Settings

SMIC_LOSO = protocols.get("loso")

GOOD = [["a", "1", "x"], ["b", "2", "y"], ["c", "3", "x"]]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return write_own(tmp_path_factory.mktemp("own"))


@pytest.fixture
def write(tmp_path):
    """Writes a table beside three small clips and a video."""
    for name in "abc":
        write_images(tmp_path / name, range(1, 21), "img{}.png")
    write_video(tmp_path / "film.avi", 20)

    def table(rows, head=("clip", "subject", "label"), name="clips.csv"):
        with open(tmp_path / name, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([head, *rows])
        return tmp_path / name

    return table


def read(path, **options):
    return find_clips(path, own_database(path, **options))


def test_a_table_names_its_classes_and_clips(own):
    database = own_database(own)
    assert (database.title, database.name, database.class_names) == ("my clips", "my-clips", CLASSES)
    clips = find_clips(own, database)
    assert [clip.label for clip in clips] == sorted(clip.label for clip in clips) and len(clips) == 12
    assert {clip.subject for clip in clips} == {*PEOPLE}
    assert len({clip.id for clip in clips}) == 12 and clips[0].id == "people 0/clip 0"  # `clip 0` is there thrice
    [film] = [clip for clip in clips if clip.video]
    assert film.video[1:] == (0, 19) and film.length == 20
    chosen = own_database(own, name="Ours", classes=CLASSES[::-1], frames=10, size=32)
    assert (chosen.title, chosen.class_names, chosen.frames, chosen.size) == ("Ours", CLASSES[::-1], 10, 32)


def test_a_workbook_reads_like_a_csv(write):
    path = write(GOOD)
    book = openpyxl.Workbook()
    for row in (["Clip", "Subject", "Label"], ["a", 1, "x"], ["b", 2.0, "y"], [None, None, None], ["c", "3", "x"]):
        book.active.append(row)
    book.save(path.with_suffix(".xlsx"))
    assert read(path.with_suffix(".xlsx")) == read(path)


@pytest.mark.parametrize(("sampling", "first"), [("first", 3), ("apex", 8), ("interpolate", 3)])
def test_frames_are_numbered_as_in_names_and_from_one_in_a_video(write, sampling, first):
    head = ("clip", "subject", "label", "first", "apex", "last")
    path = write([["a", "1", "x", "3", "10", "19"], ["film.avi", "2", "y", "3", "10", "19"]], head)
    images, film = read(path, sampling=sampling, frames=5)
    assert images.images[0].name == f"img{first}.png" and images.images[-1].name == "img19.png"
    assert film.frames == Video(path.parent / "film.avi", first - 1, 18)


def test_the_apex_lies_in_the_middle_as_far_as_the_clip_allows(write):
    rows = [["a", "1", "x", "1"], ["b", "2", "y", "20"], ["film.avi", "2", "y", "20"]]
    path = write(rows, ("clip", "subject", "label", "apex"))
    starts, ends, film = read(path, sampling="apex", frames=6)
    assert starts.images[0].name == "img1.png" and ends.images[0].name == "img15.png" and film.video.first == 14


def test_interpolation_brings_whole_clips_to_the_wanted_frames(write):
    path = write([["a", "1", "x"], ["film.avi", "2", "y"]])
    stacks = {}
    for frames, sampling in ((20, "first"), (20, "interpolate"), (7, "interpolate"), (30, "interpolate")):
        database = own_database(path, frames=frames, sampling=sampling, size=16)
        protocol = protocols.get("paper", "stcnn", database)
        stacks[frames, sampling] = preprocessing.load_samples(path, protocol, progress=False).stacks["face"][:]
    assert np.array_equal(stacks[20, "first"], stacks[20, "interpolate"])  # the matrix is then the identity
    assert stacks[7, "interpolate"].shape == (2, 16, 16, 7)
    for frames in (7, 30):
        ends = [stacks[frames, "interpolate"][..., place].astype(int) for place in (0, -1)]
        whole = [stacks[20, "first"][..., place].astype(int) for place in (0, -1)]
        assert all(np.abs(end - own).max() <= 1 for end, own in zip(ends, whole, strict=True))


def test_protocols_and_settings_keep_the_whole_database(own):
    database = own_database(own, frames=12, size=32, sampling="interpolate", crop="face")
    assert protocols.names("stcnn", database) == ("loso", "paper")
    assert protocols.names("late", database) == ("loso", "paper", "glorot", "loso-glorot")
    protocol = protocols.get("loso", "stcnn", database)
    assert (protocol.frames, protocol.size, protocol.all_frames, protocol.crop) == (12, 32, True, "face")
    assert protocols.Protocol.from_json(protocol.as_json()) == protocol
    older = {name: value for name, value in SMIC_LOSO.as_json().items() if name not in ("all_frames", "crop")}
    assert protocols.Protocol.from_json(older) == SMIC_LOSO  # as runs of before there was a choice have it
    settings = Settings.of(protocol, data=str(own))
    assert Settings.from_json(settings.to_json()) == settings
    assert Database.from_json(SMIC.as_json()) is SMIC and SMIC.as_json() == "smic"
    with pytest.raises(MicroExpError, match="one of loso, paper for stcnn on my clips, found upstream"):
        protocols.get("upstream", "stcnn", database)


@pytest.mark.parametrize(
    "wrong",
    [
        {"frames": True},
        {"frames": 0},
        {"class_names": [1, 2]},
        {"reader": "os"},
        {"crop": "x"},
        {"more": 1},
        {"name": 3},
        {"name": "../x"},
        {"title": "a\nb"},
    ],
)
def test_a_damaged_record_of_a_database_is_refused(own, wrong):
    with pytest.raises(MicroExpError, match="or the record of a database"):
        Database.from_json(own_database(own).as_json() | wrong)


def bad(rows=(), head=("clip", "subject", "label"), also=(), **changed):
    """Rows of a bad table: the good ones with some cells changed, and some more."""
    rows = [list(row) for row in GOOD]
    for place, cells in changed.items():
        rows[int(place[1:])] = cells
    return [*rows, *also], head


FRAMES = ("clip", "subject", "label", "first", "last")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (bad(head=("clip", "subject")), "line 1: expected the columns clip, subject, label, found no label"),
        (bad(head=("clip", "clip", "subject", "label")), "found clip more than once"),
        (bad(r1=["nowhere", "2", "y"]), "line 3: expected a folder of frames or a video at .*nowhere, found nothing"),
        (bad(r1=["b", "2", ""]), "expected a label in every row, found none in line 3"),
        (bad(r1=["b", "2", "x"]), "expected at least two different classes, found x"),
        (bad(also=[["a", "1", "x"]]), "line 5: expected every clip once, and every name, found a also in line 2"),
        (
            bad(r0=["a", "1", "x", "9", "3"], head=FRAMES),
            "line 2: expected first <= apex <= last, found first 9, last 3",
        ),
        (bad(r0=["a", "1", "x", "9", "31"], head=FRAMES), "line 2: expected frames of .*, 1 to 20, found last 31"),
        (bad(r0=["a", "1", "x", "one"], head=FRAMES), "line 2: expected a frame's number in first, found 'one'"),
        (bad(r0=["a", "=A1+1", "x"]), "line 2: expected text or a number in subject, found a formula"),
        (bad(r0=["a", "1", "x", "more"]), "line 2: expected 3 cells, found 4"),
        (bad(r0=["a", "1\x07", "x"]), "line 2: expected text in subject"),
        (bad(r0=["a", "", "x"], r2=["nowhere", "3", "x"]), "2 problems: line 2: .*; line 4: .*datasets check"),
    ],
)
def test_bad_tables_are_one_clear_error_and_nothing_is_written(write, tmp_path, capsys, monkeypatch, table, said):
    path = write(*table)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(MicroExpError, match=said):
        read(path)
    assert train.main(["--data", str(path)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and sorted(tmp_path.rglob("*")) == before


def test_a_missing_table_and_a_formula_in_a_workbook_are_refused(write, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert train.main(["--data", "missing.csv"]) == 2 and not (tmp_path / "runs").exists()
    assert "missing.csv: expected a table of clips" in capsys.readouterr().err
    with pytest.raises(MicroExpError, match=r"expected a table of clips .* found nothing"):
        own_database(tmp_path / "missing.csv")
    book = openpyxl.Workbook()
    for row in (["clip", "subject", "label"], ["a", "1", "x"], ["b", '="2"', "y"]):
        book.active.append(row)
    write(GOOD)
    book.save(tmp_path / "clips.xlsx")
    with pytest.raises(MicroExpError, match="row 3: expected text or a number in subject, found a formula"):
        read(tmp_path / "clips.xlsx")


def test_a_subject_in_two_spellings_is_warned_of(write):
    path = write([["a", "S01", "x"], ["b", "s1", "y"], ["c", "3", "x"]])
    protocol = protocols.get("paper", "stcnn", own_database(path))
    notes = [note.render() for note in preprocessing.load_samples(path, protocol, progress=False).all_notes]
    assert any("WARNING" in note and "'S01' (line 2) and 's1' (line 3)" in note for note in notes)


def test_people_of_different_databases_are_different_people(write):
    head = ("clip", "subject", "label", "database", "name")
    path = write([["a", "1", "x", "A", "k"], ["b", "1", "y", "B", "k"], ["c", "01", "x", "A", ""]], head)
    clips = read(path)
    assert [(clip.subject, clip.database) for clip in clips] == [("A 1", "A"), ("A 01", "A"), ("B 1", "B")]
    assert [clip.id for clip in clips] == ["A k", "c", "B k"]
    protocol = protocols.get("paper", "stcnn", own_database(path))
    samples = preprocessing.load_samples(path, protocol, progress=False)
    assert samples.databases == ["A", "A", "B"] and samples.databases_of([2, 0]) == ["B", "A"]
    [warning] = [text for note in samples.all_notes if "'1' (line 2)" in (text := note.render())]
    assert warning.startswith("WARNING") and "'01' (line 4)" in warning
    with pytest.raises(MicroExpError, match="line 3: expected a database, as in other rows, found none"):
        read(write([["a", "1", "x", "A"], ["b", "1", "y", ""]], head[:4], "some.csv"))


def test_clips_too_short_name_the_remedy(write):
    path = write(GOOD)
    protocol = protocols.get("paper", "stcnn", own_database(path, frames=30))
    with pytest.raises(MicroExpError, match=r"at least 30 frames, found a \(20\).*--sampling interpolate"):
        preprocessing.load_samples(path, protocol, progress=False)


def test_mutated_tables_are_read_or_refused_in_one_line(write, own):
    """Two hundred tables with bytes changed, removed, doubled; of CSV and of .xlsx."""
    path = write(GOOD)
    book = openpyxl.Workbook()
    for row in [["clip", "subject", "label"], *GOOD]:
        book.active.append(row)
    book.save(path.with_suffix(".xlsx"))
    chance, refused = random.Random(0), 0
    for kind in (".csv", ".xlsx"):
        whole = path.with_suffix(kind).read_bytes()
        for number in range(100):
            data = bytearray(whole)
            for _ in range(chance.randint(1, 4)):
                place = chance.randrange(len(data))
                what = chance.choice(["byte", "cut", "double", "quote"])
                if what == "byte":
                    data[place] = chance.randrange(256)
                elif what == "cut":
                    del data[place : place + chance.randint(1, 20)]
                elif what == "double":
                    data[place:place] = data[max(0, place - 20) : place]
                else:
                    data[place:place] = chance.choice([b'"', b"\n", b"\0", b"=", b",", b"\xff"])
                data = data or bytearray(b"x")
            mutated = path.parent / f"mutated{number}{kind}"
            mutated.write_bytes(data)
            try:
                read(mutated)
            except MicroExpError as error:
                refused += 1
                assert "\n" not in str(error)
    assert refused > 100 and len(list(path.parent.iterdir())) == 200 + 6  # nothing is written beside them


def test_a_table_written_from_a_tree_gives_the_same_clips(small_smic, tmp_path):
    tree = datasets.read_tree(small_smic, "smic")
    clips = tree.clips
    write_table(tmp_path / "clips.csv", [tree])
    assert read(tmp_path / "clips.csv") == [
        type(clip)(clip.id, clip.subject, clip.label, found.frames)
        for clip, found in zip(clips, read(tmp_path / "clips.csv"), strict=True)
    ]
    with pytest.raises(MicroExpError, match="expected the name of a new file"):
        write_table(tmp_path / "clips.csv", [tree])


def test_options_of_tables_go_with_tables_only(own, capsys):
    for arguments in (["--dataset", "smic", "--synthetic", "--frames", "9"], ["--dataset", "smic", "--data", str(own)]):
        assert train.main(arguments) == 2
    assert capsys.readouterr().err.count("error: --") == 2
    assert datasets.is_table("a.csv") and not datasets.is_table("folder") and not datasets.is_table(None)
