"""From scores and training curves to figures; every function writes one PNG and returns its path."""

from microexp_keras.files import replacing

# Okabe and Ito's palette: told apart by colour-blind readers too.
BLUE, ORANGE, GRAY = "#0072B2", "#D55E00", "#767676"


def curves(history, path, best_epoch=None, majority_rate=None, title=""):
    """Draw loss and accuracy over the epochs, for training and for the clips that the epoch is chosen on.

    Parameters
    ----------
    history : list of dict
        One per epoch: `epoch`, `loss`, `accuracy`, `val_loss`, `val_accuracy`.
    path : str or Path
        PNG to write.
    best_epoch : int, optional
        Marked by a point: the epoch whose weights are kept.
    majority_rate : float, optional
        Accuracy of always answering the most frequent class, drawn as a line.
    title : str
        Above the figure.
    """
    figure, (left, right) = _figure(1, 2, (10, 3.8))
    epochs = [row["epoch"] for row in history]
    for axes, name in ((left, "loss"), (right, "accuracy")):
        axes.plot(epochs, [row[name] for row in history], color=BLUE, label="training clips (with dropout)")
        axes.plot(epochs, [row["val_" + name] for row in history], color=ORANGE, label="clips that choose the epoch")
        axes.set(xlabel="epoch (counted from 0)", ylabel=name)
        axes.spines[["top", "right"]].set_visible(False)
    right.set_ylim(-0.02, 1.02)
    for row in history:
        if row["epoch"] == best_epoch:
            right.plot(best_epoch, row["val_accuracy"], "o", color=ORANGE, label=f"best epoch ({best_epoch})")
    if majority_rate is not None:
        right.axhline(majority_rate, color=GRAY, linestyle=":", label=f"majority class ({majority_rate:.1%})")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    figure.suptitle(title, fontsize=11)
    return _save(figure, path)


def confusion_matrix(scores, path, title=""):
    """Draw a confusion matrix: rows true, columns predicted, counts, each cell shaded by its share of the row.

    Parameters
    ----------
    scores : metrics.Scores
        What to draw.
    path : str or Path
        PNG to write.
    title : str
        Above the figure.
    """
    figure, axes = _figure(1, 1, (4.8, 4.4))
    totals = [max(sum(row), 1) for row in scores.confusion]
    shares = [[count / total for count in row] for row, total in zip(scores.confusion, totals, strict=True)]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, counts in enumerate(scores.confusion):
        for column, count in enumerate(counts):
            share = shares[row][column]
            colour = "white" if share > 0.55 else "black"
            text = f"{count}\n{share:.0%}" if sum(counts) else "no clips"
            axes.text(column, row, text, ha="center", va="center", color=colour)
    axes.set_xticks(range(len(scores.class_names)), scores.class_names)
    axes.set_yticks(range(len(scores.class_names)), scores.class_names)
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_title(title, fontsize=10)
    return _save(figure, path)


def _figure(rows, columns, inches):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=inches, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns)


def _save(figure, path):
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150, format="png")
    return path


CLASS_COLOURS = [BLUE, ORANGE, "#009E73"]
"""Of classes 0 to 2, of Okabe and Ito's palette too."""


def timeline(times, probabilities, class_names, path, title="", caption=""):
    """Draw the probabilities of a video's windows over time, and below them the class of each window.

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
    import textwrap

    import numpy as np
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    figure, (above, below) = _figure(2, 1, (11, 4.8))
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
    for place, name in enumerate(class_names):
        style = {"lw": 1.5 if few else 1, "marker": "o", "ms": 4, "markevery": np.flatnonzero(alone | few).tolist()}
        above.plot(middles, probabilities[:, place], color=CLASS_COLOURS[place], label=name, **style)
    borders = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]])))
    for first, end in borders.reshape(-1, 2):
        above.axvspan(edges[first], edges[end], color="#DDDDDD", lw=0, zorder=0)
    classes = np.where(missing, len(class_names), np.nan_to_num(probabilities).argmax(axis=1))
    shades = ListedColormap([*CLASS_COLOURS[: len(class_names)], "#DDDDDD"])
    below.pcolormesh(edges, [0, 1], classes[None], cmap=shades, vmin=0, vmax=len(class_names))
    above.axhline(1 / len(class_names), color=GRAY, linestyle=":", lw=1, zorder=1, label="all classes alike")
    above.set(ylim=(-0.03, 1.03), xlim=(0, times[-1, 1]), ylabel="probability (not calibrated)")
    below.set(yticks=[], xlabel="time (s), middle of the window")
    below.set_ylabel("most\nprobable", rotation=0, ha="right", va="center", fontsize=9)
    above.spines[["top", "right"]].set_visible(False)
    below.spines[:].set_visible(False)
    handles, _ = above.get_legend_handles_labels()
    handles += [Patch(color="#DDDDDD", label="no prediction (no face, or a cut)")] * bool(missing.any())
    above.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=5, frameon=False, fontsize=10)
    figure.suptitle(title, fontsize=11)
    figure.supxlabel("\n".join(textwrap.wrap(caption, 170)), fontsize=8, color="#444444")
    return _save(figure, path)
