"""From scores, training curves, clips and saliency to figures; each is written as PNG and as SVG beside it."""

from pathlib import Path

from microexp_keras.errors import MicroExpError
from microexp_keras.files import replacing

# Okabe and Ito's palette: told apart by colour-blind readers too.
BLUE, ORANGE, GRAY = "#0072B2", "#D55E00", "#767676"
MARKED = (230, 159, 0)  # the palette's lighter orange, for it lies over gray of every level

DPI = 150
LETTER = 0.085  # inches that one takes, about: figures are as wide as their labels need
CELL = 128  # pixels of a frame on a sheet, about: frames are enlarged by a whole number, so that pixels stay square


def curves(history, path, best_epoch=None, majority_rate=None, title=""):
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
    """
    figure, (left, right) = _figure(1, 2, (9, 3.6))
    epochs = [row["epoch"] for row in history]
    dot = "o" if len(epochs) == 1 else None  # a line of one epoch cannot be seen
    for axes, name in ((left, "loss"), (right, "accuracy")):
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
    return _save(figure, path)


def confusion_matrix(scores, path, title=""):
    """Draw a confusion matrix: rows true, columns predicted, counts, each cell shaded by its share of the row.

    Parameters
    ----------
    scores : metrics.Scores
        What to draw.
    path : str or Path
        PNG to write; the SVG of the same name is written too.
    title : str
        Above the figure.
    """
    names = scores.class_names
    side = 1.9 + 0.85 * len(names)
    figure, axes = _figure(1, 1, (max(side, 4.4), side))
    totals = [max(sum(row), 1) for row in scores.confusion]
    shares = [[count / total for count in row] for row, total in zip(scores.confusion, totals, strict=True)]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, counts in enumerate(scores.confusion):
        for column, count in enumerate(counts):
            share = shares[row][column]
            colour = "white" if share > 0.55 else "black"
            text = f"{count}\n{share:.0%}" if sum(counts) else "no clips"
            axes.text(column, row, text, ha="center", va="center", color=colour)
    slanted = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 9 else {}
    axes.set_xticks(range(len(names)), names, **slanted)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted", ylabel="true")
    figure.suptitle(_wrapped(title, 44), fontsize=10)
    return _save(figure, path)


def accuracies(rows, path, title="", value_label="accuracy", points="found here"):
    """Draw accuracies under each other as points with their intervals.

    Parameters
    ----------
    rows : sequence of dict
        From top to bottom. `label`: str; `value`: float, 0-1; `interval`: (low, high), 0-1, or None; `published`: value
        of the paper, drawn hollow, or None; `majority`: accuracy of always answering the most frequent class, drawn as
        a tick, or None; `group`: str or None. Rows of one group stand together, below its name.
    path : str or Path
        PNG to write; the SVG of the same name is written too.
    title : str
        Above the figure.
    value_label : str
        Of the axis.
    points : str
        What the values are, for the legend.

    Raises
    ------
    MicroExpError
        If there are no rows.
    """
    if not rows:
        raise MicroExpError(f"{path}: expected at least one row to draw, received none.")
    places, headings, place, group = [], [], -1, None
    for row in rows:
        if row["group"] and row["group"] != group:
            place += 1.3 if places else 1
            headings.append((place, row["group"]))
        group = row["group"]
        place += 1
        places.append(place)
    longest = max(len(text) for row in rows for text in (row["label"], row["group"] or ""))
    figure, axes = _figure(1, 1, (5.2 + LETTER * longest, 1.5 + 0.3 * (place + 1)))
    drawn, hollow = {}, {"ms": 9, "mew": 1.6, "mfc": "none", "mec": ORANGE, "zorder": 4, "clip_on": False}
    for y, row in zip(places, rows, strict=True):
        if row["majority"] is not None:
            [drawn["majority class"]] = axes.plot(row["majority"], y, "|", color=GRAY, ms=14, mew=2.5)
        if row["interval"]:
            [drawn["95 % interval"]] = axes.plot(row["interval"], (y, y), color=BLUE, lw=2, solid_capstyle="butt")
        if row["published"] is not None:
            [drawn["published"]] = axes.plot(row["published"], y, "D", **hollow)
        [drawn[points]] = axes.plot(row["value"], y, "o", color=BLUE, ms=5.5, zorder=3, clip_on=False)
        said = f"{row['value']:.1%}"
        if row["interval"]:
            said += f" ({row['interval'][0]:.0%} to {row['interval'][1]:.0%})"
        axes.annotate(said, (1, y), (8, 0), ("axes fraction", "data"), "offset points", va="center", fontsize=9)
    axes.set_yticks(
        [*places, *(y for y, _ in headings)], [*(row["label"] for row in rows), *(name for _, name in headings)]
    )
    for text in axes.get_yticklabels()[len(rows) :]:
        text.set_fontweight("bold")
    axes.set(xlim=(-0.01, 1.01), ylim=(place + 0.6, -0.6), xlabel=value_label)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#E5E5E5")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    order = [name for name in (points, "95 % interval", "published", "majority class") if name in drawn]
    figure.legend(
        [drawn[name] for name in order], order, loc="outside lower center", ncols=4, frameon=False, fontsize=9
    )
    figure.suptitle(_wrapped(title, 55 + longest), fontsize=11)
    return _save(figure, path)


def shares(found, path, title=""):
    """Draw how much of the saliency lies in each region, beside the region's share of the pixels.

    Parameters
    ----------
    found : dict of str to saliency.RegionShare
        As `saliency.region_shares` gives it. The bar is the mean of the clips, each of them is a point.
    path : str or Path
        PNG to write; the SVG of the same name is written too.
    title : str
        Above the figure.
    """
    import numpy as np

    figure, axes = _figure(1, 1, (6, 1.5 + 0.5 * len(found)))
    for y, share in enumerate(found.values()):
        known = share.saliency[np.isfinite(share.saliency)]
        if len(known):
            axes.barh(y, known.mean(), height=0.6, color=BLUE, alpha=0.45, label="share of saliency, mean of clips")
        spread = y + np.linspace(-0.2, 0.2, len(known)) if len(known) > 1 else [y] * len(known)
        axes.plot(known, spread, "o", color=BLUE, ms=3, label="a clip")
        areas = (share.area.mean(),) * 2
        axes.plot(areas, (y - 0.38, y + 0.38), color=ORANGE, lw=3, label="share of the pixels")
    axes.set_yticks(range(len(found)), found)
    axes.set(xlim=(0, None), ylim=(len(found) - 0.4, -0.6))
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    figure.suptitle(_wrapped(title, 70), fontsize=11)
    return _save(figure, path)


def contact_sheet(stacks, path, titles, frames=7, title=""):
    """Draw clips as a network sees them: a row of gray frames for each.

    Parameters
    ----------
    stacks : array (clips, rows, columns, time)
        Gray levels 0-255 (uint8), or standardised (float), which are drawn from the lowest to the highest of a clip.
    path : str or Path
        PNG to write; the SVG of the same name is written too.
    titles : sequence of str
        Of the clips, above their rows.
    frames : int
        Drawn of each clip, spread over its time; all, if it has fewer.
    title : str
        Above the sheet.
    """
    chosen = _spread(stacks.shape[3], frames)
    strips = [[[_gray(clip)[..., time] for time in chosen]] for clip in stacks]
    return _sheet(strips, path, titles, title, chosen, [""])


def saliency_sheet(clips, maps, path, titles, frames=7, title=""):
    """Draw clips with their binarised saliency: frames, marks, and marks over frames, as in Fig. 4 of the paper.

    Parameters
    ----------
    clips : array (clips, rows, columns, time)
        As for `contact_sheet`.
    maps : bool array (clips, rows, columns, time)
        See `saliency.binarize`.
    path, titles, frames, title
        As for `contact_sheet`.

    Raises
    ------
    MicroExpError
        If clips and maps differ in shape, or if the maps are not binarised.
    """
    import numpy as np

    if maps.dtype != bool or maps.shape != clips.shape:
        raise MicroExpError(
            f"maps: expected bool {clips.shape}, as saliency.binarize gives, received {maps.dtype} {maps.shape}."
        )
    chosen, strips = _spread(clips.shape[3], frames), []
    for clip, marks in zip(clips, maps, strict=True):
        gray, marks = _gray(clip)[..., chosen], marks[..., chosen]
        over = np.where(marks[..., None], 0.25 * gray[..., None] + 0.75 * np.array(MARKED), gray[..., None])
        over = over.astype(np.uint8)
        shown = ([array[:, :, time] for time in range(len(chosen))] for array in (gray, 255 * np.uint8(marks), over))
        strips.append(list(shown))
    return _sheet(strips, path, titles, title, chosen, ["frame", "saliency", "overlay"])


def _spread(length, wanted):
    """Numbers of frames at the middle of equal parts of a clip: not the last, which the pooling may discard."""
    wanted = min(wanted, length)
    return [int((part + 0.5) * length / wanted) for part in range(wanted)]


def _gray(clip):
    """Levels 0-255, uint8."""
    import numpy as np

    if clip.dtype == np.uint8:
        return clip
    low, high = clip.min(), clip.max()
    return ((clip - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)


def _sheet(clips, path, titles, title, numbers, names):
    """Draw strips of frames, `clips[clip][strip][frame]`, each frame uint8 (rows, columns) or (rows, columns, 3)."""
    import numpy as np

    if not clips or len(titles) != len(clips):
        raise MicroExpError(f"{path}: expected clips and a title for each, received {len(clips)} and {len(titles)}.")
    rows, columns = clips[0][0][0].shape[:2]
    scale, gap = max(round(CELL / rows), 1), 2
    tall, wide = len(names) * (rows + gap) - gap, len(numbers) * (columns + gap) - gap
    # The page in whole pixels of the PNG, so that those of the clips fall on them.
    head, above, foot, side, right = 45 if title else 8, 48, 68, 112 if any(names) else 22, 22
    longest = int(DPI * LETTER * max(len(text) for text in (*titles, title + title[: len(title) // 4])))  # it is bold
    page = side + max(scale * wide, longest) + right, head + len(clips) * (above + scale * tall) + foot
    figure = _empty_figure([length / DPI for length in page])
    for place, (strips, name) in enumerate(zip(clips, titles, strict=True)):
        picture = np.full((tall, wide, 3), 255, np.uint8)
        for strip, images in enumerate(strips):
            for time, image in enumerate(images):
                top, left = strip * (rows + gap), time * (columns + gap)
                picture[top : top + rows, left : left + columns] = image if image.ndim == 3 else image[..., None]
        bottom = page[1] - head - (place + 1) * (above + scale * tall)
        box = (side / page[0], bottom / page[1], scale * wide / page[0], scale * tall / page[1])
        axes = figure.add_axes(box)
        axes.imshow(picture, interpolation="none", aspect="auto")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, labelsize=9)
        axes.set_yticks([strip * (rows + gap) + rows / 2 for strip in range(len(names))], names)
        axes.set_xticks([])
        axes.set_title(name, loc="left", fontsize=10, pad=4)
    axes.set_xticks([time * (columns + gap) + columns / 2 for time in range(len(numbers))], numbers)
    axes.set_xlabel("frame (counted from 0)", fontsize=9)
    if title:
        figure.text(side / page[0], 1 - 15 / page[1], title, va="top", fontsize=11, fontweight="bold")
    return _save(figure, path)


def _wrapped(text, width):
    import textwrap

    return "\n".join(textwrap.wrap(text, width))


def _empty_figure(inches, **options):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=inches, **options)
    FigureCanvasAgg(figure)
    return figure


def _figure(rows, columns, inches):
    figure = _empty_figure(inches, layout="constrained")
    return figure, figure.subplots(rows, columns)


def _save(figure, path):
    """Write the figure twice; the same figure gives the same bytes, and the SVG's text can be searched and edited."""
    from matplotlib import rc_context

    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=DPI, format="png", metadata={"Software": None})
    repeatable = rc_context({"svg.fonttype": "none", "svg.hashsalt": "microexp_keras"})
    with repeatable, replacing(Path(path).with_suffix(".svg")) as temporary:
        figure.savefig(temporary, dpi=DPI, format="svg", metadata={"Date": None, "Creator": None})
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
