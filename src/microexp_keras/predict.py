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

import numpy as np

from microexp_keras import datasets, protocols, runs
from microexp_keras.commands import command, import_keras, positive, progress_bar
from microexp_keras.errors import MicroExpError
from microexp_keras.files import write_json, write_text

FRAMES_PER_SECOND = {"smic": ("SMIC-HS", 100), "casme2": ("CAS(ME)^2", 30)}
LOOK_EVERY = {"face": 5, "eyes": 1}  # by the first input: where regions follow the points, as in training
AT_ONCE = 64  # windows that the network sees together

UNCALIBRATED = (
    "The probabilities are what the softmax gives. They are not calibrated, nor was it measured how far off they are: "
    "0.9 does not mean right nine times in ten."
)
NO_REST = (
    'The networks have no class "no expression": every window with a face gets {}, also when nothing happens in it.'
)
NO_REST_SHORT = "Probabilities are not calibrated, and no class says that nothing happens."

DESCRIPTION = """\
Say what a network sees in a video, a folder of frames or a camera: the probabilities of its classes in one window of
frames after the other, as predictions.csv and timeline.png.

The face is looked for in every n-th frame (--face-every), reduced to 320 pixels; in between its points are
interpolated. For MicroExpSTCNN it is cut out so that eyes and mouth lie where they lie in the clips of training, by one
box a window, of the medians of its points: a box that trembles would look like motion. For the fused networks eyes and
mouth are cut out of every frame, as in training. A window in which a look finds no face, or the face leaps (a cut, or
somebody else), is listed without a prediction.

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
        choices=datasets.CLASS_NAMES,
        help="whose classes these are (default: as trained, else by the network's number of frames)",
    )
    parser.add_argument(
        "--stride", type=positive, metavar="N", help="frames from window to window (default: a third of a window)"
    )
    parser.add_argument(
        "--face-every",
        type=positive,
        metavar="N",
        help="look for the face in every N-th frame (default: 5; for the fused networks 1, as in training)",
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
    runs.demand_free(args.out)
    if args.weights is None:
        raise MicroExpError(
            "--weights: expected a file, received none. Train some (python -m microexp_keras.train --dataset smic "
            "--synthetic), or get the authors': weights/README.md says where."
        )
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # what it says of bad videos, we say in one line
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

    from microexp_keras import evaluation, footage, plots, weights

    file = weights.inspect(args.weights)
    trained_on = file.metadata.get("dataset")
    by_length = {frames: name for name, frames in datasets.FRAMES.items()}
    dataset = args.dataset or (trained_on if trained_on in [*datasets.CLASS_NAMES] else by_length.get(file.frames))
    if dataset is None:
        raise MicroExpError(
            f"{args.weights}: expected weights that say what they were trained on, or for 18 or 96 frames, found "
            f"neither. Say it with --dataset {' or '.join(datasets.CLASS_NAMES)}."
        )
    name = file.metadata.get("protocol")
    protocol = protocols.get(name if name in protocols.NAMES else "upstream", file.network, dataset)
    class_names = datasets.CLASS_NAMES[dataset]
    statistics = evaluation.known_statistics(file)
    template = _template(args, protocol, file.metadata.get("synthetic") is True)

    began = time.perf_counter()
    import_keras()

    from microexp_keras import models, training  # noqa: F401 (timed here)

    model = models.BUILDERS[file.network](protocol.frames, protocol.size, len(class_names), file.kernel_size)
    weights.load_weights(model, args.weights)
    loading = time.perf_counter() - began

    folder, source = None, Path(args.source)
    if args.source.isascii() and args.source.isdigit():
        folder = runs.new_folder(args.out, f"predict-camera-{int(args.source)}")
        source = folder / "recording.avi"
        footage.record(int(args.source), args.seconds, source)
    clip, rate, promised = footage.open_clip(source)
    rate = args.fps or rate
    if isinstance(clip.frames, datasets.Video) and not rate:
        raise MicroExpError(f"{source}: expected a video that says its frames a second, found none. Give --fps.")
    camera, trained_rate = FRAMES_PER_SECOND[dataset]
    rate = rate or float(trained_rate)

    start, seconds = time.perf_counter(), Counter()
    every = args.face_every or LOOK_EVERY[protocol.inputs[0]]
    stride = args.stride or protocol.frames // 3
    faces = footage.find_faces(footage.read(clip, seconds, protocol.swapped_colours), every, seconds, promised)
    if faces.frames < protocol.frames:
        raise MicroExpError(
            f"{source}: expected at least the {protocol.frames} frames that the network sees at once, found "
            f"{faces.frames}. Give a longer clip."
        )
    windows = footage.windows(faces, protocol, stride, template)
    reasons = [window.reason for window in windows]
    if all(reasons):
        raise MicroExpError(
            f"{source}: expected a face throughout at least one window of {protocol.frames} frames, found none in "
            f"{len(windows)} (the first: {reasons[0]}; {np.count_nonzero(faces.counts)} of {len(faces.looks)} looks "
            "found a face). It must look at the camera and be wider than an eighth of the frame."
        )

    levels = Levels()

    def cuts():
        frames = footage.read(clip, seconds, protocol.swapped_colours)
        return levels.of(footage.stacks(frames, windows, faces, protocol, seconds))

    if not statistics:
        for _ in progress_bar(cuts(), total=reasons.count(""), desc="measuring levels", unit="window"):
            pass
    used = statistics or levels.statistics()
    probabilities = _probabilities(model, cuts(), windows, used, seconds)
    wall = time.perf_counter() - start

    span = protocol.frames / rate
    trained_span = protocol.frames / trained_rate
    notes = [
        *_about_weights(file, dataset),
        f"A window of {protocol.frames} frames covers {span:.2f} s at {rate:g} frames a second; at the {trained_rate} "
        f"of {camera} it covers {trained_span:.2f} s. "
        + (
            f"The network sees movements {span / trained_span:.1f} times as fast as those that it was made for."
            if abs(span / trained_span - 1) > 0.1
            else "That is alike."
        ),
        *_about_faces(faces, windows, every, promised, template, args, protocol),
        *_about_levels(levels.statistics(), statistics),
        UNCALIBRATED,
        NO_REST.format(" or ".join(class_names)),
    ]
    if not args.fps and not isinstance(clip.frames, datasets.Video):
        notes.append(f"A folder does not say its frames a second: {rate:g} are assumed; give --fps.")
    title = f"{weights.TITLES[protocol.model]} on {clip.path.name}"
    lines = [title, *[f"* {note}" for note in notes], "", *_found(windows, probabilities, class_names), ""]
    parts = ", ".join(f"{what} {took:.1f}" for what, took in seconds.items())
    playing = faces.frames / rate
    lines += [
        f"{faces.frames} frames ({playing:.1f} s of video) in {wall:.1f} s, {playing / wall:.1f} times as fast as they "
        f"play: {parts}. Loading the network took {loading:.1f} s more.",
        "",
    ]
    text = "\n".join(lines)

    folder = folder or runs.new_folder(args.out, f"predict-{clip.id}")
    write_text(folder / "report.txt", text)
    write_text(folder / "predictions.csv", _table(windows, probabilities, class_names, rate))
    times = np.array([(window.first, window.last + 1) for window in windows]) / rate
    plots.timeline(
        times, probabilities, class_names, folder / "timeline.png", title, " ".join([*notes[:2], NO_REST_SHORT])
    )
    if args.annotated:
        footage.annotate(
            clip, windows, faces, probabilities, class_names, plots.CLASS_COLOURS, rate, folder / "annotated.mp4"
        )
    about = {
        **runs.provenance(),
        "weights": str(args.weights),
        "trained": file.metadata,
        "source": str(source),
        "frames": faces.frames,
        "frames_per_second": rate,
        "window": protocol.frames,
        "stride": stride,
        "face_every": every,
        "windows": len(windows),
        "windows_without_prediction": len(windows) - reasons.count(""),
        "statistics": {name: one._asdict() for name, one in used.items()},
        "template": template and {"shape": template.shape, "anchors": template.anchors.tolist()},
        "seconds": {"all": wall, **seconds},
        "notes": notes,
    }
    write_json(folder / "summary.json", about)
    print(text)
    print(f"files are in {folder}", file=sys.stderr)


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


def _probabilities(model, cuts, windows, statistics, seconds):
    """Probabilities of every window, float32 (windows, classes); NaN where there is no prediction."""
    from microexp_keras import footage, preprocessing, training

    probabilities = np.full((len(windows), model.output_shape[-1]), np.nan, np.float32)
    total = sum(not window.reason for window in windows)
    cuts = iter(progress_bar(cuts, total=total, desc="predicting", unit="window"))
    while some := list(itertools.islice(cuts, AT_ONCE)):
        with footage.timed(seconds, "network"):
            positions, stacks = zip(*some, strict=True)
            together = {name: np.stack([one[name] for one in stacks]) for name in stacks[0]}
            inputs, _ = preprocessing.network_inputs(together, statistics)
            probabilities[[*positions]] = training.predict(model, inputs)
    return probabilities


def _template(args, protocol, synthetic):
    """How the face is cut, None for the whole frame."""
    from microexp_keras import footage

    if protocol.inputs != ("face",):
        if args.crop or args.like:
            raise MicroExpError(f"--crop, --like: expected with MicroExpSTCNN only, found another in {args.weights}.")
        return None
    if args.like and args.crop == "none":
        raise MicroExpError("--like: expected without --crop none, which takes the whole frame. Leave one out.")
    if args.like:
        return footage.template_of(args.like)
    whole = args.crop == "none" or (not args.crop and protocol.dataset == "casme2" and not synthetic)
    return None if whole else footage.SYNTHETIC


def _about_weights(file, dataset):
    """What is known of the weights: only what they say, and only what has the right type."""
    trained, synthetic = file.metadata, file.metadata.get("synthetic")
    if not trained.get("dataset"):
        return [
            f"{Path(file.path).name} does not say what it was trained on nor how well it did; it is taken for "
            f"{datasets.TITLES[dataset]} (--dataset). Whether these probabilities mean anything is not known."
        ]
    origin = f"clips that call themselves {str(trained['dataset'])[:40]!a}"
    if trained["dataset"] in datasets.TITLES:
        origin = datasets.origin(trained["dataset"], synthetic is True)
    epoch, accuracy = trained.get("epoch"), trained.get("val_accuracy")
    known = f"{Path(file.path).name} was trained on {origin} (protocol {str(trained.get('protocol'))[:40]!a}"
    known += f", epoch {epoch})" if isinstance(epoch, int) else ")"
    if isinstance(accuracy, float) and 0 <= accuracy <= 1:
        known += (
            f"; it gave {accuracy:.1%} of the clips that its epoch was chosen on the right class, which is optimistic."
        )
    else:
        known += "; it does not say how well it did."
    if synthetic is True:
        return [known, "TRAINED ON SYNTHETIC CLIPS: what it says of a real face means nothing."]
    return [known, "How well it does on other faces, cameras and light than those of its database was not measured."]


def _about_faces(faces, windows, every, promised, template, args, protocol):
    """Where the face was found, and what was cut."""
    from microexp_keras import footage

    notes = []
    if protocol.inputs != ("face",):
        notes.append("Eyes and mouth are cut out of every frame by its points.")
    elif template is None:
        notes.append(
            f"The network sees the whole frame ({faces.shape[1]}x{faces.shape[0]} pixels), as the original takes those "
            "of CAS(ME)^2 (640x480): another framing of the face is another picture. --crop face cuts it out."
        )
    else:
        whose = f"in {args.like}" if args.like else "in this package's synthetic clips (--like takes another's place)"
        notes.append(f"The face is cut out, one box a window, so that eyes and mouth lie as {whose}.")
        beyond = sum(footage.reaches_beyond(window.box, faces.shape) for window in windows if window.box)
        if beyond:
            notes.append(
                f"WARNING: in {beyond} windows the box reaches beyond the border of the frame, which is repeated there."
            )
    missed, several = np.count_nonzero(faces.counts == 0), np.count_nonzero(faces.counts > 1)
    notes.append(
        f"The face was looked for in {len(faces.looks)} of {faces.frames} frames"
        + (f" (every {every}th)" if every > 1 else "")
        + f" and not found in {missed}."
    )
    if several:
        notes.append(f"WARNING: {several} looks found several faces; the one that the detector is surest of is taken.")
    left = faces.frames - 1 - windows[-1].last
    if left:
        notes.append(f"The last {left} frames are in no window: they are fewer than the stride.")
    if faces.frames < promised:
        notes.append(f"WARNING: the video ends after {faces.frames} of the {promised} frames that its header promises.")
    return notes


def _about_levels(own, known):
    levels = "; ".join(f"{name}: mean {one.mean:.1f}, maximum {one.max:.0f}" for name, one in own.items())
    if not known:
        return [
            "WARNING: the weights file does not say by which mean and maximum its training clips were standardised. "
            f"The windows are standardised by their own ({levels}); if those of training differed, the probabilities "
            "are not those that the network would give."
        ]
    trained = "; ".join(f"{name}: mean {one.mean:.1f}, maximum {one.max:.0f}" for name, one in known.items())
    return [f"Standardised as in training ({trained}); the gray levels here: {levels}."]


def _found(windows, probabilities, class_names):
    """How many windows were called what."""
    there = ~np.isnan(probabilities[:, 0])
    called = np.bincount(probabilities[there].argmax(axis=1), minlength=len(class_names))
    lines = [f"windows   {len(windows)}, {np.count_nonzero(there)} of them with a prediction"]
    for place, name in enumerate(class_names):
        mean = probabilities[there, place].mean()
        lines.append(f"{name:<10}most probable in {called[place]}; mean probability {mean:.3f}")
    causes = Counter(re.sub(r"\d+", "N", window.reason) for window in windows if window.reason)
    return lines + [f"no prediction in {count}: {cause}" for cause, count in causes.items()]


def _table(windows, probabilities, class_names, rate):
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["window", "first_frame", "last_frame", "start_s", "end_s", "predicted", *class_names, "reason"])
    for number, (window, row) in enumerate(zip(windows, probabilities, strict=True)):
        span = [window.first, window.last, f"{window.first / rate:.3f}", f"{(window.last + 1) / rate:.3f}"]
        said = [""] * (1 + len(class_names)) if window.reason else [class_names[row.argmax()], *row]
        writer.writerow([number, *span, *said, window.reason])
    return table.getvalue()


if __name__ == "__main__":
    sys.exit(main())
