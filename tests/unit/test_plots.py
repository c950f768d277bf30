"""Every figure is a PNG and an SVG with its text, the same for the same input, also in the odd cases."""

import xml.etree.ElementTree as ElementTree

import cv2
import matplotlib
import numpy as np
import pytest

from microexp_keras import metrics
from microexp_keras.landmarks import preview
from microexp_keras.results import plots

HISTORY = [
    {"epoch": epoch, "loss": 2.0 - epoch / 10, "accuracy": epoch / 20, "val_loss": 2.0, "val_accuracy": epoch / 10}
    for epoch in range(8)
]
SCORES = metrics.score([0, 0, 1, 2], [0, 1, 1, 0], ("a class with a long name", "positive", "surprise"))
CLIPS = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 18), np.uint8)
MARKS = np.random.default_rng(1).random(CLIPS.shape) < 0.05
TITLES = ("s1_ne_01", "s1_po_01", "a clip with a long name and more to say of it")
TRUE, TIMES = np.arange(40) % 2, np.arange(40)[:, None] + [0, 3]
PROBABILITIES = np.random.default_rng(2).dirichlet([1, 1, 1], 40).astype(np.float32)


FIGURES = {
    "curves": (
        lambda path: plots.curves(HISTORY, path, 7, 0.594, "on synthetic SMIC"),
        ["best epoch (7)", "majority-class baseline (59.4%)", "on synthetic SMIC"],
    ),
    "curves of one epoch": (lambda path: plots.curves(HISTORY[:1], path), ["validation"]),
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
    "timeline with a gap": (
        lambda path: plots.timeline(TIMES, np.where(TIMES[:, :1] == 4, np.nan, PROBABILITIES), ("a", "b", "c"), path),
        ["a", "uniform", "no prediction (no face, or a cut)"],
    ),
    "saliency sheet": (
        lambda path: plots.saliency_sheet(CLIPS, MARKS, MARKS * 0.5, path, TITLES, 5, "Saliency"),
        [*TITLES, "Saliency", "overlay", "heat map", "16", "frame (counted from 0)"],
    ),
    "saliency sheet of one clip without a mark": (
        lambda path: plots.saliency_sheet(CLIPS[:1], MARKS[:1] & False, MARKS[:1] * 0.0, path, TITLES[:1]),
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


def test_marks_and_heat_lie_where_the_saliency_is(tmp_path):
    clips, strengths = np.full((1, 64, 64, 1), 128, np.uint8), np.zeros((1, 64, 64, 1))
    strengths[0, :32, 48:] = 1
    for marks, rows in ((strengths > 0, 2), (strengths < 0, 1)):  # overlay and heat map, the heat map alone
        path = plots.saliency_sheet(clips, marks, strengths, tmp_path / "sheet.png", ["a clip"])
        seen = cv2.imread(str(path)).astype(int)
        coloured = np.argwhere(seen[..., 2] - seen[..., 0] > 60)  # orange: much red, little blue
        frame = 0.9 * plots.DPI  # pixels of a frame, about
        assert 0.15 * frame < np.ptp(coloured[:, 1]) < 0.45 * frame
        assert 0.08 < len(coloured) / rows / frame**2 < 0.2  # an eighth of a frame is marked


def test_clips_to_show_are_of_every_class_wrong_ones_first():
    true, predicted = np.array([0] * 20 + [1, 1, 2, 2]), np.array([0] * 20 + [1, 0, 2, 2])
    chosen = plots.some_of_every_class(true, predicted, 4)
    assert set(true[chosen]) == {0, 1, 2} and len(set(chosen)) == 4 and chosen[0] == 21
    assert len(plots.some_of_every_class(true, predicted, 2)) == 3
    assert plots.some_of_every_class(true[:1], predicted[:1], 4).tolist() == [0]


def test_the_area_and_the_numbers_of_clips_are_those_of_the_probabilities(tmp_path):
    true, sure = np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.65, 0.35], [0.7, 0.3], [0.1, 0.9]])
    said = plots.roc(true, sure, ("a", "b"), tmp_path / "roc.png").with_suffix(".svg").read_text()
    assert "a (2 clips): area 0.750" in said and "b (2 clips): area 0.750" in said
    said = plots.calibration(true, sure, tmp_path / "calibration.png").with_suffix(".svg").read_text()
    assert said.count(">2</text>") == 2  # 0.65 and 0.7; 0.9 twice


def test_a_name_is_no_formula_in_a_figure(tmp_path):
    """`$` begins one for matplotlib, which fails on `$_$`."""
    title = "film $_$ \\frac{ \udce9"
    times, probabilities = np.array([[0, 1], [1, 2]]), np.array([[0.2, 0.3, 0.5]] * 2)
    plots.timeline(times, probabilities, ["a", "b", "c"], tmp_path / "x.png", title, "caption $_$")
    svg = (tmp_path / "x.svg").read_text()
    assert "film $_$" in svg and "caption $_$" in svg
    tile = ("clip $_$, frame 1", np.zeros((8, 8, 3), np.uint8), np.zeros((0, 2), np.int32), None)
    preview.draw_sheet([tile], title, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 1000
