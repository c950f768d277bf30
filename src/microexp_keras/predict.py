"""Say what a network sees in one's own video: `python -m microexp_keras.predict VIDEO --weights FILE`."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from microexp_keras import runs
from microexp_keras.atomic import write_json
from microexp_keras.backend import import_keras
from microexp_keras.console import Parser, command, positive
from microexp_keras.datasets.database import DATABASES
from microexp_keras.errors import MicroExpError

DESCRIPTION = """\
Say what a network sees in a video, a folder of frames or a camera: the probabilities of its classes in one window of
frames after the other, as predictions.csv, timeline.png and a page, report.html.

The face is looked for in every n-th frame (--face-every), reduced to 320 pixels; in between its points are
interpolated. For MicroExpSTCNN it is cut out so that eyes and mouth lie where they lie in the clips of training, by one
box a window, of the medians of its points: a box that trembles would look like motion. For the fused networks eyes and
mouth are cut out of every frame by its points; training looks in every frame, --face-every 1. A window in which a look
finds no face, or the face leaps (a cut, or somebody else), is listed without a prediction.

The probabilities are not calibrated, and the networks know no "no expression": read the notes in the report."""


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = Parser("predict", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "source", metavar="VIDEO_OR_FOLDER_OR_CAMERA", help="a video, a folder of frames, or a camera's number: 0"
    )
    parser.add_argument("--weights", type=Path, metavar="FILE", help="ours, the authors', or any Keras 2 or 3 .h5")
    parser.add_argument(
        "--dataset",
        choices=DATABASES,
        help="whose classes these are (default: as trained, else by the network's number of frames)",
    )
    parser.add_argument(
        "--stride", type=positive, metavar="N", help="frames from window to window (default: a third of a window)"
    )
    parser.add_argument(
        "--face-every",
        type=positive,
        metavar="N",
        help="look for the face in every N-th frame (default: 5, for the fused networks 2)",
    )
    parser.add_argument(
        "--crop",
        choices=["face", "none"],
        help="what MicroExpSTCNN sees: the face, or the whole frame (default: face; none for weights of the real "
        "CAS(ME)^2, whose whole frames the original takes)",
    )
    parser.add_argument(
        "--like",
        type=Path,
        metavar="IMAGE",
        help="a frame of the clips of training: the face is cut out so that it lies as there (default: as in this "
        "package's synthetic clips, which only imitate the cropped SMIC)",
    )
    parser.add_argument(
        "--fps", type=_rate, metavar="F", help="frames a second (default: as the video says; for a folder as trained)"
    )
    parser.add_argument(
        "--seconds", type=_rate, default=10.0, metavar="S", help="record a camera so long (default: 10)"
    )
    parser.add_argument("--annotated", action="store_true", help="also write annotated.webm (VP8), which browsers play")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write (default: the next runs/predict-NAME-NNN)"
    )
    return parser


def _rate(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError(f"expected a number above 0, up to 1000, found {text}")
    return value


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Find the face, cut windows, ask the network; write and print the report."""
    args = parser().parse_args(argv)
    runs.require_free(args.out)
    if args.weights is None:
        raise MicroExpError(
            "--weights",
            "a file",
            "none",
            "To try it take that in the repository's folder weights, which knows synthetic clips only; or train some, "
            "or get the authors': weights/README.md says where.",
        )
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # what it says of bad videos, we say in one line
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

    from microexp_keras import weights
    from microexp_keras.runs import scored_clips
    from microexp_keras.video import choices, page, report, source
    from microexp_keras.video.watch import watch

    file = weights.inspect(args.weights)
    protocol = choices.protocol_for(file, args.dataset)
    scored_clips.require_length(file, protocol.database)
    statistics = scored_clips.known_statistics(file)
    template = choices.template_for(file, protocol, args.crop, args.like)
    camera = None
    if args.source.isascii() and args.source.isdigit():
        camera = source.open_camera(int(args.source))
        name = f"camera-{int(args.source)}"
    else:
        clip, in_header, promised = source.open_clip(Path(args.source))
        source.require_frames(clip, protocol.frames)
        name = clip.id
    with runs.results_in(args.out, f"predict-{name}") as folder:
        began = time.perf_counter()
        import_keras()

        model, _ = weights.load_model(args.weights, protocol.frames, protocol.size, len(protocol.database.class_names))
        loading = time.perf_counter() - began
        if camera:
            source.record(camera, args.seconds, folder / "recording.avi")
            clip, in_header, promised = source.open_clip(folder / "recording.avi")
            source.require_frames(clip, protocol.frames)
        rate, assumed = choices.rate_for(clip, args.fps, in_header, protocol)
        every = args.face_every or choices.LOOK_EVERY[protocol.inputs[0]]
        stride = args.stride or protocol.frames // 3
        seen = watch(model, clip, promised, protocol, template, statistics, every, stride)

        viewing = report.Viewing(
            file, protocol, clip, promised, rate, assumed, every, stride, template, args.like, statistics, seen
        )
        text = report.report_text(viewing, loading)
        report.write_files(folder, viewing, text, args.annotated)
        about = runs.provenance()
        write_json(folder / "summary.json", {**about, **report.summary(viewing)})
        path = page.write(folder, viewing, about, args.annotated)
    print(text)
    print(f"The page of this prediction: {path}")


if __name__ == "__main__":
    sys.exit(main())
