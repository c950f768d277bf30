"""From clips to spatiotemporal completed local quantised patterns (STCLQP): codes, learned codebooks, features.

A reconstruction: that sign, magnitude and orientation are quantised by codebooks chosen for each plane is the paper's;
how each is defined, learned and chosen here is ours where its abstract does not say.

References
----------
Huang, Zhao, Hong, Zheng and Pietikäinen, "Spontaneous facial micro-expression analysis using Spatiotemporal Completed
Local Quantized Patterns", Neurocomputing 175, 2016 (abstract). Guo, Zhang and Zhang, "A completed modeling of local
binary pattern operator", IEEE TIP 19(6), 2010, for sign and magnitude.
"""

from dataclasses import dataclass

import numpy as np

from microexp_keras.baselines import lbp_top
from microexp_keras.baselines.codebooks import codebook, fisher, scatter
from microexp_keras.baselines.planes import AXES, PLANES, frames_first, margins, moved, on_pixels
from microexp_keras.errors import MicroExpError

COMPONENTS: tuple[str, ...] = ("sign", "magnitude", "orientation")

CODES = 256  # eight neighbours, a bit each


def components(volume: np.ndarray, radii: tuple[int, int, int] = (1, 1, 1)) -> np.ndarray:
    """Return the codes of sign, magnitude and orientation.

    Parameters
    ----------
    volume : uint8 array (rows, columns, time), 0-255
    radii : (int, int, int)
        In the order x, y, t.

    Returns
    -------
    uint8 array (3, 3, rows - 2 b, columns - 2 b, time - 2 t), 0-255
        Sign, magnitude, orientation in the planes XY, XT, YT, over the centres of `lbp_top.codes`.

    Raises
    ------
    MicroExpError
        As `lbp_top.codes` does.
    """
    frames = frames_first(volume, radii)
    found = [lbp_top.codes(volume, radii)]
    for bits in (magnitude_bits, orientation_bits):
        of_planes = [np.packbits(bits(frames, plane, radii), axis=0, bitorder="little")[0] for plane in PLANES]
        found.append(np.stack(of_planes).transpose(0, 2, 3, 1))
    return np.stack(found)


def magnitude_bits(frames: np.ndarray, plane: str, radii: tuple[int, int, int]) -> np.ndarray:
    """Return the bits of neighbours that differ from their centre by at least the mean difference in plane and clip.

    Parameters
    ----------
    frames : uint8 array (time, rows, columns), 0-255
    plane : "XY", "XT" or "YT"
    radii : (int, int, int)
        In the order x, y, t.

    Returns
    -------
    bool array (8, time - 2 t, rows - 2 b, columns - 2 b)
        Neighbours 0 to 7 of each centre.
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
    whole numbers, and does not change when gray levels are shifted, scaled or negated. Parameters and result are those
    of `magnitude_bits`.
    """
    margin = margins(radii)
    gradients = [_central_difference(frames, axis) for axis in AXES[plane]]
    found = []
    for offset in on_pixels(plane, radii):
        products = [moved(one, offset, margin) * moved(one, (0, 0, 0), margin) for one in gradients]
        found.append(products[0] + products[1] >= 0)
    return np.stack(found)


def counts(
    volume: np.ndarray, radii: tuple[int, int, int] = (1, 1, 1), blocks: tuple[int, int, int] = (8, 8, 1)
) -> np.ndarray:
    """Count the codes of a clip in each block; codebooks and features are computed from these counts alone.

    Parameters
    ----------
    volume, radii
        As for `components`.
    blocks : (int, int, int)
        As for `lbp_top.counts`.

    Returns
    -------
    uint16 array (3, 3, blocks, 256)
        Components, planes, blocks, codes.

    Raises
    ------
    MicroExpError
        As `lbp_top.codes` and `lbp_top.counts` do, or if a block has more than 65,535 centres.
    """
    found = components(volume, radii)
    in_blocks = lbp_top.counts(found.reshape(9, *found.shape[2:]), blocks)
    if in_blocks.max() > np.iinfo(np.uint16).max:
        raise MicroExpError(
            "blocks",
            "at most 65,535 centres of one code in a block",
            str(in_blocks.max()),
            "Take more blocks, or smaller frames.",
        )
    return in_blocks.astype(np.uint16).reshape(3, 3, -1, CODES)


@dataclass(frozen=True)
class Codebooks:
    """What is learned from training clips.

    Attributes
    ----------
    tables : uint8 array (3, 3, 256)
        For each component and plane, the word of each code.
    sizes : int array (3, 3)
        Words of each codebook.
    kept : bool array (features,) or None
        Which features are used; None for all.
    """

    tables: np.ndarray
    sizes: np.ndarray
    kept: np.ndarray | None = None


def learn(
    clip_counts: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    sizes: tuple[int, ...] = (16, 32, 64),
    share: float = 1.0,
) -> Codebooks:
    """Learn a codebook for each component and plane, of the size that separates the classes best by Fisher's criterion.

    Parameters
    ----------
    clip_counts : uint16 array (clips, 3, 3, blocks, 256)
        What `counts` gives of each clip.
    labels : int array (clips,)
    train : int array
        Positions of the training clips; nothing else of the two arrays above is looked at.
    sizes : tuple of int
        Words to try, in ascending order: of equally good sizes the first is taken.
    share : float
        Share of the features to keep, the ones with the largest Fisher ratio; 1 keeps all.

    Returns
    -------
    Codebooks

    Raises
    ------
    MicroExpError
        If there are no training clips, or `sizes` or `share` are out of range.
    """
    if not len(train) or not sizes or min(sizes) < 1 or max(sizes) > CODES or not 0 < share <= 1:
        raise MicroExpError(
            "codebooks",
            f"training clips, sizes from 1 to {CODES} and a share above 0 and at most 1",
            f"{len(train)} clips, sizes {tuple(sizes)}, share {share}",
            "Give these as the documentation says.",
        )
    known, classes = clip_counts[train], np.asarray(labels)[train]
    tables, chosen = np.empty((3, 3, CODES), np.uint8), np.empty((3, 3), int)
    for place in np.ndindex(3, 3):
        here = known[:, place[0], place[1]]  # clips, blocks, codes
        occurrences = here.sum(axis=(0, 1), dtype=np.int64)
        best = -1.0
        for size in sizes:
            table, _ = codebook(occurrences, size)
            between, within = scatter(_histograms(here, table, size), classes)
            ratio = round(float(fisher(between.sum(), within.sum())), 9)  # a sum's last bits are no advantage
            if ratio > best:
                best, tables[place], chosen[place] = ratio, table, size
    codebooks = Codebooks(tables, chosen)
    if share == 1:
        return codebooks
    ratios = fisher(*scatter(features(known, codebooks), classes))
    kept = np.zeros(len(ratios), bool)
    kept[np.argsort(-ratios, kind="stable")[: max(1, round(share * len(ratios)))]] = True
    return Codebooks(tables, chosen, kept)


def features(clip_counts: np.ndarray, codebooks: Codebooks) -> np.ndarray:
    """Describe clips by the histograms of their codes' words.

    Parameters
    ----------
    clip_counts : uint16 array (clips, 3, 3, blocks, 256)
        What `counts` gives of each clip.
    codebooks : Codebooks

    Returns
    -------
    float64 array (clips, features)
        Components outermost, then planes, blocks and words; the words of each block sum to 1 if all features are kept.
    """
    parts = [
        _histograms(clip_counts[:, place[0], place[1]], codebooks.tables[place], int(codebooks.sizes[place]))
        for place in np.ndindex(3, 3)
    ]
    found = np.concatenate(parts, axis=1)
    return found if codebooks.kept is None else found[:, codebooks.kept]


def _histograms(in_blocks: np.ndarray, table: np.ndarray, size: int) -> np.ndarray:
    """From counts (clips, blocks, 256) to float64 (clips, blocks * size)."""
    one_hot = np.eye(size, dtype=np.float32)[table]
    words = (in_blocks.astype(np.float32) @ one_hot).astype(np.float64)  # counts are small: exact in float32
    return (words / words.sum(axis=2, keepdims=True)).reshape(len(words), -1)


def _central_difference(frames: np.ndarray, axis: int) -> np.ndarray:
    """Next minus previous value along an axis, the border repeated; int32 array of the same shape."""
    padded = np.pad(frames.astype(np.int32), [(1, 1) if one == axis else (0, 0) for one in range(3)], mode="edge")
    length = frames.shape[axis]
    return np.take(padded, range(2, length + 2), axis) - np.take(padded, range(length), axis)
