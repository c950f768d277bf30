"""The steps of the audit that are no plain arithmetic, by their names in `claims.toml`: what comes out, and a line."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from microexp_keras import metrics
from microexp_keras.models.original import keras2_configs, steps_of
from microexp_keras.paper import arithmetic
from microexp_keras.paper.arithmetic import EPOCHS, by_class, labels_of
from microexp_keras.paper.published import Cell
from microexp_keras.text import either, slashed

Found = tuple[Any, str]
"""What comes out, and a line that says how."""


def plain(value: Any) -> str:
    """Write a figure as tables do: rates with four digits, percentages with two, counts by class with slashes."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return slashed(map(plain, value)) or "none"
    return f"{value:.{4 if value < 1 else 2}f}" if isinstance(value, float) else str(value)


def count(percent: float, of: int) -> Found:
    """Find the counts that are printed as a percentage."""
    k, line = arithmetic.count_as_printed(percent, of)
    every = arithmetic.fractions(percent, of) or ([] if k is None else [k])
    return every, " or ".join(f"{k}/{of} = {k / of:.4%}" for k in every) if len(every) > 1 else line


def sizes(percent: float, up_to: int) -> Found:
    """Find the sizes of a set of which a percentage can be a count."""
    fitting = [n for n in range(1, up_to + 1) if arithmetic.fractions(percent, n)]
    return fitting, f"{percent:.2f} % is a count of {either(fitting) or 'no'} clips, of all sizes to {up_to}"


def interval(k: int, of: int) -> Found:
    """Compute Wilson's interval of a count."""
    found = "{:.1%} to {:.1%}".format(*metrics.wilson_interval(k, of))
    return found, f"{k}/{of}: 95 % interval {found} (Wilson)"


def majority(program: Cell) -> Found:
    """Score the most frequent class given to every scored clip."""
    most = max(program.counts)
    name = program.classes[program.counts.index(most)]
    return [name, most], f"always {name}: {most}/{program.clips} = {most / program.clips:.2%}"


def constant(percent: float, program: Cell) -> Found:
    """Name the class that scores a percentage when it is given to every scored clip."""
    k, _ = arithmetic.count_as_printed(percent, program.clips)
    rates = dict(zip(program.classes, program.counts, strict=True))
    every = ", ".join(f"{name} {held}/{program.clips} = {held / program.clips:.2%}" for name, held in rates.items())
    name = next((name for name, held in rates.items() if held == k), "none")
    answer = "no constant answer" if name == "none" else f"always {name}"
    return name, f"{percent:.2f} is {answer}; one answer scores {every}"


def in_name(percent: float, program: Cell) -> Found:
    """Write an accuracy as names of weights files have it, with the counts that are written so."""
    name = f"{percent / 100:.2f}"
    counts = arithmetic.fractions(100 * float(name), program.clips, 0)
    return [name, len(counts)], f"{program.name}, {percent:.2f} %: {name} is {either(counts)} of {program.clips}"


def held_out(counts: Sequence[int], program: Cell) -> Found:
    """Split clips with some class counts as a program does."""
    labels = labels_of(counts)
    (fold,) = program.protocol.split(labels, [None] * len(labels))
    held = by_class(labels[fold.held_out])
    return held, f"of {sum(counts)} clips, {slashed(counts)}, the split holds out {sum(held)}, {slashed(held)}"


def parts(total: int, program: Cell) -> Found:
    """Split a number of clips as a program does."""
    (fold,) = program.protocol.split(np.zeros(total, int), [None] * total)
    sizes = [len(fold.train), len(fold.held_out)]
    return sizes, f"the split divides {total} into {sizes[0]} + {sizes[1]}"


def totals(counts: Sequence[int], program: Cell, reach: int = 20) -> Found:
    """Find the numbers of clips of which the rows of the matrix come out, if all classes but the last keep theirs."""
    first, rows = counts[:-1], tuple(program.counts)
    tried = [n for n in range(sum(counts) - reach, sum(counts) + reach + 1) if n > sum(first)]
    fits = [n for n in tried if held_out([*first, n - sum(first)], program)[0] == rows]
    borders = slashed(np.cumsum([0, *first]).tolist())
    return fits, f"with classes beginning at {borders}: {slashed(rows)} of {either(fits) or 'no'} clips"


def class_counts(totals: Sequence[int], most: Sequence[int], program: Cell) -> Found:
    """Count the class counts, none above `most`, of which the rows of the matrix come out."""
    fits, most = 0, most or [max(totals)] * 3
    for n in totals:
        (fold,) = program.protocol.split(np.zeros(n, int), [None] * n)
        before = np.searchsorted(np.sort(fold.held_out), np.arange(n + 1))  # held out before each position
        first, second = (np.flatnonzero(before == border) for border in np.cumsum(program.counts[:2]))
        every = [(a, b - a, n - b) for a, b in itertools.product(first, second) if a <= b]
        fits += sum(all(np.less_equal(counts, most)) for counts in every)
    return fits, f"{fits} class counts of {either(totals)} clips give {slashed(program.counts)}"


def mislabelled(counts: Sequence[int], labels: Sequence[int]) -> Found:
    """Count by class the clips that get another label, if clips with some counts get labels by position."""
    true = labels_of(counts)
    wrong = by_class(true[true != labels_of(labels)[: len(true)]])
    return wrong, f"clips {slashed(counts)} under labels {slashed(labels)} by position: {slashed(wrong)} are wrong"


def matrix(rows: Sequence[Sequence[int]], program: Cell) -> Found:
    """Score what a confusion matrix counts."""
    array = np.array(rows)
    true, predicted = (np.repeat(index.ravel(), array.ravel()) for index in np.indices(array.shape))
    scores = metrics.score(true, predicted, program.classes)
    recall = ", ".join(f"{name} {part:.3f}" for name, part in zip(program.classes, scores.recall, strict=True))
    diagonal = " + ".join(map(str, np.diag(array)))
    line = f"{diagonal} = {scores.correct} right of {scores.clips}; recall {recall}; "
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
    """Find the sum of ten counts with a printed mean."""
    near = round(mean * of * EPOCHS / 100)
    line = f"{mean:.2f}: the nearest is {near}/({EPOCHS} x {of}) = {near / of / EPOCHS:.3%}"
    return arithmetic.sum_of_ten(mean, of) or "none", line


def constants_of_ten(mean: float, program: Cell) -> Found:
    """Tell whether ten epochs can have a mean if each gives every clip one class."""
    total = arithmetic.sum_of_ten(mean, program.clips)
    can = total in [sum(ten) for ten in itertools.combinations_with_replacement(program.counts, EPOCHS)]
    return can, f"{program.name}: {EPOCHS} of {slashed(program.counts)} {'can' if can else 'cannot'} sum to {total}"


def deviation(last_ten: Sequence[float], of: int, population: bool = False) -> Found:
    """Tell whether ten counts can have a printed mean and deviation, or find those that come nearest."""
    mean, wanted = last_ten
    scale = math.sqrt(EPOCHS / (EPOCHS - 1)) if population else 1
    counts = arithmetic.ten_counts(mean, wanted * scale, of)
    if counts is None:
        return False, f"of {of} clips: no ten counts have the mean {mean:.2f}"
    spread = float(np.std(np.divide(counts, of), ddof=0 if population else 1)) * 100
    fits = abs(spread - wanted) <= arithmetic.ROUNDED_TWICE
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


def setting(name: str, program: Cell) -> Found:
    """Look up a setting of a program."""
    done = getattr(program.protocol, name)
    return done, f"{program.name}: {name.replace('_', ' ')} {done} in the program"


def selection(program: Cell) -> Found:
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


def trained_classes(program: Cell) -> Found:
    """Count the clips that can be right if a class that does not train is never the answer."""
    trained = by_class(program.labels[program.fold.train])
    most = sum(count for count, seen in zip(program.counts, trained, strict=True) if seen)
    line = f"{program.name}: {slashed(trained)} train, so at most {most}/{program.clips} = {most / program.clips:.2%}"
    return most, f"{line} can be right"


def blind(program: Cell) -> Found:
    """Tell whether the split ignores whose clips they are."""
    (other,) = program.protocol.split(program.labels, [f"s{number}" for number in range(len(program.labels))])
    same = np.array_equal(program.fold.train, other.train)
    return same, f"another choice of people {'does not change' if same else 'changes'} the split"


def shared(program: Cell, other: Cell) -> Found:
    """Count by class the clips that two programs hold out, and tell whether they are the same."""
    first, second = (by_class(cell.folders[cell.fold.held_out]) for cell in (program, other))
    line = f"{program.name} holds out {slashed(first)} of {len(program.labels)}, "
    return first == second, f"{line}{other.name} {slashed(second)} of {len(other.labels)}"
