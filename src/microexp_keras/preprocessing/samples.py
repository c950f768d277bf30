"""From a data folder, or the original's arrays, to the samples of a protocol and to the folds that divide them."""

import functools
import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras import datasets, landmarks
from microexp_keras.datasets import check
from microexp_keras.datasets.frames import frames_read
from microexp_keras.errors import Issue, MicroExpError, grouped, shortened, warning
from microexp_keras.preprocessing import original_npy
from microexp_keras.preprocessing.stacks import LandmarkSource, read_stacks
from microexp_keras.protocols import Fold, Protocol
from microexp_keras.text import counted


@dataclass(frozen=True, repr=False)
class Samples:
    """What a protocol makes of a data folder, or of the original's arrays."""

    names: list[str]  #: The second copy of a clip is `NAME#2`.
    subjects: list[str | None]  #: None where nobody knows.
    labels: np.ndarray  #: int (samples,)
    #: For every input of the network, `face`, or `eyes` and `mouth`: uint8 gray levels, 0-255, (samples, rows, columns,
    #: time). The original's arrays are float32, standardised already.
    stacks: Mapping[str, np.ndarray]
    clips: np.ndarray  #: int (samples,): number of the clip that each sample shows; copies of a clip have the same.
    mislabelled: np.ndarray  #: bool (samples,): whether the label is not that of the clip's folder.
    synthetic: bool = False  #: Whether this package generated the clips.
    notes: list[str] = field(default_factory=list)  #: Caveats on scores.
    #: What was left out, and what in the data folder is not as it should be, though it does not stop training.
    issues: list[Issue] = field(default_factory=list)
    #: Of which each clip is, as a table of several databases says; empty without one.
    databases: list[str | None] = field(default_factory=list)
    #: Position of the annotated apex in each stack, None where none is annotated or it is not among the frames read;
    #: empty if nobody knows.
    apexes: list[int | None] = field(default_factory=list)

    def __repr__(self) -> str:
        subjects = counted(len(self.subjects_of(range(len(self.names)))), "subject")
        stacks = ", ".join(f"{name} {one.dtype} {one.shape}" for name, one in self.stacks.items())
        return f"{counted(len(self.names), 'sample')} of {subjects}: {stacks}"

    @property
    def all_notes(self) -> list[Issue]:
        """The notes, and one for each kind of issue."""
        found = [Issue.of(note) for note in self.notes]
        for level in ("info", "warning"):
            for hint, texts in grouped(issue for issue in self.issues if issue.level == level):
                text = f"{'; '.join(shortened(texts))}. {hint}".rstrip()
                found.append(Issue.of(text) if level == "info" else warning(f"data: {text}"))
        return found

    def databases_of(self, positions: Sequence[int] | np.ndarray) -> list[str | None]:
        """Return the databases of some clips, none if the table does not name any."""
        return [self.databases[position] for position in positions] if self.databases else []

    def subjects_of(self, positions: Sequence[int] | np.ndarray) -> list[str]:
        """Return the known subjects of some clips, each once, sorted."""
        return sorted({subject for position in positions if (subject := self.subjects[position]) is not None})

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over names, subjects, labels and pixels, as text: which data this is."""
        digest = hashlib.sha256()
        for sample in zip(self.names, self.subjects, self.labels, strict=True):
            digest.update(os.fsencode("{}\0{}\0{}\n".format(*sample)))
        for (name, stacks), digests in zip(self.stacks.items(), self._digests, strict=True):
            digest.update(f"{name} {stacks.dtype} {stacks.shape}".encode())
            digest.update(bytes.fromhex("".join(digests)))
        return digest.hexdigest()

    @functools.cached_property
    def pixels(self) -> np.ndarray:
        """Number of the first sample with the same pixels in all inputs, int array (samples,)."""
        seen: dict[tuple[str, ...], int] = {}
        of_samples = zip(*self._digests, strict=True)
        return np.array([seen.setdefault(digests, position) for position, digests in enumerate(of_samples)])

    @functools.cached_property
    def _digests(self) -> list[list[str]]:
        """Of the pixels of each sample, for every input."""
        return [
            [hashlib.sha256(np.ascontiguousarray(stack).data).hexdigest() for stack in stacks]
            for stacks in self.stacks.values()
        ]


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
    root, **options
        Where they are, and which of several trees, cameras, labels and expressions: see `datasets.find_clips`.
    protocol : protocols.Protocol
    points : callable, optional
        For the networks on eyes and mouth: where the landmarks come from, see `region_stacks`.
    progress : bool
        Show a progress bar on stderr.
    cache : bool
        Keep the stacks in `cache.folder()` and read no frame where they are there already. Stacks cut by the points of
        a source without `identity()` are never kept.
    """
    table = datasets.read_table(root, protocol.database, frames=protocol.frames, **options)
    synthetic = datasets.are_synthetic(table.clips)
    clips, left_out = _follow_the_paper(table, protocol)
    points = None if protocol.network.on_whole_face else points or landmarks.DlibLandmarks()
    stacks, remarks = read_stacks(clips, protocol, points, progress, cache)
    notes = [remark for remark in remarks if isinstance(remark, str)]
    issues = [*table.issues, *left_out, *check.numbering(clips), *(one for one in remarks if isinstance(one, Issue))]
    if protocol.unseen_subjects:
        issues += check.of_one_subject(clips, protocol.database.class_names)
    order, labels = arrange([clip.label for clip in clips], protocol)
    if len(order) > len(clips):
        stacks = {name: stack[order] for name, stack in stacks.items()}
        notes.append(f"{len(clips)} clips stand {len(order)} times in the arrays: some of them twice.")
    again = np.diff(order, prepend=-1) == 0
    samples = Samples(
        names=[clips[clip].id + ("#2" if copy else "") for clip, copy in zip(order, again, strict=True)],
        subjects=[clips[position].subject for position in order],
        labels=labels,
        stacks=stacks,
        clips=order,
        mislabelled=labels != [clips[position].label for position in order],
        synthetic=synthetic,
        notes=notes,
        issues=issues,
        databases=[clips[position].database for position in order] if any(clip.database for clip in clips) else [],
        apexes=[apex_read(clips[position], protocol) for position in order],
    )
    for clip, other in dict(zip(order.tolist(), order[samples.pixels].tolist(), strict=True)).items():
        if clip != other:
            where, text = check.clip_name(clips[clip]), f"has the pixels of {check.clip_name(clips[other])}"
            issues.append(Issue("warning", where, text, check.SAME_CLIP))
    if issues and progress:
        print(f"note: {counted(len(issues), 'remark')} on the data, which the report lists", file=sys.stderr)
    return samples


def apex_read(clip: datasets.Clip, protocol: Protocol) -> int | None:
    """Return the position of a clip's annotated apex among the frames that a protocol reads, None if not there."""
    if clip.apex is None or clip.length is None:
        return None
    read = range(clip.length)[frames_read(clip, protocol.frames, protocol.sampling)]
    if clip.apex not in read:
        return None
    return round(read.index(clip.apex) * (protocol.frames - 1) / max(len(read) - 1, 1))


def _follow_the_paper(table: datasets.Table, protocol: Protocol) -> tuple[list[datasets.Clip], list[Issue]]:
    """Return the clips that the paper's rule keeps, and issues with those that it leaves out."""
    rule = protocol.more_frames_than
    if rule is None:
        return table.clips, []
    short = {clip: clip.length for clip in table.clips if clip.length is not None and clip.length <= rule}
    level, hint = check.left_out_by_the_paper(table.clips, short, rule, protocol.frames)
    text = "too short" if level == "error" else "left out"
    issues = [Issue(level, f"{clip.id} ({length} frames)", text, hint) for clip, length in short.items()]
    if issues and level == "error":
        raise MicroExpError.of(table.root, issues, "The command check lists all of them.")
    return [clip for clip in table.clips if clip not in short], issues


def load_arrays(images_paths: Sequence[str | Path], labels_path: str | Path, protocol: Protocol) -> Samples:
    """Load arrays that the original programs saved, exactly as they are: see `original_npy.read`."""
    stacks, labels = original_npy.read(images_paths, labels_path, protocol.inputs, protocol.database.num_classes)
    return Samples(
        names=[f"{Path(images_paths[0]).name}[{position}]" for position in range(len(labels))],
        subjects=[None] * len(labels),
        labels=labels,
        stacks=stacks,
        clips=np.arange(len(labels)),
        mislabelled=np.zeros(len(labels), bool),
        synthetic=original_npy.are_synthetic(images_paths),
    )


def arrange(labels: Sequence[int] | np.ndarray, protocol: Protocol) -> tuple[np.ndarray, np.ndarray]:
    """Arrange clips, whose labels ascend, in the order of the protocol's arrays, as in the programs.

    Gives for each sample the position of the clip that it shows, copies of a clip one after the other, and the class
    that it is taken for, int arrays (samples,). `SMIC/Intermediate_MicroFuseNet.py:133-149`.
    """
    labels = np.asarray(labels)
    order = np.repeat(np.arange(len(labels)), np.where(labels == labels.max(), protocol.last_class_copies, 1))
    if not protocol.labels_by_position:
        return order, labels[order]
    by_position = np.zeros(len(order), int)
    by_position[: len(labels)] = labels  # the positions are the numbers of clips in the class folders
    return order, by_position


def folds(protocol: Protocol, samples: Samples) -> list[Fold]:
    """Return the folds of a protocol, after checking that they keep what it promises.

    Raises
    ------
    MicroExpError
        If the protocol promises unseen subjects, and a test subject or clip is also among those of training or
        validation, be it under another name.
    """
    divided = protocol.split(samples.labels, samples.subjects)
    if not protocol.network.has_epochs:
        divided = [fold.without_validation() for fold in divided]
    for fold in divided if protocol.unseen_subjects else ():
        known = np.concatenate([fold.train, fold.validation])
        if shared := {samples.subjects[clip] for clip in known} & {samples.subjects[clip] for clip in fold.test}:
            found = f"test subjects are in training or validation too: {', '.join(map(str, shared))}"
            raise MicroExpError(f"protocol {protocol.name}", found, "This is a fault of the split: please report it.")
        same = np.argwhere(samples.pixels[fold.test][:, None] == samples.pixels[known])
        if len(same):
            one, other = samples.names[fold.test[same[0, 0]]], samples.names[known[same[0, 1]]]
            found = f"the same pixels are in {one} and {other}, clips of different subjects"
            raise MicroExpError(f"protocol {protocol.name}", found, "Remove the one that is misfiled.")
    return divided


def remarks(fold: Fold, samples: Samples, right: np.ndarray | None = None) -> list[str]:
    """Say why a fold's score is not the accuracy on new clips; `right`: which of `fold.test` are correct."""
    said = []
    seen, wrong = np.isin(fold.test, fold.train), samples.mislabelled[fold.test]
    twins = np.isin(samples.clips[fold.test], samples.clips[fold.train]) & ~seen
    same = np.isin(samples.pixels[fold.test], samples.pixels[fold.train]) & ~seen & ~twins
    if wrong.any():
        said.append(f"{wrong.sum()} of the {len(wrong)} test labels go by position and differ from the clips' folders.")
    if seen.any():
        said.append(f"{seen.sum()} of the {len(seen)} test clips are training clips too, so the score is optimistic.")
    if seen.any() and right is not None and not seen.all():
        hits, doubts = right[~seen], wrong[~seen].sum()
        labels = f"; {doubts} of these have a label that is not their folder's" if doubts else ""
        said.append(f"Accuracy on the other {counted(len(hits), 'clip')}: {hits.mean():.2%} ({hits.sum()}){labels}.")
    if twins.any():
        said.append(f"{twins.sum()} of the test clips are second copies of training clips.")
    if same.any():
        said.append(f"{same.sum()} of the test clips have the same pixels as training clips under other names.")
    if set(fold.validation) & set(fold.test):
        said.append("The best epoch is chosen on test clips, so the score is optimistic.")
    if shared := {*samples.subjects_of(fold.train)} & {*samples.subjects_of(fold.test)}:
        unseen = "synthetic subjects" if samples.synthetic else "people"
        said.append(
            f"Training and test share {counted(len(shared), 'subject')}, so this is not accuracy on unseen {unseen}."
        )
    return said
