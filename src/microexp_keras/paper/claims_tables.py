"""Claims about Tables IV, VI, VII and VIII: clips, confusion matrices and the epochs 91 to 100."""

import itertools
import math
from collections.abc import Iterator

import numpy as np

from microexp_keras import metrics
from microexp_keras.datasets.database import DATABASES
from microexp_keras.paper.arithmetic import (
    EPOCHS,
    by_class,
    fitting_counts,
    fitting_totals,
    fractions,
    held_out_counts,
    sums_of_ten,
)
from microexp_keras.paper.cells import MATRIX_OF, Cell, cell_of, label_counts, matrix_rows, split_ignores_subjects
from microexp_keras.paper.claim import MATRICES, TABLE_4, TABLE_8, Claim, checked
from microexp_keras.paper.published import Published
from microexp_keras.text import either, slashed


def table_4(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Compare the clips of Table IV with labels and split of the program."""
    for dataset in published.confusion:
        cell = cell_of(cells, MATRIX_OF, dataset)
        labels, rows = by_class(cell.labels), cell.counts
        fits = fitting_totals(labels, rows, cell.protocol.split)
        subject = str(published.total.get(dataset) or slashed(published.classes[dataset]))
        total = published.total.get(dataset) or sum(published.classes[dataset])
        checks = [(total in fits, f"{total} clips; the confusion matrix's rows come out for {either(fits) or 'none'}")]
        if dataset in published.classes:
            table = [getattr(published, column)[dataset] for column in ("classes", "training", "validation")]
            for name, whole, train, held, label, row, most in zip(
                cell.classes, *table, labels, rows, published.distributed[dataset], strict=True
            ):
                checks += [
                    (whole == label, f"{name}: {whole} in all, {label} labels in the program"),
                    (whole <= most, f"{name}: {whole} in all, {most} in the database as distributed"),
                    (held == row, f"{name}: {held} for validation, {row} in the confusion matrix"),
                ]
                if train is not None:
                    checks.append((train == label - row, f"{name}: {train} train, but {label} - {row} = {label - row}"))
            would = held_out_counts(table[0], cell.protocol.split)
            line = f"the program would hold out {slashed(would)} of {slashed(table[0])}; printed {slashed(table[2])}"
            checks.append((would == table[2], line))
        yield checked(f"table4-{dataset}", TABLE_4, f"clips of {DATABASES[dataset].title}, {subject}", checks)


def splits(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Tell whether the program's labels and seed give the rows of the matrix, and if not, how many clips would."""
    for dataset in published.confusion:
        cell = cell_of(cells, MATRIX_OF, dataset)
        split, rows, labels = cell.protocol.split, cell.counts, by_class(cell.labels)
        got, fits = held_out_counts(labels, split), fitting_totals(labels, rows, split)
        lines = [f"{sum(labels)} clips labelled {slashed(labels)}: the split holds out {sum(got)}, {slashed(got)}"]
        for counts in label_counts(published, dataset):
            sizes = fitting_totals(counts, rows, split)
            borders = slashed([0, *itertools.accumulate(counts[:-1])])
            lines.append(f"with classes beginning at {borders}: {slashed(rows)} of {either(sizes) or 'no'} clips")
        every = [counts for n in fits for counts in fitting_counts(n, rows, split)]
        most = published.distributed.get(dataset, (math.inf,) * 3)
        alike = sum(all(np.less_equal(counts, most)) for counts in every)
        kind, inferred = "consistent", ""
        training = slashed(count - held for count, held in zip(labels, rows, strict=True))
        verdict = f"labels {slashed(labels)} give exactly these, so {training} train"
        if got != rows:
            kind, inferred = "contradiction", "that the classes begin where the program's labels say" if fits else ""
            last = f", {either(n - sum(labels[:-1]) for n in fits)} of {cell.classes[-1]}" if fits else ""
            verdict = f"{sum(labels)} clips give {slashed(got)}, {sum(got)} in all; "
            verdict += f"these come out for {either(fits) or 'no number of'} clips{last}"
        subject = f"{DATABASES[dataset].title}: {sum(rows)} clips held out, {slashed(rows)}"
        doubt = f"the class counts themselves: {alike} that the database allows give these rows" if alike > 1 else ""
        yield Claim(f"split-{dataset}", MATRICES, subject, kind, verdict, tuple(lines), inferred, doubt)


def confusions(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Compare the matrices with Tables IV and V."""
    for dataset, matrix in published.confusion.items():
        cell, scores = cell_of(cells, MATRIX_OF, dataset), _scores(published, dataset)
        k, n = scores.correct, scores.clips
        diagonal = " + ".join(str(row[index]) for index, row in enumerate(matrix))
        right = k in fractions(cell.percent, n, published.decimals)
        checks = [(right, f"{diagonal} = {k} right, {k}/{n} = {k / n:.2%}; Table V has {cell.percent:.2f} %")]
        if dataset in published.validation:
            held = published.validation[dataset]
            checks.append((cell.counts == held, f"rows sum to {slashed(cell.counts)}; Table IV has {slashed(held)}"))
        recall = ", ".join(f"{name} {value:.3f}" for name, value in zip(cell.classes, scores.recall, strict=True))
        line = f"recall: {recall}; UAR {scores.uar:.3f}, UF1 {scores.uf1:.3f}"
        yield checked(f"confusion-{dataset}", MATRICES, f"the matrix of {cell.name}", checks, line)


def other_protocol(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Compare Table VII with figures of the field's protocol."""
    cell, scores = cell_of(cells, MATRIX_OF, "smic"), _scores(published, "smic")
    others = published.leave_one_subject_out
    same_people_may_train = split_ignores_subjects(cell)
    higher_uf1 = sum(scores.uf1 < uf1 for uf1, _ in others.values())
    higher_uar = sum(scores.uar < uar for _, uar in others.values())
    subject = f"{cell.name} beside leave-one-subject-out figures (MEGC 2019)"
    kind = "not comparable" if same_people_may_train else "consistent"
    verdict = f"of {len(others)} methods {higher_uf1} have a higher UF1 than {scores.uf1:.4f} and {higher_uar} a "
    verdict += f"higher UAR than {scores.uar:.4f}"
    if same_people_may_train:
        verdict += ", though they are scored on people that they were not trained on"
    marks = dict.fromkeys(published.chosen_on_left_out, ", its epoch chosen on the people left out")
    lines = tuple(f"{name}: UF1 {uf1:.4f}, UAR {uar:.4f}{marks.get(name, '')}" for name, (uf1, uar) in others.items())
    doubt = "what the paper's network scores by that protocol"
    yield Claim("other-protocol-smic", MATRICES, subject, kind, verdict, lines, unknown=doubt)


def last_epochs(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Tell whether the means can be those of ten counts, and over the same clips as Table V."""
    checks = []
    for cell in cells:
        mean, n = published.last_ten[cell.protocol.model, cell.dataset][0], cell.clips
        near, held_out = round(mean * n * EPOCHS / 100), sum(matrix_rows(published, cell.dataset))
        line = f"{cell.name} {mean:.2f}: the nearest is {near}/({EPOCHS} x {n}) = {near / n / EPOCHS:.3%}"
        if n != held_out:
            line += f"; of {held_out} clips it is {'' if sums_of_ten(published, mean, held_out) else 'not '}possible"
        checks.append((bool(sums_of_ten(published, mean, n)), line))
    line = f"accuracies and their mean may both be rounded: {10.0**-published.decimals:g} points either way"
    yield checked(
        "means-table8", TABLE_8, "means of ten counts over the scored clips", checks, line, fault="not possible"
    )


def constant_epochs(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Tell whether the means can be those of ten epochs with one answer for every clip, not always the same."""
    possible_for: list[str] = []
    lines: list[str] = []
    for cell in cells:
        sums = {sum(mix) for mix in itertools.combinations_with_replacement(cell.counts, EPOCHS)}
        wanted = sums_of_ten(published, published.last_ten[cell.protocol.model, cell.dataset][0], cell.clips)
        possible = not sums.isdisjoint(wanted)
        possible_for += [cell.name] * possible
        line = f"{cell.name}: {EPOCHS} of {slashed(cell.counts)} {'can' if possible else 'cannot'} sum to "
        lines.append(line + (either(wanted) or "the mean, which is of no counts"))
    kind = "constant classifier" if possible_for else "consistent"
    verdict = f"possible for {len(possible_for) or 'none'} of {len(lines)}"
    if possible_for:
        verdict += f": {'; '.join(possible_for)}"
    subject = "means of networks that give all clips one answer in each of the ten epochs"
    doubt = "whether Tables V and VIII are of the same runs"
    yield Claim("constant-table8", TABLE_8, subject, kind, verdict, tuple(lines), unknown=doubt)


def gains(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Compute what choosing the best epoch on the scored clips adds."""
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


def _scores(published: Published, dataset: str) -> metrics.Scores:
    """Score the predictions that a printed confusion matrix counts."""
    matrix = np.array(published.confusion[dataset])
    true, predicted = (np.repeat(index.ravel(), matrix.ravel()) for index in np.indices(matrix.shape))
    return metrics.score(true, predicted, DATABASES[dataset].class_names)
