"""From a data folder, or the original's arrays, to the samples of a protocol: names, subjects, labels and stacks."""

import functools
import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras import datasets, landmarks
from microexp_keras.datasets import Problem, oddities
from microexp_keras.datasets.tree import as_notes, by_kind
from microexp_keras.notes import Note
from microexp_keras.preprocessing import original_npy
from microexp_keras.preprocessing.stack_cache import Stacks, pixel_digest
from microexp_keras.preprocessing.stacks import (
    LandmarkSource,
    cached_stacks,
    identity_of,
    require_length,
    stacks_in_memory,
)
from microexp_keras.protocols.protocol import Protocol
from microexp_keras.text import counted


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
        `stack_cache.Stacks`. The original's arrays are float32, standardised already.
    clips : int array (samples,)
        Number of the clip that each sample shows: copies of a clip have the same.
    mislabelled : bool array (samples,)
        Whether the label is not that of the clip's folder.
    synthetic : bool
        Whether this package generated the clips.
    notes : list of str
        What a reader of the scores must know of how they came about.
    problems : list of Problem
        What in the data folder is not as it should be, though it does not stop training.
    databases : list of str or None
        Of which each clip is, as a table of several databases says; empty without one.
    """

    names: list[str]
    subjects: list[str | None]
    labels: np.ndarray
    stacks: Mapping[str, np.ndarray | Stacks]
    clips: np.ndarray
    mislabelled: np.ndarray
    synthetic: bool = False
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    databases: list[str | None] = field(default_factory=list)

    @property
    def all_notes(self) -> list[Note]:
        """The notes, and one for each kind of problem."""
        return [*map(Note.of, self.notes), *as_notes(self.problems)]

    def databases_of(self, positions: Sequence[int] | np.ndarray) -> list[str | None]:
        """Return the databases of some clips, none if the table does not name any."""
        return [self.databases[position] for position in positions] if self.databases else []

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over names, subjects, labels and pixels, as text: which data this is."""
        digest = hashlib.sha256()
        for sample in zip(self.names, self.subjects, self.labels, strict=True):
            digest.update(os.fsencode("{}\0{}\0{}\n".format(*sample)))
        for name, stacks in self.stacks.items():
            digest.update(f"{name} {stacks.dtype} {stacks.shape}".encode())
            digest.update(b"".join(self._digests[name]))
        return digest.hexdigest()

    @functools.cached_property
    def pixels(self) -> np.ndarray:
        """Number of the first sample with the same pixels in all inputs, int array (samples,)."""
        seen: dict[tuple[bytes, ...], int] = {}
        of_samples = zip(*self._digests.values(), strict=True)
        return np.array([seen.setdefault(digests, position) for position, digests in enumerate(of_samples)])

    @functools.cached_property
    def _digests(self) -> dict[str, list[bytes]]:
        """Of the pixels of each sample, for every input."""
        return {
            name: [digest.tobytes() for digest in stacks.digests]
            if isinstance(stacks, Stacks)
            else [pixel_digest(stack) for stack in stacks]
            for name, stacks in self.stacks.items()
        }


def load_samples(
    root: str | Path,
    protocol: Protocol,
    points: LandmarkSource | None = None,
    progress: bool = True,
    cache: bool = True,
    **options: Any,
) -> Samples:
    """Read the clips below `root` as the protocol specifies.

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
    tree = datasets.read_tree(root, protocol.database, frames=protocol.frames, **options)
    clips = tree.clips
    notes = [f"{counted(count, 'clip')} left out: {reason}." for reason, count in tree.left_out.items()]
    synthetic = datasets.are_synthetic(clips)
    require_length(clips, protocol)
    points = None if protocol.network.on_whole_face else points or landmarks.DlibLandmarks()
    stacks: Mapping[str, np.ndarray | Stacks]
    if cache and (points is None or identity_of(points)):
        about = {"origin": protocol.database.origin(synthetic), "folder": os.path.abspath(root)}
        stacks, remarks = cached_stacks(clips, protocol, points, about, progress)
    else:
        stacks, remarks = stacks_in_memory(clips, protocol, protocol.inputs, points, progress)
    notes += [remark for remark in remarks if isinstance(remark, str)]
    problems = [*tree.problems, *oddities.numbering(clips), *(one for one in remarks if isinstance(one, Problem))]
    order, labels = arrange([clip.label for clip in clips], protocol)
    copies = [np.count_nonzero(order[:place] == position) for place, position in enumerate(order)]
    if len(order) > len(clips):
        stacks = {
            name: stack.arranged(order) if isinstance(stack, Stacks) else stack[order] for name, stack in stacks.items()
        }
        notes.append(f"{len(clips)} clips stand {len(order)} times in the arrays: some of them twice.")
    samples = Samples(
        names=[f"{clips[p].id}#{copy + 1}" if copy else clips[p].id for p, copy in zip(order, copies, strict=True)],
        subjects=[clips[position].subject for position in order],
        labels=labels,
        stacks=stacks,
        clips=order,
        mislabelled=labels != [clips[position].label for position in order],
        synthetic=synthetic,
        notes=notes,
        problems=problems,
        databases=[clips[position].database for position in order] if any(clip.database for clip in clips) else [],
    )
    problems += _twice(samples, clips)
    if problems and progress:
        kinds = ", ".join(f"{kind} ({len(some)})" for kind, some in by_kind(problems).items())
        print(f"note: worth knowing of the data: {kinds}; the report says where", file=sys.stderr)
    return samples


def _twice(samples: Samples, clips: Sequence[datasets.Clip]) -> Iterator[Problem]:
    """Yield the clips whose pixels, as the network sees them, are those of another."""
    shown = dict(zip(samples.clips.tolist(), samples.clips[samples.pixels].tolist(), strict=True))
    for clip, other in shown.items():
        if clip != other:
            yield Problem(
                "same clip twice",
                oddities.clip_name(clips[clip]),
                f"expected every clip once, found the pixels of {oddities.clip_name(clips[other])}",
                "Remove one of them, or they may stand on both sides of a split.",
                False,
            )


def load_arrays(images_paths: Sequence[str | Path], labels_path: str | Path, protocol: Protocol) -> Samples:
    """Load training arrays that the original programs saved, exactly as they are.

    Parameters
    ----------
    images_paths, labels_path
        See `original_npy.read`.
    protocol : protocols.Protocol

    Returns
    -------
    Samples
        Whose clips they show is not known; whether they are synthetic, the file beside them says.
    """
    stacks, labels = original_npy.read(images_paths, labels_path, protocol.inputs, protocol.database.num_classes)
    return Samples(
        names=original_npy.names(images_paths[0], len(labels)),
        subjects=[None] * len(labels),
        labels=labels,
        stacks=stacks,
        clips=np.arange(len(labels)),
        mislabelled=np.zeros(len(labels), bool),
        synthetic=original_npy.are_synthetic(images_paths),
        notes=["Trained on arrays. Whose clips they hold is not known: people may be on both sides of the split."],
    )


def arrange(labels: Sequence[int] | np.ndarray, protocol: Protocol) -> tuple[np.ndarray, np.ndarray]:
    """Arrange clips, given class by class, in the order of the protocol's arrays.

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
