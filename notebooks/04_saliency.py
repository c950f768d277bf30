# %% [markdown]
# # 4. Where does the network look?
#
# * **Needs:** nothing but the package and its weights. A copy of SMIC and weights trained on it are one changed cell.
# * **Takes:** about a quarter of a minute on 2 cores, and half a minute more to write synthetic clips, once.
#
# A network may be right for the wrong reason. Figure 4 of the paper shows *saliency maps* to find out. This notebook
# draws such maps, and measures what the eye only guesses: how much lies at the eyes, at the mouth and
# elsewhere, beside a network that has learned nothing, and what happens when a region is covered.

# %% tags=["setup"]

# %% tags=["parameters"]
DATA = None  # or the path of your copy of SMIC; None looks in data/, then takes synthetic clips
WEIGHTS = "weights/microexp-stcnn_synthetic-smic_upstream_seed0.weights.h5"  # or yours
PROTOCOL = "upstream"  # of the training: its held-out clips are shown

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas

import microexp_keras as mk
from microexp_keras.models import saliency

data = mk.load("smic", DATA or mk.datasets.data_or_synthetic("smic"))
title = str(data).partition(":")[0]
fold = next(mk.folds(data, PROTOCOL))
clips, true = fold.test
_, rows, columns, frames, _ = clips.shape
trained = mk.weights.load_model(WEIGHTS, frames, rows)
untrained = mk.models.build_microexp_stcnn(frames, rows, data.num_classes, seed=0)
predicted = trained.predict(clips, verbose=0).argmax(axis=1)
print(f"{title}: {(predicted == true).sum()} of {len(true)} held-out clips right")

# %% [markdown]
# ## The gradient of a class's score
#
# Take the score of the predicted class and ask of each pixel of each frame: if it were a little brighter, how much
# would the score change? The size of that change is the saliency (Simonyan et al., 2014). The score is the *logit*,
# before the softmax: where a network is sure, no pixel changes the probability.

# %%
maps = {
    "trained": saliency.saliency(trained, {"face": clips})["face"],
    "random weights": saliency.saliency(untrained, {"face": clips})["face"],
}

# %% [markdown]
# ## As in Figure 4
#
# The paper shows binarised maps and does not say where it draws the line. Here the strongest 5 % of a clip's pixels are
# marked, over all its frames together.

# %%
shown = [int(np.flatnonzero(true == label)[0]) for label in np.unique(true)]
marks = saliency.binarize(maps["trained"][shown], share=0.05)
numbers = range(1, frames, 4)
size = (6.5, 1.5 * len(shown))
figure, grid = plt.subplots(len(shown), len(numbers), figsize=size, layout="constrained")
for row, place, mark in zip(grid, shown, marks, strict=True):
    for axes, number in zip(row, numbers, strict=True):
        axes.imshow(clips[place, ..., number, 0], cmap="gray")
        red = np.ma.masked_equal(mark[..., number], False)
        axes.imshow(red, cmap="autumn", alpha=0.8, interpolation="nearest")
        axes.axis("off")
    said = [data.class_names[of[place]] for of in (true, predicted)]
    row[0].set_title(", predicted ".join(said), fontsize=8, loc="left")
figure.suptitle(f"{title}: the strongest 5 %, every fourth frame", fontsize=9)
plt.show()

# %% [markdown]
# It is tempting to read a story into such dots. Measure first.
#
# ## Mean maps, trained and not
#
# Edges are salient to *any* convolution, and eyes and mouths have many. So ask the same of a network with random
# weights (Adebayo et al., 2018): only what the trained one shows beyond that was learned. The lines bound the upper
# third of the frame, *eyes*, and the lower third, *mouth*, which is fair to frames cropped to the face.

# %%
figure, row = plt.subplots(1, 4, figsize=(10, 2.6), layout="constrained")
row[0].imshow(clips.mean(axis=(0, 3))[..., 0], cmap="gray")
row[0].set_title("mean face", fontsize=9)
for axes, (name, of_network) in zip(row[1:], maps.items(), strict=False):
    mean = of_network.mean(axis=(0, 3))
    axes.imshow(mean / mean.sum(), cmap="magma")
    axes.set_title(f"saliency, {name}", fontsize=9)
for axes in row[:3]:
    axes.hlines((rows / 3 - 0.5, 2 * rows / 3 - 0.5), -0.5, columns - 0.5, "cyan", linewidth=1)
    axes.axis("off")
for name, of_network in maps.items():
    of_frames = of_network.sum(axis=(0, 1, 2))
    row[3].plot(range(1, frames + 1), of_frames / of_frames.sum(), label=name)
row[3].set(xlabel="frame", title="share of each frame", ylim=(0, None))
row[3].legend(fontsize=7)
figure.suptitle(title, fontsize=9)
plt.show()

# %% [markdown]
# The last frame has none: the pooling never reaches it. Those in the middle are seen by all three places of the
# 15-frame kernel.
#
# ## Eyes, mouth and the rest, in numbers
#
# Left: each region's share of the saliency; spread evenly it would be its share of the area. Right: a question that a
# gradient does not answer. Cover a region in all frames (with zero, the mean of the standardised pixels): how many
# clips are still predicted correctly?

# %%
regions = {"eyes": slice(0, round(rows / 3)), "mouth": slice(round(2 * rows / 3), rows)}
regions["rest"] = slice(regions["eyes"].stop, regions["mouth"].start)
right = {"nothing": (predicted == true).mean()}
for name in ("eyes", "mouth"):
    covered = clips.copy()
    covered[:, regions[name]] = 0
    right[name] = (trained.predict(covered, verbose=0).argmax(axis=1) == true).mean()

table = {"area": [len(range(rows)[region]) / rows for region in regions.values()]}
for name, of_network in maps.items():
    of_rows = of_network.sum(axis=(2, 3)) / of_network.sum(axis=(1, 2, 3))[:, np.newaxis]
    table[name] = [np.nanmean(of_rows[:, region].sum(axis=1)) for region in regions.values()]
table = pandas.DataFrame(table, list(regions))
_, (left, second) = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
table.plot.bar(ax=left, rot=0, ylim=(0, 0.55), ylabel="share", title=f"saliency, {title}")
left.legend(fontsize=8, ncols=3)
second.bar(right.keys(), right.values(), color=["gray", "tab:blue", "tab:blue"])
second.axhline(np.bincount(true).max() / len(true), color="black", linestyle=":")
second.set(ylim=(0, 1.05), ylabel="accuracy", xlabel="covered")
second.set_title(f"{title}; dots: one answer for all")
plt.show()
print(title, table.round(3), pandas.Series(right, name="accuracy").round(3), sep="\n")

# %% [markdown]
# On the synthetic clips the trained network has almost the same share of saliency at eyes and mouth as random weights:
# without that comparison one would have believed the map. Covering does tell something: without the eyes it falls
# towards a single class, without the mouth it does not. Treat maps as a check that can fail, not as an explanation; and
# nothing here says anything about real faces.
