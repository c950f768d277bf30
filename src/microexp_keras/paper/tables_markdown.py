"""From rows of the paper's tables and the runs behind them to Markdown for a reader."""

import itertools
from collections.abc import Sequence

from microexp_keras import datasets, protocols
from microexp_keras.datasets.database import Database, get_database
from microexp_keras.models.networks import METHODS
from microexp_keras.paper.table_5_markdown import pairs_text, published_text
from microexp_keras.paper.tables import MATRIX, Row, Run
from microexp_keras.text import markdown_table, number

BESIDE = ("published", "difference")
"""Columns that only the paper fills."""


def as_markdown(
    rows: dict[str, list[Row]],
    runs: Sequence[Run],
    skipped: Sequence[str],
    dataset: str | Database,
    synthetic: bool,
    pairs: Sequence[Row] = (),
) -> str:
    """Write the tables for a reader, as Markdown.

    Parameters
    ----------
    rows : dict
        See `tables.tables`.
    runs : list of dict
        As for `tables.tables`.
    skipped : list of str
        What was asked for and does not exist.
    dataset : str or Database
    synthetic : bool
        Whether this package generated the clips.
    pairs : list of dict
        See `table_5_markdown.pairs`.
    """
    database = get_database(dataset)
    text = [f"# Tables of Reddy et al. (2019) on {database.origin(synthetic)}"]
    beside = "Published values stand beside them to show the form of the comparison: that they differ, or agree, means "
    beside += "nothing."
    if synthetic:
        text.append(f"**{datasets.SYNTHETIC_NOTE} {beside if database.in_paper else ''}".rstrip() + "**")
    if not database.in_paper:
        text.append("The paper has no numbers of these clips: its methods are laid beside each other, not beside it.")
    text += skipped
    if "V" in rows:
        text += ["## Table V: accuracy", _accuracy_table(rows["V"]), *_legend(rows["V"]), "## Why the rows differ"]
        text += [_reason_table(rows["V"]), *_reasons(rows["V"], database)]
        text += [*pairs_text(pairs), *(published_text(rows["V"], database.name) if database.in_paper else [])]
    for name in {*rows} & {*MATRIX.values()}:
        text += [f"## Table {name}: confusion matrix of MicroExpSTCNN, published / ours"]
        text += [part for row in rows[name] for part in _matrix_text(row)]
    if "VIII" in rows:
        text += ["## Table VIII: mean and deviation of the accuracy over epochs", _ten_epochs_table(rows["VIII"])]
    if "IX" in rows:
        text += ["## Table IX: size of the convolution kernel, MicroExpSTCNN", _kernel_table(rows["IX"])]
    text += ["## Runs", markdown_table([["folder", "accuracy", "weights of epoch"], *map(_run_row, runs)])]
    for run in runs:
        text += [
            f"`{run['folder']}`",
            "\n".join(f"* {note}" for note in run["notes"] if note != datasets.SYNTHETIC_NOTE),
        ]
    return "\n\n".join(text) + "\n"


def _accuracy_table(rows: Sequence[Row]) -> str:
    head = ["method", "protocol", "published", "ours", "difference", "95 % interval", "majority rate", "UF1", "UAR"]
    body = [
        [
            METHODS[row["model"]].title,
            row["protocol"],
            _published(row),
            _ours(row),
            _points(row["difference"]),
            *_beside(row),
            number(row["uf1"], 3),
            number(row["uar"], 3),
        ]
        for row in rows
    ]
    return _table(head, body)


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Make a table, without the columns of published values if there are none."""
    empty = {place for place, name in enumerate(head) if name in BESIDE and not any(row[place] for row in body)}
    rows = [[cell for place, cell in enumerate(row) if place not in empty] for row in (head, *body)]
    return markdown_table(rows)


def _published(row: Row) -> str:
    """Write the published value, and the constant answer that scores it."""
    return _percent(row["published"]) + (f" = always {row['published_is']}" if row["published_is"] else "")


def _beside(row: Row) -> tuple[str, str]:
    """Write interval and majority rate, without which no accuracy stands."""
    low, high = row["interval"]
    return (
        f"{low:.1%} to {high:.1%}, over {row['interval_over']}",
        f"{row['majority_rate']:.1%} ({row['majority_class']})",
    )


def _legend(rows: Sequence[Row]) -> list[str]:
    lines = [
        "Difference in points, ours minus published. Of several seeds: mean ± standard deviation of one seed, and from "
        "the lowest to the highest bound of their intervals."
    ]
    collapsed = [row for row in rows if row["collapsed"]]
    if collapsed:
        named = "; ".join(
            f"{METHODS[row['model']].title} under {row['protocol']} ({_constants(row)})" for row in collapsed
        )
        lines.append(f"**Constant classifiers**, which give every clip the same class: {named}.")
    return lines


def _constants(row: Row) -> str:
    return f"{len(row['collapsed'])} of {row['folds']} trainings: always {' or '.join(dict.fromkeys(row['collapsed']))}"


def _reason_table(rows: Sequence[Row]) -> str:
    head = ["method", "protocol", "as scored", "on average over epochs, none chosen", "scored clips that do not train"]
    body = [
        [
            METHODS[row["model"]].title,
            row["protocol"],
            _percent(row["ours"]),
            f"{_percent(row['ten_epochs'])} ({row['epochs']})" if row["chosen_on_scored"] else "chosen on other clips",
            _held_out(row),
        ]
        for row in rows
    ]
    return markdown_table([head, *body])


def _reasons(rows: Sequence[Row], database: Database) -> list[str]:
    """Write for each network the way from a score that knows the scored people, or clips, to one that does not."""
    reasons = []
    for model, group in itertools.groupby(rows, lambda row: row["model"]):
        title = METHODS[model].title
        of_model = [(row, protocols.get(row["protocol"], model, database)) for row in group]
        for (seen, its), (new, rules) in itertools.permutations(of_model, 2):
            if its.unseen_subjects or not rules.unseen_subjects or its.conv_initializer != rules.conv_initializer:
                continue
            steps = [f"{title}, `{seen['protocol']}` to `{new['protocol']}`: {_points(new['ours'] - seen['ours'])}"]
            for row in (seen, new):
                if row["collapsed"]:
                    steps.append(f"under `{row['protocol']}` {_constants(row)}, which scores the share of that class")
            if seen["chosen_on_scored"] and seen["ten_epochs"] is not None:
                gain = _points(seen["ten_epochs"] - seen["ours"])
                steps.append(f"under `{seen['protocol']}` {gain} if no epoch were chosen")
            if seen["held_out_clips"] < seen["clips"]:
                steps.append(
                    f"{_points(seen['held_out'] - seen['ours'])} if its {seen['clips'] - seen['held_out_clips']} "
                    "training clips were not scored (each by itself)"
                )
            steps.append("beside that the people are new, and the settings differ")
            reasons.append(
                "* " + "; ".join(steps) + f" (`protocols {seen['protocol']} {new['protocol']} --model {model}`)."
            )
    return ["\n".join(reasons)] if reasons else []


def _matrix_text(row: Row) -> list[str]:
    names = row["class_names"]
    body = [
        [name, *[f"{published} / {ours}" for published, ours in zip(*pair, strict=True)]]
        for name, pair in zip(names, zip(row["published"], row["ours"], strict=True), strict=True)
    ]
    seeds = f", sum of seeds {', '.join(map(str, row['seeds']))}" if len(row["seeds"]) > 1 else ""
    same = "as many clips of each class as published" if row["same_clips_per_class"] else "other clips than published"
    return [f"Protocol {row['protocol']}{seeds}; {same}.", markdown_table([["true / predicted", *names], *body])]


def _ten_epochs_table(rows: Sequence[Row]) -> str:
    head = ["network", "protocol", "over", "on", "published", "ours", "difference"]
    body = [
        [
            METHODS[row["model"]].title,
            row["protocol"],
            row["epochs"],
            "the scored clips" if row["chosen_on_scored"] else "clips that choose the epoch, not scored",
            "" if row["published"] is None else f"{row['published']:.2%} ± {100 * row['published_deviation']:.2f}",
            f"{_percent(row['ours'])} ± {100 * row['deviation']:.2f}",
            _points(row["difference"]),
        ]
        for row in rows
    ]
    return _table(head, body)


def _kernel_table(rows: Sequence[Row]) -> str:
    head = ["kernel", "protocol", "published", "ours", "difference", "95 % interval", "majority rate"]
    body = [
        [
            row["kernel"],
            row["protocol"],
            _published(row),
            _ours(row) + (f"; {_constants(row)}" if row["collapsed"] else ""),
            _points(row["difference"]),
            *_beside(row),
        ]
        for row in rows
    ]
    return _table(head, body)


def _run_row(run: Run) -> list[str]:
    epochs = [fold["epoch"] for fold in run["folds"]]
    if None in epochs:
        return [f"`{run['folder']}`", f"{run['accuracy']:.2%} ({run['correct']}/{run['clips']})", "no epochs"]
    which = str(epochs[0]) if len(epochs) == 1 else f"{min(epochs)} to {max(epochs)} in {len(epochs)} folds"
    return [f"`{run['folder']}`", f"{run['accuracy']:.2%} ({run['correct']}/{run['clips']})", which]


def _held_out(row: Row) -> str:
    if not row["held_out_clips"]:
        return "none"
    wrong = f", {row['held_out_mislabelled']} with a wrong label" if row["held_out_mislabelled"] else ""
    return f"{_percent(row['held_out'])} of {row['held_out_clips']}{wrong}"


def _ours(row: Row) -> str:
    if len(row["seeds"]) == 1:
        return f"{_percent(row['ours'])} ({row['counts'][0]})"
    return f"{_percent(row['ours'])} ± {100 * row['deviation']:.2f} ({', '.join(row['counts'])})"


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.2%}"


def _points(difference: float | None) -> str:
    return "" if difference is None else f"{100 * difference:+.2f}"
