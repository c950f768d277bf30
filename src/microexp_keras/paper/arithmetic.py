"""From a printed percentage to the counts behind it, and from a mean and a deviation to ten counts."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

EPOCHS = 10  # of which Table VIII gives mean and deviation
ROUNDED_TWICE = 0.01 + 1e-9  # accuracies and their mean or deviation may both be rounded to two decimals


def fractions(percent: float, n: int, decimals: int = 2, truncated: bool = False) -> list[int]:
    """Return every k for which k of n clips is printed as this percentage (the GRIM test of Brown and Heathers 2017).

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


def count_as_printed(percent: float, n: int) -> tuple[int | None, str]:
    """Return the k for which k/n is printed as this percentage, or None, and a line that says it."""
    rounded = fractions(percent, n)
    for k in rounded or fractions(percent, n, truncated=True):
        return k, f"{k}/{n} = {k / n:.4%}" + ("" if rounded else ", only if digits are cut off")
    k = min(n, round(percent * n / 100))
    return None, f"no count of {n}: the nearest, {k}/{n}, is {k / n:.2%}"


def sum_of_ten(mean: float, n: int) -> int | None:
    """Return the sum of ten counts of n clips whose mean is printed so, even if accuracies were rounded; or None."""
    total = round(mean * n * EPOCHS / 100)
    return total if abs(100 * total / n / EPOCHS - mean) <= ROUNDED_TWICE else None


def ten_counts(mean: float, deviation: float, n: int) -> list[int] | None:
    """Find ten counts of n clips with this mean, in percent, whose sample deviation comes nearest to the printed one.

    What Anaya's GRIMMER test (PeerJ Preprints 2016) asks. Ten whole numbers with a sum of 10 c + r have squares about c
    that sum to r + 2 m: `r` of them are c + 1, the others c, and moving two equal ones apart by a each way adds 2 a².
    There are always four such pairs, and every m is a sum of four squares (Lagrange), so every m can be had, unless the
    counts would leave 0 to n. None if no ten counts have this mean; else from the highest to the lowest.
    """
    total = sum_of_ten(mean, n)
    if total is None:
        return None
    centre, rest = divmod(total, EPOCHS)
    wanted = (EPOCHS - 1) * (deviation * n / 100) ** 2 + rest**2 / EPOCHS  # the sum of the squares about `centre`
    near = max(0, math.floor((wanted - rest) / 2))
    spread = rest**2 / EPOCHS
    m = min(near, near + 1, key=lambda m: abs(math.sqrt(rest + 2 * m - spread) - math.sqrt(max(wanted - spread, 0))))
    moves = itertools.combinations_with_replacement(range(math.isqrt(m), -1, -1), 4)
    apart = min((move for move in moves if sum(a * a for a in move) == m), key=max)
    pairs = [centre + (place < rest // 2) for place in range(EPOCHS // 2)]  # of an odd rest the last is no equal pair
    counts = [one + sign * a for one, a in zip(pairs, [*apart, 0], strict=True) for sign in (1, -1)]
    counts[-2] += rest % 2
    return sorted(counts, reverse=True) if min(counts) >= 0 and max(counts) <= n else None


def labels_of(counts: Sequence[int]) -> np.ndarray:
    """Return labels with these counts by class, the classes one after the other."""
    return np.repeat(np.arange(len(counts)), counts)


def by_class(labels: np.ndarray) -> tuple[int, ...]:
    """Count labels by class."""
    return tuple(np.bincount(labels, minlength=3).tolist())
