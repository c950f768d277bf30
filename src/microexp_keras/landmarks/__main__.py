"""From a data folder to a table of points, or to a sheet of frames with points and boxes drawn into them."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from microexp_keras import datasets
from microexp_keras.console import command, command_line
from microexp_keras.datasets import Clip
from microexp_keras.datasets.database import Database
from microexp_keras.datasets.options import MEANINGS
from microexp_keras.landmarks.dlib_detector import DlibLandmarks
from microexp_keras.landmarks.points import POINTS, UNKNOWN, Landmarks, find_faults, listed, write_csv
from microexp_keras.landmarks.preview import clip_at, draw_sheet
from microexp_keras.parallel import in_threads
from microexp_keras.text import counted


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    return command_line("landmarks", MEANINGS)


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Run the subcommand that was asked for."""
    args = parser().parse_args(argv)
    {"detect": _detect, "preview": _preview}[args.command](args)


def _detect(args: argparse.Namespace) -> None:
    from microexp_keras.datasets.frames import frames_read, read_frames

    database = datasets.database_of(args, args.data, args.dataset)
    count, source = args.frames or database.frames, DlibLandmarks()
    data = datasets.data_of(args, database)
    clips = datasets.find_clips(data, database, frames=count, **datasets.chosen_options(args))

    def detect(clip: Clip) -> tuple[Landmarks, list[str | None]]:
        part = frames_read(clip, count, args.sampling or database.sampling)
        images = [*_shown(read_frames(clip, part), database)]
        found = source(clip, images)
        before = Landmarks(np.full(part.start, UNKNOWN), np.zeros((part.start, POINTS, 2), np.int32))
        faults = [*[None] * part.start, *find_faults(found, [image.shape for image in images])]
        return Landmarks(*map(np.concatenate, zip(before, found, strict=True))), faults

    results = in_threads(detect, clips, "finding faces")
    if args.out:
        write_csv(args.out, {clip.id: found for clip, (found, _) in zip(clips, results, strict=True)})
        print(f"{args.out}: the points of {counted(len(clips), 'clip')}")
    faces = np.concatenate([found.faces for found, _ in results])
    none, several = np.sum(faces == 0), np.sum(faces > 1)
    bad = sum(fault is not None for _, faults in results for fault in faults)
    print(
        f"{counted(len(clips), f'{_synthetic(clips)}clip')}, {counted(np.sum(faces != UNKNOWN), 'frame')}: "
        f"{none} without a face, {several} with several, {bad - none - several} with eyes or mouth beyond the border"
        f"{'; frames counted from 0:' if bad else ''}"
    )
    for clip, (_, faults) in zip(clips, results, strict=True):
        if any(faults):
            print(f"  {clip.id}: {listed(faults)}")


def _synthetic(clips: Sequence[Clip]) -> str:
    return "synthetic " if datasets.are_synthetic(clips) else ""


def _preview(args: argparse.Namespace) -> None:
    from microexp_keras.datasets.frames import read_frames, spread

    clip, database, part = clip_at(args.clip), datasets.get_database(args.dataset), slice(0, args.frames)
    chosen = spread(sum(1 for _ in read_frames(clip, part)), 24)
    images = [image for place, image in enumerate(_shown(read_frames(clip, part), database)) if place in chosen]
    found = DlibLandmarks()(clip, images)
    faults = find_faults(found, [image.shape for image in images])
    step = 1 if database.swapped_colours else -1  # to red, green, blue
    tiles = [
        (f"{clip.id}, frame {frame}", image[..., ::step], points if faces else points[:0], fault)
        for frame, image, faces, points, fault in zip(chosen, images, *found, faults, strict=True)
    ]
    bad, frames = sum(map(bool, faults)), counted(len(tiles), f"{_synthetic([clip])}frame")
    said = f"{frames} of {args.clip.resolve().name}, {bad or 'none'} with faults"
    draw_sheet(tiles, said, args.out)
    print(f"{args.out}: {said}")


def _shown(frames: Iterable[np.ndarray], database: Database) -> Iterator[np.ndarray]:
    """Yield frames with channels in the order that the detector shall see."""
    for image in frames:
        yield np.ascontiguousarray(image[..., ::-1]) if database.swapped_colours else image


if __name__ == "__main__":
    sys.exit(main())
