"""Score saved weights: `python -m microexp_keras.evaluate --weights FILE --dataset smic --data PATH`."""

import argparse
import sys
from pathlib import Path

from microexp_keras import datasets, protocols, runs
from microexp_keras.commands import command, import_keras
from microexp_keras.errors import MicroExpError

SAME_LEVEL = 0.5  # gray levels by which two standardisations may differ without a warning


def parser():
    """Build the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m microexp_keras.evaluate",
        description="Score weights of any .h5 kind on clips or on the validation arrays of the original programs.",
    )
    parser.add_argument(
        "--weights", type=Path, required=True, metavar="FILE", help="ours, the authors', or any Keras 2 or 3 .h5"
    )
    parser.add_argument(
        "--dataset", choices=datasets.CLASS_NAMES, default="smic", help="whose classes these are (default: smic)"
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path, metavar="PATH", help="clips, standardised as the weights were trained")
    where.add_argument(
        "--synthetic", action="store_true", help="generated clips, written to data/synthetic-DATASET once"
    )
    where.add_argument(
        "--validation-images", type=Path, metavar="X.npy", help="float32 (clips, 1, rows, columns, time), standardised"
    )
    parser.add_argument(
        "--validation-labels", type=Path, metavar="Y.npy", help="labels (clips,) or one-hot (clips, classes)"
    )
    parser.add_argument(
        "--protocol", choices=protocols.NAMES, help="for --data: its split (default: as trained, else upstream)"
    )
    parser.add_argument("--clips", choices=["held-out", "all"], default="held-out", help="for --data: which are scored")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write (default: the next runs/evaluate-DATASET-NNN)"
    )
    return parser


@command
def main(argv=None):
    """Load the weights, score the clips, write and print the report."""
    args = parser().parse_args(argv)
    if (args.validation_images is None) != (args.validation_labels is None):
        raise MicroExpError("expected --validation-images and --validation-labels together, received one of them.")

    from microexp_keras import weights

    file = weights.inspect(args.weights)
    if args.validation_images:
        inputs, true, names, notes, synthetic = _from_arrays(args, file)
    else:
        inputs, true, names, notes, synthetic = _from_clips(args, file)

    import_keras()

    from microexp_keras import metrics, models, reports

    class_names = datasets.CLASS_NAMES[args.dataset]
    rows, columns, frames = inputs.shape[1:4]
    model = models.BUILDERS[file.network](frames, (rows, columns), len(class_names), file.kernel_size)
    weights.load_weights(model, args.weights)
    folder = runs.new_folder(args.out, f"evaluate-{args.dataset}")
    probabilities = model.predict(inputs, batch_size=32, verbose=0)
    scores = metrics.score(true, probabilities.argmax(axis=1), class_names)
    title = reports.headline(file.network, args.dataset, synthetic)
    for note in notes:
        if note.startswith("WARNING"):
            print(note, file=sys.stderr)
    provenance = {**runs.provenance(), "weights": str(args.weights), "trained": file.metadata}
    print(reports.write(folder, title, notes, scores, names, true, probabilities, **provenance))
    print(f"files are in {folder}", file=sys.stderr)


def _from_clips(args, file):
    """Clips of a data folder, standardised as the weights were trained or, with a warning, by their own statistics."""
    from microexp_keras import preprocessing

    trained = file.metadata
    protocol = protocols.get(args.protocol or trained.get("protocol", "upstream"), file.network, args.dataset)
    data = datasets.synthetic_folder(args.dataset) if args.synthetic else args.data
    samples = preprocessing.load_samples(data, protocol)
    notes = []

    own = preprocessing.measure(samples.stacks)
    known = _statistics(file)
    if known is None:
        notes.append(
            "WARNING: the weights file does not say by which mean and maximum its training clips were standardised. "
            f"These clips are standardised by their own (mean {own.mean:.3f}, maximum {own.max:.0f}); if those of the "
            "training clips differed, the accuracy below is not that of the weights."
        )
    elif max(abs(known.mean - own.mean), abs(known.max - own.max)) > SAME_LEVEL:
        notes.append(
            f"WARNING: these clips have mean {own.mean:.3f} and maximum {own.max:.0f}, those that the weights were "
            f"trained on had {known.mean:.3f} and {known.max:.0f}; the latter are used. The images differ (crop, "
            "light, camera), and the accuracy suffers."
        )
    chosen, note = _chosen_clips(args, protocol, samples, trained)
    faces, _ = preprocessing.standardize(samples.stacks, known)
    names = [samples.clips[position].id for position in chosen]
    return faces[chosen][..., None], samples.labels[chosen], names, [*notes, note], samples.synthetic


def _chosen_clips(args, protocol, samples, trained):
    """Positions of the clips to score, and a sentence on whether the weights have seen them in training."""
    import numpy as np

    same_data = trained.get("data_fingerprint") == samples.fingerprint
    if args.clips == "all":
        seen = (
            "training clips among them"
            if same_data
            else "whether the weights were trained on some of them is not known"
        )
        return np.arange(len(samples.clips)), f"All {len(samples.clips)} clips are scored, {seen}."
    [fold] = protocol.split(samples.labels, samples.subjects)
    held_out = f"The {len(fold.score)} clips that protocol {protocol.name} holds out are scored"
    if same_data and trained.get("protocol") == protocol.name:
        return fold.score, f"{held_out}; the weights were not trained on them, but their epoch was chosen on them."
    return fold.score, f"WARNING: {held_out}; that the weights were not trained on them is not known."


def _from_arrays(args, file):
    """The original's validation arrays, standardised already."""
    import numpy as np

    images = _read_npy(args.validation_images)
    labels = _read_npy(args.validation_labels)
    if images.ndim != 5 or images.shape[1] != 1 or images.dtype != np.float32 or not np.isfinite(images).all():
        raise MicroExpError(
            f"{args.validation_images}: expected finite float32 of shape (clips, 1, rows, columns, time), found "
            f"{images.dtype} of shape {images.shape}."
        )
    classes = len(datasets.CLASS_NAMES[args.dataset])
    if labels.ndim == 2 and labels.shape[1] == classes and (np.sort(labels, axis=1) == [0] * (classes - 1) + [1]).all():
        labels = labels.argmax(axis=1)
    whole = labels.ndim == 1 and np.isin(labels, np.arange(classes)).all()
    if not whole or len(labels) != len(images):
        raise MicroExpError(
            f"{args.validation_labels}: expected {len(images)} labels from 0 to {classes - 1}, or one-hot rows of "
            f"{classes}, found {labels.dtype} of shape {labels.shape}."
        )
    notes = ["The arrays were standardised by whoever saved them."]
    known = _statistics(file)
    if known is None:
        notes.append(
            "WARNING: the weights file does not say by which mean and maximum its training clips were standardised. "
            "If the arrays are not from the same run, the accuracy below is not that of the weights."
        )
    else:
        span = _gray_levels_per_unit(images)
        if abs(known.max - known.mean - span) > SAME_LEVEL:
            notes.append(
                f"WARNING: one unit of these arrays is {span:.2f} gray levels, one of the weights' training clips "
                f"{known.max - known.mean:.2f}: they were standardised differently, and the accuracy suffers."
            )
    names = [f"{args.validation_images.stem}[{position}]" for position in range(len(images))]
    # Whether the clips are synthetic, arrays cannot say: what the weights were trained on is the best guess there is.
    return images.transpose(0, 2, 3, 4, 1), labels.astype(int), names, notes, file.metadata.get("synthetic", False)


def _statistics(file):
    """The standardisation that a weights file names, None if it names none."""
    from microexp_keras.preprocessing import Statistics

    named = file.metadata.get("statistics")
    try:
        return named and Statistics(float(named["mean"]), float(named["max"]))
    except (TypeError, KeyError, ValueError) as error:
        raise MicroExpError(f"{file.path}: statistics: expected a mean and a max, found {named!r}.") from error


def _read_npy(path):
    import numpy as np

    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise MicroExpError(f"{path}: expected a .npy file of numbers, found something else ({error}).") from error


def _gray_levels_per_unit(images):
    """Divisor of the standardisation: neighbouring gray levels lie one over it apart."""
    import numpy as np

    gaps = np.diff(np.unique(images))
    return 1 / gaps[gaps > 1e-4].min()


if __name__ == "__main__":
    sys.exit(main())
