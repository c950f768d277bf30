"""From a data folder to what is in it, what would stop training and what is worth knowing. Reads every pixel."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from microexp_keras.datasets import oddities
from microexp_keras.datasets.clips import Clip, are_synthetic, is_synthetic
from microexp_keras.datasets.database import Database, get_database
from microexp_keras.datasets.find import find_dataset, find_layout, read_tree, reader_of
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
        classes = range(len(self.tree.database.class_names))
        counted = Counter((clip.subject, clip.label) for clip in self.tree.clips)
        subjects = sorted({clip.subject for clip in self.tree.clips} | set(self.published or ()))
        return {subject: tuple(counted[subject, label] for label in classes) for subject in subjects}


def check(
    root: str | Path,
    dataset: str | Database | None = None,
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
    database = get_database(dataset or find_dataset(root))
    layout_read = find_layout(root, database, layout, camera, labels, expressions)
    frames = frames or database.frames
    try:
        tree = read_tree(root, database, layout, camera, labels, expressions, frames, strict=False)
    except MicroExpError as error:
        tree = Tree(database, layout_read, [], problems=[Problem.of("cannot be read", error)])
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
        synthetic=are_synthetic(tree.clips) or is_synthetic(tree.layout.root),
        problems=problems,
    )


def _published_counts(tree: Tree) -> Mapping[str, tuple[int, ...]] | None:
    """Clips by subject and class are known of SMIC-HS alone, without a workbook; see `_known_camera`."""
    distributed = reader_of(tree.database).DISTRIBUTED
    return distributed.by_subject if distributed and tree.annotated is None and _known_camera(tree) else None


def _known_camera(tree: Tree) -> bool:
    """What is published is of a database's first camera, for which a tree without a camera's name is taken."""
    return tree.layout.camera in (None, *tree.database.cameras[:1])


def _published(tree: Tree) -> Iterator[Problem]:
    """Yield what the database as distributed has more of, or less."""
    remedy = "Nothing needs to be done if these are the clips you mean; else unpack the archive again."
    distributed = reader_of(tree.database).DISTRIBUTED
    if not tree.clips or not _known_camera(tree) or distributed is None:
        return
    known, subjects = distributed.subjects, {clip.subject for clip in tree.clips}
    for subject in sorted(set(known) - subjects):
        yield Problem("missing subject", subject, "expected clips of this subject, found none", remedy, False)
    for subject in sorted(subjects - set(known)) if known else ():
        yield Problem("unknown subject", subject, "expected only the database's subjects, found another", remedy, False)
    if distributed.people not in (None, len(subjects)):
        expected = f"expected clips of {distributed.people} subjects, as distributed, found {len(subjects)}"
        yield Problem("subjects missing or added", str(tree.layout.root), expected, remedy, False)
    for label, (name, clips) in enumerate(zip(tree.database.class_names, distributed.clips or (), strict=False)):
        found = sum(clip.label == label for clip in tree.clips)
        if found != clips:
            expected = f"expected {clips} clips, as distributed, found {found}"
            yield Problem("clips missing or added", name, expected, remedy, False)
    counts = _published_counts(tree) or {}
    for subject in sorted(subjects & set(counts)):
        for label, name in enumerate(tree.database.class_names):
            clips = sum(clip.subject == subject and clip.label == label for clip in tree.clips)
            if clips != counts[subject][label]:
                expected = f"expected {counts[subject][label]} clips, as distributed, found {clips}"
                yield Problem("clips missing or added", f"{subject} {name}", expected, remedy, False)
    if tree.annotated not in (None, distributed.annotated):
        expected = f"expected {distributed.annotated} annotated clips, as distributed, found {tree.annotated}"
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
    remedy, distributed = "Restore or remove this clip.", reader_of(tree.database).DISTRIBUTED
    if not tree.database.in_paper:
        remedy = "Take fewer --frames or --sampling interpolate, or leave this clip out."
    if tree.database.sampling == "interpolate":
        frames = 2
    if distributed and tree.layout.name in distributed.short:
        remedy = distributed.short[tree.layout.name].format(frames=frames)
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
        other = seen.setdefault((*content, clip.video and clip.video[1:]), clip)
        if other is not clip:
            yield Problem(
                "same clip twice",
                clip_name(clip),
                f"expected every clip once, found the frames of {clip_name(other)}",
                "Remove one of them, or they may stand on both sides of a split.",
                False,
            )
