"""From clips and their saliency to a sheet of frames as PNG and SVG."""

from collections.abc import Sequence

import numpy as np

from microexp_keras.datasets.frames import spread
from microexp_keras.results.plots import PathType, own_style, save, subplots

MARKED = (230, 159, 0)  # the palette's lighter orange, for it lies over gray of every level
BLUR = 0.03  # deviation of a heat map's smoothing, in widths of the frame
FRAME = 0.9  # inches of a frame on a sheet
GAP = 2  # pixels between frames
STRIPS = ["frame", "saliency", "overlay", "heat map"]


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
