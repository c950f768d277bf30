# %% [markdown]
# # 1. Train MicroExpSTCNN, and see what it sees
#
# * **Needs:** nothing but the package. Without a copy of SMIC it trains on synthetic clips, which are written once.
# * **Takes:** about a minute on 2 cores, half of it for the synthetic clips. A GPU is used if there is one.
#
# A micro-expression lasts a fraction of a second and moves the face by a pixel or so. No single frame shows it: a
# raised brow may be a surprise, or just somebody's brow. What tells the classes apart is *movement*, so the network
# looks at several frames at once.

# %% tags=["setup"]

# %% tags=["parameters"]
DATA = None  # or the path of your copy of SMIC; None looks in data/, then takes synthetic clips
EPOCHS = 30  # the protocol has 100
SEED = 0

# %% [markdown]
# ## The clips
#
# A **protocol** says how clips are read, split, trained on and scored. `upstream` does what the authors' programs do:
# the first 18 frames of a clip, 64x64 pixels, gray, standardised; a random fifth of the clips is held out.

# %%

import keras
import matplotlib.pyplot as plt
import numpy as np

import microexp_keras as mk

data = mk.load("smic", DATA or mk.datasets.data_or_synthetic("smic"))
(fold,) = mk.folds(data, "upstream")
(train, labels), (held_out, true) = fold.train, fold.test
title = str(data).partition(":")[0]
print(data)
print(f"trained on: {train.shape} (clips, rows, columns, time, 1); held out: {len(true)} clips")

# %% [markdown]
# One clip of each class, and what changed since its first frame (red: brighter, blue: darker).

# %%
numbers = (5, 10, 16)
figure, rows = plt.subplots(data.num_classes, 4, figsize=(5.6, 4.4), layout="constrained")
for label, row in enumerate(rows):
    clip = train[np.flatnonzero(labels == label)[0], ..., 0]
    row[0].imshow(clip[..., 0], cmap="gray")
    row[0].set_title(f"{data.class_names[label]}, frame 1", fontsize=8)
    for axes, number in zip(row[1:], numbers, strict=True):
        change = clip[..., number - 1] - clip[..., 0]
        axes.imshow(change, cmap="RdBu_r", vmin=-0.25, vmax=0.25)
        axes.set_title(f"change to frame {number}", fontsize=8)
for axes in rows.flat:
    axes.axis("off")
plt.show()

# %% [markdown]
# ## The network
#
# One convolution, one pooling, two dense layers. Each of its 32 kernels is a block of 3 rows, 3 columns and **15
# frames**: a little film that responds where the clip moves as it does. Nearly all parameters are in `dense_1`, which
# could learn every clip by heart; dropout works against that.

# %%
_, size, _, frames, _ = train.shape
model = mk.models.build_microexp_stcnn(frames, size, data.num_classes, seed=SEED)
model.summary(line_length=90, print_fn=print)

# %% [markdown]
# ## Training, with a callback that saves the weights
#
# `training.Checkpoint` is a callback of Keras. It compares the accuracy on the held-out clips after each epoch with the
# best so far, and writes an `.h5` file when it is higher, as the authors' programs do. That is also why such an
# accuracy is too good: the epoch is chosen on the very clips that are scored. A killed run resumes from
# `last.weights.h5`.

# %%
protocol = mk.protocols.get("upstream", model="stcnn", dataset="smic")
model.compile(
    keras.optimizers.SGD(protocol.learning_rate, protocol.momentum),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
    jit_compile=False,  # on a CPU, XLA makes this convolution many times slower
)
checkpoint = mk.training.Checkpoint(OUT)
keras.utils.set_random_seed(SEED)
settings = {"batch_size": protocol.batch_size, "epochs": EPOCHS, "callbacks": [checkpoint]}
fitted = model.fit(train, labels, validation_data=(held_out, true), verbose=0, **settings)
files = sorted(OUT.glob("*.weights.h5"))
print(*(f"{file.name}: {file.stat().st_size / 1e6:.1f} MB" for file in files), sep="\n")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
history, epochs = fitted.history, np.arange(1, EPOCHS + 1)
best = checkpoint.epoch
majority = np.bincount(true).max() / len(true)
for axes, name in ((left, "loss"), (right, "accuracy")):
    axes.plot(epochs, history[name], label="training clips")
    axes.plot(epochs, history[f"val_{name}"], label="held-out clips")
    axes.set(xlabel="epoch", ylabel=name)
right.axhline(majority, color="black", linestyle=":", label="always the most frequent class")
right.plot(best + 1, history["val_accuracy"][best], "k*", label="last weights saved")
right.legend(fontsize=8)
figure.suptitle(f"MicroExpSTCNN on {title}", fontsize=10)
plt.show()

# %% [markdown]
# The training curve is measured *with* dropout, so it may lie below the other. Now the score of the saved file.

# %%
mk.weights.load_weights(model, checkpoint.path)
scores = mk.metrics.score(true, model.predict(held_out, verbose=0).argmax(1), data.class_names)
low, high = scores.accuracy_interval
print(f"{title}: {scores.correct} of {scores.clips} right, {low:.1%} to {high:.1%}", end="; ")
print(f"UF1 {scores.uf1:.3f}, UAR {scores.uar:.3f}; one answer for all: {majority:.1%}")

# %% [markdown]
# ## What the kernels see
#
# The output of the pooling for one clip, of the eight kernels with the strongest response. Bright means a strong
# response: to a movement, but also to an edge that stands still. Notebook 4 asks where the network as a whole looks.

# %%
pooled = keras.Model(model.inputs, model.get_layer("pool").output)
answers = pooled.predict(held_out[:1], verbose=0)[0].max(axis=2)
strongest = np.argsort(answers.max(axis=(0, 1)))[::-1][:8]
figure, row = plt.subplots(1, 9, figsize=(10, 1.5), layout="constrained")
row[0].imshow(held_out[0, ..., 8, 0], cmap="gray")
for axes, kernel in zip(row[1:], strongest, strict=True):
    axes.imshow(answers[..., kernel], cmap="magma")
for axes in row:
    axes.axis("off")
plt.show()

# %% [markdown]
# ## Throughput
#
# The median epoch, so that the first, in which the graph is built, does not count. For real work take the command
# `python -m microexp_keras.train --dataset smic --data PATH`: faster, can be resumed, and writes a report.

# %%
seconds = np.median([row["seconds"] for row in checkpoint.history.rows])
print(f"{seconds:.2f} s an epoch, {len(labels) / seconds:.0f} training clips a second")
