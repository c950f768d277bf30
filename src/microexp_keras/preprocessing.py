"""From clips to uint8 stacks of gray frames to standardised float32, pixel for pixel as the original programs."""

import functools
import hashlib
import math
import os
import sys
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np

from microexp_keras import arrays, datasets, landmarks
from microexp_keras.cache import IN_MEMORY, Stacks, clips_key, kept_stacks, make_stacks, pixel_digest, place
from microexp_keras.commands import in_threads
from microexp_keras.errors import MicroExpError
from microexp_keras.frames import read_frames


class Statistics(NamedTuple):
    """What standardisation subtracts and divides by, in gray levels (0-255).

    Attributes
    ----------
    mean : float
        Mean level of all pixels of all clips.
    max : float
        Highest level; the divisor is `max - mean`.
    """

    mean: float
    max: float


@dataclass(frozen=True)
class Samples:
    """What a protocol makes of a data folder, or of the original's arrays.

    Attributes
    ----------
    names : list of str
        Of the clips; the second copy of a clip is `NAME#2`.
    subjects : list of str or None
        None where nobody knows.
    labels : int array (clips,)
    stacks : dict of str to array (clips, rows, columns, time)
        For every input of the network, `face`, or `eyes` and `mouth`: uint8 gray levels, 0-255, an array or
        `cache.Stacks`. The original's arrays are float32, standardised already.
    clips : int array (samples,)
        Number of the clip that each sample shows: copies of a clip have the same.
    mislabelled : bool array (samples,)
        Whether the label is not that of the clip's folder.
    synthetic : bool
        Whether this package generated the clips.
    notes : list of str
        What a reader of the scores must know of how they came about.
    """

    names: list
    subjects: list
    labels: np.ndarray
    stacks: dict
    clips: np.ndarray
    mislabelled: np.ndarray
    synthetic: bool = False
    notes: list = field(default_factory=list)

    @functools.cached_property
    def fingerprint(self):
        """SHA-256 over names, subjects, labels and pixels, as text: which data this is."""
        digest = hashlib.sha256()
        for sample in zip(self.names, self.subjects, self.labels, strict=True):
            digest.update(os.fsencode("{}\0{}\0{}\n".format(*sample)))
        for name, stacks in self.stacks.items():
            digest.update(f"{name} {stacks.dtype} {stacks.shape}".encode())
            digest.update(b"".join(self._digests(name)))
        return digest.hexdigest()

    @functools.cached_property
    def pixels(self):
        """Number of the first sample with the same pixels in all inputs, int array (samples,)."""
        seen = {}
        of_samples = zip(*map(self._digests, self.stacks), strict=True)
        return np.array([seen.setdefault(digests, position) for position, digests in enumerate(of_samples)])

    def _digests(self, name):
        stacks = self.stacks[name]
        kept = isinstance(stacks, Stacks)
        return [one.tobytes() for one in stacks.digests] if kept else [pixel_digest(stack) for stack in stacks]


def load_samples(root, protocol, points=None, progress=True, cache=True, **options):
    """Read the clips below `root` as the protocol wants them.

    Parameters
    ----------
    root : str or Path
        See `datasets.find_clips`.
    protocol : protocols.Protocol
    points : callable, optional
        For the networks on eyes and mouth: where the landmarks come from, see `region_stacks`.
    progress : bool
        Show a progress bar on stderr.
    cache : bool
        Keep the stacks in `cache.folder()` and read no frame where they are there already. Stacks cut by the points of
        a source without `identity()` are never kept.
    **options
        Which of several trees, cameras, labels and expressions: see `datasets.find_clips`.

    Returns
    -------
    Samples
    """
    tree = datasets.read_tree(root, protocol.dataset, frames=protocol.frames, **options)
    clips, notes = tree.clips, [f"{count} clips are left out: {reason}." for reason, count in tree.left_out.items()]
    if tree.problems:
        notes.append(
            f"{len(tree.problems)} things in the data folder are worth knowing: "
            "python -m microexp_keras.datasets check PATH."
        )
    synthetic = datasets.are_synthetic(clips)
    _demand_length(clips, protocol)
    points = None if protocol.inputs == ("face",) else points or landmarks.DlibLandmarks()
    cache = cache and (points is None or hasattr(points, "identity"))
    if cache:
        about = {"origin": datasets.origin(protocol.dataset, synthetic), "folder": os.path.abspath(root)}
        stacks, borrowed = _cached_stacks(clips, protocol, points, about, progress)
    else:
        stacks, borrowed = _stacks_in_memory(clips, protocol, protocol.inputs, points, progress)
    notes += borrowed
    order, labels = arrange([clip.label for clip in clips], protocol)
    copies = [np.count_nonzero(order[:place] == position) for place, position in enumerate(order)]
    if len(order) > len(clips):
        stacks = {name: one.arranged(order) if cache else one[order] for name, one in stacks.items()}
        notes.append(f"{len(clips)} clips stand {len(order)} times in the arrays: some of them twice.")
    return Samples(
        names=[f"{clips[p].id}#{copy + 1}" if copy else clips[p].id for p, copy in zip(order, copies, strict=True)],
        subjects=[clips[position].subject for position in order],
        labels=labels,
        stacks=stacks,
        clips=order,
        mislabelled=labels != [clips[position].label for position in order],
        synthetic=synthetic,
        notes=notes,
    )


def load_arrays(images_paths, labels_path, protocol):
    """Take the training arrays that the original programs save for what they are: nothing in them is arranged again.

    Parameters
    ----------
    images_paths, labels_path
        See `arrays.read`.
    protocol : protocols.Protocol

    Returns
    -------
    Samples
        Whose clips they show is not known.
    """
    stacks, labels = arrays.read(
        images_paths, labels_path, protocol.inputs, len(datasets.CLASS_NAMES[protocol.dataset])
    )
    return Samples(
        names=arrays.names(images_paths[0], len(labels)),
        subjects=[None] * len(labels),
        labels=labels,
        stacks=stacks,
        clips=np.arange(len(labels)),
        mislabelled=np.zeros(len(labels), bool),
        notes=["Trained on arrays. Whose clips they hold is not known: people may be on both sides of the split."],
    )


def arrange(labels, protocol):
    """Put clips, given class by class, in the order of the protocol's arrays.

    Parameters
    ----------
    labels : sequence of int, (clips,)
        Class of each clip, ascending.
    protocol : protocols.Protocol
        Gives `last_class_copies` and `labels_by_position`.

    Returns
    -------
    order : int array (samples,)
        Position of the clip that each sample shows; copies of a clip follow each other.
    labels : int array (samples,)
        Class that each sample is taken for.

    References
    ----------
    `SMIC/Intermediate_MicroFuseNet.py:133-149`.
    """
    labels = np.asarray(labels)
    order = np.repeat(np.arange(len(labels)), np.where(labels == labels.max(), protocol.last_class_copies, 1))
    if not protocol.labels_by_position:
        return order, labels[order]
    by_position = np.zeros(len(order), int)
    by_position[: len(labels)] = labels  # the positions are the numbers of clips in the class folders
    return order, by_position


def face_stacks(clips, protocol, progress=True):
    """Read the frames of each clip, resize them and turn them gray.

    The frame is resized with `INTER_AREA` first and turned gray afterwards; the other order gives other levels.

    Parameters
    ----------
    clips : list of Clip
        What to read.
    protocol : Protocol
        Gives the number of frames, the size and the order of colours.
    progress : bool
        Show a progress bar on stderr.

    Returns
    -------
    uint8 array (clips, rows, columns, time), 0-255

    Raises
    ------
    MicroExpError
        If a clip is too short (all short folders are named), or a frame cannot be decoded or is cut off.

    References
    ----------
    `SMIC/MicroExpSTCNN.py:32-39`, `CASME-SQUARE/MicroExpSTCNN.py:32-40`.
    """
    _demand_length(clips, protocol)
    return _stacks_in_memory(clips, protocol, ("face",), None, progress)[0]["face"]


def region_stacks(clips, protocol, points=None, progress=True):
    """Cut eyes and mouth out of each frame by its landmarks, resize the regions and turn them gray.

    Parameters
    ----------
    clips : list of Clip
        What to read.
    protocol : Protocol
        Gives the number of frames, the size, the order of colours and what happens to frames without landmarks.
    points : callable, optional
        `(clip, images) -> landmarks.Landmarks`; by default `landmarks.DlibLandmarks()`.
    progress : bool
        Show a progress bar on stderr.

    Returns
    -------
    dict of str to uint8 array (clips, rows, columns, time), 0-255
        `eyes` and `mouth`.
    list of str
        Which frames took the points of their neighbours.

    Raises
    ------
    MicroExpError
        As `face_stacks`, and if a face is missing and the protocol stops there.

    References
    ----------
    `SMIC/Intermediate_MicroFuseNet.py:62-80`; the other three programs of the fused networks do the same.
    """
    _demand_length(clips, protocol)
    return _stacks_in_memory(clips, protocol, ("eyes", "mouth"), points or landmarks.DlibLandmarks(), progress)


def measure(stacks, positions=None):
    """Return the `Statistics` of gray stacks (uint8 array, 0-255, or `cache.Stacks`): of some clips, else of all."""
    if isinstance(stacks, Stacks):
        stacks = stacks if positions is None else stacks.arranged(positions)
        return Statistics(stacks.mean, float(stacks.max))
    stacks = stacks if positions is None else stacks[positions]
    return Statistics(float(stacks.mean(dtype=np.float64)), float(stacks.max()))


def standardize(stacks, statistics=None):
    """Subtract the mean level of all clips, then divide by the largest value left (not by a standard deviation).

    Parameters
    ----------
    stacks : uint8 array of any shape, 0-255
        All clips together, before any split, as the original does.
    statistics : Statistics, optional
        Of the clips that a network was trained on; by default those of `stacks`.

    Returns
    -------
    float32 array of the same shape
        At most 1 when `statistics` are its own.
    Statistics

    Raises
    ------
    MicroExpError
        If all pixels are equal, or `stacks` is not uint8.

    References
    ----------
    `SMIC/MicroExpSTCNN.py:91-93`. The original sums in float32, so its values differ by about 1e-6.
    """
    if stacks.dtype != np.uint8:
        raise MicroExpError(f"standardize: expected uint8 gray levels, received {stacks.dtype}.")
    statistics = statistics or measure(stacks)
    return _looked_up(_values(statistics), stacks[:]), statistics


class StandardizedInput:
    """An input of a network, standardised when it is asked for: all of it would take too much memory.

    Parameters
    ----------
    stacks : cache.Stacks or uint8 array (clips, rows, columns, time), 0-255
    statistics : Statistics
    """

    dtype = np.dtype(np.float32)

    def __init__(self, stacks, statistics):
        self._stacks, self._values = stacks, _values(statistics)

    def __len__(self):
        return len(self._stacks)

    @property
    def shape(self):
        """(clips, rows, columns, time, 1)."""
        return (*self._stacks.shape, 1)

    def __getitem__(self, chosen):
        """Give some clips (slice or int array) as float32 (chosen, rows, columns, time, 1)."""
        return _looked_up(self._values, self._stacks[chosen])[..., None]


def network_inputs(stacks, statistics=None):
    """Standardise each input of a network on its own and add the channel axis.

    Parameters
    ----------
    stacks : dict of str to array (clips, rows, columns, time)
        uint8, or float32 and standardised already; see `Samples`.
    statistics : dict of str to Statistics, optional
        As for `standardize`.

    Returns
    -------
    dict of str to float32 array (clips, rows, columns, time, 1)
        Instead of gray stacks of more than `cache.IN_MEMORY` levels, `StandardizedInput`: the same numbers.
    dict of str to Statistics
        Empty for arrays that were standardised already.
    """
    streamed = sum(math.prod(one.shape) for one in stacks.values()) > IN_MEMORY
    inputs, used = {}, {}
    for name, one in stacks.items():
        if one.dtype != np.uint8:
            inputs[name] = one[..., None]
            continue
        used[name] = (statistics or {}).get(name) or measure(one)
        standardized = StandardizedInput(one, used[name])
        inputs[name] = standardized if streamed else standardized[:]
    return inputs, used


def _values(statistics):
    """Standardised value of every gray level, float32 (256,)."""
    if statistics.max <= statistics.mean:
        raise MicroExpError(
            f"standardize: expected pixels of different levels, found maximum {statistics.max} and mean "
            f"{statistics.mean}. Look at the frames: they may be blank."
        )
    return ((np.arange(256) - statistics.mean) / (statistics.max - statistics.mean)).astype(np.float32)


def _looked_up(values, levels):
    """`values[levels]`, by OpenCV: numpy makes an index of eight bytes of every level first."""
    return cv2.LUT(levels.reshape(len(levels), -1), values).reshape(levels.shape) if levels.size else values[levels]


def _cached_stacks(clips, protocol, points, about, progress):
    """Stacks and notes from the cache, where they are put first if they are not there."""
    settings = {name: getattr(protocol, name) for name in ("dataset", "inputs", "frames", "size", "swapped_colours")}
    if points:
        settings |= {"landmark_faults": protocol.landmark_faults, "landmarks": points.identity()}
    key = clips_key(clips, protocol.frames, {**settings, "opencv": cv2.__version__})
    path, shape = place("stacks", key), _shape(clips, protocol)
    found = kept_stacks(path, protocol.inputs, shape)
    if found:
        if progress:
            print(f"the stacks of {len(clips)} clips come from the cache", file=sys.stderr)
        return found
    read = functools.partial(_read_clips, clips, protocol, protocol.inputs, points, progress)
    return make_stacks(path, protocol.inputs, shape, {**about, **settings}, read)


def _stacks_in_memory(clips, protocol, names, points, progress):
    """Arrays and notes."""
    stacks = {name: np.empty(_shape(clips, protocol), np.uint8) for name in names}

    def keep(position, of_clip):
        for name, stack in of_clip.items():
            stacks[name][position] = stack

    return stacks, _read_clips(clips, protocol, names, points, progress, keep)


def _shape(clips, protocol):
    return (len(clips), protocol.size, protocol.size, protocol.frames)


def _demand_length(clips, protocol):
    """Refuse frame folders that are too short, all at once; a video tells its length when read."""
    folders = [clip for clip in clips if not isinstance(clip.frames, datasets.Video)]
    short = [f"{clip.id} ({len(clip.frames)})" for clip in folders if len(clip.frames) < protocol.frames]
    if short:
        raise MicroExpError(
            f"expected at least {protocol.frames} frames in every clip, found fewer in {len(short)} of {len(clips)}: "
            f'{", ".join(short)}. Restore or remove these clips; see data/README.md, "Frame folders".'
        )


def _demand_one_size(clip, images):
    size = images[0].shape
    for index, image in enumerate(images):
        if image.shape != size:
            raise MicroExpError(
                f"{clip.frame_name(index)}: expected {size[0]}x{size[1]} pixels as in the clip's first frame, found "
                f"{image.shape[0]}x{image.shape[1]}. Restore this frame."
            )


def _read_clips(clips, protocol, names, points, progress, keep):
    """Call `keep(position, stacks)` for every clip from several threads; give the notes of all clips."""
    notes = [()] * len(clips)

    def read(position):
        clip = clips[position]
        if points is None:
            stacks = {"face": _stack(_seen_frames(clip, protocol), protocol)}
        else:
            images = list(_seen_frames(clip, protocol))
            _demand_one_size(clip, images)
            settled, notes[position] = landmarks.settle(
                clip, points(clip, images), images[0].shape[:2], protocol.landmark_faults
            )
            cut = [landmarks.regions(image, settled[time]) for time, image in enumerate(images)]
            stacks = {name: _stack((regions[name] for regions in cut), protocol) for name in names}
        keep(position, stacks)

    what = "reading clips" if points is None else "finding eyes and mouth"
    in_threads(read, range(len(clips)), what, progress=progress)
    return [note for of_clip in notes for note in of_clip]


def _stack(images, protocol):
    """Gray images of a clip, uint8 (rows, columns, time)."""
    stack = np.empty((protocol.size, protocol.size, protocol.frames), np.uint8)
    for time, image in enumerate(images):
        stack[:, :, time] = gray(image, protocol.size)
    return stack


def _seen_frames(clip, protocol):
    """Colour frames in the order of channels in which the protocol takes them for blue, green, red."""
    for frame in read_frames(clip, protocol.frames):
        yield np.ascontiguousarray(frame[..., ::-1]) if protocol.swapped_colours else frame


def gray(image, size):
    """Resize first, then turn gray."""
    return cv2.cvtColor(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
