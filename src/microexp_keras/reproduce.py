"""Rerun the paper's tables on one's own clips: `python -m microexp_keras.reproduce --dataset smic --data PATH`."""

import argparse
import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from microexp_keras import datasets, runs
from microexp_keras.atomic import write_json
from microexp_keras.backend import choose_backend
from microexp_keras.console import Parser, command, command_line
from microexp_keras.errors import SYNTHETIC_CLIPS, Issue, MicroExpError
from microexp_keras.models.networks import METHODS, NETWORKS
from microexp_keras.results import tables
from microexp_keras.results.page import caveat, which_apply
from microexp_keras.runs.options import MEANINGS, absolute
from microexp_keras.text import by, counted, either

RECORD = "reproduction.json"

MAY_CHANGE = ("data", "landmarks", "keep_weights")  #: Settings of a training with which it may be resumed otherwise.


def parser() -> Parser:
    """Build the command line."""
    return command_line("reproduce", MEANINGS)


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Train what is missing and write the tables."""
    args = parser().parse_args(argv)
    workers = runs.Workers.of(args)
    plan = _kept_plan(args) if args.resume else _new_plan(args)
    choose_backend()  # a wrong one is said before any clip is read
    database = datasets.Database.from_json(plan["dataset"])
    folder = args.resume or runs.new_folder(args.out, f"reproduce-{database.name}")
    with runs.writing(folder, RECORD, "python -m microexp_keras.reproduce"):
        return _reproduce(folder, plan, workers)


def _new_plan(args: argparse.Namespace) -> dict[str, Any]:
    """What shall be trained, as reproduction.json keeps it."""
    database = datasets.database_of(args, args.data, args.dataset)
    of_these = {*tables.OF_ANY, tables.MATRIX[database.name] if database.in_paper else ""}
    there = [table for table in tables.NAMES if table in of_these]
    chosen = args.tables or there[:-1]  # the last is IX
    if others := [table for table in chosen if table not in there]:
        found = f"for {database.title} there is {either(there)}, not {', '.join(others)}"
        raise MicroExpError("--tables", found, "Leave it out: VI is of CAS(ME)^2 and VII of SMIC.")
    whole_table_5 = args.tables == ["V"]
    models = args.models or (METHODS if whole_table_5 else NETWORKS)
    names = args.protocols or ["upstream" if database.in_paper and not whole_table_5 else "loso"]
    plan = {
        "dataset": database.as_json(),
        "data": "",  # looked for, or written, when all else is right
        "reading": datasets.chosen_reading(args),
        "options": datasets.chosen_options(args),
        "landmarks": absolute(args.landmarks),
        "tables": [table for table in there if table in chosen],
        "models": [model for model in METHODS if model in models],
        "protocols": list(dict.fromkeys(names)),
        "seeds": list(dict.fromkeys(args.seeds or [0])),
        "epochs": args.epochs,
        "patience": args.patience,
        "keep_weights": args.keep_weights,
    }
    if not _settings(plan):  # which refuses what a protocol does not take, before any clip is read
        hint = "python -m microexp_keras.protocols says which there are; tables VI, VII and IX are of stcnn."
        raise MicroExpError("--models, --protocols, --tables", "leave nothing to train", hint)
    runs.require_free(args.out, resumable=True)
    return {**plan, "data": str(datasets.data_of(args, database).resolve())}


def _settings(plan: dict[str, Any]) -> list[runs.Settings]:
    """Return the settings of each training: deterministic methods have one seed, and nothing to do with epochs."""
    database, found = datasets.Database.from_json(plan["dataset"]), []
    kept = {name: plan[name] for name in ("data", "options", "keep_weights")}
    asked = plan["tables"], plan["models"], plan["protocols"]
    for protocol in tables.trainings(*asked, database, **plan["reading"]):
        own = {name: plan[name] for name in ("epochs", "patience") if name in protocol.network.takes}
        landmarks = None if protocol.network.on_whole_face else plan["landmarks"]
        seeds = plan["seeds"] if protocol.network.has_epochs else plan["seeds"][:1]
        found += [runs.Settings.of(protocol, landmarks=landmarks, seed=seed, **kept, **own) for seed in seeds]
    return found


def _kept_plan(args: argparse.Namespace) -> dict[str, Any]:
    runs.require_only(args, "resume", "keep_weights", *runs.WHERE, "data", "landmarks")
    path = args.resume / RECORD
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))["plan"]
        moved = {name: str(getattr(args, name).resolve()) for name in ("data", "landmarks") if getattr(args, name)}
        plan |= {**moved, "keep_weights": args.keep_weights or plan["keep_weights"]}
        _settings(plan)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MicroExpError(path, f"is not the record of a reproduction ({error!r})", "Start a new one.") from None
    return plan


def _reproduce(folder: Path, plan: dict[str, Any], workers: runs.Workers) -> int:
    from microexp_keras.runs.engine import train_folds
    from microexp_keras.runs.report import report
    from microexp_keras.runs.run import Run, load_samples

    prepared: list[Run] = []
    for settings in _settings(plan):
        before = prepared[-1] if prepared and prepared[-1].protocol == settings.protocol else None
        samples = before.samples if before else load_samples(settings)
        training_folder = folder / _name(settings)
        _require_as_planned(training_folder, settings)
        prepared.append(Run.of(training_folder, settings, samples))
    write_json(folder / RECORD, {"plan": plan, **runs.provenance()})  # clips that cannot be read leave nothing behind
    for run in prepared:
        run.write_config()
    folds = sum(len(run.folds) for run in prepared)
    epochs = sum(len(run.folds) * run.protocol.epochs for run in prepared)
    what = f"{counted(len(prepared), 'training')}, {counted(folds, 'fold')}"
    what += f", {'at most ' * bool(plan['patience'])}{counted(epochs, 'epoch')} in all" * bool(epochs)
    print(f"{what}; files go to {folder}", file=sys.stderr)
    failed = train_folds(prepared, workers)
    reported = [(run, report(run)) for run in prepared if run.folder not in failed]
    if not reported:
        raise next(iter(failed.values()))
    trained = []
    for run, outcome in reported:
        how = (run.protocol, run.settings.seed, run.settings.published_protocol.epochs, run.folder.name)
        trained.append(tables.Trained(*how, outcome.scores, outcome.predictions, outcome.report.notes))
    notes = [*_notes(plan, trained), *(caveat("failed", why=error) for error in failed.values())]
    found = tables.write(folder, plan["tables"], trained, prepared[0].samples.synthetic, notes)
    print(found.summary(folder, sections=1))
    return 0 if not failed and all(outcome.trained_well for _, outcome in reported) else 1


def _notes(plan: dict[str, Any], trained: Sequence[tables.Trained]) -> list[Issue]:
    """Say what is missing of what was asked for, and what every training alarms its reader of."""
    there, frames = {(one.protocol.model, one.protocol.name) for one in trained}, trained[0].protocol.frames
    notes = [
        caveat("no_protocol", name=name, method=METHODS[model].title)
        for name, model in itertools.product(plan["protocols"], plan["models"])
        if (model, name) not in there and model in {of for of, _ in there}
    ]
    notes += [
        caveat("no_kernel", kernel=by(size), frames=frames)
        for size in tables.PAPER.kernel_sizes
        if "IX" in plan["tables"] and size[2] > frames
    ]
    alarms = [note.level for one in trained for note in one.notes if note.is_alarm and note.level != "faces"]
    for level in dict.fromkeys(alarms):
        folders = [one.folder for one in trained if any(note.level == level for note in one.notes)]
        share = f"{len(folders)} of {counted(len(trained), 'training')}, as their reports say: {', '.join(folders)}."
        notes.append(SYNTHETIC_CLIPS if level == "synthetic" else Issue(level, f"{level.upper()}: {share}"))
    planned = [one.planned_epochs for one in trained if one.protocol.epochs < one.planned_epochs]
    of = counted(either(dict.fromkeys(planned)), "epoch")
    return notes + which_apply({caveat("trial", epochs=plan["epochs"], planned=of): planned})


def _require_as_planned(folder: Path, settings: runs.Settings) -> None:
    """Refuse a training that somebody has resumed in another way."""
    if not (folder / "config.json").exists():
        return
    before, _ = runs.read_config(folder)
    other = {name: two for name, two in before.changed(settings).items() if name not in MAY_CHANGE}
    if other:
        said = ", ".join(f"{name} {found} instead of {planned}" for name, (found, planned) in other.items())
        found = f"was trained differently from the plan: {said}"
        raise MicroExpError(folder, found, "Remove it from the folder and resume.")


def _name(settings: runs.Settings) -> str:
    protocol = settings.protocol
    kernel = f"-{by(protocol.kernel_size)}" if "kernel_size" in protocol.network.takes else ""
    return f"{protocol.model}-{protocol.name}{kernel}-seed{settings.seed}"


if __name__ == "__main__":
    sys.exit(main())
