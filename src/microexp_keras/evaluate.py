"""Score what was learned: `python -m microexp_keras.evaluate --weights FILE --dataset smic --data PATH`."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from microexp_keras import datasets, protocols, runs, weights
from microexp_keras.backend import choose_backend, import_keras
from microexp_keras.console import Parser, command
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import get_method
from microexp_keras.notes import warning
from microexp_keras.runs.options import ARRAYS, LABELS

if TYPE_CHECKING:
    from microexp_keras.runs.scored_clips import Learned, ScoredClips


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = Parser(
        "evaluate",
        description="Score weights of any .h5 kind on clips or on the validation arrays of the original programs.",
    )
    runs.add_options(parser, "--weights")
    parser.add_argument("--model", metavar="MODULE:FUNCTION", help="of weights of your own model: what builds it")
    weights.add_data_format(parser)
    runs.add_options(parser, "--dataset")
    where = parser.add_mutually_exclusive_group()
    runs.add_options(where, "--data")
    datasets.add_options(parser)
    datasets.add_own_options(parser, "classes", *datasets.READING)
    datasets.add_synthetic(where)
    where.add_argument("--validation-images", **ARRAYS)
    parser.add_argument("--validation-labels", **LABELS)
    parser.add_argument(
        "--protocol", choices=protocols.NAMES, help="for --data: its split (default: as trained, else upstream)"
    )
    what = "for --data: score all clips, not the protocol's test clips only (default: if none are known to be such)"
    parser.add_argument("--clips", choices=["all"], help=what)
    runs.add_options(parser, "--landmarks", "--out")
    return parser


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Load the weights, score the clips, write and print the report."""
    args = parser().parse_args(argv)
    runs.require_weights(args.weights)
    if (args.validation_images is None) != (args.validation_labels is None):
        raise MicroExpError("--validation-images, --validation-labels", "expected both, found one of them")
    if args.validation_images and (args.protocol or args.clips or args.landmarks or datasets.chosen_options(args)):
        raise MicroExpError(
            "--protocol, --clips, --landmarks and the options of folders",
            "expected with clips only",
            "Leave them out: arrays are scored whole.",
        )
    runs.require_free(args.out)
    choose_backend()

    from microexp_keras.runs import scored_clips

    file = scored_clips.what_learned(args.weights, args.data_format, args.model)
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
        if file.assumption:
            clips.notes.append(warning(file.assumption))
        import_keras()

        from microexp_keras.results import scores
        from microexp_keras.results.predictions import Predictions

        trained = file.metadata
        fold, seed = (trained[name] if type(trained.get(name)) is int else None for name in ("fold", "seed"))
        predictions = Predictions(
            class_names=database.class_names,
            clips=[clips.samples.names[position] for position in clips.positions],
            subjects=[clips.samples.subjects[position] for position in clips.positions],
            true=clips.labels,
            probabilities=clips.predicted(database.num_classes),
            folds=[fold] * len(clips.positions),
            method=file.network,
            protocol=str(trained.get("protocol", "")),
            seed=seed,
            databases=clips.samples.databases_of(clips.positions),
        )
        title = f"{get_method(file.network).title} on {clips.origin}"
        about = {**runs.provenance(), "weights": str(args.weights), "trained": trained}
        report, _ = scores.write(folder, title, clips.notes, predictions, about, **about)
    print(report.summary(folder))


def _clips(
    args: argparse.Namespace, file: "weights.WeightsFile | Learned", database: datasets.Database
) -> "ScoredClips":
    """Read the clips, or the arrays, that are scored."""
    from microexp_keras import landmarks, preprocessing
    from microexp_keras.runs import scored_clips

    protocol = protocols.for_weights(args.protocol, file.network, database, file.metadata)
    if args.validation_images:
        return scored_clips.from_arrays(args.validation_images, args.validation_labels, protocol, file)
    data = datasets.data_of(args, database)
    if args.landmarks and protocol.network.on_whole_face:
        raise MicroExpError("--landmarks", f"expected with a fused network only, found {args.weights} of another")
    points = landmarks.CsvLandmarks(args.landmarks) if args.landmarks else None
    options: dict[str, Any] = datasets.chosen_options(args)
    samples = preprocessing.load_samples(data, protocol, points, **options)
    origin = database.origin(samples.synthetic)
    clips = scored_clips.from_samples(samples, protocol, file, origin, args.clips)
    if points:
        clips.notes.append(f"Landmarks from {args.landmarks}.")
    return clips


if __name__ == "__main__":
    sys.exit(main())
