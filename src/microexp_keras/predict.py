"""Say what a network sees in one's own video: `python -m microexp_keras.predict VIDEO --weights FILE`."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from microexp_keras import datasets, protocols, runs
from microexp_keras.atomic import write_json, write_text
from microexp_keras.backend import import_keras
from microexp_keras.console import command, positive
from microexp_keras.datasets.database import DATABASES
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import NETWORKS
from microexp_keras.protocols import Protocol

if TYPE_CHECKING:
    from microexp_keras.video.faces import Template
    from microexp_keras.weights import WeightsFile

LOOK_EVERY = {"face": 5, "eyes": 2}  # frames, by the first input: regions follow the points, a face box their median

UNCALIBRATED = (
    "The probabilities are what the softmax gives. They are not calibrated, nor was it measured how far off they are: "
    "0.9 does not mean right nine times in ten."
)
NO_REST = (
    'The networks have no class "no expression": every window with a face gets {}, also when nothing happens in it.'
)
CAPTION = "Probabilities are not calibrated, and no class says that nothing happens."

DESCRIPTION = """\
Say what a network sees in a video, a folder of frames or a camera: the probabilities of its classes in one window of
frames after the other, as predictions.csv and timeline.png.

The face is looked for in every n-th frame (--face-every), reduced to 320 pixels; in between its points are
interpolated. For MicroExpSTCNN it is cut out so that eyes and mouth lie where they lie in the clips of training, by one
box a window, of the medians of its points: a box that trembles would look like motion. For the fused networks eyes and
mouth are cut out of every frame by its points; training looks in every frame, --face-every 1. A window in which a look
finds no face, or the face leaps (a cut, or somebody else), is listed without a prediction.

The probabilities are not calibrated, and the networks know no "no expression": read the notes in the report."""


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m microexp_keras.predict",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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
    parser.add_argument("--annotated", action="store_true", help="also write annotated.mp4")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write (default: the next runs/predict-NAME-NNN)"
    )
    return parser


def _rate(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError(f"expected a number above 0, up to 1000, received {text}")
    return value


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Find the face, cut windows, ask the network; write and print the report."""
    args = parser().parse_args(argv)
    runs.require_free(args.out)
    if args.weights is None:
        raise MicroExpError(
            "--weights: expected a file, received none. To try it take that in the repository's folder weights, which "
            "knows synthetic clips only; or train some, or get the authors': weights/README.md says where."
        )
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # what it says of bad videos, we say in one line
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

    from microexp_keras import weights
    from microexp_keras.results import plots
    from microexp_keras.runs import scored_clips
    from microexp_keras.video import report
    from microexp_keras.video import source as footage
    from microexp_keras.video.annotate import annotate
    from microexp_keras.video.watch import watch

    file = weights.inspect(args.weights)
    protocol = _protocol(args, file)
    class_names = DATABASES[protocol.dataset].class_names
    statistics = scored_clips.known_statistics(file)
    template = _template(args, protocol, file)
    source, camera, folder = Path(args.source), None, None
    if args.source.isascii() and args.source.isdigit():
        camera = footage.open_camera(int(args.source))
    else:
        clip, rate, promised = footage.open_clip(source)

    began = time.perf_counter()
    import_keras()

    model, _ = weights.load_model(args.weights, protocol.frames, protocol.size, len(class_names))
    loading = time.perf_counter() - began

    if camera:
        folder = runs.new_folder(args.out, f"predict-camera-{int(args.source)}")
        source = folder / "recording.avi"
        footage.record(camera, args.seconds, source)
        clip, rate, promised = footage.open_clip(source)
    rate = args.fps or rate
    if not rate and isinstance(clip.frames, datasets.Video):
        raise MicroExpError(
            source,
            "a video that says its frames a second",
            "none",
            "Give --fps.",
        )
    rate = rate or float(protocol.database.frames_per_second)

    every = args.face_every or LOOK_EVERY[protocol.inputs[0]]
    stride = args.stride or protocol.frames // 3
    seen = watch(model, clip, promised, protocol, template, statistics, every, stride)

    notes = [
        *report.about_weights(file, protocol.dataset),
        *report.about_time(protocol, rate, args.fps is None and not isinstance(clip.frames, datasets.Video)),
        *report.about_cuts(seen, template, args.like, protocol),
        *report.about_faces(seen, every, promised),
        report.about_levels(seen.levels, statistics),
        UNCALIBRATED,
        NO_REST.format(f"{', '.join(class_names[:-1])} or {class_names[-1]}"),
    ]
    title = f"{NETWORKS[protocol.model].title} on {clip.path.name}"
    counts = report.class_counts(seen, class_names)
    text = "\n".join(
        [title, *[f"* {note}" for note in notes], "", *counts, report.about_speed(seen, rate, loading), ""]
    )

    folder = folder or runs.new_folder(args.out, f"predict-{clip.id}")
    write_text(folder / "report.txt", text)
    write_text(folder / "predictions.csv", report.table(seen, class_names, rate))
    times = np.array([(window.first, window.last + 1) for window in seen.windows]) / rate
    caption = " ".join([*report.about_weights(file, protocol.dataset), CAPTION])
    plots.timeline(times, seen.probabilities, class_names, folder / "timeline.png", title, caption)
    if args.annotated:
        path, colours = folder / "annotated.mp4", plots.CLASS_COLOURS
        annotate(clip, seen.windows, seen.faces, seen.probabilities, class_names, colours, rate, path)
    about = {
        **runs.provenance(),
        "weights": str(args.weights),
        "trained": file.metadata,
        "source": str(source),
        "frames": seen.faces.frames,
        "frames_per_second": rate,
        "window": protocol.frames,
        "stride": stride,
        "face_every": every,
        "windows": len(seen.windows),
        "windows_without_prediction": sum(bool(window.gap) for window in seen.windows),
        "statistics": {name: one._asdict() for name, one in (statistics or seen.levels).items()},
        "template": template and {"shape": template.shape, "anchors": template.anchors.tolist()},
        "seconds": {"all": seen.wall, **seen.seconds},
        "notes": notes,
    }
    write_json(folder / "summary.json", about)
    print(text)
    print(f"files are in {folder}", file=sys.stderr)


def _protocol(args: argparse.Namespace, file: "WeightsFile") -> Protocol:
    """The protocol that says what the network sees."""
    trained_on, name = file.metadata.get("dataset"), file.metadata.get("protocol")
    by_length: dict[int | None, str] = {database.frames: name for name, database in DATABASES.items()}
    dataset = args.dataset or (trained_on if trained_on in [*DATABASES] else by_length.get(file.frames))
    if dataset is None:
        raise MicroExpError(
            args.weights,
            "weights that say what they were trained on, or for 18 or 96 frames",
            "neither",
            f"Say it with --dataset {' or '.join(DATABASES)}.",
        )
    return protocols.get(name if name in protocols.NAMES else "upstream", file.network, dataset)


def _template(args: argparse.Namespace, protocol: Protocol, file: "WeightsFile") -> "Template | None":
    """How the face is cut, None for the whole frame and for eyes and mouth."""
    from microexp_keras.video import faces

    if not protocol.network.on_whole_face:
        if args.crop or args.like:
            raise MicroExpError(
                "--crop, --like",
                "with MicroExpSTCNN only",
                f"another in {args.weights}",
            )
        return None
    if args.like and args.crop == "none":
        raise MicroExpError("--like: expected without --crop none, which takes the whole frame. Leave one out.")
    if args.like:
        return faces.template_of(args.like)
    as_original = protocol.dataset == "casme2" and file.metadata.get("synthetic") is not True
    whole = args.crop == "none" or (not args.crop and as_original)
    return None if whole else faces.SYNTHETIC


if __name__ == "__main__":
    sys.exit(main())
