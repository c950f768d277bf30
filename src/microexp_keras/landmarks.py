"""From frames to 68 points of the face to the boxes of eyes and mouth; the only place that knows dlib.

A source of points is anything that is called with a `datasets.Clip` and the list of its images and returns `Landmarks`:
`DlibLandmarks` detects as the original programs do, `CsvLandmarks` reads a file. For another detector write such a
function, with the points in the order of the iBUG 68-point scheme, and give it to `preprocessing.region_stacks`, or
save what it finds by `write_csv`. A source with a method `identity()`, a text that changes whenever its points may,
lets stacks cut by its points be kept in the cache.

`python -m microexp_keras.landmarks` writes that file for a data folder and draws what was found.
"""

import argparse
import contextlib
import csv
import functools
import hashlib
import importlib.util
import io
import os
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np

from microexp_keras import cache, datasets
from microexp_keras.commands import command, in_threads, positive
from microexp_keras.errors import MicroExpError
from microexp_keras.files import replacing, write_text

POINTS = 68

# Boxes by the numbers of the points at their (top, bottom, left, right), counted from 0.
# SMIC/Intermediate_MicroFuseNet.py:67, the same in the three other programs.
EYES = (19, 1, 1, 15)  # from a brow to the level of the ear, from cheek to cheek
MOUTH = (2, 6, 2, 14)  # SMIC/Intermediate_MicroFuseNet.py:70, called nose_mouth there: it begins below the eyes

SWAPPED_COLOURS = {"smic": False, "casme2": True}
"""Whether the command shows the frames to the detector as red, green, blue, as the original programs do."""

MODEL_PACKAGE, MODEL_FILE = "face_recognition_models", "models/shape_predictor_68_face_landmarks.dat"
MODEL_SHA256 = "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"  # byte for byte the original's
INSTALL = "Install both: pip install dlib-bin face-recognition-models"
LICENCE_NOTE = "note: dlib's 68-point model was trained on iBUG 300-W, whose licence excludes commercial use."

OWN_POINTS = (
    "python -m microexp_keras.landmarks detect PATH --dataset DATASET --out points.csv, correct the frame's row (faces "
    "is 1 then), and train with --landmarks points.csv."
)


class Landmarks(NamedTuple):
    """Points of a face in the frames of a clip.

    Attributes
    ----------
    faces : int32 array (frames,)
        How many faces were found in each frame.
    points : int32 array (frames, 68, 2)
        Column and row (x, y) of each point of the first face, in pixels; zeros where there is none. Points may lie
        beyond the border of the frame.
    """

    faces: np.ndarray
    points: np.ndarray


def boxes(points):
    """Return the boxes of eyes and mouth as the original programs cut them.

    Parameters
    ----------
    points : int array (68, 2)
        Column and row of each point.

    Returns
    -------
    dict of str to (int, int, int, int)
        `"eyes"` and `"mouth"`: (top, bottom, left, right), for rows top to bottom and columns left to right, the
        ends not included.

    References
    ----------
    `SMIC/Intermediate_MicroFuseNet.py:67,70`.
    """
    return {
        name: (int(points[top, 1]), int(points[bottom, 1]), int(points[left, 0]), int(points[right, 0]))
        for name, (top, bottom, left, right) in {"eyes": EYES, "mouth": MOUTH}.items()
    }


def regions(image, points):
    """Cut eyes and mouth from a frame.

    Parameters
    ----------
    image : array (rows, columns, 3)
    points : int array (68, 2)
        As `settle` returns them: with both boxes inside the frame.

    Returns
    -------
    dict of str to array
        `"eyes"` and `"mouth"`: views of the image.
    """
    return {name: image[top:bottom, left:right] for name, (top, bottom, left, right) in boxes(points).items()}


def find_faults(found, shape):
    """Say of each frame why its points give no regions.

    Parameters
    ----------
    found : Landmarks
    shape : (int, int)
        Rows and columns of the frames.

    Returns
    -------
    list of str
        One for each frame: `"no face"`, `"2 faces"`, `"eyes beyond the border"`, `"empty box of the mouth"`; the
        empty text where there is one face with both boxes inside the frame.
    """
    return [
        _box_fault(points, shape) if faces == 1 else f"{faces} faces" if faces else "no face"
        for faces, points in zip(found.faces, found.points, strict=True)
    ]


def _box_fault(points, shape):
    rows, columns = shape
    for name, (top, bottom, left, right) in boxes(points).items():
        if bottom <= top or right <= left:
            return f"empty box of the {name}"
        if top < 0 or left < 0 or bottom > rows or right > columns:
            return f"{name} beyond the border"
    return ""


def settle(clip, found, shape, faults):
    """Decide on the points of every frame of a clip.

    Parameters
    ----------
    clip : datasets.Clip
    found : Landmarks
    shape : (int, int)
        Rows and columns of the frames.
    faults : str
        What happens to a frame without exactly one face, or with a box that is empty or beyond the border. `"stop"`:
        it is an error. `"neighbours"`: its points are interpolated between the nearest good frames before and after
        it, and rounded; at an end of the clip they are those of the nearest good frame.

    Returns
    -------
    int32 array (frames, 68, 2)
        Column and row of each point; both boxes of every frame are inside it and not empty.
    list of str
        What a report must say: one sentence if frames took points from others, else nothing.

    Raises
    ------
    MicroExpError
        If no frame of the clip is good; with `"stop"`, if any is not. The message names the frame.
    """
    reasons = find_faults(found, shape)
    bad = np.array([bool(reason) for reason in reasons])
    if bad.all():
        raise MicroExpError(
            f"{clip.path}: expected one face in at least one frame, with its eyes and mouth inside the frame, found "
            f"{_listed(reasons)}. Look at it: python -m microexp_keras.landmarks preview PATH; then remove the clip, "
            f"or give points of your own: {OWN_POINTS}"
        )
    if not bad.any():
        return found.points, []
    if faults == "stop":
        first = int(bad.argmax())
        place = ""
        for name, (top, bottom, left, right) in boxes(found.points[first]).items():
            if name in reasons[first]:
                place = f" (rows {top}:{bottom}, columns {left}:{right} of {shape[0]}x{shape[1]})"
        raise MicroExpError(
            f"{clip.frame_name(first)}: expected one face with its eyes and mouth inside the frame, found "
            f"{reasons[first]}{place}. The original program crashes without a face and takes the other faults as they "
            "come, so this protocol stops here. Take one that uses the points of the neighbouring frames, or give "
            f"points of your own: {OWN_POINTS}"
        )
    good, frames = np.flatnonzero(~bad), np.arange(len(bad))
    flat = found.points.reshape(len(bad), -1)
    between = np.stack([np.interp(frames, good, values[good]) for values in flat.T], axis=1)
    # Always the same way: to the even number, two borders of a box one pixel wide could meet.
    points = np.floor(between + 0.5).astype(np.int32).reshape(found.points.shape)
    return points, [f"{clip.id}: {_listed(reasons)}; their points are those of the neighbouring frames"]


def _listed(reasons):
    """`no face in frames 3-5, 2 faces in frame 9`, counted from 0."""
    parts = []
    for reason in dict.fromkeys(filter(None, reasons)):
        frames = [frame for frame, other in enumerate(reasons) if other == reason]
        starts = [frame for frame in frames if frame - 1 not in frames]
        ends = [frame for frame in frames if frame + 1 not in frames]
        runs = [str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True)]
        parts.append(f"{reason} in frame{'s' if len(frames) > 1 else ''} {', '.join(runs)}")
    return ", ".join(parts)


class DlibLandmarks:
    """Detect faces and points as the original programs do; many threads may call it at once.

    The frames are shown to the detector in the order of channels in which they come. The first of several faces is
    the one that the detector is surest of.

    Parameters
    ----------
    cache : bool
        Keep what was found in `cache.folder()`, one file for each clip, under a name made of all its pixels, and look
        there first. Found points are kept before any fault is mended.

    Raises
    ------
    MicroExpError
        When called: if dlib or its model is missing, if the model is another one, or if the cache cannot be written.

    References
    ----------
    `SMIC/Intermediate_MicroFuseNet.py:21-39`.
    """

    def __init__(self, cache=True):
        self.cache = cache

    @staticmethod
    def identity():
        """Name detector and model."""
        return f"dlib {_import_dlib().__version__}, upsampled once, {MODEL_SHA256}"

    def __call__(self, clip, images):
        """Find the points in the images of a clip; see `Landmarks`."""
        images = [np.ascontiguousarray(image) for image in images]
        if not self.cache:
            return _detect(images)
        path = _cache_file(images)
        found = _read_cached(path, len(images))
        if found is None:
            found = _detect(images)
            _write_cached(path, found)
        return found


_loading = threading.Lock()
_idle_detectors, _detectors_left = [], threading.BoundedSemaphore(os.cpu_count() or 1)


def _detect(images):
    with _loading:
        predictor = _load_predictor()
    found = Landmarks(np.zeros(len(images), np.int32), np.zeros((len(images), POINTS, 2), np.int32))
    with _detector() as detector:
        for frame, image in enumerate(images):
            faces = detector(image, 1)  # enlarged once
            found.faces[frame] = len(faces)
            if faces:
                found.points[frame] = [(point.x, point.y) for point in predictor(image, faces[0]).parts()]
    return found


@contextlib.contextmanager
def _detector():
    """Lend a detector that no other thread uses; there are at most as many as cores.

    A detector keeps the image that it scans, so threads must not share one, and making one takes as long as some
    dozen frames. dlib allows threads to share a predictor (THREAD SAFETY in its shape_predictor_abstract.h).
    """
    with _detectors_left:
        try:
            detector = _idle_detectors.pop()
        except IndexError:
            detector = _import_dlib().get_frontal_face_detector()
        try:
            yield detector
        finally:
            _idle_detectors.append(detector)


def _import_dlib():
    try:
        import dlib
    except ImportError as error:
        raise MicroExpError(
            f"eye and mouth regions: expected the package dlib, found none ({error}). {INSTALL}"
        ) from None
    return dlib


@functools.cache
def _load_predictor():
    """Load the 68-point model, once in a process, after a look at every byte of it."""
    from tqdm import tqdm

    dlib = _import_dlib()
    spec = importlib.util.find_spec(MODEL_PACKAGE)  # importing it needs pkg_resources, which setuptools dropped
    if spec is None or not spec.submodule_search_locations:
        raise MicroExpError(f"eye and mouth regions: expected the package {MODEL_PACKAGE}, found none. {INSTALL}")
    path = Path(spec.submodule_search_locations[0], MODEL_FILE)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise MicroExpError(
            f"{path}: expected dlib's 68-point model, could not read it ({error.strerror}). {INSTALL}"
        ) from None
    if digest != MODEL_SHA256:
        raise MicroExpError(
            f"{path}: expected SHA-256 {MODEL_SHA256}, found {digest}: not the original's model. {INSTALL}"
        )
    tqdm.write(LICENCE_NOTE, file=sys.stderr)  # not through a progress bar
    return dlib.shape_predictor(str(path))


def _cache_file(images):
    """Where the points of these pixels are kept, found by this detector with this model."""
    digest = hashlib.sha256(DlibLandmarks.identity().encode())
    for image in images:
        digest.update(f"\n{image.dtype} {image.shape}\n".encode())
        digest.update(image.data)
    return cache.place("landmarks", digest.hexdigest())


def _read_cached(path, frames):
    """What is kept at `path`; None if that is nothing, or anything but the points of so many frames."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as kept:
            found = Landmarks(kept["faces"], kept["points"])
            digest = str(kept["sha256"])
    except Exception:  # a damaged archive fails in many ways, and none matters: the points are detected again
        return None
    whole = found.faces.shape == (frames,) and found.points.shape == (frames, POINTS, 2)
    typed = found.faces.dtype == found.points.dtype == np.int32
    return found if whole and typed and digest == _digest(found) else None


def _write_cached(path, found):
    with replacing(path, remedy=cache.REMEDY) as temporary:
        np.savez(temporary, faces=found.faces, points=found.points, sha256=_digest(found))


def _digest(found):
    return hashlib.sha256(found.faces.tobytes() + found.points.tobytes()).hexdigest()


COORDINATES = [f"{axis}_{point}" for axis in "xy" for point in range(POINTS)]


def write_csv(path, landmarks):
    """Write points as a table with one row for each frame, which `CsvLandmarks` reads.

    Parameters
    ----------
    path : str or Path
    landmarks : dict of str to Landmarks
        By `Clip.id`.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["clip", "frame", "faces", *COORDINATES])
    for name, found in landmarks.items():
        for frame, (faces, points) in enumerate(zip(found.faces, found.points, strict=True)):
            table.writerow([name, frame, faces, *points[:, 0], *points[:, 1]])
    write_text(path, text.getvalue())


class CsvLandmarks:
    """Points from the user's own table, in the place of a detector.

    Parameters
    ----------
    path : str or Path
        CSV, UTF-8, with the columns `clip` (`Clip.id`), `frame` (counted from 0 within the clip), `x_0` to `x_67`,
        `y_0` to `y_67` (pixels, rounded here) and, if there are frames without a face or with several, `faces`. A
        frame without a row has no face.

    Raises
    ------
    MicroExpError
        If the table is not of this form; the message names the line. When called: if the clip is not in the table,
        or the table has frames beyond the clip's last image (a video's length is not known).
    """

    def __init__(self, path):
        self.path = Path(path)
        self.rows = {}  # clip -> frame -> (line, faces, points)
        try:
            text = self.path.read_text(encoding="utf-8-sig", errors="surrogateescape")
        except OSError as error:
            raise MicroExpError(f"{path}: expected a table of points, could not read it ({error.strerror}).") from None
        self._digest = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
        table = csv.reader(io.StringIO(text, newline=""))
        try:
            columns = next(table, [])
            known = {"clip", "frame", "faces", *COORDINATES}
            for what, names in {
                "found no": [name for name in ("clip", "frame", *COORDINATES) if name not in columns],
                "found also": [
                    name for place, name in enumerate(columns) if name not in known or name in columns[:place]
                ],
            }.items():
                if names:
                    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
                    raise MicroExpError(
                        f"{path}, line 1: expected the columns clip, frame, faces, x_0 to x_67, y_0 to y_67, {what} "
                        f"{', '.join(map(repr, names[:3]))}{more}. Compare with what the command detect --out writes."
                    )
            for values in table:
                self._add(table.line_num, dict(zip(columns, values, strict=False)), len(values), len(columns))
        except csv.Error as error:
            raise MicroExpError(
                f"{path}, line {table.line_num}: expected a row of a table, found none ({error})."
            ) from None

    def identity(self):
        """Name the table by all that it says."""
        return f"table {self._digest}"

    def _add(self, line, row, values, columns):
        place = f"{self.path}, line {line}"
        if values != columns:
            raise MicroExpError(f"{place}: expected {columns} values, found {values}. Complete the row or remove it.")
        frame, faces = (_number(place, row, name, least=0, whole=True) for name in ("frame", "faces"))
        points = np.array([_number(place, row, name) for name in COORDINATES], np.int32).reshape(2, POINTS).T
        if not faces and points.any():
            raise MicroExpError(f"{place}: expected 1 in the column faces of a frame with points, found 0. Correct it.")
        frames = self.rows.setdefault(row["clip"], {})
        if frame in frames:
            raise MicroExpError(
                f"{place}: expected every frame once, found frame {frame} of {row['clip']} also in line "
                f"{frames[frame][0]}. Remove one of them."
            )
        frames[frame] = line, faces, points

    def __call__(self, clip, images):
        """Return the points of a clip; of `images` only the number counts."""
        if clip.id not in self.rows:
            raise MicroExpError(
                f"{self.path}: expected rows for the clip {clip.id} ({clip.path}), found none. Add them."
            )
        count = len(images)
        length = float("inf") if isinstance(clip.frames, datasets.Video) else len(clip.frames)
        found = Landmarks(np.zeros(count, np.int32), np.zeros((count, POINTS, 2), np.int32))
        for frame, (line, faces, points) in self.rows[clip.id].items():
            if frame >= length:
                raise MicroExpError(
                    f"{self.path}, line {line}: expected a frame from 0 to {length - 1} of {clip.id}, found {frame}. "
                    "Count from 0 within the clip, in the order of its images."
                )
            if frame < count:
                found.faces[frame], found.points[frame] = faces, points
        return found


def _number(place, row, name, least=-(2**30), whole=False):
    """Read a whole number from a column, or round one; `faces` may be left out."""
    text = row.get(name, "1")
    try:
        value = float(text)
        if least <= value <= 2**30 and not (whole and value % 1):  # NaN is not
            return int(np.floor(value + 0.5))
    except ValueError:
        pass
    kind = "a whole number from 0" if whole else "a number of pixels"
    raise MicroExpError(f"{place}, column {name}: expected {kind}, found {text!r}. Correct it.")


def parser():
    """Build the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m microexp_keras.landmarks",
        description="Find the 68 points of the face, and the boxes of eyes and mouth, in clips.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    detect = commands.add_parser(
        "detect", help="points of all clips of a database, as a table", description="Find the points in all clips."
    )
    detect.add_argument("data", type=Path, metavar="PATH", help="the database, see data/README.md")
    detect.add_argument("--dataset", choices=datasets.CLASS_NAMES, required=True, help="how the folders are read")
    detect.add_argument("--out", type=Path, metavar="CSV", help="where to write the points (default: nowhere)")
    preview = commands.add_parser(
        "preview", help="draw points and boxes into frames", description="Draw points and boxes into frames."
    )
    preview.add_argument("data", type=Path, metavar="PATH", help="a database, the folder of a clip, a video, an image")
    preview.add_argument("--dataset", choices=datasets.CLASS_NAMES, default="smic", help="whose frames (default: smic)")
    preview.add_argument("--landmarks", type=Path, metavar="CSV", help="points to draw, instead of detecting any")
    preview.add_argument("--out", type=Path, required=True, metavar="PNG", help="where to draw")
    defaults = ", ".join(f"{count} of {name}" for name, count in datasets.FRAMES.items())
    for one, others in ((detect, ""), (preview, "; of a single clip all")):
        datasets.add_options(one)
        one.add_argument(
            "--frames", type=positive, metavar="N", help=f"look at a clip's first N (default: {defaults}{others})"
        )
    return parser


@command
def main(argv=None):
    """Run the subcommand that was asked for."""
    args = parser().parse_args(argv)
    return {"detect": _detect_command, "preview": _preview_command}[args.command](args)


def _detect_command(args):
    count = args.frames or datasets.FRAMES[args.dataset]
    clips = datasets.find_clips(args.data, args.dataset, frames=count, **datasets.chosen_options(args))
    source = DlibLandmarks()

    def detect(clip):
        images = _images(clip, count, args.dataset)
        found = source(clip, images)
        return found, find_faults(found, images[0].shape[:2])

    results = in_threads(detect, clips, "finding faces")
    if args.out:
        write_csv(args.out, {clip.id: found for clip, (found, _) in zip(clips, results, strict=True)})
        print(f"{args.out}: the points of {len(clips)} clips")
    found = [reason for _, reasons in results for reason in reasons]
    none, several = found.count("no face"), sum("faces" in reason for reason in found)
    border = len(found) - found.count("") - none - several
    print(
        f"{len(clips)} {_synthetic(clips)}clips, {len(found)} frames: {none} without a face, {several} with several, "
        f"{border} with eyes or mouth beyond the border{'; frames counted from 0:' if any(found) else ''}"
    )
    for clip, (_, reasons) in zip(clips, results, strict=True):
        if any(reasons):
            print(f"  {clip.id}: {_listed(reasons)}")


def _synthetic(clips):
    return "synthetic " if datasets.are_synthetic(clips) else ""


class _Tile(NamedTuple):
    label: str
    image: np.ndarray  # uint8 (rows, columns, 3), red, green, blue
    points: np.ndarray  # int32 (68, 2), or (0, 2) without a face
    fault: str


def _preview_command(args):
    options = datasets.chosen_options(args)
    clips, count, wanted = _preview_clips(args.data, args.dataset, args.frames, options)
    source = CsvLandmarks(args.landmarks) if args.landmarks else DlibLandmarks()
    chosen = _spread(count, wanted)

    def look(clip):
        images = _images(clip, count, args.dataset, chosen)
        if args.landmarks:
            found = Landmarks(*(array[chosen] for array in source(clip, range(count))))
        else:
            found = source(clip, images)
        reasons = find_faults(found, images[0].shape[:2])
        return [
            _Tile(
                f"{clip.id}, frame {frame}",
                image if SWAPPED_COLOURS[args.dataset] else image[..., ::-1],
                points if faces else points[:0],
                reason,
            )
            for frame, image, faces, points, reason in zip(chosen, images, *found, reasons, strict=True)
        ]

    tiles = [tile for tiles in in_threads(look, clips, "finding faces") for tile in tiles]
    bad = sum(bool(tile.fault) for tile in tiles)
    said = f"{len(tiles)} {_synthetic(clips)}frame{'s' * (len(tiles) > 1)} of {args.data.resolve().name}"
    said += f", {bad or 'none'} with faults"
    _draw_sheet(tiles, said, args.out)
    print(f"{args.out}: {said}")


def _preview_clips(path, dataset, limit, options):
    """What to draw of a path: clips, how many frames to look at in each, and how many of these to draw."""
    from microexp_keras.datasets.folders import natural_order, visible
    from microexp_keras.datasets.smic import FRAME_SUFFIXES

    if not path.exists():
        raise MicroExpError(f"{path}: expected a folder, a video or an image, found nothing. Name another path.")
    if path.is_dir():
        images = [child for child in visible(path) if child.suffix.lower() in FRAME_SUFFIXES]
        if not images:
            count = limit or datasets.FRAMES[dataset]
            return _spread_clips(datasets.find_clips(path, dataset, frames=count, **options)), count, 3
        frames = tuple(sorted(images, key=lambda image: natural_order(image.name)))
        clip = datasets.Clip(path.resolve().name, "", 0, frames)
    elif path.suffix.lower() in FRAME_SUFFIXES:
        clip = datasets.Clip(path.stem, "", 0, (path,))
    else:
        clip = datasets.Clip(path.stem, "", 0, datasets.Video(path))
    frames = _count_frames(path) if isinstance(clip.frames, datasets.Video) else len(clip.frames)
    return [clip], min(limit or frames, frames), 24


def _spread_clips(clips):
    """Up to four clips of each class, spread over its clips and so over its subjects."""
    by_class = [[clip for clip in clips if clip.label == label] for label in sorted({clip.label for clip in clips})]
    return [same[place] for same in by_class for place in _spread(len(same), 4)]


def _spread(count, wanted):
    return sorted({round(place) for place in np.linspace(0, count - 1, wanted)})


def _count_frames(path):
    """Frames of a video that can be decoded: what its header says is an estimate."""
    import cv2

    capture = cv2.VideoCapture(str(path))
    frames = 0
    while capture.grab():
        frames += 1
    if not frames:
        raise MicroExpError(f"{path}: expected a folder, a video or an image, found another file. Name another path.")
    return frames


def _images(clip, count, dataset, chosen=None):
    """The first frames of a clip, or those chosen of them, with channels in the order that the detector shall see."""
    from microexp_keras.frames import read_frames

    images = [frame for index, frame in enumerate(read_frames(clip, count)) if chosen is None or index in chosen]
    return [np.ascontiguousarray(image[..., ::-1]) for image in images] if SWAPPED_COLOURS[dataset] else images


# Okabe and Ito's palette: told apart by colour-blind readers, and from skin.
BLUE, ORANGE, FAULT = "#0072B2", "#E69F00", "#CC0000"


def _draw_sheet(tiles, title, path):
    """Draw tiles of equal size, frames with faults framed in red, into one PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

    columns = min(4 if len(tiles) <= 24 else 6, len(tiles))
    rows = -(-len(tiles) // columns)
    width = min(13 / columns, 6)
    ratio = max(tile.image.shape[0] / tile.image.shape[1] for tile in tiles)
    figure = Figure(figsize=(max(columns * width, 6), rows * (width * ratio + 0.3) + 0.8), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(tiles) :]:
        axes.set_axis_off()
    for axes, tile in zip(grid.flat, tiles, strict=False):
        axes.imshow(tile.image)
        axes.set(xticks=[], yticks=[], facecolor="#DDDDDD")
        tall, wide = tile.image.shape[:2]
        across = 1.04 * max(wide, tall / ratio)  # the edge shows boxes that leave the frame; all tiles are alike
        axes.set(xlim=(wide / 2 - across / 2, wide / 2 + across / 2))
        axes.set(ylim=(tall / 2 + across * ratio / 2, tall / 2 - across * ratio / 2))
        axes.set_aspect("auto")
        axes.set_box_aspect(ratio)
        axes.set_xlabel(tile.label, fontsize=9)
        if len(tile.points):
            inches = width * np.ptp(tile.points[:, 0]) / across  # small faces get small marks
            axes.scatter(*tile.points.T, s=2 + 2 * inches**2, color="white", ec="black", lw=0.3, zorder=3)
            for colour, (top, bottom, left, right) in zip((BLUE, ORANGE), boxes(tile.points).values(), strict=True):
                place = (left - 0.5, top - 0.5)  # pixels are drawn around their whole numbers
                axes.add_patch(Rectangle(place, right - left, bottom - top, fill=False, ec=colour, lw=1 + inches))
        if tile.fault:
            axes.spines[:].set(color=FAULT, linewidth=4)
            style = {"facecolor": FAULT, "edgecolor": "none", "boxstyle": "square,pad=0.3"}
            axes.text(
                0.5, 0.94, tile.fault, transform=axes.transAxes, ha="center", va="top", color="white", bbox=style,
                fontsize=10, fontweight="bold", zorder=4,
            )  # fmt: skip
    keys = [
        Line2D([], [], color=BLUE, linewidth=2, label="eyes"),
        Line2D([], [], color=ORANGE, linewidth=2, label="mouth"),
        Line2D([], [], color="white", markeredgecolor="black", marker="o", linestyle="", label="68 points"),
        Line2D([], [], color=FAULT, linewidth=4, label="fault"),
    ]
    figure.suptitle(title, fontsize=13)
    figure.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False, fontsize=10)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


if __name__ == "__main__":
    sys.exit(main())
