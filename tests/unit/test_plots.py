"""Every figure is a PNG and an SVG with its text, the same for the same input, also in the odd cases."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import cv2
import numpy as np
import pytest

from microexp_keras import metrics
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks import preview
from microexp_keras.models.saliency import RegionShare
from microexp_keras.results import plots, plots_over_time, sheets

HISTORY = [
    {"epoch": epoch, "loss": 2.0 - epoch / 10, "accuracy": epoch / 20, "val_loss": 2.0, "val_accuracy": epoch / 10}
    for epoch in range(8)
]
SCORES = metrics.score([0, 0, 1, 2], [0, 1, 1, 0], ("a class with a long name", "positive", "surprise"))
CLIPS = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 18), np.uint8)
MARKS = np.random.default_rng(1).random(CLIPS.shape) < 0.05
TITLES = ("s1_ne_01", "s1_po_01", "a clip with a long name and more to say of it")
TRUE = np.arange(40) % 2
PROBABILITIES = np.random.default_rng(2).dirichlet([1, 1, 1], 40).astype(np.float32)
SHARES = {name: RegionShare(np.array([0.2, 0.5]), np.array([0.3, 0.3])) for name in ("eyes", "mouth", "rest")}


def row(label="MicroExpSTCNN", value=0.6875, interval=(0.51, 0.82), published=0.6875, majority=0.594, group=None):
    return {
        "label": label, "value": value, "interval": interval, "published": published, "majority": majority,
        "group": group,
    }  # fmt: skip


ROWS = [row(group="SMIC"), row("Late MicroExpFuseNet", group="SMIC"), row(value=1.0, interval=None, group="CAS(ME)^2")]

FIGURES = {
    "curves": (
        lambda path: plots.curves(HISTORY, path, 7, 0.594, "on synthetic SMIC"),
        ["best epoch (7)", "majority class (59.4%)", "on synthetic SMIC"],
    ),
    "curves of one epoch": (lambda path: plots.curves(HISTORY[:1], path), ["clips that choose the epoch"]),
    "curves of folds": (
        lambda path: plots.curves(HISTORY, path, folds=[HISTORY, HISTORY[:4]]),
        ["a fold each", "clips that choose the epoch"],
    ),
    "roc": (
        lambda path: plots.roc(TRUE, PROBABILITIES, ("a", "b", "c"), path, "on synthetic SMIC"),
        ["c: undefined, 0 of 40 clips", "false positive rate", "guessing: area 0.5"],
    ),
    "calibration": (
        lambda path: plots.calibration(TRUE, PROBABILITIES, path),
        ["probability of the called class", "with Wilson 95 % interval"],
    ),
    "confusion matrix": (
        lambda path: plots.confusion_matrix(SCORES, path, "on synthetic SMIC"),
        ["predicted", "a class with a long name", "50%", "on synthetic SMIC"],
    ),
    "accuracies": (
        lambda path: plots.accuracies(ROWS, path, "Here and there", "UAR"),
        ["68.8% (51% to 82%)", "100.0%", "Late MicroExpFuseNet", "CAS(ME)^2", "published", "UAR", "Here and there"],
    ),
    "one bare accuracy": (
        lambda path: plots.accuracies([row(interval=None, published=None, majority=None)], path),
        ["68.8%", "accuracy", "found here"],
    ),
    "twelve accuracies": (
        lambda path: plots.accuracies([row(f"network {n}", n / 12, (0, 1)) for n in range(12)], path),
        ["network 0", "network 11"],
    ),
    "shares": (lambda path: plots.shares(SHARES, path, "Saliency"), ["eyes", "rest", "share of the pixels"]),
    "shares of one clip without saliency": (
        lambda path: plots.shares({"eyes": RegionShare(np.array([np.nan]), np.array([0.3]))}, path),
        ["eyes", "share of the pixels"],
    ),
    "contact sheet": (
        lambda path: plots.contact_sheet(CLIPS, path, TITLES, title="Synthetic SMIC"),
        [*TITLES, "Synthetic SMIC", "16"],
    ),
    "contact sheet of an even clip of three frames": (
        lambda path: plots.contact_sheet(np.full((1, 16, 16, 3), 0.5, np.float32), path, TITLES[2:]),
        [TITLES[2], "0", "1", "2"],
    ),
    "saliency sheet": (
        lambda path: plots.saliency_sheet(CLIPS, MARKS, path, TITLES, 5, "Saliency"),
        [*TITLES, "Saliency", "overlay", "frame (counted from 0)"],
    ),
    "saliency sheet with a heat map": (
        lambda path: plots.saliency_sheet(CLIPS, MARKS, path, TITLES, 5, "Saliency", MARKS * 0.5),
        [*TITLES, "overlay", "heat map"],
    ),
    "saliency sheet of one clip without a mark": (
        lambda path: plots.saliency_sheet(CLIPS[:1], MARKS[:1] & False, path, TITLES[:1]),
        ["saliency"],
    ),
}


@pytest.mark.filterwarnings("error")  # of matplotlib: text that does not fit
@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_a_png_and_an_svg_with_its_text_the_same_every_time(name, tmp_path):
    draw, texts = FIGURES[name]
    assert draw(tmp_path / "figure.png") == tmp_path / "figure.png"
    draw(tmp_path / "again.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.png", "again.svg", "figure.png", "figure.svg"]
    for suffix in (".png", ".svg"):
        assert (tmp_path / f"figure{suffix}").read_bytes() == (tmp_path / f"again{suffix}").read_bytes()
    assert cv2.imread(str(tmp_path / "figure.png")).std() > 5
    svg = ElementTree.parse(tmp_path / "figure.svg").getroot()
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    written = [text.strip() for text in svg.itertext()]
    assert [text for text in texts if text not in written] == []


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(tmp_path):
    command = "import sys; sys.path.insert(0, sys.argv[1]); import test_plots as t; from pathlib import Path\n"
    command += "for name in ('accuracies', 'saliency sheet'): t.FIGURES[name][0](Path(sys.argv[2], name + '.png'))"
    for name in ("accuracies", "saliency sheet"):
        FIGURES[name][0](tmp_path / f"{name}.png")
    here = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    subprocess.run([sys.executable, "-c", command, __file__.rpartition("/")[0], str(tmp_path)], check=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == here and len(here) == 4


def test_a_sheet_shows_the_pixels_of_the_chosen_frames(tmp_path):
    clips = np.arange(18, dtype=np.uint8) * np.full((1, 64, 64, 1), 10, np.uint8)  # each frame of one level of its own
    seen = cv2.imread(str(plots.contact_sheet(clips, tmp_path / "sheet.png", ["a clip"])), cv2.IMREAD_GRAYSCALE)
    levels, counts = np.unique(seen, return_counts=True)
    whole = {int(level): int(count) for level, count in zip(levels, counts, strict=True) if count >= 128 * 128}
    assert list(whole) == [10, 30, 60, 90, 110, 140, 160, 255]  # frames 1, 3, 6, 9, 11, 14, 16, and paper
    assert all(whole[level] < 1.05 * 128 * 128 for level in list(whole)[:-1])  # twice as large each way


def test_marks_lie_where_the_saliency_is(tmp_path):
    clips, marks = np.full((1, 64, 64, 1), 128, np.uint8), np.zeros((1, 64, 64, 1), bool)
    marks[0, :32, 48:] = True
    seen = cv2.imread(str(plots.saliency_sheet(clips, marks, tmp_path / "sheet.png", ["a clip"]))).astype(int)
    coloured = np.argwhere(seen[..., 2] - seen[..., 0] > 60)  # orange: much red, little blue
    tall, wide = np.ptp(coloured, axis=0) + 1
    assert (abs(tall - 64) <= 2, abs(wide - 32) <= 2) == (True, True) and len(coloured) > 0.95 * 64 * 32


def test_a_heat_map_is_warm_where_the_saliency_is(tmp_path):
    clips, strengths = np.full((1, 64, 64, 1), 128, np.uint8), np.zeros((1, 64, 64, 1))
    strengths[0, 8:24, 40:56] = 1
    path = plots.saliency_sheet(clips, strengths < 0, tmp_path / "sheet.png", ["a clip"], strengths=strengths)
    seen = cv2.imread(str(path)).astype(int)
    warm = np.argwhere(seen[..., 2] - seen[..., 0] > 60)
    assert 16 * 16 * 3 < len(warm) < 24 * 24 * 5 and np.ptp(warm[:, 0]) < 60  # enlarged twice


def test_clips_to_show_are_of_every_class_wrong_ones_first():
    true, predicted = np.array([0] * 20 + [1, 1, 2, 2]), np.array([0] * 20 + [1, 0, 2, 2])
    chosen = sheets.some_of_every_class(true, predicted, 4)
    assert set(true[chosen]) == {0, 1, 2} and len(set(chosen)) == 4 and chosen[0] == 21
    assert len(sheets.some_of_every_class(true, predicted, 2)) == 3
    assert sheets.some_of_every_class(true[:1], predicted[:1], 4).tolist() == [0]


def test_a_timeline_of_many_windows_shows_means(tmp_path):
    noise = np.random.default_rng(0).dirichlet([1, 1, 1], 833)
    noise[100:120] = np.nan
    times = 0.24 * np.arange(833)[:, None] + [0, 0.72]
    path = plots.timeline(times, noise, ["a", "b", "c"], tmp_path / "timeline.png")
    assert "mean over 3.1 s" in path.with_suffix(".svg").read_text()
    means = plots_over_time._moving_mean(noise, 13)
    assert np.isnan(means[100:120]).all() and not np.isnan(means[:100]).any()
    assert means[50] == pytest.approx(noise[44:57].mean(axis=0)) and means[99].sum() == pytest.approx(1)
    few = plots.timeline(times[:20], noise[:20], ["a", "b", "c"], tmp_path / "few.png")
    assert "mean over" not in few.with_suffix(".svg").read_text()


def test_what_cannot_be_drawn_is_said(tmp_path):
    path = tmp_path / "figure.png"
    with pytest.raises(MicroExpError, match="expected at least one row to draw, found none"):
        plots.accuracies([], path)
    with pytest.raises(MicroExpError, match="expected clips and a title for each, found 3 and 1"):
        plots.contact_sheet(CLIPS, path, ["one"])
    with pytest.raises(MicroExpError, match="expected clips and a title for each, found 0 and 0"):
        plots.contact_sheet(CLIPS[:0], path, [])
    for maps in (MARKS.astype(float), MARKS[:1]):
        with pytest.raises(MicroExpError, match=r"maps: expected bool \(3, 16, 16, 18\), as saliency.binarize gives"):
            plots.saliency_sheet(CLIPS, maps, path, TITLES)
    assert not list(tmp_path.iterdir())


def test_the_area_and_the_numbers_of_clips_are_those_of_the_probabilities(tmp_path):
    true, sure = np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.65, 0.35], [0.7, 0.3], [0.1, 0.9]])
    said = plots.roc(true, sure, ("a", "b"), tmp_path / "roc.png").with_suffix(".svg").read_text()
    assert "a (2 clips): area 0.750" in said and "b (2 clips): area 0.750" in said
    said = plots.calibration(true, sure, tmp_path / "calibration.png").with_suffix(".svg").read_text()
    assert said.count(">2</text>") == 2  # 0.65 and 0.7; 0.9 twice


def test_a_name_is_no_formula_in_a_figure(tmp_path):
    """`$` begins one for matplotlib, which fails on `$_$`."""
    title = "film $_$ \\frac{ \x1b[31m \udce9"
    times, probabilities = np.array([[0, 1], [1, 2]]), np.array([[0.2, 0.3, 0.5]] * 2)
    plots.timeline(times, probabilities, ["a", "b", "c"], tmp_path / "x.png", title, "caption $_$")
    svg = (tmp_path / "x.svg").read_text()
    assert "film $_$" in svg and "caption $_$" in svg and "\x1b" not in svg
    tile = preview.Tile("clip $_$, frame 1", np.zeros((8, 8, 3), np.uint8), np.zeros((0, 2), np.int32), None)
    preview.draw_sheet([tile], title, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 1000
