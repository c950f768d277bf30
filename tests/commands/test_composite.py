"""Three databases in one table: everybody is left out once, and each database is scored by itself too."""

import json

import pytest
from helpers import microexp, read_json, read_rows

from microexp_keras import datasets, metrics

pytestmark = pytest.mark.slow

DATABASES = {"CASME II": 6, "SAMM": 6, "SMIC": 9}


@pytest.fixture(scope="module")
def composite(three_people, tmp_path_factory):
    root = tmp_path_factory.mktemp("composite")
    datasets.synthesize("casmeii", root / "two", clips=(2, 2, 2), progress=False)
    datasets.synthesize("samm", root / "samm", clips=(2, 2, 2), progress=False)
    microexp(f"datasets table {three_people} {root}/two {root}/samm --out {root}/composite.csv")
    return root / "composite.csv"


@pytest.fixture(scope="module")
def run(composite):
    folder = composite.parent / "run"
    line = f"train --data {composite} --model lbp-top --protocol loso --sampling interpolate"
    microexp(f"{line} --keep-weights --jobs 1 --out {folder}")
    return folder


def positions(part):
    """Positions of clips in config.json, written as `0-2, 7`."""
    spans = [span.split("-") for span in part["positions"].split(", ")]
    found = [place for first, *last in spans for place in range(int(first), int(*last or [first]) + 1)]
    assert len(found) == part["clips"]
    return found


def test_nobody_is_on_both_sides(composite, run):
    clips = {clip.id: clip for clip in datasets.find_clips(composite, datasets.own_database(composite))}
    config = read_json(run / "config.json")
    names, folds = config["data"]["names"], config["folds"]
    scored = [names[place] for fold in folds for place in positions(fold["test"])]
    assert sorted(scored) == sorted(clips) and len(clips) == sum(DATABASES.values())
    for fold in folds:
        known, new = (
            {(clips[names[place]].database, clips[names[place]].subject) for place in positions(fold[part])}
            for part in ("train", "test")
        )
        assert len(new) == 1 and known and not known & new
    assert len(folds) == len({(clip.database, clip.subject) for clip in clips.values()})
    assert {"CASME II sub01", "SAMM 001", "SMIC s01"} <= {clip.subject for clip in clips.values()}


def test_scores_are_pooled_and_each_database_has_its_own(run):
    scores, rows = read_json(run / "scores.json"), read_rows(run / "predictions.csv")
    names = scores["class_names"]
    assert scores["clips"] == len(rows) == sum(DATABASES.values())
    assert {name: own["clips"] for name, own in scores["databases"].items()} == DATABASES
    whole = metrics.score([row["true"] for row in rows], [row["predicted"] for row in rows], names)
    assert (scores["uf1"], scores["uar"]) == (whole.uf1, whole.uar)
    for name, own in scores["databases"].items():
        theirs = [row for row in rows if row["subject"].startswith(f"{name} ")]
        alone = metrics.score([row["true"] for row in theirs], [row["predicted"] for row in theirs], names)
        assert own == json.loads(json.dumps({**alone.as_json(), "subjects": own["subjects"]}))
        assert own["subjects"] == len({row["subject"] for row in theirs})
    report, page = ((run / name).read_text(encoding="utf-8") for name in ("report.txt", "report.html"))
    for name, own in scores["databases"].items():
        [line] = [line for line in report.splitlines() if line.startswith(f"{name} ") and "% to " in line]
        assert f"{own['accuracy']:.2%}" in line and f"{own['uf1']:.4f}" in line
    assert "Each database" in page


def test_an_evaluation_scores_each_database_too(composite, run, tmp_path):
    file = next((run / "fold-01").glob("*.h5"))
    microexp(f"evaluate --weights {file} --data {composite} --clips all --out {tmp_path}/scored")
    scores = read_json(tmp_path / "scored" / "scores.json")
    assert {name: own["clips"] for name, own in scores["databases"].items()} == DATABASES
