"""Seconds from frames to standardised arrays: the original programs' loop, without the cache filled, and with it.

    python benchmarks/preprocessing.py [--format bmp|png|jpg] [--clips N] [--turns N]
    python benchmarks/preprocessing.py --memory [--clips N N ...] [--batches N]

The frames are synthetic, enlarged to 640x480, in clips of 19, of which 18 are read; SMIC is distributed as .bmp. In
each turn all ways run on the same files, which the system holds in memory by then; a ratio is the seconds of the
original's loop over those of this way. On a shared machine compare ratios, not seconds.

With --memory: the peak of resident memory from an empty cache to the end of the first epoch of MicroExpSTCNN on clips
of 96 frames, beside that of the same steps of training on one batch of random numbers, which is the framework's own.
The clips are twenty synthetic videos under many names; their stacks, mapped from the cache, count as resident.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from harness import begin, enlarged, film_frames, in_turns, peak, print_ratios, whole

from microexp_keras import datasets, preprocessing, protocols
from microexp_keras.synthetic import trees

FRAMES, DISTINCT = 18, 12  # of a clip; clips that differ
FOLDERS = {"Negative": "ne", "Positive": "po", "Surprise": "sur"}
SMIC, CASME2 = (protocols.get("upstream", "stcnn", dataset) for dataset in ("smic", "casme2"))


def write_clips(root, clips, suffix):
    """Write clips into the flat tree of SMIC; gives the bytes of all frames."""
    pictures, written = [], 0
    for clip in film_frames(trees.plan("smic", easy=True)[:DISTINCT], FRAMES + 1):
        pictures.append([cv2.imencode(f".{suffix}", enlarged(frame, 640, 480))[1].tobytes() for frame in clip])
    for number in range(clips):
        name, short = list(FOLDERS.items())[3 * number // clips]
        folder = root / name / f"s{number % 16 + 1:02d}_{short}_{number:03d}"
        folder.mkdir(parents=True)
        for frame, data in enumerate(pictures[number % DISTINCT]):
            written += (folder / f"reg_image{frame:06d}.{suffix}").write_bytes(data)
    return written


def original_loop(root):
    """Frame after frame on one thread into one array, as `SMIC/MicroExpSTCNN.py:20-93` does."""
    clips = []
    for name in FOLDERS:
        for clip in sorted(os.listdir(root / name)):
            folder, gray = root / name / clip, []
            for frame in sorted(os.listdir(folder))[:FRAMES]:
                image = cv2.resize(cv2.imread(str(folder / frame)), (64, 64), interpolation=cv2.INTER_AREA)
                gray.append(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
            clips.append(np.moveaxis(np.asarray(gray), 0, -1))
    stacks = np.zeros((len(clips), 1, 64, 64, FRAMES))
    for position, clip in enumerate(clips):
        stacks[position, 0] = clip
    stacks = stacks.astype("float32")
    stacks -= np.mean(stacks)
    stacks /= np.max(stacks)
    return stacks


def ours(root):
    samples = preprocessing.load_samples(root, SMIC, progress=False)
    return samples.names, preprocessing.network_inputs(samples.stacks)[0]["face"]


def measure_speed(clips, suffix, turns):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "clips")
        size = write_clips(root, clips, suffix)
        print(f"{clips} synthetic clips of {FRAMES} frames, 640x480 .{suffix}, {size / 1e6:.0f} MB", flush=True)
        expected = np.moveaxis(original_loop(root), 1, -1)  # not counted
        listed = [clip for name in FOLDERS for clip in sorted(os.listdir(root / name))]

        def cold():
            os.environ["MICROEXP_CACHE"] = tempfile.mkdtemp(dir=folder)
            return ours(root)

        def same(way, found):
            if way != "original's loop":
                names, arrays = found
                place = [names.index(clip) for clip in listed]  # the original sorts names as text
                np.testing.assert_allclose(arrays[place], expected, rtol=0, atol=1e-5)

        ways = {"original's loop": lambda: original_loop(root), "cold": cold, "warm": lambda: ours(root)}
        print_ratios(in_turns(ways, turns, same))


def write_videos(root, clips, distinct):
    """Many names for a few videos."""
    videos = sorted(distinct.glob("*/*.avi"))
    for number in range(clips):
        folder = root / ("angry", "happy", "disgust")[3 * number // clips]
        folder.mkdir(parents=True, exist_ok=True)
        os.link(videos[number % len(videos)], folder / f"{number % 22 + 1}_{number:05d}.avi")


def first_epoch(root, batches):
    """What `train` does until the end of the first epoch, on some batches of it; without a root, on random numbers.

    Prints the peak of memory in bytes: with the network built, before the first batch, at the end.
    """
    from microexp_keras.backend import import_keras

    keras = import_keras()
    from microexp_keras import models, training
    from microexp_keras.models import NETWORKS
    from microexp_keras.preprocessing import original_npy

    model = models.build_microexp_stcnn(CASME2.frames)
    training.compile_model(model, CASME2.learning_rate)
    peaks, some = [peak()], batches * CASME2.batch_size
    if root:
        samples = preprocessing.load_samples(root, CASME2, progress=False)
        inputs, _ = preprocessing.network_inputs(samples.stacks)
        [fold] = CASME2.split(samples.labels, samples.subjects)
        targets = keras.utils.to_categorical(samples.labels, 3)
        with tempfile.TemporaryDirectory() as out:
            original_npy.write_validation(Path(out), NETWORKS["stcnn"], inputs, samples.labels, 3, fold.held_out, {})
        learn, select = np.random.default_rng(0).permutation(fold.train)[:some], fold.validation[:some]
    else:
        shape = (CASME2.batch_size, CASME2.size, CASME2.size, CASME2.frames, 1)
        inputs = {"face": np.random.default_rng(0).random(shape, np.float32)}
        targets = np.eye(3, dtype=np.float32)[np.arange(len(inputs["face"])) % 3]
        learn = select = np.resize(np.arange(len(targets)), some)
    peaks.append(peak())
    training.train_epoch(model, training.Batches(inputs, targets, learn, CASME2.batch_size, 0), 0)
    training.held_out_logs(model, inputs, targets, select, CASME2.batch_size)
    print(*peaks, peak())


def measure_memory(counts, batches):
    with tempfile.TemporaryDirectory() as folder:

        def peaks(root, cache):
            environment = {**os.environ, "MICROEXP_CACHE": str(Path(folder, cache))}
            command = [sys.executable, __file__, "--child", str(root), str(batches)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
            return [int(word) / 1e6 for word in done.stdout.split()]

        built, _, own = peaks("", "none")
        print(f"at most {batches} batches of {CASME2.batch_size} in the epoch, and of the held-out clips")
        print(f"Keras with the network {built:.0f} MB; {own:.0f} MB after its epoch on random numbers", flush=True)
        distinct = datasets.synthesize("casme2", Path(folder, "distinct"), clips=(7, 7, 6), progress=False)
        for clips in counts:
            root = Path(folder, f"clips {clips}")
            write_videos(root, clips, distinct)
            start = time.perf_counter()
            before, ready, end = peaks(root, f"cache {clips}")
            print(
                f"{clips} synthetic clips of {CASME2.frames} frames, {clips * 0.393216:.0f} MB of gray levels: "
                f"{ready - before:.0f} MB beside Keras with the network when the first batch begins; at the end "
                f"{end:.0f} MB, {end - own:.0f} MB beside the epoch on random numbers; "
                f"{time.perf_counter() - start:.0f} s in all",
                flush=True,
            )


def main():
    """Measure speed or memory, for each number of clips."""
    if sys.argv[1:2] == ["--child"]:
        return first_epoch(sys.argv[2], int(sys.argv[3]))
    args = begin(
        __doc__,
        ("--format", {"choices": ("bmp", "png", "jpg"), "default": "bmp", "help": "of the frames (default: bmp)"}),
        ("--turns", whole(3, "of all ways")),
        ("--memory", {"action": "store_true", "help": "measure the peak of memory instead"}),
        ("--clips", {"type": int, "nargs": "+", "help": "how many (default: 156; with --memory 203 and 2030)"}),
        ("--batches", whole(20, "with --memory: of the epoch")),
    )
    if args.memory:
        return measure_memory(args.clips or [203, 2030], args.batches)
    for clips in args.clips or [156]:
        measure_speed(clips, args.format, args.turns)


if __name__ == "__main__":
    main()
