"""From a data folder to what is in it, what would stop training and what is worth knowing. Reads every pixel."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from microexp_keras.datasets import casme2, oddities, smic
from microexp_keras.datasets.clips import Clip, are_synthetic
from microexp_keras.datasets.database import DATABASES
from microexp_keras.datasets.find import find_dataset, find_layout, read_tree
from microexp_keras.datasets.folders import natural_order
from microexp_keras.datasets.media import Media, clip_length, read_media
from microexp_keras.datasets.oddities import clip_name
from microexp_keras.datasets.tree import Problem, Tree
from microexp_keras.errors import MicroExpError


@dataclass(frozen=True)
class Report:
    """What `check` found.

    Attributes
    ----------
    tree : Tree
    frames : int
        How many frames of each clip will be read.
    lengths : dict of int to int
        How many clips have how many frames; a video has as many as can be decoded.
    sizes : dict of (int, int) to int
        How many files have how many columns and rows.
    published : dict of str to tuple of int, or None
        Clips of each class by subject in the database as distributed, where that is known.
    synthetic : bool
        Whether this package generated clips of it.
    problems : list of Problem
    """

    tree: Tree
    frames: int
    lengths: dict[int, int]
    sizes: dict[tuple[int, int], int]
    published: Mapping[str, tuple[int, ...]] | None
    synthetic: bool
    problems: list[Problem]

    @property
    def stops_training(self) -> bool:
        """Whether any problem would make training fail."""
        return any(problem.stops_training for problem in self.problems)

    def counts(self) -> dict[str, tuple[int, ...]]:
        """Clips of each class by subject."""
        classes = range(len(DATABASES[self.tree.dataset].class_names))
        counted = Counter((clip.subject, clip.label) for clip in self.tree.clips)
        subjects = sorted({clip.subject for clip in self.tree.clips} | set(self.published or ()))
        return {subject: tuple(counted[subject, label] for label in classes) for subject in subjects}


def check(
    root: str | Path,
    dataset: str | None = None,
    layout: str | None = None,
    camera: str | None = None,
    labels: str | None = None,
    expressions: str | None = None,
    frames: int | None = None,
    progress: bool = True,
) -> Report:
    """Look at everything that training would read.

    Parameters
    ----------
    root, dataset, layout, camera, labels, expressions, frames
        As in `datasets.find_clips`; `dataset=None` finds out which it is.
    progress : bool
        Show a progress bar on stderr.

    Returns
    -------
    Report

    Raises
    ------
    MicroExpError
        If it is not clear which clips are meant, or there are none.
    """
    dataset = dataset or find_dataset(root)
    layout_read = find_layout(root, dataset, layout, camera, labels, expressions)
    frames = frames or DATABASES[dataset].frames
    try:
        tree = read_tree(root, dataset, layout, camera, labels, expressions, frames, strict=False)
    except MicroExpError as error:
        tree = Tree(dataset, layout_read, [], problems=[Problem.of("cannot be read", error)])
    media = read_media(tree.clips, progress)
    problems = [*tree.problems, *_published(tree), *_spoiled(tree.clips, media, frames)]
    problems += [
        *_short(tree, media, frames),
        *oddities.numbering(tree.clips),
        *oddities.pictures(tree.clips, {path: medium.header for path, medium in media.items() if medium.header}),
        *oddities.sizes(tree.clips, {path: medium.size for path, medium in media.items()}),
        *_twice(tree.clips, media),
    ]
    return Report(
        tree=tree,
        frames=frames,
        lengths=dict(sorted(Counter(clip_length(clip, media) for clip in tree.clips).items())),
        sizes=dict(sorted(Counter(medium.size for medium in media.values() if medium.size).items())),
        published=_published_counts(tree),
        synthetic=are_synthetic(tree.clips),
        problems=problems,
    )


def _published_counts(tree: Tree) -> Mapping[str, tuple[int, ...]] | None:
    """Clips by subject and class are known of SMIC-HS alone, for which a tree without a camera's name is taken."""
    known = tree.dataset == "smic" and tree.layout.name != "smic-e" and tree.layout.camera in (None, "HS")
    return smic.PUBLISHED if known else None


def _published(tree: Tree) -> Iterator[Problem]:
    """Yield what the database as distributed has more of, or less."""
    remedy = "Nothing needs to be done if these are the clips you mean; else unpack the archive again."
    distributed = {"smic": (smic.PUBLISHED, smic.ANNOTATED), "casme2": (casme2.SUBJECTS, casme2.ANNOTATED)}
    if not tree.clips or tree.layout.camera not in (None, "HS") or tree.dataset not in distributed:
        return  # what is published of the other cameras is not known here
    known, annotated = distributed[tree.dataset]
    subjects = {clip.subject for clip in tree.clips}
    for subject in sorted(set(known) - subjects):
        yield Problem("missing subject", subject, "expected clips of this subject, found none", remedy, False)
    for subject in sorted(subjects - set(known)):
        yield Problem("unknown subject", subject, "expected only the database's subjects, found another", remedy, False)
    counts = _published_counts(tree) or {}
    for subject in sorted(subjects & set(counts)):
        for label, name in enumerate(DATABASES[tree.dataset].class_names):
            clips = sum(clip.subject == subject and clip.label == label for clip in tree.clips)
            if clips != counts[subject][label]:
                expected = f"expected {counts[subject][label]} clips, as distributed, found {clips}"
                yield Problem("clips missing or added", f"{subject} {name}", expected, remedy, False)
    if tree.annotated not in (None, annotated):
        expected = f"expected {annotated} annotated clips, as distributed, found {tree.annotated}"
        yield Problem("clips missing or added", str(tree.workbook), expected, remedy, False)


def _spoiled(clips: Sequence[Clip], media: Media, frames: int) -> Iterator[Problem]:
    """Yield files that cannot be read to their end, and what is odd about the others."""
    read = {path for clip in clips for path in clip.images[:frames]}
    read |= {clip.path for clip in clips if clip.video and clip_length(clip, media) < frames}
    videos = {clip.path for clip in clips if clip.video}
    for path, medium in media.items():
        if not medium.size:
            what = "video" if path in videos else "image"
            error = medium.error or MicroExpError(
                path, f"a whole {what}", "one that cannot be decoded", f"Restore this {what}."
            )
            yield Problem.of(f"unreadable {what}", error, path in read or path in videos)
        elif medium.cut_off:
            found = f"expected {medium.promised} frames, found {medium.length} that can be decoded: "
            found += f"frame {medium.length} (the first is 0) is cut off"
            yield Problem("video cut off", str(path), found, "Restore this video.", path in read)
        if medium.uneven:
            found = "expected frames at equal times, found steps of {:.0f} to {:.0f} ms".format(*medium.uneven)
            remedy = "Frames are read one after the other, whatever their times."
            yield Problem("uneven frame rate", str(path), found, remedy, False)


def _short(tree: Tree, media: Media, frames: int) -> Iterator[Problem]:
    """Yield the clips of too few frames, but for videos that are cut off."""
    remedy = "Restore or remove this clip."
    if tree.dataset == "casme2" and tree.layout.name in ("selectedpic", "cropped"):
        remedy = f"This tree holds the expressions alone; read {frames} frames of each from rawvideo or rawpic."
    for clip in tree.clips:
        length, medium = clip_length(clip, media), media.get(clip.path)
        if length >= frames or (medium and (not medium.size or medium.cut_off)):
            continue
        found = f"expected at least {frames} frames, found {length}"
        if medium and clip.video:
            found = f"expected {clip.video.first + frames} frames in the video, found {medium.length}"
        yield Problem("short clip", clip_name(clip), found, remedy, True)


def _twice(clips: Sequence[Clip], media: Media) -> Iterator[Problem]:
    """Yield the clips that show the very frames of another."""
    seen: dict[tuple, Clip] = {}
    for clip in sorted(clips, key=lambda clip: natural_order(clip.id)):
        content = [media[path].digest or path for path in clip.images or (clip.path,)]  # unreadable: like no other
        other = seen.setdefault((*content, clip.video and clip.video.first), clip)
        if other is not clip:
            yield Problem(
                "same clip twice",
                clip_name(clip),
                f"expected every clip once, found the frames of {clip_name(other)}",
                "Remove one of them, or they may stand on both sides of a split.",
                False,
            )
