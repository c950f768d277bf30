"""All figures by name: of scores, of training, of a video. Each is written as PNG and as SVG beside it."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras.errors import MicroExpError
from microexp_keras.metrics import Scores, wilson_interval
from microexp_keras.results.canvas import (
    BLUE,
    GRAY,
    LETTER,
    ORANGE,
    PathType,
    class_colours,
    finish,
    in_own_style,
    subplots,
)
from microexp_keras.text import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "accuracies",
    "calibration",
    "class_colours",
    "confusion_figure",
    "confusion_matrix",
    "curves",
    "roc",
    "timeline",
]

BINS = 5  # of the calibration: a held-out fifth has some thirty clips
MANY = 150  # windows, from which on a timeline shows means
SHOWN = 60  # stretches of windows that follow each other, one mean for each
NONE = "#DDDDDD"  # the colour of windows without a prediction


@in_own_style
def confusion_matrix(scores: Scores, path: PathType, title: str = "") -> PathType:
    """Draw a confusion matrix: rows true, columns predicted, counts, each cell shaded by its share of the row."""
    return finish(confusion_figure(scores), path, title)


@in_own_style
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


@in_own_style
def roc(
    true: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str], path: PathType, title: str = ""
) -> PathType:
    """Draw the ROC curve of each class against the others, of labels (clips,) and probabilities (clips, classes)."""
    from sklearn.metrics import auc, roc_curve

    figure, axes = subplots(1, 1, (4.4, 4.6))
    for label, (name, colour) in enumerate(zip(class_names, class_colours(len(class_names)), strict=True)):
        own = true == label
        if own.all() or not own.any():
            axes.plot([], color=colour, label=f"{name}: undefined, {own.sum()} of {counted(len(own), 'clip')}")
            continue
        wrong, right, _ = roc_curve(own, probabilities[:, label])
        said = f"{name} ({counted(own.sum(), 'clip')}): area {auc(wrong, right):.3f}"
        axes.plot(wrong, right, color=colour, label=said)
    axes.plot([0, 1], [0, 1], ":", color=GRAY, label="chance: area 0.5")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set(xlabel="false positive rate", ylabel="true positive rate (recall)")
    return finish(figure, path, title, axes.get_legend_handles_labels())


@in_own_style
def calibration(true: np.ndarray, probabilities: np.ndarray, path: PathType, title: str = "") -> PathType:
    """Draw the accuracy against the probability of the predicted class, of what `roc` takes."""
    sure, right = probabilities.max(axis=1).clip(0, 1), probabilities.argmax(axis=1) == true
    places = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], sure)
    figure, axes = subplots(1, 1, (4.4, 4.6))
    axes.plot([0, 1], [0, 1], ":", color=GRAY, label="perfect calibration")
    means, rates = [], []
    for place in np.unique(places):
        own = places == place
        means.append(sure[own].mean())
        rates.append(right[own].mean())
        low, high = wilson_interval(int(right[own].sum()), int(own.sum()))
        axes.plot(means[-1:] * 2, [low, high], color=BLUE, alpha=0.5, lw=2)
        axes.annotate(str(own.sum()), (means[-1], low), (0, -11), textcoords="offset points", ha="center", fontsize=9)
    label = "clips (count) in a fifth of the range,\nwith Wilson 95 % interval"
    axes.plot(means, rates, "o-", color=BLUE, label=label)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.08, 1.02), aspect="equal")
    axes.set(xlabel="probability of the predicted class", ylabel="accuracy")
    return finish(figure, path, title, axes.get_legend_handles_labels())


@in_own_style
def accuracies(
    rows: Sequence[dict[str, Any]],
    path: PathType,
    title: str = "",
) -> PathType:
    """Draw accuracies as points with their intervals, one below the other.

    Rows have `label`; `value`, 0-1; `interval`, (low, high) or None; `published`: value of the paper, drawn hollow, or
    None; `majority`: the majority-class baseline, drawn as a tick, or None; `group`: rows of one group stand together,
    below its name; or None.
    """
    if not rows:
        raise MicroExpError(path, "there are no rows to draw")
    labels: list[str] = []  # of the lines from top to bottom, the names of groups among them
    heights: list[int] = []
    for row, above in zip(rows, [{"group": None}, *rows], strict=False):
        if row["group"] and row["group"] != above["group"]:
            labels.append(row["group"])
        heights.append(len(labels))
        labels.append(row["label"])
    longest = max(map(len, labels))
    figure, axes = subplots(1, 1, (5.2 + LETTER * longest, 1.5 + 0.3 * len(labels)))
    drawn: dict[str, Any] = {}
    hollow = {"ms": 9, "mew": 1.6, "mfc": "none", "mec": ORANGE, "zorder": 4, "clip_on": False}
    for y, row in zip(heights, rows, strict=True):
        said = f"{row['value']:.1%}"
        [drawn["ours"]] = axes.plot(row["value"], y, "o", color=BLUE, ms=5.5, zorder=3, clip_on=False)
        if row["interval"]:
            [drawn["95 % interval"]] = axes.plot(row["interval"], (y, y), color=BLUE, lw=2, solid_capstyle="butt")
            said += f" ({row['interval'][0]:.0%} to {row['interval'][1]:.0%})"
        if row["published"] is not None:
            [drawn["published"]] = axes.plot(row["published"], y, "D", **hollow)
        if row["majority"] is not None:
            [drawn["majority class"]] = axes.plot(row["majority"], y, "|", color=GRAY, ms=14, mew=2.5)
        axes.annotate(said, (1, y), (8, 0), ("axes fraction", "data"), "offset points", va="center", fontsize=9)
    axes.set_yticks(range(len(labels)), labels)
    for y, text in enumerate(axes.get_yticklabels()):
        text.set_fontweight("normal" if y in heights else "bold")
    axes.set(xlim=(-0.01, 1.01), ylim=(len(labels) - 0.4, -0.6), xlabel="accuracy")
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#E5E5E5")
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    return finish(figure, path, title, ([*drawn.values()], [*drawn]), columns=4)


@in_own_style
def curves(
    history: Sequence[dict[str, Any]],
    path: PathType,
    best_epoch: int | None = None,
    majority_rate: float | None = None,
    title: str = "",
    folds: Sequence[Sequence[dict[str, Any]]] = (),
) -> PathType:
    """Draw training and validation loss and accuracy over the epochs.

    `history` has `epoch`, `loss`, `accuracy`, `val_loss` and `val_accuracy` of each epoch; if it is the mean of several
    `folds`, these are drawn thinly behind it. `best_epoch`, whose weights are kept, is marked by a point.
    """
    figure, (left, right) = subplots(1, 2, (9, 3.6))
    dot = "o" if len(history) == 1 else None  # a line of one epoch cannot be seen

    def values(rows: Sequence[dict[str, Any]], name: str) -> list[Any]:
        return [row[name] for row in rows]

    for axes, name in ((left, "loss"), (right, "accuracy")):
        for number, rows in enumerate(folds):
            thin: dict[str, Any] = {"lw": 0.7, "alpha": 0.35, "zorder": 1}
            label = "single folds" if number == 0 else None
            axes.plot(values(rows, "epoch"), values(rows, name), "--", color=BLUE, **thin)
            axes.plot(values(rows, "epoch"), values(rows, f"val_{name}"), color=ORANGE, label=label, **thin)
        epochs = values(history, "epoch")
        axes.plot(epochs, values(history, name), "--", marker=dot, color=BLUE, label="training, with dropout")
        axes.plot(epochs, values(history, f"val_{name}"), marker=dot, color=ORANGE, label="validation")
        axes.set(xlabel="epoch (counted from 0)", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    right.set_ylim(-0.02, 1.02)
    right.yaxis.set_major_formatter("{x:.0%}")
    for row in history:
        if row["epoch"] == best_epoch:
            right.plot(best_epoch, row["val_accuracy"], "o", color=ORANGE, label=f"best epoch ({best_epoch})")
    if majority_rate is not None:
        right.axhline(majority_rate, color=GRAY, linestyle=":", label=f"majority-class baseline ({majority_rate:.1%})")
    return finish(figure, path, title, right.get_legend_handles_labels(), columns=4)


@in_own_style
def timeline(
    times: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    path: PathType,
    title: str = "",
    caption: str = "",
) -> PathType:
    """Draw the probabilities of a video's windows over time, and below them the class of each window.

    `times` are start and end of each window in seconds, float (windows, 2), at equal steps; `probabilities` are float
    (windows, classes), NaN without a prediction, which is shaded. Of many windows the lines are means over some that
    follow each other, the windows themselves lie thinly behind.
    """
    import pandas
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    figure, (above, below) = subplots(2, 1, (11, 4.8))
    above.get_gridspec().set_height_ratios([8, 1])
    below.sharex(above)
    above.tick_params(labelbottom=False)
    middles = times.mean(axis=1)
    colours: list[str] = class_colours(len(class_names))
    step = middles[1] - middles[0] if len(middles) > 1 else times[0, 1] - times[0, 0]
    edges = np.append(middles - step / 2, middles[-1] + step / 2)
    missing = np.isnan(probabilities[:, 0])
    around = np.concatenate([[True], missing, [True]])
    alone = ~missing & around[:-2] & around[2:]  # a line has no other mark for it
    over = len(middles) // SHOWN if len(middles) > MANY else 1
    means = pandas.DataFrame(probabilities).rolling(over, center=True, min_periods=1).mean()
    shown = np.where(np.isnan(probabilities), np.nan, means)
    dots = {"marker": "o", "ms": 4, "markevery": np.flatnonzero(alone | (len(middles) <= SHOWN)).tolist()}
    for label, (name, colour) in enumerate(zip(class_names, colours, strict=True)):
        if over > 1:
            above.plot(middles, probabilities[:, label], color=colour, lw=0.4, alpha=0.2, zorder=1)
        above.plot(middles, shown[:, label], color=colour, label=name, lw=1.5, **dots)
    borders = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]])))
    for first, end in borders.reshape(-1, 2):
        above.axvspan(edges[first], edges[end], color=NONE, lw=0, zorder=0)
    classes = np.where(missing, len(class_names), np.nan_to_num(shown).argmax(axis=1))
    below.pcolormesh(edges, [0, 1], classes[None], cmap=ListedColormap([*colours, NONE]), vmin=0, vmax=len(class_names))
    above.axhline(1 / len(class_names), color=GRAY, linestyle=":", lw=1, zorder=1, label="uniform")
    above.set(ylim=(-0.03, 1.03), xlim=(0, times[-1, 1]))
    above.set_ylabel("probability (not calibrated)" + (f",\nmean over {over * step:.1f} s" if over > 1 else ""))
    below.set(yticks=[], xlabel="time (s), middle of the window")
    below.set_ylabel("most\nprobable", rotation=0, ha="right", va="center", fontsize=9)
    below.spines[:].set_visible(False)
    handles, _ = above.get_legend_handles_labels()
    handles += [Patch(color=NONE, label="no prediction (no face, or a cut)")] * bool(missing.any())
    above.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=5, frameon=False, fontsize=10)
    figure.supxlabel(textwrap.fill(caption, 170), fontsize=8, color="#444444")
    return finish(figure, path, title)
