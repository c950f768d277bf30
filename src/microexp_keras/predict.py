"""Say what a network sees in one's own video: `python -m microexp_keras.predict VIDEO --weights FILE`."""

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from microexp_keras import runs, weights
from microexp_keras.backend import choose_backend, import_keras
from microexp_keras.console import Parser, command, positive
from microexp_keras.datasets.database import DATABASES

DESCRIPTION = (
    "Say what a network sees in a video, a folder of frames or a camera: the probabilities of its classes in one "
    "window of frames after the other, as predictions.csv, timeline.png and a page, report.html. A window in which no "
    "face is found, or with a cut, has no prediction. The probabilities are not calibrated, and the networks know no "
    '"no expression": read the notes in the report.'
)

EXAMPLES = (
    "face.avi --weights synthetic --annotated",
    "face.avi --weights runs/smic-stcnn-upstream-001 --like SMIC_all_cropped/HS/s1/micro/surprise/s1_sur_01/frame.jpg",
    "0 --seconds 20 --weights synthetic",
)


def parser() -> Parser:
    """Build the command line."""
    usage = "%(prog)s VIDEO_OR_FOLDER_OR_CAMERA [OPTION ...]"
    parser = Parser("predict", EXAMPLES, description=DESCRIPTION, usage=usage)
    what = "a video, a folder of frames, or a camera's number: 0"
    parser.add_argument("source", metavar="VIDEO_OR_FOLDER_OR_CAMERA", help=what)
    everyday = parser.add_argument_group("everyday")
    runs.add_options(everyday, "--weights")
    what = "also write annotated.webm (VP8), which browsers play"
    everyday.add_argument("--annotated", action="store_true", help=what)
    what = "where to write (default: the next runs/predict-NAME-NNN)"
    everyday.add_argument("--out", type=Path, metavar="FOLDER", help=what)
    data = parser.add_argument_group("data")
    what = "whose classes these are (default: as trained, else by the network's number of frames)"
    data.add_argument("--dataset", choices=DATABASES, help=what)
    what = "frames a second (default: as the video says; for a folder as trained)"
    data.add_argument("--fps", type=_rate, metavar="F", help=what)
    what = "record a camera so long (default: 10)"
    data.add_argument("--seconds", type=_rate, default=10.0, metavar="S", help=what)
    advanced = parser.add_argument_group("advanced")
    what = "frames from window to window (default: a third of a window)"
    advanced.add_argument("--stride", type=positive, metavar="N", help=what)
    what = "look for the face in every N-th frame (default: 5, for the fused networks 2)"
    advanced.add_argument("--face-every", type=positive, metavar="N", help=what)
    what = "what MicroExpSTCNN sees: the face, or the whole frame (default: face; none for weights of the real "
    what += "CAS(ME)^2, whose whole frames the original takes)"
    advanced.add_argument("--crop", choices=["face", "none"], help=what)
    what = "a frame of the clips of training: the face is cut out so that it lies as there (default: as in this "
    what += "package's synthetic clips, which only imitate the cropped SMIC)"
    advanced.add_argument("--like", type=Path, metavar="IMAGE", help=what)
    return parser


def _rate(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (value := float(text)) <= 1000:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is no number above 0, up to 1000")


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Find the face, cut windows, ask the network; write and print the report."""
    args = parser().parse_args(argv)
    runs.require_free(args.out)
    choose_backend()
    runs.require_weights(args.weights)
    from microexp_keras.runs import scored_clips
    from microexp_keras.video import report, watch
    from microexp_keras.video.source import Source

    file = weights.inspect(args.weights)
    protocol = watch.protocol_for(file, args.dataset)
    scored_clips.require_length(file, protocol.database)
    look = watch.Look(
        file,
        protocol,
        scored_clips.known_statistics(file),
        watch.template_for(file, protocol, args.crop, args.like),
        args.like,
        args.face_every or watch.LOOK_EVERY[protocol.inputs[0]],
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
        seen = watch.watch(model, source, look)
        found = report.write(folder, seen, runs.provenance(), args.annotated)
    print(found.summary(folder))


if __name__ == "__main__":
    sys.exit(main())
