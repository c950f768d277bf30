"""All figures by name: of scores, training, saliency, a video. Each is written as PNG and as SVG beside it."""

import contextlib
import itertools
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from microexp_keras.atomic import replacing
from microexp_keras.datasets.frames import spread
from microexp_keras.metrics import Scores, wilson_interval
from microexp_keras.text import counted, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PathType = TypeVar("PathType", str, Path)

# Okabe and Ito's palette: told apart by colour-blind readers too.
BLUE, ORANGE, GREEN, GRAY = "#0072B2", "#D55E00", "#009E73", "#767676"
COLOURS = [BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
NONE = "#DDDDDD"  # the colour of windows without a prediction
DPI = 150
STYLE: list[Any] = [
    "default",
    {"axes.spines.top": False, "axes.spines.right": False},
    {"svg.fonttype": "none", "svg.hashsalt": "microexp_keras"},  # text is text, and the same figure the same bytes
]
BINS = 5  # of the calibration: a held-out fifth has some thirty clips

# Of a sheet of saliency.
MARKED = (230, 159, 0)  # the palette's lighter orange, for it lies over gray of every level
BLUR = 0.03  # deviation of a heat map's smoothing, in widths of the frame
FRAME = 0.9  # inches of a frame
GAP = 2  # pixels between frames
STRIPS = ["frame", "saliency", "overlay", "heat map"]


@contextlib.contextmanager
def own_style() -> Iterator[None]:
    """Let a function draw in a style of ours: a matplotlibrc may ask for LaTeX, or for other fonts."""
    from matplotlib import style

    with style.context(STYLE):
        yield


def subplots(rows: int, columns: int, inches: tuple[float, float]) -> tuple["Figure", Any]:
    """Make a figure without a window and its axes: one, or an array of them."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=inches, layout="constrained")
    return figure, figure.subplots(rows, columns)


def save(
    figure: "Figure", path: PathType, title: str = "", legend: tuple[Any, Any] | None = None, columns: int = 1
) -> PathType:
    """Write a figure as PNG and as SVG beside it, its title above and its legend below; return the path of the PNG.

    The same figure gives the same bytes, and the SVG's text can be searched and edited. No text is a formula, whatever
    `$` a name holds.
    """
    from matplotlib.text import Text

    if legend:
        figure.legend(*legend, loc="outside lower center", ncols=columns, frameon=False, fontsize=9)
    if title:
        figure.suptitle(textwrap.fill(title, round(10 * figure.get_figwidth())), fontsize=10)
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_text(plain(text.get_text()))
    for suffix, unsaid in ((".png", ["Software"]), (".svg", ["Date", "Creator"])):
        with replacing(Path(path).with_suffix(suffix)) as temporary:
            figure.savefig(temporary, dpi=DPI, format=suffix[1:], metadata=dict.fromkeys(unsaid))
    return path


@own_style()
def confusion_matrix(scores: Scores, path: PathType, title: str = "") -> PathType:
    """Draw a confusion matrix: rows true, columns predicted, counts, each cell shaded by its share of the row."""
    return save(confusion_figure(scores), path, title)


@own_style()
def confusion_figure(scores: Scores) -> "Figure":
    """Return what `confusion_matrix` writes, without a title, as a figure of matplotlib."""
    names, counts = scores.class_names, np.array(scores.confusion)
    side = 1.9 + 0.85 * len(names)
    figure, axes = subplots(1, 1, (max(side, 4.4), side))
    shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        text = f"{counts[row, column]}\n{share:.0%}" if counts[row].any() else "no clips"
        axes.text(column, row, text, ha="center", va="center", color="white" if share > 0.55 else "black")
    slanted = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 9 else {}
    axes.set_xticks(range(len(names)), names, **slanted)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted", ylabel="true")
    return figure


@own_style()
def roc(
    true: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str], path: PathType, title: str = ""
) -> PathType:
    """Draw the ROC curve of each class against the others, of labels (clips,) and probabilities (clips, classes)."""
    from sklearn.metrics import auc, roc_curve

    figure, axes = subplots(1, 1, (4.4, 4.6))
    for label, (name, colour) in enumerate(zip(class_names, itertools.cycle(COLOURS), strict=False)):
        own = true == label
        wrong, right, said = [], [], f"{name}: undefined, {own.sum()} of {counted(len(own), 'clip')}"
        if own.any() and not own.all():
            wrong, right, _ = roc_curve(own, probabilities[:, label])
            said = f"{name} ({counted(own.sum(), 'clip')}): area {auc(wrong, right):.3f}"
        axes.plot(wrong, right, color=colour, label=said)
    axes.plot([0, 1], [0, 1], ":", color=GRAY, label="chance: area 0.5")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set(xlabel="false positive rate", ylabel="true positive rate (recall)")
    return save(figure, path, title, axes.get_legend_handles_labels())


@own_style()
def calibration(true: np.ndarray, probabilities: np.ndarray, path: PathType, title: str = "") -> PathType:
    """Draw the accuracy against the probability of the predicted class, of what `roc` takes."""
    import pandas

    sure, right = probabilities.max(axis=1).clip(0, 1), probabilities.argmax(axis=1) == true
    places = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], sure)
    bins = pandas.DataFrame({"sure": sure, "right": right}).groupby(places)
    figure, axes = subplots(1, 1, (4.4, 4.6))
    axes.plot([0, 1], [0, 1], ":", color=GRAY, label="perfect calibration")
    for _, own in bins:
        middle, (low, high) = own.sure.mean(), wilson_interval(int(own.right.sum()), len(own))
        axes.plot([middle, middle], [low, high], color=BLUE, alpha=0.5, lw=2)
        axes.annotate(str(len(own)), (middle, low), (0, -11), textcoords="offset points", ha="center", fontsize=9)
    label = "clips (count) in a fifth of the range,\nwith Wilson 95 % interval"
    axes.plot(bins.sure.mean(), bins.right.mean(), "o-", color=BLUE, label=label)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.08, 1.02), aspect="equal")
    axes.set(xlabel="probability of the predicted class", ylabel="accuracy")
    return save(figure, path, title, axes.get_legend_handles_labels())


@own_style()
def curves(
    history: Sequence[dict[str, Any]],
    path: PathType,
    best_epoch: int | None = None,
    majority_rate: float | None = None,
    title: str = "",
) -> PathType:
    """Draw training and validation loss and accuracy over the epochs, and a point at the best one.

    `history` has `epoch`, `loss`, `accuracy`, `val_loss` and `val_accuracy` of each epoch.
    """
    import pandas

    epochs = pandas.DataFrame(history).set_index("epoch")
    dot = "o" if len(epochs) == 1 else None  # a line of one epoch cannot be seen
    figure, (left, right) = subplots(1, 2, (9, 3.6))
    for axes, name in ((left, "loss"), (right, "accuracy")):
        axes.plot(epochs[name], color=BLUE, ls="--", marker=dot, label="training, with dropout")
        axes.plot(epochs[f"val_{name}"], color=ORANGE, marker=dot, label="validation")
        axes.set(xlabel="epoch (counted from 0)", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    right.set_ylim(-0.02, 1.02)
    right.yaxis.set_major_formatter("{x:.0%}")
    if best_epoch in epochs.index:
        best = epochs.val_accuracy.loc[[best_epoch]]
        right.plot(best, "o", color=ORANGE, label=f"best epoch ({best_epoch})")
    if majority_rate is not None:
        right.axhline(majority_rate, color=GRAY, linestyle=":", label=f"majority-class baseline ({majority_rate:.1%})")
    return save(figure, path, title, right.get_legend_handles_labels(), columns=4)


@own_style()
def saliency_sheet(
    clips: np.ndarray,
    maps: np.ndarray,
    strengths: np.ndarray,
    path: PathType,
    titles: Sequence[str],
    frames: int = 7,
    title: str = "",
) -> PathType:
    """Draw clips with their saliency: frames, marks, marks over frames (as in Fig. 4 of the paper), and a heat map.

    `clips` are gray levels of any range, `maps` what `saliency.binarize` gives (bool), `strengths` what was binarised:
    arrays (clips, rows, columns, time). `titles` stand above the rows of clips, of which so many `frames` are drawn.
    """
    rows, columns, length = clips.shape[1:]
    count = min(frames, length)  # at the middle of equal parts: not the last, which the pooling may discard
    numbers = [int((part + 0.5) * length / count) for part in range(count)]
    inches = FRAME * max(count, 4) + 1.2, (4 * FRAME * rows / columns + 0.4) * len(clips) + 0.8
    figure, every_axes = subplots(len(clips), 1, inches)
    for place, axes in enumerate(np.atleast_1d(every_axes)):
        picture = np.full((len(STRIPS), rows + GAP, count, columns + GAP, 3), 255, np.uint8)
        strips = np.stack(_strips(clips[place], maps[place], strengths[place]))[..., numbers, :]
        picture[:, :rows, :, :columns] = strips.transpose(0, 1, 3, 2, 4)
        axes.imshow(picture.reshape(len(STRIPS) * (rows + GAP), count * (columns + GAP), 3), interpolation="nearest")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, labelsize=9)
        axes.set_yticks([strip * (rows + GAP) + rows / 2 for strip in range(len(STRIPS))], STRIPS)
        axes.set_xticks([time * (columns + GAP) + columns / 2 for time in range(count)], list(map(str, numbers)))
        axes.set_title(titles[place], loc="left", fontsize=10, wrap=True)
    axes.set_xlabel("frame (counted from 0)", fontsize=9)
    return save(figure, path, title)


def _strips(clip: np.ndarray, marks: np.ndarray, strengths: np.ndarray) -> list[np.ndarray]:
    """Colour a clip's frames as `STRIPS` says: uint8 (rows, columns, time, 3) each."""
    from matplotlib import colormaps
    from scipy.ndimage import gaussian_filter

    low, high = float(clip.min()), float(clip.max())
    gray = np.repeat((clip[..., None] - low) * (255 / max(high - low, 1e-12)), 3, axis=-1)
    overlay = np.where(marks[..., None], 0.25 * gray + 0.75 * np.array(MARKED), gray)
    blur = BLUR * strengths.shape[1]
    smooth = gaussian_filter(strengths.astype(np.float64), (blur, blur, 0.5))
    middle, strong = np.quantile(smooth, (0.5, 0.99))
    warm = np.clip((smooth - middle) / max(strong - middle, 1e-12), 0, 1)
    share = 0.75 * warm[..., None]
    heat = share * 255 * colormaps["inferno"](warm)[..., :3] + (1 - share) * gray
    return [one.astype(np.uint8) for one in (gray, np.repeat(255 * marks[..., None], 3, axis=-1), overlay, heat)]


def some_of_every_class(true: np.ndarray, predicted: np.ndarray, wanted: int) -> np.ndarray:
    """Choose clips to show, wrongly predicted ones first: one of every class, then others up to `wanted`."""
    wrong = predicted != true
    order = np.lexsort((np.arange(len(true)), ~wrong))  # wrong ones first
    _, first = np.unique(true[order], return_index=True)
    others = np.setdiff1d(np.arange(len(true)), order[first])
    more = others[spread(len(others), max(wanted - len(first), 0))]
    chosen = np.concatenate([order[first], more])
    return chosen[np.argsort(~wrong[chosen], kind="stable")]


@own_style()
def timeline(
    times: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    path: PathType,
    title: str = "",
    caption: str = "",
) -> PathType:
    """Draw the probabilities of a video's windows over time.

    `times` are start and end of each window in seconds, float (windows, 2), at equal steps; `probabilities` are float
    (windows, classes), NaN without a prediction, which is shaded.
    """
    figure, axes = subplots(1, 1, (11, 4.4))
    middles = times.mean(axis=1)
    half = (middles[1] - middles[0] if len(middles) > 1 else times[0, 1] - times[0, 0]) / 2
    for name, own, colour in zip(class_names, probabilities.T, itertools.cycle(COLOURS), strict=False):
        axes.plot(middles, own, ".-", color=colour, label=name, lw=1.2, ms=5)
    axes.axhline(1 / len(class_names), color=GRAY, linestyle=":", lw=1, zorder=1, label="uniform")
    for place, middle in enumerate(middles[np.isnan(probabilities[:, 0])]):
        said = None if place else "no prediction (no face, or a cut)"  # once in the legend
        axes.axvspan(middle - half, middle + half, color=NONE, lw=0, zorder=0, label=said)
    axes.set(ylim=(-0.03, 1.03), xlim=(0, times[-1, 1]), ylabel="probability (not calibrated)")
    axes.set(xlabel="time (s), middle of the window")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=5, frameon=False, fontsize=10)
    figure.supxlabel(textwrap.fill(caption, 170), fontsize=8, color="#444444")
    return save(figure, path, title)
