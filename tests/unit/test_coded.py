"""CASME II and SAMM as their owners give them out: what is read, and what is odd in them."""

import types
from dataclasses import replace

import pytest
from trees import FACS, write_casmeii, write_samm

from microexp_keras import datasets, protocols, train
from microexp_keras.datasets import DATABASES, check, find_clips, find_dataset, read_table
from microexp_keras.datasets.database import DISTRIBUTED
from microexp_keras.datasets.frames import frames_read
from microexp_keras.errors import MicroExpError
from microexp_keras.video import windows


def numbers(clip):
    """First and last number of a clip's frames."""
    return tuple(int(image.stem.split("_")[-1].removeprefix("img")) for image in (clip.images[0], clip.images[-1]))


def test_casme_ii_is_read_as_megc_2019_divides_it(tmp_path):
    tree = read_table(write_casmeii(tmp_path, subject="sub{:02d}".format), "casmeii")
    assert find_dataset(tmp_path) == "casmeii" and tree.layout == "raw"
    assert [(clip.id, clip.subject, clip.label, numbers(clip)) for clip in tree.clips] == [
        ("sub02_EP02_01f", "sub02", 0, (9, 30)),
        ("sub17_EP05_02", "sub17", 0, (10, 40)),  # its offset is 0
        ("sub01_EP02_01f", "sub01", 1, (46, 86)),
        ("sub02_EP13_04", "sub02", 2, (95, 120)),
    ]
    assert tree.annotated == 6 and [(issue.level, issue.where) for issue in tree.issues] == [
        ("info", "sub04/ep12_01f (row 5)"),  # not of MEGC 2019
        ("warning", "CASME2-coding-20140508.xlsx, sheet 'Sheet1', row 6"),
        ("info", "sub26/ep18_44 (row 7)"),  # of emotion others
    ]


def test_the_cropped_tree_is_told_from_the_raw_one(tmp_path):
    write_casmeii(tmp_path, tree="Cropped", image="reg_img{}.jpg")
    assert read_table(tmp_path, "casmeii").layout == "cropped"
    write_casmeii(tmp_path)
    with pytest.raises(MicroExpError, match="--layout"):
        find_clips(tmp_path, "casmeii")
    cropped = find_clips(tmp_path, "casmeii", "cropped")
    assert len(cropped) == 4 and all("Cropped" in str(clip.path) for clip in cropped)


def test_samm_is_read_below_the_text_of_its_workbook(tmp_path):
    tree = read_table(write_samm(tmp_path), "samm")
    assert find_dataset(tmp_path) == "samm"
    assert [(clip.id, clip.subject, clip.label, numbers(clip)) for clip in tree.clips] == [
        ("006_1_2", "006", 0, (562, 590)),
        ("006_1_3", "006", 1, (9990, 10010)),
        ("011_6_1", "011", 2, (5, 45)),  # its offset is beyond the last frame
    ]
    assert tree.annotated == 4 and [(issue.level, issue.text.split(":")[0]) for issue in tree.issues] == [
        ("warning", "of onset 5 and offset 999 one is not among the frames 5 to 45"),
        ("info", "is of emotion other, which is none of the classes, so it is left out"),
    ]


def test_frames_around_the_apex_or_the_middle_where_there_is_none(tmp_path):
    clips = {clip.id: clip for clip in find_clips(write_casmeii(tmp_path), "casmeii")}
    parts = {"sub01_EP02_01f": (59, 59 - 46), "sub02_EP02_01f": ((9 + 30) // 2, None)}
    for name, (middle, apex) in parts.items():
        part = frames_read(clips[name], 10, "apex")
        assert (
            clips[name].apex == apex and numbers(replace(clips[name], frames=clips[name].images[part]))[0] == middle - 5
        )


FIRST, _, THIRD, LAST = FACS


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [(*FIRST[:2], 1, 2, 9, "Anger"), *FACS[1:]],
            "row 15: onset 1 and offset 9 are not among the frames 562",
        ),
        ([(*FIRST[:2], "x", 2, "y", "Anger"), *FACS[1:]], "row 15: onset 'x' and offset 'y' are not among"),
        ([*FACS, FIRST], "row 19: 006/006_1_2 is also in row 15"),
        ([*FACS[:2], (*THIRD[:5], "Surprised"), LAST], "no clip of the class surprise"),
    ],
)
def test_damaged_workbooks_are_refused(tmp_path, rows, said):
    with pytest.raises(MicroExpError, match=said):
        find_clips(write_samm(tmp_path, rows), "samm")


def test_check_compares_with_what_megc_2019_counts(tmp_path):
    report = check.check(write_samm(tmp_path), progress=False)
    said = "\n".join(map(str, report.issues))
    assert "2 subjects, as distributed 28" in said and not report.stops_training
    for count in (
        "clips, as distributed 92",
        "distributed 26",
        "distributed 15",
        "4 annotated clips, as distributed 159",
    ):
        assert count in said
    counts = [DISTRIBUTED[name] for name in ("casmeii", "samm")]
    assert [sum(one["clips"]) for one in counts] == [145, 133] and [one["people"] for one in counts] == [24, 28]


def test_how_clips_are_read_can_be_chosen_where_the_paper_has_not_settled_it():
    args = train.parser().parse_args(["--frames", "9", "--sampling", "first", "--size", "48"])
    reading = datasets.chosen_reading(args)
    for name, protocol in (("samm", "paper"), ("smic", "loso"), ("casme2", "loso")):
        read = protocols.get(protocol, "stcnn", name, **reading)
        assert (read.frames, read.sampling, read.size, read.database) == (9, "first", 48, DATABASES[name])
    with pytest.raises(MicroExpError, match=r"protocol paper reads clips of SMIC as published .* take --protocol loso"):
        protocols.get("paper", "stcnn", "smic", **reading)
    assert DATABASES["samm"].as_json() == "samm"
    with pytest.raises(MicroExpError, match="--name: is for a table of your own clips"):
        datasets.database_of(train.parser().parse_args(["--name", "x"]), None, "samm")


def test_predict_shows_a_network_faces_as_it_was_trained_on_them():
    for name, synthetic, cut in (("samm", False, False), ("samm", True, True), ("smic", False, True)):
        file = types.SimpleNamespace(path="x", metadata={"synthetic": synthetic})
        template = windows.template_for(file, protocols.get("loso", "stcnn", name), None, None)
        assert (template is not None) == cut
