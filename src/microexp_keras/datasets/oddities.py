"""From clips and the headers of their images to what training does away with, once for all who read them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from microexp_keras.datasets.clips import Clip
from microexp_keras.datasets.folders import frame_number
from microexp_keras.datasets.image_header import Header
from microexp_keras.datasets.tree import SHOWN, Problem

Size = tuple[int, int]
"""Columns and rows."""


def clip_name(clip: Clip) -> str:
    """Name a clip for a message: its path, after its id where the path does not hold it."""
    return str(clip.path) if clip.path.stem == clip.id else f"{clip.id} in {clip.path}"


def numbering(clips: Sequence[Clip]) -> Iterator[Problem]:
    """Yield the clips in whose numbered frames some are missing, or two have one number."""
    for clip in clips:
        numbers = [number for image in clip.images if (number := frame_number(image)) is not None]
        if not numbers or len(numbers) < len(clip.images):
            continue
        first, last, different = min(numbers), max(numbers), set(numbers)
        missing = last - first + 1 - len(different)
        if missing:
            gap = next(number for number in sorted(different) if number + 1 not in different) + 1
            found = f"expected frames {first} to {last}, found {missing} missing, first {gap}"
            yield Problem("missing frames", clip_name(clip), found, "Restore the frames.", False)
        again = [number for number, times in Counter(numbers).items() if times > 1]
        if again:
            found = f"expected every frame once, found number {again[0]} more than once"
            yield Problem("repeated frame number", clip_name(clip), found, "Remove the copies.", False)


def pictures(clips: Sequence[Clip], headers: Mapping[Path, Header]) -> Iterator[Problem]:
    """Yield what is odd about the images of clips, one problem for each kind and clip.

    Parameters
    ----------
    clips : sequence of Clip
    headers : dict of Path to Header
        Of the images that were read.
    """
    for clip in clips:
        own = {path: headers[path] for path in clip.images if path in headers}
        kinds = {
            ("16-bit image", "8 bits a channel", "more", "The upper 8 bits are read; make sure they hold the face."): [
                path for path, header in own.items() if header.bits > 8
            ],
            ("alpha channel", "no transparency", "a channel of it", "It is not read."): [
                path for path, header in own.items() if header.alpha
            ],
            ("turned image", "images as they are stored", "a rotation noted in the file", "It is applied."): [
                path for path, header in own.items() if header.rotation > 1
            ],
        }
        for (kind, expected, found, remedy), paths in kinds.items():
            if paths:
                where = f" in {len(paths)} of {len(own)} frames of {clip.id}"
                yield Problem(kind, str(paths[0]), f"expected {expected}, found {found}{where}", remedy, False)


def sizes(clips: Sequence[Clip], known: Mapping[Path, Size | None]) -> Iterator[Problem]:
    """Yield the clips with frames of several sizes; if there are none, say whether clips differ from each other.

    Parameters
    ----------
    clips : sequence of Clip
    known : dict of Path to (int, int) or None
        Columns and rows of the images and videos that were read.
    """
    remedy = "Training resizes every frame to a square: faces are squeezed differently."
    mixed, all_sizes = False, Counter[Size]()
    for clip in clips:
        own = {size for path in clip.images or (clip.path,) if (size := known.get(path))}
        all_sizes.update(own)
        if len(own) > 1:
            mixed = True
            yield Problem("mixed sizes", clip_name(clip), f"expected one size, found {_written(own)}", remedy, False)
    if len(all_sizes) > 1 and not mixed:
        found = f"expected clips of one size, found {_written(sorted(all_sizes)[:SHOWN])}"
        found += f" and {len(all_sizes) - SHOWN} more" * (len(all_sizes) > SHOWN)
        yield Problem("clips of several sizes", "all clips", found, remedy, False)


def _written(sizes: Iterable[Size]) -> str:
    return ", ".join(f"{columns}x{rows}" for columns, rows in sorted(sizes))
