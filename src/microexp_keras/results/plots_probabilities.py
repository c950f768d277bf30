"""From the probabilities of scored clips to ROC curves and calibration."""

from collections.abc import Sequence

import numpy as np

from microexp_keras.metrics import wilson_interval
from microexp_keras.results.canvas import BLUE, GRAY, PathType, class_colours, save, subplots, wrapped
from microexp_keras.text import counted

BINS = 5  # of the calibration: a held-out fifth has some thirty clips


def roc(
    true: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str], path: PathType, title: str = ""
) -> PathType:
    """Draw the ROC curve of each class against the others.

    Parameters
    ----------
    true : int array (clips,)
    probabilities : float array (clips, classes)
    class_names : sequence of str
    path : str or Path
        PNG to write; the SVG of the same name is written too.
    title : str
        Above the figure.
    """
    from sklearn.metrics import auc, roc_curve

    figure, axes = subplots(1, 1, (4.4, 4.6))
    colours = class_colours(len(class_names))
    for label, name in enumerate(class_names):
        own = true == label
        if own.all() or not own.any():
            axes.plot(
                [],
                [],
                color=colours[label],
                label=f"{name}: undefined, {own.sum()} of {counted(len(own), 'clip')}",
            )
            continue
        wrong, right, _ = roc_curve(own, probabilities[:, label])
        said = f"{name} ({counted(own.sum(), 'clip')}): area {auc(wrong, right):.3f}"
        axes.plot(wrong, right, color=colours[label], label=said)
    axes.plot([0, 1], [0, 1], ":", color=GRAY, label="guessing: area 0.5")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set(xlabel="false positive rate", ylabel="true positive rate (recall)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", frameon=False, fontsize=9)
    figure.suptitle(wrapped(title, 44), fontsize=10)
    return save(figure, path)


def calibration(true: np.ndarray, probabilities: np.ndarray, path: PathType, title: str = "") -> PathType:
    """Draw how often the called class is right against the probability that it was given.

    Parameters
    ----------
    true, probabilities, path, title
        As for `roc`.
    """
    from sklearn.calibration import calibration_curve

    sure, right = probabilities.max(axis=1).clip(0, 1), probabilities.argmax(axis=1) == true
    rates, means = calibration_curve(right, sure, n_bins=BINS)
    place = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], sure)
    counts, hits = (np.bincount(place, weights, BINS).astype(int) for weights in (None, right))
    intervals = [wilson_interval(hit, count) for hit, count in zip(hits, counts, strict=True) if count]
    figure, axes = subplots(1, 1, (4.4, 4.6))
    axes.plot([0, 1], [0, 1], ":", color=GRAY, label="as often as it says")
    for at, (low, high), count in zip(means, intervals, counts[counts > 0], strict=True):
        axes.plot([at, at], [low, high], color=BLUE, alpha=0.5, lw=2)
        axes.annotate(str(count), (at, low), (0, -11), textcoords="offset points", ha="center", fontsize=9)
    axes.plot(
        means,
        rates,
        "o-",
        color=BLUE,
        label="clips (their number) of about this probability,\nwith Wilson 95 % interval",
    )
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.08, 1.02), aspect="equal")
    axes.set(xlabel="probability of the called class", ylabel="share of clips called right")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", frameon=False, fontsize=9)
    figure.suptitle(wrapped(title, 44), fontsize=10)
    return save(figure, path)
