"""From a data folder to what is in it and what is wrong with it: `python -m microexp_keras.datasets check`.

What stops training is an error, what is only worth knowing a warning or an info. Training says some of it too, by the
functions below `check`.
"""

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from microexp_keras.datasets.clips import Clip, Table, are_synthetic, frame_numbers, natural_order
from microexp_keras.datasets.database import DISTRIBUTED, Database, get_database
from microexp_keras.datasets.find import find_dataset, read_table
from microexp_keras.datasets.frames import VideoFile, frames_read, read_image, without_apex
from microexp_keras.errors import SYNTHETIC_CLIPS, Issue, MicroExpError, grouped, shortened
from microexp_keras.parallel import in_threads
from microexp_keras.text import by, counted

TITLES = {"error": "Stops training", "warning": "Worth knowing", "info": "Left out or decided"}

READ = {"first": "the first {} are read", "apex": "{} around the apex are read"}

AS_MEANT = "Nothing needs to be done if these are the clips you mean; else unpack the archive again."

SAME_CLIP = "Remove one of them, or they may stand on both sides of a split."


class Medium(NamedTuple):
    """What reading an image or a video showed."""

    size: tuple[int, int] | None = None  # columns and rows; None if nothing could be decoded
    digest: bytes = b""  # of the file's content
    length: int = 0  # frames that can be decoded
    error: MicroExpError | None = None  # why not all could be decoded


# By the path of the image or video.
Media = dict[Path, Medium]


def read_media(clips: Sequence[Clip], progress: bool) -> Media:
    """Read every file of the clips once, as training does but to the end, on threads."""
    videos = {clip.path for clip in clips if clip.video}
    paths = [*videos, *(path for clip in clips for path in clip.images)]

    def read(path: Path) -> Medium:
        size, length, digest, problem = None, 0, b"", None
        try:
            if path in videos:
                with VideoFile(path) as video:
                    for frame in video.frames():
                        size, length = size or video.image(frame).shape[1::-1], length + 1
            else:
                size, length = read_image(path).shape[1::-1], 1
        except MicroExpError as error:
            problem = error
        if size:
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha1").digest()
        return Medium(size, digest, length, problem)

    return dict(zip(paths, in_threads(read, paths, "reading files", "file", progress), strict=True))


def clip_length(clip: Clip, media: Media) -> int:
    """Return how many frames there are from the first of a clip to its last, or the end of its video."""
    if not clip.video:
        return len(clip.images)
    end = media[clip.path].length if clip.video.last is None else min(media[clip.path].length, clip.video.last + 1)
    return max(0, end - clip.video.first)


class Report(NamedTuple):
    """What `check` found."""

    table: Table
    facts: dict[str, Any]  # as `--json` prints them beside the issues

    @property
    def issues(self) -> list[Issue]:
        """Those of the table."""
        return self.table.issues

    @property
    def stops_training(self) -> bool:
        """Whether anything would make training fail."""
        return bool(self.table.errors)

    def as_json(self) -> dict[str, Any]:
        """Return it as values that JSON can hold."""
        issues = [issue._asdict() for issue in self.issues]
        return {**self.facts, "issues": issues, "stops_training": self.stops_training}

    def as_text(self) -> str:
        """Return it as text for a person."""
        table, facts = self.table, self.facts
        camera = f", camera {table.camera}" if table.camera else ""
        lines = [
            f"{table.database.origin(facts['synthetic'])}, tree {table.layout}{camera}, in {table.root}",
            *([f"annotated by {table.workbook} ({table.annotated} clips)"] if table.workbook else []),
            *([str(SYNTHETIC_CLIPS)] if facts["synthetic"] else []),
            "",
        ]
        classes, counts, lengths = table.database.class_names, facts["clips_by_subject"], facts["clips_by_frames"]
        every = [sum(clip.label == label for clip in table.clips) for label in range(len(classes))]
        sums = [(name, *cells, sum(cells)) for name, cells in (*counts.items(), ("all", every))]
        rows = [("subject", *classes, "clips"), *sums]
        wide = max(map(len, ("subject ", *counts))) + 1
        lines += [f"{name:<{wide}}" + "".join(f" {cell:>11}" for cell in cells) for name, *cells in rows]
        lines.append("")
        if lengths:
            videos = any(clip.video and clip.length is None for clip in table.clips)
            what = "frames from a clip's first to its video's end" if videos else "frames of a clip"
            each = np.repeat([*lengths], [*lengths.values()])
            read = READ.get(facts["sampling"], "all are read and brought to {}").format(facts["frames_read"])
            sizes = [f"{size} ({files} files)" for size, files in facts["files_by_size"].items()]
            lines += [
                f"{what}: {each.min()} to {each.max()}, median {int(np.median(each))}; {read}",
                f"columns x rows: {', '.join(shortened(sizes))}",
            ]
        for level, title in TITLES.items():
            groups = grouped(issue for issue in self.issues if issue.level == level)
            if groups or level != "info":
                lines += ["", f"{title}:" if groups else f"{title}: nothing"]
            for hint, texts in groups:
                lines += [*[f"* {text}" for text in shortened(texts)], *[f"  {hint}"] * bool(hint)]
        return "\n".join(lines)


def check(
    root: str | Path,
    dataset: str | Database | None = None,
    frames: int | None = None,
    sampling: str | None = None,
    progress: bool = True,
    **options: str | None,
) -> Report:
    """Look at everything that training would read; `frames` and `sampling` are by default as the database says."""
    database = get_database(dataset or find_dataset(root))
    as_published = database.in_paper and frames is None and sampling is None
    frames, sampling = frames or database.frames, sampling or database.sampling
    table = read_table(root, database, frames, strict=False, **options)
    media = read_media(table.clips, progress)
    sizes = [{size for path in clip.images or (clip.path,) if (size := media[path].size)} for clip in table.clips]
    table.issues += [
        *_differences(table),
        *_spoiled(table, media, frames, sampling),
        *_short(table, media, frames, as_published),
        *(_without_apex(table) if sampling == "apex" else ()),
        *numbering(table.clips),
        *(of_one_subject(table.clips, database.class_names) if database.is_table else ()),
        *mixed_sizes(table.clips, sizes),
        *_twice(table, media),
    ]
    clips = Counter((clip.subject or "(unknown)", clip.label) for clip in table.clips)
    lengths = Counter(clip_length(clip, media) for clip in table.clips)
    files = Counter(medium.size for medium in media.values() if medium.size)
    facts = {
        "dataset": database.name,
        "synthetic": are_synthetic(table.clips),
        "layout": table.layout,
        "root": str(table.root),
        "camera": table.camera,
        "workbook": str(table.workbook) if table.workbook else None,
        "annotated": table.annotated,
        "classes": database.class_names,
        "clips": len(table.clips),
        "clips_by_subject": {
            subject: [clips[subject, label] for label in range(database.num_classes)]
            for subject in sorted({subject for subject, _ in clips})
        },
        "frames_read": frames,
        "sampling": sampling,
        "clips_by_frames": dict(sorted(lengths.items())),
        "files_by_size": {by(size): count for size, count in sorted(files.items())},
    }
    return Report(table, facts)


def _differences(table: Table) -> Iterator[Issue]:
    """Yield what the database as distributed has more of, or less."""
    database = table.database
    # What is published is of a database's first camera, for which a tree without a camera's name is taken.
    if not table.clips or database.name not in DISTRIBUTED or table.camera not in (None, *database.cameras[:1]):
        return
    known, counts = DISTRIBUTED[database.name], Counter((clip.subject, clip.label) for clip in table.clips)
    by_subject = known.get("by_subject", {})
    found, names = {subject for subject, _ in counts if subject}, {*known.get("subjects", ()), *by_subject}
    for subject in sorted(found ^ names) if names else ():
        there = "no subject of the database as distributed" if subject in found else "no clip of this subject"
        yield Issue("warning", subject, there, AS_MEANT)
    compared: list[tuple[object, str, int | None, int | None]] = [
        (table.root, "subjects", len(found), known.get("people")),
        (table.workbook, "annotated clips", table.annotated, known["annotated"]),
    ]
    for label, name in enumerate(database.class_names):
        clips = sum(clip.label == label for clip in table.clips)
        compared.append((name, "clips", clips, known["clips"][label] if "clips" in known else None))
        for subject in sorted(found & {*by_subject}) if table.annotated is None else ():
            compared.append((f"{subject} {name}", "clips", counts[subject, label], by_subject[subject][label]))
    for where, what, count, distributed in compared:
        if None not in (count, distributed) and count != distributed:
            yield Issue("warning", str(where), f"{count} {what}, as distributed {distributed}", AS_MEANT)


def _spoiled(table: Table, media: Media, frames: int, sampling: str) -> Iterator[Issue]:
    """Yield files that cannot be read to their end."""
    needed: dict[Path, float] = {}  # frames of a video that are read; of an image all
    for clip in table.clips:
        part = frames_read(clip, frames, sampling)
        end = clip.video.first + part.stop if clip.video and part.stop is not None else math.inf
        for path in clip.images[part] or (clip.path,):
            needed[path] = max(needed.get(path, 0), end)
    for path, medium in media.items():
        if medium.error:
            level = "error" if medium.length < needed.get(path, 0) else "warning"
            yield medium.error.issues[0]._replace(level=level)


def _short(table: Table, media: Media, frames: int, as_published: bool) -> Iterator[Issue]:
    """Yield the clips of too few frames, but for videos that are cut off, which is told elsewhere."""
    rule = table.database.more_frames_than if as_published else None
    least = frames if rule is None else rule + 1
    lengths = {clip: clip_length(clip, media) for clip in table.clips if clip.images or not media[clip.path].error}
    short = {clip: length for clip, length in lengths.items() if length < least}
    level, hint = "info", f"Brought to {frames} frames by temporal interpolation."
    if rule is not None:
        level, hint = left_out_by_the_paper(table.clips, short, rule, frames)
    elif as_published and table.database.sampling != "interpolate":
        level, hint = "error", f"Take --protocol loso, which brings them to {frames} by temporal interpolation."
    for clip, length in short.items():
        text = f"has {length} frames, fewer than {least}"
        if clip.video and clip.video.first:
            text += f", of the video's {media[clip.path].length} from frame {clip.video.first} on"
        if length < 2:
            yield Issue("error", clip_name(clip), f"has {counted(length, 'frame')}", "Restore or remove this clip.")
        else:
            yield Issue(level, clip_name(clip), text, hint)


def _without_apex(table: Table) -> Iterator[Issue]:
    missing = without_apex(table.clips)
    hint = "Read around their middle; if no clip has one, take --sampling interpolate, which needs none."
    for name in missing:
        yield Issue("error" if len(missing) == len(table.clips) else "info", name, "no apex is annotated", hint)


def _twice(table: Table, media: Media) -> Iterator[Issue]:
    """Yield the clips that show the very frames of another."""
    seen: dict[tuple, Clip] = {}
    for clip in sorted(table.clips, key=lambda clip: natural_order(clip.id)):
        content = [media[path].digest or path for path in clip.images or (clip.path,)]  # unreadable: like no other
        other = seen.setdefault((*content, clip.video and clip.video[1:]), clip)
        if other is not clip:
            yield Issue("warning", clip_name(clip), f"has the very frames of {clip_name(other)}", SAME_CLIP)


def clip_name(clip: Clip) -> str:
    """Name a clip for a message: its path, after its id where the path does not hold it."""
    return str(clip.path) if clip.path.stem == clip.id else f"{clip.id} in {clip.path}"


def numbering(clips: Sequence[Clip]) -> Iterator[Issue]:
    """Yield the clips in whose numbered frames some are missing, or two have one number."""
    for clip in clips:
        numbers = sorted(number for number in frame_numbers(clip.images) if number is not None)
        steps = [*itertools.pairwise(numbers)] if len(numbers) == len(clip.images) else []
        if gaps := [(before + 1, after - before - 1) for before, after in steps if after > before + 1]:
            more = sum(missing for _, missing in gaps) - 1
            text = f"frame number {gaps[0][0]} is missing{f', and {more} more after it' if more else ''}"
            yield Issue("warning", clip_name(clip), text, "Restore the frames.")
        if again := [number for number, after in steps if number == after]:
            text = f"frame number {again[0]} is there more than once"
            yield Issue("warning", clip_name(clip), text, "Remove the copies.")


def mixed_sizes(clips: Sequence[Clip], found: Sequence[set[tuple[int, int]]]) -> Iterator[Issue]:
    """Yield clips of several sizes; `found` are columns and rows of the frames of each clip."""
    places = [(clip_name(clip), "frames", sizes) for clip, sizes in zip(clips, found, strict=True) if len(sizes) > 1]
    for where, what, sizes in places or [("all clips", "clips", set().union(*found))]:
        if len(sizes) > 1:
            text = f"{what} of several sizes: {', '.join(shortened([by(size) for size in sorted(sizes)]))}"
            hint = "Training resizes every frame to a square: faces are squeezed differently."
            yield Issue("warning", where, text, hint)


def of_one_subject(clips: Sequence[Clip], class_names: Sequence[str]) -> Iterator[Issue]:
    """Yield the classes that a single subject shows."""
    for label, name in enumerate(class_names):
        whose = [clip.subject for clip in clips if clip.label == label]
        if len(set(whose)) == 1 and whose[0]:
            text = f"shown by subject {whose[0]} only ({counted(len(whose), 'clip')})"
            yield Issue("warning", f"class {name}", text, "With that subject left out, no training clip shows it.")


def left_out_by_the_paper(clips: Sequence[Clip], short: Collection[Clip], rule: int, frames: int) -> tuple[str, str]:
    """Return level and hint of what is short under the paper's rule: an error if all clips of a class are."""
    loses_a_class = {clip.label for clip in clips} > {clip.label for clip in clips if clip not in short}
    rest = "leave out all of some class: take --protocol loso." if loses_a_class else "leave them out."
    hint = (
        f"The paper keeps clips with more than {rule} frames (section IV.A.2), so protocols upstream and paper {rest} "
        f"All other protocols bring them to {frames} frames by temporal interpolation."
    )
    return "error" if loses_a_class else "info", hint
