"""Your own method, scored on people that it has never seen: `python own_predictions.py clips.csv`."""

import sys

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from microexp_keras import datasets, metrics, preprocessing, protocols

table = sys.argv[1]
database = datasets.own_database(table, frames=18, size=32)
protocol = protocols.get("loso", "stcnn", database)
samples = preprocessing.load_samples(table, protocol)
movement = np.diff(samples.stacks["face"][:].astype(float), axis=-1).std(axis=-1).reshape(len(samples.labels), -1)

called = np.empty_like(samples.labels)
for fold in preprocessing.folds(protocol, samples):  # refuses clips of a person on both sides
    known = np.union1d(fold.train, fold.validation)
    called[fold.test] = KNeighborsClassifier(3).fit(movement[known], samples.labels[known]).predict(movement[fold.test])

scores = metrics.score(samples.labels, called, database.class_names)
print(f"accuracy {scores.accuracy:.2%}, UF1 {scores.uf1:.3f}, UAR {scores.uar:.3f}")
