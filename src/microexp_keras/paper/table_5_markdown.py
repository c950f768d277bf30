"""From runs of the methods of Table V to whether one is ahead of another, and to what the published values can be."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from microexp_keras import metrics
from microexp_keras.models.networks import METHODS, RIVALS
from microexp_keras.paper.published import PAPER
from microexp_keras.paper.rivals import rival_value
from microexp_keras.paper.tables import Row, Run
from microexp_keras.text import markdown_table

AHEAD = "stcnn"  # the network of which the paper says that it is ahead

SAID = (
    "The paper calls MicroExpSTCNN ahead of all others. Tested on the clips that both score under the same protocol: "
    "an exact McNemar test over clips, and a sign test over subjects, since clips of one person are not independent. "
    "p is not corrected for the number of pairs; times their number it is (Bonferroni)."
)


def pairs(runs: Sequence[Run], predictions: Sequence[Sequence[dict[str, str]]]) -> list[Row]:
    """Compare MicroExpSTCNN with every other method that scored the same clips under the same protocol and seed.

    Parameters
    ----------
    runs : list of dict
        As for `tables.tables`.
    predictions : sequence of list of dict
        Of each run the rows of its predictions.csv: `clip`, `subject`, `true`, `predicted`.

    Returns
    -------
    list of dict
        `protocol`, `seed`, `model`, `other`, `clips` and the fields of `metrics.Pair`.
    """
    rows = []
    answered = [{row["clip"]: row for row in of_run} for of_run in predictions]
    for run, own in zip(runs, answered, strict=True):
        for other, its in zip(runs, answered, strict=True):
            alike = all(run[name] == other[name] for name in ("protocol", "seed", "kernel"))
            same = own.keys() == its.keys() and all(own[clip]["true"] == its[clip]["true"] for clip in own)
            if run["model"] != AHEAD or other["model"] == AHEAD or not alike or not same:
                continue
            ours, theirs = (np.array([of[clip]["true"] == of[clip]["predicted"] for clip in own]) for of in (own, its))
            pair = metrics.paired(ours, theirs, [own[clip]["subject"] for clip in own])
            key: dict[str, Any] = {name: run[name] for name in ("protocol", "seed", "model")}
            rows.append(key | {"other": other["model"], "clips": len(own), **asdict(pair)})
    return rows


def pairs_text(rows: Sequence[Row]) -> list[str]:
    """Write what `pairs` gives."""
    if not rows:
        return []
    title = METHODS[AHEAD].title
    head = [f"{title} and", "protocol", "seed", "clips only one calls right", "p", "subjects ahead", "p"]
    body = [
        [
            METHODS[row["other"]].title,
            row["protocol"],
            str(row["seed"]),
            f"{row['first_only']} : {row['second_only']} of {row['clips']}",
            f"{row['p_clips']:.2g}",
            f"{row['first_subjects']} : {row['second_subjects']}",
            f"{row['p_subjects']:.2g}",
        ]
        for row in rows
    ]
    return ["## Is MicroExpSTCNN ahead?", SAID, markdown_table([head, *body])]


def published_text(rows: Sequence[Row], dataset: str) -> list[str]:
    """Write what the published values of the rivals among the rows can be."""
    models = [model for model in dict.fromkeys(row["model"] for row in rows) if model in RIVALS]
    if not models:
        return []
    values = {model: rival_value(PAPER, RIVALS[model], dataset) for model in models}
    body = [
        [RIVALS[model].printed, value.printed, value.meaning, RIVALS[model].sees] for model, value in values.items()
    ]
    remark = (
        "A difference stands only where the published value can be a share of the whole database's clips. The paper "
        "says itself that splits differ between rows, so its Table V is no ranking."
    )
    return [
        "## What the rivals' published values can be",
        markdown_table([["row", "published", "what it can be", "the method sees"], *body]),
        remark,
    ]
