"""From the paper's tables V to IX to the trainings they need, and from runs to rows beside the published values.

`report.md.j2` is the form of the rows for a reader.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from microexp_keras import datasets, metrics, protocols
from microexp_keras.data import template
from microexp_keras.datasets.database import Database, get_database
from microexp_keras.models.networks import METHODS, NETWORKS, RIVALS
from microexp_keras.paper.published import PAPER, Cell, constant_answer, rival_value, table_5
from microexp_keras.protocols import Protocol
from microexp_keras.text import by, number, span

if TYPE_CHECKING:
    from microexp_keras.results.predictions import Predictions

NAMES = ("V", "VI", "VII", "VIII", "IX")

MATRIX = {"smic": "VII", "casme2": "VI"}
"""Which table is the confusion matrix of MicroExpSTCNN on a database."""

KERNELS_OF = "casme2"
"""The database of Table IX."""

Run = dict[str, Any]
"""A training: `folder`, `model`, `dataset`, `protocol`, `seed`, `kernel` (rows, columns, time), `planned_epochs` (how
many the protocol trains) and the contents of scores.json."""

Row = dict[str, Any]
"""A row of a table by column, for JSON."""

OF_ANY = ("V", "VIII", "IX")
"""Tables that can be made of clips that the paper has no numbers of: nothing stands beside ours."""

AHEAD = "stcnn"
"""The network of which the paper says that it is ahead."""


def trainings(
    tables: Sequence[str], models: Sequence[str], names: Sequence[str], dataset: str | Database, **reading: Any
) -> list[Protocol]:
    """Return what is trained for some tables (of `NAMES`), by methods and protocols (`names`) that there are for them.

    For Table IX those of MicroExpSTCNN with other kernels stand behind. `reading`: how clips are read, see
    `protocols.get`.
    """
    shown = {model: {"V", "VIII"} if model in NETWORKS else {"V"} for model in models}
    wanted = [model for model in models if shown[model] & {*tables} or model == "stcnn"]
    there = [(name, model) for model in wanted for name in names if name in protocols.names(model, dataset)]
    chosen = [protocols.get(name, model, dataset, **reading) for name, model in there]
    for protocol in [one for one in chosen if one.model == "stcnn" and "IX" in tables]:
        sizes = [size for size in PAPER.kernel_sizes if size != protocol.kernel_size and size[2] <= protocol.frames]
        chosen += [replace(protocol, kernel_size=size) for size in sizes]
    return chosen


def tables(wanted: Sequence[str], runs: Sequence[Run], dataset: str | Database) -> dict[str, list[Row]]:
    """Lay published values beside those of trained runs: the rows of each table that is wanted (of `NAMES`).

    Rates are between 0 and 1 and None where they are not defined or were not published; `collapsed` names the class of
    each fold that ended as a constant classifier (a single class for every validation clip), `published_is` the
    constant answer that scores the published value on the paper's own clips.
    """
    database = get_database(dataset)
    key = database.name if database.in_paper else ""  # one's own may have any name
    cells = {cell.protocol.model: cell for cell in table_5(PAPER) if cell.dataset == key}
    plain = [run for run in runs if run["kernel"] == PAPER.kernel_in_text]
    stcnn = [run for run in runs if run["model"] == "stcnn"]
    rows: dict[str, list[Row]] = {}
    if "V" in wanted:
        rows["V"] = [_row_of_table_5(alike, key, cells) for alike in _alike(plain)]
    for table in {*wanted} & {*MATRIX.values()}:
        rows[table] = [_matrix(alike, PAPER.confusion[key]) for alike in _alike(plain) if alike[0] in stcnn]
    if "VIII" in wanted:
        rows["VIII"] = [_ten_epochs(alike, key) for alike in _alike(plain) if alike[0]["model"] in NETWORKS]
    if "IX" in wanted:
        published = PAPER.kernel_sizes if key == KERNELS_OF else {}
        rows["IX"] = [
            {"kernel": by(size)} | _accuracies(alike, published.get(size), cells.get("stcnn"))
            for size in PAPER.kernel_sizes
            for alike in _alike([run for run in stcnn if run["kernel"] == size])
        ]
    return rows


def pairs(runs: Sequence[Run], predictions: "Sequence[Predictions]") -> list[Row]:
    """Compare MicroExpSTCNN with every other method that scored the same clips under the same protocol and seed.

    Deterministic methods have been fitted with the first seed only and stand for all. Rows have `protocol`, `seed`,
    `model`, `other`, `clips` and the fields of `metrics.Pair`; `p_holm`: `p_subjects` corrected for the number of
    pairs; `untested`: why there are no p values (None then), or None.
    """
    rows = []
    for (run, own), (other, its) in itertools.product(zip(runs, predictions, strict=True), repeat=2):
        same_seed = run["seed"] == other["seed"] or not METHODS[other["model"]].has_epochs
        alike = same_seed and all(run[name] == other[name] for name in ("protocol", "kernel"))
        if run["model"] != AHEAD or other["model"] == AHEAD or not alike:
            continue
        position = {clip: place for place, clip in enumerate(its.clips)}
        if position.keys() != {*own.clips}:
            continue
        order = [position[clip] for clip in own.clips]
        if not np.array_equal(own.true, its.true[order]):
            continue
        pair = asdict(metrics.paired(own.correct, its.correct[order], own.subjects))
        untested = " and ".join(filter(None, map(_cut_short, (run, other)))) or None
        if untested:
            pair |= {"p_clips": None, "p_subjects": None}
        key: dict[str, Any] = {name: run[name] for name in ("protocol", "seed", "model")}
        rows.append(key | {"other": other["model"], "clips": len(order), **pair, "untested": untested})
    tested = [row for row in rows if row["p_subjects"] is not None]
    corrected = dict(zip(map(id, tested), metrics.holm([row["p_subjects"] for row in tested]), strict=True))
    return [row | {"p_holm": corrected.get(id(row))} for row in rows]


def _cut_short(run: Run) -> str | None:
    """Say after how many epochs a run ended, if that is fewer than its protocol trains."""
    trained, planned = [fold["epochs"] for fold in run["folds"]], run["planned_epochs"]
    if None in trained or min(trained) >= planned:
        return None
    return f"{METHODS[run['model']].title} trained for {span(trained)} of {planned} epochs"


def as_markdown(
    rows: dict[str, list[Row]],
    runs: Sequence[Run],
    skipped: Sequence[str],
    dataset: str | Database,
    synthetic: bool,
    pairs: Sequence[Row] = (),
) -> str:
    """Write the rows that `tables` gives for a reader, as Markdown.

    `skipped`: what was asked for and does not exist; `synthetic`: whether this package generated the clips; `pairs`: as
    `pairs` gives them.
    """
    filters: dict[str, Callable[..., str]] = {
        "percent": lambda rate: "" if rate is None else f"{rate:.2%}",
        "points": lambda difference: "" if difference is None else f"{100 * difference:+.2f}",
        "p": lambda value: "n/a" if value is None else f"{value:.2g}",
        "number": number,
    }
    database = get_database(dataset)
    methods = [RIVALS[model] for model in dict.fromkeys(run["model"] for run in runs) if model in RIVALS]
    return template(__package__, "report.md.j2", **filters).render(
        rows=rows,
        runs=runs,
        skipped=skipped,
        database=database,
        synthetic=synthetic,
        synthetic_note=datasets.SYNTHETIC_NOTE,
        pairs=pairs,
        methods=METHODS,
        rivals=[(one, rival_value(PAPER, one, database.name)) for one in methods if database.in_paper],
    )


def figure_rows(rows: Sequence[Row]) -> list[Row]:
    """Return rows of Table V as `plots.accuracies` draws them."""
    return [
        {
            "group": METHODS[row["model"]].title,
            "label": row["protocol"],
            "value": row["ours"],
            "interval": row["interval"],
            "published": row["published"] if _of_its_kind(row) else None,
            "majority": row["majority_rate"],
        }
        for row in rows
    ]


def _alike(runs: Iterable[Run]) -> list[list[Run]]:
    """Group runs that differ in the seed alone."""
    groups = itertools.groupby(runs, lambda run: (run["model"], run["protocol"]))
    return [list(group) for _, group in groups]


def _of_its_kind(row: Row) -> bool:
    """Whether what was published is a score of the same kind: a network's of the program's rules, a rival's of LOSO."""
    return row["difference"] is not None and row["chosen_on_scored"] == (row["model"] in NETWORKS)


def _row_of_table_5(runs: list[Run], dataset: str, cells: dict[str, Cell]) -> Row:
    model = runs[0]["model"]
    if model in NETWORKS:
        return _accuracies(runs, PAPER.accuracy.get((model, dataset)), cells.get(model))
    value = rival_value(PAPER, RIVALS[model], dataset)
    row = _accuracies(runs, value.percent, None)
    return row if value.comparable else row | {"difference": None}


def _accuracies(runs: list[Run], published: float | None, cell: Cell | None) -> Row:
    """Return the accuracy over the seeds, and what it is compared with."""
    first, values = runs[0], [run["accuracy"] for run in runs]
    over_subjects = [(run["intervals_over_subjects"] or {}).get("accuracy") for run in runs]
    resampled = all(interval and interval[0] is not None for interval in over_subjects)
    intervals: list[Any] = over_subjects if resampled else [run["accuracy_interval"] for run in runs]
    unseen = [run["held_out"] for run in runs]
    rates = [part["correct"] / part["clips"] for part in unseen if part["clips"]]
    same = ("model", "dataset", "protocol", "majority_rate", "majority_class", "chosen_on_scored", "clips")
    return {
        **{name: first[name] for name in same},
        "seeds": [run["seed"] for run in runs],
        "counts": [f"{run['correct']}/{run['clips']}" for run in runs],
        **_against(float(np.mean(values)), published),
        "deviation": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "interval": [min(low for low, _ in intervals), max(high for _, high in intervals)],
        "interval_over": "subjects" if resampled else "clips (Wilson)",
        "uf1": _mean([run["uf1"] for run in runs]),
        "uar": _mean([run["uar"] for run in runs]),
        "ten_epochs": _mean([run["ten_epochs"] and run["ten_epochs"]["mean"] for run in runs]),
        "epochs": _epochs(runs),
        "held_out_clips": unseen[0]["clips"],
        "held_out_mislabelled": unseen[0]["mislabelled"],
        "held_out": float(np.mean(rates)) if rates else None,
        "folds": sum(len(run["folds"]) for run in runs),
        "collapsed": [fold["collapsed_to"] for run in runs for fold in run["folds"] if fold["collapsed_to"]],
        "published_is": constant_answer(published, cell) if published and cell else None,
    }


def _matrix(runs: list[Run], published: Sequence[Sequence[int]]) -> Row:
    """Return the confusion matrix summed over the seeds, beside the published one."""
    summed = np.sum([run["confusion"] for run in runs], axis=0)
    return {
        "protocol": runs[0]["protocol"],
        "seeds": [run["seed"] for run in runs],
        "class_names": runs[0]["class_names"],
        "published": [list(row) for row in published],
        "ours": summed.tolist(),
        "same_clips_per_class": np.array_equal(summed.sum(axis=1), len(runs) * np.sum(published, axis=1)),
    }


def _ten_epochs(runs: list[Run], dataset: str) -> Row:
    """Return mean and deviation of the accuracy over ten epochs; the paper's beside those of a single network."""
    first, folds = runs[0], len(runs[0]["folds"])
    mean, deviation = PAPER.last_ten.get((first["model"], dataset), (None, None)) if folds == 1 else (None, None)
    ours = [run["ten_epochs"] or {"mean": None, "deviation": None} for run in runs]
    return {
        **{name: first[name] for name in ("model", "protocol", "chosen_on_scored")},
        "seeds": [run["seed"] for run in runs],
        "epochs": _epochs(runs),
        "folds": folds,
        "published_deviation": None if deviation is None else deviation / 100,
        "deviation": _mean([epochs["deviation"] for epochs in ours]),
        **_against(_mean([epochs["mean"] for epochs in ours]), mean),
    }


def _epochs(runs: list[Run]) -> str:
    """Write which epochs that were averaged, counted from 1, or why there are none."""
    trained = [fold["epochs"] for run in runs for fold in run["folds"]]
    if None in trained:
        return "no epochs"
    if not all(run["ten_epochs"] for run in runs):
        return f"n/a: the folds end after {span(trained)} epochs"
    joined = " or ".join(sorted({span([run["ten_epochs"]["first"], run["ten_epochs"]["last"]]) for run in runs}))
    return f"epoch {joined}" if joined.isdigit() else f"epochs {joined}"


def _against(value: float | None, percent: float | None) -> Row:
    published = None if percent is None else percent / 100
    difference = None if published is None or value is None else value - published
    return {"published": published, "ours": value, "difference": difference}


def _mean(values: list[float | None]) -> float | None:
    """Return the mean; None if any value is."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None
