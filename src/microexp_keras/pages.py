"""From the files of a run, or of an evaluation, to one HTML page for a person, complete in itself."""

import base64
import csv
import json
from pathlib import Path
from xml.etree import ElementTree

from microexp_keras import audit, protocols, splits
from microexp_keras.datasets import TITLES
from microexp_keras.files import write_text
from microexp_keras.published import PAPER

ALARMS = ("SYNTHETIC", "COLLAPSED", "NOT LEARNED", "DIVERGED")
"""How notes begin that nobody may overlook."""

WRONG = 30  # wrong predictions that are listed; the others are counted

COMPARED = ("upstream", "loso")
"""Protocols that stand beside the run's: the original's, and the one that scores people never seen."""

PRINTED = {
    "stcnn": "the best of 100 epochs, chosen on the clips that it counts, whose people train too",
    "intermediate": "counts all clips, also those that train, and its epoch is chosen on the same",
    "late": "counts all clips, also those that train, and its epoch is chosen on the same",
}
"""What the paper's accuracy of each network is, as the original programs come to it."""

STYLE = """
:root { color-scheme: light dark; --text: #1b1b1b; --back: #fff; --soft: #5a5a5a; --line: #d6d6d6; --fill: #f4f5f6;
  --link: #005a92; --alarm: #a4161a; --alarm-back: #fdecea; --made-up: #7a4b00; --made-up-back: #fff3d6; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e6e6; --back: #17191c; --soft: #a8a8a8; --line: #3c4045;
  --fill: #212429; --link: #7cc0f0; --alarm: #ffb4ab; --alarm-back: #48191a; --made-up: #ffd68a;
  --made-up-back: #40300f; } figure img { filter: brightness(0.9); } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 900px;
  margin: 0 auto; padding: 1.5rem 1rem 4rem; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.7rem; padding-top: 0.7rem; border-top: 1px solid var(--line); }
a { color: var(--link); }
.verdict { font-size: 1.15rem; }
.banner { color: var(--alarm); background: var(--alarm-back); border-left: 6px solid;
  padding: 0.7rem 1rem; margin: 0.7rem 0; }
.banner.synthetic { color: var(--made-up); background: var(--made-up-back); }
.soft, figcaption { color: var(--soft); font-size: 0.9rem; }
figure { margin: 0 0 1.2rem; }
figure img { max-width: 100%; height: auto; background: #fff; padding: 6px; box-sizing: border-box;
  border-radius: 4px; }
.scroll { overflow-x: auto; margin: 0.7rem 0; }
table { border-collapse: collapse; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 1rem 0.3rem 0.4rem;
  border-bottom: 1px solid var(--line); overflow-wrap: normal; }
thead th { color: var(--soft); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 600; white-space: nowrap; }
td.differs { background: var(--made-up-back); font-weight: 600; }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
li { margin: 0.3rem 0; }
@media print { body { max-width: none; padding: 0; font-size: 11pt; } figure, tr, .banner { break-inside: avoid; }
  h2 { break-after: avoid; } .scroll { overflow: visible; } .banner { border: 2px solid; }
  figure img { max-height: 22cm; } }
"""


def write(folder):
    """Write `report.html` into the folder of a run or of an evaluation, from the files that it holds.

    The same files give the same page. It loads nothing: figures are within it, and it has no scripts.

    Parameters
    ----------
    folder : str or Path
        Has `scores.json`, `predictions.csv` and `confusion_matrix.svg`; of a run also `config.json`, `curves.svg` and
        the sheets of saliency that `scores.json` names.

    Returns
    -------
    Path
    """
    folder = Path(folder)
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    config = folder / "config.json"
    config = json.loads(config.read_text(encoding="utf-8")) if config.exists() else None
    with open(folder / "predictions.csv", newline="", encoding="utf-8", errors="surrogateescape") as file:
        clips = list(csv.DictReader(file))
    protocol = _protocol(config["protocol"]) if config else None
    parts = [
        *_head(scores, config, protocol),
        *_scores(scores),
        *_confusion(folder, scores),
        *(_curves(folder, scores) if config else []),
        *_notes(scores),
        *(_saliency(folder, scores) if config else []),
        *(_folds(scores, config, clips) if config and len(config["folds"]) > 1 else []),
        *(_settings(protocol) if config else []),
        *_wrong(clips),
        *(_paper(scores, config, protocol) if config else []),
        *_repeating(scores, config),
    ]
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # whatever a name holds, nothing is loaded
    page = _tag(
        "html",
        _tag(
            "head",
            _tag("meta", charset="utf-8"),
            _tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            _tag("meta", content=policy, **{"http-equiv": "Content-Security-Policy"}),
            _tag("title", scores["title"]),
            _tag("style", STYLE),
        ),
        _tag("body", *parts),
        lang="en",
    )
    ElementTree.indent(page, "")
    path = folder / "report.html"
    write_text(path, "<!DOCTYPE html>\n" + ElementTree.tostring(page, encoding="unicode", method="html") + "\n")
    return path


def _head(scores, config, protocol):
    alarms = [note for note in scores["notes"] if note.startswith(ALARMS)]
    if constant := scores["collapsed_to"]:
        alarms = [note for note in alarms if not note.startswith("COLLAPSED")]  # says less
        alarms.insert(0, f"COLLAPSED: every clip was called {constant}. This is the score of that constant answer.")
    banners = [
        _tag("p", *_loud(note), kind="banner synthetic" if note.startswith("SYNTHETIC") else "banner")
        for note in alarms
    ]
    majority, (low, high) = scores["majority_rate"], scores["accuracy_interval"]
    verdict = (
        f"{scores['correct']} of {scores['clips']} clips are called right: accuracy {scores['accuracy']:.2%}, Wilson "
        f"95 % interval {low:.1%} to {high:.1%}; always answering {scores['majority_class']} would score "
        f"{majority:.2%}, which lies {'below' if majority < low else 'above' if majority > high else 'within'} that "
        "interval."
    )
    people = ""
    if protocol:
        people = " The network has seen none of the people that are scored."
        if config["settings"]["weights"]:
            people = " The weights that it was started from may have seen the people that are scored."
        if not protocol.unseen_subjects:
            people = " The protocol does not keep people apart: this is not accuracy on new ones."
    return [_tag("h1", scores["title"]), *banners, _tag("p", verdict, people, kind="verdict")]


def _scores(scores):
    over = scores["intervals_over_subjects"] or {}
    rows = [
        [
            "accuracy",
            _number(scores["accuracy"]),
            _interval(scores["accuracy_interval"]),
            _interval(over.get("accuracy")),
        ],
        ["UF1", _number(scores["uf1"]), "", _interval(over.get("uf1"))],
        ["UAR", _number(scores["uar"]), "", _interval(over.get("uar"))],
        [f"always {scores['majority_class']}", _number(scores["majority_rate"]), "", ""],
    ]
    table, called = scores["confusion"], map(sum, zip(*scores["confusion"], strict=True))
    columns = [scores["class_names"], map(sum, table), called, [row[place] for place, row in enumerate(table)]]
    columns = [*(map(str, column) for column in columns), *(map(_number, scores[name]) for name in ("recall", "f1"))]
    remark = "Intervals over subjects need clips of at least two known subjects."
    if over:
        remark = f"Over subjects: {over['resamples']} draws of {over['subjects']} subjects with all their clips."
        if over["lacking"]:
            remark += f" {over['lacking']} draws lack a class and do not count for UF1 and UAR."
    return [
        _tag("h2", "Scores"),
        _table(["", "value", "Wilson 95 % interval", "95 % interval over subjects"], rows),
        _table(["class", "clips", "called so", "right", "recall", "F1"], zip(*columns, strict=True)),
        *[_tag("p", f"Undefined: {reason}.") for reason in scores["undefined"]],
        _tag(
            "p",
            f"Wilson's interval takes clips as independent, which those of one person are not. {remark}",
            kind="soft",
        ),
    ]


def _confusion(folder, scores):
    names, said = scores["class_names"], []
    for name, counts in zip(names, scores["confusion"], strict=True):
        called = ", ".join(f"{count} called {other}" for count, other in zip(counts, names, strict=True))
        said.append(f"of {sum(counts)} {name} clips {called}")
    alt = f"Confusion matrix: {'; '.join(said)}."
    return [_tag("h2", "Confusion matrix"), _figure(folder / "confusion_matrix.svg", alt)]


def _curves(folder, scores):
    first, *others = scores["folds"]
    caption = "Mean of the folds; each has its history.csv." if others else "The numbers are in history.csv."
    best = "" if others else f" The weights of epoch {first['epoch']} are scored."
    alt = f"Loss and accuracy after each epoch, in training and on the clips that choose the epoch.{best}"
    return [_tag("h2", "Training"), _figure(folder / "curves.svg", alt, caption)]


def _notes(scores):
    return [
        _tag("h2", "What a reader must know"),
        _tag("ul", *[_tag("li", *_loud(note)) for note in scores["notes"]]),
    ]


def _saliency(folder, scores):
    first, *others = scores["folds"]
    found = first["saliency"] or {"sheets": [], "missing": "an earlier version has trained this fold."}
    caption = (
        f"Some scored clips{' of the first fold' if others else ''}, wrong ones first. Marked are the 5 % of a clip's "
        "pixels that move the score (logit) of the called class most: where the network is sensitive, right or wrong."
    )
    here = (folder / first["weights"]).parent
    sheets = [
        _figure(here / one["file"], f"Saliency, {one['input']}: {'; '.join(one['clips'])}.", caption)
        for one in found["sheets"]
    ]
    return [_tag("h2", "Saliency"), *(sheets or [_tag("p", f"Not drawn: {found['missing']}")])]


def _folds(scores, config, clips):
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
                str(fold["epoch"]),
                fold["collapsed_to"] or "",
                levels,
            ]
        )
    head = ["fold", "scored", "clips train, choose", "right", "epoch", "collapsed to", "standardised by"]
    return [_tag("h2", "Folds"), _table(head, rows)]


def _settings(protocol):
    beside = [protocols.get(name, protocol.model, protocol.dataset) for name in COMPARED]
    chosen = [protocol, *[other for other in beside if other != protocol]]
    [_, own, *others], *rows = protocols.side_by_side(chosen, everything=True)
    cells = [
        [name, value, *[_tag("td", other, kind="differs" if other != value else None) for other in rest]]
        for name, value, *rest in rows
    ]
    shaded = _tag("p", "What differs from this run is shaded and bold.", kind="soft")
    return [_tag("h2", "Protocol"), _table(["", f"this run: {own}", *others], cells), shaded]


def _wrong(clips):
    wrong = [clip for clip in clips if clip["true"] != clip["predicted"]]
    wrong.sort(key=lambda clip: -float(clip[clip["predicted"]]))
    names = ("clip", "subject", "true", "predicted")
    rows = [[*[clip[name] for name in names], f"{float(clip[clip['predicted']]):.3f}"] for clip in wrong[:WRONG]]
    table = [_table([*names, "probability"], rows)] if wrong else []
    said = f"{len(wrong)} of {len(clips)} clips" + (", the surest first. " if wrong else ". ")
    if len(wrong) > WRONG:
        said += f"{len(wrong) - WRONG} more are not shown here. "
    link = _tag("a", "predictions.csv", href="predictions.csv")
    return [_tag("h2", "Wrong predictions"), *table, _tag("p", said, "All predictions are in ", link, ".", kind="soft")]


def _paper(scores, config, protocol):
    key = protocol.model, protocol.dataset
    [cell] = [cell for cell in audit.table_5(PAPER) if (cell.protocol.model, cell.dataset) == key]
    answer = audit.constant_answer(PAPER, cell.percent, cell)
    constant = f"; it is what always answering {answer} scores there" if answer else ""
    rows = [
        [
            "the paper, Table V",
            f"{PAPER.accuracy[key]:.2f}%",
            f"{TITLES[key[1]]}; {PRINTED[key[0]]}{constant}",
        ],
        ["this run", f"{scores['accuracy']:.2%}", f"protocol {protocol.name}: {protocols.ABOUT[protocol.name]}"],
    ]
    remark = "They compare as far as their clips, labels and protocols are the same, and no further."
    if config["data"]["synthetic"]:
        rows[1][2] = f"synthetic clips; {rows[1][2]}"
        remark = "They cannot be compared: the clips of this run are synthetic."
    return [_tag("h2", "What the paper reports"), _table(["", "accuracy", "what it is"], rows), _tag("p", remark)]


def _repeating(scores, config):
    record = config or scores
    machine, rows = record["machine"], {"command": record["command"], "started": record["started"]}
    if config:
        settings, data = config["settings"], config["data"]
        counts = ", ".join(f"{count} {name}" for name, count in data["clips_per_class"].items())
        several = len(config["folds"]) > 1
        rows |= {
            "gone on with": ", ".join(one["started"] for one in config["resumed"]) or "never",
            "seed": str(settings["seed"]),
            "data": settings["data"] or ", ".join(settings["training_images"]),
            "clips": f"{data['clips']} ({counts}) of {data['subjects']} known subjects",
            "data fingerprint": data["fingerprint"],
            "standardised by": "see Folds" if several else _levels(config["folds"][0]["statistics"]),
        }
    else:
        rows["weights"] = scores["weights"]
    devices = {device for fold in scores.get("folds", []) for device in fold["devices"] or ()} or machine["devices"]
    rows |= {
        "commit": record["commit"] or "not run from a checkout",
        "versions": ", ".join(f"{name} {version}" for name, version in record["versions"].items()),
        "machine": f"{machine['system']}, {machine['cores']} cores",
        "computed on": ", ".join(sorted(devices or ["not known"])),
    }
    cells = [[name, _tag("td", _tag("code", value))] for name, value in rows.items()]
    files = ["report.txt", "scores.json", *(["config.json"] if config else [])]
    links = [part for name in files for part in (" ", _tag("a", name, href=name))]
    return [_tag("h2", "How to repeat it"), _table([], cells), _tag("p", "The same as files:", *links, kind="soft")]


def _protocol(record):
    """The protocol of a run, as its config.json has it."""
    kernel, split = tuple(record["kernel_size"]), getattr(splits, record["split"])
    return protocols.Protocol(**{**record, "kernel_size": kernel, "split": split})


def _tag(tag, *children, kind=None, **attributes):
    """An element of the page, `kind` being its class; text is escaped when the page is written."""
    element = ElementTree.Element(tag, {**attributes, **({"class": kind} if kind else {})})
    for child in children:
        if not isinstance(child, str):
            element.append(child)
        elif len(element):
            element[-1].tail = (element[-1].tail or "") + child
        else:
            element.text = (element.text or "") + child
    return element


def _table(head, rows):
    """A table of texts or of cells; the first of each row is its heading."""
    body = [
        _tag("tr", _tag("th", first, scope="row"), *[_tag("td", one) if isinstance(one, str) else one for one in rest])
        for first, *rest in rows
    ]
    heads = [_tag("thead", _tag("tr", *[_tag("th", name, scope="col") for name in head]))] if head else []
    return _tag("div", _tag("table", *heads, _tag("tbody", *body)), tabindex="0", kind="scroll")


def _figure(path, alt, caption=None):
    """A figure, the picture within the page."""
    kind = {".svg": "svg+xml", ".png": "png"}[path.suffix]
    source = f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    return _tag("figure", _tag("img", src=source, alt=alt), *([_tag("figcaption", caption)] if caption else []))


def _loud(note):
    """A note, what it begins with in capitals being bold."""
    alarm = next((alarm for alarm in (*ALARMS, "WARNING") if note.startswith(alarm)), "")
    return [_tag("strong", alarm), note.removeprefix(alarm)] if alarm else [note]


def _levels(statistics):
    found = [f"{name}: mean {one['mean']:.3f}, maximum {one['max']:.0f}" for name, one in statistics.items()]
    return "; ".join(found) or "standardised before this run"


def _number(value):
    return "undefined" if value is None else f"{value:.4f}"


def _interval(limits):
    if not limits:
        return "not known"
    return "undefined" if None in limits else f"{limits[0]:.4f} to {limits[1]:.4f}"
