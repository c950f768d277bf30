"""Clips of your own, a network, your own training loop, a score: `python own_loop.py clips.csv`."""

import sys

from microexp_keras import datasets, metrics, preprocessing, protocols, training

table = sys.argv[1]
database = datasets.own_database(table, frames=18)
protocol = protocols.get("paper", "stcnn", database)
samples = preprocessing.load_samples(table, protocol)
[fold] = protocol.split(samples.labels, samples.subjects)
inputs, _ = preprocessing.network_inputs(samples.stacks)
faces, labels = training.keras_inputs(inputs), samples.labels

model = protocol.network.build(protocol.frames, protocol.size, database.num_classes)
model.compile("sgd", "sparse_categorical_crossentropy")
for _ in range(2):
    for start in range(0, len(fold.train), protocol.batch_size):
        clips = fold.train[start : start + protocol.batch_size]
        model.train_on_batch(faces[clips], labels[clips])

called = model.predict(faces[fold.test], verbose=0).argmax(axis=1)
scores = metrics.score(labels[fold.test], called, database.class_names)
print(
    f"accuracy {scores.accuracy:.2%}, UF1 {scores.uf1:.3f}, always {scores.majority_class} {scores.majority_rate:.2%}"
)
