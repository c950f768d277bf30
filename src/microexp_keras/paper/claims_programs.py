"""Claims about the programs, the networks' shapes, the published weights and the clips of the databases."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from microexp_keras import protocols
from microexp_keras.datasets.database import DATABASES
from microexp_keras.models.networks import FILTERS, POOL
from microexp_keras.paper.arithmetic import by_class, count_as_printed, fitting_totals, fractions
from microexp_keras.paper.cells import MATRIX_OF, Cell, cell_of, printed, split_ignores_subjects
from microexp_keras.paper.claim import CLIPS, PROGRAMS, SHAPES, WEIGHTS, Claim, checked
from microexp_keras.paper.published import Published
from microexp_keras.text import by, either, slashed


def selections(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Say on which clips the programs choose the epoch and score, and what trains."""
    for cell in cells:
        fold, wrong = cell.fold, cell.folders != cell.labels
        trained, chosen = (len(np.intersect1d(part, fold.score)) for part in (fold.train, fold.select))
        blind, rest, n, epochs = split_ignores_subjects(cell), fold.held_out, len(fold.score), cell.protocol.epochs
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


def untrained_classes(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Count the clips that can be right if a class that no training label names is never the answer."""
    checks, reasons = [], ["that the score is of another split: a class without training clips is hardly ever answered"]
    for cell in cells:
        trained = by_class(cell.labels[cell.fold.train])
        missing = [name for name, count in zip(cell.classes, trained, strict=True) if not count]
        most = sum(count for count, seen in zip(cell.counts, trained, strict=True) if seen)
        k, _ = count_as_printed(published, cell.percent, cell.clips)
        line = f"{cell.name}: {slashed(trained)} train"
        if missing:
            line += f", so without {either(missing)} at most {most}/{cell.clips} = {most / cell.clips:.2%}; printed {k}"
        checks.append((k is None or k <= most, line))
        stops = published.stops_with.get((cell.protocol.model, cell.dataset))
        if not checks[-1][0] and stops:
            reasons.append(f"the program as published stops, since {stops}")
    inferred = "" if all(agrees for agrees, _ in checks) else "; ".join(reasons)
    subject = "more right answers than there are clips of trained classes"
    yield checked("untrained-classes", PROGRAMS, subject, checks, fault="unlikely", inferred=inferred)


def settings(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Compare the text's settings with the programs'."""
    checks = []
    for cell in cells:
        text = protocols.get("paper", cell.protocol.model, cell.dataset)
        for what in ("batch_size", "epochs"):
            said, done = getattr(text, what), getattr(cell.protocol, what)
            line = f"{cell.name}: {what.replace('_', ' ')} {said} in the text, {done} in the program"
            checks.append((said == done, line))
    yield checked("settings", PROGRAMS, "the settings in the paper's text", checks)


def networks(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Compare the kernels of text, figure and Table II, and recompute Table II's shapes."""
    protocol = cell_of(cells, "late", "casme2").protocol
    text, figure, printed = published.kernel_in_text, published.kernel_in_figure, published.stream_shape
    lengths = [length for length in range(1, protocol.frames) if _pooled(protocol.frames, length) == printed[-1]]
    line = f"{protocol.frames} frames become {printed[-1]} (Table II) with {either(lengths)} frames in the kernel"
    checks = [(text == figure, f"{by(figure)} in Fig. 2, {by(text)} in the text")]
    checks += [(kernel[-1] in lengths, f"{line}; {by(kernel)} has {kernel[-1]}") for kernel in (text, figure)]
    yield checked("kernel", SHAPES, f"the kernel, {by(text)}", checks)

    sizes = (protocol.size, protocol.size, protocol.frames)
    shape = tuple(map(_pooled, sizes, text))
    stream, streams = math.prod(shape) * FILTERS, len(protocol.inputs)
    both = f"{streams} x {stream} = {streams * stream}"
    lines = [
        f"({size} - {length} + 1) // {POOL} = {_pooled(size, length)}" for size, length in zip(sizes, text, strict=True)
    ]
    checks = [
        (shape == printed, f"a stream is {by(printed)} in print, {by(shape)} computed"),
        (published.concatenation == streams * stream, f"both together {published.concatenation} in print, {both}"),
    ]
    lines = [*dict.fromkeys(lines), f"{by(shape)} x {FILTERS} filters = {stream}, one stream"]
    yield checked("shapes", SHAPES, f"the fused networks on {DATABASES['casme2'].title}", checks, *lines)


def weights_names(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Compare the accuracies in the names of the files with Table V."""
    checks, named = [], []
    for name, who in published.weights.items():
        epoch, accuracy = name.split("-")
        fits = [cell for cell in cells if _in_name(cell.percent) == accuracy]
        where = [f"{printed(published, cell)} (epoch {int(epoch) + 1} of {cell.protocol.epochs})" for cell in fits]
        checks.append((bool(fits), f"{name}, named by {who}: {either(where) or 'nothing in Table V'}"))
        named += [cell.key for cell in fits]
    unnamed = either(printed(published, cell) for cell in cells if cell.key not in named)
    line = f"no file is named for: {unnamed or 'nothing'}"
    which = "which network a file is of, since its name says only the rounded accuracy"
    yield checked("weights-names", WEIGHTS, "the accuracies in the files' names", checks, line, inferred=which)


def weights_runs(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Tell whether two files with the same accuracy can be of one run, if that writes only what is better."""
    checks = []
    for cell in cells:
        files = [name for name in published.weights if name.split("-")[1] == _in_name(cell.percent)]
        counts = fractions(100 * float(_in_name(cell.percent)), cell.clips, 0)
        line = f"{cell.name}: files {' and '.join(files) or 'none'}; {_in_name(cell.percent)} is {either(counts)} of "
        checks.append((len(files) <= max(1, len(counts)), f"{line}{cell.clips}"))
    inferred = "" if all(agrees for agrees, _ in checks) else "that there was more than one run"
    subject = "the files as those of one run each, which writes one only when it is better than all before"
    yield checked("weights-runs", WEIGHTS, subject, checks, inferred=inferred)


def user_report(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Find what a user's accuracy with the published weights can be."""
    counts = {n: fractions(published.user_report, n, 0) for n in dict.fromkeys(cell.clips for cell in cells)}
    fits = [f"{k}/{n}" for n, fitting in counts.items() for k in fitting]
    kind, verdict = ("cannot be known", f"may be {either(fits)}") if fits else ("not possible", "no count")
    lines = tuple(f"of {n} clips: {either(f'{k / n:.2%}' for k in fitting) or 'none'}" for n, fitting in counts.items())
    subject = f"{published.user_report} %, which a user reported with the published weights"
    doubt = "which weights and which clips the user took"
    yield Claim("user-report", WEIGHTS, subject, kind, verdict, lines, unknown=doubt)


def smic_clips(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Count the ways of choosing the clips that the paper left out."""
    cell, there = cell_of(cells, MATRIX_OF, "smic"), published.distributed["smic"]
    used = by_class(cell.labels)
    left = [whole - part for whole, part in zip(there, used, strict=True)]
    ways = math.prod(map(math.comb, there, used))
    kind = "contradiction" if min(left) < 0 else "cannot be known" if ways > 1 else "consistent"
    verdict = f"{sum(there)} are distributed: {sum(left)} are left out, {slashed(left)} of {'/'.join(cell.classes)}"
    choices = " x ".join(f"C({whole}, {part})" for whole, part in zip(there, used, strict=True))
    lines = (f"{slashed(there)} distributed, {slashed(used)} labelled", f"{choices} = {ways:,} selections")
    doubt = "which clips were left out, and so whether a score on others can be compared" if ways > 1 else ""
    subject = f"{sum(used)} clips of {DATABASES['smic'].title}"
    yield Claim("clips-smic", CLIPS, subject, kind, verdict, lines, unknown=doubt)


def casme2_clips(published: Published, cells: list[Cell]) -> Iterator[Claim]:
    """Tell whether the clips can be the micro-expressions that are distributed."""
    cell = cell_of(cells, MATRIX_OF, "casme2")
    fits = fitting_totals(by_class(cell.labels), cell.counts, cell.protocol.split)
    used = sorted({*fits, len(cell_of(cells, "late", "casme2").labels)})
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
    subject = f"{either(used)} clips of {DATABASES['casme2'].title}, as micro-expressions"
    yield checked("clips-casme2", CLIPS, subject, checks, length, unknown=doubt)


def _named(labels: np.ndarray, names: Sequence[str]) -> str:
    """Write labels as counts with the names of their classes."""
    return ", ".join(f"{count} {name}" for count, name in zip(by_class(labels), names, strict=True) if count)


def _pooled(size: int, kernel: int) -> int:
    """Return the length behind convolution and pooling."""
    return (size - kernel + 1) // POOL


def _in_name(percent: float) -> str:
    """Write an accuracy as the names of weights files have it."""
    return f"{percent / 100:.2f}"
