"""From clips to uint8 stacks of gray frames, of whole faces or of eyes and mouth, pixel for pixel as the original.

The cache keeps those of a data set as plain .npy, uint8 (inputs, clips, rows, columns, time). A .json beside it says
what its reader must know; both are under one checksum.
"""

import functools
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from microexp_keras import cache, landmarks
from microexp_keras.atomic import replacing, reserve, write_json
from microexp_keras.datasets import Clip, check
from microexp_keras.datasets.frames import frames_read, part_of, read_frames, without_apex
from microexp_keras.errors import Issue, MicroExpError
from microexp_keras.landmarks import Landmarks
from microexp_keras.landmarks.face_box import cut_faces
from microexp_keras.parallel import in_threads
from microexp_keras.preprocessing.tim import interpolate
from microexp_keras.protocols.protocol import Protocol
from microexp_keras.text import by, counted, span

FORMAT = 7  # of the cache's files; another number makes all of them anew

Remark = str | Issue
"""What must be known of clips that were read: a note, or something in the data folder that is not as it should be."""

LandmarkSource = Callable[[Clip, Sequence[np.ndarray], int], Landmarks]
"""Gives the points of frames of a clip, from that of a number (its first is 0) on; see `microexp_keras.landmarks`."""


def face_stacks(clips: Sequence[Clip], protocol: Protocol, progress: bool = True) -> np.ndarray:
    """Read the frames of each clip, resize them and turn them gray.

    The frame is resized with `INTER_AREA` first and turned gray afterwards; the other order gives other levels.

    Parameters
    ----------
    clips : list of Clip
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
        If a clip is too short (all short clips are named), or a frame cannot be decoded or is cut off.

    References
    ----------
    `SMIC/MicroExpSTCNN.py:32-39`, `CASME-SQUARE/MicroExpSTCNN.py:32-40`.
    """
    return read_stacks(clips, protocol, None, progress)[0]["face"]


def region_stacks(
    clips: Sequence[Clip], protocol: Protocol, points: LandmarkSource | None = None, progress: bool = True
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Cut eyes and mouth out of each frame by its landmarks, resize the regions and turn them gray.

    As `face_stacks`, but for what follows.

    Parameters
    ----------
    points : callable, optional
        `(clip, images, first) -> landmarks.Landmarks`; by default `landmarks.DlibLandmarks()`.

    Returns
    -------
    dict of str to uint8 array (clips, rows, columns, time), 0-255
        `eyes` and `mouth`.
    list of str
        Which frames took the points of their neighbours, which clips were brought to more frames, and which have no
        apex where the protocol asks for it.

    Raises
    ------
    MicroExpError
        As `face_stacks`, and if a face is missing and the protocol stops there.

    References
    ----------
    `SMIC/Intermediate_MicroFuseNet.py:62-80`; the other three programs of the fused networks do the same.
    """
    stacks, remarks = read_stacks(clips, protocol, points or landmarks.DlibLandmarks(), progress)
    notes = [remark for remark in remarks if isinstance(remark, str)]
    return dict(stacks), notes


def read_stacks(
    clips: Sequence[Clip], protocol: Protocol, points: LandmarkSource | None, progress: bool, keep: bool = False
) -> tuple[Mapping[str, np.ndarray], list[Remark]]:
    """Return stacks and remarks: of whole faces without a source of `points`, else of eyes and mouth.

    With `keep` they come from the cache, where they are put first if they are not there. What is cut by points of a
    source without `identity()` is not kept.
    """
    _require_frames(clips, protocol)
    names = ("face",) if points is None else ("eyes", "mouth")
    shape = (len(names), len(clips), protocol.size, protocol.size, protocol.frames)
    read = functools.partial(_read_clips, clips, protocol, points, progress)
    identity = getattr(points, "identity", lambda: None)()  # a text that changes whenever the points may
    if keep and (points is None or identity):
        path = cache.place("stacks", f"{_cache_key(clips, protocol, names, identity)}.npy")
        kept = kept_stacks(path, names, shape)
        if kept and progress:
            print(f"the stacks of {counted(len(clips), 'clip')} come from the cache", file=sys.stderr)
        if not kept:
            make_stacks(path, shape, read)
            kept = kept_stacks(path, names, shape)
        if kept:
            return kept
    levels = np.empty(shape, np.uint8)
    remarks = read(levels)
    return dict(zip(names, levels, strict=True)), remarks


def _require_frames(clips: Sequence[Clip], protocol: Protocol) -> None:
    """Refuse clips that are known to be too short, all at once, and `apex` where no clip has one; no frame is read."""
    least = _least(protocol)
    if short := [f"{clip.id} ({clip.length})" for clip in clips if clip.length is not None and clip.length < least]:
        raise _too_short(f"{len(short)} of {len(clips)} clips", ", ".join(short), protocol)
    if protocol.sampling == "apex" and len(without_apex(clips)) == len(clips):
        raise MicroExpError(
            f"sampling apex: no apex is annotated for any of these clips of {protocol.database.title} (SMIC-HS as "
            "distributed has none). Take --sampling interpolate, which needs none."
        )


def _least(protocol: Protocol) -> int:
    """Frames that a clip must have; interpolation wants two."""
    return protocol.frames if protocol.reads_as_published and protocol.sampling != "interpolate" else 2


def _too_short(where: str | Path, found: str, protocol: Protocol) -> MicroExpError:
    loso = f", or take --protocol loso, which brings every clip to {protocol.frames} frames by temporal interpolation"
    remedy = f"Restore or remove what is short{loso * protocol.reads_as_published}."
    return MicroExpError(where, f"{found}, but at least {_least(protocol)} frames are needed", remedy)


def _read_clips(
    clips: Sequence[Clip], protocol: Protocol, points: LandmarkSource | None, progress: bool, levels: np.ndarray
) -> list[Remark]:
    """Fill `levels`, uint8 (inputs, clips, rows, columns, time), from several threads; give what is to be known."""
    notes: list[list[str]] = [[] for _ in clips]
    sizes: list[set[tuple[int, int]]] = [set() for _ in clips]

    def read(position: int) -> int:
        inputs = _shown_frames(clips[position], protocol, points, sizes[position], notes[position])
        for of_input, images in zip(levels, inputs, strict=True):
            stack = np.stack([gray(image, protocol.size) for image in images], axis=2)
            length = stack.shape[2]
            of_input[position] = stack if length == protocol.frames else interpolate(stack, protocol.frames)
        return length

    what = "reading clips" if points is None else "finding eyes and mouth"
    lengths = in_threads(read, range(len(clips)), what, progress=progress)
    return [
        *_short_notes(clips, lengths, protocol),
        *(note for of_clip in notes for note in of_clip),
        *check.mixed_sizes(clips, sizes),
    ]


def _shown_frames(
    clip: Clip, protocol: Protocol, points: LandmarkSource | None, sizes: set[tuple[int, int]], notes: list[str]
) -> list[Iterable[np.ndarray]]:
    """Return the colour frames that each input of a network sees of a clip; add to sizes and notes."""
    part = frames_read(clip, protocol.frames, protocol.sampling)
    frames = _frames(clip, part, protocol, sizes)
    if points is None:
        return [cut_faces(part_of(clip, part), list(frames)) if protocol.crop == "face" else frames]
    images = list(frames)
    if protocol.landmark_faults == "neighbours" and len(sizes) > 1:  # points move between frames of one size only
        said = ", ".join(map(by, sorted(sizes)))
        raise MicroExpError(clip.path, f"has frames of several sizes: {said}", "Restore its frames.")
    shapes = [image.shape for image in images]
    found = points(clip, images, part.start)
    settled, remarks = landmarks.fill_missing_landmarks(part_of(clip, part), found, shapes, protocol.landmark_faults)
    notes += remarks
    cut = [landmarks.regions(image, of_frame) for image, of_frame in zip(images, settled, strict=True)]
    return [[regions[name] for regions in cut] for name in ("eyes", "mouth")]


def _frames(clip: Clip, part: slice, protocol: Protocol, sizes: set[tuple[int, int]]) -> Iterator[np.ndarray]:
    """Colour frames in the order of channels in which the protocol takes them for blue, green, red."""
    seen = 0
    for frame in read_frames(clip, part):
        seen += 1
        sizes.add(frame.shape[1::-1])
        yield np.ascontiguousarray(frame[..., ::-1]) if protocol.swapped_colours else frame
    if seen < _least(protocol):
        raise _too_short(clip.path, f"only {seen} can be decoded", protocol)


def gray(image: np.ndarray, size: int) -> np.ndarray:
    """Resize first, then turn gray."""
    return cv2.cvtColor(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)


def _short_notes(clips: Sequence[Clip], lengths: Sequence[int], protocol: Protocol) -> Iterable[str]:
    """Yield which clips have fewer frames than the protocol wants, and which no apex, where that changes them."""
    short = {clip.id: length for clip, length in zip(clips, lengths, strict=True) if length < protocol.frames}
    if short and protocol.sampling != "interpolate":
        named = ", ".join(f"{name} ({length})" for name, length in short.items())
        if len(short) == len(clips):
            named = f"all {len(clips)} clips ({span(short.values())})"
        wanted = protocol.frames
        yield f"Of fewer than {wanted} frames, and brought to {wanted} by temporal interpolation: {named}."
    if protocol.sampling == "apex" and (missing := without_apex(clips)):
        yield f"Read around their middle, for no apex is annotated: {', '.join(missing)}."


def _cache_key(clips: Sequence[Clip], protocol: Protocol, names: tuple[str, ...], identity: str | None) -> str:
    """Return the key of what is read of some clips: SHA-256 over all that decides on the pixels; no frame is read."""
    decisive = ("dataset", "frames", "size", "swapped_colours", "sampling", "reads_as_published", "crop")
    settings: dict[str, Any] = {name: getattr(protocol, name) for name in decisive}
    settings |= {"inputs": names, "opencv": cv2.__version__}
    if identity:
        settings |= {"landmark_faults": protocol.landmark_faults, "landmarks": identity}
    elif protocol.crop == "face":
        settings["landmarks"] = landmarks.DlibLandmarks.identity()
    digest = hashlib.sha256(json.dumps([FORMAT, settings]).encode())
    frames = protocol.frames if protocol.sampling == "first" else None
    for clip in clips:
        own = [clip.id, clip.subject, clip.label, None if frames else clip.apex, clip.video and clip.video[1:]]
        said: list[Any] = [os.path.abspath(clip.path), *own]
        for path in map(str, clip.images[:frames] or [clip.path]):
            status = os.stat(path)
            # No program can set back the time of the last change of any kind, `st_ctime`.
            said += [os.path.basename(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns]
        digest.update(repr(said).encode())
    return digest.hexdigest()


def kept_stacks(
    path: Path, names: Sequence[str], shape: Sequence[int]
) -> tuple[dict[str, np.ndarray], list[Remark]] | None:
    """Map the stacks that a .npy keeps, and give their remarks; None without, or if damaged, which is said."""
    try:
        said = json.loads(path.with_suffix(".json").read_bytes())
        levels = np.asarray(np.lib.format.open_memmap(path, mode="r"))
        if said["sha256"] != _seal(said["remarks"], levels) or levels.shape != tuple(shape):
            raise ValueError("it is not what was written")
        remarks = [remark if isinstance(remark, str) else Issue(*remark) for remark in said["remarks"]]
        return dict(zip(names, levels, strict=True)), remarks
    except FileNotFoundError:
        return None
    except Exception:  # json and numpy fail in many ways on damaged files
        print(f"{path}: damaged, so the clips are read again.", file=sys.stderr)
        return None


def make_stacks(path: Path, shape: Sequence[int], read: Callable[[np.ndarray], list[Remark]]) -> None:
    """Write the stacks that `read` fills in, and the remarks that it gives; nothing if that fails."""
    with replacing(path, remedy=cache.REMEDY) as temporary:
        levels = np.lib.format.open_memmap(temporary, "w+", np.uint8, tuple(shape))
        reserve(temporary, temporary.stat().st_size)  # a full disk ends a program that writes to a mapping
        remarks = read(levels)
        sha256 = _seal(remarks, levels)
        levels.flush()
        del levels
    write_json(path.with_suffix(".json"), {"remarks": remarks, "sha256": sha256})


def _seal(remarks: Sequence[Any], levels: np.ndarray) -> str:
    """SHA-256 of remarks and stacks."""
    digest = hashlib.sha256(json.dumps([remarks, levels.dtype.str, levels.shape]).encode())
    digest.update(levels.data)
    return digest.hexdigest()
