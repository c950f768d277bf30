# %% [markdown]
# # 2. Accuracy on SMIC and CAS(ME)^2
#
# * **Needs:** nothing but the package. With a copy of a database, or the authors' files, change one cell.
# * **Takes:** about half a minute on 2 cores, and a minute more where synthetic clips must be written first.
#
# Weights and clips give predictions, predictions a confusion matrix, and the accuracy is the sum of its diagonal over
# the sum of all. This notebook does that for both databases, beside the paper's Tables V to VII. **Nothing here was
# measured on real micro-expressions**: synthetic clips show that the programs work and how to read their output.

# %% tags=["setup"]

# %% tags=["parameters"]
SMIC = None  # or the path of your copy of SMIC; None: synthetic clips
CASME2 = None  # or the path of your copy of CAS(ME)^2; None: a few synthetic clips
WEIGHTS = "weights/microexp-stcnn_synthetic-smic_upstream_seed0.weights.h5"  # or yours
AUTHORS = None  # or the folder of the authors' MicroExpSTCNN files of SMIC: .hdf5 and .npy
EPOCHS = 3  # on CAS(ME)^2; the protocol has 100
CASME2_CLIPS = (12, 21, 8)  # how many synthetic ones: angry, happy, disgust

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas

import microexp_keras as mk
from microexp_keras.evaluate import main as evaluate
from microexp_keras.landmarks.__main__ import main as landmarks
from microexp_keras.train import main as train

PAPER = mk.paper.PAPER

# %% [markdown]
# ## SMIC: weights from a file
#
# An `.h5` file holds numbers and names; reading it executes nothing. Ours also say how the training clips were
# standardised: other clips must be treated alike.

# %%
file = mk.weights.inspect(WEIGHTS)
print(file.network, "kernel", file.kernel_size, f"{file.parameters:,} parameters")
print({name: file.metadata.get(name) for name in ("dataset", "synthetic", "protocol", "epoch")})

# %%
smic = ["--dataset", "smic", *(["--data", str(SMIC)] if SMIC else ["--synthetic"])]
assert evaluate(["--weights", WEIGHTS, *smic, "--out", f"{OUT}/smic"]) == 0

# %% [markdown]
# From the table of predictions that `evaluate` wrote the same scores come out. On the right what the paper prints.


# %%
def scores_of(dataset):
    """Scores from the predictions in the folder of that name."""
    table = pandas.read_csv(OUT / dataset / "predictions.csv")
    names = mk.datasets.get_database(dataset).class_names
    return mk.metrics.score(table["true"], table["predicted"], names)


def draw(title, scores, table, printed):
    """Draw two confusion matrices, ours and a table of the paper."""
    names, both = scores.class_names, {title: scores.confusion, table: printed}
    _, row = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
    for axes, (name, counts) in zip(row, both.items(), strict=True):
        counts = np.array(counts)
        axes.imshow(counts / counts.sum(1, keepdims=True), cmap="Blues", vmin=0, vmax=1.3)
        for place, count in np.ndenumerate(counts):
            axes.text(*place[::-1], count, ha="center", va="center")
        axes.set_xticks(range(len(names)), names)
        axes.set_yticks(range(len(names)), names)
        right = f"{np.trace(counts)} of {counts.sum()}: {np.trace(counts) / counts.sum():.2%}"
        axes.set(xlabel="predicted", ylabel="true", title=f"{name}\n{right}")
    plt.show()


data = mk.load("smic", SMIC, synthetic=SMIC is None)
title = str(data).partition(":")[0]
scores = {title: scores_of("smic")}
draw(title, scores[title], "SMIC, Table VII of the paper", PAPER.confusion["smic"])

# %% [markdown]
# All of these synthetic clips are predicted correctly, which only shows that weights, standardisation and split fit
# together: their movements are painted, and the epoch was chosen on these very clips. In Table VII two of six
# *positive* clips are correct; a share of six clips is hardly more than a hint.
#
# ## The authors' own files
#
# Their README links weights (`.hdf5`, Keras 2.0.0) and the arrays of the held-out clips (`.npy`). Put both into one
# folder and name it above. Without them the next cell imitates them, from the weights and clips above.

# %%
folder = Path(AUTHORS or OUT / "imitation")
images, answers = (folder / f"microexpstcnn_val_{what}.npy" for what in ("images", "labels"))
if AUTHORS is None:
    folder.mkdir()
    (fold,) = mk.folds(data, "upstream")
    clips, true = fold.test
    model = mk.weights.load_model(WEIGHTS)
    mk.weights.save_keras2_hdf5(model, folder / "imitation-of-the-authors.hdf5")
    np.save(images, np.moveaxis(clips, -1, 1))  # (clips, 1, rows, columns, time)
    np.save(answers, np.eye(3)[true])
    print(f"NOT the authors' files: our weights, and clips of {title}, in the same form")
arrays = ["--validation-images", str(images), "--validation-labels", str(answers)]
weights = sorted(folder.glob("*.hdf5"))[-1]  # of the latest epoch that was better
command = ["--weights", str(weights), "--dataset", "smic", *arrays, "--out", f"{OUT}/authors"]
assert evaluate(command) == 0

# %% [markdown]
# ## CAS(ME)^2: training first
#
# No weights for it come with the package: its clips have 96 frames, so that the network has 44 million parameters.
# The next cell trains it for a few epochs on a few clips: far too few to learn anything. With a copy of the database
# and a GPU take 100 epochs.

# %%
casme2 = CASME2 or "data/synthetic-casme2-few"
if not Path(casme2).exists():
    mk.datasets.synthesize("casme2", casme2, clips=CASME2_CLIPS)
command = ["--dataset", "casme2", "--data", str(casme2), "--epochs", str(EPOCHS), "--no-faces"]
assert train([*command, "--out", f"{OUT}/casme2"]) == 0

# %%
title = str(mk.load("casme2", casme2)).partition(":")[0]
scores[title] = scores_of("casme2")
draw(title, scores[title], "CAS(ME)^2, Table VI of the paper", PAPER.confusion["casme2"])

# %% [markdown]
# ## Side by side
#
# The line is the Wilson 95 % interval, the accuracies under which such a count would not surprise. The bar is the
# majority-class baseline, the diamond the paper's accuracy (Table V).

# %%
figure, axes = plt.subplots(figsize=(8, 1.7), layout="constrained")
for row, (dataset, one) in enumerate(zip(("smic", "casme2"), scores.values(), strict=True)):
    published, first = PAPER.accuracy["stcnn", dataset] / 100, row == 0
    axes.plot(one.accuracy_interval, (row, row), color="tab:blue")
    axes.plot(one.accuracy, row, "o", color="tab:blue", label="here" * first)
    axes.plot(one.majority_rate, row, "k|", markersize=16, label="one answer for all" * first)
    axes.plot(published, row, "D", color="tab:orange", label="paper, real clips" * first)
axes.set_yticks(range(len(scores)), scores)
axes.set(xlim=(0, 1.02), ylim=(1.5, -0.5), xlabel="accuracy of MicroExpSTCNN")
axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
plt.show()

# %% [markdown]
# On synthetic clips the distance to the diamond means nothing. On your copy look first: does the interval reach down
# to the bar? Was the epoch chosen on these clips? Are the same people on both sides? Notebook 5 asks this of the paper.
#
# ## Eyes and mouth
#
# The two MicroExpFuseNets see only these, cut out of each frame by 68 points that dlib finds, and brought to 32x32
# pixels. `python -m microexp_keras.train --model late --protocol glorot` trains one; under `upstream` they collapse to
# a single class ([why](../docs/eyes-and-mouth.md)), and 54.77 %, the published accuracy of one of them, is exactly what
# that scores.

# %%
few = [next(clip for clip in data.clips if clip.label == label) for label in range(3)]
command = ["preview", str(few[0].path), "--frames", "2", "--out", f"{OUT}/eyes.png"]
assert landmarks(command) == 0
protocol = mk.protocols.get("glorot", model="late", dataset="smic")
regions, _ = mk.preprocessing.region_stacks(few, protocol)
figure = plt.figure(figsize=(9, 3), layout="constrained")
whole, cut = figure.subfigures(1, 2, width_ratios=(2, 1.2))
axes = whole.subplots()
axes.imshow(plt.imread(OUT / "eyes.png"))
axes.axis("off")
for row, (region, stacks) in zip(cut.subplots(2, 3), regions.items(), strict=True):
    for axes, clip, stack in zip(row, few, stacks, strict=True):
        axes.imshow(stack[..., 9], cmap="gray")
        axes.set_title(f"{region}, {data.class_names[clip.label]}", fontsize=7)
        axes.axis("off")
plt.show()
