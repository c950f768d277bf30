"""What makes the two MicroExpFuseNets learn: the original's settings, changed one at a time, on synthetic SMIC.

    python benchmarks/fusenet_learning.py

Three tables:
1. The protocol "upstream" itself, its first epochs: how often the network ends with one class for all clips.
2. Unseen subjects: one of four folds of subjects is held out, the rest trains at batch 16, scored after the last epoch,
   nothing chosen. Each row changes the settings of the original by what it names.
3. The settings of the protocol "glorot" on unseen subjects, the predictions of all four folds pooled.
"""

import argparse
import itertools
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np

from microexp_keras import datasets, metrics, preprocessing, protocols, runs
from microexp_keras.backend import import_keras
from microexp_keras.datasets.database import DATABASES
from microexp_keras.models.networks import NETWORKS

keras = import_keras()

from microexp_keras import training  # noqa: E402 (Keras is loaded without its start-up remarks first)

MODELS = ("intermediate", "late")
CLASSES = DATABASES["smic"].class_names
GLOROT = {"initializer": "glorot_uniform"}
SETTINGS = {
    "the original's": {},
    "learning rate 0.001": {"rate": 0.001},
    "learning rate 0.001, momentum 0.9": {"rate": 0.001, "momentum": 0.9},
    "loss with a gradient everywhere": {"floor": 1e-30},
    "rectified dense layers": {"activation": "relu"},
    "rectified dense layers, momentum 0.9": {"activation": "relu", "momentum": 0.9},
    "Glorot's rule in full": GLOROT,
    "Glorot's rule, rectified dense layers, momentum 0.9": {**GLOROT, "activation": "relu", "momentum": 0.9},
    "Glorot's rule, learning rate 0.003, momentum 0.9": {**GLOROT, "rate": 0.003, "momentum": 0.9},
}


def build(network, seed, initializer="keras2_glorot_uniform", rate=0.01, momentum=0.0, floor=1e-7, activation=None):
    """A compiled network; `activation` is that of its hidden dense layers, linear in the original."""
    keras.utils.set_random_seed(seed)
    model = NETWORKS[network].build(conv_initializer=initializer)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense) and layer.units > len(CLASSES):
            layer.activation = keras.activations.get(activation)
    training.compile_model(model, rate, momentum, floor)
    return model


def upstream(root, network, seed, epochs):
    """Train by the protocol `upstream`; give a row for each epoch."""
    protocol = protocols.get("upstream", network)
    samples = preprocessing.load_samples(root, protocol, progress=False)
    inputs, _ = preprocessing.network_inputs(samples.stacks)
    [fold] = protocol.split(samples.labels, samples.subjects)
    wanted = np.eye(len(CLASSES), dtype="float32")[samples.labels]
    model = build(network, seed)
    batches = training.Batches(protocol.training_inputs(inputs), wanted, fold.train, protocol.batch_size, seed)
    rows = []
    for epoch in range(epochs):
        logs = training.train_epoch(model, batches, epoch)
        rows.append(logs | training.held_out_logs(model, inputs, wanted, fold.score, protocol.batch_size))
    return rows


def unseen_subjects(samples, network, seed, epochs, settings, folds=1):
    """Train on most subjects, predict the others, for some of four folds; give scores, last loss, seconds an epoch."""
    from sklearn.model_selection import GroupKFold

    inputs, _ = preprocessing.network_inputs(samples.stacks)
    wanted = np.eye(len(CLASSES), dtype="float32")[samples.labels]
    split = GroupKFold(4, shuffle=True, random_state=0).split(samples.labels, samples.labels, samples.subjects)
    true, predicted, start = [], [], time.perf_counter()
    for learn, test in itertools.islice(split, folds):
        model = build(network, seed, **settings)
        batches = training.Batches(inputs, wanted, learn, 16, seed)
        for epoch in range(epochs):
            logs = training.train_epoch(model, batches, epoch)
        true += samples.labels[test].tolist()
        answers = training.predict(model, {name: array[test] for name, array in inputs.items()})
        predicted += answers.argmax(axis=1).tolist()
    seconds = (time.perf_counter() - start) / epochs / folds
    return metrics.score(true, predicted, CLASSES), logs["loss"], seconds


def print_row(samples, title, network, settings, args, folds=1):
    """Train with every seed and print one line."""
    found = [unseen_subjects(samples, network, seed, args.epochs, settings, folds) for seed in range(args.seeds)]
    uar = ", ".join(f"{scores.uar:.3f}" for scores, _, _ in found)
    accuracy = ", ".join(f"{scores.accuracy:.3f}" for scores, _, _ in found)
    losses = ", ".join(f"{loss:.2f}" for _, loss, _ in found)
    print(
        f"  {title:52} {network:12} UAR {uar}   accuracy {accuracy} (majority {found[0][0].majority_rate:.3f})   "
        f"last training loss {losses}   {found[0][2]:.2f} s/epoch",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="training seeds (default: 3)")
    parser.add_argument("--epochs", type=int, default=100, help="of the second table (default: 100)")
    parser.add_argument("--upstream-epochs", type=int, default=5, help="of the first table (default: 5)")
    args = parser.parse_args()

    versions = f"Keras {keras.__version__} on {keras.backend.backend()}, numpy {np.__version__}"
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}, commit {runs.commit()}")
    with tempfile.TemporaryDirectory() as folder:
        root = datasets.synthesize("smic", Path(folder) / "smic")
        print(f"\nprotocol upstream on synthetic SMIC, {args.upstream_epochs} epochs")
        for network in MODELS:
            for seed in range(args.seeds):
                rows = upstream(root, network, seed, args.upstream_epochs)
                losses = ", ".join(f"{row['loss']:.2f}" for row in rows)
                scores = ", ".join(f"{row['val_accuracy']:.4f}" for row in rows)
                one = sum(row["val_classes"] == 1 for row in rows)
                print(
                    f"  {network:12} seed {seed}: loss {losses}; accuracy {scores}; one class in {one} epochs",
                    flush=True,
                )

        samples = preprocessing.load_samples(root, protocols.get("paper", "late"), progress=False)
        print(f"\nunseen subjects of synthetic SMIC, {args.epochs} epochs, {args.seeds} seeds: UAR (chance 0.333)")
        for title, settings in SETTINGS.items():
            for network in MODELS:
                print_row(samples, title, network, settings, args)
        print("\nprotocol glorot, all four folds of subjects pooled")
        for network in MODELS:
            glorot = protocols.get("glorot", network)
            settings = {"initializer": glorot.conv_initializer, "floor": glorot.probability_floor}
            print_row(samples, "glorot", network, settings, args, folds=4)


if __name__ == "__main__":
    main()
