"""All figures by name; here those of scores and of regions. Each is written as PNG and as SVG beside it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras.errors import MicroExpError
from microexp_keras.metrics import Scores
from microexp_keras.results.canvas import (
    BLUE,
    CLASS_COLOURS,
    GRAY,
    LETTER,
    ORANGE,
    PathType,
    class_colours,
    save,
    subplots,
    wrapped,
)
from microexp_keras.results.plots_over_time import curves, timeline
from microexp_keras.results.plots_probabilities import calibration, roc
from microexp_keras.results.sheets import contact_sheet, saliency_sheet

if TYPE_CHECKING:
    from microexp_keras.models.saliency import RegionShare

__all__ = [
    "CLASS_COLOURS",
    "accuracies",
    "calibration",
    "class_colours",
    "confusion_matrix",
    "contact_sheet",
    "curves",
    "roc",
    "saliency_sheet",
    "shares",
    "timeline",
]


def confusion_matrix(scores: Scores, path: PathType, title: str = "") -> PathType:
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
    figure, axes = subplots(1, 1, (max(side, 4.4), side))
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
    figure.suptitle(wrapped(title, 44), fontsize=10)
    return save(figure, path)


def accuracies(
    rows: Sequence[dict[str, Any]],
    path: PathType,
    title: str = "",
    value_label: str = "accuracy",
    points: str = "found here",
) -> PathType:
    """Draw accuracies as points with their intervals, one below the other.

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
        raise MicroExpError(path, "at least one row to draw", "none")
    heights: list[float] = []
    headings: list[tuple[float, str]] = []
    height, group = -1.0, None
    for row in rows:
        if row["group"] and row["group"] != group:
            height += 1.3 if heights else 1
            headings.append((height, row["group"]))
        group = row["group"]
        height += 1
        heights.append(height)
    longest = max(len(text) for row in rows for text in (row["label"], row["group"] or ""))
    figure, axes = subplots(1, 1, (5.2 + LETTER * longest, 1.5 + 0.3 * (height + 1)))
    drawn: dict[str, Any] = {}
    hollow = {"ms": 9, "mew": 1.6, "mfc": "none", "mec": ORANGE, "zorder": 4, "clip_on": False}
    for y, row in zip(heights, rows, strict=True):
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
        [*heights, *(y for y, _ in headings)], [*(row["label"] for row in rows), *(name for _, name in headings)]
    )
    for text in axes.get_yticklabels()[len(rows) :]:
        text.set_fontweight("bold")
    axes.set(xlim=(-0.01, 1.01), ylim=(height + 0.6, -0.6), xlabel=value_label)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#E5E5E5")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    order = [name for name in (points, "95 % interval", "published", "majority class") if name in drawn]
    figure.legend(
        [drawn[name] for name in order], order, loc="outside lower center", ncols=4, frameon=False, fontsize=9
    )
    figure.suptitle(wrapped(title, 55 + longest), fontsize=11)
    return save(figure, path)


def shares(regions: "Mapping[str, RegionShare]", path: PathType, title: str = "") -> PathType:
    """Draw how much of the saliency lies in each region, beside the region's share of the pixels.

    Parameters
    ----------
    regions : dict of str to saliency.RegionShare
        As `saliency.region_shares` gives it. The bar is the mean of the clips, each of them is a point.
    path : str or Path
        PNG to write; the SVG of the same name is written too.
    title : str
        Above the figure.
    """
    figure, axes = subplots(1, 1, (6, 1.5 + 0.5 * len(regions)))
    for y, share in enumerate(regions.values()):
        known = share.saliency[np.isfinite(share.saliency)]
        if len(known):
            axes.barh(y, known.mean(), height=0.6, color=BLUE, alpha=0.45, label="share of saliency, mean of clips")
        spread = y + np.linspace(-0.2, 0.2, len(known)) if len(known) > 1 else [y] * len(known)
        axes.plot(known, spread, "o", color=BLUE, ms=3, label="a clip")
        areas = (share.area.mean(),) * 2
        axes.plot(areas, (y - 0.38, y + 0.38), color=ORANGE, lw=3, label="share of the pixels")
    axes.set_yticks(range(len(regions)), regions)
    axes.set(xlim=(0, None), ylim=(len(regions) - 0.4, -0.6))
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    figure.suptitle(wrapped(title, 70), fontsize=11)
    return save(figure, path)
