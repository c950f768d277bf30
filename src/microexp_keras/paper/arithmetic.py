"""From printed figures to the counts behind them: the steps of the audit, by their names in `claims.toml`.

A step returns what comes out, and a line that says how.
"""

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras import metrics
from microexp_keras.models.original import keras2_configs, steps_of
from microexp_keras.text import either, slashed

if TYPE_CHECKING:
    from microexp_keras.paper.published import Cell

EPOCHS = 10  # of which Table VIII gives mean and deviation
ROUNDED_TWICE = 0.01 + 1e-9  # accuracies and their mean or deviation may both be rounded to two decimals

Found = tuple[Any, str]


def fractions(percent: float, n: int, decimals: int = 2, truncated: bool = False) -> list[int]:
    """Return every k for which k of n clips is printed as this percentage (the GRIM test of Brown and Heathers 2017).

    If `truncated`, digits are cut off instead of rounded. Of a tie in rounding both neighbours are taken, since
    programs differ.
    """
    unit, printed = 100 * 10**decimals, round(percent * 10**decimals)  # whole numbers: a tie is a tie
    if truncated:
        return [k for k in range(n + 1) if k * unit // n == printed]
    return [k for k in range(n + 1) if abs(2 * (k * unit - printed * n)) <= n]


def labels_of(counts: Sequence[int]) -> np.ndarray:
    """Return labels with these counts by class, the classes one after the other."""
    return np.repeat(np.arange(len(counts)), counts)


def by_class(labels: np.ndarray) -> tuple[int, ...]:
    """Count labels by class."""
    return tuple(np.bincount(labels, minlength=3).tolist())


def plain(value: Any) -> str:
    """Write a figure as tables do: rates with four digits, percentages with two, counts by class with slashes."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return slashed(map(plain, value)) or "none"
    return f"{value:.{4 if value < 1 else 2}f}" if isinstance(value, float) else str(value)


def count(percent: float, of: int) -> Found:
    """Find the counts that are printed as a percentage."""
    rounded = fractions(percent, of)
    if found := rounded or fractions(percent, of, truncated=True):
        line = " or ".join(f"{k}/{of} = {k / of:.4%}" for k in found)
        return found, line + ("" if rounded else ", only if digits are cut off")
    k = min(of, round(percent * of / 100))
    return [], f"no count of {of}: the nearest, {k}/{of}, is {k / of:.2%}"


def sizes(percent: float, up_to: int) -> Found:
    """Find the sizes of a set of which a percentage can be a count."""
    fitting = [n for n in range(1, up_to + 1) if fractions(percent, n)]
    return fitting, f"{percent:.2f} % is a count of {either(fitting) or 'no'} clips, of all sizes to {up_to}"


def interval(k: int, of: int) -> Found:
    """Compute Wilson's interval of a count."""
    found = "{:.1%} to {:.1%}".format(*metrics.wilson_interval(k, of))
    return found, f"{k}/{of}: 95 % interval {found} (Wilson)"


def majority(program: "Cell") -> Found:
    """Score the most frequent class given to every scored clip."""
    most = max(program.counts)
    name = program.classes[program.counts.index(most)]
    return [name, most], f"always {name}: {most}/{program.clips} = {most / program.clips:.2%}"


def constant(percent: float, program: "Cell") -> Found:
    """Name the class that scores a percentage when it is given to every scored clip."""
    rates = dict(zip(program.classes, program.counts, strict=True))
    printed, _ = count(percent, program.clips)
    found = next((name for name, held in rates.items() if [held] == printed[:1]), None)
    every = ", ".join(f"{name} {held}/{program.clips} = {held / program.clips:.2%}" for name, held in rates.items())
    answer = f"always {found}" if found else "no constant answer"
    return found or "none", f"{percent:.2f} is {answer}; one answer scores {every}"


def in_name(percent: float, program: "Cell") -> Found:
    """Write an accuracy as names of weights files have it, with the counts that are written so."""
    name = f"{percent / 100:.2f}"
    counts = fractions(100 * float(name), program.clips, 0)
    return [name, len(counts)], f"{program.name}, {percent:.2f} %: {name} is {either(counts)} of {program.clips}"


def held_out(counts: Sequence[int], program: "Cell") -> Found:
    """Split clips with some class counts as a program does."""
    labels = labels_of(counts)
    (fold,) = program.protocol.split(labels, [None] * len(labels))
    held = by_class(labels[fold.held_out])
    return held, f"of {sum(counts)} clips, {slashed(counts)}, the split holds out {sum(held)}, {slashed(held)}"


def totals(counts: Sequence[int], program: "Cell", reach: int = 20) -> Found:
    """Find the numbers of clips of which the rows of the matrix come out, if all classes but the last keep theirs."""
    first, rows = counts[:-1], tuple(program.counts)
    tried = [n for n in range(sum(counts) - reach, sum(counts) + reach + 1) if n > sum(first)]
    fits = [n for n in tried if held_out([*first, n - sum(first)], program)[0] == rows]
    borders = slashed(np.cumsum([0, *first]).tolist())
    return fits, f"with classes beginning at {borders}: {slashed(rows)} of {either(fits) or 'no'} clips"


def mislabelled(counts: Sequence[int], labels: Sequence[int]) -> Found:
    """Count by class the clips that get another label, if clips with some counts get labels by position."""
    true = labels_of(counts)
    wrong = by_class(true[true != labels_of(labels)[: len(true)]])
    return wrong, f"clips {slashed(counts)} under labels {slashed(labels)} by position: {slashed(wrong)} are wrong"


def matrix(rows: Sequence[Sequence[int]], program: "Cell") -> Found:
    """Score what a confusion matrix counts."""
    array = np.array(rows)
    true, predicted = (np.repeat(index.ravel(), array.ravel()) for index in np.indices(array.shape))
    scores = metrics.score(true, predicted, program.classes)
    recall = ", ".join(f"{name} {part:.3f}" for name, part in zip(program.classes, scores.recall, strict=True))
    line = f"{' + '.join(map(str, np.diag(array)))} = {scores.correct} right of {scores.clips}; recall {recall}; "
    figures = [scores.correct, scores.clips, round(scores.uf1, 4), round(scores.uar, 4)]
    return figures, f"{line}UF1 {scores.uf1:.4f}, UAR {scores.uar:.4f}"


def rows(rows: Sequence[Sequence[int]]) -> Found:
    """Sum the rows of a confusion matrix."""
    return list(map(sum, rows)), f"rows sum to {slashed(map(sum, rows))}"


def beaten(value: float, others: dict[str, Any], place: int | None = None) -> Found:
    """Count the others that a figure is above; of pairs `place` says which."""
    figures = {name: other if place is None else other[place] for name, other in others.items() if name != "source"}
    below = sum(other < value for other in figures.values())
    listed = ", ".join(f"{name} {plain(figure)}" for name, figure in figures.items())
    return [below, len(figures)], f"{plain(value)} is above {below} of {len(figures)}: {listed}"


def mean_of_ten(mean: float, of: int) -> Found:
    """Find the sum of ten counts of some clips whose mean is printed so, even if accuracies were rounded."""
    total = round(mean * of * EPOCHS / 100)
    fits = abs(100 * total / of / EPOCHS - mean) <= ROUNDED_TWICE
    line = f"{mean:.2f}: the nearest is {total}/({EPOCHS} x {of}) = {total / of / EPOCHS:.3%}"
    return total if fits else "none", line


def constants_of_ten(mean: float, program: "Cell") -> Found:
    """Tell whether ten epochs can have a mean if each gives every clip one class."""
    total, _ = mean_of_ten(mean, program.clips)
    can = total in [sum(ten) for ten in itertools.combinations_with_replacement(program.counts, EPOCHS)]
    return can, f"{program.name}: {EPOCHS} of {slashed(program.counts)} {'can' if can else 'cannot'} sum to {total}"


def ten_counts(mean: float, deviation: float, n: int) -> list[int] | None:
    """Find ten counts of n clips with this mean, in percent, whose sample deviation comes nearest to the printed one.

    What Anaya's GRIMMER test (PeerJ Preprints 2016) asks. Ten whole numbers with a sum of 10 c + r have squares about c
    that sum to r + 2 m: `r` of them are c + 1, the others c, and moving two equal ones apart by a each way adds 2 a².
    There are always four such pairs, and every m is a sum of four squares (Lagrange), so every m can be had, unless the
    counts would leave 0 to n. None if no ten counts have this mean; else from the highest to the lowest.
    """
    total, _ = mean_of_ten(mean, n)
    if total == "none":
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


def deviation(last_ten: Sequence[float], of: int) -> Found:
    """Tell whether ten counts can have a printed mean and deviation, or find those that come nearest."""
    mean, wanted = last_ten
    counts = ten_counts(mean, wanted, of)
    if counts is None:
        return False, f"of {of} clips: no ten counts have the mean {mean:.2f}"
    spread = float(np.std(np.divide(counts, of), ddof=1)) * 100
    fits = abs(spread - wanted) <= ROUNDED_TWICE
    line = f"of {of} clips: {'' if fits else 'none; the nearest are '}{', '.join(map(str, counts))} right"
    return fits, f"{line}, mean {sum(counts) / of / EPOCHS:.3%}, deviation {spread:.3f}"


def deviation_sizes(last_ten: Sequence[float], up_to: int) -> Found:
    """Find the sizes of a set of which ten counts can have a printed mean and deviation."""
    fits = [n for n in range(2, up_to + 1) if deviation(last_ten, n)[0]]
    return fits, f"of all sizes from 2 to {up_to}, {either(fits) or 'none'} can have both"


def differ(first: Sequence[int], second: Sequence[int]) -> Found:
    """Tell whether two counts `[k, n]` differ by more than chance explains (5 %)."""
    from scipy.stats import fisher_exact

    p = fisher_exact([[k, n - k] for k, n in (first, second)]).pvalue
    return bool(p < 0.05), f"{first[0]}/{first[1]} and {second[0]}/{second[1]}: Fisher's exact test, p = {p:.2f}"


def spearman(accuracies: dict[str, float], space: str) -> Found:
    """Correlate accuracy with the length of the kernel, among kernels of one size in space."""
    from scipy.stats import spearmanr

    chosen = {int(size.split("x")[-1]): accuracies[size] for size in accuracies if size.startswith(f"{space}x")}
    rho = round(float(spearmanr([*chosen], [*chosen.values()]).statistic), 2)
    listed = ", ".join(f"{length}: {percent:.2f}" for length, percent in chosen.items())
    return rho, f"{space} kernels by their frames: {listed}; Spearman's correlation {rho}"


def dropouts(model: str) -> Found:
    """Count the dropout layers of a program's network, which are also those of protocol `paper`."""
    found = sum(kind == "Dropout" for kind, _ in steps_of(keras2_configs()[model]))
    return found, f"{found} dropouts in the program and in protocol paper"


def setting(name: str, program: "Cell") -> Found:
    """Look up a setting of a program."""
    done = getattr(program.protocol, name)
    return done, f"{program.name}: {name.replace('_', ' ')} {done} in the program"


def selection(program: "Cell") -> Found:
    """Count what trains, what is scored, what of that trains, and the wrong labels."""
    fold, wrong = program.fold, program.folders != program.labels
    trained, rest = np.intersect1d(fold.train, fold.test), fold.held_out

    def named(places: np.ndarray) -> str:
        counts = zip(by_class(program.labels[places]), program.classes, strict=True)
        return ", ".join(f"{count} {name}" for count, name in counts if count) or "none"

    line = f"{len(fold.train)} train, by label {named(fold.train)}; {len(fold.test)} are scored, of which "
    line += f"{len(trained)} train and {len(rest)} do not: by label {named(rest)}"
    if wrong.any():
        right = slashed(by_class(program.folders[rest]))
        line += f", by folder {right}; {wrong.sum()} labels of {len(wrong)} are not those of the folder"
    return [len(fold.train), len(fold.test), len(trained), int(wrong.sum())], line


def trained_classes(program: "Cell") -> Found:
    """Count the clips that can be right if a class that does not train is never the answer."""
    trained = by_class(program.labels[program.fold.train])
    most = sum(count for count, seen in zip(program.counts, trained, strict=True) if seen)
    line = f"{program.name}: {slashed(trained)} train, so at most {most}/{program.clips} = {most / program.clips:.2%}"
    return most, f"{line} can be right"


def blind(program: "Cell") -> Found:
    """Tell whether the split ignores whose clips they are."""
    (other,) = program.protocol.split(program.labels, [f"s{number}" for number in range(len(program.labels))])
    same = np.array_equal(program.fold.train, other.train)
    return same, f"another choice of people {'does not change' if same else 'changes'} the split"


def shared(program: "Cell", other: "Cell") -> Found:
    """Count by class the clips that two programs hold out, and tell whether they are the same."""
    first, second = (by_class(cell.folders[cell.fold.held_out]) for cell in (program, other))
    line = f"{program.name} holds out {slashed(first)} of {len(program.labels)}, "
    return first == second, f"{line}{other.name} {slashed(second)} of {len(other.labels)}"
