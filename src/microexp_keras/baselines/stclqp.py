"""From clips to spatiotemporal completed local quantised patterns (STCLQP): codes, learned codebooks, features.

A reconstruction: that sign, magnitude and orientation are quantised by codebooks chosen for each plane is the paper's;
how each is defined, learned and chosen here is ours where its abstract does not say.

Huang, Zhao, Hong, Zheng and Pietikäinen, "Spontaneous facial micro-expression analysis using Spatiotemporal Completed
Local Quantized Patterns", Neurocomputing 175, 2016 (abstract). Guo, Zhang and Zhang, "A completed modeling of local
binary pattern operator", IEEE TIP 19(6), 2010, for sign and magnitude.
"""

from typing import NamedTuple

import numpy as np

from microexp_keras.baselines import lbp_top
from microexp_keras.baselines.lbp_top import AXES, PLANES, frames_first, histograms, margins, moved, on_pixels
from microexp_keras.errors import MicroExpError

CODES = 256  # eight neighbours, a bit each


def components(volume: np.ndarray, radii: tuple[int, int, int] = (1, 1, 1)) -> np.ndarray:
    """Return the codes of sign, magnitude and orientation, over the centres of `lbp_top.codes`.

    From uint8 (rows, columns, time) to uint8 (3, 3, rows - 2 b, columns - 2 b, time - 2 t): sign, magnitude,
    orientation in the planes XY, XT, YT.
    """
    frames = frames_first(volume, radii)
    found = [lbp_top.codes(volume, radii)]
    for bits in (magnitude_bits, orientation_bits):
        of_planes = [np.packbits(bits(frames, plane, radii), axis=0, bitorder="little")[0] for plane in PLANES]
        found.append(np.stack(of_planes).transpose(0, 2, 3, 1))
    return np.stack(found)


def magnitude_bits(frames: np.ndarray, plane: str, radii: tuple[int, int, int]) -> np.ndarray:
    """Return the bits of neighbours that differ from their centre by at least the mean difference in plane and clip.

    From uint8 frames (time, rows, columns) to bool (8, time - 2 t, rows - 2 b, columns - 2 b).
    """
    margin = margins(radii)
    centre = moved(frames, (0, 0, 0), margin)
    neighbours = [moved(frames, offset, margin) for offset in on_pixels(plane, radii)]
    differences = np.stack([np.maximum(one, centre) - np.minimum(one, centre) for one in neighbours])
    total = int(differences.sum(dtype=np.int64))
    mean_rounded_up = -(-total // differences.size)  # whole numbers reach it when they reach the mean itself
    return differences >= mean_rounded_up


def orientation_bits(frames: np.ndarray, plane: str, radii: tuple[int, int, int]) -> np.ndarray:
    """Return the bits of neighbours whose gradient within the plane is at most 90 degrees from the centre's.

    The abstract does not define orientation. This is our choice: it needs neither angles nor a threshold, is exact in
    whole numbers, and does not change when gray levels are shifted, scaled or negated.
    """
    margin, edge = margins(radii), (1, 1, 1)
    padded = np.pad(frames.astype(np.int32), 1, mode="edge")
    steps = np.eye(3, dtype=int)[list(AXES[plane])]
    gradients = [moved(padded, step, edge) - moved(padded, -step, edge) for step in steps]  # next minus previous
    found = []
    for offset in on_pixels(plane, radii):
        products = [moved(one, offset, margin) * moved(one, (0, 0, 0), margin) for one in gradients]
        found.append(products[0] + products[1] >= 0)
    return np.stack(found)


def counts(
    volume: np.ndarray, radii: tuple[int, int, int] = (1, 1, 1), blocks: tuple[int, int, int] = (8, 8, 1)
) -> np.ndarray:
    """Count the codes of a clip in each block; codebooks and features are computed from these counts alone.

    From uint8 (rows, columns, time), radii and blocks as for `lbp_top.features`, to uint16 (3, 3, blocks, 256):
    components, planes, blocks, codes.
    """
    found = components(volume, radii)
    in_blocks = lbp_top.counts(found.reshape(9, *found.shape[2:]), blocks)
    if in_blocks.max() > np.iinfo(np.uint16).max:
        raise MicroExpError("blocks: more than 65,535 centres of a code in one. Take more blocks, or smaller frames.")
    return in_blocks.astype(np.uint16).reshape(3, 3, -1, CODES)


class Codebooks(NamedTuple):
    """What is learned from training clips, for each component and plane."""

    tables: np.ndarray  # the word of each code, uint8 (3, 3, 256)
    sizes: np.ndarray  # how many words there are, int (3, 3)


def are_codebooks(tables: np.ndarray, sizes: np.ndarray) -> bool:
    """Whether arrays that a file holds are such codebooks."""
    shapes = tables.shape == (3, 3, CODES) and sizes.shape == (3, 3)
    return shapes and bool(((sizes > 0) & (sizes <= CODES) & (tables.max(axis=2) < sizes)).all())


def learn(
    clip_counts: np.ndarray, labels: np.ndarray, train: np.ndarray, sizes: tuple[int, ...] = (16, 32, 64)
) -> Codebooks:
    """Learn a codebook for each component and plane, of the size that separates the classes best by Fisher's criterion.

    From counts of all clips, uint16 (clips, 3, 3, blocks, 256), of which only those at `train` are looked at. Of
    equally good sizes the first is taken.
    """
    known, classes = clip_counts[train], np.asarray(labels)[train]
    tables, chosen = np.empty((3, 3, CODES), np.uint8), np.empty((3, 3), int)
    for place in np.ndindex(3, 3):
        here = known[:, place[0], place[1]]  # clips, blocks, codes
        occurrences = here.sum(axis=(0, 1), dtype=np.int64)
        best = -1.0
        for size in sizes:
            table, _ = codebook(occurrences, size)
            ratio = fisher(histograms(here, table, size).reshape(len(here), -1), classes)
            if ratio > best:
                best, tables[place], chosen[place] = ratio, table, size
    return Codebooks(tables, chosen)


def features(clip_counts: np.ndarray, codebooks: Codebooks) -> np.ndarray:
    """Describe clips by the histograms of their codes' words.

    From counts, uint16 (clips, 3, 3, blocks, 256), to float64 (clips, features): components outermost, then planes,
    blocks and words; the words of each block sum to 1.
    """
    parts = [
        histograms(clip_counts[:, place[0], place[1]], codebooks.tables[place], int(codebooks.sizes[place]))
        for place in np.ndindex(3, 3)
    ]
    return np.concatenate([part.reshape(len(clip_counts), -1) for part in parts], axis=1)


#: The 256 codes as points with coordinates 0 and 1, bit 0 first: float64 array (256, 8).
POINTS: np.ndarray = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little").astype(float)


def codebook(weights: np.ndarray, size: int, rounds: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Group the 256 codes into words by k-means on their bits, each code counting as often as it occurs.

    Nothing is random: the words start at the most frequent codes (of equally frequent ones at the smaller), a code as
    near to two words goes to the one with the lower number, and a word without codes stays where it is.

    From how often each code occurs, (256,), to the word of each code, uint8 (256,), and the words, float64 (size, 8).
    That a codebook is kept as a table of all codes is of Hussain and Triggs, "Visual recognition using local quantized
    patterns", ECCV 2012.
    """
    weights = np.asarray(weights, float)
    words = POINTS[np.argsort(-weights, kind="stable")[:size]]
    table = _nearest(words)
    for _ in range(rounds):
        members = np.eye(size)[table] * weights[:, None]  # codes x words
        total = members.sum(axis=0)
        means = members.T @ POINTS / np.maximum(total, 1)[:, None]
        words = np.where(total[:, None] > 0, means, words)
        moved = _nearest(words)
        if np.array_equal(moved, table):
            break
        table = moved
    return table.astype(np.uint8), words


def fisher(features: np.ndarray, labels: np.ndarray) -> float:
    """Return Fisher's ratio: the scatter between classes over that within them, summed over features (clips, features).

    To nine digits, as a sum's last bits are no advantage; 0 where nothing varies, infinity where only classes do.
    """
    values = features - features[0]  # so that what is constant is exactly 0
    mean = values.mean(axis=0)
    between, within = np.zeros_like(mean), np.zeros_like(mean)
    for label in np.unique(labels):
        of_class = values[labels == label]
        of_class_mean = of_class.mean(axis=0)
        between += len(of_class) * (of_class_mean - mean) ** 2
        within += ((of_class - of_class_mean) ** 2).sum(axis=0)
    if not within.any():
        return np.inf if between.any() else 0.0
    return round(float(between.sum() / within.sum()), 9)


def _nearest(words: np.ndarray) -> np.ndarray:
    distances = ((POINTS[:, None, :] - words[None, :, :]) ** 2).sum(axis=2)
    return np.round(distances, 9).argmin(axis=1)  # the sum's last bits must not decide between equal distances
