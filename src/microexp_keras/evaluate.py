"""Score what was learned: `python -m microexp_keras.evaluate --weights FILE --dataset smic --data PATH`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microexp_keras import datasets, protocols, runs
from microexp_keras.backend import import_keras
from microexp_keras.console import Parser, command
from microexp_keras.datasets.database import DATABASES
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import METHODS

if TYPE_CHECKING:
    from microexp_keras.runs.scored_clips import RivalFile, ScoredClips
    from microexp_keras.weights import WeightsFile


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = Parser(
        "evaluate",
        description="Score weights of any .h5 kind on clips or on the validation arrays of the original programs.",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        required=True,
        metavar="FILE",
        help="ours, the authors', any Keras 2 or 3 .h5, or what a rival method has learned",
    )
    parser.add_argument("--dataset", choices=DATABASES, help="whose classes these are (default: as trained, else smic)")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="clips, or a table of your own, standardised as the weights were trained",
    )
    datasets.add_options(parser)
    datasets.add_own_options(parser, "classes", "frames", "size", "sampling", "crop")
    where.add_argument(
        "--synthetic", action="store_true", help="generated clips, written to data/synthetic-DATASET once"
    )
    where.add_argument(
        "--validation-images",
        type=Path,
        nargs="+",
        metavar="X.npy",
        help="float32 (clips, 1, rows, columns, time), standardised; for the fused networks two files, eyes and mouth",
    )
    parser.add_argument(
        "--validation-labels", type=Path, metavar="Y.npy", help="labels (clips,) or one-hot (clips, classes)"
    )
    parser.add_argument(
        "--protocol", choices=protocols.NAMES, help="for --data: its split (default: as trained, else upstream)"
    )
    parser.add_argument(
        "--clips",
        choices=["protocol", "held-out", "all"],
        help="for --data: score what the protocol scores, only what it does not train on, or all (default: protocol)",
    )
    parser.add_argument(
        "--landmarks", type=Path, metavar="CSV", help="for --data, eyes and mouth: your landmarks instead of dlib's"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write (default: the next runs/evaluate-DATASET-NNN)"
    )
    return parser


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Load the weights, score the clips, write and print the report."""
    args = parser().parse_args(argv)
    if (args.validation_images is None) != (args.validation_labels is None):
        raise MicroExpError("--validation-images, --validation-labels", "both", "one of them")
    if args.validation_images and (args.protocol or args.clips or args.landmarks or datasets.chosen_options(args)):
        raise MicroExpError(
            "--protocol, --clips, --landmarks and the options of folders",
            "with clips only",
            remedy="Leave them out: arrays are scored whole.",
        )
    runs.require_free(args.out)

    from microexp_keras.runs import scored_clips

    file = scored_clips.what_learned(args.weights)
    database = (
        datasets.get_database(args.dataset) if args.dataset else datasets.trained_on(file.metadata) or datasets.SMIC
    )
    if datasets.is_table(args.data):
        database = datasets.own_database(
            args.data,
            args.name,
            database.class_names,
            database.frames,
            database.size,
            database.sampling,
            database.crop,
        )
    scored_clips.require_length(file, database)
    with runs.results_in(args.out, f"evaluate-{database.name}") as folder:
        clips = _clips(args, file, database)
        import_keras()

        from microexp_keras import metrics
        from microexp_keras.results import html_page, text_report

        probabilities = clips.predicted(args.weights, database.num_classes)
        scores = metrics.score(clips.labels, probabilities.argmax(axis=1), database.class_names)
        title = f"{METHODS[file.network].title} on {clips.origin}"
        about = {**runs.provenance(), "weights": str(args.weights), "trained": file.metadata}
        text = text_report.write(
            folder,
            title,
            clips.notes,
            scores,
            clips.names,
            clips.labels,
            probabilities,
            clips.subjects,
            clips.samples.databases_of(clips.positions) if clips.samples else [],
            **about,
        )
        html_page.write(folder)
    print(text)
    print(f"The page of this evaluation: {folder / 'report.html'}")


def _clips(args: argparse.Namespace, file: "WeightsFile | RivalFile", database: datasets.Database) -> "ScoredClips":
    """Read the clips, or the arrays, that are scored."""
    from microexp_keras import landmarks, preprocessing
    from microexp_keras.runs import scored_clips

    if args.validation_images:
        return scored_clips.from_arrays(
            args.validation_images, args.validation_labels, METHODS[file.network].inputs, database.num_classes, file
        )
    data = datasets.synthetic_folder(database.name) if args.synthetic else args.data
    name = args.protocol or str(file.metadata.get("protocol"))
    there = protocols.names(file.network, database)
    protocol = protocols.get(name if args.protocol or name in there else there[0], file.network, database)
    if args.landmarks and protocol.network.on_whole_face:
        raise MicroExpError("--landmarks", "with a fused network only", f"{args.weights} of another")
    points = landmarks.CsvLandmarks(args.landmarks) if args.landmarks else None
    options: dict[str, Any] = datasets.chosen_options(args)
    samples = preprocessing.load_samples(data, protocol, points, **options)
    origin = database.origin(samples.synthetic)
    clips = scored_clips.from_samples(samples, protocol, file, origin, args.clips or "protocol")
    if points:
        clips.notes.append(f"Landmarks from {args.landmarks}.")
    return clips


if __name__ == "__main__":
    sys.exit(main())
