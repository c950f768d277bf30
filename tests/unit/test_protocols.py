"""Protocols say what the programs and the paper say; the split is the one the paper's tables come from."""

import itertools
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from microexp_keras import datasets, preprocessing, protocols
from microexp_keras.errors import MicroExpError
from microexp_keras.models import METHODS
from microexp_keras.protocols import splits
from microexp_keras.protocols.__main__ import main


def test_the_papers_validation_set():
    labels = np.repeat([0, 1, 2], [66, 47, 43])
    [fold] = splits.random_fifth(labels, None)
    assert np.bincount(labels[fold.test]).tolist() == [19, 6, 7]  # Table VII's row sums
    assert np.bincount(labels[fold.train]).tolist() == [47, 41, 36]
    assert sorted([*fold.train, *fold.test]) == list(range(156))
    assert fold.validation is fold.test


def samples(subjects, clips=None, mislabelled=None):
    """What `remarks` looks at."""
    count = len(subjects)
    clips = np.arange(count) if clips is None else clips
    mislabelled = np.zeros(count, bool) if mislabelled is None else mislabelled
    return preprocessing.Samples([""] * count, subjects, clips, {"face": clips}, clips, mislabelled)


def test_what_makes_a_score_optimistic_is_computed():
    def remarks(train, validation, test):
        fold = splits.Fold(*(np.array(part, dtype=int) for part in (train, validation, test)))
        return " ".join(preprocessing.remarks(fold, samples(["s01", "s01", "s02", "s03"])))

    assert remarks([0, 1], [2], [3]) == ""
    assert "best epoch" in remarks([0, 1], [2, 3], [3]) and "subjects" not in remarks([0, 1], [2, 3], [3])
    assert "share 1 subject," in remarks([0, 2], [3], [1]) and "best epoch" not in remarks([0, 2], [3], [1])


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


@pytest.mark.parametrize("model", ["intermediate", "late"])
def test_glorot_is_the_paper_with_what_makes_it_learn(model):
    paper, glorot = (protocols.get(name, model).as_json() for name in ("paper", "glorot"))
    changed = {name: glorot[name] for name in paper if paper[name] != glorot[name]}
    assert set(changed) == {
        "name", "source", "batch_size", "conv_initializer", "probability_floor", "more_frames_than",
    }  # fmt: skip
    assert changed["conv_initializer"] == "glorot_uniform" and changed["batch_size"] == 16


@pytest.mark.parametrize(("model", "rate"), [("intermediate", 0.0002), ("late", 0.0004)])
def test_glorot_goes_slower_where_a_clip_is_longer(model, rate):
    short, long = (protocols.get("glorot", model, dataset).as_json() for dataset in ("smic", "casme2"))
    changed = {name for name in short if short[name] != long[name]}
    assert changed == {"dataset", "frames", "learning_rate", "momentum"}
    assert (short["learning_rate"], short["momentum"]) == (0.01, 0.0)
    assert (long["learning_rate"], long["momentum"]) == (rate, 0.9)
    honest = protocols.get("loso-glorot", model, "casme2")
    assert (honest.learning_rate, honest.unseen_subjects, honest.standardized_by) == (rate, True, "train")


@pytest.mark.parametrize("model", ["intermediate", "late"])
def test_glorots_rate_and_momentum_go_smoothly_with_the_length_of_own_clips(model):
    def settings(frames):
        own = replace(datasets.DATABASES["casmeii"], name="own", frames=frames)
        found = protocols.get("glorot", model, own)
        return found.learning_rate, found.momentum, found.learning_rate / (1 - found.momentum)

    assert settings(9) == settings(17) == settings(18) == (0.01, 0.0, 0.01)
    assert settings(96)[:2] == (protocols.get("glorot", model, "casme2").learning_rate, 0.9)
    every = [settings(frames) for frames in range(18, 241, 3)]
    for shorter, longer in itertools.pairwise(every):
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


def test_a_copy_of_a_training_clip_is_no_new_clip():
    fold = splits.Fold(np.array([0, 1, 2]), np.array([3, 4]), np.array([3, 4]))
    said = preprocessing.remarks(fold, samples([None] * 5, clips=np.array([0, 1, 2, 2, 3])))
    assert said[0] == "1 of the test clips are second copies of training clips."


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
    with pytest.raises(
        MicroExpError, match=r"there is no glorot for stcnn on CAS\(ME\)\^2. Take one of upstream, paper, loso"
    ):
        protocols.get("glorot", "stcnn", "casme2")


@pytest.mark.parametrize("dataset", ["smic", "casme2"])
@pytest.mark.parametrize("model", ["stcnn", "intermediate", "late"])
def test_loso_is_the_paper_under_other_rules(model, dataset):
    paper, loso = protocols.get("paper", model, dataset), protocols.get("loso", model, dataset)
    rows = protocols.side_by_side([paper, loso])
    assert rows[0] == ["", "paper", "loso"]
    rules = [["more_frames_than", "18", "no"]] if dataset == "smic" else []
    assert rows[1:-1] == [
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
