"""Seconds to find the points of faces: on one thread, on several, and from the cache.

    python benchmarks/landmarks.py [--original-loop] [--frames N] [--turns N]

The frames are synthetic, 160x160 as generated and enlarged to 640x480, in clips of 18. In each turn all ways run on
the same frames. On a shared machine compare ratios, not seconds, and take them as noisy.
"""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from harness import begin, enlarged, film_frames, in_turns, print_ratios, whole

from microexp_keras import landmarks
from microexp_keras.datasets import Clip
from microexp_keras.landmarks import dlib_detector
from microexp_keras.synthetic import trees

CLIP_FRAMES = 18  # what the networks see of a clip of SMIC


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
    """Measure all ways on frames of both sizes."""
    args = begin(
        __doc__,
        ("--original-loop", {"action": "store_true", "help": "compare with the loop of the original programs"}),
        ("--frames", whole(72, "of each size, a multiple of 18")),
        ("--turns", whole(3, "of all ways")),
    )
    cores = os.cpu_count()
    films = trees.plan("smic", easy=True)[: args.frames // CLIP_FRAMES]
    with tempfile.TemporaryDirectory() as cache:
        os.environ["MICROEXP_CACHE"] = cache
        for columns, rows in ((160, 160), (640, 480)):
            clips = [[enlarged(one, columns, rows) for one in clip] for clip in film_frames(films, CLIP_FRAMES)]
            ways = {"original's loop": lambda clips=clips: original_loop(clips)} if args.original_loop else {}
            for threads in range(1, cores + 1):
                ways[f"{threads} threads"] = lambda clips=clips, threads=threads: ours(clips, threads)
            ways["from the cache"] = lambda clips=clips: ours(clips, cores, cache=True)
            expected = ours(clips, cores, cache=True)  # not counted: loads the model, makes detectors, fills the cache

            def same(way, points, expected=expected):
                assert np.array_equal(points, expected), f"{way}: other points"

            print(f"{args.frames} frames of {columns}x{rows}, all ways find the same points:")
            print_ratios(in_turns(ways, args.turns, same), "ms a frame", 1000 / args.frames)


if __name__ == "__main__":
    main()
