"""From clips and the headers of their images to what training does away with, once for all who read them."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from microexp_keras.datasets.clips import Clip
from microexp_keras.datasets.frames import ODD, Header
from microexp_keras.datasets.scan import frame_numbers
from microexp_keras.errors import SHOWN, Issue
from microexp_keras.text import counted

SAME_CLIP = "Remove one of them, or they may stand on both sides of a split."


def clip_name(clip: Clip) -> str:
    """Name a clip for a message: its path, after its id where the path does not hold it."""
    return str(clip.path) if clip.path.stem == clip.id else f"{clip.id} in {clip.path}"


def numbering(clips: Sequence[Clip]) -> Iterator[Issue]:
    """Yield the clips in whose numbered frames some are missing, or two have one number."""
    for clip in clips:
        numbers = sorted(number for number in frame_numbers(clip.images) if number is not None)
        if not numbers or len(numbers) < len(clip.images):
            continue
        steps = [*itertools.pairwise(numbers)]
        if gaps := [(before + 1, after - before - 1) for before, after in steps if after > before + 1]:
            more = sum(missing for _, missing in gaps) - 1
            text = f"frame number {gaps[0][0]} is missing{f', and {more} more after it' if more else ''}"
            yield Issue("warning", clip_name(clip), text, "Restore the frames.")
        if again := [number for number, after in steps if number == after]:
            text = f"frame number {again[0]} is there more than once"
            yield Issue("warning", clip_name(clip), text, "Remove the copies.")


def pictures(clips: Sequence[Clip], headers: Mapping[Path, Header]) -> Iterator[Issue]:
    """Yield what is odd about the images of clips by the headers that were read, one issue for each kind and clip."""
    for clip in clips:
        own = {path: headers[path] for path in clip.images if path in headers}
        for what, hint in ODD.items():
            if paths := [path for path, header in own.items() if what in header.odd]:
                yield Issue("warning", clip_name(clip), f"{what}, {len(paths)} of {len(own)}: {paths[0].name}", hint)


def sizes(clips: Sequence[Clip], known: Mapping[Path, tuple[int, int] | None]) -> Iterator[Issue]:
    """Yield the clips with frames of several sizes; if there are none, say whether clips differ from each other."""
    hint = "Training resizes every frame to a square: faces are squeezed differently."
    of_clips = {clip: {known.get(path) for path in clip.images or (clip.path,)} - {None} for clip in clips}
    mixed = {clip: own for clip, own in of_clips.items() if len(own) > 1}
    for clip, own in mixed.items():
        yield Issue("warning", clip_name(clip), f"frames of several sizes: {_written(own)}", hint)
    every = set().union(*of_clips.values())
    if len(every) > 1 and not mixed:
        yield Issue("warning", "all clips", f"clips of several sizes: {_written(every)}", hint)


def _written(sizes: Iterable[tuple[int, int] | None]) -> str:
    found = sorted(filter(None, sizes))
    more = f" and {len(found) - SHOWN} more" * (len(found) > SHOWN)
    return ", ".join(f"{columns}x{rows}" for columns, rows in found[:SHOWN]) + more


def of_one_subject(clips: Sequence[Clip], class_names: Sequence[str]) -> Iterator[Issue]:
    """Yield the classes that a single subject shows."""
    for label, name in enumerate(class_names):
        whose = [clip.subject for clip in clips if clip.label == label]
        if len(set(whose)) == 1 and whose[0]:
            text = f"shown by subject {whose[0]} only ({counted(len(whose), 'clip')})"
            yield Issue("warning", f"class {name}", text, "With that subject left out, no training clip shows it.")


def left_out_by_the_paper(clips: Sequence[Clip], short: Mapping[Clip, int], rule: int, frames: int) -> tuple[str, str]:
    """Return level and hint of what is short under the paper's rule: an error if all clips of a class are."""
    loses_a_class = {clip.label for clip in clips} > {clip.label for clip in clips if clip not in short}
    rest = "leave out all of some class: take --protocol loso." if loses_a_class else "leave them out."
    hint = (
        f"The paper keeps clips with more than {rule} frames (section IV.A.2), so protocols upstream and paper {rest}"
    )
    return (
        "error" if loses_a_class else "info",
        f"{hint} All other protocols bring them to {frames} frames by temporal interpolation.",
    )
