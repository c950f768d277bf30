"""Say what a network sees in one's own video: `python -m microexp_keras.predict VIDEO --weights FILE`."""

import argparse
import csv
import io
import itertools
import os
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from microexp_keras.models.networks import NETWORKS
from microexp_keras.datasets.database import DATABASES
from microexp_keras import datasets, protocols, runs
from microexp_keras.backend import import_keras
from microexp_keras.console import command, positive, progress_bar
from microexp_keras.errors import MicroExpError
from microexp_keras.atomic import write_json, write_text

FRAMES_PER_SECOND = {"smic": ("SMIC-HS", 100), "casme2": ("CAS(ME)^2", 30)}
LOOK_EVERY = {"face": 5, "eyes": 2}  # frames, by the first input: regions follow the points, a face box their median
AT_ONCE = 64  # windows that the network sees together

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


def parser():
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


def _rate(text):
    value = float(text)
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError(f"expected a number above 0, up to 1000, received {text}")
    return value


@command
def main(argv=None):
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
    from microexp_keras.video import source as footage

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

    from microexp_keras import models

    model = NETWORKS[file.network].build(protocol.frames, protocol.size, len(class_names), file.kernel_size)
    weights.load_weights(model, args.weights)
    loading = time.perf_counter() - began

    if camera:
        folder = runs.new_folder(args.out, f"predict-camera-{int(args.source)}")
        source = folder / "recording.avi"
        footage.record(camera, args.seconds, source)
        clip, rate, promised = footage.open_clip(source)
    rate = args.fps or rate
    if not rate and isinstance(clip.frames, datasets.Video):
        raise MicroExpError(f"{source}: expected a video that says its frames a second, found none. Give --fps.")
    rate = rate or float(FRAMES_PER_SECOND[protocol.dataset][1])

    every = args.face_every or LOOK_EVERY[protocol.inputs[0]]
    stride = args.stride or protocol.frames // 3
    seen = _watch(model, clip, promised, protocol, template, statistics, every, stride)

    notes = [
        *_about_weights(file, protocol.dataset),
        *_about_time(protocol, rate, args.fps is None and not isinstance(clip.frames, datasets.Video)),
        *_about_cuts(seen, template, args.like, protocol),
        *_about_faces(seen, every, promised),
        _about_levels(seen.levels, statistics),
        UNCALIBRATED,
        NO_REST.format(f"{', '.join(class_names[:-1])} or {class_names[-1]}"),
    ]
    title = f"{NETWORKS[protocol.model].title} on {clip.path.name}"
    found = _found(seen, class_names)
    text = "\n".join([title, *[f"* {note}" for note in notes], "", *found, _about_speed(seen, rate, loading), ""])

    folder = folder or runs.new_folder(args.out, f"predict-{clip.id}")
    write_text(folder / "report.txt", text)
    write_text(folder / "predictions.csv", _table(seen, class_names, rate))
    times = np.array([(window.first, window.last + 1) for window in seen.windows]) / rate
    caption = " ".join([*_about_weights(file, protocol.dataset), CAPTION])
    plots.timeline(times, seen.probabilities, class_names, folder / "timeline.png", title, caption)
    if args.annotated:
        path, colours = folder / "annotated.mp4", plots.CLASS_COLOURS
        footage.annotate(clip, seen.windows, seen.faces, seen.probabilities, class_names, colours, rate, path)
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
        "windows_without_prediction": sum(bool(window.reason) for window in seen.windows),
        "statistics": {name: one._asdict() for name, one in (statistics or seen.levels).items()},
        "template": template and {"shape": template.shape, "anchors": template.anchors.tolist()},
        "seconds": {"all": seen.wall, **seen.seconds},
        "notes": notes,
    }
    write_json(folder / "summary.json", about)
    print(text)
    print(f"files are in {folder}", file=sys.stderr)


def _protocol(args, file):
    """The protocol that says what the network sees."""
    trained_on, name = file.metadata.get("dataset"), file.metadata.get("protocol")
    by_length = {database.frames: name for name, database in DATABASES.items()}
    dataset = args.dataset or (trained_on if trained_on in [*DATABASES] else by_length.get(file.frames))
    if dataset is None:
        raise MicroExpError(
            f"{args.weights}: expected weights that say what they were trained on, or for 18 or 96 frames, found "
            f"neither. Say it with --dataset {' or '.join(DATABASES)}."
        )
    return protocols.get(name if name in protocols.NAMES else "upstream", file.network, dataset)


def _template(args, protocol, file):
    """How the face is cut, None for the whole frame and for eyes and mouth."""
    from microexp_keras.video import source as footage

    if protocol.inputs != ("face",):
        if args.crop or args.like:
            raise MicroExpError(f"--crop, --like: expected with MicroExpSTCNN only, found another in {args.weights}.")
        return None
    if args.like and args.crop == "none":
        raise MicroExpError("--like: expected without --crop none, which takes the whole frame. Leave one out.")
    if args.like:
        return footage.template_of(args.like)
    as_original = protocol.dataset == "casme2" and file.metadata.get("synthetic") is not True
    whole = args.crop == "none" or (not args.crop and as_original)
    return None if whole else footage.SYNTHETIC


class Seen(NamedTuple):
    """What a network saw in a clip.

    Attributes
    ----------
    faces : footage.Faces
    windows : list of footage.Window
    probabilities : float32 array (windows, classes)
        NaN where there is no prediction.
    levels : dict of str to preprocessing.Statistics
        Of the windows' gray levels.
    seconds : Counter
        What took how long.
    wall : float
        How long all of it took.
    """

    faces: tuple
    windows: list
    probabilities: np.ndarray
    levels: dict
    seconds: Counter
    wall: float


def _watch(model, clip, promised, protocol, template, statistics, every, stride):
    """Find the face, cut the windows, ask the network."""
    from microexp_keras import preprocessing, training
    from microexp_keras.video import source as footage

    start, seconds, swapped = time.perf_counter(), Counter(), protocol.swapped_colours
    faces = footage.find_faces(footage.read(clip, seconds, swapped), every, seconds, promised)
    if faces.frames < protocol.frames:
        raise MicroExpError(
            f"{clip.path}: expected at least the {protocol.frames} frames that the network sees at once, found "
            f"{faces.frames}. Give a longer clip."
        )
    windows = footage.windows(faces, protocol, stride, template)
    reasons = [window.reason for window in windows]
    if all(reasons):
        raise MicroExpError(
            f"{clip.path}: expected a face throughout at least one window of {protocol.frames} frames, found none in "
            f"{len(windows)} (the first: {reasons[0]}; {np.count_nonzero(faces.counts)} of {len(faces.looks)} looks "
            "found a face). It must look at the camera and be wider than an eighth of the frame."
        )

    def cuts(what):
        frames = footage.read(clip, seconds, swapped)
        cut = levels.of(footage.stacks(frames, windows, faces, protocol, seconds))
        return iter(progress_bar(cut, total=reasons.count(""), desc=what, unit="window"))

    levels = Levels()
    if not statistics:
        for _ in cuts("measuring levels"):
            pass
    used = statistics or levels.statistics()
    probabilities = np.full((len(windows), model.output_shape[-1]), np.nan, np.float32)
    coming = cuts("predicting")
    while some := list(itertools.islice(coming, AT_ONCE)):
        with footage.timed(seconds, "network"):
            positions, stacks = zip(*some, strict=True)
            together = {name: np.stack([one[name] for one in stacks]) for name in protocol.inputs}
            inputs, _ = preprocessing.network_inputs(together, used)
            probabilities[[*positions]] = training.predict(model, inputs)
    return Seen(faces, windows, probabilities, levels.statistics(), seconds, time.perf_counter() - start)


class Levels:
    """Gray levels of stacks as they pass."""

    def __init__(self):
        self._windows, self._means, self._maxima = 0, Counter(), Counter()

    def of(self, cuts):
        """Pass on what `footage.stacks` yields."""
        self.__init__()
        for position, stacks in cuts:
            self._windows += 1
            for name, stack in stacks.items():
                self._means[name] += float(stack.mean())
                self._maxima[name] = max(self._maxima[name], float(stack.max()))
            yield position, stacks

    def statistics(self):
        """Give for each input the `preprocessing.Statistics` of what has passed."""
        from microexp_keras.preprocessing import Statistics

        return {name: Statistics(mean / self._windows, self._maxima[name]) for name, mean in self._means.items()}


def _about_weights(file, dataset):
    """What is known of the weights: only what they say, and only what has the right type."""
    trained, synthetic = file.metadata, file.metadata.get("synthetic")
    if not trained.get("dataset"):
        return [
            f"{Path(file.path).name} does not say what it was trained on nor how well it did; it is taken for "
            f"{DATABASES[dataset].title} (--dataset). Whether these probabilities mean anything is not known."
        ]
    origin = f"clips that call themselves {str(trained['dataset'])[:40]!a}"
    if trained["dataset"] in DATABASES:
        origin = DATABASES[trained["dataset"]].origin(synthetic is True)
    epoch, accuracy = trained.get("epoch"), trained.get("val_accuracy")
    known = f"{Path(file.path).name} was trained on {origin} (protocol {str(trained.get('protocol'))[:40]!a}"
    known += f", epoch {epoch})" if isinstance(epoch, int) else ")"
    if isinstance(accuracy, float) and 0 <= accuracy <= 1:
        known += f": accuracy {accuracy:.1%} on the clips that its epoch was chosen on, which is optimistic."
    else:
        known += ". It does not say how well it did."
    if synthetic is True:
        return [known, "TRAINED ON SYNTHETIC CLIPS: what it says of a real face means nothing."]
    return [known, "How well it does on other faces, cameras and light than those of its database was not measured."]


def _about_time(protocol, rate, assumed):
    """How the time that a window covers compares with that of training."""
    camera, trained = FRAMES_PER_SECOND[protocol.dataset]
    times = trained / rate
    notes = [
        f"A window of {protocol.frames} frames covers {protocol.frames / rate:.2f} s at {rate:g} frames a second, and "
        f"{protocol.frames / trained:.2f} s at the {trained} of {camera}."
    ]
    if abs(times - 1) > 0.1:
        notes[0] += f" So movements look {times:.1f} times as fast to the network as in that database."
    if assumed:
        notes.append(f"A folder does not say its frames a second: {rate:g} are assumed. Say it with --fps.")
    return notes


def _about_cuts(seen, template, like, protocol):
    """What the network sees of a frame."""
    from microexp_keras.video import source as footage

    if protocol.inputs != ("face",):
        return ["Eyes and mouth are cut out of every frame by its points."]
    rows, columns = seen.faces.shape
    if template is None:
        return [
            f"The network sees the whole frame ({columns}x{rows} pixels). The original takes that of CAS(ME)^2, "
            "640x480: a face of another place and size there is another picture to it. --crop face cuts the face out."
        ]
    whose = f"in {like}" if like else "in this package's synthetic clips (--like takes a frame of other clips)"
    notes = [f"The face is cut out, by one box a window, so that eyes and mouth lie as {whose}."]
    beyond = sum(footage.reaches_beyond(window.box, seen.faces.shape) for window in seen.windows if window.box)
    if beyond:
        notes.append(f"WARNING: the box of {beyond} windows reaches beyond the frame, whose border is repeated there.")
    return notes


def _about_faces(seen, every, promised):
    """Where the face was looked for, and which frames nobody saw."""
    faces = seen.faces
    missed, several = np.count_nonzero(faces.counts == 0), np.count_nonzero(faces.counts > 1)
    notes = [
        f"The face was looked for in {len(faces.looks)} of {faces.frames} frames (--face-every {every}), and not found "
        f"in {missed} of them."
    ]
    if several:
        notes.append(f"WARNING: {several} looks found several faces; the one that the detector is surest of is taken.")
    if left := faces.frames - 1 - seen.windows[-1].last:
        notes.append(f"The last {left} frames are in no window: a whole one does not fit.")
    if faces.frames < promised:
        notes.append(f"WARNING: the video ends after {faces.frames} of the {promised} frames that its header promises.")
    return notes


def _about_levels(own, known):
    """By what the windows are standardised."""
    here, trained = (
        "; ".join(f"{name} mean {one.mean:.1f}, maximum {one.max:.0f}" for name, one in statistics.items())
        for statistics in (own, known)
    )
    if known:
        return f"Standardised as in training ({trained}); the gray levels here: {here}."
    return (
        "WARNING: the weights file does not say by which mean and maximum its training clips were standardised. The "
        f"windows are standardised by their own ({here}); if those of training differed, these are not the "
        "probabilities of the network as it was trained."
    )


def _about_speed(seen, rate, loading):
    """How long it took, and what."""
    playing = seen.faces.frames / rate
    parts = ", ".join(f"{what} {took:.1f}" for what, took in seen.seconds.items())
    return (
        f"{seen.faces.frames} frames ({playing:.1f} s of video) in {seen.wall:.1f} s, {playing / seen.wall:.1f} times "
        f"as fast as they play: {parts}. Loading the network took {loading:.1f} s more."
    )


def _found(seen, class_names):
    """How many windows were called what."""
    there = seen.probabilities[~np.isnan(seen.probabilities[:, 0])]
    called = np.bincount(there.argmax(axis=1), minlength=len(class_names))
    lines = [f"windows   {len(seen.windows)}, {len(there)} of them with a prediction"]
    for place, name in enumerate(class_names):
        lines.append(f"{name:<10}most probable in {called[place]}; mean probability {there[:, place].mean():.3f}")
    causes = Counter(re.sub(r"\d+", "N", window.reason) for window in seen.windows if window.reason)
    return [*lines, *(f"no prediction in {count}: {cause}" for cause, count in causes.items()), ""]


def _table(seen, class_names, rate):
    """predictions.csv."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["window", "first_frame", "last_frame", "start_s", "end_s", "predicted", *class_names, "reason"])
    for number, (window, row) in enumerate(zip(seen.windows, seen.probabilities, strict=True)):
        span = [window.first, window.last, f"{window.first / rate:.3f}", f"{(window.last + 1) / rate:.3f}"]
        said = [""] * (1 + len(class_names)) if window.reason else [class_names[row.argmax()], *row]
        writer.writerow([number, *span, *said, window.reason])
    return table.getvalue()


if __name__ == "__main__":
    sys.exit(main())
