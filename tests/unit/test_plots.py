"""Every figure is a PNG and an SVG with its text, the same for the same input, also in the odd cases."""

import xml.etree.ElementTree as ElementTree

import cv2
import matplotlib
import numpy as np
import pytest

from microexp_keras import metrics
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks import preview
from microexp_keras.results import plots, sheets

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


def row(label="MicroExpSTCNN", value=0.6875, interval=(0.51, 0.82), published=0.6875, majority=0.594, group=None):
    return {
        "label": label, "value": value, "interval": interval, "published": published, "majority": majority,
        "group": group,
    }  # fmt: skip


ROWS = [row(group="SMIC"), row("Late MicroExpFuseNet", group="SMIC"), row(value=1.0, interval=None, group="CAS(ME)^2")]

FIGURES = {
    "curves": (
        lambda path: plots.curves(HISTORY, path, 7, 0.594, "on synthetic SMIC"),
        ["best epoch (7)", "majority-class baseline (59.4%)", "on synthetic SMIC"],
    ),
    "curves of one epoch": (lambda path: plots.curves(HISTORY[:1], path), ["validation"]),
    "curves of folds": (
        lambda path: plots.curves(HISTORY, path, folds=[HISTORY, HISTORY[:4]]),
        ["single folds", "validation"],
    ),
    "roc": (
        lambda path: plots.roc(TRUE, PROBABILITIES, ("a", "b", "c"), path, "on synthetic SMIC"),
        ["c: undefined, 0 of 40 clips", "false positive rate", "chance: area 0.5"],
    ),
    "calibration": (
        lambda path: plots.calibration(TRUE, PROBABILITIES, path),
        ["probability of the predicted class", "with Wilson 95 % interval"],
    ),
    "confusion matrix": (
        lambda path: plots.confusion_matrix(SCORES, path, "on synthetic SMIC"),
        ["predicted", "a class with a long name", "50%", "on synthetic SMIC"],
    ),
    "accuracies": (
        lambda path: plots.accuracies(ROWS, path, "Here and there"),
        ["68.8% (51% to 82%)", "100.0%", "Late MicroExpFuseNet", "CAS(ME)^2", "published", "Here and there"],
    ),
    "one bare accuracy": (
        lambda path: plots.accuracies([row(interval=None, published=None, majority=None)], path),
        ["68.8%", "accuracy", "ours"],
    ),
    "saliency sheet": (
        lambda path: sheets.saliency_sheet(CLIPS, MARKS, MARKS * 0.5, path, TITLES, 5, "Saliency"),
        [*TITLES, "Saliency", "overlay", "heat map", "16", "frame (counted from 0)"],
    ),
    "saliency sheet of one clip without a mark": (
        lambda path: sheets.saliency_sheet(CLIPS[:1], MARKS[:1] & False, MARKS[:1] * 0.0, path, TITLES[:1]),
        ["saliency"],
    ),
}


@pytest.mark.filterwarnings("error")  # of matplotlib: text that does not fit
@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_a_png_and_an_svg_with_its_text_the_same_whatever_a_matplotlibrc_says(name, tmp_path):
    draw, texts = FIGURES[name]
    assert draw(tmp_path / "figure.png") == tmp_path / "figure.png"
    with matplotlib.rc_context({"text.usetex": True, "font.size": 30, "axes.facecolor": "black"}):
        draw(tmp_path / "again.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.png", "again.svg", "figure.png", "figure.svg"]
    for suffix in (".png", ".svg"):
        assert (tmp_path / f"figure{suffix}").read_bytes() == (tmp_path / f"again{suffix}").read_bytes()
    assert cv2.imread(str(tmp_path / "figure.png")).std() > 5
    svg = ElementTree.parse(tmp_path / "figure.svg").getroot()
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    written = [text.strip() for text in svg.itertext()]
    assert [text for text in texts if text not in written] == []


def test_marks_lie_where_the_saliency_is(tmp_path):
    clips, marks = np.full((1, 64, 64, 1), 128, np.uint8), np.zeros((1, 64, 64, 1), bool)
    marks[0, :32, 48:] = True
    seen = cv2.imread(str(sheets.saliency_sheet(clips, marks, 0.0 * marks, tmp_path / "sheet.png", ["a clip"]))).astype(
        int
    )
    coloured = np.argwhere(seen[..., 2] - seen[..., 0] > 60)  # orange: much red, little blue
    tall, wide = np.ptp(coloured, axis=0) + 1
    assert (abs(tall - 64) <= 2, abs(wide - 32) <= 2) == (True, True) and len(coloured) > 0.95 * 64 * 32


def test_a_heat_map_is_warm_where_the_saliency_is(tmp_path):
    clips, strengths = np.full((1, 64, 64, 1), 128, np.uint8), np.zeros((1, 64, 64, 1))
    strengths[0, 8:24, 40:56] = 1
    path = sheets.saliency_sheet(clips, strengths < 0, strengths, tmp_path / "sheet.png", ["a clip"])
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
    few = plots.timeline(times[:20], noise[:20], ["a", "b", "c"], tmp_path / "few.png")
    assert "mean over" not in few.with_suffix(".svg").read_text()


def test_what_cannot_be_drawn_is_said(tmp_path):
    path = tmp_path / "figure.png"
    with pytest.raises(MicroExpError, match="there are no rows to draw"):
        plots.accuracies([], path)
    for maps, titles in ((MARKS, ["one"]), (MARKS.astype(float), TITLES), (MARKS[:1], TITLES)):
        with pytest.raises(MicroExpError, match="bool maps, strengths and titles of 3 clips are needed"):
            sheets.saliency_sheet(CLIPS, maps, MARKS * 0.5, path, titles)
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
