"""A user's own table of clips: what is read of it, and how bad ones are refused."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from own_clips import CLASSES, PEOPLE, write_own
from trees import write_images, write_video, write_workbook

from microexp_keras import datasets, preprocessing, protocols, train
from microexp_keras.datasets import Clip, Video, find_clips, own_database
from microexp_keras.datasets.database import SMIC, Database
from microexp_keras.datasets.frames import read_frames
from microexp_keras.datasets.table import write_table
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing.stacks import gray
from microexp_keras.preprocessing.tim import interpolate
from microexp_keras.runs import Settings

HEAD = ("clip", "subject", "label")
FRAMES = (*HEAD, "first", "last")
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

    def table(rows, head=HEAD, name="clips.csv"):
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


@pytest.mark.parametrize("kind", ["workbook", "semicolons", "tabs", "UTF-16"])
def test_tables_as_spreadsheet_programs_save_them(write, kind):
    path, plain = write(GOOD), read(write(GOOD, name="plain.csv"))
    text = "\r\n".join(("\t" if kind == "tabs" else ";").join(row) for row in [HEAD, *GOOD]) + "\r\n"
    path.write_bytes(text.encode("utf-16" if kind == "UTF-16" else "utf-8"))
    if kind == "workbook":
        path = path.with_suffix(".xlsx")
        rows = [["Clip", "Subject", "Label"], ["a", 1, "x"], ["b", 2.0, "y"], [None, None, None], ["c", "3", "x"]]
        write_workbook(path, {"clips": rows})
    assert read(path) == plain


def test_a_table_in_chinese_letters_that_is_not_utf_8_is_named_and_as_utf_8_read(write):
    path = write([["a", "张三", "高兴"], ["b", "李四", "惊讶"], ["c", "李四", "高兴"]])
    assert [clip.subject for clip in read(path)] == ["张三", "李四", "李四"]
    path.write_bytes(path.read_text(encoding="utf-8-sig").encode("gb18030"))
    with pytest.raises(MicroExpError, match=r"is not text in UTF-8 \(byte 21\)\. Save it as .CSV UTF-8"):
        read(path)


def test_frames_are_numbered_as_in_names_and_from_one_in_a_video_which_ends_where_it_ends(write):
    """More frames than a clip has are not taken from the rest of the recording."""
    path = write([["a", "1", "x", "3", "9", "6"], ["film.avi", "2", "y", "3", "9", "6"]], (*FRAMES, "apex"))
    images, film = read(path, sampling="apex", frames=5)
    assert images.images[0].name == "img3.png" and images.images[-1].name == "img9.png"
    assert film.frames == Video(path.parent / "film.avi", 2, 8) and images.apex == film.apex == 3
    assert [len([*read_frames(clip)]) for clip in (images, film)] == [images.length, film.length] == [7, 7]
    with pytest.raises(MicroExpError, match="ends after 18 of the 28 frames"):
        list(read_frames(replace(film, frames=film.video._replace(last=29))))


def test_around_the_middle_is_read_where_no_apex_is_annotated_and_it_is_said(write):
    path = write([["a", "1", "x", "7"], ["b", "2", "y", ""]], (*HEAD, "apex"))
    protocol = protocols.get("paper", "stcnn", own_database(path, frames=4, sampling="apex", size=16))
    samples = preprocessing.load_samples(path, protocol, progress=False)
    for clip, first, stack in zip(find_clips(path, protocol.database), (4, 7), samples.stacks["face"], strict=True):
        frames = read_frames(clip, slice(first, first + 4))  # from 0 on; the apex is frame 6, the middle 9
        np.testing.assert_array_equal(stack, np.stack([gray(one, 16) for one in frames], axis=2))
    assert "Read around their middle, for no apex is annotated: b." in samples.notes


def test_a_class_that_one_subject_alone_shows_is_warned_of_where_subjects_are_left_out(write):
    path, warned = write(GOOD), []
    for name in ("paper", "loso"):
        samples = preprocessing.load_samples(path, protocols.get(name, "stcnn", own_database(path)), progress=False)
        warned.append([str(issue) for issue in samples.issues if "subject" in issue.text])
    assert warned[0] == [] and len(warned[1]) == 1
    assert "class y: shown by subject 2 only (1 clip)" in warned[1][0]


def test_interpolation_brings_whole_clips_to_the_wanted_frames(write):
    path = write([["a", "1", "x"], ["film.avi", "2", "y"]])

    def stacks(frames, sampling):
        protocol = protocols.get("paper", "stcnn", own_database(path, frames=frames, sampling=sampling, size=16))
        return preprocessing.load_samples(path, protocol, progress=False).stacks["face"][:]

    whole = stacks(20, "first")
    for frames in (7, 20, 30):
        expected = np.stack([interpolate(one, frames) for one in whole])
        np.testing.assert_array_equal(stacks(frames, "interpolate"), expected)


def test_protocols_and_settings_keep_the_whole_database(own):
    database = own_database(own, frames=20, size=32, sampling="interpolate", crop="face")
    assert protocols.names("stcnn", database) == ("loso", "paper")
    assert protocols.names("late", database) == ("loso", "paper", "glorot", "loso-glorot")
    protocol = protocols.get("loso", "stcnn", database)
    assert (protocol.frames, protocol.size, protocol.sampling, protocol.crop) == (20, 32, "interpolate", "face")
    assert protocols.Protocol.from_json(protocol.as_json()) == protocol
    settings = Settings.of(protocol, data=str(own))
    assert Settings.from_json(settings.to_json()) == settings
    assert Database.from_json(SMIC.as_json()) is SMIC and SMIC.as_json() == "smic"
    with pytest.raises(MicroExpError, match="there is no upstream for stcnn on my clips"):
        protocols.get("upstream", "stcnn", database)
    record = database.as_json()
    assert Database.from_json(record | {"reader": "os"}) == database  # a file must not say what is loaded
    wrong = [("frames", True), ("frames", 0), ("class_names", [1, 2]), ("crop", "x"), ("name", 3), ("name", "../x")]
    for name, value in wrong:
        with pytest.raises(MicroExpError, match="or the record of a database"):
            Database.from_json(record | {name: value})


@pytest.mark.parametrize(
    ("head", "rows", "said"),
    [
        ("clip,subject", {}, "line 1: has no column label. Write a table of the clips"),
        ("clip,clip,subject,label", {}, "has clip more than once"),
        (None, {1: "nowhere,2,y"}, "line 3: .*nowhere does not exist. Correct the path"),
        (None, {1: "b,2,"}, "but there are: x. Fill in the column"),
        (None, {1: "b,2,x"}, "there must be at least two different classes, but there are: x"),
        (None, {3: "a,1,x"}, "line 5: the clip a is also in line 2"),
        (FRAMES, {0: "a,1,x,9,3"}, "line 2: first, apex and last are not in this order: first 9, l"),
        (FRAMES, {0: "a,1,x,9,31"}, "line 2: last 31 is not among the frames 1 to 20 of"),
        (FRAMES, {0: "a,1,x,one"}, "line 2: first one is not among the frames 1 to 20 of"),
        (None, {0: "a,1,x,more"}, "line 2: has more cells than there are columns"),
        (None, {0: "a,#N/A,x"}, "line 2: the subject is #N/A, which a spreadsheet program writes for a formula"),
        (None, {0: "a,1,#N/A"}, "line 2: the label is #N/A, which"),
        (None, {0: ",1,x", 2: "nowhere,3,x"}, "2 problems: line 2: no clip; .*; line 4: .*datasets check"),
    ],
)
def test_bad_tables_are_one_clear_error_and_nothing_is_written(write, tmp_path, capsys, monkeypatch, head, rows, said):
    good = dict(enumerate(GOOD)) | {place: row.split(",") for place, row in rows.items()}
    path = write(good.values(), head.split(",") if isinstance(head, str) else head or HEAD)
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
    assert "missing.csv: does not exist" in capsys.readouterr().err
    with pytest.raises(MicroExpError, match="does not exist"):
        own_database(tmp_path / "missing.csv")
    write(GOOD)
    write_workbook(tmp_path / "clips.xlsx", {"clips": [HEAD, ["a", "1", "x"], ["b", '="2"', "y"]]})
    table = datasets.read_table(tmp_path / "clips.xlsx", own_database(tmp_path / "clips.xlsx"))
    assert [clip.subject for clip in table.clips] == ["1", None]
    [issue] = table.issues
    assert issue.where.endswith("row 3") and "names no subject" in issue.text and "must have its value" in issue.hint


@pytest.mark.parametrize(
    ("subjects", "people", "warned"),
    [
        (("S01", "s1", "3"), 3, "'S01' (line 2) and 's1' (line 3)"),
        (("1", "1.0", "2.0"), 2, None),  # pandas writes 1.0 where a cell of the column is empty
        (("1.5", "15", "1.50"), 2, None),
        (("7.0", "70", "007"), 3, "'7' (line 2) and '007' (line 4)"),
        (("p-3", "p3", "p 4"), 3, "'p-3' (line 2) and 'p3' (line 3)"),
    ],
)
def test_subjects_are_compared_by_value_and_two_spellings_warned_of(write, subjects, people, warned):
    path = write([[clip, subject, label] for clip, subject, label in zip("abc", subjects, "xyx", strict=True)])
    protocol = protocols.get("paper", "stcnn", own_database(path))
    samples = preprocessing.load_samples(path, protocol, progress=False)
    notes = [str(note) for note in samples.all_notes]
    assert len(set(samples.subjects)) == people and len(notes) == bool(warned)
    assert all("WARNING" in note and warned in note for note in notes), notes


def test_people_of_different_databases_are_different_people(write):
    head = ("clip", "subject", "label", "database", "name")
    path = write([["a", "1", "x", "A", "k"], ["b", "1", "y", "B", "k"], ["c", "01", "x", "A", ""]], head)
    clips = read(path)
    assert [(clip.subject, clip.database) for clip in clips] == [("A 1", "A"), ("A 01", "A"), ("B 1", "B")]
    assert [clip.id for clip in clips] == ["A k", "c", "B k"]
    protocol = protocols.get("paper", "stcnn", own_database(path))
    samples = preprocessing.load_samples(path, protocol, progress=False)
    assert samples.databases == ["A", "A", "B"] and samples.databases_of([2, 0]) == ["B", "A"]
    [warning] = [text for note in samples.all_notes if "'1' (line 2)" in (text := str(note))]
    assert warning.startswith("WARNING") and "'01' (line 4)" in warning
    with pytest.raises(MicroExpError, match=r"line 3: no database\. Fill it in"):
        read(write([["a", "1", "x", "A"], ["b", "1", "y", ""]], head[:4], "some.csv"))


def test_clips_of_fewer_frames_are_brought_to_the_wanted_ones_and_named(write):
    path = write([["a", "1", "x", "20"], ["film.avi", "2", "y", "19"]], ("clip", "subject", "label", "last"))
    samples = preprocessing.load_samples(path, protocols.get("paper", "stcnn", own_database(path, frames=20)))
    assert samples.notes == ["Of fewer than 20 frames, and brought to 20 by temporal interpolation: film (19)."]
    [video] = [clip for clip in read(path) if clip.video]
    whole = preprocessing.face_stacks([video], protocols.get("paper", "stcnn", own_database(path, frames=19)))[0]
    assert np.array_equal(samples.stacks["face"][1], interpolate(whole, 20))  # no frame beyond the row's last is read
    samples = preprocessing.load_samples(path, protocols.get("paper", "stcnn", own_database(path, frames=30)))
    assert "all 2 clips (19 to 20)" in samples.notes[0] and samples.stacks["face"].shape[-1] == 30


def test_a_table_written_from_clips_gives_the_same_clips(write):
    """First, last and apex included, and whatever the names; those of databases are in test_readers."""
    root = write(GOOD).parent
    images = tuple(sorted((root / "a").glob("*"), key=lambda path: int(path.stem[3:])))
    film = root / "film.avi"
    clips = [
        Clip("=s1_ne", None, 0, images[2:9], apex=3),
        Clip("part", "=2", 0, Video(film, 3, 7), apex=0),
        Clip("rest é", "1", 1, Video(film, 8)),
    ]
    database = Database(name="own", title="own", class_names=("x", "=y"), frames=18, recordings="own")
    write_table(root / "again.csv", [datasets.Table(database, root, "flat", clips=clips)])
    assert read(root / "again.csv") == clips
    with pytest.raises(MicroExpError, match="exists already"):
        write_table(root / "again.csv", [])


def test_options_of_tables_go_with_tables_only(own, capsys):
    for arguments, said in (
        (["--synthetic", "--name", "x"], "--name: is for a table of your own clips"),
        (["--data", str(own)], "--dataset: cannot be used with "),
    ):
        assert train.main(["--dataset", "smic", *arguments]) == 2
        assert f"error: {said}" in capsys.readouterr().err
    assert datasets.is_table("a.csv") and not datasets.is_table("folder") and not datasets.is_table(None)
