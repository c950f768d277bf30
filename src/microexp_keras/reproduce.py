"""Rerun the paper's tables on one's own clips: `python -m microexp_keras.reproduce --dataset smic --data PATH`."""

import argparse
import csv
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from microexp_keras import datasets, protocols, runs
from microexp_keras.atomic import write_json, write_text
from microexp_keras.console import Parser, command, positive, seed
from microexp_keras.datasets.database import DATABASES, Database
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import METHODS, NETWORKS
from microexp_keras.paper import table_5_markdown, tables, tables_markdown
from microexp_keras.protocols import Protocol
from microexp_keras.runs import Settings
from microexp_keras.runs.settings import NEW
from microexp_keras.text import by, counted, either, in_bytes

RECORD = "reproduction.json"

KEYS = ("model", "dataset", "protocol", "seed")
"""Settings that tell the trainings of a reproduction apart, beside the kernel."""


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = Parser(
        "reproduce",
        description="Train the networks of Reddy et al. as often as their tables V to IX need, under one or several "
        "protocols and seeds, and lay what comes out beside what was published. Can be stopped and resumed.",
    )
    parser.add_argument("--dataset", choices=DATABASES, help="which database the clips are of")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="your copy of the database (see data/README.md), or a table of your own clips: CSV or .xlsx",
    )
    datasets.add_options(parser)
    datasets.add_own_options(parser)
    parser.add_argument(
        "--synthetic", action="store_true", help="use generated clips, written to data/synthetic-DATASET once"
    )
    parser.add_argument("--landmarks", type=Path, metavar="CSV", help="for eyes and mouth: instead of dlib's")
    parser.add_argument(
        "--tables",
        nargs="+",
        choices=tables.NAMES,
        metavar="TABLE",
        help="V: accuracies (alone: all seven methods under loso, so on the same folds), "
        "VI or VII: confusion matrix of MicroExpSTCNN (CAS(ME)^2, SMIC), VIII: epochs 91 to 100, "
        "IX: twelve kernel sizes, as many trainings of MicroExpSTCNN more (default: all but IX). Of clips that the "
        "paper has no numbers of V, VIII and IX, with nothing beside ours",
    )
    parser.add_argument(
        "--models",
        nargs="+",
        choices=METHODS,
        help="networks and rival methods (default: the three networks; with --tables V alone, all)",
    )
    parser.add_argument(
        "--protocols",
        nargs="+",
        choices=protocols.NAMES,
        help="see python -m microexp_keras.protocols (default: upstream; with --tables V alone, and of clips that the "
        "paper has no numbers of, loso)",
    )
    parser.add_argument("--seeds", nargs="+", type=seed, metavar="N", help="a training for each (default: 0)")
    parser.add_argument(
        "--epochs", type=positive, metavar="N", help="instead of the protocols' own numbers, for a trial"
    )
    parser.add_argument(
        "--patience",
        type=positive,
        metavar="N",
        help="stop early, once so many epochs in a row have brought no better accuracy on the clips that choose the "
        "epoch, of methods that have epochs; not with a protocol that is as published (default: train all epochs)",
    )
    parser.add_argument(
        "--keep-weights",
        action="store_true",
        help="keep the best weights of each fold of several; otherwise only its predictions and history stay",
    )
    runs.add_options(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write (default: the next runs/reproduce-DATASET-NNN)"
    )
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="FOLDER",
        help="resume this one; only --keep-weights, --jobs, --cluster and what has moved may be given too",
    )
    return parser


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Train what is missing and write the tables."""
    args = parser().parse_args(argv)
    workers = runs.Workers.of(args)
    plan = _kept_plan(args) if args.resume else _new_plan(args)
    folder = args.resume or runs.new_folder(args.out, f"reproduce-{_database(plan).name}")
    with runs.writing(folder, RECORD, "python -m microexp_keras.reproduce"):
        return _reproduce(folder, plan, workers)


def _new_plan(args: argparse.Namespace) -> dict[str, Any]:
    """What shall be trained, as reproduction.json keeps it."""
    database = datasets.database_of(args, args.data, args.dataset)
    if (args.data is not None) == args.synthetic:
        raise MicroExpError(
            "--data, --synthetic",
            "one of them",
            "none or both",
            "Without a copy of the database take --synthetic.",
        )
    there = [*tables.OF_ANY, tables.MATRIX[database.name]] if database.in_paper else [*tables.OF_ANY]
    chosen = args.tables or [table for table in tables.NAMES if table in there and table != "IX"]
    if others := [table for table in chosen if table not in there]:
        raise MicroExpError(
            "--tables",
            f"tables of {database.title}, {either(table for table in tables.NAMES if table in there)}",
            ", ".join(others),
            "Leave it out: VI is of CAS(ME)^2 and VII of SMIC.",
        )
    whole_table_5 = args.tables == ["V"]
    models = args.models or (METHODS if whole_table_5 else NETWORKS)
    plan = {
        "dataset": database.as_json(),
        "data": str(datasets.synthetic_folder(args.dataset) if args.synthetic else args.data.resolve()),
        "options": datasets.chosen_options(args),
        "landmarks": str(args.landmarks.resolve()) if args.landmarks else None,
        "tables": [table for table in tables.NAMES if table in chosen],
        "models": [model for model in METHODS if model in models],
        "protocols": list(
            dict.fromkeys(args.protocols or ["upstream" if database.in_paper and not whole_table_5 else "loso"])
        ),
        "seeds": list(dict.fromkeys(args.seeds or [0])),
        "epochs": args.epochs,
        "patience": args.patience,
        "keep_weights": args.keep_weights,
    }
    if not _trainings(plan):
        raise MicroExpError(
            f"--models {' '.join(plan['models'])} --protocols {' '.join(plan['protocols'])} "
            f"--tables {' '.join(plan['tables'])}",
            "something to train",
            "nothing",
            "python -m microexp_keras.protocols says which there are; tables VI, VII and IX are of stcnn.",
        )
    for protocol in _trainings(plan):
        _settings(plan, protocol, seed_number=0)  # refuses what a protocol does not take before any clip is read
    runs.require_free(args.out, resumable=True)
    return plan


def _trainings(plan: dict[str, Any]) -> list[Protocol]:
    return tables.trainings(plan["tables"], plan["models"], plan["protocols"], _database(plan))


def _settings(plan: dict[str, Any], protocol: Protocol, seed_number: int) -> Settings:
    """Settings of a training; methods that are not trained step by step have no epochs."""
    own = {name: plan[name] for name in ("epochs", "patience") if name in protocol.network.takes}
    landmarks = None if protocol.network.on_whole_face else plan["landmarks"]
    kept = {name: plan[name] for name in ("data", "options", "keep_weights")}
    return Settings.of(protocol, landmarks=landmarks, seed=seed_number, **kept, **own)


def _database(plan: dict[str, Any]) -> Database:
    return Database.from_json(plan["dataset"])


def _kept_plan(args: argparse.Namespace) -> dict[str, Any]:
    runs.require_only(args, "resume", "keep_weights", *runs.WHERE, "data", "landmarks")
    path = args.resume / RECORD
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))["plan"]
        _trainings(plan), plan["seeds"], plan["epochs"], plan["data"], plan["options"], plan["landmarks"]
        moved = {name: str(getattr(args, name).resolve()) for name in ("data", "landmarks") if getattr(args, name)}
        keep = args.keep_weights or plan.get("keep_weights", NEW["keep_weights"])
        return {"patience": NEW["patience"], **plan, **moved, "keep_weights": keep}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MicroExpError(
            path,
            "the record of a reproduction",
            f"something else ({error!r})",
            "Start a new one.",
        ) from None


def _reproduce(folder: Path, plan: dict[str, Any], workers: runs.Workers) -> int:
    from microexp_keras.results import plots
    from microexp_keras.runs.disk import bytes_to_come
    from microexp_keras.runs.engine import train_folds
    from microexp_keras.runs.memory import as_many_as_fit
    from microexp_keras.runs.report import report
    from microexp_keras.runs.run import Run, load_samples

    prepared, database = [], _database(plan)
    for protocol in _trainings(plan):
        samples = None
        for seed_number in plan["seeds"]:
            settings = _settings(plan, protocol, seed_number)
            samples = samples or load_samples(settings)
            training_folder = folder / _name(settings)
            _require_as_planned(training_folder, settings)
            prepared.append(Run.of(training_folder, settings, samples))
    write_json(folder / RECORD, {"plan": plan, **runs.provenance()})  # clips that cannot be read leave nothing behind
    for run in prepared:
        run.write_config()
    tasks = [task for run in prepared for task in run.tasks]
    epochs = sum(len(run.folds) * run.settings.epochs for run in prepared)
    what = f"{counted(len(prepared), 'training')}, {counted(len(tasks), 'fold')}, "
    what += f"{'at most ' * bool(plan['patience'])}{counted(epochs, 'epoch')} in all"
    print(f"{what}; files go to {folder}", file=sys.stderr)
    workers = as_many_as_fit(workers, prepared)
    at_once = len(tasks) if workers.cluster else workers.processes(len(tasks))
    space, free = bytes_to_come(prepared, at_once), shutil.disk_usage(folder).free
    print(
        f"weights will take {in_bytes(space.stays)} there, at most {in_bytes(space.most)} while folds are trained, "
        f"{in_bytes(free)} are free; how long it takes, the bar says after the first epochs",
        file=sys.stderr,
    )
    if space.most > free:
        print("WARNING: that is too little: free some, or stop by Ctrl-C and take another --out", file=sys.stderr)
    failed, found = train_folds(tasks, workers), []
    all_well = not failed
    for run in prepared:
        if run.folder in failed:
            continue
        _, trained_well = report(run)
        all_well = all_well and trained_well
        scores = json.loads((run.folder / "scores.json").read_text(encoding="utf-8"))
        key = {name: getattr(run.settings, name) for name in KEYS}
        found.append({"folder": run.folder.name, **key, "kernel": run.settings.kernel_size, **scores})
    rows = tables.tables(plan["tables"], found, database)
    answers = [_predictions(folder / run["folder"]) for run in found] if "V" in rows else []
    pairs = table_5_markdown.pairs(found, answers) if answers else []
    there = {(run["model"], run["protocol"]) for run in found}
    skipped = [
        f"There is no protocol {name} of {METHODS[model].title}."
        for name in plan["protocols"]
        for model in plan["models"]
        if model in {run["model"] for run in found} and (model, name) not in there
    ]
    if "IX" in plan["tables"]:
        skipped += [
            f"Kernel {by(size)} is left out: the clips have {database.frames} frames."
            for size in tables.PAPER.kernel_sizes
            if size[2] > database.frames
        ]
    skipped += [f"**FAILED** and left out: {error}" for error in failed.values()]
    trial = _trial([run.settings for run in prepared])
    skipped = [*trial, *skipped]
    synthetic = prepared[0].samples.synthetic
    text = tables_markdown.as_markdown(rows, found, skipped, database, synthetic, pairs)
    if "V" in rows:
        title = text.splitlines()[0].strip("# ") + ", a TRIAL of few epochs" * bool(trial)
        plots.accuracies(tables.figure_rows(rows["V"]), folder / "accuracy.png", title)
    write_text(folder / "report.md", text)
    write_json(
        folder / "tables.json", {"plan": plan, **runs.provenance(), "tables": rows, "pairs": pairs, "runs": found}
    )
    print(text)
    print(f"The report: {folder / 'report.md'}")
    return 0 if all_well else 1


def _trial(all_settings: Sequence[Settings]) -> list[str]:
    """Return what heads a report if any training had fewer epochs than its protocol."""
    cut = [one for one in all_settings if one.epochs < one.published_protocol.epochs]
    if not cut:
        return []
    whole = either(dict.fromkeys(one.published_protocol.epochs for one in cut))
    return [
        f"**TRIAL: {cut[0].epochs} of {counted(whole, 'epoch')}. The networks are not trained to the end: no number "
        "below is a reproduction of a published one.**"
    ]


def _predictions(folder: Path) -> list[dict[str, str]]:
    """Read every clip's prediction of a run."""
    with open(folder / "predictions.csv", newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def _require_as_planned(folder: Path, settings: Settings) -> None:
    """Refuse a training that somebody has resumed in another way."""
    if not (folder / "config.json").exists():
        return
    before, _ = runs.read_config(folder)
    other = [name for name in before.changed(settings) if name not in ("data", "landmarks", "keep_weights")]
    if other:
        said = ", ".join(f"{name} {getattr(before, name)} instead of {getattr(settings, name)}" for name in other)
        raise MicroExpError(folder, "a training as planned", said, "Move it away and resume.")


def _name(settings: Settings) -> str:
    kernel = f"-{by(settings.kernel_size)}" if "kernel_size" in METHODS[settings.model].takes else ""
    return f"{settings.model}-{settings.protocol}{kernel}-seed{settings.seed}"


if __name__ == "__main__":
    sys.exit(main())
