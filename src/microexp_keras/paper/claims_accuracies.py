"""Claims about the accuracies of Tables V and IX: which counts they can be, beside one answer for every clip."""

import math
from collections.abc import Iterator, Sequence

from microexp_keras import metrics
from microexp_keras.datasets.database import DATABASES
from microexp_keras.paper.arithmetic import count_as_printed, totals
from microexp_keras.paper.cells import MATRIX_OF, Cell, cell_of, constant_answer, label_counts, matrix_rows, printed
from microexp_keras.paper.claim import TABLE_5, TABLE_9, Claim, checked
from microexp_keras.paper.published import Published
from microexp_keras.text import by, either


def accuracies(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Find which counts the accuracies of Table V can be, of all sets that the programs of the database make."""
    for cell in cells:
        trained = {sum(matrix_rows(published, cell.dataset)): 0}  # by size of a set: how many of it train
        for other in cells:
            if other.dataset == cell.dataset:
                trained.setdefault(len(other.fold.held_out), 0)
                trained.setdefault(len(other.labels), len(other.fold.train))
        counts = {n: count_as_printed(published, cell.percent, n) for n in sorted(trained)}
        n = min((n for n in counts if counts[n][0] is not None), key=trained.__getitem__, default=None)
        if n is None:
            kind, verdict = "not possible", f"no count of {either(counts)} clips"
        elif trained[n]:
            kind = "includes training clips"
            verdict = f"{counts[n][0]} of {n} clips, {trained[n]} of which train; no count of held-out clips alone"
        else:
            kind, verdict = "consistent", f"{counts[n][0]} of {n} clips that do not train"
        lines = tuple(f"{line}; {trained[n] or 'none'} of the {n} train" for n, (_, line) in counts.items())
        yield Claim(f"accuracy-{cell.key}", TABLE_5, printed(published, cell), kind, verdict, lines)


def constant_accuracies(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Compare the accuracies of Table V with one answer for every clip."""
    yield _constant(published, "constant-table5", TABLE_5, [(cell.name, cell.percent, cell) for cell in cells])


def constant_kernel_sizes(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Compare the accuracies of Table IX with one answer for every clip."""
    cell = cell_of(cells, MATRIX_OF, "casme2")
    sizes = [(by(kernel), percent, cell) for kernel, percent in published.kernel_sizes.items()]
    yield _constant(published, "constant-table9", TABLE_9, sizes)


def _constant(published: Published, key: str, group: str, figures: Sequence[tuple[str, float, Cell]]) -> Claim:
    """Compare figures, `(name, percent, scored Cell)`, with giving every clip the same class."""
    constants: list[str] = []
    answers: dict[str, list[str]] = {}
    for name, percent, cell in figures:
        answer = constant_answer(published, percent, cell)
        if answer:
            count = cell.counts[cell.classes.index(answer)]
            constants.append(f"{name} = always {answer} ({count}/{cell.clips})")
        rates = zip(cell.classes, cell.counts, strict=True)
        every = ", ".join(f"{cls} {count}/{cell.clips} = {count / cell.clips:.2%}" for cls, count in rates)
        answers.setdefault(every, []).append(f"{name} {percent:.{published.decimals}f}")
    subject = f"{len(figures)} accuracies beside those of one answer for every clip"
    kind = "constant classifier" if constants else "consistent"
    verdict = f"{len(constants) or 'none'} of {len(figures)} equal one"
    if constants:
        verdict += f": {'; '.join(constants)}"
    lines = [f"one answer scores {every}; printed {', '.join(names)}" for every, names in answers.items()]
    seen = {cell.key: cell for _, _, cell in figures if (cell.protocol.model, cell.dataset) in published.collapsed_runs}
    for cell in seen.values() if key == "constant-table5" else ():
        runs = published.collapsed_runs[cell.protocol.model, cell.dataset]
        ends = " or ".join(f"{k}/{cell.clips} = {k / cell.clips:.2%} ({where})" for where, k in runs)
        lines.append(f"seen: the program of {cell.name}, run on clips of one person talking, collapses to {ends}")
    cause = "that these networks had collapsed to one class: other answers can come to the same count"
    return Claim(key, group, subject, kind, verdict, tuple(lines), cause if constants else "")


def majorities(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Compare the intervals of the accuracies with the rate of the most frequent class."""
    for cell in cells:
        n, most = cell.clips, max(cell.counts)
        k, line = count_as_printed(published, cell.percent, n)
        kind, verdict, lines = "not possible", f"no count of {n} clips, so there is no interval", [line]
        if k is not None:
            low, high = metrics.wilson_interval(k, n)
            kind = "above majority" if most / n < low else "not above majority"
            position = "below" if most / n < low else "within" if most / n <= high else "above"
            verdict = (
                f"95 % interval {low:.1%} to {high:.1%} (Wilson); the majority rate, {most / n:.1%}, lies {position}"
            )
            lines.append(f"always {cell.classes[cell.counts.index(most)]}: {most}/{n} = {most / n:.2%}")
        doubt = "the interval for new people: this one takes all clips for independent and new, which they are not"
        yield Claim(
            f"interval-{cell.key}", TABLE_5, printed(published, cell), kind, verdict, tuple(lines), unknown=doubt
        )


def rivals(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Find which counts the accuracies of other methods can be."""
    for (name, dataset), percent in published.rivals.items():
        known = [published.distributed.get(dataset, ()), published.annotated.get(dataset, ())]
        sizes = set(map(sum, label_counts(published, dataset)))
        sizes |= {sum(counts) for counts in known if counts} | {*published.annotated.get(dataset, ())}
        by_size = {n: count_as_printed(published, percent, n) for n in sorted(sizes)}
        fits = [f"{k} of {n} clips" for n, (k, _) in by_size.items() if k is not None]
        small = either(totals(percent, max(sizes), published.decimals)) or "none"
        key = f"rival-{name.split(' (')[0].replace(' ', '-')}-{dataset}"
        subject = f"{name} on {DATABASES[dataset].title}, {percent:.{published.decimals}f} %"
        own = {cell.clips for cell in cells if cell.dataset == dataset}
        kind = "consistent" if own & {n for n, (k, _) in by_size.items() if k is not None} else "not comparable"
        verdict = f"{either(fits)}; the paper's own are of {either(sorted(own))}, and it says that splits differ"
        if not fits:
            kind, verdict = "not possible", f"no count of {either(by_size)} clips"
        lines = (*(line for _, line in by_size.values()), f"fitting sizes to {max(sizes)}: {small}")
        if counts := published.distributed.get(dataset):
            largest, clips = max(counts), sum(counts)
            answer = DATABASES[dataset].class_names[counts.index(largest)]
            constant = f"always answering {answer} on all that is distributed: {largest}/{clips}"
            rate = 100 * largest / clips
            lines += (f"{constant} = {rate:.2f}%, {abs(percent - rate):.2f} points from it",)
        doubt = "" if fits else "which clips were counted; a mean over folds or subjects need not be a count"
        yield Claim(key, TABLE_5, subject, kind, verdict, lines, unknown=doubt)


def kernel_sizes(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Find which counts the accuracies of Table IX can be, and compare it with Table V."""
    cell, checks = cell_of(cells, MATRIX_OF, "casme2"), []
    for kernel, percent in published.kernel_sizes.items():
        k, line = count_as_printed(published, percent, cell.clips)
        checks.append((k is not None, f"{by(kernel)} {percent:.{published.decimals}f}: {line}"))
    yield checked("counts-table9", TABLE_9, f"accuracies of {cell.name}", checks, fault="not possible")
    here = published.kernel_sizes.get(published.kernel_in_text, math.nan)
    checks = [(here == cell.percent, f"{here:.2f} in Table IX, {cell.percent:.2f} in Table V")]
    yield checked("kernel-table9", TABLE_9, f"{by(published.kernel_in_text)} beside Table V", checks)
