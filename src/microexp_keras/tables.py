"""The paper's tables V to IX: which trainings they need, and published values beside those that came out."""

import itertools
from dataclasses import replace

import numpy as np

from microexp_keras import audit, datasets, protocols
from microexp_keras.published import PAPER
from microexp_keras.weights import TITLES

NAMES = ("V", "VI", "VII", "VIII", "IX")

MATRIX = {"smic": "VII", "casme2": "VI"}
"""Which table is the confusion matrix of MicroExpSTCNN on a database."""


def trainings(tables, models, names, dataset):
    """Give what is trained for some tables under some protocols: those that there are for a network.

    Parameters
    ----------
    tables : sequence of str
        Of `NAMES`.
    models, names : sequence of str
        Networks, and names of protocols.
    dataset : str

    Returns
    -------
    list of protocols.Protocol
        For Table IX those of MicroExpSTCNN with other kernels stand behind.
    """
    wanted = [model for model in models if {"V", "VIII"} & {*tables} or model == "stcnn"]
    there = [one for one in itertools.product(wanted, names) if one[1] in protocols.names(one[0], dataset)]
    found = [protocols.get(name, model, dataset) for model, name in there]
    if "IX" in tables:
        plain = [protocol for protocol in found if protocol.model == "stcnn"]
        found += [
            replace(protocol, kernel_size=size)
            for protocol in plain
            for size in PAPER.kernel_sizes
            if size != protocol.kernel_size and size[2] <= protocol.frames
        ]
    return found


def tables(wanted, found, dataset):
    """Lay published values beside those of trained runs.

    Parameters
    ----------
    wanted : sequence of str
        Of `NAMES`.
    found : list of dict
        One per training: `folder`, `model`, `dataset`, `protocol`, `seed`, `kernel` (rows, columns, time) and the
        contents of scores.json.
    dataset : str

    Returns
    -------
    dict of str to list of dict
        Rows by table. Rates are between 0 and 1 and None where they are not defined or were not published; `collapsed`
        names the class of each fold that ended as a constant classifier (one class for all clips that its epoch is
        chosen on), `published_is` the constant answer that scores the published value on the paper's own clips.
    """
    cells = {cell.protocol.model: cell for cell in audit.table_5(PAPER) if cell.dataset == dataset}
    own_kernel = PAPER.kernel_in_text
    plain = [run for run in found if run["kernel"] == own_kernel]
    rows = {}
    if "V" in wanted:
        rows["V"] = [_accuracies(runs, PAPER.accuracy[model, dataset], cells[model]) for model, runs in _alike(plain)]
    for table in {*wanted} & {*MATRIX.values()}:
        stcnn = [run for run in plain if run["model"] == "stcnn"]
        rows[table] = [_matrix(runs, PAPER.confusion[dataset]) for _, runs in _alike(stcnn)]
    if "VIII" in wanted:
        rows["VIII"] = [_ten_epochs(runs, PAPER.last_ten[model, dataset]) for model, runs in _alike(plain)]
    if "IX" in wanted:
        stcnn = [run for run in found if run["model"] == "stcnn"]
        published = PAPER.kernel_sizes if dataset == "casme2" else {}
        rows["IX"] = [
            {"kernel": "x".join(map(str, size))} | _accuracies(runs, published.get(size), cells["stcnn"])
            for size in PAPER.kernel_sizes
            for _, runs in _alike([run for run in stcnn if run["kernel"] == size])
        ]
    return rows


def _alike(found):
    """Runs that differ in the seed alone, with their network."""
    for (model, _), runs in itertools.groupby(found, lambda run: (run["model"], run["protocol"])):
        yield model, list(runs)


def _accuracies(runs, published, cell):
    """Accuracy over the seeds, and what it is to be seen against."""
    first = runs[0]
    values = [run["accuracy"] for run in runs]
    over_subjects = [(run["intervals_over_subjects"] or {}).get("accuracy") for run in runs]
    resampled = all(interval and interval[0] is not None for interval in over_subjects)
    intervals = over_subjects if resampled else [run["accuracy_interval"] for run in runs]
    unseen = [run["held_out"] for run in runs]
    return {
        "model": first["model"],
        "dataset": first["dataset"],
        "protocol": first["protocol"],
        "seeds": [run["seed"] for run in runs],
        "counts": [f"{run['correct']}/{run['clips']}" for run in runs],
        **_against(np.mean(values), published),
        "deviation": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "interval": [min(low for low, _ in intervals), max(high for _, high in intervals)],
        "interval_over": "subjects" if resampled else "clips (Wilson)",
        "majority_rate": first["majority_rate"],
        "majority_class": first["majority_class"],
        "uf1": _mean([run["uf1"] for run in runs]),
        "uar": _mean([run["uar"] for run in runs]),
        "ten_epochs": float(np.mean([run["ten_epochs"]["mean"] for run in runs])),
        "epochs": _epochs(runs),
        "chosen_on_scored": first["chosen_on_scored"],
        "clips": first["clips"],
        "held_out_clips": unseen[0]["clips"],
        "held_out_mislabelled": unseen[0]["mislabelled"],
        "held_out": float(np.mean([one["correct"] / one["clips"] for one in unseen])) if unseen[0]["clips"] else None,
        "folds": sum(len(run["folds"]) for run in runs),
        "collapsed": [fold["collapsed_to"] for run in runs for fold in run["folds"] if fold["collapsed_to"]],
        "published_is": published and audit.constant_answer(PAPER, published, cell),
    }


def _matrix(runs, published):
    summed = np.sum([run["confusion"] for run in runs], axis=0)
    return {
        "protocol": runs[0]["protocol"],
        "seeds": [run["seed"] for run in runs],
        "class_names": runs[0]["class_names"],
        "published": [list(row) for row in published],
        "ours": summed.tolist(),
        "same_clips_per_class": np.array_equal(summed.sum(axis=1), len(runs) * np.sum(published, axis=1)),
    }


def _ten_epochs(runs, published):
    mean, deviation = published
    ours = [run["ten_epochs"] for run in runs]
    return {
        "model": runs[0]["model"],
        "protocol": runs[0]["protocol"],
        "seeds": [run["seed"] for run in runs],
        "epochs": _epochs(runs),
        "chosen_on_scored": runs[0]["chosen_on_scored"],
        "published_deviation": deviation / 100,
        "deviation": float(np.mean([one["deviation"] for one in ours])),
        **_against(np.mean([one["mean"] for one in ours]), mean),
    }


def _epochs(runs):
    """The epochs that were averaged, counted from 1."""
    spans = {f"{run['ten_epochs']['first']} to {run['ten_epochs']['last']}" for run in runs}
    return "epochs " + " or ".join(sorted(spans))


def _against(value, published):
    published = None if published is None else published / 100
    return {
        "published": published,
        "ours": float(value),
        "difference": None if published is None else float(value) - published,
    }


def _mean(values):
    return None if None in values else float(np.mean(values))


def as_markdown(rows, found, skipped, dataset, synthetic):
    """Write the tables for a reader, as Markdown.

    Parameters
    ----------
    rows : dict
        See `tables`.
    found : list of dict
        As for `tables`.
    skipped : list of str
        What was asked for and does not exist.
    dataset : str
    synthetic : bool
        Whether this package generated the clips.
    """
    text = [f"# Tables of Reddy et al. (2019) on {datasets.origin(dataset, synthetic)}"]
    if synthetic:
        text.append(
            f"**{datasets.SYNTHETIC_NOTE} Published values stand beside them to show the form of the comparison: that "
            "they differ, or agree, means nothing.**"
        )
    text += skipped
    if "V" in rows:
        text += ["## Table V: accuracy", _accuracy_table(rows["V"]), *_legend(rows["V"]), "## Why the rows differ"]
        text += [_reason_table(rows["V"]), *_reasons(rows["V"])]
    for name in {*rows} & {*MATRIX.values()}:
        text += [f"## Table {name}: confusion matrix of MicroExpSTCNN, published / ours"]
        text += [part for row in rows[name] for part in _matrix_text(row)]
    if "VIII" in rows:
        text += ["## Table VIII: mean and deviation of the accuracy over epochs", _ten_epochs_table(rows["VIII"])]
    if "IX" in rows:
        text += ["## Table IX: size of the convolution kernel, MicroExpSTCNN", _kernel_table(rows["IX"])]
    text += ["## Runs", protocols.as_markdown([["folder", "accuracy", "weights of epoch"], *map(_run_row, found)])]
    for run in found:
        text += [
            f"`{run['folder']}`",
            "\n".join(f"* {note}" for note in run["notes"] if note != datasets.SYNTHETIC_NOTE),
        ]
    return "\n\n".join(text) + "\n"


def figure_rows(rows):
    """Give rows of Table V as `plots.accuracies` draws them."""
    return [
        {
            "group": TITLES[row["model"]],
            "label": row["protocol"],
            "value": row["ours"],
            "interval": row["interval"],
            "published": row["published"] if row["chosen_on_scored"] else None,  # no such score was published
            "majority": row["majority_rate"],
        }
        for row in rows
    ]


def _accuracy_table(rows):
    head = ["network", "protocol", "published", "ours", "difference", "95 % interval", "majority rate", "UF1", "UAR"]
    body = [
        [
            TITLES[row["model"]],
            row["protocol"],
            _percent(row["published"]) + (f" = always {row['published_is']}" if row["published_is"] else ""),
            _ours(row),
            _points(row["difference"]),
            *_beside(row),
            _number(row["uf1"]),
            _number(row["uar"]),
        ]
        for row in rows
    ]
    return protocols.as_markdown([head, *body])


def _beside(row):
    """What no accuracy stands without."""
    low, high = row["interval"]
    return (
        f"{low:.1%} to {high:.1%}, over {row['interval_over']}",
        f"{row['majority_rate']:.1%} ({row['majority_class']})",
    )


def _legend(rows):
    lines = [
        "Difference in points, ours minus published. Of several seeds: mean ± standard deviation of one seed, and from "
        "the lowest to the highest bound of their intervals."
    ]
    collapsed = [row for row in rows if row["collapsed"]]
    if collapsed:
        named = "; ".join(f"{TITLES[row['model']]} under {row['protocol']} ({_constants(row)})" for row in collapsed)
        lines.append(f"**Constant classifiers**, which give every clip the same class: {named}.")
    return lines


def _constants(row):
    return f"{len(row['collapsed'])} of {row['folds']} trainings: always {' or '.join(dict.fromkeys(row['collapsed']))}"


def _reason_table(rows):
    head = ["network", "protocol", "as scored", "on average over epochs, none chosen", "scored clips that do not train"]
    body = [
        [
            TITLES[row["model"]],
            row["protocol"],
            _percent(row["ours"]),
            f"{_percent(row['ten_epochs'])} ({row['epochs']})" if row["chosen_on_scored"] else "chosen on other clips",
            _held_out(row),
        ]
        for row in rows
    ]
    return protocols.as_markdown([head, *body])


def _reasons(rows):
    """For each network the way from a score that knows the scored people, or clips, to one that does not."""
    found = []
    for model, of_model in itertools.groupby(rows, lambda row: row["model"]):
        of_model = [(row, protocols.get(row["protocol"], model, row["dataset"])) for row in of_model]
        for (seen, its), (new, rules) in itertools.permutations(of_model, 2):
            if its.unseen_subjects or not rules.unseen_subjects or its.conv_initializer != rules.conv_initializer:
                continue
            steps = [
                f"{TITLES[model]}, `{seen['protocol']}` to `{new['protocol']}`: {_points(new['ours'] - seen['ours'])}"
            ]
            for row in (seen, new):
                if row["collapsed"]:
                    steps.append(f"under `{row['protocol']}` {_constants(row)}, which scores the share of that class")
            if seen["chosen_on_scored"]:
                gain = _points(seen["ten_epochs"] - seen["ours"])
                steps.append(f"under `{seen['protocol']}` {gain} if no epoch were chosen")
            if seen["held_out_clips"] < seen["clips"]:
                steps.append(
                    f"{_points(seen['held_out'] - seen['ours'])} if its {seen['clips'] - seen['held_out_clips']} "
                    "training clips were not scored (each by itself)"
                )
            steps.append("beside that the people are new, and the settings differ")
            found.append(
                "* " + "; ".join(steps) + f" (`protocols {seen['protocol']} {new['protocol']} --model {model}`)."
            )
    return ["\n".join(found)] if found else []


def _matrix_text(row):
    names = row["class_names"]
    body = [
        [name, *[f"{one} / {other}" for one, other in zip(*pair, strict=True)]]
        for name, pair in zip(names, zip(row["published"], row["ours"], strict=True), strict=True)
    ]
    seeds = f", sum of seeds {', '.join(map(str, row['seeds']))}" if len(row["seeds"]) > 1 else ""
    same = "as many clips of each class as published" if row["same_clips_per_class"] else "other clips than published"
    return [f"Protocol {row['protocol']}{seeds}; {same}.", protocols.as_markdown([["true / predicted", *names], *body])]


def _ten_epochs_table(rows):
    head = ["network", "protocol", "over", "on", "published", "ours", "difference"]
    body = [
        [
            TITLES[row["model"]],
            row["protocol"],
            row["epochs"],
            "the scored clips" if row["chosen_on_scored"] else "clips that choose the epoch, not scored",
            f"{_percent(row['published'])} ± {100 * row['published_deviation']:.2f}",
            f"{_percent(row['ours'])} ± {100 * row['deviation']:.2f}",
            _points(row["difference"]),
        ]
        for row in rows
    ]
    return protocols.as_markdown([head, *body])


def _kernel_table(rows):
    head = ["kernel", "protocol", "published", "ours", "difference", "95 % interval", "majority rate"]
    body = [
        [
            row["kernel"],
            row["protocol"],
            _percent(row["published"]) + (f" = always {row['published_is']}" if row["published_is"] else ""),
            _ours(row) + (f"; {_constants(row)}" if row["collapsed"] else ""),
            _points(row["difference"]),
            *_beside(row),
        ]
        for row in rows
    ]
    return protocols.as_markdown([head, *body])


def _run_row(run):
    epochs = [fold["epoch"] for fold in run["folds"]]
    which = str(epochs[0]) if len(epochs) == 1 else f"{min(epochs)} to {max(epochs)} in {len(epochs)} folds"
    return [f"`{run['folder']}`", f"{run['accuracy']:.2%} ({run['correct']}/{run['clips']})", which]


def _held_out(row):
    if not row["held_out_clips"]:
        return "none"
    wrong = f", {row['held_out_mislabelled']} with a wrong label" if row["held_out_mislabelled"] else ""
    return f"{_percent(row['held_out'])} of {row['held_out_clips']}{wrong}"


def _ours(row):
    if len(row["seeds"]) == 1:
        return f"{_percent(row['ours'])} ({row['counts'][0]})"
    return f"{_percent(row['ours'])} ± {100 * row['deviation']:.2f} ({', '.join(row['counts'])})"


def _percent(rate):
    return "" if rate is None else f"{rate:.2%}"


def _points(difference):
    return "" if difference is None else f"{100 * difference:+.2f}"


def _number(value):
    return "undefined" if value is None else f"{value:.3f}"
