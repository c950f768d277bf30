"""From a printed percentage to the counts behind it, and from class counts to what a split holds out."""

import itertools
from collections.abc import Sequence

import numpy as np

from microexp_keras.paper.published import Published
from microexp_keras.protocols.splits import Split

EPOCHS = 10  # of which Table VIII gives mean and deviation


def fractions(percent: float, n: int, decimals: int = 2, truncated: bool = False) -> list[int]:
    """Return every k for which k of n clips is printed as this percentage.

    Parameters
    ----------
    percent : float
        As printed.
    n, decimals : int
        Clips; digits behind the point.
    truncated : bool
        Digits are cut off instead of rounded. Of a tie in rounding both neighbours are taken, since programs differ.

    Returns
    -------
    list of int
    """
    unit, printed = 100 * 10**decimals, round(percent * 10**decimals)  # whole numbers: a tie is a tie
    if truncated:
        return [k for k in range(n + 1) if k * unit // n == printed]
    return [k for k in range(n + 1) if abs(2 * (k * unit - printed * n)) <= n]


def totals(percent: float, up_to: int, decimals: int = 2) -> list[int]:
    """Return every n up to `up_to` for which some k of n rounds to this percentage."""
    return [n for n in range(1, up_to + 1) if fractions(percent, n, decimals)]


def count_as_printed(published: Published, percent: float, n: int) -> tuple[int | None, str]:
    """Return the k for which k/n is printed as this percentage, or None, and a line that says it."""
    rounded = fractions(percent, n, published.decimals)
    for k in rounded or fractions(percent, n, published.decimals, truncated=True):
        return k, f"{k}/{n} = {k / n:.4%}" + ("" if rounded else ", only if digits are cut off")
    k = min(n, round(percent * n / 100))
    return None, f"no count of {n}: the nearest, {k}/{n}, is {k / n:.2%}"


def sums_of_ten(published: Published, mean: float, n: int) -> list[int]:
    """Return the sums of ten counts of n clips whose mean is printed as `mean`, if each accuracy was rounded before."""
    unit, printed = 100 * 10**published.decimals, round(mean * 10**published.decimals)
    return [total for total in range(EPOCHS * n + 1) if abs(total * unit - printed * EPOCHS * n) <= EPOCHS * n]


def held_out_counts(counts: Sequence[int], split: Split) -> tuple[int, ...]:
    """Count the held-out clips by class when clips with these class counts are split."""
    labels = labels_of(counts)
    (fold,) = split(labels, [None] * len(labels))
    return by_class(labels[fold.held_out])


def fitting_totals(counts: Sequence[int], held_out: Sequence[int], split: Split, reach: int = 20) -> list[int]:
    """Find the numbers of clips, within `reach` of `sum(counts)`, of which a split holds out `held_out` of each class.

    The labels go by position: all classes but the last keep their counts.
    """
    first = counts[:-1]
    tried = range(max(sum(counts) - reach, sum(first) + 1), sum(counts) + reach + 1)
    return [n for n in tried if held_out_counts((*first, n - sum(first)), split) == tuple(held_out)]


def fitting_counts(n: int, held_out: Sequence[int], split: Split) -> list[tuple[int, int, int]]:
    """Find all counts of three classes with sum `n` of which a split holds out `held_out`."""
    (fold,) = split(np.zeros(n, int), [None] * n)
    before = np.searchsorted(np.sort(fold.held_out), np.arange(n + 1))  # held out before each position
    first, second = (np.flatnonzero(before == border).tolist() for border in itertools.accumulate(held_out[:2]))
    return [(a, b - a, n - b) for a in first for b in second if a <= b]


def labels_of(counts: Sequence[int]) -> np.ndarray:
    """Return labels with these counts by class, the classes one after the other."""
    return np.repeat(np.arange(len(counts)), counts)


def by_class(labels: np.ndarray) -> tuple[int, ...]:
    """Count labels by class."""
    return tuple(np.bincount(labels, minlength=3).tolist())
