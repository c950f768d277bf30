"""A run's page holds what a person must see, is complete in itself and believes nothing that it is told."""

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from microexp_keras import evaluate, protocols
from microexp_keras.errors import Issue, warning
from microexp_keras.preprocessing import Samples
from microexp_keras.results.page import Report, Section, Table
from microexp_keras.results.predictions import Predictions
from microexp_keras.results.scores import write
from microexp_keras.runs import Settings
from microexp_keras.runs.report import report
from microexp_keras.runs.run import Run, train_fold
from microexp_keras.text import number

VOID = {"meta", "img"}
HOSTILE = "<img src=x onerror=alert(1)>&\"'$\\alpha</td>\u00e9\udcff"
"""What a file name may hold on Linux, all of it: tags, entities, quotes, a formula, bytes that are no text."""


class Page(HTMLParser):
    """What a browser makes of a page, as far as these tests ask: text, elements; unbalanced tags are errors."""

    def __init__(self, path):
        super().__init__()
        self.open, self.elements, self.text = [], [], ""
        self.feed(path.read_text(encoding="utf-8", errors="surrogateescape"))
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text = " ".join([*self.text.split(), *data.split()])

    def attributes(self, tag, name):
        return [attributes[name] for element, attributes in self.elements if element == tag and name in attributes]

    def banners(self):
        return [one for one in self.attributes("p", "class") if one.startswith("banner")]


pytestmark = pytest.mark.slow  # every page is of a real run


REPORTS = {}
"""By the folder of a run: the run, and what came of it."""


def train(folder, protocol, people=4, synthetic=False, names=None, **settings):
    """Train for an epoch on noise; give the folder of the run."""
    labels = np.array([0, 1, 2] * people)
    places, subjects = np.arange(len(labels)), [f"s{clip // 3:02d}" for clip in range(len(labels))]
    size, random = (len(labels), protocol.size, protocol.size, 18), np.random.default_rng(0)
    stacks = {name: random.integers(0, 256, size, np.uint8) for name in protocol.inputs}
    names = names or [f"clip{place}" for place in places]
    samples = Samples(names, subjects, labels, stacks, places, np.zeros(len(labels), bool), synthetic)
    run = Run.of(folder, Settings.of(replace(protocol, epochs=1), data="nowhere", **settings), samples)
    run.write_config()
    for place in range(len(run.folds)):
        train_fold(run, place, progress=False)
    REPORTS[folder] = run, report(run)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def one_fold(folder):
    return train(folder / "one", protocols.get("paper"), names=[f"clip{place} {HOSTILE}" for place in range(12)])


@pytest.fixture(scope="module")
def several_folds(folder):
    return train(folder / "several", protocols.get("loso"), people=3, synthetic=True)


@pytest.fixture(scope="module")
def fused(folder):
    return train(folder / "fused", protocols.get("paper", "late"))


@pytest.fixture(params=["one_fold", "several_folds", "fused"])
def run(request):
    """Each of the runs in turn."""
    return request.getfixturevalue(request.param)


def rewritten(folder, place, predictions, settings=(), notes=(), **changes):
    """The page of a copy of a run whose predictions, notes, settings or records of folds are others."""
    run, found = REPORTS[folder]
    shutil.copytree(folder, place)
    config = json.loads((folder / "config.json").read_text())
    config["settings"] |= dict(settings)
    more = {name: found.scores[name] for name in ("folds", "held_out", "chosen_on_scored", "ten_epochs")} | changes
    write(place, run.title, notes, predictions, config, run.protocol, **more)
    return Page(place / "report.html")


def half_right(majority):
    """Predictions for a hundred clips, every other one correct, of which so many are of the first class."""
    true = np.repeat([0, 1, 2], [majority, 50 - majority // 2, 50 - (majority + 1) // 2])
    predicted = np.where(np.arange(100) % 2, true, (true + 1) % 3)
    probabilities = np.eye(3)[predicted] * (0.5 + np.arange(100)[:, None] / 1000) + 0.1
    names, clips = ("negative", "positive", "surprise"), [f"c{place}" for place in range(100)]
    rest = {"true": true, "probabilities": probabilities, "folds": [1] * 100, "method": "stcnn"}
    return Predictions(class_names=names, clips=clips, subjects=["s1"] * 100, **rest)


def test_a_class_may_be_named_as_a_column_of_the_table(one_fold, tmp_path):
    names = ("recall", "F1", "true / predicted")
    rewritten(one_fold, tmp_path / "page", replace(half_right(majority=60), class_names=names))
    [table] = re.findall("\ntrue / predicted.*(?:\n.*){3}", (tmp_path / "page" / "report.txt").read_text())
    head, *rows = table.strip().split("\n")
    assert re.split("  +", head) == ["true / predicted", *names, "recall", "precision", "F1"]
    assert [row.split()[-6:-3] for row in rows] == [["30", "30", "0"], ["0", "10", "10"], ["10", "0", "10"]]


def test_a_page_is_complete_in_itself_small_and_the_same_for_the_same_run(run):
    page, text = Page(run / "report.html"), (run / "report.html").read_bytes()
    assert len(text) < 2e6
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.elements}
    sources, alts = page.attributes("img", "src"), page.attributes("img", "alt")
    assert len(sources) >= 3 and all(re.match("data:image/(png|svg[+]xml);base64,", one) for one in sources)
    assert all(alts) and any("ROC" in alt for alt in alts)
    assert any("probability of the predicted" in alt for alt in alts)
    assert all((run / link).is_file() for link in page.attributes("a", "href"))
    [style] = re.findall(b"<style>(.*?)</style>", text, re.DOTALL)
    assert b"url(" not in style and b"@import" not in style
    assert b"@media (max-width:" in style and b"prefers-color-scheme: dark" in style
    report(REPORTS[run][0])
    assert (run / "report.html").read_bytes() == text


def test_a_page_says_what_the_report_says(run):
    page, scores = Page(run / "report.html"), REPORTS[run][1].scores
    assert scores == json.loads((run / "scores.json").read_text())
    said = f"accuracy {scores['accuracy']:.2%} {scores['correct']}/{scores['clips']}; Wilson 95 % interval"
    assert said in page.text and f"{scores['majority_rate']:.1%}; over subjects" in page.text
    report = (run / "report.txt").read_text(errors="replace")
    over = scores["intervals_over_subjects"]
    for key in ("accuracy", "uf1", "uar"):
        interval = "undefined" if over[key][0] is None else "{:.3f} to {:.3f}".format(*over[key])
        interval = "n/a" if key in over["zero_width"] else interval
        value = f"{scores[key]:.2%}" if key == "accuracy" else number(scores[key])
        assert all(re.search(f"(?i){key} +{value} .*?over subjects {interval}", text) for text in (page.text, report))
    for note in scores["notes"]:
        assert note.replace(" ", "") in page.text.replace(" ", "")  # its first word is set apart
    predicted = [sum(column) for column in zip(*scores["confusion"], strict=True)]
    for label, name in enumerate(scores["class_names"]):
        counts = scores["confusion"][label]
        precision = f"{counts[label] / predicted[label]:.3f}" if predicted[label] else "undefined"
        assert re.search(rf"{name} {' '.join(map(str, counts))} (?:[.\d]+|undefined) {precision} ", page.text)
    assert re.search(r"Subjects \d+ subjects subject clips correct accuracy s\d\d \d+ \d \d+% ", page.text)
    config = json.loads((run / "config.json").read_text())
    for said in (config["command"], config["data"]["fingerprint"], config["versions"]["keras"], "seed 0"):
        assert said in page.text


def test_names_of_clips_are_text_and_nothing_else(one_fold):
    page = Page(one_fold / "report.html")
    wrong = json.loads((one_fold / "scores.json").read_text())
    assert wrong["correct"] < wrong["clips"] and HOSTILE in page.text
    assert not page.attributes("img", "onerror") and "x" not in page.attributes("img", "src")
    assert sum(HOSTILE in alt for alt in page.attributes("img", "alt")) == 1  # of the saliency


def test_what_went_wrong_is_said_at_the_top(one_fold, tmp_path):
    notes = [
        Issue("info", "Protocol paper"),
        *(Issue(one, f"{one.upper()}: <b>") for one in ("not learned", "diverged", "collapsed")),
    ]
    page = rewritten(one_fold, tmp_path / "bad", half_right(40), notes=notes)
    assert len(page.banners()) == 3 and page.text.index("DIVERGED") < page.text.index("The majority-class baseline")
    assert "50 of 100 clips" in page.text and "20 more are not shown" in page.text  # of wrong predictions
    assert "c98 s1" in page.text and "c40 s1" in page.text and "c38 s1" not in page.text
    for majority, where in ((34, "below"), (50, "within"), (90, "above")):
        page = rewritten(one_fold, tmp_path / where, half_right(majority), notes=notes[:1])
        assert f"lies {where} the interval of the accuracy" in page.text and not page.banners()


def test_folds_and_new_people(one_fold, several_folds, tmp_path):
    page, scores = Page(several_folds / "report.html"), json.loads((several_folds / "scores.json").read_text())
    folds = re.search("Folds(.*)Protocol Settings", page.text).group(1)
    found = re.findall(r"(\d) s0(\d) \d 3 3 (\d) 0", folds)
    assert [(fold, subject) for fold, subject, _ in found] == [("1", "0"), ("2", "1"), ("3", "2")]
    assert sum(int(right) for *_, right in found) == scores["correct"]
    assert "No test subject was seen in training" in page.text
    text = rewritten(several_folds, tmp_path / "started", half_right(40), settings={"weights": "known.h5"}).text
    assert "No test subject" not in text and "initial weights may have been trained on test subjects" in text
    other = Page(one_fold / "report.html").text
    assert "Training and test may share subjects" in other and "Folds" not in other


def test_settings_stand_beside_those_of_the_original_and_of_unseen_people(one_fold, several_folds):
    page = Page(one_fold / "report.html")
    text = page.text
    assert "this run: paper upstream loso" in text and "batch_size 8 16 8" in text and "68.75%" in text
    assert text.index("Settings that differ") < text.index("epochs 1 100 100")
    assert "this run: loso upstream loso" in Page(several_folds / "report.html").text
    assert page.attributes("td", "class").count("differs") > 3
    assert "eyes_trained_on" not in text  # which is the same in all


def test_saliency_is_of_every_input_or_the_reason_is_said(one_fold, several_folds, fused, tmp_path):
    assert [path.name for path in sorted(fused.glob("saliency_*.png"))] == ["saliency_eyes.png", "saliency_mouth.png"]
    alts = [alt for alt in Page(fused / "report.html").attributes("img", "alt") if alt.startswith("Saliency")]
    assert [alt[:14] for alt in alts] == ["Saliency, eyes", "Saliency, mout"]
    assert len(list(several_folds.rglob("saliency_*.png"))) == 1  # of the first fold
    folds = json.loads((one_fold / "scores.json").read_text())["folds"]
    folds[0]["saliency"] = {"sheets": [], "missing": "no <gradients>"}
    assert "Not drawn: no <gradients>" in rewritten(one_fold, tmp_path / "none", half_right(40), folds=folds).text


def test_synthetic_clips_and_faces_of_real_people_are_said_to_be_so_at_the_top(one_fold, several_folds, tmp_path):
    warning, score = "FACES of the clips are shown in report.html", "The majority-class baseline"
    synthetic, real = (Page(folder / "report.html") for folder in (several_folds, one_fold))
    assert "banner synthetic" in synthetic.banners() and "They are not comparable" in synthetic.text
    assert synthetic.text.index("SYNTHETIC") < synthetic.text.index(score) and "FACES" not in synthetic.text
    assert "banner synthetic" not in real.banners() and "synthetic" not in real.text.lower()
    assert real.text.index(warning) < real.text.index(score) and warning in (one_fold / "report.txt").read_text()
    without = train(tmp_path / "without", protocols.get("paper"), faces=False)
    page = Page(without / "report.html")
    assert "FACES" not in page.text and "Not drawn: the run was started with --no-faces" in page.text
    assert not list(without.glob("saliency*")) and not [one for one in page.attributes("img", "src") if "png" in one]


def test_an_evaluation_has_a_page_too(one_fold, small_smic, tmp_path):
    [weights] = one_fold.glob("weights-improvement-*")
    assert evaluate.main(["--weights", str(weights), "--data", str(small_smic), "--out", str(tmp_path / "out")]) == 0
    page = Page(tmp_path / "out" / "report.html")
    assert str(weights) in page.text and "How to repeat it" in page.text and "Training" not in page.text
    assert len(page.attributes("img", "src")) == 3 and "FACES" not in page.text
    assert "people" not in page.text.split("Caveats")[0]


def test_a_command_says_the_score_and_three_caveats_the_worst_first():
    notes = [Issue("info", "first"), warning("second"), Issue("info", "last"), Issue("collapsed", "COLLAPSED: third")]
    report = Report("A title", notes, "A verdict.", [Section("Part", tables=[Table(["a", "b"], [["x", "1"]])])])
    said = report.summary(Path("out")).splitlines()
    assert said[:5] == ["A title", "A verdict.", "* COLLAPSED: third", "* WARNING: second", "* last"]
    assert said[-1] == "1 more caveat and all numbers: out/report.txt. With figures: out/report.html"
    assert report.text().splitlines()[-3:] == ["PART", "a  b", "x  1"] and "* first" in report.text()
