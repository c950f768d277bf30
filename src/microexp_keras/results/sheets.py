"""From clips, and their saliency, to sheets of frames as PNG and SVG."""

from collections.abc import Sequence

import numpy as np

from microexp_keras.datasets.frames import spread
from microexp_keras.errors import MicroExpError
from microexp_keras.results.canvas import DPI, LETTER, PathType, empty_figure, save

MARKED = (230, 159, 0)  # the palette's lighter orange, for it lies over gray of every level
BLUR = 0.03  # deviation of a heat map's smoothing, in widths of the frame
CELL = 128  # pixels of a frame on a sheet, about: frames are enlarged by a whole number, so that pixels stay square


def contact_sheet(
    stacks: np.ndarray, path: PathType, titles: Sequence[str], frames: int = 7, title: str = ""
) -> PathType:
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
    chosen = _middles(stacks.shape[3], frames)
    strips = [[[_gray(clip)[..., time] for time in chosen]] for clip in stacks]
    return _sheet(strips, path, titles, title, chosen, [""])


def some_of_every_class(true: np.ndarray, predicted: np.ndarray, wanted: int) -> np.ndarray:
    """Choose clips to show: one of every class, wrongly predicted if there is any, then others; wrong ones first.

    Parameters
    ----------
    true, predicted : int array (clips,)
    wanted : int
        How many, if there are so many; one of every class in any case.

    Returns
    -------
    int array
        Positions.
    """
    wrong = predicted != true
    order = np.lexsort((np.arange(len(true)), ~wrong))  # wrong ones first
    _, first = np.unique(true[order], return_index=True)
    others = np.setdiff1d(np.arange(len(true)), order[first])
    more = others[spread(len(others), max(wanted - len(first), 0))]
    chosen = np.concatenate([order[first], more])
    return chosen[np.argsort(~wrong[chosen], kind="stable")]


def saliency_sheet(
    clips: np.ndarray,
    maps: np.ndarray,
    path: PathType,
    titles: Sequence[str],
    frames: int = 7,
    title: str = "",
    strengths: np.ndarray | None = None,
) -> PathType:
    """Draw clips with their binarised saliency: frames, marks, and marks over frames, as in Fig. 4 of the paper.

    Parameters
    ----------
    clips : array (clips, rows, columns, time)
        As for `contact_sheet`.
    maps : bool array (clips, rows, columns, time)
        See `saliency.binarize`.
    path, titles, frames, title
        As for `contact_sheet`.
    strengths : float array (clips, rows, columns, time), at least 0, optional
        What was binarised, drawn too: smoothed, as a heat map over the frames.

    Raises
    ------
    MicroExpError
        If clips and maps differ in shape, or if the maps are not binarised.
    """
    if maps.dtype != bool or maps.shape != clips.shape:
        raise MicroExpError("maps", f"bool {clips.shape}, as saliency.binarize gives", f"{maps.dtype} {maps.shape}")
    chosen, strips = _middles(clips.shape[3], frames), []
    for place, (clip, marks) in enumerate(zip(clips, maps, strict=True)):
        gray, marks = _gray(clip)[..., chosen], marks[..., chosen]
        over = np.where(marks[..., None], 0.25 * gray[..., None] + 0.75 * np.array(MARKED), gray[..., None])
        shown = [gray, 255 * marks.astype(np.uint8), over.astype(np.uint8)]
        if strengths is not None:
            shown.append(_heat(gray, _smoothed(strengths[place])[..., chosen]))
        strips.append([[array[:, :, time] for time in range(len(chosen))] for array in shown])
    names = ["frame", "saliency", "overlay", *(["heat map"] if strengths is not None else [])]
    return _sheet(strips, path, titles, title, chosen, names)


def _smoothed(strengths: np.ndarray) -> np.ndarray:
    """Smooth a clip's saliency (rows, columns, time) and scale it from its median (0) to its 99th percentile (1)."""
    from scipy.ndimage import gaussian_filter

    blur = BLUR * strengths.shape[1]
    smooth = gaussian_filter(strengths.astype(np.float64), (blur, blur, 0.5))
    middle, strong = np.quantile(smooth, (0.5, 0.99))
    return np.clip((smooth - middle) / max(strong - middle, 1e-12), 0, 1)


def _heat(gray: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """Overlay strengths 0-1 on frames (rows, columns, time) as a heat map: uint8 (..., 3)."""
    from matplotlib import colormaps

    colours = 255 * colormaps["inferno"](strengths)[..., :3]
    share = 0.75 * strengths[..., None]
    return (share * colours + (1 - share) * gray[..., None]).astype(np.uint8)


def _middles(length: int, wanted: int) -> list[int]:
    """Return the frames at the middle of equal parts of a clip: not the last, which the pooling may discard."""
    wanted = min(wanted, length)
    return [int((part + 0.5) * length / wanted) for part in range(wanted)]


def _gray(clip: np.ndarray) -> np.ndarray:
    """Return levels 0-255, uint8."""
    if clip.dtype == np.uint8:
        return clip
    low, high = clip.min(), clip.max()
    return ((clip - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)


def _sheet(
    clips: list[list[list[np.ndarray]]],
    path: PathType,
    titles: Sequence[str],
    title: str,
    numbers: Sequence[int],
    names: Sequence[str],
) -> PathType:
    """Draw strips of frames, `clips[clip][strip][frame]`, each frame uint8 (rows, columns) or (rows, columns, 3)."""
    if not clips or len(titles) != len(clips):
        raise MicroExpError(path, "clips and a title for each", f"{len(clips)} and {len(titles)}")
    rows, columns = clips[0][0][0].shape[:2]
    scale, gap = max(round(CELL / rows), 1), 2
    tall, wide = len(names) * (rows + gap) - gap, len(numbers) * (columns + gap) - gap
    # The page in whole pixels of the PNG, so that those of the clips fall on them.
    head, above, foot, side, right = 45 if title else 8, 48, 68, 112 if any(names) else 22, 22
    longest = int(DPI * LETTER * max(len(text) for text in (*titles, title + title[: len(title) // 4])))  # it is bold
    page = side + max(scale * wide, longest) + right, head + len(clips) * (above + scale * tall) + foot
    figure = empty_figure((page[0] / DPI, page[1] / DPI))
    for number, (strips, name) in enumerate(zip(clips, titles, strict=True)):
        picture = np.full((tall, wide, 3), 255, np.uint8)
        for strip, images in enumerate(strips):
            for time, image in enumerate(images):
                top, left = strip * (rows + gap), time * (columns + gap)
                picture[top : top + rows, left : left + columns] = image if image.ndim == 3 else image[..., None]
        bottom = page[1] - head - (number + 1) * (above + scale * tall)
        box = (side / page[0], bottom / page[1], scale * wide / page[0], scale * tall / page[1])
        axes = figure.add_axes(box)
        axes.imshow(picture, interpolation="none", aspect="auto")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, labelsize=9)
        axes.set_yticks([strip * (rows + gap) + rows / 2 for strip in range(len(names))], names)
        axes.set_xticks([])
        axes.set_title(name, loc="left", fontsize=10, pad=4)
    axes.set_xticks([time * (columns + gap) + columns / 2 for time in range(len(numbers))], list(map(str, numbers)))
    axes.set_xlabel("frame (counted from 0)", fontsize=9)
    if title:
        figure.text(side / page[0], 1 - 15 / page[1], title, va="top", fontsize=11, fontweight="bold")
    return save(figure, path)
