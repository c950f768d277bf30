"""From the paper's tables V to IX to the trainings they need, and from these to a report with published values."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from microexp_keras import metrics, protocols
from microexp_keras.data import read_toml
from microexp_keras.datasets.database import Database
from microexp_keras.errors import Issue
from microexp_keras.models.networks import NETWORKS, RIVALS
from microexp_keras.paper.published import PAPER, published_value
from microexp_keras.protocols import Protocol
from microexp_keras.results.page import Json, Report, Section, Table
from microexp_keras.results.predictions import Predictions
from microexp_keras.text import by, number, span

NAMES = ("V", "VI", "VII", "VIII", "IX")

MATRIX = {"smic": "VII", "casme2": "VI"}  #: Which table is the confusion matrix of MicroExpSTCNN on a database.

#: Tables that can be made of clips that the paper has no numbers of: nothing stands beside ours.
OF_ANY = ("V", "VIII", "IX")

AHEAD = "stcnn"  #: The network of which the paper says that it is ahead, and of Tables VI, VII and IX.

Row = dict[str, Any]  #: Text cells by the keys of columns in `tables.toml`.


class Trained(NamedTuple):
    """A training: how, in which folder, how many epochs its protocol plans, and what came of it (scores.json)."""

    protocol: Protocol
    seed: int
    planned_epochs: int
    folder: str
    scores: Json
    predictions: Predictions
    notes: Sequence[Issue] = ()


def trainings(
    tables: Sequence[str], models: Sequence[str], names: Sequence[str], database: Database, **reading: Any
) -> list[Protocol]:
    """Return what is trained for some tables (of `NAMES`), by methods and protocols (`names`) that there are for them.

    For Table IX those of MicroExpSTCNN with other kernels stand behind. `reading`: how clips are read, see
    `protocols.get`.
    """
    of_networks = {"V", "VIII"} & {*tables}
    wanted = [model for model in models if model == AHEAD or "V" in tables or (model in NETWORKS and of_networks)]
    there = [(name, model) for model in wanted for name in names if name in protocols.names(model, database)]
    chosen = [protocols.get(name, model, database, **reading) for name, model in there]
    for protocol in [one for one in chosen if one.model == AHEAD and "IX" in tables]:
        sizes = [size for size in PAPER.kernel_sizes if size != protocol.kernel_size and size[2] <= protocol.frames]
        chosen += [replace(protocol, kernel_size=size) for size in sizes]
    return chosen


def write(
    folder: Path, wanted: Sequence[str], trained: Sequence[Trained], synthetic: bool, notes: Sequence[Issue]
) -> Report:
    """Write the tables (of `NAMES`) that are wanted into a folder, as report.txt and report.html, and return them."""
    database = trained[0].protocol.database
    of_seeds = itertools.groupby(trained, lambda one: (one.protocol.model, one.protocol.name, one.protocol.kernel_size))
    groups = [list(group) for _, group in of_seeds]
    of_kernels = [_row(group) for group in groups]
    rows = [row for row in of_kernels if row["kernel"] == by(PAPER.kernel_in_text)]
    sections = []
    if "V" in wanted:
        constant = [f"{row['method']} under {row['protocol']} ({row['constant']})" for row in rows if row["constant"]]
        said = f"Constant classifiers, which predict a single class: {'; '.join(constant)}." if constant else ""
        rivals = {row["model"]: row for row in rows if row["model"] in RIVALS and database.in_paper}
        sections += [*_section("V", rows, said), *_section("why", rows), *_pairs(trained)]
        sections += _section("rivals", [*rivals.values()])
    if {*wanted} & {*MATRIX.values()}:
        stcnn = [group for group in groups if group[0].protocol.model == AHEAD]
        sections += [_matrix(group) for group in stcnn if group[0].protocol.kernel_size == PAPER.kernel_in_text]
    if "VIII" in wanted:
        sections += _section("VIII", [row for row in rows if row["model"] in NETWORKS])
    if "IX" in wanted:
        order = [*map(by, PAPER.kernel_sizes)]
        ahead = [row for row in of_kernels if row["model"] == AHEAD]
        sections += _section("IX", sorted(ahead, key=lambda row: order.index(row["kernel"])))
    sections += _section("trainings", [_training(one) for one in trained])
    verdict = ""
    if not database.in_paper:
        verdict = "The paper has no results on these clips: its methods are compared with each other only."
    elif synthetic:
        verdict = "On synthetic clips neither a difference from a published value nor an agreement means anything."
    report = Report(f"Tables of Reddy et al. (2019) on {database.origin(synthetic)}", notes, verdict, sections)
    report.write(folder)
    return report


def _section(name: str, rows: Sequence[Row], said: str = "") -> list[Section]:
    """Return the section of a table of `tables.toml`, none without rows."""
    about = read_toml(__package__, "tables.toml")[name]
    cells = [{head: row[key] for key, head in about["columns"].items()} for row in rows]
    return [Section(about["title"], said, [Table.of(cells)], remark=about.get("remark", ""))] if rows else []


def _mean(scores: Sequence[Json], name: str) -> float:
    """Return the mean of a score over trainings, NaN if it is undefined for any."""
    return float(np.mean(np.array([one[name] for one in scores], float)))


def _points(ours: float, percent: float | None) -> str:
    return "" if percent is None or np.isnan(ours) else f"{100 * ours - percent:+.2f}"


def _row(group: Sequence[Trained]) -> Row:
    """Say of trainings that differ in the seed alone what Tables V and IX say, by column."""
    protocol, scores = group[0].protocol, [one.scores for one in group]
    published, accuracy = published_value(protocol), _mean(scores, "accuracy")
    spread = f" ± {100 * np.std([one['accuracy'] for one in scores], ddof=1):.2f}" if len(scores) > 1 else ""
    of_folds = [fold["collapsed_to"] for one in scores for fold in one["folds"]]
    constant = [*filter(None, of_folds)]
    always = f"{len(constant)} of {len(of_folds)} trainings: always {' or '.join(dict.fromkeys(constant))}"
    counts = ", ".join(f"{one['correct']}/{one['clips']}" for one in scores)
    unseen, wrong = scores[0]["held_out"]["clips"], scores[0]["held_out"]["mislabelled"]
    apart = f"{sum(one['held_out']['correct'] for one in scores) / len(scores) / max(unseen, 1):.2%} of {unseen}"
    return {
        "model": protocol.model,
        "method": protocol.network.title,
        "row": protocol.network.printed,
        "sees": protocol.network.sees,
        "protocol": protocol.name,
        "kernel": by(protocol.kernel_size),
        "published": published.printed + (f" = always {published.constant}" if published.constant else ""),
        "ours": f"{accuracy:.2%}{spread} ({counts})",
        "meaning": published.meaning,
        "difference": _points(accuracy, published.percent if published.comparable else None),
        "95 % interval": _interval(scores),
        "majority rate": f"{scores[0]['majority_rate']:.1%} ({scores[0]['majority_class']})",
        "UF1": number(_mean(scores, "uf1"), 3),
        "UAR": number(_mean(scores, "uar"), 3),
        "constant": always if constant else "",
        "as scored": f"{accuracy:.2%}",
        "held out": apart + (f", {wrong} with a wrong label" if wrong else "") if unseen else "none",
        **_of_epochs(protocol, scores),
    }


def _of_epochs(protocol: Protocol, scores: Sequence[Json]) -> Row:
    """Say the mean over ten epochs, with the paper's beside that of a single network, or why there is none."""
    chosen, folds, ten = scores[0]["chosen_on_scored"], scores[0]["folds"], [one["ten_epochs"] for one in scores]
    on = "the test clips" if chosen else "validation clips, not the test clips"
    row = {"on": on + (f", {len(folds)} folds pooled" if len(folds) > 1 else "")}
    row |= dict.fromkeys(("mean", "points", "published mean"), "")
    if not protocol.network.has_epochs:
        return row | {"over": "no epochs", "none chosen": "no epochs"}
    alone = protocol.database.in_paper and len(folds) == 1
    published = PAPER.last_ten.get((protocol.model, protocol.dataset)) if alone else None
    if published:
        row["published mean"] = "{:.2f}% ± {:.2f}".format(*published)
    if None in ten:
        over = f"n/a: the folds end after {span(fold['epochs'] for one in scores for fold in one['folds'])} epochs"
    else:
        mean, deviation = _mean(ten, "mean"), _mean(ten, "deviation")
        over = f"epochs {ten[0]['first']} to {ten[0]['last']}"
        row["mean"] = f"{mean:.2%}" + ("" if np.isnan(deviation) else f" ± {100 * deviation:.2f}")
        row["points"] = _points(mean, published[0] if published else None)
    return row | {"over": over, "none chosen": f"{row['mean']} ({over})" if chosen else "chosen on other clips"}


def _interval(scores: Sequence[Json]) -> str:
    """Return the lowest and the highest bound of the seeds' intervals, and over what these are."""
    found = [(one["intervals_over_subjects"] or {}).get("accuracy") for one in scores]
    resampled = all(interval and interval[0] is not None for interval in found)
    lows, highs = zip(*(found if resampled else [one["accuracy_interval"] for one in scores]), strict=True)
    return f"{min(lows):.1%} to {max(highs):.1%}, over {'subjects' if resampled else 'clips (Wilson)'}"


def _pairs(trained: Sequence[Trained]) -> list[Section]:
    """Compare MicroExpSTCNN with every other method that scored the same clips under the same protocol and seed.

    There is no p value where training was cut short.
    """
    rows, cuts = [], []
    for own, other in itertools.product(trained, repeat=2):
        if not _can_be_compared(own, other):
            continue
        mine, cut = own.predictions, _cut_short(own) + _cut_short(other)
        cuts += cut
        pair = metrics.paired(mine.correct, other.predictions.correct, mine.subjects)
        row: Row = {"other": other.protocol.network.title, "protocol": own.protocol.name, "seed": str(own.seed)}
        row["subjects"] = f"{pair.first_subjects} : {pair.second_subjects}"
        row["clips"] = f"{pair.first_only} : {pair.second_only} of {len(mine.clips)}"
        rows.append(row | {"p subjects": None if cut else pair.p_subjects, "p clips": None if cut else pair.p_clips})
    corrected = iter(metrics.holm([row["p subjects"] for row in rows if row["p subjects"] is not None]))
    for row in rows:
        row["p Holm"] = None if row["p subjects"] is None else next(corrected)
        row |= {name: "n/a" if row[name] is None else f"{row[name]:.2g}" for name in row if name.startswith("p ")}
    reasons = "; ".join(dict.fromkeys(cuts))
    return _section("pairs", rows, f"No p value where training was cut short: {reasons}." if reasons else "")


def _can_be_compared(own: Trained, other: Trained) -> bool:
    """Whether these are MicroExpSTCNN and another method on the same clips under the same protocol and seed.

    Deterministic methods have been fitted with the first seed only and stand for all.
    """
    one, two = own.protocol, other.protocol
    return (
        (one.model == AHEAD and two.model != AHEAD)
        and (own.seed == other.seed or not two.network.has_epochs)
        and (one.name, one.kernel_size) == (two.name, two.kernel_size)
        and own.predictions.clips == other.predictions.clips
        and np.array_equal(own.predictions.true, other.predictions.true)
    )


def _cut_short(one: Trained) -> list[str]:
    """Say after how many epochs a training ended, if they are fewer than planned."""
    epochs = [fold["epochs"] for fold in one.scores["folds"]]
    if None in epochs or min(epochs) >= one.planned_epochs:
        return []
    return [f"{one.protocol.network.title} trained for {span(epochs)} of {one.planned_epochs} epochs"]


def _matrix(group: Sequence[Trained]) -> Section:
    """Tables VI and VII: the published confusion matrix, and ours summed over the seeds."""
    protocol, ours = group[0].protocol, np.sum([one.scores["confusion"] for one in group], axis=0)
    names, published = protocol.database.class_names, np.array(PAPER.confusion[protocol.dataset])
    counts = zip(names, published, ours, strict=True)
    rows = [[name, *map("{} / {}".format, theirs, own)] for name, theirs, own in counts]
    alike = np.array_equal(ours.sum(axis=1), len(group) * published.sum(axis=1))
    seeds = f"sum of seeds {', '.join(str(one.seed) for one in group)}; " if len(group) > 1 else ""
    clips = "as many clips of each class as published" if alike else "other clips than published"
    title = f"Table {MATRIX[protocol.dataset]}: confusion matrix of MicroExpSTCNN, published / ours"
    table = Table(["true / predicted", *names], rows)
    return Section(title, f"Protocol {protocol.name}; {seeds}{clips}.", [table])


def _training(one: Trained) -> Row:
    epochs = [fold["epoch"] for fold in one.scores["folds"]]
    best = "no epochs" if None in epochs else span(epochs) + (f" in {len(epochs)} folds" if len(epochs) > 1 else "")
    accuracy = f"{one.scores['accuracy']:.2%} ({one.scores['correct']}/{one.scores['clips']})"
    return {"folder": one.folder, "accuracy": accuracy, "epoch": best}
