"""From clips to what training does away with, said alike by `check` and by what reads clips."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from microexp_keras.datasets.clips import Clip
from microexp_keras.datasets.scan import frame_numbers
from microexp_keras.errors import Issue, shortened
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


def sizes(clips: Sequence[Clip], found: Sequence[set[tuple[int, int]]]) -> Iterator[Issue]:
    """Yield clips of several sizes; `found` are columns and rows of the frames of each clip."""
    hint = "Training resizes every frame to a square: faces are squeezed differently."
    mixed = [(clip_name(clip), own) for clip, own in zip(clips, found, strict=True) if len(own) > 1]
    for name, own in mixed:
        yield Issue("warning", name, f"frames of several sizes: {_written(own)}", hint)
    every = set().union(*found)
    if len(every) > 1 and not mixed:
        yield Issue("warning", "all clips", f"clips of several sizes: {_written(every)}", hint)


def _written(sizes: Iterable[tuple[int, int]]) -> str:
    return ", ".join(shortened([f"{columns}x{rows}" for columns, rows in sorted(sizes)]))


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
