"""From the files of a run, or of an evaluation, to one HTML page for a person, complete in itself."""

import base64
import csv
import json
from pathlib import Path
from xml.etree import ElementTree

from microexp_keras import protocols, splits
from microexp_keras.datasets import TITLES
from microexp_keras.files import write_text
from microexp_keras.published import PAPER

ALARMS = ("SYNTHETIC", "COLLAPSED", "NOT LEARNED", "DIVERGED")
"""How notes begin that nobody may overlook."""

SHOWN = 30  # wrong predictions; the others are counted

UNSEEN_RULES = ("upstream", "loso")
"""Protocols that a run is compared with: the original's, and the one that scores people never seen."""

_BEST_OF_100 = (
    "the best of 100 epochs, chosen on the very clips that are counted; clips of one person both train and are counted"
)
_ALL_CLIPS = "counted on all clips, four fifths of which train; the best epoch is chosen on the same clips"
PUBLISHED_IS = {"stcnn": _BEST_OF_100, "intermediate": _ALL_CLIPS, "late": _ALL_CLIPS}
"""What the paper's accuracy of each network is, after the original programs."""

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
figure img { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
.scroll { overflow-x: auto; margin: 0.7rem 0; }
table { border-collapse: collapse; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 1rem 0.3rem 0.4rem;
  border-bottom: 1px solid var(--line); overflow-wrap: normal; }
thead th { color: var(--soft); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 600; white-space: nowrap; }
td.differs { background: var(--made-up-back); }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
li { margin: 0.3rem 0; }
@media print { body { max-width: none; padding: 0; font-size: 11pt; } figure, tr, .banner { break-inside: avoid; }
  h2 { break-after: avoid; } .scroll { overflow: visible; } .banner { border: 2px solid; } }
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
        *_head(scores, protocol),
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


def _head(scores, protocol):
    alarms = [note for note in scores["notes"] if note.startswith(ALARMS)]
    if scores["collapsed_to"]:
        constant = scores["collapsed_to"]
        alarms.insert(0, f"COLLAPSED: every clip was called {constant}. This is the score of that constant answer.")
    majority, (low, high) = scores["majority_rate"], scores["accuracy_interval"]
    where = "lies below that interval" if majority < low else "lies above it" if majority > high else "lies within it"
    verdict = (
        f"{scores['correct']} of {scores['clips']} clips are called right: accuracy {scores['accuracy']:.2%}, Wilson "
        f"95 % interval {_span(low, high)}; always answering {scores['majority_class']} would score {majority:.2%}, "
        f"which {where}."
    )
    caution = " Whether this is accuracy on new people is said under What a reader must know."
    if protocol:
        yes, no = " These are people that the network has never seen.", " This is not accuracy on new people:"
        caution = yes if protocol.unseen_subjects else no + " the protocol does not keep people apart."
    banners = [
        _tag("p", *_loud(note), **{"class": "banner synthetic" if note.startswith("SYNTHETIC") else "banner"})
        for note in alarms
    ]
    return [_tag("h1", scores["title"]), *banners, _tag("p", verdict, caution, **{"class": "verdict"})]


def _scores(scores):
    over = scores["intervals_over_subjects"] or {}
    low, high = scores["accuracy_interval"]
    rows = [
        ["accuracy", _number(scores["accuracy"]), f"{low:.4f} to {high:.4f}", _interval(over.get("accuracy"))],
        ["UF1", _number(scores["uf1"]), "", _interval(over.get("uf1"))],
        ["UAR", _number(scores["uar"]), "", _interval(over.get("uar"))],
        [f"always answering {scores['majority_class']}", _number(scores["majority_rate"]), "", ""],
    ]
    called = [sum(column) for column in zip(*scores["confusion"], strict=True)]
    classes = [
        [name, str(sum(counts)), str(called[place]), str(counts[place]), _number(recall), _number(f1)]
        for place, (name, counts, recall, f1) in enumerate(
            zip(scores["class_names"], scores["confusion"], scores["recall"], scores["f1"], strict=True)
        )
    ]
    remark = "Wilson's interval takes the clips as independent, which clips of one subject are not. "
    if over:
        remark += f"Over subjects: {over['resamples']} draws of {over['subjects']} subjects with all their clips. "
        if over["lacking"]:
            remark += f"{over['lacking']} draws lack a class and do not count for UF1 and UAR."
    else:
        remark += "Intervals over subjects need clips of at least two known subjects."
    return [
        _tag("h2", "Scores"),
        _table(["", "value", "Wilson 95 % interval", "95 % interval over subjects"], rows),
        _table(["class", "clips", "called so", "right", "recall", "F1"], classes),
        *[_tag("p", f"Undefined: {reason}.") for reason in scores["undefined"]],
        _tag("p", remark, **{"class": "soft"}),
    ]


def _confusion(folder, scores):
    names = scores["class_names"]
    of_row = [
        f"of {sum(counts)} {name} clips " + ", ".join(f"{count} called {to}" for count, to in zip(counts, names)) + "; "
        for name, counts in zip(names, scores["confusion"], strict=True)
    ]
    alt = "Confusion matrix: " + "".join(of_row).rstrip("; ") + "."
    return [_tag("h2", "Confusion matrix"), _figure(folder / "confusion_matrix.svg", alt)]


def _curves(folder, scores):
    many = len(scores["folds"]) > 1
    best = "" if many else f" Weights of epoch {scores['folds'][0]['epoch']} are scored."
    alt = f"Loss and accuracy after each epoch, in training and on the clips that choose the epoch.{best}"
    rows = "Mean of the folds; each has its history.csv." if many else "The numbers are in history.csv."
    return [_tag("h2", "Training"), _figure(folder / "curves.svg", alt, rows)]


def _notes(scores):
    notes = [_tag("li", *_loud(note)) for note in scores["notes"]]
    return [_tag("h2", "What a reader must know"), _tag("ul", *notes)]


def _saliency(folder, scores):
    first = scores["folds"][0]
    shown = first["saliency"] or {"sheets": [], "missing": "this fold was trained by an earlier version."}
    here = (folder / first["weights"]).parent
    where = " of the first fold" if len(scores["folds"]) > 1 else ""
    caption = (
        f"Scored clips{where}. Marked are the 5 % of a clip's pixels that move the score of the called class most: the "
        "gradient of its logit. It says where the network is sensitive, not that it is right."
    )
    found = [
        _figure(here / one["file"], f"Saliency in frames of {one['input']}: {'; '.join(one['clips'])}.", caption)
        for one in shown["sheets"]
    ]
    return [_tag("h2", "Where the network looks"), *(found or [_tag("p", f"Not drawn: {shown['missing']}")])]


def _folds(scores, config, clips):
    rows, start = [], 0
    for fold, settings in zip(scores["folds"], config["folds"], strict=True):
        own = clips[start : start + len(settings["score"])]
        start += len(own)
        right = sum(clip["true"] == clip["predicted"] for clip in own)
        levels = _levels(settings["statistics"])
        counts = [str(len(settings[part])) for part in ("train", "select")]
        share = f"{right}/{len(own)}"
        rows.append([str(fold["fold"]), ", ".join(fold["subjects"]), *counts, share, str(fold["epoch"]), levels])
    head = ["fold", "scored subjects", "clips train", "choose the epoch", "right", "epoch", "standardised by"]
    return [_tag("h2", "Folds"), _table(head, rows)]


def _settings(protocol):
    others = [protocols.get(name, protocol.model, protocol.dataset) for name in UNSEEN_RULES]
    others = [other for other in others if other != protocol]
    [_, *names], *rows = protocols.side_by_side([protocol, *others], everything=True)
    cells = [
        [name, own, *[_tag("td", one, **({"class": "differs"} if one != own else {})) for one in rest]]
        for name, own, *rest in rows
    ]
    return [
        _tag("h2", "Protocol"),
        _tag("p", "What differs from this run is shaded."),
        _table(["", f"this run: {names[0]}", *names[1:]], cells),
    ]


def _wrong(clips):
    wrong = [clip for clip in clips if clip["true"] != clip["predicted"]]
    wrong.sort(key=lambda clip: -float(clip[clip["predicted"]]))
    rows = [
        [clip["clip"], clip["subject"], clip["true"], clip["predicted"], f"{float(clip[clip['predicted']]):.3f}"]
        for clip in wrong[:SHOWN]
    ]
    link = _tag("a", "predictions.csv", href="predictions.csv")
    more = f"and {len(wrong) - SHOWN} more; " if len(wrong) > SHOWN else ""
    return [
        _tag("h2", "Wrong predictions"),
        *([_table(["clip", "subject", "true", "predicted", "with probability"], rows)] if wrong else []),
        _tag(
            "p", f"{len(wrong)} of {len(clips)}, the surest first; " if wrong else "None; ", more, "all are in ", link
        ),
    ]


def _paper(scores, config, protocol):
    remark = PUBLISHED_IS[protocol.model]
    printed = f"{PAPER.accuracy[protocol.model, protocol.dataset]:.{PAPER.decimals}f}%"
    synthetic = config["data"]["synthetic"]
    verdict = "Clips of this run are synthetic: the two numbers cannot be compared."
    if not synthetic:
        verdict = "The two can be compared as far as their clips, labels and protocols are the same, and no further."
    known = protocols.ABOUT[protocol.name]
    own = f"{scores['title']}; protocol {protocol.name}: {known}"
    rows = [
        ["the paper, Table V", printed, f"{TITLES[protocol.dataset]}; {remark}"],
        ["this run", f"{scores['accuracy']:.2%}", own],
    ]
    return [_tag("h2", "What the paper reports"), _table(["", "accuracy", "what it is"], rows), _tag("p", verdict)]


def _repeating(scores, config):
    record = config or scores
    machine = record["machine"]
    devices = {device for fold in scores.get("folds", []) for device in fold["devices"] or ()}
    rows = {"command": record["command"], "started": record["started"]}
    if config:
        settings, data = config["settings"], config["data"]
        counts = ", ".join(f"{count} {name}" for name, count in data["clips_per_class"].items())
        statistics = config["folds"][0]["statistics"]
        rows |= {
            "gone on with": ", ".join(one["started"] for one in config["resumed"]) or "never",
            "seed": str(settings["seed"]),
            "clips": settings["data"] or ", ".join(settings["training_images"]),
            "what they are": f"{data['clips']} clips ({counts}) of {data['subjects']} known subjects",
            "fingerprint": data["fingerprint"],
            "standardised by": "each fold's own, see Folds" if len(config["folds"]) > 1 else _levels(statistics),
        }
    else:
        rows |= {"weights": scores["weights"]}
    rows |= {
        "commit": record["commit"] or "not run from a checkout",
        "versions": ", ".join(f"{name} {version}" for name, version in record["versions"].items()),
        "machine": f"{machine['system']}, {machine['cores']} cores",
        "computed on": ", ".join(sorted(devices or machine["devices"] or ["not known"])),
    }
    cells = [[name, _tag("td", _tag("code", value))] for name, value in rows.items()]
    files = ["report.txt", "scores.json", "config.json"] if config else ["report.txt", "scores.json"]
    links = [part for name in files for part in (_tag("a", name, href=name), " ")]
    return [_tag("h2", "How to repeat it"), _table(None, cells), _tag("p", "As text and for programs: ", *links)]


def _protocol(record):
    """The protocol of a run, as its config.json has it."""
    kernel, split = tuple(record["kernel_size"]), getattr(splits, record["split"])
    return protocols.Protocol(**{**record, "kernel_size": kernel, "split": split})


def _tag(tag, *children, **attributes):
    """An element of the page; the text in it is escaped when the page is written."""
    element = ElementTree.Element(tag, attributes)
    for child in children:
        if not isinstance(child, str):
            element.append(child)
        elif len(element):
            element[-1].tail = (element[-1].tail or "") + child
        else:
            element.text = (element.text or "") + child
    return element


def _table(head, rows):
    """A table of texts or of cells, the first column being headings."""
    body = [
        _tag("tr", _tag("th", first, scope="row"), *[_tag("td", one) if isinstance(one, str) else one for one in rest])
        for first, *rest in rows
    ]
    heads = [_tag("thead", _tag("tr", *[_tag("th", name, scope="col") for name in head]))] if head else []
    return _tag("div", _tag("table", *heads, _tag("tbody", *body)), tabindex="0", **{"class": "scroll"})


def _figure(path, alt, caption=""):
    """A figure, the picture within the page."""
    kind = {".svg": "svg+xml", ".png": "png"}[path.suffix]
    source = f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    return _tag("figure", _tag("img", src=source, alt=alt), *([_tag("figcaption", caption)] if caption else []))


def _loud(note):
    """A note, with what it begins with in capitals made bold."""
    alarm = next((alarm for alarm in (*ALARMS, "WARNING") if note.startswith(alarm)), "")
    return [_tag("strong", alarm), note.removeprefix(alarm)] if alarm else [note]


def _levels(statistics):
    found = [f"{name}: mean {one['mean']:.3f}, maximum {one['max']:.0f}" for name, one in statistics.items()]
    return "; ".join(found) or "standardised before this run"


def _number(value):
    return "undefined" if value is None else f"{value:.4f}"


def _interval(limits):
    return f"{limits[0]:.4f} to {limits[1]:.4f}" if limits and None not in limits else "not known"


def _span(low, high):
    return f"{low:.1%} to {high:.1%}"
