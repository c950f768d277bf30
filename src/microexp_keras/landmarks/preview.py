"""From a path to the clip to look at, and from its frames and points to one sheet, faults framed in red."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras.atomic import replacing
from microexp_keras.datasets import Clip, Video
from microexp_keras.datasets.clips import FRAME_SUFFIXES, look
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks.points import boxes
from microexp_keras.text import plain

# Okabe and Ito's palette: told apart by colour-blind readers, and from skin.
BLUE, ORANGE, FAULT = "#0072B2", "#E69F00", "#CC0000"


# Of a frame its label, uint8 (rows, columns, 3), RGB, its points, int32 (68, 2), or (0, 2) without a face, its fault.
Tile = tuple[str, np.ndarray, np.ndarray, str | None]


def clip_at(path: Path) -> Clip:
    """Take the folder of a clip, a video or an image for a clip."""
    images = look(path).frames if path.is_dir() else ()
    if path.is_dir() and not images:
        raise MicroExpError(path, "there are no frames in this folder", "Name the folder of one clip.")
    if path.suffix.lower() in FRAME_SUFFIXES and not images:
        images = (path,)
    return Clip(path.resolve().name if path.is_dir() else path.stem, "", 0, images or Video(path))


def draw_sheet(tiles: Sequence[Tile], title: str, path: Path) -> None:
    """Draw tiles, frames with faults framed in red, into one PNG."""
    from matplotlib import style
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    columns = min(4 if len(tiles) <= 24 else 6, len(tiles))
    rows, width = -(-len(tiles) // columns), min(13 / columns, 6)
    ratio = max(image.shape[0] / image.shape[1] for _, image, _, _ in tiles)
    keys = [
        Line2D([], [], color=BLUE, linewidth=2, label="eyes"),
        Line2D([], [], color=ORANGE, linewidth=2, label="mouth"),
        Line2D([], [], color="white", markeredgecolor="black", marker="o", linestyle="", label="68 points"),
        Line2D([], [], color=FAULT, linewidth=4, label="fault"),
    ]
    with style.context("default"), replacing(path) as temporary:  # a matplotlibrc may ask for LaTeX
        figure = Figure(figsize=(max(columns * width, 6), rows * (width * ratio + 0.3) + 0.8), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat[len(tiles) :]:
            axes.set_axis_off()
        for axes, tile in zip(grid.flat, tiles, strict=False):
            _draw(axes, *tile, width)
        figure.suptitle(plain(title), fontsize=13, parse_math=False)  # a name may hold $
        figure.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False, fontsize=10)
        figure.savefig(temporary, dpi=120, format="png")


def _draw(axes: Any, label: str, image: np.ndarray, points: np.ndarray, fault: str | None, width: float) -> None:
    """Draw a tile into its axes, which are `width` inches wide."""
    from matplotlib.patches import Rectangle

    axes.imshow(image)
    tall, wide = image.shape[:2]
    edge = 0.02 * wide  # shows boxes that leave the frame
    axes.set(xticks=[], yticks=[], facecolor="#DDDDDD", xlim=(-edge, wide + edge), ylim=(tall + edge, -edge))
    axes.set_xlabel(plain(label), fontsize=9, parse_math=False)
    if len(points):
        inches = width * np.ptp(points[:, 0]) / wide  # small faces get small marks
        axes.scatter(*points.T, s=2 + 2 * inches**2, color="white", ec="black", lw=0.3, zorder=3)
        for colour, (top, bottom, left, right) in zip((BLUE, ORANGE), boxes(points).values(), strict=True):
            corner = (left - 0.5, top - 0.5)  # pixels are drawn around their whole numbers
            axes.add_patch(Rectangle(corner, right - left, bottom - top, fill=False, ec=colour, lw=1 + inches))
    if fault:
        axes.spines[:].set(color=FAULT, linewidth=4)
        box = {"facecolor": FAULT, "edgecolor": "none", "boxstyle": "square,pad=0.3"}
        bold: dict[str, Any] = {"color": "white", "bbox": box, "fontsize": 10, "fontweight": "bold", "zorder": 4}
        axes.text(0.5, 0.94, fault, transform=axes.transAxes, ha="center", va="top", **bold)
