"""Seconds from frames to standardised arrays: the original programs' loop, without the cache filled, and with it.

    python benchmarks/preprocessing.py [--format bmp|png|jpg] [--clips N] [--turns N]
    python benchmarks/preprocessing.py --memory [--clips N N ...] [--batches N]

The frames are synthetic, enlarged to 640x480, in clips of 19, of which 18 are read; SMIC is distributed as .bmp. In
each turn all ways run on the same files, which the system holds in memory by then; a ratio is the seconds of the
original's loop over those of this way. On a shared machine compare ratios, not seconds.

With --memory: the peak of resident memory from an empty cache to the end of the first epoch of MicroExpSTCNN on clips
of 96 frames, beside that of the same steps of training on one batch of random numbers, which is the framework's own.
The clips are twenty synthetic videos under many names.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from microexp_keras import datasets, preprocessing, protocols, runs
from microexp_keras.synthetic import film, trees

FRAMES, DISTINCT = 18, 12  # of a clip; clips that differ
FOLDERS = {"Negative": "ne", "Positive": "po", "Surprise": "sur"}
SMIC, CASME2 = (protocols.get("upstream", "stcnn", dataset) for dataset in ("smic", "casme2"))


def write_clips(root, clips, suffix):
    """Write clips into the flat tree of SMIC; gives the bytes of all frames."""
    pictures, written = [], 0
    for one in trees.plan("smic", easy=True)[:DISTINCT]:
        clip = film.render(one, np.zeros((1, 8)))
        frames = [_enlarged(frame) for _, frame in zip(range(FRAMES + 1), clip, strict=False)]
        pictures.append([cv2.imencode(f".{suffix}", frame)[1].tobytes() for frame in frames])
    for number in range(clips):
        name, short = list(FOLDERS.items())[3 * number // clips]
        folder = root / name / f"s{number % 16 + 1:02d}_{short}_{number:03d}"
        folder.mkdir(parents=True)
        for frame, data in enumerate(pictures[number % DISTINCT]):
            written += (folder / f"reg_image{frame:06d}.{suffix}").write_bytes(data)
    return written


def _enlarged(frame):
    """The face as high as the picture, its border drawn out to the width."""
    return cv2.copyMakeBorder(cv2.resize(frame, (480, 480)), 0, 0, 80, 80, cv2.BORDER_REPLICATE)


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
        expected = original_loop(root)  # not counted
        seconds = {"original's loop": [], "cold": [], "warm": []}
        for turn in range(turns):
            os.environ["MICROEXP_CACHE"] = str(Path(folder, f"cache {turn}"))
            for way, taken in seconds.items():
                start = time.perf_counter()
                if way == "original's loop":
                    original_loop(root)
                else:
                    names, found = ours(root)
                taken.append(time.perf_counter() - start)
            listed = [clip for name in FOLDERS for clip in sorted(os.listdir(root / name))]
            place = [names.index(clip) for clip in listed]  # the original sorts names as text
            np.testing.assert_allclose(found[place], np.moveaxis(expected, 1, -1), rtol=0, atol=1e-5)
        for way, taken in seconds.items():
            ratios = ", ".join(f"{a / b:.2f}" for a, b in zip(seconds["original's loop"], taken, strict=True))
            print(
                f"    {way:<16} {statistics.median(taken):7.3f} s; times as fast as the original, each turn: {ratios}"
            )


def write_videos(root, clips, distinct):
    """Many names for a few videos."""
    videos = sorted(distinct.glob("*/*.avi"))
    for number in range(clips):
        folder = root / ("angry", "happy", "disgust")[3 * number // clips]
        folder.mkdir(parents=True, exist_ok=True)
        os.link(videos[number % len(videos)], folder / f"{number % 22 + 1}_{number:05d}.avi")


def first_epoch(root, batches):
    """What `train` does until the end of the first epoch, on some batches of it; without a root, on random numbers.

    Prints the peak of memory in MB: with the network built, before the first batch, at the end.
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


def peak():
    """Most resident memory so far in MB. Not by getrusage: what it gives a child counts from its parent's peak."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / 1e6


def measure_memory(counts, batches):
    with tempfile.TemporaryDirectory() as folder:

        def peaks(root, cache):
            environment = {**os.environ, "MICROEXP_CACHE": str(Path(folder, cache))}
            command = [sys.executable, __file__, "--batches", str(batches), "--child", str(root)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
            return [float(word) for word in done.stdout.split()]

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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--format", choices=("bmp", "png", "jpg"), default="bmp", help="of the frames (default: bmp)")
    parser.add_argument("--turns", type=int, default=3, help="turns of all ways (default: 3)")
    parser.add_argument("--memory", action="store_true", help="measure the peak of memory instead")
    parser.add_argument("--clips", type=int, nargs="+", help="how many (default: 156; with --memory 203 and 2030)")
    parser.add_argument("--batches", type=int, default=20, help="with --memory: of the epoch (default: 20)")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child is not None:
        return first_epoch(args.child, args.batches)
    print(f"{os.cpu_count()} cores, OpenCV {cv2.__version__}, commit {runs.commit()}", flush=True)
    if args.memory:
        return measure_memory(args.clips or [203, 2030], args.batches)
    for clips in args.clips or [156]:
        measure_speed(clips, args.format, args.turns)


if __name__ == "__main__":
    main()
