"""From a path to clips to look at, and from their frames and points to one sheet, faults framed in red."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from microexp_keras.atomic import replacing
from microexp_keras.datasets import Clip, Database, Video, find_clips, is_table
from microexp_keras.datasets.folders import natural_order, visible
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks.points import Fault, boxes
from microexp_keras.text import plain

# Okabe and Ito's palette: told apart by colour-blind readers, and from skin.
BLUE, ORANGE, FAULT = "#0072B2", "#E69F00", "#CC0000"


class Tile(NamedTuple):
    """A frame of the sheet.

    Attributes
    ----------
    label : str
    image : uint8 array (rows, columns, 3)
        Red, green, blue.
    points : int32 array (68, 2), or (0, 2) without a face
    fault : Fault or None
    """

    label: str
    image: np.ndarray
    points: np.ndarray
    fault: Fault | None


def clips_to_draw(
    path: Path, database: Database, limit: int | None, options: Mapping[str, Any]
) -> tuple[list[Clip], int, int]:
    """Choose what to draw of a path: clips, how many frames to look at in each, and how many of these to draw."""
    from microexp_keras.datasets.smic import FRAME_SUFFIXES

    if not path.exists():
        raise MicroExpError(path, "a folder, a video or an image", "nothing", "Name another path.")
    if is_table(path):
        count = limit or database.frames
        return _spread_clips(find_clips(path, database, frames=count)), count, 3
    if path.is_dir():
        images = [child for child in visible(path) if child.suffix.lower() in FRAME_SUFFIXES]
        if not images:
            count = limit or database.frames
            return _spread_clips(find_clips(path, database, frames=count, **options)), count, 3
        frames = tuple(sorted(images, key=lambda image: natural_order(image.name)))
        clip = Clip(path.resolve().name, "", 0, frames)
    elif path.suffix.lower() in FRAME_SUFFIXES:
        clip = Clip(path.stem, "", 0, (path,))
    else:
        clip = Clip(path.stem, "", 0, Video(path))
    from microexp_keras.datasets.frames import count_frames

    count = len(clip.images) or count_frames(path)
    if not count:
        raise MicroExpError(path, "a folder, a video or an image", "another file", "Name another path.")
    return [clip], min(limit or count, count), 24


def _spread_clips(clips: Sequence[Clip]) -> list[Clip]:
    """Choose up to four clips of each class, spread over its clips and so over its subjects."""
    from microexp_keras.datasets.frames import spread

    by_class = [[clip for clip in clips if clip.label == label] for label in sorted({clip.label for clip in clips})]
    return [same[index] for same in by_class for index in spread(len(same), 4)]


def draw_sheet(tiles: Sequence[Tile], title: str, path: Path) -> None:
    """Draw tiles of equal size, frames with faults framed in red, into one PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle
    from matplotlib.text import Text

    columns = min(4 if len(tiles) <= 24 else 6, len(tiles))
    rows = -(-len(tiles) // columns)
    width = min(13 / columns, 6)
    ratio = max(tile.image.shape[0] / tile.image.shape[1] for tile in tiles)
    figure = Figure(figsize=(max(columns * width, 6), rows * (width * ratio + 0.3) + 0.8), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(tiles) :]:
        axes.set_axis_off()
    for axes, tile in zip(grid.flat, tiles, strict=False):
        axes.imshow(tile.image)
        axes.set(xticks=[], yticks=[], facecolor="#DDDDDD")
        tall, wide = tile.image.shape[:2]
        across = 1.04 * max(wide, tall / ratio)  # the edge shows boxes that leave the frame; all tiles are alike
        axes.set(xlim=(wide / 2 - across / 2, wide / 2 + across / 2))
        axes.set(ylim=(tall / 2 + across * ratio / 2, tall / 2 - across * ratio / 2))
        axes.set_aspect("auto")
        axes.set_box_aspect(ratio)
        axes.set_xlabel(tile.label, fontsize=9)
        if len(tile.points):
            inches = width * np.ptp(tile.points[:, 0]) / across  # small faces get small marks
            axes.scatter(*tile.points.T, s=2 + 2 * inches**2, color="white", ec="black", lw=0.3, zorder=3)
            for colour, (top, bottom, left, right) in zip((BLUE, ORANGE), boxes(tile.points).values(), strict=True):
                corner = (left - 0.5, top - 0.5)  # pixels are drawn around their whole numbers
                axes.add_patch(Rectangle(corner, right - left, bottom - top, fill=False, ec=colour, lw=1 + inches))
        if tile.fault:
            axes.spines[:].set(color=FAULT, linewidth=4)
            style = {"facecolor": FAULT, "edgecolor": "none", "boxstyle": "square,pad=0.3"}
            axes.text(
                0.5, 0.94, str(tile.fault), transform=axes.transAxes, ha="center", va="top", color="white", bbox=style,
                fontsize=10, fontweight="bold", zorder=4,
            )  # fmt: skip
    keys = [
        Line2D([], [], color=BLUE, linewidth=2, label="eyes"),
        Line2D([], [], color=ORANGE, linewidth=2, label="mouth"),
        Line2D([], [], color="white", markeredgecolor="black", marker="o", linestyle="", label="68 points"),
        Line2D([], [], color=FAULT, linewidth=4, label="fault"),
    ]
    figure.suptitle(title, fontsize=13)
    figure.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False, fontsize=10)
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # a name may hold $
        text.set_text(plain(text.get_text()))
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")
