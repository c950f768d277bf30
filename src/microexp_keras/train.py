"""Train a network, or fit another method: `python -m microexp_keras.train --dataset smic --data PATH`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microexp_keras import datasets, protocols, runs, weights
from microexp_keras.backend import import_keras
from microexp_keras.console import Parser, command, positive, seed
from microexp_keras.datasets import DATABASES
from microexp_keras.errors import MicroExpError
from microexp_keras.models import METHODS
from microexp_keras.runs import Settings
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
    parser.add_argument("--dataset", choices=DATABASES, help="which database the clips are of")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="your copy of the database, or a table of your own clips: CSV or .xlsx",
    )
    datasets.add_options(parser)
    datasets.add_own_options(parser)
    parser.add_argument(
        "--synthetic", action="store_true", help="use generated clips, written to data/synthetic-DATASET once"
    )
    parser.add_argument(
        "--training-images",
        type=Path,
        nargs="+",
        metavar="X.npy",
        help="instead of clips the original's arrays, float32 (clips, 1, rows, columns, time), standardised; for the "
        "fused networks two files, eyes and mouth",
    )
    parser.add_argument(
        "--training-labels", type=Path, metavar="Y.npy", help="labels (clips,) or one-hot (clips, classes)"
    )
    parser.add_argument(
        "--landmarks", type=Path, metavar="CSV", help="for eyes and mouth: your landmarks instead of dlib's"
    )
    parser.add_argument("--model", choices=METHODS, help="network or rival method (default: stcnn)")
    parser.add_argument(
        "--protocol",
        choices=protocols.NAMES,
        help="how to split, train and score (default: upstream; of your own clips loso)",
    )
    parser.add_argument(
        "--epochs", type=positive, metavar="N", help="passes over the training clips (default: the protocol's)"
    )
    parser.add_argument(
        "--patience",
        type=positive,
        metavar="N",
        help="stop early, once so many epochs in a row have brought no better accuracy on the clips that choose the "
        "epoch; not with a protocol that is as published (default: train all epochs)",
    )
    parser.add_argument("--batch-size", type=positive, metavar="N", help="clips per step (default: the protocol's)")
    parser.add_argument(
        "--kernel-size",
        type=positive,
        nargs=3,
        metavar=("ROWS", "COLUMNS", "TIME"),
        help="of the convolutions (default: 3 3 15)",
    )
    parser.add_argument("--seed", type=seed, metavar="N", help="of initial weights, order and dropout (default: 0)")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="of the networks' computation; bfloat16 is for cards that have it, not the paper's (default: float32)",
    )
    parser.add_argument("--weights", type=Path, metavar="FILE", help="start from these weights, any kind of .h5")
    parser.add_argument(
        "--keep-weights",
        action="store_true",
        help="keep the best weights of each fold of several; otherwise only its predictions and history stay",
    )
    parser.add_argument(
        "--keep-all", action="store_true", help="keep every improvement, not only the best; of several folds, too"
    )
    parser.add_argument(
        "--no-faces", action="store_true", help="show no face of the clips in report.html, and draw no saliency"
    )
    parser.add_argument("--tensorboard", action="store_true", help="also log for TensorBoard, into OUT/tensorboard")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write (default: the next runs/DATASET-MODEL-PROTOCOL-NNN)"
    )
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="FOLDER",
        help="resume this run; only --epochs, --keep-weights, --jobs, --cluster, and files that have moved, may be "
        "given too",
    )
    runs.add_options(parser)
    return parser


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Train or resume, and report. The exit code is 1 if training diverged."""
    args = parser().parse_args(argv)
    workers = runs.Workers.of(args)
    settings = _resumed(args) if args.resume else _new(args)

    from microexp_keras.runs.run import Run, load_samples

    samples = load_samples(settings)
    folder = args.resume or runs.new_folder(args.out, f"{settings.dataset}-{settings.model}-{settings.protocol}")
    with runs.writing(folder, "config.json", "python -m microexp_keras.train"):
        return _train(Run.of(folder, settings, samples), workers)


def _new(args: argparse.Namespace) -> Settings:
    """Settings of a new run, everything that --resume needs to repeat them."""
    database = datasets.database_of(args, args.data, args.dataset)
    if [args.data is not None, args.synthetic, args.training_images is not None].count(True) != 1:
        raise MicroExpError(
            "--data, --synthetic, --training-images",
            "one of them",
            "none or several",
            "Without a copy of the database take --synthetic.",
        )
    model = args.model or "stcnn"
    protocol = protocols.get(args.protocol or protocols.names(model, database)[0], model, database)
    _require_taken(args, protocol)
    if (args.training_images is None) != (args.training_labels is None):
        raise MicroExpError("--training-images, --training-labels", "both", "one of them")
    if args.tensorboard and not find_spec("tensorboard"):
        raise MicroExpError(
            "--tensorboard",
            "the package tensorboard",
            "none",
            "Run: pip install tensorboard",
        )
    synthetic_start = False
    if args.weights:
        file = weights.inspect(args.weights)  # a wrong file is said before any clip is read
        if file.network != protocol.model:
            raise MicroExpError(
                args.weights,
                f"weights of {protocol.network.title}",
                f"those of {METHODS[file.network].title}",
                f"Take --model {file.network}, or other weights.",
            )
        synthetic_start = any(file.metadata.get(name) is True for name in ("synthetic", "started_from_synthetic"))
        if protocol.unseen_subjects:
            raise MicroExpError(
                "--weights",
                f"without --protocol {protocol.name}, for they may know the people that are left out",
                remedy="Leave it out.",
            )
    if args.precision == "bfloat16" and protocol.repeats_a_program:
        raise MicroExpError(
            "--precision", f"float32 with --protocol {protocol.name}, for the original's", "bfloat16", "Leave it out."
        )
    if args.landmarks and (args.training_images or protocol.network.on_whole_face):
        raise MicroExpError("--landmarks", "with clips and a fused network only", remedy="Leave it out.")
    if args.training_images and datasets.chosen_options(args):
        given = ", ".join(f"--{name}" for name in datasets.chosen_options(args))
        raise MicroExpError(given, "with --data only", remedy="Leave it out.")
    runs.require_free(args.out, resumable=True)
    return Settings.of(
        protocol,
        data=str(datasets.synthetic_folder(args.dataset)) if args.synthetic else _absolute(args.data),
        options=datasets.chosen_options(args),
        training_images=tuple(str(path.resolve()) for path in args.training_images or ()),
        training_labels=_absolute(args.training_labels),
        landmarks=_absolute(args.landmarks),
        epochs=args.epochs,
        batch_size=args.batch_size,
        patience=args.patience,
        kernel_size=tuple(args.kernel_size) if args.kernel_size else None,
        seed=args.seed,
        weights=_absolute(args.weights),
        weights_synthetic=synthetic_start,
        keep_weights=args.keep_weights,
        keep_all=args.keep_all,
        tensorboard=args.tensorboard,
        faces=not args.no_faces,
        precision=args.precision,
    )


def _require_taken(args: argparse.Namespace, protocol: protocols.Protocol) -> None:
    """Refuse options that mean nothing to the method."""
    limited = frozenset().union(*(method.takes for method in METHODS.values()))
    given = {name for name in limited if getattr(args, name) not in (None, False)}
    if others := ", ".join(f"--{name.replace('_', '-')}" for name in sorted(given - protocol.network.takes)):
        raise MicroExpError(others, f"without --model {protocol.model}", "with it", "Leave it out.")


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.resolve())


def _resumed(args: argparse.Namespace) -> Settings:
    """Settings of the run to resume; it may be given more epochs, and its data may have moved."""
    settings, config = runs.read_config(args.resume)
    files = ("data", "training_images", "training_labels", "landmarks")
    runs.require_only(args, "resume", "epochs", "keep_weights", *runs.WHERE, *files)
    paths: dict[str, Any] = {
        "data": _absolute(args.data),
        "training_images": tuple(str(path.resolve()) for path in args.training_images or ()),
        "training_labels": _absolute(args.training_labels),
        "landmarks": _absolute(args.landmarks),
    }
    moved = {name: value for name, value in paths.items() if value}
    unknown = [name for name in moved if not getattr(settings, name)]
    if unknown:
        raise MicroExpError("--resume", f"no {', '.join(unknown)}, for the run was started without")
    _require_taken(args, settings.published_protocol)
    if args.epochs and len(config["folds"]) > 1:
        raise MicroExpError("--epochs", "with a run of one fold only", remedy="Start a new run with this number.")
    last = args.resume / STATE
    epoch = weights.read_metadata(last).get("epoch") if last.exists() else None
    done = epoch + 1 if isinstance(epoch, int) else 0
    if args.epochs and args.epochs < done:
        raise MicroExpError("--epochs", f"at least the {done} that this run has behind it", str(args.epochs))
    keep_weights = settings.keep_weights or args.keep_weights
    return replace(settings, **moved, epochs=args.epochs or settings.epochs, keep_weights=keep_weights)


def _train(run: "Run", workers: runs.Workers) -> int:
    from microexp_keras.runs.engine import train_folds
    from microexp_keras.runs.fold import train_fold
    from microexp_keras.runs.memory import as_many_as_fit
    from microexp_keras.runs.report import report
    from microexp_keras.runs.result import RESULT

    if run.has_one_fold:
        import_keras()  # its devices go into config.json
    run.write_config()
    trained = (
        f"trained on {counted(len(run.folds[0].train), 'clip')}" if run.has_one_fold else f"{len(run.folds)} folds"
    )
    scored = counted(sum(len(fold.score) for fold in run.folds), "clip")
    print(f"{run.title}: {trained}, scored on {scored}; files go to {run.folder}", file=sys.stderr)
    if run.has_one_fold and not workers.cluster:
        if workers.jobs:
            print(f"note: --jobs changes nothing: protocol {run.protocol.name} has one fold", file=sys.stderr)
        train_fold(run, 0)
    else:
        if run.has_one_fold:  # which may be given more epochs
            (run.folder / RESULT).unlink(missing_ok=True)
        for error in train_folds(run.tasks, as_many_as_fit(workers, [run])).values():
            raise error
    text, trained_well = report(run)
    print(text)
    print(f"The page of this run: {run.folder / 'report.html'}")
    if run.settings.faces and not run.samples.synthetic:
        print("It shows faces of your clips: do not pass it on where their licence forbids it (--no-faces).")
    return 0 if trained_well else 1


if __name__ == "__main__":
    sys.exit(main())
