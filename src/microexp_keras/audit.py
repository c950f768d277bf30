"""Recompute what the published numbers can be, without any data: `python -m microexp_keras.audit`."""

import argparse
import itertools
import json
import math
import sys
import textwrap
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from microexp_keras import __version__, datasets, metrics, protocols, splits
from microexp_keras.commands import command
from microexp_keras.files import write_text
from microexp_keras.published import PAPER
from microexp_keras.weights import TITLES

KINDS = {
    "consistent": "the figures agree with one another",
    "unlikely": "possible, but nothing that is known of the programs makes one expect it",
    "contradiction": "figures, or figures and programs, exclude one another",
    "not possible": "no whole number of the clips in question gives the figure",
    "constant classifier": "exactly what one answer for every clip scores",
    "includes training clips": "counted on clips that the network was trained on as well",
    "selected on scored clips": "the best of many epochs, chosen on the clips that are scored",
    "above majority": "the majority rate lies below the 95 % interval of the score",
    "not above majority": "the 95 % interval of the score reaches down to the majority rate",
    "not comparable": "another protocol, so the figures answer different questions",
    "cannot be known": "neither the paper nor the programs say it",
}
"""Every kind of verdict, and what it means."""

HEADER = (
    "Recomputed from printed tables and from the labels and splits of the original programs. Nothing was measured on "
    "real data: there is none here. A figure counts as k of n clips if it is what k/n is rounded to, a tie going "
    "either way; where only cutting digits off gives it, that is said."
)

MATRIX_OF = "stcnn"  # the network that Tables VI, VII and IX are about
POOL, FILTERS = 3, 32  # Tables I and II
EPOCHS = 10  # of which Table VIII gives mean and deviation

TABLE_4, TABLE_5, TABLE_8 = "Table IV: clips", "Table V: accuracies", "Table VIII: epochs 91 to 100"
MATRICES, TABLE_9 = "Tables VI and VII: confusion matrices", "Table IX: kernel sizes"
PROGRAMS, NETWORKS = "The programs: what trains and what is scored", "Table II and Fig. 2: the networks"
WEIGHTS, DATABASES = "The published weights", "The databases"


@dataclass(frozen=True)
class Claim:
    """A published figure or statement, and what recomputing it shows.

    Attributes
    ----------
    key : str
        Short and stable: `"accuracy-stcnn-smic"`.
    group : str
        The table that it stands in, or what it is about.
    subject : str
        What was published.
    kind : str
        One of `KINDS`.
    verdict : str
        What was found.
    arithmetic : tuple of str
        How it was found, to be followed with a pocket calculator.
    inferred : str
        What is concluded beyond the arithmetic; empty where nothing is.
    unknown : str
        What cannot be known from what was published.
    """

    key: str
    group: str
    subject: str
    kind: str
    verdict: str
    arithmetic: tuple
    inferred: str = ""
    unknown: str = ""

    @property
    def certain(self):
        """Whether it is arithmetic throughout."""
        return not self.inferred


class Cell(NamedTuple):
    """One of the paper's own accuracies in Table V, and the program that it comes from.

    Attributes
    ----------
    protocol : protocols.Protocol
        The program's settings.
    percent : float
        As printed.
    folders, labels : int array (entries,)
        Class by folder and by label of all that the program's arrays hold.
    fold : splits.Fold
        Positions in them.
    counts : tuple of int
        Scored clips by class: rows of the confusion matrix where one was printed, else as the program has them.
    """

    protocol: protocols.Protocol
    percent: float
    folders: np.ndarray
    labels: np.ndarray
    fold: splits.Fold
    counts: tuple

    @property
    def dataset(self):
        """Key of the database."""
        return self.protocol.dataset

    @property
    def key(self):
        """Network and database, for keys of claims."""
        return f"{self.protocol.model}-{self.dataset}"

    @property
    def name(self):
        """Network and database, in words."""
        return f"{TITLES[self.protocol.model]} on {datasets.TITLES[self.dataset]}"

    @property
    def classes(self):
        """Names of the classes."""
        return datasets.CLASS_NAMES[self.dataset]

    @property
    def clips(self):
        """Number of scored clips."""
        return sum(self.counts)


def audit(published=PAPER):
    """Judge all published figures.

    Parameters
    ----------
    published : Published
        `dataclasses.replace` of it shows what other figures would have meant.

    Returns
    -------
    list of Claim
    """
    families = (
        _accuracies, _constant_accuracies, _majorities, _rivals, _table_4, _splits, _confusions, _other_protocol,
        _last_epochs, _constant_epochs, _gains, _kernel_sizes, _constant_kernel_sizes, _selections, _untrained_classes,
        _settings, _networks, _weights_names, _weights_runs, _user_report, _smic_clips, _casme2_clips,
    )  # fmt: skip
    cells = table_5(published)
    return [claim for family in families for claim in family(published, cells)]


def fractions(percent, n, decimals=2, truncated=False):
    """Find the k for which k of n clips are printed as this percentage.

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


def totals(percent, up_to, decimals=2):
    """Give all n to `up_to` of which some k is printed as this percentage, rounded."""
    return [n for n in range(1, up_to + 1) if fractions(percent, n, decimals)]


def table_5(published):
    """Give a `Cell` for each of the paper's own accuracies."""
    from microexp_keras.preprocessing import arrange

    cells = []
    for (model, dataset), percent in published.accuracy.items():
        protocol, folders = protocols.get("upstream", model, dataset), _labels(published.label_counts[model, dataset])
        order, labels = arrange(folders, protocol)
        (fold,) = protocol.split(labels, [None] * len(labels))
        rows = _rows(published, dataset) if model == MATRIX_OF else _by_class(labels[fold.score])
        cells.append(Cell(protocol, percent, folders[order], labels, fold, rows))
    return cells


def constant_answer(published, percent, cell):
    """Name the class that as the answer for all clips of a `Cell` is printed as this percentage; None if none is."""
    k, _ = _count(published, percent, cell.clips)
    return next((name for name, count in zip(cell.classes, cell.counts, strict=True) if count == k), None)


def held_out_counts(counts, split):
    """Count the held-out clips by class when clips with these class counts are split."""
    labels = _labels(counts)
    (fold,) = split(labels, [None] * len(labels))
    return _by_class(labels[fold.held_out])


def fitting_totals(counts, held_out, split, reach=20):
    """Find the numbers of clips, within `reach` of `sum(counts)`, of which a split holds out `held_out` of each class.

    The labels go by position: all classes but the last keep their counts.
    """
    first = counts[:-1]
    tried = range(max(sum(counts) - reach, sum(first) + 1), sum(counts) + reach + 1)
    return [n for n in tried if held_out_counts((*first, n - sum(first)), split) == tuple(held_out)]


def fitting_counts(n, held_out, split):
    """Find all counts of three classes with sum `n` of which a split holds out `held_out`."""
    (fold,) = split(np.zeros(n, int), [None] * n)
    before = np.searchsorted(np.sort(fold.held_out), np.arange(n + 1))  # held out before each position
    first, second = (np.flatnonzero(before == border).tolist() for border in itertools.accumulate(held_out[:2]))
    return [(a, b - a, n - b) for a in first for b in second if a <= b]


def _accuracies(published, cells):
    """Which counts the networks' accuracies can be, of all sets that the programs of the database make."""
    for cell in cells:
        trained = {sum(_rows(published, cell.dataset)): 0}  # by size of a set: how many of it train
        for other in cells:
            if other.dataset == cell.dataset:
                trained.setdefault(len(other.fold.held_out), 0)
                trained.setdefault(len(other.labels), len(other.fold.train))
        found = {n: _count(published, cell.percent, n) for n in sorted(trained)}
        n = min((n for n in found if found[n][0] is not None), key=trained.get, default=None)
        if n is None:
            kind, verdict = "not possible", f"no count of {_either(found)} clips"
        elif trained[n]:
            kind = "includes training clips"
            verdict = f"{found[n][0]} of {n} clips, {trained[n]} of which train; no count of held-out clips alone"
        else:
            kind, verdict = "consistent", f"{found[n][0]} of {n} clips that do not train"
        lines = tuple(f"{line}; {trained[n] or 'none'} of the {n} train" for n, (_, line) in found.items())
        yield Claim(f"accuracy-{cell.key}", TABLE_5, _printed(published, cell), kind, verdict, lines)


def _constant_accuracies(published, cells):
    yield _constant(published, "constant-table5", TABLE_5, [(cell.name, cell.percent, cell) for cell in cells])


def _constant_kernel_sizes(published, cells):
    cell = _cell(cells, MATRIX_OF, "casme2")
    sizes = [(_by(kernel), percent, cell) for kernel, percent in published.kernel_sizes.items()]
    yield _constant(published, "constant-table9", TABLE_9, sizes)


def _constant(published, key, group, figures):
    """Compare figures, `(name, percent, scored Cell)`, with giving every clip the same class."""
    found, answers = [], {}
    for name, percent, cell in figures:
        answer = constant_answer(published, percent, cell)
        if answer:
            count = cell.counts[cell.classes.index(answer)]
            found.append(f"{name} = always {answer} ({count}/{cell.clips})")
        rates = zip(cell.classes, cell.counts, strict=True)
        every = ", ".join(f"{cls} {count}/{cell.clips} = {count / cell.clips:.2%}" for cls, count in rates)
        answers.setdefault(every, []).append(f"{name} {percent:.{published.decimals}f}")
    subject = f"{len(figures)} accuracies beside those of one answer for every clip"
    kind = "constant classifier" if found else "consistent"
    verdict = f"{len(found) or 'none'} of {len(figures)} equal one" + _after(": ", "; ".join(found))
    lines = [f"one answer scores {every}; printed {', '.join(names)}" for every, names in answers.items()]
    seen = {cell.key: cell for _, _, cell in figures if (cell.protocol.model, cell.dataset) in published.collapsed_runs}
    for cell in seen.values() if key == "constant-table5" else ():
        runs = published.collapsed_runs[cell.protocol.model, cell.dataset]
        ends = " or ".join(f"{k}/{cell.clips} = {k / cell.clips:.2%} ({where})" for where, k in runs)
        lines.append(f"seen: the program of {cell.name}, run on clips of one person talking, collapses to {ends}")
    lines = tuple(lines)
    cause = "that these networks had collapsed to one class: other answers can come to the same count"
    return Claim(key, group, subject, kind, verdict, lines, cause if found else "")


def _majorities(published, cells):
    """Intervals of the accuracies, and the rate of the most frequent class."""
    for cell in cells:
        n, most = cell.clips, max(cell.counts)
        k, line = _count(published, cell.percent, n)
        kind, verdict, lines = "not possible", f"no count of {n} clips, so there is no interval", (line,)
        if k is not None:
            low, high = metrics.wilson_interval(k, n)
            kind = "above majority" if most / n < low else "not above majority"
            place = "below" if most / n < low else "within" if most / n <= high else "above"
            verdict = f"95 % interval {low:.1%} to {high:.1%} (Wilson); the majority rate, {most / n:.1%}, lies {place}"
            lines += (f"always {cell.classes[cell.counts.index(most)]}: {most}/{n} = {most / n:.2%}",)
        doubt = "the interval for new people: this one takes all clips for independent and new, which they are not"
        yield Claim(f"interval-{cell.key}", TABLE_5, _printed(published, cell), kind, verdict, lines, unknown=doubt)


def _rivals(published, cells):
    """Which counts the accuracies of other methods can be."""
    for (name, dataset), percent in published.rivals.items():
        known = [published.distributed.get(dataset, ()), published.annotated.get(dataset, ())]
        sizes = set(map(sum, _label_counts(published, dataset)))
        sizes |= {sum(counts) for counts in known if counts} | {*published.annotated.get(dataset, ())}
        found = {n: _count(published, percent, n) for n in sorted(sizes)}
        fits = [f"{k} of {n} clips" for n, (k, _) in found.items() if k is not None]
        small = _either(totals(percent, max(sizes), published.decimals)) or "none"
        key = f"rival-{name.split(' (')[0].replace(' ', '-')}-{dataset}"
        subject = f"{name} on {datasets.TITLES[dataset]}, {percent:.{published.decimals}f} %"
        own = {cell.clips for cell in cells if cell.dataset == dataset}
        kind = "consistent" if own & {n for n, (k, _) in found.items() if k is not None} else "not comparable"
        verdict = f"{_either(fits)}; the paper's own are of {_either(sorted(own))}, and it says that splits differ"
        if not fits:
            kind, verdict = "not possible", f"no count of {_either(found)} clips"
        lines = (*(line for _, line in found.values()), f"fitting sizes to {max(sizes)}: {small}")
        doubt = "" if fits else "which clips were counted; a mean over folds or subjects need not be a count"
        yield Claim(key, TABLE_5, subject, kind, verdict, lines, unknown=doubt)


def _table_4(published, cells):
    """Clips of the whole, for training and for validation, beside labels and split of the program."""
    for dataset, names in datasets.CLASS_NAMES.items():
        cell = _cell(cells, MATRIX_OF, dataset)
        labels, rows = _by_class(cell.labels), cell.counts
        fits = fitting_totals(labels, rows, cell.protocol.split)
        subject = str(published.total.get(dataset) or _counts(published.classes[dataset]))
        total = published.total.get(dataset) or sum(published.classes[dataset])
        checks = [(total in fits, f"{total} clips; the confusion matrix's rows come out for {_either(fits) or 'none'}")]
        if dataset in published.classes:
            table = [getattr(published, column)[dataset] for column in ("classes", "training", "validation")]
            for name, whole, train, held, label, row, most in zip(
                names, *table, labels, rows, published.distributed[dataset], strict=True
            ):
                checks += [
                    (whole == label, f"{name}: {whole} in all, {label} labels in the program"),
                    (whole <= most, f"{name}: {whole} in all, {most} in the database as distributed"),
                    (held == row, f"{name}: {held} for validation, {row} in the confusion matrix"),
                ]
                if train is not None:
                    checks.append((train == label - row, f"{name}: {train} train, but {label} - {row} = {label - row}"))
            would = held_out_counts(table[0], cell.protocol.split)
            line = f"the program would hold out {_counts(would)} of {_counts(table[0])}; printed {_counts(table[2])}"
            checks.append((would == table[2], line))
        yield _checked(f"table4-{dataset}", TABLE_4, f"clips of {datasets.TITLES[dataset]}, {subject}", checks)


def _splits(published, cells):
    """Do the program's labels and seed give the rows of the confusion matrix, and if not, how many clips would?"""
    for dataset in published.confusion:
        cell = _cell(cells, MATRIX_OF, dataset)
        split, rows, labels = cell.protocol.split, cell.counts, _by_class(cell.labels)
        got, fits = held_out_counts(labels, split), fitting_totals(labels, rows, split)
        lines = [f"{sum(labels)} clips labelled {_counts(labels)}: the split holds out {sum(got)}, {_counts(got)}"]
        for counts in _label_counts(published, dataset):
            found = fitting_totals(counts, rows, split)
            borders = _counts([0, *itertools.accumulate(counts[:-1])])
            lines.append(f"with classes beginning at {borders}: {_counts(rows)} of {_either(found) or 'no'} clips")
        every = [counts for n in fits for counts in fitting_counts(n, rows, split)]
        most = published.distributed.get(dataset, (math.inf,) * 3)
        alike = sum(all(np.less_equal(counts, most)) for counts in every)
        kind, inferred = "consistent", ""
        training = _counts(count - held for count, held in zip(labels, rows, strict=True))
        verdict = f"labels {_counts(labels)} give exactly these, so {training} train"
        if got != rows:
            kind, inferred = "contradiction", "that the classes begin where the program's labels say" if fits else ""
            last = f", {_either(n - sum(labels[:-1]) for n in fits)} of {cell.classes[-1]}" if fits else ""
            verdict = f"{sum(labels)} clips give {_counts(got)}, {sum(got)} in all; "
            verdict += f"these come out for {_either(fits) or 'no number of'} clips{last}"
        subject = f"{datasets.TITLES[dataset]}: {sum(rows)} clips held out, {_counts(rows)}"
        doubt = f"the class counts themselves: {alike} that the database allows give these rows" if alike > 1 else ""
        yield Claim(f"split-{dataset}", MATRICES, subject, kind, verdict, tuple(lines), inferred, doubt)


def _confusions(published, cells):
    """The matrices beside Tables IV and V."""
    for dataset, matrix in published.confusion.items():
        cell, scores = _cell(cells, MATRIX_OF, dataset), _scores(published, dataset)
        k, n = scores.correct, scores.clips
        diagonal = " + ".join(str(row[index]) for index, row in enumerate(matrix))
        right = k in fractions(cell.percent, n, published.decimals)
        checks = [(right, f"{diagonal} = {k} right, {k}/{n} = {k / n:.2%}; Table V has {cell.percent:.2f} %")]
        if dataset in published.validation:
            held = published.validation[dataset]
            checks.append((cell.counts == held, f"rows sum to {_counts(cell.counts)}; Table IV has {_counts(held)}"))
        recall = ", ".join(f"{name} {value:.3f}" for name, value in zip(cell.classes, scores.recall, strict=True))
        line = f"recall: {recall}; UAR {scores.uar:.3f}, UF1 {scores.uf1:.3f}"
        yield _checked(f"confusion-{dataset}", MATRICES, f"the matrix of {cell.name}", checks, line)


def _other_protocol(published, cells):
    """Table VII beside figures of the field's protocol."""
    cell, scores, others = _cell(cells, MATRIX_OF, "smic"), _scores(published, "smic"), published.leave_one_subject_out
    uf1, uar = (
        sum(scores.uf1 < one for one, _ in others.values()),
        sum(scores.uar < two for _, two in others.values()),
    )
    subject = f"{cell.name} beside leave-one-subject-out figures (MEGC 2019)"
    kind = "not comparable" if _blind(cell) else "consistent"
    verdict = f"of {len(others)} methods {uf1} have a higher UF1 than {scores.uf1:.4f} and {uar} a higher UAR than "
    verdict += f"{scores.uar:.4f}" + ", though they are scored on people that they were not trained on" * _blind(cell)
    marks = dict.fromkeys(published.chosen_on_left_out, ", its epoch chosen on the people left out")
    lines = tuple(f"{name}: UF1 {one:.4f}, UAR {two:.4f}{marks.get(name, '')}" for name, (one, two) in others.items())
    doubt = "what the paper's network scores by that protocol"
    yield Claim("other-protocol-smic", MATRICES, subject, kind, verdict, lines, unknown=doubt)


def _last_epochs(published, cells):
    """Are the means those of ten counts, and over the same clips as Table V?"""
    checks = []
    for cell in cells:
        mean, n = published.last_ten[cell.protocol.model, cell.dataset][0], cell.clips
        near, held_out = round(mean * n * EPOCHS / 100), sum(_rows(published, cell.dataset))
        line = f"{cell.name} {mean:.2f}: the nearest is {near}/({EPOCHS} x {n}) = {near / n / EPOCHS:.3%}"
        if n != held_out:
            line += f"; of {held_out} clips it is {'' if _sums(published, mean, held_out) else 'not '}possible"
        checks.append((bool(_sums(published, mean, n)), line))
    line = f"accuracies and their mean may both be rounded: {10.0**-published.decimals:g} points either way"
    yield _checked(
        "means-table8", TABLE_8, "means of ten counts over the scored clips", checks, line, fault="not possible"
    )


def _constant_epochs(published, cells):
    """Could the means be those of ten epochs with one answer for every clip, not always the same?"""
    found, lines = [], []
    for cell in cells:
        sums = {sum(mix) for mix in itertools.combinations_with_replacement(cell.counts, EPOCHS)}
        wanted = _sums(published, published.last_ten[cell.protocol.model, cell.dataset][0], cell.clips)
        possible = not sums.isdisjoint(wanted)
        found += [cell.name] * possible
        line = f"{cell.name}: {EPOCHS} of {_counts(cell.counts)} {'can' if possible else 'cannot'} sum to "
        lines.append(line + (_either(wanted) or "the mean, which is of no counts"))
    kind = "constant classifier" if found else "consistent"
    verdict = f"possible for {len(found) or 'none'} of {len(lines)}" + _after(": ", "; ".join(found))
    subject = "means of networks that give all clips one answer in each of the ten epochs"
    doubt = "whether Tables V and VIII are of the same runs"
    yield Claim("constant-table8", TABLE_8, subject, kind, verdict, tuple(lines), unknown=doubt)


def _gains(published, cells):
    """What choosing the best epoch on the scored clips adds."""
    points, deviations, lines = [], [], []
    for cell in cells:
        mean, deviation = published.last_ten[cell.protocol.model, cell.dataset]
        points.append(cell.percent - mean)
        deviations.append(points[-1] / deviation)
        line = f"{cell.name}: {cell.percent:.2f} - {mean:.2f} = {points[-1]:.2f} points"
        lines.append(f"{line} = {deviations[-1]:.1f} deviations of {deviation:.2f}")
    kind = "selected on scored clips" if min(points) > 0 else "consistent"
    verdict = f"{min(points):.2f} to {max(points):.2f} points higher, {min(deviations):.1f} to "
    verdict += f"{max(deviations):.1f} standard deviations of one epoch"
    cause = "that choosing the epoch makes the difference: the last ten can also be worse than those before"
    yield Claim("gain-table8", TABLE_8, "the best epochs (Table V) beside them", kind, verdict, tuple(lines), cause)


def _kernel_sizes(published, cells):
    """Which counts the accuracies can be."""
    cell, checks = _cell(cells, MATRIX_OF, "casme2"), []
    for kernel, percent in published.kernel_sizes.items():
        k, line = _count(published, percent, cell.clips)
        checks.append((k is not None, f"{_by(kernel)} {percent:.{published.decimals}f}: {line}"))
    yield _checked("counts-table9", TABLE_9, f"accuracies of {cell.name}", checks, fault="not possible")
    here = published.kernel_sizes.get(published.kernel_in_text, math.nan)
    checks = [(here == cell.percent, f"{here:.2f} in Table IX, {cell.percent:.2f} in Table V")]
    yield _checked("kernel-table9", TABLE_9, f"{_by(published.kernel_in_text)} beside Table V", checks)


def _selections(published, cells):
    """On which clips the programs choose the epoch and score, and what trains."""
    for cell in cells:
        fold, wrong = cell.fold, cell.folders != cell.labels
        trained, chosen = (len(np.intersect1d(part, fold.score)) for part in (fold.train, fold.select))
        blind, rest, n, epochs = _blind(cell), fold.held_out, len(fold.score), cell.protocol.epochs
        lines = [
            f"train: {len(fold.train)}, by label {_named(cell.labels[fold.train], cell.classes)}",
            f"scored, but do not train: {len(rest)}, by label {_named(cell.labels[rest], cell.classes)}; "
            f"by folder {_named(cell.folders[rest], cell.classes)}",
            f"another choice of people {'does not change' if blind else 'changes'} the split",
        ]
        if wrong.any():
            zeros = (cell.labels == 0).sum()
            line = f"of {len(wrong)} labels {zeros} are {cell.classes[0]} and {wrong.sum()} not those of the folder; "
            lines.append(line + f"so are {wrong[rest].sum()} of the {len(rest)} that do not train")
        if cell.protocol.eyes_trained_on != "eyes":
            lines.append(f"the input for the eyes is trained on the {cell.protocol.eyes_trained_on}, scored on eyes")
        kind = "includes training clips" if trained else "selected on scored clips" if chosen else "consistent"
        verdict = f"{trained or 'none'} of {n} scored train; the best of {epochs} epochs is chosen on {chosen} of them"
        verdict += f"; {wrong.sum()} labels are wrong" if wrong.any() else ""
        if cell.clips != n:
            verdict += f". The printed {cell.clips} are of other arrays than its {len(cell.labels)} labels tell of"
        people = "that the same people are on both sides: the split does not look at them" if blind else ""
        subject = f"{cell.name} ({cell.protocol.source})"
        yield Claim(f"selection-{cell.key}", PROGRAMS, subject, kind, verdict, tuple(lines), people)


def _untrained_classes(published, cells):
    """How many clips can be right if a class that no training label names is never the answer?"""
    checks, reasons = [], ["that the score is of another split: a class without training clips is hardly ever answered"]
    for cell in cells:
        trained = _by_class(cell.labels[cell.fold.train])
        missing = [name for name, count in zip(cell.classes, trained, strict=True) if not count]
        most = sum(count for count, seen in zip(cell.counts, trained, strict=True) if seen)
        k, _ = _count(published, cell.percent, cell.clips)
        line = f"{cell.name}: {_counts(trained)} train"
        if missing:
            line += (
                f", so without {_either(missing)} at most {most}/{cell.clips} = {most / cell.clips:.2%}; printed {k}"
            )
        checks.append((k is None or k <= most, line))
        stops = published.stops_with.get((cell.protocol.model, cell.dataset))
        if not checks[-1][0] and stops:
            reasons.append(f"the program as published stops, since {stops}")
    inferred = "" if all(agrees for agrees, _ in checks) else "; ".join(reasons)
    subject = "more right answers than there are clips of trained classes"
    yield _checked("untrained-classes", PROGRAMS, subject, checks, fault="unlikely", inferred=inferred)


def _settings(published, cells):
    """The text's settings beside the programs'."""
    checks = []
    for cell in cells:
        text = protocols.get("paper", cell.protocol.model, cell.dataset)
        for what in ("batch_size", "epochs"):
            said, done = getattr(text, what), getattr(cell.protocol, what)
            line = f"{cell.name}: {what.replace('_', ' ')} {said} in the text, {done} in the program"
            checks.append((said == done, line))
    yield _checked("settings", PROGRAMS, "the settings in the paper's text", checks)


def _networks(published, cells):
    """The kernel of text, figure and Table II, and Table II's shapes."""
    protocol = _cell(cells, "late", "casme2").protocol
    text, figure, printed = published.kernel_in_text, published.kernel_in_figure, published.stream_shape
    lengths = [length for length in range(1, protocol.frames) if _pooled(protocol.frames, length) == printed[-1]]
    line = f"{protocol.frames} frames become {printed[-1]} (Table II) with {_either(lengths)} frames in the kernel"
    checks = [(text == figure, f"{_by(figure)} in Fig. 2, {_by(text)} in the text")]
    checks += [(kernel[-1] in lengths, f"{line}; {_by(kernel)} has {kernel[-1]}") for kernel in (text, figure)]
    yield _checked("kernel", NETWORKS, f"the kernel, {_by(text)}", checks)

    sizes = (protocol.size, protocol.size, protocol.frames)
    shape = tuple(map(_pooled, sizes, text))
    stream, streams = math.prod(shape) * FILTERS, len(protocol.inputs)
    both = f"{streams} x {stream} = {streams * stream}"
    lines = [
        f"({size} - {length} + 1) // {POOL} = {_pooled(size, length)}" for size, length in zip(sizes, text, strict=True)
    ]
    checks = [
        (shape == printed, f"a stream is {_by(printed)} in print, {_by(shape)} computed"),
        (published.concatenation == streams * stream, f"both together {published.concatenation} in print, {both}"),
    ]
    lines = (*dict.fromkeys(lines), f"{_by(shape)} x {FILTERS} filters = {stream}, one stream")
    yield _checked("shapes", NETWORKS, f"the fused networks on {datasets.TITLES['casme2']}", checks, *lines)


def _weights_names(published, cells):
    """Accuracies in the names of the files beside Table V."""
    checks, named = [], []
    for name, who in published.weights.items():
        epoch, accuracy = name.split("-")
        fits = [cell for cell in cells if _in_name(cell.percent) == accuracy]
        where = [f"{_printed(published, cell)} (epoch {int(epoch) + 1} of {cell.protocol.epochs})" for cell in fits]
        checks.append((bool(fits), f"{name}, named by {who}: {_either(where) or 'nothing in Table V'}"))
        named += [cell.key for cell in fits]
    unnamed = _either(_printed(published, cell) for cell in cells if cell.key not in named)
    line = f"no file is named for: {unnamed or 'nothing'}"
    which = "which network a file is of, since its name says only the rounded accuracy"
    yield _checked("weights-names", WEIGHTS, "the accuracies in the files' names", checks, line, inferred=which)


def _weights_runs(published, cells):
    """Are two files with the same accuracy of one run, if that writes only what is better than all before?"""
    checks = []
    for cell in cells:
        files = [name for name in published.weights if name.split("-")[1] == _in_name(cell.percent)]
        counts = fractions(100 * float(_in_name(cell.percent)), cell.clips, 0)
        line = f"{cell.name}: files {' and '.join(files) or 'none'}; {_in_name(cell.percent)} is {_either(counts)} of "
        checks.append((len(files) <= max(1, len(counts)), f"{line}{cell.clips}"))
    inferred = "" if all(agrees for agrees, _ in checks) else "that there was more than one run"
    subject = "the files as those of one run each, which writes one only when it is better than all before"
    yield _checked("weights-runs", WEIGHTS, subject, checks, inferred=inferred)


def _user_report(published, cells):
    """What a user got with the published weights."""
    counts = {n: fractions(published.user_report, n, 0) for n in dict.fromkeys(cell.clips for cell in cells)}
    fits = [f"{k}/{n}" for n, found in counts.items() for k in found]
    kind, verdict = ("cannot be known", f"may be {_either(fits)}") if fits else ("not possible", "no count")
    lines = tuple(f"of {n} clips: {_either(f'{k / n:.2%}' for k in found) or 'none'}" for n, found in counts.items())
    subject = f"{published.user_report} %, which a user reported with the published weights"
    doubt = "which weights and which clips the user took"
    yield Claim("user-report", WEIGHTS, subject, kind, verdict, lines, unknown=doubt)


def _smic_clips(published, cells):
    """The clips that the paper left out."""
    cell, there = _cell(cells, MATRIX_OF, "smic"), published.distributed["smic"]
    used = _by_class(cell.labels)
    left = [whole - part for whole, part in zip(there, used, strict=True)]
    ways = math.prod(map(math.comb, there, used))
    kind = "contradiction" if min(left) < 0 else "cannot be known" if ways > 1 else "consistent"
    verdict = f"{sum(there)} are distributed: {sum(left)} are left out, {_counts(left)} of {'/'.join(cell.classes)}"
    choices = " x ".join(f"C({whole}, {part})" for whole, part in zip(there, used, strict=True))
    lines = (f"{_counts(there)} distributed, {_counts(used)} labelled", f"{choices} = {ways:,} selections")
    doubt = "which clips were left out, and so whether a score on others can be compared" if ways > 1 else ""
    subject = f"{sum(used)} clips of {datasets.TITLES['smic']}"
    yield Claim("clips-smic", DATABASES, subject, kind, verdict, lines, unknown=doubt)


def _casme2_clips(published, cells):
    """Can the clips be the micro-expressions that are distributed?"""
    cell = _cell(cells, MATRIX_OF, "casme2")
    fits = fitting_totals(_by_class(cell.labels), cell.counts, cell.protocol.split)
    used = sorted({*fits, len(_cell(cells, "late", "casme2").labels)})
    micro, macro = published.annotated["casme2"]
    rate, limit, frames = published.frame_rate["casme2"], published.longest_micro_expression, cell.protocol.frames
    first = published.first_frame["casme2"]
    line = f"{frames} frames at {rate} a second are {frames / rate:.1f} s, a micro-expression lasts up to {limit} s"
    checks = [
        (min(used) <= micro, f"{micro} micro-expressions are annotated (and {macro} macro-expressions)"),
        (frames / rate <= limit, line),
    ]
    length = f"frames {first} to {first + frames - 1} are read, so a clip has {first + frames} or more: "
    length += f"{(first + frames) / rate:.1f} s"
    doubt = "how the clips were cut: no documented part of the distribution gives them"
    subject = f"{_either(used)} clips of {datasets.TITLES['casme2']}, as micro-expressions"
    yield _checked("clips-casme2", DATABASES, subject, checks, length, unknown=doubt)


def _checked(key, group, subject, checks, *more, fault="contradiction", inferred="", unknown=""):
    """Make a claim of comparisons `(agrees, line)`, of kind `fault` if any disagrees."""
    failed = [line for agrees, line in checks if not agrees]
    verdict = f"all {len(checks)} comparisons agree" if len(checks) > 2 else "; ".join(line for _, line in checks)
    if failed:
        rest = f" (and {len(failed) - 2} more)" if len(failed) > 2 else ""
        verdict = "; ".join(failed[:2]) + rest
    lines = (*(f"{'agrees' if agrees else 'DISAGREES'}: {line}" for agrees, line in checks), *more)
    return Claim(key, group, subject, fault if failed else "consistent", verdict, lines, inferred, unknown)


def _count(published, percent, n):
    """The k that k/n is printed so, or None, and a line that says it."""
    rounded = fractions(percent, n, published.decimals)
    for k in rounded or fractions(percent, n, published.decimals, truncated=True):
        return k, f"{k}/{n} = {k / n:.4%}" + ("" if rounded else ", only if digits are cut off")
    k = min(n, round(percent * n / 100))
    return None, f"no count of {n}: the nearest, {k}/{n}, is {k / n:.2%}"


def _sums(published, mean, n):
    """Sums of ten counts of n clips whose mean is printed so, if each accuracy was rounded before."""
    unit, printed = 100 * 10**published.decimals, round(mean * 10**published.decimals)
    return [total for total in range(EPOCHS * n + 1) if abs(total * unit - printed * EPOCHS * n) <= EPOCHS * n]


def _scores(published, dataset):
    matrix = np.array(published.confusion[dataset])
    true, predicted = (np.repeat(index.ravel(), matrix.ravel()) for index in np.indices(matrix.shape))
    return metrics.score(true, predicted, datasets.CLASS_NAMES[dataset])


def _blind(cell):
    """Whether the split is the same whoever is seen in the clips."""
    (other,) = cell.protocol.split(cell.labels, [f"s{number}" for number in range(len(cell.labels))])
    return np.array_equal(cell.fold.train, other.train)


def _cell(cells, model, dataset):
    return next(cell for cell in cells if (cell.protocol.model, cell.dataset) == (model, dataset))


def _label_counts(published, dataset):
    """Class counts in the programs of a database."""
    return [*dict.fromkeys(counts for (_, of), counts in published.label_counts.items() if of == dataset)]


def _rows(published, dataset):
    return tuple(map(sum, published.confusion[dataset]))


def _labels(counts):
    return np.repeat(np.arange(len(counts)), counts)


def _by_class(labels):
    return tuple(np.bincount(labels, minlength=3).tolist())


def _pooled(size, kernel):
    return (size - kernel + 1) // POOL


def _in_name(percent):
    return f"{percent / 100:.2f}"


def _printed(published, cell):
    return f"{cell.name}, {cell.percent:.{published.decimals}f} %"


def _named(labels, names):
    return ", ".join(f"{count} {name}" for count, name in zip(_by_class(labels), names, strict=True) if count)


def _counts(values):
    return "/".join(map(str, values))


def _by(sizes):
    return "x".join(map(str, sizes))


def _either(values):
    *first, last = map(str, list(values) or [""])
    return f"{', '.join(first)} or {last}" if first else last


def _after(lead, text):
    return lead + text if text else ""


def as_text(claims, width=100):
    """Lay the claims out for a terminal: verdict first, arithmetic indented."""

    def wrapped(text, indent=""):
        return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent + "  ")

    blocks = [textwrap.fill(HEADER, width)]
    for group, members in _grouped(claims):
        blocks.append(f"{group}\n{'=' * len(group)}")
        for claim in members:
            lines = [f"{claim.subject}: {claim.verdict}  [{claim.kind}]"]
            blocks.append("\n".join([wrapped(lines[0]), *(wrapped(line, "    ") for line in _details(claim))]))
    rows = [wrapped(f"{count:>4} {kind}: {meaning}") for kind, count, meaning in _by_kind(claims)]
    return "\n\n".join([*blocks, "\n".join([_overview(claims), *rows])])


def as_markdown(claims):
    """Lay the claims out as a Markdown document, one section for each group."""
    blocks = ["# Audit of the published numbers", HEADER]
    for group, members in _grouped(claims):
        blocks.append(f"## {group}")
        for claim in members:
            lines = [f"* **{claim.subject}**: {claim.verdict}. *{claim.kind}* (`{claim.key}`)"]
            blocks.append("\n".join([*lines, *(f"  * {line}" for line in _details(claim))]))
    rows = [f"| {kind} | {count} | {meaning} |" for kind, count, meaning in _by_kind(claims)]
    table = "\n".join(["| kind | claims | meaning |", "|---|---|---|", *rows])
    return "\n\n".join([*blocks, "## Overview", f"{_overview(claims)}.", table])


def as_json(claims):
    """Give the claims, with all their fields, as JSON text."""
    about = {
        "package": f"microexp_keras {__version__}",
        "measured_on_real_data": False,
        "about": HEADER,
        "kinds": KINDS,
    }
    found = [{**asdict(claim), "certain": claim.certain} for claim in claims]
    return json.dumps({**about, "overview": _overview(claims), "claims": found}, indent=2)


def _details(claim):
    more = {"inferred, not computed": claim.inferred, "cannot be known": claim.unknown}
    return [*claim.arithmetic, *(f"{what}: {text}" for what, text in more.items() if text)]


def _grouped(claims):
    for group in dict.fromkeys(claim.group for claim in claims):
        yield group, [claim for claim in claims if claim.group == group]


def _by_kind(claims):
    counts = Counter(claim.kind for claim in claims)
    return [(kind, counts[kind], meaning) for kind, meaning in KINDS.items() if counts[kind]]


def _overview(claims):
    return f"{len(claims)} claims, {sum(claim.certain for claim in claims)} of them arithmetic throughout"


FORMATS = {"text": as_text, "json": as_json, "markdown": as_markdown}


def parser():
    """Build the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m microexp_keras.audit",
        description="Recompute what the numbers published by Reddy et al. 2019 can be. Needs no data.",
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write (default: to the terminal)")
    return parser


@command
def main(argv=None):
    """Print or write the audit."""
    args = parser().parse_args(argv)
    text = FORMATS[args.format](audit())
    if args.out is None:
        print(text)
        return
    write_text(args.out, text + "\n")
    print(f"the audit is in {args.out}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
