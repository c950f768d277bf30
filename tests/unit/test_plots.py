"""Every figure is a PNG and an SVG with its text, the same for the same input, also in the odd cases."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import cv2
import numpy as np
import pytest

from microexp_keras import metrics
from microexp_keras.errors import MicroExpError
from microexp_keras.models.saliency import RegionShare
from microexp_keras.results import plots

HISTORY = [
    {"epoch": epoch, "loss": 2.0 - epoch / 10, "accuracy": epoch / 20, "val_loss": 2.0, "val_accuracy": epoch / 10}
    for epoch in range(8)
]
SCORES = metrics.score([0, 0, 1, 2], [0, 1, 1, 0], ("a class with a long name", "positive", "surprise"))
CLIPS = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 18), np.uint8)
MARKS = np.random.default_rng(1).random(CLIPS.shape) < 0.05
TITLES = ("s1_ne_01", "s1_po_01", "a clip with a long name and more to say of it")
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
