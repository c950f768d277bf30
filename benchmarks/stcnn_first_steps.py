"""Why MicroExpSTCNN collapses on 96 frames: what its dense layers see and answer in the first steps of training.

    python benchmarks/stcnn_first_steps.py [--data FOLDER]

Synthetic CAS(ME)^2 under `upstream`: batch 16, the original's order of clips. Each row is one setting; each step tells,
over the batch that it trains on and before the weights move: the largest distance of two scores before the softmax, how
many of the 16 clips have a true class below the loss's floor and so no gradient, how many of the 128 units of the first
dense layer are zero for every clip, the norm of the whole gradient, and how many classes are answered.
"""

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np

from microexp_keras import datasets, preprocessing, protocols, runs
from microexp_keras.backend import import_keras
from microexp_keras.models.networks import NETWORKS

keras = import_keras()

from microexp_keras import training  # noqa: E402 (Keras is loaded without its start-up remarks first)

LONGER = 27  # times the inputs of the first dense layer at 18 frames: 345,600 instead of 12,800
SETTINGS = {
    "the original's": {},
    "loss with a gradient everywhere": {"floor": 1e-30},
    "Glorot's rule in full": {"initializer": "glorot_uniform"},
    "learning rate 0.01/27": {"rate": 0.01 / LONGER},
    "Glorot's rule in full, learning rate 0.01/27": {"initializer": "glorot_uniform", "rate": 0.01 / LONGER},
}


def first_steps(inputs, targets, fold, protocol, steps, seed, initializer=None, rate=0.01, floor=1e-7):
    """Train some steps; give for each: squared inputs, range of scores, stuck clips, dead units, norm, classes."""
    frames = inputs["face"].shape[3]
    model = NETWORKS["stcnn"].build(frames, conv_initializer=initializer or protocol.conv_initializer, seed=seed)
    training.compile_model(model, rate, probability_floor=floor)
    inside = [model.get_layer(name).output for name in ("flatten", "dense_1", "dense_2", "softmax")]
    watch = keras.Model(model.inputs, inside)
    batches = training.Batches(inputs, targets, fold.train, protocol.batch_size, seed)
    rows = []
    for step in range(steps):
        images, wanted = batches[step % len(batches)]
        features, hidden, scores, answers = (keras.ops.convert_to_numpy(one) for one in watch(images, training=False))
        before = [keras.ops.convert_to_numpy(one) for one in model.trainable_variables]
        model.train_on_batch(images, wanted)
        moved = [
            keras.ops.convert_to_numpy(one) - old for one, old in zip(model.trainable_variables, before, strict=True)
        ]
        rows.append(
            (
                (features.astype("float64") ** 2).sum(axis=1).mean(),
                np.ptp(scores, axis=1).max(),
                int(((answers * wanted).sum(axis=1) < floor).sum()),
                int((hidden == 0).all(axis=0).sum()),
                sum((one.astype("float64") ** 2).sum() for one in moved) ** 0.5 / rate,
                len(set(answers.argmax(axis=1))),
            )
        )
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="synthetic CAS(ME)^2 (default: written anew)")
    parser.add_argument("--steps", type=int, default=10, help="default: 10")
    parser.add_argument("--seeds", type=int, default=1, help="default: 1")
    parser.add_argument("--frames", type=int, nargs="+", default=[18, 96], help="from the middle (default: 18 96)")
    args = parser.parse_args()
    print(f"{os.cpu_count()} cores, Keras {keras.__version__} on {keras.backend.backend()}, commit {runs.commit()}")
    protocol = protocols.get("upstream", "stcnn", "casme2")
    with tempfile.TemporaryDirectory() as folder:
        root = args.data or datasets.synthesize("casme2", Path(folder) / "casme2", progress=False)
        samples = preprocessing.load_samples(root, protocol, progress=False)
    targets = np.eye(3, dtype="float32")[samples.labels]
    [fold] = protocol.split(samples.labels, samples.subjects)
    for frames in args.frames:
        start = (protocol.frames - frames) // 2
        stacks = {"face": np.ascontiguousarray(samples.stacks["face"][:][..., start : start + frames])}
        inputs, _ = preprocessing.network_inputs(stacks)
        for title, settings in SETTINGS.items():
            for seed in range(args.seeds):
                rows = first_steps(inputs, targets, fold, protocol, args.steps, seed, **settings)
                print(f"{frames} frames, {title}, seed {seed}: squared inputs {rows[0][0]:.0f} to {rows[-1][0]:.0f}")
                for name, column, form in (
                    ("range of scores", 1, ".1f"),
                    ("stuck clips of 16", 2, "d"),
                    ("dead units of 128", 3, "d"),
                    ("gradient's norm", 4, ".1f"),
                    ("classes answered", 5, "d"),
                ):
                    print(f"    {name:18} {', '.join(format(row[column], form) for row in rows)}", flush=True)


if __name__ == "__main__":
    main()
