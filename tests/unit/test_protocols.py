"""Protocols and settings: what the programs and the paper say, the paper's own split, and what a run keeps of both."""

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from microexp_keras import datasets, preprocessing, protocols, reproduce, train
from microexp_keras.errors import MicroExpError
from microexp_keras.models import METHODS
from microexp_keras.protocols import splits
from microexp_keras.protocols.__main__ import main
from microexp_keras.runs import Settings


def test_the_papers_validation_set():
    labels = np.repeat([0, 1, 2], [66, 47, 43])
    [fold] = splits.random_fifth(labels, None)
    assert np.bincount(labels[fold.test]).tolist() == [19, 6, 7]  # Table VII's row sums
    assert np.bincount(labels[fold.train]).tolist() == [47, 41, 36]
    assert sorted([*fold.train, *fold.test]) == list(range(156))
    assert fold.validation is fold.test


def samples(subjects, clips=None, stacks=None, mislabelled=None):
    """What `remarks` looks at."""
    count = len(subjects)
    clips = np.arange(count) if clips is None else np.array(clips)
    stacks = clips if stacks is None else np.array(stacks)
    mislabelled = np.zeros(count, bool) if mislabelled is None else mislabelled
    return preprocessing.Samples([""] * count, subjects, clips, {"face": stacks}, clips, mislabelled)


@pytest.mark.parametrize(
    ("train", "validation", "test", "others", "said"),
    [
        ([0, 1], [2], [3], {}, []),
        ([0, 1], [2, 3], [3], {}, ["best epoch"]),
        ([0, 2], [3], [1], {}, ["share 1 subject,"]),
        ([0, 1], [2], [2, 3], {"clips": [0, 1, 1, 2]}, ["second copies of training clips.", "best epoch"]),
        ([0, 1], [2], [2, 3], {"stacks": [0, 7, 7, 2]}, ["1 of the test clips have the same pixels", "best epoch"]),
    ],
)
def test_what_makes_a_score_optimistic_is_computed(train, validation, test, others, said):
    fold = splits.Fold(*(np.array(part) for part in (train, validation, test)))
    remarks = preprocessing.remarks(fold, samples(["s01", "s01", "s02", "s03"], **others))
    assert len(remarks) == len(said) and all(map(str.__contains__, remarks, said)), remarks


EVERYTHING = "last_fifth_scored_on_all"
PROGRAMS = {  # of three of them in `paper` too: epochs, batch size, copies of the last class, eyes, split, colours
    ("upstream", "stcnn", "smic"): (100, 16, 1, "eyes", "random_fifth", False),
    ("upstream", "stcnn", "casme2"): (100, 16, 1, "eyes", "random_fifth", True),
    ("upstream", "intermediate", "smic"): (250, 4, 2, "mouth", EVERYTHING, False),
    ("upstream", "late", "smic"): (250, 16, 2, "eyes", EVERYTHING, False),
    ("upstream", "intermediate", "casme2"): (100, 16, 1, "eyes", EVERYTHING, True),
    ("upstream", "late", "casme2"): (100, 16, 1, "eyes", EVERYTHING, True),
} | {
    ("paper", model, dataset): (100, 8, 1, "eyes", "random_fifth", False)
    for model in ("stcnn", "intermediate", "late")
    for dataset in ("smic", "casme2")
}


@pytest.mark.parametrize("key", PROGRAMS)
def test_the_six_programs_and_the_papers_text(key):
    own = protocols.get(*key)
    split = own.split.__name__
    found = own.epochs, own.batch_size, own.last_class_copies, own.eyes_trained_on, split, own.swapped_colours
    assert found == PROGRAMS[key]
    assert own.landmark_faults == ("neighbours" if key[0] == "paper" or key[1] == "stcnn" else "stop")


def changed(*protocols):
    """Names of the fields in which two protocols differ."""
    one, other = (protocol.as_json() for protocol in protocols)
    return {name for name in one if one[name] != other[name]}


@pytest.mark.parametrize(("model", "rate"), [("intermediate", 0.0002), ("late", 0.0004)])
def test_glorot_is_the_paper_with_what_makes_it_learn_and_goes_slower_the_longer_a_clip_is(model, rate):
    paper, short = (protocols.get(name, model, "smic") for name in ("paper", "glorot"))
    long, honest = (protocols.get(name, model, "casme2") for name in ("glorot", "loso-glorot"))
    learns = {"name", "source", "batch_size", "conv_initializer", "probability_floor", "more_frames_than"}
    assert changed(paper, short) == learns
    assert short.conv_initializer == "glorot_uniform" and short.batch_size == 16
    assert changed(short, long) == {"dataset", "frames", "learning_rate", "momentum"}
    assert (honest.learning_rate, honest.unseen_subjects, honest.standardized_by) == (rate, True, "train")

    def settings(frames):
        own = replace(datasets.DATABASES["casmeii"], name="own", frames=frames)
        found = protocols.get("glorot", model, own)
        return found.learning_rate, found.momentum, found.learning_rate / (1 - found.momentum)

    assert settings(9) == settings(17) == settings(18) == (0.01, 0.0, 0.01)
    assert settings(96)[:2] == (long.learning_rate, long.momentum) == (rate, 0.9)
    for shorter, longer in itertools.pairwise([settings(frames) for frames in range(18, 241, 3)]):
        assert longer[0] < shorter[0] and shorter[1] < longer[1] < 1
        assert 0.7 < longer[2] / shorter[2] < 1  # the rate in effect: no jump


def test_the_last_fifth_is_held_out_but_everything_is_scored():
    [fold] = splits.last_fifth_scored_on_all(np.zeros(199, int), None)
    assert fold.train.tolist() == list(range(159)) and fold.held_out.tolist() == list(range(159, 199))
    assert len(fold.test) == len(fold.validation) == 199
    right = np.arange(199) % 4 == 0
    mislabelled = np.arange(199) > 155
    said = preprocessing.remarks(fold, samples([None] * 199, mislabelled=mislabelled), right)
    assert "43 of the 199 test labels go by position and differ from the clips' folders" in said[0]
    assert "159 of the 199 test clips are training clips too" in said[1]
    assert "Accuracy on the other 40 clips: 25.00% (10); 40 of these have a label that is not" in said[2]
    assert not any("subjects" in sentence for sentence in said) and "second copies" not in " ".join(said)


def test_the_eye_stream_of_one_program_is_trained_on_mouths():
    eyes, mouth = np.zeros((4, 2)), np.ones((4, 2))
    inputs = {"eyes": eyes, "mouth": mouth}
    seen = protocols.get("upstream", "intermediate").training_inputs(inputs)
    assert list(seen) == ["eyes", "mouth"] and seen["eyes"] is mouth and seen["mouth"] is mouth
    seen = protocols.get("upstream", "late").training_inputs(inputs)
    assert seen["eyes"] is eyes and seen["mouth"] is mouth


def test_an_unknown_protocol_lists_the_known():
    with pytest.raises(MicroExpError, match="model: 'vgg' is none of lbp-top"):
        protocols.get("upstream", model="vgg")
    with pytest.raises(MicroExpError, match=r"no glorot for stcnn on CAS\(ME\)\^2. Take one of upstream, paper, loso"):
        protocols.get("glorot", "stcnn", "casme2")


@pytest.mark.parametrize("dataset", ["smic", "casme2"])
@pytest.mark.parametrize("model", ["stcnn", "intermediate", "late"])
def test_loso_is_the_paper_under_other_rules(model, dataset):
    paper, loso = protocols.get("paper", model, dataset), protocols.get("loso", model, dataset)
    rules = [["more_frames_than", "18", "no"]] if dataset == "smic" else []
    assert protocols.side_by_side([paper, loso])[:-1] == [
        ["", "paper", "loso"],
        *rules,
        ["standardized_by", "all", "train"],
        ["split", "random_fifth", "leave_one_subject_out"],
        ["unseen_subjects", "no", "yes"],
    ]


def test_the_papers_rule_is_of_smic_alone():
    ruled = {(one.name, one.dataset, one.more_frames_than) for one in protocols.ALL if one.more_frames_than}
    assert ruled == {("upstream", "smic", 18), ("paper", "smic", 18)}
    assert {one.model for one in protocols.ALL if one.name == "upstream" and one.more_frames_than} == {*METHODS}


@pytest.mark.parametrize(("name", "model"), [("loso", "stcnn"), ("loso-glorot", "late"), ("loso", "lbp-top")])
@pytest.mark.parametrize("dataset", ["smic", "casme2", "samm"])
def test_clips_are_read_otherwise_under_protocols_of_this_package(name, model, dataset):
    plain = protocols.get(name, model, dataset)
    other = protocols.get(name, model, dataset, sampling="apex", frames=24, size=plain.size, crop="none")
    changed = {row[0] for row in protocols.side_by_side([plain, other])[1:]}
    assert {"sampling", "frames"} <= changed <= {"sampling", "frames", "learning_rate", "momentum"}
    assert protocols.get(name, model, dataset, **plain.reading) == plain


@pytest.mark.parametrize("name", ["upstream", "paper"])
def test_what_is_as_published_reads_clips_as_published(name):
    with pytest.raises(MicroExpError, match=r"as published \(18 frames, sampling first\), so sampling apex goes only"):
        protocols.get(name, "late", "smic", sampling="apex")


def test_weights_are_asked_with_clips_read_as_in_training():
    trained = protocols.get("loso", "stcnn", "smic", sampling="interpolate", frames=24)
    metadata = {"dataset": "smic", "protocol": "loso", "reading": trained.reading}
    smic, samm = datasets.DATABASES["smic"], datasets.DATABASES["samm"]
    assert protocols.for_weights(None, "stcnn", smic, metadata) == trained
    assert protocols.for_weights("loso", "stcnn", samm, metadata) == protocols.get("loso", "stcnn", samm)
    assert protocols.for_weights(None, "stcnn", smic, {"protocol": ["x"]}).name == "upstream"
    with pytest.raises(MicroExpError, match="goes only with loso: take --protocol loso"):
        protocols.for_weights("upstream", "stcnn", smic, metadata)
    for wrong in (3, {}, trained.reading | {"frames": 10**9}, trained.reading | {"size": True}, {"x": 1}):
        with pytest.raises(MicroExpError, match="do not say how clips are read"):
            protocols.for_weights(None, "stcnn", smic, metadata | {"reading": wrong})


def test_protocols_are_printed_side_by_side(capsys):
    assert main(["upstream/intermediate", "upstream/late/casme2", "--dataset", "smic"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0] == "|  | upstream | upstream |" and "| eyes_trained_on | mouth | eyes |" in table
    assert "| swapped_colours | no | yes |" in table and not any("probability_floor" in row for row in table)
    assert main(["glorot", "--model", "late"]) == 0
    assert "probability_floor" in capsys.readouterr().out  # a single one is printed whole
    assert main([]) == 0
    listed = capsys.readouterr().out
    assert all(f"| {name} |" in listed for name in protocols.NAMES) and len({*protocols.NAMES}) == 6
    for wrong in ("upstrem", "glorot", "upstream/late/casme2/x"):
        assert main([wrong]) == 2
        assert "error: " in capsys.readouterr().err


def generated_tables():
    """Tables in the documents that a comment above them says how to make: the document, the arguments, the table."""
    root = Path(__file__).parents[2]
    for path in (root / "README.md", *sorted((root / "docs").glob("*.md"))):
        said = path.read_text(encoding="utf-8")
        for found in re.finditer(r"<!-- python -m microexp_keras\.protocols (.*?) -->\n\n((?:\|.*\n)+)", said):
            yield pytest.param(found[1], found[2], id=f"{path.name} {found[1][:40]}")


@pytest.mark.parametrize(("arguments", "table"), list(generated_tables()))
def test_the_documents_show_the_protocols_as_they_are(arguments, table, capsys):
    assert main(arguments.split()) == 0
    assert capsys.readouterr().out == table


def test_the_account_and_the_page_on_scores_have_such_tables():
    assert {one.id.split()[0] for one in generated_tables()} == {"REPRODUCTION.md", "honest-scores.md"}


# ---------------------------------------------------------------------------------------------- settings


def test_settings_come_back_from_json_and_change_the_protocol_they_name():
    settings = Settings.of(protocols.get("paper"), data="clips", seed=3, options={"camera": "HS"}, epochs=3)
    assert Settings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    other = Settings.of(protocols.get("paper"), data="clips", seed=3, options={"camera": "HS"}, batch_size=4)
    assert settings.changed(other) == {"epochs": (3, 100), "batch_size": (8, 4)}
    assert (settings.protocol.epochs, settings.protocol.batch_size) == (3, 8)
    assert settings.published_protocol == protocols.get("paper")
    assert {one.patience for one in protocols.ALL} == {None}  # none stops early of itself
    assert Settings.of(protocols.get("loso"), data="clips", patience=5).protocol.patience == 5
    said = r"3x3x30 is too large for 18 frames of 64x64 pixels\. Take at most 62x62x16"
    with pytest.raises(MicroExpError, match=said):
        Settings.of(protocols.get("paper"), data="clips", kernel_size=(3, 3, 30))


def test_no_setting_may_be_missing_or_of_another_type():
    record = json.dumps(Settings.of(protocols.get("paper"), data="clips").to_json())
    wrong = {"epochs": "5", "patience": "5", "data": 3, "options": [], "seed": None}
    for part, names in json.loads(record).items():
        for name in names:
            changed = json.loads(record)
            del changed[part][name]
            with pytest.raises(KeyError):
                Settings.from_json(changed)
            if name in wrong:
                changed[part][name] = wrong[name]
                with pytest.raises(TypeError, match=name):
                    Settings.from_json(changed)


@pytest.mark.parametrize(
    ("model", "protocol", "said"),
    [
        ("stcnn", "upstream", "--patience: does not go with upstream"),
        ("stcnn", "paper", "--patience: does not go with paper"),
        ("3d-fcnn", "published", "--patience: does not go with published"),
        ("lbp-top", "loso", "--patience: means nothing to --model lbp-top"),
        ("late", "loso-glorot", None),
        ("3d-fcnn", "loso", None),
    ],
)
def test_what_is_as_published_does_not_stop_early(model, protocol, said, tmp_path, capsys):
    line = ["--dataset", "smic", "--data", str(tmp_path), "--patience", "5", "--out", str(tmp_path / "out")]
    for command, plural in ((train, ""), (reproduce, "s")):
        tables = ["--tables", "V"] * (command is reproduce)
        assert command.main([*line, f"--model{plural}", model, f"--protocol{plural}", protocol, *tables]) == 2
        error = capsys.readouterr().err  # of several methods the option is for those that take it
        if said and (command is train or model != "lbp-top"):
            assert said in error
        else:
            assert "--patience" not in error and "no clips" in error
    assert not (tmp_path / "out").exists()
