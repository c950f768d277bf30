"""From a data folder to a table of points, or to a sheet of frames with points and boxes drawn into them."""

import argparse
import sys
from collections.abc import Container, Sequence
from pathlib import Path

import numpy as np

from microexp_keras import datasets
from microexp_keras.console import Parser, command, positive
from microexp_keras.datasets import Clip
from microexp_keras.datasets.database import DATABASES, Database
from microexp_keras.landmarks.dlib_detector import DlibLandmarks
from microexp_keras.landmarks.points import Fault, Landmarks, find_faults, listed
from microexp_keras.landmarks.preview import Tile, clips_to_draw, draw_sheet
from microexp_keras.landmarks.table import CsvLandmarks, write_csv
from microexp_keras.parallel import in_threads
from microexp_keras.text import counted


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = Parser(
        "landmarks",
        description="Find the 68 points of the face, and the boxes of eyes and mouth, in clips.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    detect = commands.add_parser(
        "detect", help="points of all clips of a database, as a table", description="Find the points in all clips."
    )
    detect.add_argument("data", type=Path, metavar="PATH", help="the database, or a table of your own clips")
    detect.add_argument("--dataset", choices=DATABASES, help="how the folders are read")
    detect.add_argument("--out", type=Path, metavar="CSV", help="where to write the points (default: nowhere)")
    preview = commands.add_parser(
        "preview", help="draw points and boxes into frames", description="Draw points and boxes into frames."
    )
    preview.add_argument("data", type=Path, metavar="PATH", help="a database, the folder of a clip, a video, an image")
    preview.add_argument("--dataset", choices=DATABASES, help="whose frames (default: smic)")
    preview.add_argument("--landmarks", type=Path, metavar="CSV", help="points to draw, instead of detecting any")
    preview.add_argument("--out", type=Path, required=True, metavar="PNG", help="where to draw")
    defaults = ", ".join(f"{database.frames} of {name}" for name, database in DATABASES.items())
    for subcommand, others in ((detect, ""), (preview, "; of a single clip all")):
        datasets.add_options(subcommand)
        subcommand.add_argument(
            "--frames", type=positive, metavar="N", help=f"look at a clip's first N (default: {defaults}{others})"
        )
    return parser


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Run the subcommand that was asked for."""
    args = parser().parse_args(argv)
    {"detect": _detect_command, "preview": _preview_command}[args.command](args)


def _detect_command(args: argparse.Namespace) -> None:
    database = datasets.database_of(args, args.data, args.dataset, ("frames",))
    count = args.frames or database.frames
    clips = datasets.find_clips(args.data, database, frames=count, **datasets.chosen_options(args))
    source = DlibLandmarks()

    def detect(clip: Clip) -> tuple[Landmarks, list[Fault | None]]:
        images = _images(clip, count, database)
        found = source(clip, images)
        return found, find_faults(found, images[0].shape[:2])

    results = in_threads(detect, clips, "finding faces")
    if args.out:
        write_csv(args.out, {clip.id: found for clip, (found, _) in zip(clips, results, strict=True)})
        print(f"{args.out}: the points of {counted(len(clips), 'clip')}")
    frames = sum(len(faults) for _, faults in results)
    kinds = [fault.kind for _, faults in results for fault in faults if fault]
    print(
        f"{counted(len(clips), f'{_synthetic(clips)}clip')}, {counted(frames, 'frame')}: "
        f"{kinds.count('no face')} without a face, "
        f"{kinds.count('several faces')} with several, {kinds.count('region')} with eyes or mouth beyond the border"
        f"{'; frames counted from 0:' if kinds else ''}"
    )
    for clip, (_, faults) in zip(clips, results, strict=True):
        if any(faults):
            print(f"  {clip.id}: {listed(faults)}")


def _synthetic(clips: Sequence[Clip]) -> str:
    return "synthetic " if datasets.are_synthetic(clips) else ""


def _preview_command(args: argparse.Namespace) -> None:
    from microexp_keras.datasets.frames import spread

    options = datasets.chosen_options(args)
    named = args.dataset or (None if datasets.is_table(args.data) else "smic")
    database = datasets.database_of(args, args.data, named, ("frames",))
    clips, count, wanted = clips_to_draw(args.data, database, args.frames, options)
    table = CsvLandmarks(args.landmarks) if args.landmarks else None
    detector, chosen = DlibLandmarks(), spread(count, wanted)

    def look(clip: Clip) -> list[Tile]:
        images = _images(clip, count, database, chosen)
        found = Landmarks(*(array[chosen] for array in table(clip, range(count)))) if table else detector(clip, images)
        faults = find_faults(found, images[0].shape[:2])
        return [
            Tile(
                f"{clip.id}, frame {frame}",
                image if database.swapped_colours else image[..., ::-1],
                points if faces else points[:0],
                fault,
            )
            for frame, image, faces, points, fault in zip(chosen, images, *found, faults, strict=True)
        ]

    tiles = [tile for tiles in in_threads(look, clips, "finding faces") for tile in tiles]
    bad = sum(bool(tile.fault) for tile in tiles)
    said = f"{counted(len(tiles), f'{_synthetic(clips)}frame')} of {args.data.resolve().name}"
    said += f", {bad or 'none'} with faults"
    draw_sheet(tiles, said, args.out)
    print(f"{args.out}: {said}")


def _images(clip: Clip, count: int, database: Database, chosen: Container[int] | None = None) -> list[np.ndarray]:
    """Read a clip's first frames, or those chosen of them, with channels in the order that the detector shall see."""
    from microexp_keras.datasets.frames import read_frames

    images = [frame for index, frame in enumerate(read_frames(clip, count)) if chosen is None or index in chosen]
    if database.swapped_colours:
        return [np.ascontiguousarray(image[..., ::-1]) for image in images]
    return images


if __name__ == "__main__":
    sys.exit(main())
