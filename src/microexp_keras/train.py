"""Train a network, or fit another method: `python -m microexp_keras.train --dataset smic --data PATH`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from microexp_keras import datasets, protocols, runs, weights
from microexp_keras.backend import choose_backend, import_keras
from microexp_keras.console import Parser, command, command_line
from microexp_keras.errors import MicroExpError
from microexp_keras.models import METHODS
from microexp_keras.runs import Settings
from microexp_keras.runs.options import MEANINGS, absolute
from microexp_keras.text import counted
from microexp_keras.training.history import STATE

if TYPE_CHECKING:
    from microexp_keras.runs.run import Run


def parser() -> Parser:
    """Build the command line."""
    return command_line("train", MEANINGS)


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Train or resume, and report. The exit code is 1 if training diverged."""
    args = parser().parse_args(argv)
    workers = runs.Workers.of(args)
    settings = _resumed(args) if args.resume else _new(args)
    protocol = settings.protocol
    if protocol.network.has_epochs:
        choose_backend()  # a wrong one is said before any clip is read

    from microexp_keras.runs.run import RESULT, Run, load_samples

    samples = load_samples(settings)
    name = f"{protocol.dataset}-{protocol.model.replace(':', '-')}-{protocol.name}"
    folder = args.resume or runs.new_folder(args.out, name)
    with runs.writing(folder, "config.json", "python -m microexp_keras.train"):
        if args.resume and args.epochs:  # a run that is done may go on
            (folder / RESULT).unlink(missing_ok=True)
        return _train(Run.of(folder, settings, samples), workers)


def _new(args: argparse.Namespace) -> Settings:
    """Settings of a new run, everything that --resume needs to repeat them."""
    named = args.dataset
    if named is None and args.data and not datasets.is_table(args.data):
        named = datasets.find_dataset(args.data)
    database, model = datasets.database_of(args, args.data, named), args.model or "stcnn"
    name = args.protocol or protocols.names(model, database)[0]
    protocol = protocols.get(name, model, database, **datasets.chosen_reading(args))
    _require_taken(args, protocol)
    knows_synthetic = bool(args.weights) and _synthetic_start(args, protocol)
    seen = f"does not go with --protocol {name}: the weights may have been trained on the held-out subject"
    for option, wrong, text in (
        ("--landmarks", args.landmarks and protocol.network.on_whole_face, "goes with a fused network only"),
        ("--weights", args.weights and protocol.unseen_subjects, seen),
    ):
        if wrong:
            raise MicroExpError(option, text, "Leave it out.")
    runs.require_free(args.out, resumable=True)
    given = ("epochs", "batch_size", "patience", "kernel_size", "seed", "keep_weights")
    return Settings.of(
        protocol,
        **{name: getattr(args, name) for name in given},
        data=absolute(datasets.data_of(args, database)),
        landmarks=absolute(args.landmarks),
        options=datasets.chosen_options(args),
        weights=absolute(args.weights),
        weights_synthetic=knows_synthetic,
        faces=not args.no_faces,
    )


def _synthetic_start(args: argparse.Namespace, protocol: protocols.Protocol) -> bool:
    """Whether the weights that training starts from know synthetic clips; a wrong file is refused."""
    file = weights.inspect(args.weights)
    if file.assumption:
        print(f"WARNING: {file.assumption}", file=sys.stderr)
    if file.network != protocol.model:
        found = f"holds weights of {METHODS[file.network].title}, not of {protocol.network.title}"
        raise MicroExpError(args.weights, found, f"Take --model {file.network}, or other weights.")
    return any(file.metadata.get(name) is True for name in ("synthetic", "started_from_synthetic"))


def _require_taken(args: argparse.Namespace, protocol: protocols.Protocol) -> None:
    """Refuse options that mean nothing to the method."""
    limited = frozenset().union(*(method.takes for method in METHODS.values()))
    given = {name for name in limited if getattr(args, name, None) not in (None, False)}
    if others := ", ".join(f"--{name.replace('_', '-')}" for name in sorted(given - protocol.network.takes)):
        raise MicroExpError(others, f"means nothing to --model {protocol.model}", "Leave it out.")


def _resumed(args: argparse.Namespace) -> Settings:
    """Settings of the run to resume; it may be given more epochs, and its data may have moved."""
    settings, config = runs.read_config(args.resume)
    moved: dict[str, Any] = {
        name: absolute(getattr(args, name)) for name in ("data", "landmarks") if getattr(args, name)
    }
    runs.require_only(args, "resume", "epochs", "keep_weights", *runs.WHERE, *moved)
    if unknown := [name for name in moved if not getattr(settings, name)]:
        raise MicroExpError("--resume", f"the run was started without {', '.join(unknown)}", "Leave it out.")
    _require_taken(args, settings.protocol)
    if args.epochs and len(config["folds"]) > 1:
        raise MicroExpError("--epochs", "goes with a run of one fold only", "Start a new run with this number.")
    last = args.resume / STATE
    epoch = weights.read_metadata(last).get("epoch") if last.exists() else None
    done = epoch + 1 if isinstance(epoch, int) else 0
    if args.epochs and args.epochs < done:
        found = f"{args.epochs} is fewer than the {done} that are trained already"
        raise MicroExpError("--epochs", found, "Give more.")
    protocol = replace(settings.protocol, epochs=args.epochs or settings.protocol.epochs)
    return replace(settings, **moved, protocol=protocol, keep_weights=settings.keep_weights or args.keep_weights)


def _train(run: "Run", workers: runs.Workers) -> int:
    from microexp_keras.runs.engine import train_run
    from microexp_keras.runs.report import report

    if run.has_one_fold and not run.is_done(0):
        import_keras()  # its devices go into config.json
    run.write_config()
    trained = f"{len(run.folds)} folds"
    if run.has_one_fold:
        trained = f"trained on {counted(len(run.folds[0].train), 'clip')}"
    scored = counted(sum(len(fold.test) for fold in run.folds), "clip")
    print(f"{run.title}: {trained}, scored on {scored}; files go to {run.folder}", file=sys.stderr)
    train_run(run, workers)
    found = report(run)
    print(found.report.summary(run.folder))
    if not run.protocol.unseen_subjects:
        print("For a score on people whom the network has never seen, train with --protocol loso.")
    return 0 if found.trained_well else 1


if __name__ == "__main__":
    sys.exit(main())
