"""What makes the two MicroExpFuseNets learn: the original's settings, changed one at a time, on synthetic clips.

    python benchmarks/fusenet_learning.py
    python benchmarks/fusenet_learning.py --dataset casme2 --clips 22 22 22 --seeds 3 --epochs 0
    python benchmarks/fusenet_learning.py --dataset casme2 --steps 0 --seeds 2 --epochs 18 --folds 0 1
    python benchmarks/fusenet_learning.py --dataset casme2 --steps 0 --frames 18 24 32 64 96 --folds 0

Three tables of SMIC:
1. The protocol "upstream" itself, its first epochs: how often the network ends with one class for all clips.
2. Unseen subjects: one of four folds of subjects is held out, the rest trains at batch 16, scored after the last epoch,
   nothing chosen. Each row changes the settings of the original by what it names.
3. The settings of the protocol "glorot" on unseen subjects, the predictions of all four folds pooled.

Two of CAS(ME)^2, whose networks have 177 million parameters:
1. The first steps, setting by setting, of SMIC's 18 frames and of all 96 of the same clips: how large the inputs of the
   first dense layer are, how far the scores are apart, whether all clips are given one class.
2. The protocol "glorot" on unseen subjects, scored while it trains; nothing is chosen.
"""

import itertools
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from harness import begin, whole

from microexp_keras import datasets, metrics, preprocessing, protocols
from microexp_keras.backend import import_keras
from microexp_keras.datasets.database import DATABASES
from microexp_keras.models.networks import NETWORKS

keras = import_keras()

from microexp_keras import training  # noqa: E402 (Keras is loaded without its start-up remarks first)

MODELS = ("intermediate", "late")
GLOROT = {"initializer": "glorot_uniform"}
SETTINGS = {
    "the original's": {},
    "learning rate 0.001": {"rate": 0.001},
    "loss with a gradient everywhere": {"floor": 1e-30},
    "rectified dense layers, momentum 0.9": {"activation": "relu", "momentum": 0.9},
    "Glorot's rule in full": GLOROT,
    "Glorot's rule, learning rate 0.003, momentum 0.9": {**GLOROT, "rate": 0.003, "momentum": 0.9},
}


SMICS = {**GLOROT, "floor": 1e-30}  # protocol glorot as it is at 18 frames
LONGER = 27  # times the values that a region hands to its dense layers at 18 frames: 86,400 instead of 3,200
FIRST_STEPS = {
    "the original's, loss with a gradient everywhere": {"floor": 1e-30},
    "SMIC's glorot": SMICS,
    "SMIC's glorot, learning rate 0.01/27": {**SMICS, "rate": 0.01 / LONGER},
    "SMIC's glorot, whole gradient's norm at most 1": {**SMICS, "clip": 1.0},
    "SMIC's glorot, rate grows to 0.01 over 10 steps": {**SMICS, "warm_up": 10},
    "SMIC's glorot, convolutions start at 1/27**0.5": {**SMICS, "kernel_scale": LONGER**-0.5},
}
PROTOCOL = "protocol glorot of that many frames"


def build(
    network,
    seed,
    frames=18,
    initializer="keras2_glorot_uniform",
    rate=0.01,
    momentum=0.0,
    floor=1e-7,
    activation=None,
    clip=None,
    kernel_scale=1.0,
    warm_up=0,
):
    """A compiled network, trained at `rate` after as many steps of a rate that grows evenly as `warm_up` says.

    `activation` is that of its hidden dense layers, linear in the original; `clip` the largest norm of a step's whole
    gradient; `kernel_scale` multiplies the initial values of the convolutions.
    """
    keras.utils.set_random_seed(seed)
    model = NETWORKS[network].build(frames, conv_initializer=initializer)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv3D):
            layer.kernel.assign(layer.kernel * kernel_scale)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense) and layer.units > 3:
            layer.activation = keras.activations.get(activation)
    if warm_up:
        rate = keras.optimizers.schedules.PolynomialDecay(rate / warm_up, warm_up, rate)
    training.compile_model(model, rate, momentum, floor)
    model.optimizer.global_clipnorm = clip
    return model


def upstream(root, network, seed, epochs):
    """Train by the protocol `upstream`; give a row for each epoch."""
    protocol = protocols.get("upstream", network)
    samples = preprocessing.load_samples(root, protocol, progress=False)
    inputs, _ = preprocessing.network_inputs(samples.stacks)
    [fold] = protocol.split(samples.labels, samples.subjects)
    wanted = np.eye(3, dtype="float32")[samples.labels]
    model = build(network, seed)
    batches = training.Batches(protocol.training_inputs(inputs), wanted, fold.train, protocol.batch_size, seed)
    rows = []
    for epoch in range(epochs):
        logs = training.train_epoch(model, batches, epoch)
        rows.append(logs | training.held_out_logs(model, inputs, wanted, fold.test, protocol.batch_size))
    return rows


def unseen_subjects(samples, classes, network, seed, epochs, settings, folds=(0,), every=None):
    """Train on most subjects, predict the others, for those of four `folds`; give scores, last loss, seconds an epoch.

    After each `every` epochs of a fold a line says how the held-out subjects are called by then.
    """
    from sklearn.model_selection import GroupKFold

    inputs, _ = preprocessing.network_inputs(samples.stacks)
    wanted = np.eye(3, dtype="float32")[samples.labels]
    split = GroupKFold(4, shuffle=True, random_state=0).split(samples.labels, samples.labels, samples.subjects)
    true, predicted, seconds = [], [], 0.0
    for learn, test in [one for number, one in enumerate(split) if number in folds]:
        model = build(network, seed, samples.stacks["eyes"].shape[3], **settings)
        batches = training.Batches(inputs, wanted, learn, 16, seed)
        for epoch in range(epochs):
            start = time.perf_counter()
            logs = training.train_epoch(model, batches, epoch)
            seconds += time.perf_counter() - start
            if epoch + 1 == epochs or (every and (epoch + 1) % every == 0):
                answers = training.predict(model, inputs, test).argmax(axis=1).tolist()
            if every and (epoch + 1) % every == 0:
                scores = metrics.score(samples.labels[test].tolist(), answers, classes)
                print(f"    {network} epoch {epoch + 1}: {said(scores)}; training loss {logs['loss']:.3f}", flush=True)
        true += samples.labels[test].tolist()
        predicted += answers
    return metrics.score(true, predicted, classes), logs["loss"], seconds / epochs / len(folds)


def said(scores):
    """Accuracy as a count with Wilson's interval, UAR and the constant answer's accuracy."""
    low, high = scores.accuracy_interval
    return (
        f"{scores.correct}/{scores.clips} = {scores.accuracy:.3f} (Wilson {low:.3f} to {high:.3f}, majority "
        f"{scores.majority_rate:.3f}), UAR {scores.uar:.3f}"
    )


def first_steps(stacks, targets, learn, watch, network, seed, settings, steps=10):
    """Train some steps; give after none and after each: squared inputs, range of scores, classes.

    Squared inputs are summed over all that the first dense layers see, the mean over the clips `watch`; the range is
    the largest distance between two classes' scores before the softmax; classes are those predicted for these clips.
    """
    inputs, _ = preprocessing.network_inputs(stacks)
    model = build(network, seed, inputs["eyes"].shape[3], **settings)
    streams = [model.get_layer(f"{region}_flatten").output for region in ("eyes", "mouth")]
    inside = keras.Model(model.inputs, [model.get_layer("softmax").input, *streams])
    batches = training.Batches(inputs, targets, learn, 16, seed)
    watched, rows = training.keras_inputs(inputs, watch), []
    for step in range(steps + 1):
        if step:
            batches.reorder((step - 1) // len(batches))
            model.train_on_batch(*batches[(step - 1) % len(batches)])
        scores, *features = [keras.ops.convert_to_numpy(array) for array in inside(watched, training=False)]
        squared = sum((array.astype("float64") ** 2).sum(axis=1).mean() for array in features)
        rows.append((squared, np.ptp(scores, axis=1).max(), len(set(scores.argmax(axis=1)))))
    return rows


def print_row(samples, title, network, settings, args, folds=(0,)):
    """Train with every seed and print one line."""
    classes = DATABASES["smic"].class_names
    found = [
        unseen_subjects(samples, classes, network, seed, args.epochs, settings, folds) for seed in range(args.seeds)
    ]
    uar = ", ".join(f"{scores.uar:.3f}" for scores, _, _ in found)
    accuracy = ", ".join(f"{scores.accuracy:.3f}" for scores, _, _ in found)
    losses = ", ".join(f"{loss:.2f}" for _, loss, _ in found)
    print(
        f"  {title:52} {network:12} UAR {uar}   accuracy {accuracy} (majority {found[0][0].majority_rate:.3f})   "
        f"last training loss {losses}   {found[0][2]:.2f} s/epoch",
        flush=True,
    )


def smic(folder, args):
    """The three tables of SMIC."""
    root = datasets.synthesize("smic", folder / "smic")
    print(f"\nprotocol upstream on synthetic SMIC, {args.upstream_epochs} epochs")
    for network in args.networks:
        for seed in range(args.seeds):
            rows = upstream(root, network, seed, args.upstream_epochs)
            losses = ", ".join(f"{row['loss']:.2f}" for row in rows)
            scores = ", ".join(f"{row['val_accuracy']:.4f}" for row in rows)
            one = sum(row["val_only_class"] >= 0 for row in rows)
            print(
                f"  {network:12} seed {seed}: loss {losses}; accuracy {scores}; one class in {one} epochs",
                flush=True,
            )

    samples = preprocessing.load_samples(root, protocols.get("paper", "late"), progress=False)
    print(f"\nunseen subjects of synthetic SMIC, {args.epochs} epochs, {args.seeds} seeds: UAR (chance 0.333)")
    for title, settings in SETTINGS.items():
        for network in args.networks:
            print_row(samples, title, network, settings, args)
    print("\nprotocol glorot, all four folds of subjects pooled")
    for network in args.networks:
        glorot = protocols.get("glorot", network)
        settings = {"initializer": glorot.conv_initializer, "floor": glorot.probability_floor}
        print_row(samples, "glorot", network, settings, args, folds=range(4))


def settings_of(title, network, frames):
    """The settings of that title, for clips of so many frames."""
    if title != PROTOCOL:
        return FIRST_STEPS[title]
    own = replace(DATABASES["casme2"], name="own", frames=frames, in_paper=False)
    glorot = protocols.get("glorot", network, own)
    return {
        "initializer": glorot.conv_initializer,
        "floor": glorot.probability_floor,
        "rate": glorot.learning_rate,
        "momentum": glorot.momentum,
    }


def middle(samples, frames):
    """The same clips, of their middle frames."""
    start = (96 - frames) // 2
    stacks = {
        name: np.ascontiguousarray(stack[:][..., start : start + frames]) for name, stack in samples.stacks.items()
    }
    return replace(samples, stacks=stacks)


def casme2(folder, args):
    """The two tables of CAS(ME)^2."""
    root = datasets.synthesize("casme2", folder / "casme2", clips=args.clips, progress=False)
    samples = preprocessing.load_samples(root, protocols.get("paper", "late", "casme2"), progress=False)
    targets = np.eye(3, dtype="float32")[samples.labels]
    held_out = np.isin(samples.subjects, sorted(set(samples.subjects))[::4])
    learn, watch = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    print(
        f"\nfirst {args.steps} steps, {len(learn)} clips of synthetic CAS(ME)^2, batch 16; after each step: the largest"
    )
    print("distance of two scores for a clip of other subjects (classes answered to all of them)")
    for frames, title in [(18, "SMIC's glorot"), *itertools.product(args.frames, [*FIRST_STEPS, PROTOCOL])]:
        stacks = middle(samples, frames).stacks
        for network, seed in itertools.product(args.networks, range(args.seeds) if args.steps else ()):
            settings = settings_of(title, network, frames)
            rows = first_steps(stacks, targets, learn, watch, network, seed, settings, args.steps)
            ranges = ", ".join(f"{reach:.1f} ({classes})" for *_, reach, classes in rows)
            squared = f"squared inputs {rows[0][0]:.0f} to {rows[-1][0]:.0f}"
            print(f"  {frames} frames, {title}; {network} seed {seed}: {ranges}; {squared}", flush=True)

    print(f"\nunseen subjects of synthetic CAS(ME)^2, {len(samples.labels)} clips, folds {[*args.folds]} of four")
    for frames in args.frames if args.epochs else ():
        for network, seed in itertools.product(args.networks, range(args.seeds)):
            scores, loss, seconds = unseen_subjects(
                middle(samples, frames),
                DATABASES["casme2"].class_names,
                network,
                seed,
                args.epochs,
                settings_of(PROTOCOL, network, frames),
                args.folds,
                3,
            )
            print(
                f"  {frames} frames, {network} seed {seed}, {args.epochs} epochs: {said(scores)}; last "
                f"training loss {loss:.3f}; {seconds:.1f} s/epoch",
                flush=True,
            )


def main():
    """Print the tables of a database."""
    args = begin(
        __doc__,
        ("--dataset", {"choices": ["smic", "casme2"], "default": "smic"}),
        ("--networks", {"nargs": "+", "choices": MODELS, "default": MODELS}),
        ("--seeds", whole(3, "training seeds")),
        ("--epochs", whole(100, "of training on unseen subjects")),
        ("--upstream-epochs", whole(5, "SMIC's first table")),
        ("--steps", whole(10, "CAS(ME)^2's first table")),
        ("--clips", whole([75, 93, 35], "of CAS(ME)^2's three classes", nargs=3)),
        ("--folds", whole([0, 1, 2, 3], "CAS(ME)^2's second table", nargs="+")),
        ("--frames", whole([96], "CAS(ME)^2: so many from the middle of each clip", nargs="+")),
    )
    with tempfile.TemporaryDirectory() as folder:
        (smic if args.dataset == "smic" else casme2)(Path(folder), args)


if __name__ == "__main__":
    main()
