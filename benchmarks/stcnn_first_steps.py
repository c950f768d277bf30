"""Why MicroExpSTCNN collapses on 96 frames: what its dense layers see and answer in the first steps of training.

    python benchmarks/stcnn_first_steps.py

Synthetic CAS(ME)^2 under `upstream`: batch 16, the original's order of clips. Each row is one setting; each step tells,
over the batch that it trains on and before the weights move: the largest distance of two scores before the softmax, how
many of the 16 clips have a true class below the loss's floor and so no gradient, how many of the 128 units of the first
dense layer are zero for every clip, and how many classes are answered.
"""

import tempfile
from pathlib import Path

import numpy as np
from harness import begin, whole

from microexp_keras import datasets, preprocessing, protocols
from microexp_keras.backend import import_keras
from microexp_keras.models.networks import NETWORKS

keras = import_keras()

from microexp_keras import training  # noqa: E402 (Keras is loaded without its start-up remarks first)

COLUMNS = ("range of scores", "clips without a gradient", "dead units of 128", "classes answered")
LONGER = 27  # times the inputs of the first dense layer at 18 frames: 345,600 instead of 12,800
SETTINGS = {
    "the original's": {},
    "loss with a gradient everywhere": {"floor": 1e-30},
    "Glorot's rule in full": {"initializer": "glorot_uniform"},
    "learning rate 0.01/27": {"rate": 0.01 / LONGER},
    "Glorot's rule in full, learning rate 0.01/27": {"initializer": "glorot_uniform", "rate": 0.01 / LONGER},
}


def first_steps(inputs, targets, fold, protocol, steps, seed, initializer=None, rate=0.01, floor=1e-7):
    """Train some steps; give for each: range of scores, clips without a gradient, dead units, classes."""
    frames = inputs["face"].shape[3]
    model = NETWORKS["stcnn"].build(frames, conv_initializer=initializer or protocol.conv_initializer, seed=seed)
    training.compile_model(model, rate, probability_floor=floor)
    inside = [model.get_layer(name).output for name in ("dense_1", "dense_2", "softmax")]
    watch = keras.Model(model.inputs, inside)
    batches = training.Batches(inputs, targets, fold.train, protocol.batch_size, seed)
    rows = []
    for step in range(steps):
        images, wanted = batches[step % len(batches)]
        hidden, scores, answers = (keras.ops.convert_to_numpy(one) for one in watch(images, training=False))
        model.train_on_batch(images, wanted)
        rows.append(
            (
                np.ptp(scores, axis=1).max(),
                int(((answers * wanted).sum(axis=1) < floor).sum()),
                int((hidden == 0).all(axis=0).sum()),
                len(set(answers.argmax(axis=1))),
            )
        )
    return rows


def main():
    """Print what each step does, setting by setting."""
    args = begin(
        __doc__,
        ("--steps", whole(10, "of training")),
        ("--seeds", whole(1, "training seeds")),
        ("--frames", whole([18, 96], "from the middle of each clip", nargs="+")),
    )
    protocol = protocols.get("upstream", "stcnn", "casme2")
    with tempfile.TemporaryDirectory() as folder:
        root = datasets.synthesize("casme2", Path(folder) / "casme2", progress=False)
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
                print(f"{frames} frames, {title}, seed {seed}")
                for name, column in zip(COLUMNS, zip(*rows, strict=True), strict=True):
                    print(f"    {name:24} {', '.join(f'{value:.4g}' for value in column)}", flush=True)


if __name__ == "__main__":
    main()
