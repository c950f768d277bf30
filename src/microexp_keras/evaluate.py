"""Score what was learned: `python -m microexp_keras.evaluate --weights FILE --dataset smic --data PATH`."""

import argparse
import sys
from collections.abc import Sequence

from microexp_keras import datasets, runs
from microexp_keras.backend import choose_backend, import_keras
from microexp_keras.console import Parser, command, command_line
from microexp_keras.errors import MicroExpError, warning
from microexp_keras.models.networks import get_method
from microexp_keras.runs.options import MEANINGS


def parser() -> Parser:
    """Build the command line."""
    return command_line("evaluate", MEANINGS)


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Load the weights, score the clips, write and print the report."""
    args = parser().parse_args(argv)
    runs.require_weights(args.weights)
    _require_one_source(args)
    runs.require_free(args.out)
    choose_backend()

    from microexp_keras.results import scores
    from microexp_keras.results.predictions import Predictions
    from microexp_keras.runs import scored_clips

    file = scored_clips.what_learned(args.weights, args.model)
    trained = file.metadata
    database = datasets.get_database(args.dataset) if args.dataset else datasets.trained_on(trained) or datasets.SMIC
    if datasets.is_table(args.data):
        reading = (database.frames, database.size, database.sampling, database.crop)
        database = datasets.own_database(args.data, args.name, database.class_names, *reading)
    scored_clips.require_length(file, database)
    with runs.results_in(args.out, f"evaluate-{database.name}") as folder:
        clips = scored_clips.from_options(args, file, database)
        if file.assumption:
            clips.notes.append(warning(file.assumption))
        import_keras()
        method = get_method(file.network)
        fold, seed = (trained[name] if type(trained.get(name)) is int else None for name in ("fold", "seed"))
        predictions = Predictions.of(
            clips.samples,
            clips.positions,
            class_names=database.class_names,
            probabilities=method.predict(file, clips.samples, clips.positions, database.num_classes),
            folds=[fold] * len(clips.positions),
            method=file.network,
            protocol=str(trained.get("protocol", "")),
            seed=seed,
        )
        title = f"{method.title} on {clips.origin}"
        about = {**runs.provenance(), "weights": str(args.weights), "trained": trained}
        report, _ = scores.write(folder, title, clips.notes, predictions, about, **about)
    print(report.summary(folder))


def _require_one_source(args: argparse.Namespace) -> None:
    """Refuse arrays without labels, arrays beside clips, and clips beside generated ones."""
    if (args.validation_images is None) != (args.validation_labels is None):
        raise MicroExpError("--validation-images, --validation-labels", "one is missing", "Give both.")
    of_clips = (args.data, args.synthetic, args.protocol, args.clips, args.landmarks, datasets.chosen_options(args))
    if args.validation_images and any(of_clips):
        options = "--data, --synthetic, --protocol, --clips, --landmarks and the options of folders"
        raise MicroExpError(options, "go with clips only", "Leave them out: arrays are scored whole.")


if __name__ == "__main__":
    sys.exit(main())
