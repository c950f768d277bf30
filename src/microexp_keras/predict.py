"""Say what a network sees in one's own video: `python -m microexp_keras.predict VIDEO --weights FILE`."""

import sys
from collections.abc import Sequence

from microexp_keras import runs, weights
from microexp_keras.backend import choose_backend, import_keras
from microexp_keras.console import Parser, command, command_line
from microexp_keras.runs.options import MEANINGS


def parser() -> Parser:
    """Build the command line."""
    return command_line("predict", MEANINGS)


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Find the face, cut windows, ask the network; write and print the report."""
    args = parser().parse_args(argv)
    runs.require_free(args.out)
    choose_backend()
    runs.require_weights(args.weights)
    from microexp_keras.runs import scored_clips
    from microexp_keras.video import report, windows
    from microexp_keras.video.source import Source

    file = weights.inspect(args.weights)
    protocol = windows.protocol_for(file, args.dataset)
    scored_clips.require_length(file, protocol.database)
    look = windows.Look(
        file,
        protocol,
        scored_clips.known_statistics(file),
        windows.template_for(file, protocol, args.crop, args.like),
        args.like,
        args.face_every or windows.LOOK_EVERY[protocol.inputs[0]],
        args.stride or protocol.frames // 3,
        args.fps,
    )
    source = Source(args.source)
    with runs.results_in(args.out, f"predict-{source.name}") as folder:
        import_keras()
        classes = len(protocol.database.class_names)
        model = weights.load_model(args.weights, protocol.frames, protocol.size, classes)
        if source.camera:
            source.record(args.seconds, folder / "recording.avi")
        seen = windows.watch(model, source, look)
        found = report.write(folder, seen, runs.provenance(), args.annotated)
    print(found.summary(folder))


if __name__ == "__main__":
    sys.exit(main())
