"""Train a network: `python -m microexp_keras.train --dataset smic --data PATH`."""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from microexp_keras import datasets, protocols, runs, splits, weights
from microexp_keras.commands import command, import_keras, positive, seed
from microexp_keras.errors import MicroExpError


def parser():
    """Build the command line. Options left out are None, so that --resume can tell what was given."""
    parser = argparse.ArgumentParser(
        prog="python -m microexp_keras.train",
        description="Train a network under a protocol and report its accuracy. Everything goes into one folder.",
    )
    parser.add_argument("--dataset", choices=datasets.CLASS_NAMES, help="which database the clips are of")
    parser.add_argument("--data", type=Path, metavar="PATH", help="your copy of the database; see data/README.md")
    datasets.add_options(parser)
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
    parser.add_argument("--model", choices=protocols.INPUTS, help="network (default: stcnn)")
    parser.add_argument("--protocol", choices=protocols.NAMES, help="how to split, train and score (default: upstream)")
    parser.add_argument(
        "--epochs", type=positive, metavar="N", help="passes over the training clips (default: the protocol's)"
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
    parser.add_argument("--weights", type=Path, metavar="FILE", help="start from these weights, any kind of .h5")
    parser.add_argument("--keep-all", action="store_true", help="keep every improvement, not only the best")
    parser.add_argument("--tensorboard", action="store_true", help="also log for TensorBoard, into OUT/tensorboard")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write (default: the next runs/DATASET-MODEL-PROTOCOL-NNN)"
    )
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="FOLDER",
        help="go on with this run; only --epochs, --jobs, and files that have moved, may be given too",
    )
    parser.add_argument(
        "--jobs",
        type=positive,
        metavar="N",
        help="for protocols of several folds: how many are trained at once, each on one core (default: one per core)",
    )
    return parser


@command
def main(argv=None):
    """Train, or go on training, and report. The exit code is 1 if training diverged."""
    args = parser().parse_args(argv)
    config = runs.read_config(args.resume) if args.resume else None
    settings = _resumed(args, config) if config else _new(args)

    from microexp_keras import experiments

    samples = experiments.load(settings)
    name = "-".join(settings[part] for part in ("dataset", "model", "protocol"))
    folder = args.resume or runs.new_folder(args.out, name)
    with runs.writing(folder, "config.json", "python -m microexp_keras.train"):
        return _train(folder, settings, samples, args.jobs)


def _new(args):
    """Settings of a new run, everything that --resume needs to repeat them."""
    datasets.demand_dataset(args.dataset)
    if [args.data is not None, args.synthetic, args.training_images is not None].count(True) != 1:
        raise MicroExpError(
            "expected one of --data PATH, --synthetic and --training-images. Without a copy of the database take "
            "--synthetic."
        )
    protocol = protocols.get(args.protocol or "upstream", args.model or "stcnn", args.dataset)
    if (args.training_images is None) != (args.training_labels is None):
        raise MicroExpError("expected --training-images and --training-labels together, received one of them.")
    if args.tensorboard and not find_spec("tensorboard"):
        raise MicroExpError("--tensorboard: expected the package tensorboard, found none. Run: pip install tensorboard")
    if args.weights:
        file = weights.inspect(args.weights)  # a wrong file is said before any clip is read
        if file.network != protocol.model:
            raise MicroExpError(
                f"{args.weights}: expected weights of {weights.TITLES[protocol.model]}, found those of "
                f"{weights.TITLES[file.network]}. Take --model {file.network}, or other weights."
            )
        if protocol.unseen_subjects:
            raise MicroExpError(
                f"--weights: expected without --protocol {protocol.name}, for they may know the people that are left "
                "out. Leave it out."
            )
    if args.landmarks and (args.training_images or protocol.inputs == ("face",)):
        raise MicroExpError("--landmarks: expected with clips and a fused network only. Leave it out.")
    if args.training_images and datasets.chosen_options(args):
        given = ", ".join(f"--{name}" for name in datasets.chosen_options(args))
        raise MicroExpError(f"{given}: expected with --data only. Leave it out.")
    runs.demand_free(args.out)

    from microexp_keras import experiments

    return experiments.settings_for(
        protocol,
        data=str(datasets.synthetic_folder(args.dataset)) if args.synthetic else _absolute(args.data),
        options=datasets.chosen_options(args),
        training_images=[_absolute(path) for path in args.training_images or ()],
        training_labels=_absolute(args.training_labels),
        landmarks=_absolute(args.landmarks),
        epochs=args.epochs,
        batch_size=args.batch_size,
        kernel_size=args.kernel_size,
        seed=args.seed,
        weights=_absolute(args.weights),
        keep_all=args.keep_all,
        tensorboard=args.tensorboard,
    )


def _absolute(path):
    return None if path is None else str(path.resolve())


def _resumed(args, config):
    """Settings of the run to go on with; it may be given more epochs, and its data may have moved."""
    settings = config["settings"]
    movable = ("data", "training_images", "training_labels", "landmarks")
    given = {name for name, value in vars(args).items() if value is not None and value is not False}
    runs.demand_only(args, "resume", "epochs", "jobs", *movable)
    unknown = [name for name in movable if name in given and not settings[name]]
    if unknown:
        raise MicroExpError(f"--resume: expected no {', '.join(unknown)}, for the run was started without.")
    if args.epochs and len(config["folds"]) > 1:
        raise MicroExpError("--epochs: expected with a run of one fold only. Start a new run with this number.")
    last = args.resume / "last.weights.h5"
    done = weights.inspect(last).metadata.get("epoch", -1) + 1 if last.exists() else 0
    if args.epochs and args.epochs < done:
        raise MicroExpError(
            f"--epochs: expected at least the {done} that this run has behind it, received {args.epochs}."
        )
    moved = {name: getattr(args, name) for name in movable if name in given}
    absolute = {
        name: [_absolute(one) for one in path] if isinstance(path, list) else _absolute(path)
        for name, path in moved.items()
    }
    return {**settings, **absolute, "epochs": args.epochs or settings["epochs"]}


def _train(folder, settings, samples, jobs):
    from microexp_keras import experiments

    folds = splits.folds(experiments.protocol_of(settings), samples)
    if len(folds) == 1:
        import_keras()  # its devices go into config.json
    experiments.prepare(folder, settings, samples)
    title = f"{weights.TITLES[settings['model']]} on {datasets.origin(settings['dataset'], samples.synthetic)}"
    trained = f"{len(folds[0].train)} clips train" if len(folds) == 1 else f"{len(folds)} folds"
    scored = sum(len(fold.score) for fold in folds)
    print(f"{title}: {trained}, {scored} are scored; files go to {folder}", file=sys.stderr)
    if len(folds) == 1:
        experiments.train_fold(folder, settings, samples, folds, 0)
    else:
        for message in experiments.train_folds([(folder, number) for number in range(len(folds))], jobs).values():
            raise MicroExpError(message)
    text, well = experiments.report(folder, settings, samples, folds)
    print(text)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
