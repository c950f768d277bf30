"""From the records of a run, or of an evaluation, to the parts of a page about how its numbers came about."""

from pathlib import Path
from xml.etree.ElementTree import Element

from microexp_keras import protocols
from microexp_keras.models.networks import RIVALS
from microexp_keras.paper.cells import cell_of, constant_answer, table_5
from microexp_keras.paper.published import PAPER
from microexp_keras.paper.rivals import rival_value
from microexp_keras.protocols import Protocol
from microexp_keras.results.html_elements import Json, figure, table, tag
from microexp_keras.training.history import History

COMPARED = ("upstream", "loso")
"""Protocols that stand beside the run's: the original's, and the one that scores people never seen."""

PRINTED = {
    "stcnn": "the best of 100 epochs, chosen on the clips that it counts, whose people train too",
    "intermediate": "counts all clips, also those that train, and its epoch is chosen on the same",
    "late": "counts all clips, also those that train, and its epoch is chosen on the same",
}
"""What the paper's accuracy of each network is, as the original programs come to it."""


def curves(folder: Path, scores: Json) -> list[Element]:
    """Show loss and accuracy over the epochs."""
    first, *others = scores["folds"]
    caption = "The numbers are in history.csv."
    if others:
        caption = "Mean of the folds, each of them thin behind it. Each has its history.csv."
    best = "" if others else f" The weights of epoch {first['epoch']} are scored."
    alt = f"Loss and accuracy after each epoch, in training and on the clips that choose the epoch.{best}"
    return [tag("h2", "Training"), figure(folder / "curves.svg", alt, caption, wide=True)]


def saliency(folder: Path, scores: Json) -> list[Element]:
    """Show where the network is sensitive in some clips."""
    first, *others = scores["folds"]
    drawn = first["saliency"] or {"sheets": [], "missing": "an earlier version has trained this fold."}
    caption = (
        f"Some scored clips{' of the first fold' if others else ''}, of every class that it has, wrong ones first. "
        "Marked are the 5 % of a clip's pixels that move the score (logit) of the called class most: where the network "
        "is sensitive, right or wrong. The heat map is the same, smoothed."
    )
    here = folder / first["folder"]
    sheets = [
        figure(here / sheet["file"], f"Saliency, {sheet['input']}: {'; '.join(sheet['clips'])}.", caption, wide=True)
        for sheet in drawn["sheets"]
    ]
    return [tag("h2", "Saliency"), *(sheets or [tag("p", f"Not drawn: {drawn['missing']}")])]


def folds(scores: Json, config: Json, clips: list[dict[str, str]]) -> list[Element]:
    """List the folds."""
    rows, left = [], iter(clips)
    for fold, parts in zip(scores["folds"], config["folds"], strict=True):
        own = [next(left) for _ in parts["score"]]
        right = sum(clip["true"] == clip["predicted"] for clip in own)
        who, sizes = ", ".join(fold["subjects"]), f"{len(parts['train'])}, {len(parts['select'])}"
        levels = _levels(parts["statistics"])
        rows.append(
            [
                str(fold["fold"]),
                who,
                sizes,
                f"{right}/{len(own)}",
                "" if fold["epoch"] is None else str(fold["epoch"]),
                fold["collapsed_to"] or "",
                levels,
            ]
        )
    head = ["fold", "scored", "clips train, choose", "right", "epoch", "collapsed to", "standardised by"]
    return [tag("h2", "Folds"), table(head, rows)]


def settings(protocol: Protocol) -> list[Element]:
    """Show the protocol side by side with others."""
    beside = [one for one in protocols.of(protocol.model, protocol.database) if one.name in COMPARED]
    chosen = [protocol, *[other for other in beside if other != protocol]]
    [_, own, *others], *rows = protocols.side_by_side(chosen, everything=True)
    cells: list[list[Element | str]] = [
        [name, value, *[tag("td", other, kind="differs" if other != value else None) for other in rest]]
        for name, value, *rest in rows
    ]
    shaded = tag("p", "What differs from this run is shaded and bold.", kind="soft")
    return [tag("h2", "Protocol"), table(["", f"this run: {own}", *others], cells), shaded]


def paper(scores: Json, config: Json, protocol: Protocol) -> list[Element]:
    """Show the accuracy beside the paper's, if it has one."""
    if not protocol.database.in_paper:
        return []
    percent, what = _printed(protocol)
    rows = [
        ["the paper, Table V", percent, f"{protocol.database.title}; {what}"],
        ["this run", f"{scores['accuracy']:.2%}", f"protocol {protocol.name}: {protocols.ABOUT[protocol.name]}"],
    ]
    remark = "They compare as far as their clips, labels and protocols are the same, and no further."
    if config["data"]["synthetic"]:
        rows[1][2] = f"synthetic clips; {rows[1][2]}"
        remark = "They cannot be compared: the clips of this run are synthetic."
    return [tag("h2", "What the paper reports"), table(["", "accuracy", "what it is"], rows), tag("p", remark)]


def repeating(folder: Path, scores: Json, config: Json | None) -> list[Element]:
    """Show the command and the versions that repeat the numbers."""
    record = config or scores
    machine, rows = record["machine"], {"command": record["command"], "started": record["started"]}
    if config:
        settings, data = config["settings"], config["data"]
        counts = ", ".join(f"{count} {name}" for name, count in data["clips_per_class"].items())
        several = len(config["folds"]) > 1
        rows |= {
            "resumed": ", ".join(time["started"] for time in config["resumed"]) or "never",
            "seed": str(settings["seed"]),
            "data": settings["data"] or ", ".join(settings["training_images"]),
            "clips": f"{data['clips']} ({counts}) of {data['subjects']} known subjects",
            "data fingerprint": data["fingerprint"],
            "standardised by": "see Folds" if several else _levels(config["folds"][0]["statistics"]),
        }
        histories = [folder / fold["folder"] / "history.csv" for fold in scores["folds"]]
        seconds = sum(row.get("seconds", 0) for path in histories for row in History(path).rows)
        rows["training time"] = _duration(seconds) + (", all folds together" if several else "")
    else:
        rows["weights"] = scores["weights"]
    devices = {device for fold in scores.get("folds", []) for device in fold["devices"] or ()} or machine["devices"]
    rows |= {
        "commit": record["commit"] or f"none: {record.get('commit_missing') or 'not run from a checkout'}",
        "versions": ", ".join(f"{name} {version}" for name, version in record["versions"].items()),
        "machine": f"{machine['system']}, {machine['cores']} cores",
        "computed on": ", ".join(sorted(devices or ["not known"])),
    }
    cells: list[list[Element | str]] = [[name, tag("td", tag("code", value))] for name, value in rows.items()]
    files = ["report.txt", "scores.json", *(["config.json"] if config else [])]
    links = [part for name in files for part in (" ", tag("a", name, href=name))]
    return [tag("h2", "How to repeat it"), table([], cells), tag("p", "The same as files:", *links, kind="soft")]


def _printed(protocol: Protocol) -> tuple[str, str]:
    """Write the paper's accuracy of a method and what it is."""
    if protocol.model in RIVALS:
        value = rival_value(PAPER, protocol.network, protocol.dataset)
        return value.printed, value.meaning
    cell = cell_of(table_5(PAPER), protocol.model, protocol.dataset)
    answer = constant_answer(PAPER, cell.percent, cell)
    constant = f"; it is what always answering {answer} scores there" if answer else ""
    return f"{cell.percent:.2f}%", f"{PRINTED[protocol.model]}{constant}"


def _levels(statistics: dict[str, dict[str, float]]) -> str:
    levels = [f"{name}: mean {own['mean']:.3f}, maximum {own['max']:.0f}" for name, own in statistics.items()]
    return "; ".join(levels) or "nothing by this run"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{int(seconds // 60)} min {seconds % 60:.0f} s"
