"""From training histories, and from the probabilities of a video's windows, to figures over time."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from microexp_keras.results.canvas import BLUE, GRAY, ORANGE, PathType, class_colours, save, subplots, wrapped

MANY = 150  # windows, from which on a timeline shows means
SHOWN = 60  # stretches of windows that follow each other, one mean for each


def curves(
    history: Sequence[dict[str, Any]],
    path: PathType,
    best_epoch: int | None = None,
    majority_rate: float | None = None,
    title: str = "",
    folds: Sequence[Sequence[dict[str, Any]]] = (),
) -> PathType:
    """Draw loss and accuracy over the epochs, for training and for the clips that the epoch is chosen on.

    Parameters
    ----------
    history : list of dict
        One per epoch: `epoch`, `loss`, `accuracy`, `val_loss`, `val_accuracy`.
    path : str or Path
        PNG to write; the SVG of the same name is written too.
    best_epoch : int, optional
        Marked by a point: the epoch whose weights are kept.
    majority_rate : float, optional
        Accuracy of always answering the most frequent class, drawn as a line.
    title : str
        Above the figure.
    folds : sequence of list of dict
        The histories of which the first is the mean; drawn thinly behind it.
    """
    figure, (left, right) = subplots(1, 2, (9, 3.6))
    epochs = [row["epoch"] for row in history]
    dot = "o" if len(epochs) == 1 else None  # a line of one epoch cannot be seen
    for axes, name in ((left, "loss"), (right, "accuracy")):
        for number, rows in enumerate(folds):
            thin = {"lw": 0.7, "alpha": 0.35, "zorder": 1}
            seen, label = [row["epoch"] for row in rows], "a fold each" if number == 0 else None
            axes.plot(seen, [row[name] for row in rows], "--", color=BLUE, **thin)
            axes.plot(seen, [row["val_" + name] for row in rows], color=ORANGE, label=label, **thin)
        axes.plot(epochs, [row[name] for row in history], "--", marker=dot, color=BLUE, label="training, with dropout")
        axes.plot(
            epochs, [row["val_" + name] for row in history], marker=dot, color=ORANGE,
            label="clips that choose the epoch",
        )  # fmt: skip
        axes.set(xlabel="epoch (counted from 0)", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.spines[["top", "right"]].set_visible(False)
    right.set_ylim(-0.02, 1.02)
    right.yaxis.set_major_formatter("{x:.0%}")
    for row in history:
        if row["epoch"] == best_epoch:
            right.plot(best_epoch, row["val_accuracy"], "o", color=ORANGE, label=f"best epoch ({best_epoch})")
    if majority_rate is not None:
        right.axhline(majority_rate, color=GRAY, linestyle=":", label=f"majority class ({majority_rate:.1%})")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    figure.suptitle(title, fontsize=11)
    return save(figure, path)


def timeline(
    times: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    path: PathType,
    title: str = "",
    caption: str = "",
) -> PathType:
    """Draw the probabilities of a video's windows over time, and below them the class of each window.

    Of many windows the lines are means over some that follow each other, the windows themselves lie thinly behind.

    Parameters
    ----------
    times : float array (windows, 2)
        Start and end of each window in seconds, at equal steps.
    probabilities : float array (windows, classes)
        NaN for windows without a prediction, which are shaded.
    class_names : list of str
    path : str or Path
        PNG to write.
    title, caption : str
        Above and below the figure.
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    figure, (above, below) = subplots(2, 1, (11, 4.8))
    above.get_gridspec().set_height_ratios([8, 1])
    below.sharex(above)
    above.tick_params(labelbottom=False)
    middles = times.mean(axis=1)
    step = middles[1] - middles[0] if len(middles) > 1 else times[0, 1] - times[0, 0]
    edges = np.append(middles - step / 2, middles[-1] + step / 2)
    missing = np.isnan(probabilities[:, 0])
    around = np.concatenate([[True], missing, [True]])
    alone = ~missing & around[:-2] & around[2:]  # a line has no other mark for it
    few = len(middles) <= 60
    over = len(middles) // SHOWN if len(middles) > MANY else 1
    above.set_ylabel("probability (not calibrated)" + (f",\nmean over {over * step:.1f} s" if over > 1 else ""))
    if over > 1:
        for label, colour in enumerate(class_colours(len(class_names))):
            above.plot(middles, probabilities[:, label], color=colour, lw=0.4, alpha=0.2, zorder=1)
        probabilities = _moving_mean(probabilities, over)
    dots = {"marker": "o", "ms": 4, "markevery": np.flatnonzero(alone | few).tolist()}
    colours = class_colours(len(class_names))
    for label, name in enumerate(class_names):
        above.plot(middles, probabilities[:, label], color=colours[label], label=name, lw=1.5, **dots)
    borders = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]])))
    for first, end in borders.reshape(-1, 2):
        above.axvspan(edges[first], edges[end], color="#DDDDDD", lw=0, zorder=0)
    classes = np.where(missing, len(class_names), np.nan_to_num(probabilities).argmax(axis=1))
    shades = ListedColormap([*class_colours(len(class_names)), "#DDDDDD"])
    below.pcolormesh(edges, [0, 1], classes[None], cmap=shades, vmin=0, vmax=len(class_names))
    above.axhline(1 / len(class_names), color=GRAY, linestyle=":", lw=1, zorder=1, label="all classes alike")
    above.set(ylim=(-0.03, 1.03), xlim=(0, times[-1, 1]))
    below.set(yticks=[], xlabel="time (s), middle of the window")
    below.set_ylabel("most\nprobable", rotation=0, ha="right", va="center", fontsize=9)
    above.spines[["top", "right"]].set_visible(False)
    below.spines[:].set_visible(False)
    handles, _ = above.get_legend_handles_labels()
    handles += [Patch(color="#DDDDDD", label="no prediction (no face, or a cut)")] * bool(missing.any())
    above.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=5, frameon=False, fontsize=10)
    figure.suptitle(title, fontsize=11)
    figure.supxlabel(wrapped(caption, 170), fontsize=8, color="#444444")
    return save(figure, path)


def _moving_mean(values: np.ndarray, over: int) -> np.ndarray:
    """Return means over so many rows around each; NaN counts as not there, and stays."""
    there = ~np.isnan(values)
    sums, counts = (
        np.apply_along_axis(np.convolve, 0, one, np.ones(over), "same") for one in (np.nan_to_num(values), there)
    )
    return np.where(there, sums / np.maximum(counts, 1), np.nan)
