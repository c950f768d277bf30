"""What the rival methods of Table V cost: features of a clip, leaving one subject out, an epoch of the networks.

    python benchmarks/baselines.py [--meb PYTHON FILE] [--turns N] [--epochs N] [--parts features loso networks]

scikit-image and meb are other people's programs for the same codes. meb is not on PyPI: PYTHON is an interpreter with
numba, opencv-python and dlib-bin, FILE the `meb/utils/traditional_methods.py` of github.com/tvaranka/meb. In each turn
all ways run on the same clip; on a shared machine compare ratios, not seconds.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from scipy.ndimage import gaussian_filter
from threadpoolctl import threadpool_limits

from microexp_keras import runs
from microexp_keras.baselines import flow, lbp_top, stclqp, svm
from microexp_keras.baselines.settings import settings

CLASSES = (70, 51, 43)  # clips of SMIC-HS by class
SUBJECTS = 16
SHAPE = (64, 64, 18)

MEB = """
import sys, time, numpy as np
sys.path.insert(0, sys.argv[1])
from traditional_methods import LBPTOP
clip, seconds = np.load(sys.argv[2]), []
for _ in range(int(sys.argv[3])):
    start = time.perf_counter()
    LBPTOP(clip, 0, clip.shape[2] - 1, 3, 3, 3, (8, 8, 8), 3, 3, 8, 8, 0.7, 1, "u2")
    seconds.append(time.perf_counter() - start)
print(*seconds)
"""


def smooth_clip(random: np.random.Generator) -> np.ndarray:
    """Random gray levels without noise of single pixels; uint8 (rows, columns, time)."""
    levels = gaussian_filter(random.normal(size=SHAPE), 2)
    return ((levels - levels.min()) / np.ptp(levels) * 255).astype(np.uint8)


def smic_hs(seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """As many clips, classes and subjects as SMIC-HS has; labels mean nothing, so that answers are at chance."""
    random = np.random.default_rng(seed)
    clips = np.stack([smooth_clip(random) for _ in range(sum(CLASSES))])
    labels = random.permutation(np.repeat(np.arange(3), CLASSES))
    return clips, labels, [f"s{clip % SUBJECTS + 1:02d}" for clip in range(len(clips))]


def by_scikit_image(clip: np.ndarray) -> np.ndarray:
    """Codes by three calls, the slices of each plane laid out as one picture; bilinear, as scikit-image has it."""
    from skimage.feature import local_binary_pattern

    frames = clip.transpose(2, 0, 1)
    found = []
    for back, slices in (
        ((1, 2, 0), frames),  # XY: a slice is (rows, columns), one for each frame
        ((0, 2, 1), frames[::-1].transpose(1, 0, 2)),  # XT: (time, columns), one for each row
        ((1, 0, 2), frames.transpose(2, 1, 0)),  # YT: (rows, time), one for each column
    ):
        picture = np.ascontiguousarray(slices).reshape(-1, slices.shape[2])
        codes = local_binary_pattern(picture, 8, 1, "default").astype(np.uint8).reshape(slices.shape)
        found.append(codes.transpose(back))
    found[1] = found[1][:, :, ::-1]
    return np.stack(found)[:, 1:-1, 1:-1, 1:-1]


def timed(function: Callable[[], object], repeats: int) -> list[float]:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return seconds


def measure_features(turns: int, meb: list[str] | None) -> None:
    clip = smooth_clip(np.random.default_rng(0))
    ways: dict[str, tuple[Callable[[], object], int]] = {
        "LBP-TOP features (3 x 64 x 59)": (lambda: lbp_top.features(clip), 60),
        "    codes alone": (lambda: lbp_top.codes(clip), 60),
        "    codes alone, bilinear": (lambda: lbp_top.codes(clip, sampling="bilinear"), 10),
        "    features, radii 3, 3, 3": (lambda: lbp_top.features(clip, (3, 3, 3)), 60),
        "    features, 8x8x2 blocks": (lambda: lbp_top.features(clip, blocks=(8, 8, 2)), 60),
        "STCLQP counts (9 x 64 x 256)": (lambda: stclqp.counts(clip), 10),
        "flow, 17 fields": (lambda: flow.flow(clip), 10),
    }
    try:
        same = np.mean(by_scikit_image(clip) == lbp_top.codes(clip, sampling="bilinear"))
        ways["scikit-image, codes alone, bilinear"] = (lambda: by_scikit_image(clip), 5)
        print(f"    scikit-image agrees with bilinear codes at {same:.3%} of the voxels (it rounds ties)")
    except ImportError:
        print("    scikit-image is not installed: pip install scikit-image")
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        with threadpool_limits(1):
            for _ in range(turns):
                for name, (function, repeats) in ways.items():
                    function()
                    seconds[name] += timed(function, repeats)
                if meb:
                    seconds.setdefault("meb, features, radii 3, 3, 3, overlapping", []).extend(by_meb(clip, *meb))
    finally:
        os.sched_setaffinity(0, cores)
    least = min(seconds["LBP-TOP features (3 x 64 x 59)"])
    for name, taken in seconds.items():
        low, middle = min(taken), statistics.median(taken)
        print(f"    {name:<42} min {low * 1e3:9.3f} ms, median {middle * 1e3:9.3f} ms, {low / least:8.1f} x ours")
    if not meb:
        print("    meb: not measured, see --meb")


def by_meb(clip: np.ndarray, python: str, file: str) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "clip.npy"), clip)
        command = [python, "-c", MEB, str(Path(file).resolve().parent), str(Path(folder, "clip.npy")), "1"]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: meb failed:\n{done.stderr[-2000:]}")
    return [float(word) for word in done.stdout.split()]


def measure_loso() -> None:
    clips, labels, subjects = smic_hs()
    print(f"    {len(clips)} clips of {SUBJECTS} subjects, classes {CLASSES}")
    print(f"    always answering the largest class: {max(CLASSES) / len(clips):.1%} right")

    def left_out(features_of: Callable[[np.ndarray], np.ndarray], kernel: Callable, own: SimpleNamespace) -> np.ndarray:
        """Predict each subject's clips with a machine fitted on all others."""
        owner, predicted = np.array(subjects), np.empty(len(labels), int)
        for subject in set(subjects):
            train, score = np.flatnonzero(owner != subject), np.flatnonzero(owner == subject)
            features = features_of(train)
            known = features[train]
            machine = svm.choose(kernel(known, known), labels[train], owner[train], own.costs, own.inner_parts)
            predicted[score] = machine.predict(kernel(features[score], known))
        return predicted

    def lbp_top_loso() -> np.ndarray:
        features = np.stack([lbp_top.features(clip) for clip in clips])
        return left_out(lambda train: features, svm.linear_kernel, settings("lbp-top"))

    def stclqp_loso() -> np.ndarray:
        counts = np.stack([stclqp.counts(clip) for clip in clips])

        def features_of(train: np.ndarray) -> np.ndarray:
            return stclqp.features(counts, stclqp.learn(counts, labels, train))

        return left_out(features_of, svm.chi_square_kernel, settings("stclqp"))

    for name, loso, most in (("LBP-TOP", lbp_top_loso, 30), ("STCLQP", stclqp_loso, 180)):
        start = time.perf_counter()
        result = loso()
        taken = time.perf_counter() - start
        right = (result == labels).mean()
        print(
            f"    {name:<8} from gray levels to answers: {taken:6.2f} s (aim {most} s); {right:.1%} right", flush=True
        )


def measure_networks(epochs: int) -> None:
    from microexp_keras.backend import import_keras

    keras = import_keras()
    from microexp_keras.baselines import networks

    random = np.random.default_rng(0)
    own = settings("cnn-augmentation")
    images = sum(CLASSES) * own.images * (1 + own.copies)
    shapes = {
        "cnn-augmentation": {"image": (images, 64, 64, 1)},
        "3d-fcnn": {"gray": (128, 64, 64, 18, 1), "flow_x": (128, 64, 64, 17, 1), "flow_y": (128, 64, 64, 17, 1)},
    }
    print(f"    Keras {keras.__version__} on {keras.backend.backend()}")
    for name, of_inputs in shapes.items():
        inputs = {key: random.normal(size=shape).astype("float32") for key, shape in of_inputs.items()}
        number = len(next(iter(inputs.values())))
        samples = inputs if len(inputs) > 1 else next(iter(inputs.values()))
        targets = np.eye(3, dtype="float32")[random.integers(0, 3, number)]
        model = networks.BUILDERS[name]()
        own = settings(name)
        batch, momentum = own.batch, getattr(own, "momentum", 0.0)
        model.compile(keras.optimizers.SGD(own.learning_rate, momentum), "categorical_crossentropy")
        taken = timed(lambda m=model, x=samples, y=targets, b=batch: m.fit(x, y, batch_size=b, verbose=0), epochs + 1)[
            1:
        ]
        what = "images" if name == "cnn-augmentation" else "clips"
        print(
            f"    {name:<16} {number} {what}, batches of {batch}: {statistics.median(taken):.2f} s an epoch "
            f"({min(taken):.2f} to {max(taken):.2f})",
            flush=True,
        )


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--meb", nargs=2, metavar=("PYTHON", "FILE"), help="measure meb too; see above")
    parser.add_argument("--turns", type=int, default=5, help="turns of all ways to features (default: 5)")
    parser.add_argument("--epochs", type=int, default=3, help="counted epochs of each network (default: 3)")
    parts = ("features", "loso", "networks")
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts), help="default: all three")
    args = parser.parse_args()

    print(f"{os.cpu_count()} cores of {processor()}, Python {platform.python_version()}, NumPy {np.__version__}")
    print(f"commit {runs.commit()}", flush=True)
    if "features" in args.parts:
        print("One clip of 18 frames, 64x64, on one core:", flush=True)
        measure_features(args.turns, args.meb)
    if "loso" in args.parts:
        print("Leave one subject out, as large as SMIC-HS, random smooth clips and labels:", flush=True)
        measure_loso()
    if "networks" in args.parts:
        print("Networks, on random numbers:", flush=True)
        measure_networks(args.epochs)


if __name__ == "__main__":
    main()
