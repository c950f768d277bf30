"""Rerun the paper's tables on one's own clips: `python -m microexp_keras.reproduce --dataset smic --data PATH`."""

import argparse
import json
import shlex
import sys
from pathlib import Path

from microexp_keras import datasets, protocols, runs, tables, weights
from microexp_keras.commands import command, positive, seed
from microexp_keras.errors import MicroExpError
from microexp_keras.files import only_writer, write_json, write_text

RECORD = "reproduction.json"

KEYS = ("model", "dataset", "protocol", "seed")
"""Settings that tell the trainings of a reproduction apart, beside the kernel."""


def parser():
    """Build the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m microexp_keras.reproduce",
        description="Train the networks of Reddy et al. as often as their tables V to IX need, under one or several "
        "protocols and seeds, and lay what comes out beside what was published. Can be stopped and gone on with.",
    )
    parser.add_argument("--dataset", choices=datasets.CLASS_NAMES, help="which database the clips are of")
    parser.add_argument("--data", type=Path, metavar="PATH", help="your copy of the database; see data/README.md")
    datasets.add_options(parser)
    parser.add_argument(
        "--synthetic", action="store_true", help="use generated clips, written to data/synthetic-DATASET once"
    )
    parser.add_argument("--landmarks", type=Path, metavar="CSV", help="for eyes and mouth: instead of dlib's")
    parser.add_argument(
        "--tables",
        nargs="+",
        choices=tables.NAMES,
        metavar="TABLE",
        help="V: accuracies, VI or VII: confusion matrix of MicroExpSTCNN (CAS(ME)^2, SMIC), VIII: epochs 91 to 100, "
        "IX: twelve kernel sizes, as many trainings of MicroExpSTCNN more (default: all but IX)",
    )
    parser.add_argument("--models", nargs="+", choices=protocols.INPUTS, help="networks (default: all three)")
    parser.add_argument(
        "--protocols",
        nargs="+",
        choices=protocols.NAMES,
        help="see python -m microexp_keras.protocols (default: upstream)",
    )
    parser.add_argument("--seeds", nargs="+", type=seed, metavar="N", help="a training for each (default: 0)")
    parser.add_argument(
        "--epochs", type=positive, metavar="N", help="instead of the protocols' own numbers, for a trial"
    )
    parser.add_argument(
        "--jobs", type=positive, metavar="N", help="folds trained at once, each on one core (default: one per core)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write (default: the next runs/reproduce-DATASET-NNN)"
    )
    parser.add_argument("--resume", type=Path, metavar="FOLDER", help="go on with this one; --jobs may be given too")
    return parser


@command
def main(argv=None):
    """Train what is missing and write the tables."""
    args = parser().parse_args(argv)
    plan = _kept_plan(args) if args.resume else _new_plan(args)
    folder = args.resume or runs.new_folder(args.out, f"reproduce-{plan['dataset']}")
    with only_writer(folder):
        try:
            _reproduce(folder, plan, args.jobs)
        except KeyboardInterrupt:
            if (folder / RECORD).exists():
                again = f"python -m microexp_keras.reproduce --resume {shlex.quote(str(folder))}"
                print(f"\nGo on with: {again}", file=sys.stderr)
            raise
        finally:
            runs.remove_if_empty(folder)


def _new_plan(args):
    """What shall be trained, as reproduction.json keeps it."""
    if args.dataset is None:
        names = " or ".join(datasets.CLASS_NAMES)
        raise MicroExpError(f"--dataset: expected {names}, received nothing. Say which database the clips are of.")
    if (args.data is not None) == args.synthetic:
        raise MicroExpError(
            "expected one of --data PATH and --synthetic. Without a copy of the database take --synthetic."
        )
    others = {*tables.MATRIX.values()} - {tables.MATRIX[args.dataset]}
    chosen = args.tables or [table for table in tables.NAMES if table not in {*others, "IX"}]
    if others & {*chosen}:
        raise MicroExpError(
            f"--tables: expected tables of {datasets.TITLES[args.dataset]}, found {', '.join(others & {*chosen})}. "
            "Leave it out, or take the other --dataset."
        )
    plan = {
        "dataset": args.dataset,
        "data": str(datasets.synthetic_folder(args.dataset) if args.synthetic else args.data.resolve()),
        "options": datasets.chosen_options(args),
        "landmarks": str(args.landmarks.resolve()) if args.landmarks else None,
        "tables": [table for table in tables.NAMES if table in chosen],
        "models": [model for model in protocols.INPUTS if model in (args.models or protocols.INPUTS)],
        "protocols": list(dict.fromkeys(args.protocols or ["upstream"])),
        "seeds": list(dict.fromkeys(args.seeds or [0])),
        "epochs": args.epochs,
    }
    if not _trainings(plan):
        raise MicroExpError(
            f"nothing to train: --models {' '.join(plan['models'])} has none of --protocols "
            f"{' '.join(plan['protocols'])} for --tables {' '.join(plan['tables'])}. "
            "python -m microexp_keras.protocols says which there are; tables VI, VII and IX are of stcnn."
        )
    runs.demand_free(args.out)
    return plan


def _trainings(plan):
    return tables.trainings(plan["tables"], plan["models"], plan["protocols"], plan["dataset"])


def _kept_plan(args):
    given = {name for name, value in vars(args).items() if value is not None and value is not False}
    if given - {"resume", "jobs"}:
        others = ", ".join(f"--{name}" for name in sorted(given - {"resume", "jobs"}))
        raise MicroExpError(f"--resume: expected no other option than --jobs, received {others}.")
    path = args.resume / RECORD
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))["plan"]
        _trainings(plan), plan["seeds"], plan["epochs"], plan["data"], plan["options"], plan["landmarks"]
        return plan
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MicroExpError(
            f"{path}: expected the record of a reproduction, found something else ({error!r}). Start a new one."
        ) from None


def _reproduce(folder, plan, jobs):
    from microexp_keras import experiments, plots

    prepared, tasks = [], []
    for protocol in _trainings(plan):
        samples = None
        for seed_number in plan["seeds"]:
            settings = experiments.settings_for(
                protocol,
                data=plan["data"],
                options=plan["options"],
                landmarks=plan["landmarks"] if "eyes" in protocol.inputs else None,
                epochs=plan["epochs"],
                seed=seed_number,
            )
            samples = samples or experiments.load(settings)
            here = folder / _name(settings)
            folds = experiments.prepare(here, settings, samples)
            prepared.append((here, settings, samples, folds))
            tasks += [(here, number) for number in range(len(folds))]
    write_json(folder / RECORD, {"plan": plan, **runs.provenance()})
    print(f"{len(prepared)} trainings, {len(tasks)} folds in all; files go to {folder}", file=sys.stderr)
    experiments.train_folds(tasks, jobs)
    found = []
    for here, settings, samples, folds in prepared:
        experiments.report(here, settings, samples, folds)
        scores = json.loads((here / "scores.json").read_text(encoding="utf-8"))
        kernel = tuple(settings["kernel_size"])
        found.append({"folder": here.name, **{name: settings[name] for name in KEYS}, "kernel": kernel, **scores})
    rows = tables.tables(plan["tables"], found, plan["dataset"])
    there = {(run["model"], run["protocol"]) for run in found}
    skipped = [
        f"There is no protocol {name} of {weights.TITLES[model]}."
        for name in plan["protocols"]
        for model in plan["models"]
        if model in {run["model"] for run in found} and (model, name) not in there
    ]
    synthetic = prepared[0][2].synthetic
    text = tables.as_markdown(rows, found, skipped, plan["dataset"], synthetic)
    if "V" in rows:
        plots.accuracies(tables.figure_rows(rows["V"]), folder / "accuracy.png", text.splitlines()[0].strip("# "))
    write_text(folder / "report.md", text)
    write_json(folder / "tables.json", {"plan": plan, **runs.provenance(), "tables": rows, "runs": found})
    print(text)


def _name(settings):
    size = "x".join(map(str, settings["kernel_size"]))
    return f"{settings['model']}-{settings['protocol']}-{size}-seed{settings['seed']}"


if __name__ == "__main__":
    sys.exit(main())
