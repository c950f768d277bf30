"""From clips to uint8 stacks of gray frames, of whole faces or of eyes and mouth, pixel for pixel as the original."""

import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from microexp_keras import cache, landmarks
from microexp_keras.datasets import Clip, oddities
from microexp_keras.datasets.frames import read_frames
from microexp_keras.datasets.image_header import Header
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks import Landmarks
from microexp_keras.landmarks.face_box import cut_faces
from microexp_keras.parallel import in_threads
from microexp_keras.preprocessing.stack_cache import Remark, Stacks, clips_key, kept_stacks, make_stacks
from microexp_keras.preprocessing.tim import interpolate
from microexp_keras.protocols.protocol import Protocol
from microexp_keras.text import counted

LandmarkSource = Callable[[Clip, Sequence[np.ndarray]], Landmarks]
"""Gives the points of the frames of a clip; see `microexp_keras.landmarks`."""


def identity_of(points: LandmarkSource) -> str | None:
    """Return the text that changes whenever a source's points may, None for a source without."""
    identity = getattr(points, "identity", None)
    return identity() if identity else None


def face_stacks(clips: Sequence[Clip], protocol: Protocol, progress: bool = True) -> np.ndarray:
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
    require_length(clips, protocol)
    return stacks_in_memory(clips, protocol, ("face",), None, progress)[0]["face"]


def region_stacks(
    clips: Sequence[Clip], protocol: Protocol, points: LandmarkSource | None = None, progress: bool = True
) -> tuple[dict[str, np.ndarray], list[str]]:
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
    require_length(clips, protocol)
    points = points or landmarks.DlibLandmarks()
    stacks, remarks = stacks_in_memory(clips, protocol, ("eyes", "mouth"), points, progress)
    return stacks, [remark for remark in remarks if isinstance(remark, str)]


def cached_stacks(
    clips: Sequence[Clip], protocol: Protocol, points: LandmarkSource | None, about: dict[str, str], progress: bool
) -> tuple[Mapping[str, Stacks | np.ndarray], list[Remark]]:
    """Return stacks and remarks from the cache, where they are put first if they are not there and this user may."""
    names = ("dataset", "inputs", "frames", "size", "swapped_colours")
    settings: dict[str, Any] = {name: getattr(protocol, name) for name in names}
    if points:
        settings |= {"landmark_faults": protocol.landmark_faults, "landmarks": identity_of(points)}
    if protocol.all_frames:
        settings["all_frames"] = True
    if protocol.crop == "face":
        settings |= {"crop": protocol.crop, "landmarks": landmarks.DlibLandmarks.identity()}
    key = clips_key(clips, None if protocol.all_frames else protocol.frames, {**settings, "opencv": cv2.__version__})
    path, shape = cache.place("stacks", key), _shape(clips, protocol)
    kept = kept_stacks(path, protocol.inputs, shape)
    if kept:
        if progress:
            print(f"the stacks of {counted(len(clips), 'clip')} come from the cache", file=sys.stderr)
        return kept
    if not cache.may_write(path):
        if progress:
            print(f"the cache {path.parent} is not yours to write: nothing is kept of these clips", file=sys.stderr)
        return stacks_in_memory(clips, protocol, protocol.inputs, points, progress)
    read = functools.partial(_read_clips, clips, protocol, protocol.inputs, points, progress)
    return make_stacks(path, protocol.inputs, shape, {**about, **settings}, read)


def stacks_in_memory(
    clips: Sequence[Clip], protocol: Protocol, names: Sequence[str], points: LandmarkSource | None, progress: bool
) -> tuple[dict[str, np.ndarray], list[Remark]]:
    """Arrays and remarks."""
    stacks = {name: np.empty(_shape(clips, protocol), np.uint8) for name in names}

    def keep(position: int, of_clip: dict[str, np.ndarray]) -> None:
        for name, stack in of_clip.items():
            stacks[name][position] = stack

    return stacks, _read_clips(clips, protocol, names, points, progress, keep)


def _shape(clips: Sequence[Clip], protocol: Protocol) -> tuple[int, int, int, int]:
    return (len(clips), protocol.size, protocol.size, protocol.frames)


def require_length(clips: Sequence[Clip], protocol: Protocol) -> None:
    """Refuse clips that are too short, all at once; a video that is read to its end tells its length when read."""
    least = _least(protocol)
    short = [f"{clip.id} ({clip.length})" for clip in clips if clip.length is not None and clip.length < least]
    if short:
        raise MicroExpError(
            f"{len(short)} of {len(clips)} clips",
            f"at least {least} frames",
            ", ".join(short),
            'Restore or remove these clips; see data/README.md, "Frame folders".'
            if protocol.database.in_paper
            else "Take fewer --frames or --sampling interpolate, or leave these clips out.",
        )


def _require_one_size(clip: Clip, images: list[np.ndarray]) -> None:
    size = images[0].shape
    for index, image in enumerate(images):
        if image.shape != size:
            raise MicroExpError(
                str(clip.frame_name(index)),
                f"{size[0]}x{size[1]} pixels as in the clip's first frame",
                f"{image.shape[0]}x{image.shape[1]}",
                "Restore this frame.",
            )


def _read_clips(
    clips: Sequence[Clip],
    protocol: Protocol,
    names: Sequence[str],
    points: LandmarkSource | None,
    progress: bool,
    keep: Callable[[int, dict[str, np.ndarray]], None],
) -> list[Remark]:
    """Call `keep(position, stacks)` for every clip from several threads; give what is to be known of all clips."""
    notes: list[list[str]] = [[] for _ in clips]
    headers: dict[Path, Header] = {}

    def read(position: int) -> None:
        clip = clips[position]
        if points is None:
            frames: Iterable[np.ndarray] = _seen_frames(clip, protocol, headers)
            if protocol.crop == "face":
                frames = cut_faces(clip, list(frames))
            stacks = {"face": _stack(frames, protocol)}
        else:
            images = list(_seen_frames(clip, protocol, headers))
            _require_one_size(clip, images)
            settled, notes[position] = landmarks.settle(
                clip, points(clip, images), images[0].shape[:2], protocol.landmark_faults
            )
            cut = [landmarks.regions(image, settled[time]) for time, image in enumerate(images)]
            stacks = {name: _stack((regions[name] for regions in cut), protocol) for name in names}
        keep(position, stacks)

    what = "reading clips" if points is None else "finding eyes and mouth"
    in_threads(read, range(len(clips)), what, progress=progress)
    sizes = {path: header.size for path, header in headers.items()}
    return [
        *(note for of_clip in notes for note in of_clip),
        *oddities.pictures(clips, headers),
        *oddities.sizes(clips, sizes),
    ]


def _stack(images: Iterable[np.ndarray], protocol: Protocol) -> np.ndarray:
    """Gray images of a clip, uint8 (rows, columns, time)."""
    if protocol.all_frames:
        return interpolate(np.stack([gray(image, protocol.size) for image in images], axis=2), protocol.frames)
    stack = np.empty((protocol.size, protocol.size, protocol.frames), np.uint8)
    for time, image in enumerate(images):
        stack[:, :, time] = gray(image, protocol.size)
    return stack


def _seen_frames(clip: Clip, protocol: Protocol, headers: dict[Path, Header]) -> Iterator[np.ndarray]:
    """Colour frames in the order of channels in which the protocol takes them for blue, green, red."""
    seen = 0
    for frame in read_frames(clip, None if protocol.all_frames else protocol.frames, headers):
        seen += 1
        yield np.ascontiguousarray(frame[..., ::-1]) if protocol.swapped_colours else frame
    if seen < _least(protocol):
        raise MicroExpError(
            clip.path, f"at least {_least(protocol)} frames", f"{seen} that can be decoded", "Restore this video."
        )


def _least(protocol: Protocol) -> int:
    """Frames that a clip must have; interpolation wants two."""
    return 2 if protocol.all_frames else protocol.frames


def gray(image: np.ndarray, size: int) -> np.ndarray:
    """Resize first, then turn gray."""
    return cv2.cvtColor(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
