"""From the paper's tables V to IX to the trainings they need, and from runs to rows beside the published values."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from microexp_keras import protocols
from microexp_keras.datasets.database import Database, get_database
from microexp_keras.models.networks import METHODS, NETWORKS, RIVALS
from microexp_keras.paper.cells import Cell, constant_answer, table_5
from microexp_keras.paper.published import PAPER
from microexp_keras.paper.rivals import rival_value
from microexp_keras.protocols import Protocol
from microexp_keras.text import by, span

NAMES = ("V", "VI", "VII", "VIII", "IX")

MATRIX = {"smic": "VII", "casme2": "VI"}
"""Which table is the confusion matrix of MicroExpSTCNN on a database."""

KERNELS_OF = "casme2"
"""The database of Table IX."""

Run = dict[str, Any]
"""A training: its key and the contents of scores.json; see `tables`."""

Row = dict[str, Any]
"""A row of a table by column, for JSON."""


OF_ANY = ("V", "VIII", "IX")
"""Tables that can be made of clips that the paper has no numbers of: nothing stands beside ours."""


def trainings(
    tables: Sequence[str], models: Sequence[str], names: Sequence[str], dataset: str | Database
) -> list[Protocol]:
    """Return what is trained for some tables under some protocols: those that there are for a network.

    Parameters
    ----------
    tables : sequence of str
        Of `NAMES`.
    models, names : sequence of str
        Methods, and names of protocols.
    dataset : str or Database

    Returns
    -------
    list of Protocol
        For Table IX those of MicroExpSTCNN with other kernels stand behind.
    """
    shown = {model: {"V", "VIII"} if model in NETWORKS else {"V"} for model in models}
    wanted = [model for model in models if shown[model] & {*tables} or model == "stcnn"]
    pairs = itertools.product(wanted, names)
    chosen = [protocols.get(name, model, dataset) for model, name in pairs if name in protocols.names(model, dataset)]
    if "IX" in tables:
        plain = [protocol for protocol in chosen if protocol.model == "stcnn"]
        chosen += [
            replace(protocol, kernel_size=size)
            for protocol in plain
            for size in PAPER.kernel_sizes
            if size != protocol.kernel_size and size[2] <= protocol.frames
        ]
    return chosen


def tables(wanted: Sequence[str], runs: Sequence[Run], dataset: str | Database) -> dict[str, list[Row]]:
    """Lay published values beside those of trained runs.

    Parameters
    ----------
    wanted : sequence of str
        Of `NAMES`.
    runs : list of dict
        One per training: `folder`, `model`, `dataset`, `protocol`, `seed`, `kernel` (rows, columns, time) and the
        contents of scores.json.
    dataset : str or Database

    Returns
    -------
    dict of str to list of dict
        Rows by table. Rates are between 0 and 1 and None where they are not defined or were not published; `collapsed`
        names the class of each fold that ended as a constant classifier (one class for all clips that its epoch is
        chosen on), `published_is` the constant answer that scores the published value on the paper's own clips.
    """
    database = get_database(dataset)
    key = database.name if database.in_paper else ""  # one's own may have any name
    cells = {cell.protocol.model: cell for cell in table_5(PAPER) if cell.dataset == key}
    own_kernel = PAPER.kernel_in_text
    plain = [run for run in runs if run["kernel"] == own_kernel]
    rows: dict[str, list[Row]] = {}
    if "V" in wanted:
        rows["V"] = [_row_of_table_5(model, alike, key, cells) for model, alike in _alike(plain)]
    for table in {*wanted} & {*MATRIX.values()}:
        stcnn = [run for run in plain if run["model"] == "stcnn"]
        rows[table] = [_matrix(alike, PAPER.confusion[key]) for _, alike in _alike(stcnn)]
    networks = [(model, alike) for model, alike in _alike(plain) if model in NETWORKS]
    if "VIII" in wanted:
        rows["VIII"] = [_ten_epochs(alike, PAPER.last_ten.get((model, key))) for model, alike in networks]
    if "IX" in wanted:
        stcnn = [run for run in runs if run["model"] == "stcnn"]
        published = PAPER.kernel_sizes if key == KERNELS_OF else {}
        rows["IX"] = [
            {"kernel": by(size)} | _accuracies(alike, published.get(size), cells.get("stcnn"))
            for size in PAPER.kernel_sizes
            for _, alike in _alike([run for run in stcnn if run["kernel"] == size])
        ]
    return rows


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


def _alike(runs: Iterable[Run]) -> Iterator[tuple[str, list[Run]]]:
    """Group runs that differ in the seed alone, with their network."""
    for (model, _), group in itertools.groupby(runs, lambda run: (run["model"], run["protocol"])):
        yield model, list(group)


def _of_its_kind(row: Row) -> bool:
    """Whether what was published is a score of the same kind: a network's of the program's rules, a rival's of LOSO."""
    return row["difference"] is not None and row["chosen_on_scored"] == (row["model"] in NETWORKS)


def _row_of_table_5(model: str, runs: list[Run], dataset: str, cells: dict[str, Cell]) -> Row:
    if model in NETWORKS:
        return _accuracies(runs, PAPER.accuracy.get((model, dataset)), cells.get(model))
    value = rival_value(PAPER, RIVALS[model], dataset)
    row = _accuracies(runs, value.percent, None)
    return row if value.comparable else row | {"difference": None}


def _accuracies(runs: list[Run], published: float | None, cell: Cell | None) -> Row:
    """Return the accuracy over the seeds, and what it is compared with."""
    first = runs[0]
    values = [run["accuracy"] for run in runs]
    over_subjects = [(run["intervals_over_subjects"] or {}).get("accuracy") for run in runs]
    resampled = all(interval and interval[0] is not None for interval in over_subjects)
    intervals: list[Any] = over_subjects if resampled else [run["accuracy_interval"] for run in runs]
    unseen = [run["held_out"] for run in runs]
    rates = [part["correct"] / part["clips"] for part in unseen] if unseen[0]["clips"] else []
    return {
        "model": first["model"],
        "dataset": first["dataset"],
        "protocol": first["protocol"],
        "seeds": [run["seed"] for run in runs],
        "counts": [f"{run['correct']}/{run['clips']}" for run in runs],
        **_against(float(np.mean(values)), published),
        "deviation": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "interval": [min(low for low, _ in intervals), max(high for _, high in intervals)],
        "interval_over": "subjects" if resampled else "clips (Wilson)",
        "majority_rate": first["majority_rate"],
        "majority_class": first["majority_class"],
        "uf1": _mean([run["uf1"] for run in runs]),
        "uar": _mean([run["uar"] for run in runs]),
        "ten_epochs": _mean([run["ten_epochs"] and run["ten_epochs"]["mean"] for run in runs]),
        "epochs": _epochs(runs),
        "chosen_on_scored": first["chosen_on_scored"],
        "clips": first["clips"],
        "held_out_clips": unseen[0]["clips"],
        "held_out_mislabelled": unseen[0]["mislabelled"],
        "held_out": float(np.mean(rates)) if rates else None,
        "folds": sum(len(run["folds"]) for run in runs),
        "collapsed": [fold["collapsed_to"] for run in runs for fold in run["folds"] if fold["collapsed_to"]],
        "published_is": constant_answer(PAPER, published, cell) if published and cell else None,
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


def _ten_epochs(runs: list[Run], published: tuple[float, float] | None) -> Row:
    """Return mean and deviation of the accuracy over ten epochs, beside the published ones."""
    mean, deviation = published or (None, None)
    ours = [run["ten_epochs"] for run in runs]
    return {
        "model": runs[0]["model"],
        "protocol": runs[0]["protocol"],
        "seeds": [run["seed"] for run in runs],
        "epochs": _epochs(runs),
        "chosen_on_scored": runs[0]["chosen_on_scored"],
        "published_deviation": None if deviation is None else deviation / 100,
        "deviation": float(np.mean([epochs["deviation"] for epochs in ours])),
        **_against(float(np.mean([epochs["mean"] for epochs in ours])), mean),
    }


def _epochs(runs: list[Run]) -> str:
    """Write which epochs that were averaged, counted from 1."""
    if not all(run["ten_epochs"] for run in runs):
        return "no epochs"
    spans = {span([run["ten_epochs"]["first"], run["ten_epochs"]["last"]]) for run in runs}
    joined = " or ".join(sorted(spans))
    return f"epoch {joined}" if joined.isdigit() else f"epochs {joined}"


def _against(value: float, percent: float | None) -> Row:
    published = None if percent is None else percent / 100
    return {
        "published": published,
        "ours": value,
        "difference": None if published is None else value - published,
    }


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None
