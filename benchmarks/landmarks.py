"""Seconds to find the points of faces: on one thread, on several, and from the cache.

    python benchmarks/landmarks.py [--original-loop] [--frames N] [--turns N]

The frames are synthetic, 160x160 as generated and enlarged to 640x480, in clips of 18. In each turn all ways run on
the same frames; a ratio is the seconds of the first way over those of this one. On a shared machine compare ratios, not
seconds, and take them as noisy.
"""

import argparse
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from microexp_keras import landmarks, runs
from microexp_keras.datasets import Clip
from microexp_keras.landmarks import dlib_detector
from microexp_keras.synthetic import film, trees

CLIP_FRAMES = 18  # what the networks see of a clip of SMIC
ORIGINAL = "original's loop"


def make_clips(frames, size):
    """Clips of synthetic frames: list of lists of uint8 (rows, columns, 3), `frames` in all, the last clip shorter."""
    pictures = []
    for one in trees.plan("smic", easy=True)[: -(-frames // CLIP_FRAMES)]:
        clip = film.render(one, np.zeros((1, 8)))
        pictures.append([_enlarged(frame, size) for _, frame in zip(range(CLIP_FRAMES), clip, strict=False)])
    pictures[-1] = pictures[-1][: frames - CLIP_FRAMES * (len(pictures) - 1)]
    return pictures


def _enlarged(frame, size):
    """The face as high as the picture, its border drawn out to the width."""
    columns, rows = size
    frame = cv2.resize(frame, (rows, rows), interpolation=cv2.INTER_CUBIC)
    side = (columns - rows) // 2
    return cv2.copyMakeBorder(frame, 0, 0, side, columns - rows - side, cv2.BORDER_REPLICATE)


def original_loop(clips):
    """Frame after frame on one thread with one detector, as the original programs do."""
    predictor, points = dlib_detector._load_predictor(), []
    detector = dlib_detector._import_dlib().get_frontal_face_detector()
    for images in clips:
        for image in images:
            faces = detector(image, 1)
            points.append([(point.x, point.y) for point in predictor(image, faces[0]).parts()])
    return np.array(points)


def ours(clips, threads, cache=False):
    """One clip a task, as `preprocessing.region_stacks` does."""
    source = landmarks.DlibLandmarks(cache=cache)
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(lambda images: source(Clip("", "", 0, ()), images), clips)
        return np.concatenate([clip.points for clip in found])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--original-loop", action="store_true", help="compare with the loop of the original programs")
    parser.add_argument("--frames", type=int, default=72, help="frames of each size (default: 72)")
    parser.add_argument("--turns", type=int, default=3, help="turns of all ways (default: 3)")
    args = parser.parse_args()

    cores = os.cpu_count()
    print(f"{cores} cores, dlib {dlib_detector._import_dlib().__version__}, commit {runs.commit()}")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["MICROEXP_CACHE"] = cache
        for size in ((160, 160), (640, 480)):
            clips = make_clips(args.frames, size)
            ways = {ORIGINAL: original_loop} if args.original_loop else {}
            for threads in range(1, cores + 1):
                ways[f"{threads} thread{'s' * (threads > 1)}"] = lambda clips, threads=threads: ours(clips, threads)
            ways["from the cache"] = lambda clips: ours(clips, cores, cache=True)
            first = next(iter(ways))
            expected = ours(clips, cores, cache=True)  # not counted: loads the model, makes detectors, fills the cache
            seconds = {way: [] for way in ways}
            for _ in range(args.turns):
                for way, run in ways.items():
                    start = time.perf_counter()
                    points = run(clips)
                    seconds[way].append(time.perf_counter() - start)
                    assert np.array_equal(points, expected), f"{way}: other points"
            print(f"{args.frames} frames of {size[0]}x{size[1]}, all ways find the same points:")
            for way, taken in seconds.items():
                ratios = ", ".join(f"{a / b:.2f}" for a, b in zip(seconds[first], taken, strict=True))
                per_frame = 1000 * statistics.median(taken) / args.frames
                print(f"    {way:<16} {per_frame:8.2f} ms a frame; times as fast as {first}, each turn: {ratios}")


if __name__ == "__main__":
    main()
