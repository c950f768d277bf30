"""Train a network, or fit another method: `python -m microexp_keras.train --dataset smic --data PATH`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microexp_keras import datasets, protocols, runs, weights
from microexp_keras.backend import choose_backend, import_keras
from microexp_keras.console import Parser, command, positive, seed
from microexp_keras.errors import MicroExpError
from microexp_keras.models import METHODS, get_method
from microexp_keras.runs import Settings
from microexp_keras.runs.options import ARRAYS, LABELS, absolute
from microexp_keras.runs.settings import PRECISIONS
from microexp_keras.text import counted
from microexp_keras.training.history import STATE

if TYPE_CHECKING:
    from microexp_keras.runs.run import Run


def parser() -> argparse.ArgumentParser:
    """Build the command line. Options left out are None, so that --resume can tell what was given."""
    parser = Parser(
        "train",
        description="Train a network, or a rival method of Table V, under a protocol and report its accuracy. "
        "Everything goes into one folder.",
    )
    runs.add_options(parser, "--dataset", "--data")
    datasets.add_options(parser)
    datasets.add_own_options(parser)
    datasets.add_synthetic(parser)
    parser.add_argument("--training-images", **ARRAYS)
    parser.add_argument("--training-labels", **LABELS)
    parser.add_argument(
        "--model",
        type=_method,
        metavar="NAME",
        help=f"{', '.join(METHODS)}; or your own as MODULE:FUNCTION, see docs/own-model.md (default: stcnn)",
    )
    parser.add_argument(
        "--protocol",
        choices=protocols.NAMES,
        help="how to split, train and score (default: upstream; of your own clips loso)",
    )
    runs.add_options(parser, "--landmarks", "--epochs", "--patience")
    parser.add_argument("--batch-size", type=positive, metavar="N", help="clips per step (default: the protocol's)")
    parser.add_argument(
        "--kernel-size",
        type=positive,
        nargs=3,
        metavar=("ROWS", "COLUMNS", "TIME"),
        help="of the convolutions (default: 3 3 15)",
    )
    parser.add_argument("--seed", type=seed, metavar="N", help="random seed (default: 0)")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="of the networks' computation; bfloat16 is for cards that have it, not the paper's (default: float32)",
    )
    runs.add_options(parser, "--weights")
    weights.add_data_format(parser)
    parser.add_argument(
        "--no-faces", action="store_true", help="show no face of the clips in report.html, and draw no saliency"
    )
    runs.add_options(parser, "--keep-weights", "--out", "--resume", "--jobs", "--cluster", "--dashboard")
    return parser


def _method(name: str) -> str:
    """Return the name of a method that there is, or that can be imported."""
    try:
        return get_method(name).name
    except MicroExpError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


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
    folder = args.resume or runs.new_folder(
        args.out, f"{protocol.dataset}-{protocol.model.replace(':', '-')}-{protocol.name}"
    )
    with runs.writing(folder, "config.json", "python -m microexp_keras.train"):
        if args.resume and args.epochs:  # a run that is done may go on
            (folder / RESULT).unlink(missing_ok=True)
        return _train(Run.of(folder, settings, samples), workers)


def _new(args: argparse.Namespace) -> Settings:
    """Settings of a new run, everything that --resume needs to repeat them."""
    named = args.dataset
    if named is None and args.data and not datasets.is_table(args.data):
        named = datasets.find_dataset(args.data)
    database, reading, options = (
        datasets.database_of(args, args.data, named),
        datasets.chosen_reading(args),
        datasets.chosen_options(args),
    )
    model = args.model or "stcnn"
    protocol = protocols.get(args.protocol or protocols.names(model, database)[0], model, database, **reading)
    _require_taken(args, protocol)
    arrays, name = args.training_images is not None, protocol.name
    synthetic_start = bool(args.weights) and _synthetic_start(args, protocol)
    refused = [
        (
            arrays and (args.data or args.synthetic),
            "--training-images",
            "expected without --data and --synthetic, whose place they take",
        ),
        (
            arrays and (options or reading),
            ", ".join(f"--{one}" for one in (*options, *reading)),
            "expected with --data only",
        ),
        (
            args.landmarks and (arrays or protocol.network.on_whole_face),
            "--landmarks",
            "expected with clips and a fused network only",
        ),
        (
            args.weights and protocol.unseen_subjects,
            "--weights",
            f"expected without --protocol {name}, which may have been trained on the held-out subject",
        ),
        (
            args.precision == "bfloat16" and protocol.labels_by_position,
            "--precision",
            f"expected float32 with --protocol {name}, for the original's, found bfloat16",
        ),
    ]
    for wrong, where, text in refused:
        if wrong:
            raise MicroExpError(where, text, "Leave it out.")
    if arrays != (args.training_labels is not None):
        raise MicroExpError("--training-images, --training-labels", "expected both, found one of them")
    runs.require_free(args.out, resumable=True)
    given = ("epochs", "batch_size", "patience", "kernel_size", "seed", "data_format", "precision")
    return Settings.of(
        protocol,
        **{name: getattr(args, name) for name in (*given, "keep_weights")},
        **_paths(args, None if arrays else datasets.data_of(args, database)),
        options=options,
        weights=absolute(args.weights),
        weights_synthetic=synthetic_start,
        faces=not args.no_faces,
    )


def _paths(args: argparse.Namespace, data: Path | None) -> dict[str, Any]:
    """Where the clips are, or the arrays, as settings keep it."""
    return {
        "data": absolute(data),
        "training_images": tuple(str(path.resolve()) for path in args.training_images or ()),
        "training_labels": absolute(args.training_labels),
        "landmarks": absolute(args.landmarks),
    }


def _synthetic_start(args: argparse.Namespace, protocol: protocols.Protocol) -> bool:
    """Whether the weights that training starts from know synthetic clips; a wrong file is refused."""
    file = weights.inspect(args.weights, args.data_format)
    if file.assumption:
        print(f"WARNING: {file.assumption}", file=sys.stderr)
    if file.network != protocol.model:
        raise MicroExpError(
            args.weights,
            f"expected weights of {protocol.network.title}, found those of {METHODS[file.network].title}",
            f"Take --model {file.network}, or other weights.",
        )
    return any(file.metadata.get(name) is True for name in ("synthetic", "started_from_synthetic"))


def _require_taken(args: argparse.Namespace, protocol: protocols.Protocol) -> None:
    """Refuse options that mean nothing to the method."""
    limited = frozenset().union(*(method.takes for method in METHODS.values()))
    given = {name for name in limited if getattr(args, name, None) not in (None, False)}
    if others := ", ".join(f"--{name.replace('_', '-')}" for name in sorted(given - protocol.network.takes)):
        raise MicroExpError(others, f"expected without --model {protocol.model}, found with it", "Leave it out.")


def _resumed(args: argparse.Namespace) -> Settings:
    """Settings of the run to resume; it may be given more epochs, and its data may have moved."""
    settings, config = runs.read_config(args.resume)
    moved = {name: value for name, value in _paths(args, args.data).items() if value}
    runs.require_only(args, "resume", "epochs", "keep_weights", *runs.WHERE, *moved)
    if unknown := [name for name in moved if not getattr(settings, name)]:
        raise MicroExpError("--resume", f"expected no {', '.join(unknown)}, for the run was started without")
    _require_taken(args, settings.protocol)
    if args.epochs and len(config["folds"]) > 1:
        raise MicroExpError("--epochs", "expected with a run of one fold only", "Start a new run with this number.")
    last = args.resume / STATE
    epoch = weights.read_metadata(last).get("epoch") if last.exists() else None
    done = epoch + 1 if isinstance(epoch, int) else 0
    if args.epochs and args.epochs < done:
        raise MicroExpError(
            "--epochs", f"expected at least the {done} that this run has behind it, found {args.epochs}"
        )
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
        if workers.jobs:
            print(f"note: --jobs changes nothing: protocol {run.protocol.name} has one fold", file=sys.stderr)
    scored = counted(sum(len(fold.test) for fold in run.folds), "clip")
    print(f"{run.title}: {trained}, scored on {scored}; files go to {run.folder}", file=sys.stderr)
    train_run(run, workers)
    found = report(run)
    print(found.text)
    if not run.protocol.unseen_subjects and not run.settings.training_images:
        print("For a score on people whom the network has never seen, train with --protocol loso.")
    return 0 if found.trained_well else 1


if __name__ == "__main__":
    sys.exit(main())
