"""CASME II and SAMM as their owners give them out: what is read, and what is odd in them."""

import random
import types
from dataclasses import replace
from datetime import datetime

import pytest
from trees import CODING, FACS, write_casmeii, write_images, write_samm, write_workbook, write_workbook_of_samm

from microexp_keras import datasets, preprocessing, protocols, train
from microexp_keras.datasets import DATABASES, Database, check, find_clips, find_dataset, find_layout, read_tree
from microexp_keras.datasets.synthetic.coded import write_coded
from microexp_keras.errors import MicroExpError
from microexp_keras.video import choices


def numbers(clip):
    """First and last number of a clip's frames."""
    return tuple(int(image.stem.split("_")[-1].removeprefix("img")) for image in (clip.images[0], clip.images[-1]))


def test_casme_ii_is_read_as_megc_2019_divides_it(tmp_path):
    tree = read_tree(write_casmeii(tmp_path), "casmeii")
    assert find_dataset(tmp_path) == "casmeii" and tree.layout.name == "raw"
    assert [(clip.id, clip.subject, clip.label, numbers(clip)) for clip in tree.clips] == [
        ("sub02_EP02_01f", "sub02", 0, (9, 30)),
        ("sub17_EP05_02", "sub17", 0, (10, 40)),  # its offset is 0
        ("sub01_EP02_01f", "sub01", 1, (46, 86)),
        ("sub02_EP13_04", "sub02", 2, (95, 120)),
    ]
    assert tree.left_out == {"of emotion others": 1, "not among the 145 of MEGC 2019": 1} and tree.annotated == 6
    assert [problem.kind for problem in tree.problems] == ["odd onset or offset"]


@pytest.mark.parametrize("subject", [int, str, float, "sub{:02d}".format])
def test_a_subject_is_the_same_however_it_is_written(tmp_path, subject):
    clips = find_clips(write_casmeii(tmp_path, subject=subject), "casmeii")
    assert {clip.subject for clip in clips} == {"sub01", "sub02", "sub17"}


def test_the_cropped_tree_is_told_from_the_raw_one(tmp_path):
    write_casmeii(tmp_path, tree="Cropped", image="reg_img{}.jpg")
    assert find_layout(tmp_path, "casmeii").name == "cropped"
    write_casmeii(tmp_path)
    with pytest.raises(MicroExpError, match="--layout"):
        find_clips(tmp_path, "casmeii")
    cropped = find_clips(tmp_path, "casmeii", "cropped")
    assert len(cropped) == 4 and all("Cropped" in str(clip.path) for clip in cropped)


@pytest.mark.parametrize("digits", [4, 5])
def test_samm_is_read_below_the_text_of_its_workbook(tmp_path, digits):
    tree = read_tree(write_samm(tmp_path, digits=digits), "samm")
    assert find_dataset(tmp_path) == "samm"
    assert [(clip.id, clip.subject, clip.label, numbers(clip)) for clip in tree.clips] == [
        ("006_1_2", "006", 0, (562, 590)),
        ("006_1_3", "006", 1, (9990, 10010)),
        ("011_6_1", "011", 2, (5, 45)),  # its offset is beyond the last frame
    ]
    assert tree.left_out == {"of emotion other": 1} and tree.annotated == 4
    assert [problem.kind for problem in tree.problems] == ["odd onset or offset"]


def test_frames_around_the_apex_or_the_middle_where_there_is_none(tmp_path):
    database = replace(DATABASES["casmeii"], sampling="apex", frames=10)
    clips = {clip.id: numbers(clip)[0] for clip in find_clips(write_casmeii(tmp_path), database)}
    assert clips["sub01_EP02_01f"] == 59 - 5 and clips["sub02_EP02_01f"] == (9 + 30) // 2 - 5


def test_all_frames_are_brought_to_eighteen(tmp_path):
    protocol = protocols.get("loso", "stcnn", "samm")
    assert protocols.names("stcnn", "samm") == ("loso", "paper") and protocols.names("stclqp", "casmeii") == ("loso",)
    for wanted in ("samm", DATABASES["samm"]):
        with pytest.raises(MicroExpError, match="expected one of loso, paper for stcnn on SAMM, found upstream"):
            protocols.get("upstream", "stcnn", wanted)
    samples = preprocessing.load_samples(write_samm(tmp_path), protocol, progress=False)
    assert samples.stacks["face"].shape == (3, 64, 64, 18)


def rows_with(rows, place, **values):
    names = ("subject", "clip", "onset", "apex", "offset", "emotion")
    return [
        tuple(values.get(name, cell) for name, cell in zip(names, row, strict=True)) if at == place else row
        for at, row in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (rows_with(FACS, 0, clip="006-1-2"), "row 15: expected subject and clip, found .'006', '006-1-2'"),
        (rows_with(FACS, 0, onset=1, offset=9), "row 15: expected onset and offset among the frames of .*562 to 590"),
        (rows_with(FACS, 0, onset="x", offset="y"), "row 15: expected onset and offset among"),
        ([*FACS, FACS[0]], "row 19: expected every clip once, found 006/006_1_2 also in row 15"),
        (rows_with(FACS, 2, emotion="Surprised"), "none of surprise"),
    ],
)
def test_damaged_workbooks_are_refused(tmp_path, rows, said):
    with pytest.raises(MicroExpError, match=said):
        find_clips(write_samm(tmp_path, rows), "samm")


def test_a_folder_without_a_row_and_a_row_without_a_folder_are_noted(tmp_path):
    write_images(tmp_path / "007/007_1_1", range(3))
    write_samm(tmp_path, [*FACS, ("008", "008_1_1", 1, 2, 3, "Fear")])
    kinds = [problem.kind for problem in read_tree(tmp_path, "samm").problems]
    assert sorted(kinds) == ["missing clip", "no row", "odd onset or offset"]


def test_a_workbook_without_the_table_is_refused(tmp_path):
    write_casmeii(tmp_path, CODING)
    (tmp_path / "CASME2-coding-20140508.xlsx").unlink()
    with pytest.raises(MicroExpError, match=r"CASME2-coding-20140508.xlsx\) in this folder"):
        find_clips(tmp_path, "casmeii")
    write_samm(tmp_path)
    (tmp_path / "SAMM_Micro_FACS_Codes_v2.xlsx").unlink()
    write_workbook(tmp_path / "CASME2-coding.xlsx", {"one": [("Subject", "Filename")], "two": []})
    with pytest.raises(MicroExpError, match="expected a row with the columns subject, filename, onsetframe"):
        find_clips(tmp_path, "casmeii")


def test_check_compares_with_what_megc_2019_counts(tmp_path):
    report = check.check(write_samm(tmp_path), progress=False)
    said = "\n".join(map(str, report.problems))
    assert "expected clips of 28 subjects, as distributed, found 2" in said and not report.stops_training
    for text in ("expected 92 clips", "expected 26 clips", "expected 15 clips", "expected 159 annotated clips"):
        assert text in said
    known = [DATABASES[name] for name in ("casmeii", "samm")]
    counts = [check.reader_of(database).DISTRIBUTED for database in known]
    assert [sum(one.clips) for one in counts] == [145, 133] and [one.people for one in counts] == [24, 28]
    assert sum(check.reader_of(DATABASES["smic"]).DISTRIBUTED.by_subject["s01"]) == 6


@pytest.mark.parametrize("name", ["casmeii", "samm"])
def test_synthetic_trees_are_read_and_repeat(tmp_path, name):
    for folder in "ab":
        write_coded(name, tmp_path / folder, 1, subjects=2, clips_per_class=(1, 1, 1), progress=False)
    first, again = (find_clips(tmp_path / folder, name) for folder in "ab")
    assert [clip.label for clip in first] == [0, 0, 1, 1, 2, 2] and datasets.are_synthetic(first)
    for one, other in zip(first, again, strict=True):
        assert [path.read_bytes() for path in one.images] == [path.read_bytes() for path in other.images]
    report = check.check(tmp_path / "a", progress=False)
    assert not report.stops_training and report.tree.dataset == name


def test_workbooks_with_any_cell_changed_are_read_or_refused_in_one_line(tmp_path):
    write_samm(tmp_path)
    chance, refused = random.Random(0), 0
    odd = [None, "", "x", "=A1", -5, 0, 1e300, float("nan"), True, "006_1_2", "é\n", datetime(2014, 5, 8), 10**12]
    for _ in range(200):
        rows = [list(row) for row in FACS]
        for _ in range(chance.randint(1, 3)):
            rows[chance.randrange(len(rows))][chance.randrange(len(rows[0]))] = chance.choice(odd)
        write_workbook_of_samm(tmp_path, rows)
        try:
            read_tree(tmp_path, "samm")
        except MicroExpError as error:
            refused += 1
            assert "\n" not in str(error)
    assert 20 < refused < 180


def test_how_clips_are_read_can_be_chosen_where_the_paper_has_not_settled_it():
    args = train.parser().parse_args(["--frames", "9", "--sampling", "first", "--size", "48"])
    database = datasets.database_of(args, None, "samm")
    assert (database.frames, database.sampling, database.size, database.title) == (9, "first", 48, "SAMM")
    assert Database.from_json(database.as_json()) == database and DATABASES["samm"].as_json() == "samm"
    assert protocols.get("loso", "stcnn", database).frames == 9
    with pytest.raises(MicroExpError, match="--frames, --size, --sampling: expected with a table of your own clips"):
        datasets.database_of(args, None, "smic")
    with pytest.raises(MicroExpError, match="--name: expected with a table of your own clips only"):
        datasets.database_of(train.parser().parse_args(["--name", "x"]), None, "samm")
    with pytest.raises(MicroExpError, match="or the record of a database"):
        Database.from_json(database.as_json() | {"in_paper": True})


def test_predict_shows_a_network_faces_as_it_was_trained_on_them():
    for name, synthetic, cut in (("samm", False, False), ("samm", True, True), ("smic", False, True)):
        file = types.SimpleNamespace(path="x", metadata={"synthetic": synthetic})
        template = choices.template_for(file, protocols.get("loso", "stcnn", name), None, None)
        assert (template is not None) == cut
