# %% [markdown]
# # 1. Train MicroExpSTCNN
#
# * **Needs:** nothing but the package. Without a copy of SMIC it trains on synthetic clips, which it generates once.
# * **Takes:** about 2 minutes on 2 cores. A GPU is used if there is one; in Colab choose *Runtime, Change runtime
#   type, GPU* first.
#
# A micro-expression lasts a fraction of a second and moves the face by a pixel or so. No single frame shows it: a
# raised brow may be a surprise, or just somebody's brow. What tells the classes apart is *movement*, so the network
# must look at several frames at once. This notebook trains such a network and shows what it does with time.
#
# ## Set-up
#
# In Colab the next cell clones the repository and installs it. Where the package is there already, it installs
# nothing.

# %%
import importlib.util
import os
import subprocess
import sys

REPOSITORY = ""  # in Colab: the address of a copy of the repository, which git clones
if os.path.isdir("../src/microexp_keras"):
    os.chdir("..")  # data/, weights/ and runs/ are in the repository's root
if importlib.util.find_spec("microexp_keras") is None:
    if not os.path.isdir("src/microexp_keras"):
        if not REPOSITORY:
            raise SystemExit(
                "Give REPOSITORY the address of a copy of the repository, or put its folder beside this."
            )
        subprocess.run(["git", "clone", "--quiet", REPOSITORY, "microexp_keras"], check=True)
        os.chdir("microexp_keras")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "."], check=True)
    importlib.invalidate_caches()

# %% [markdown]
# The one cell to change: `DATA` is your copy of SMIC, or `None` for synthetic clips. The protocol asks for 100
# epochs; fewer are enough to see the network learn.

# %% tags=["parameters"]
DATA = None  # or the path of your copy of SMIC
EPOCHS = 40
SEED = 0

# %% [markdown]
# ## Which device?
#
# Keras takes a GPU by itself. If this says `cpu` where you expected a GPU, the runtime has none, or TensorFlow was
# installed without CUDA (`pip install "tensorflow[and-cuda]"`).

# %%
import statistics
from dataclasses import replace

from IPython.display import Image

from microexp_keras.backend import import_keras
from microexp_keras.datasets.database import DATABASES

keras = import_keras()

from microexp_keras import datasets, metrics, models, preprocessing, protocols, runs, training
from microexp_keras import weights as weights_files
from microexp_keras.protocols import splits
from microexp_keras.results import plots, text_report

print(f"Keras {keras.__version__} on", ", ".join(runs.devices()))

# %% [markdown]
# ## The clips
#
# A *protocol* holds every number of an experiment: frames, size, batch, split. `upstream` is what the authors'
# programs do: the first 18 frames of each clip, resized to 64x64 pixels, gray.

# %%
# %%capture
data = DATA or datasets.synthetic_folder("smic")
protocol = protocols.get("upstream", model="stcnn", dataset="smic")
samples = preprocessing.load_samples(data, protocol, progress=False)
names = DATABASES["smic"].class_names

# %%
origin = DATABASES["smic"].origin(samples.synthetic)
counts = ", ".join(
    f"{(samples.labels == label).sum()} {name}" for label, name in enumerate(names)
)
print(
    f"{origin}: {len(samples.labels)} clips of {len(set(samples.subjects))} subjects ({counts})"
)
print("stack of one clip:", samples.stacks["face"].shape[1:], "(rows, columns, time)")

# %% [markdown]
# Seven of the 18 frames of one clip of each class. Can you tell which is which? SMIC was filmed at 100 frames a
# second, so the whole row is less than a fifth of a second.

# %%
folder = runs.new_folder(None, "notebook-train")
shown = [int((samples.labels == label).argmax()) for label in range(len(names))]
Image(
    plots.contact_sheet(
        samples.stacks["face"][shown],
        folder / "clips.png",
        [f"{names[samples.labels[one]]} ({samples.names[one]})" for one in shown],
        title=f"{origin}: what the network sees",
    ),
    width=760,
)

# %% [markdown]
# ## The network
#
# One convolution, one pooling, two dense layers. The convolution is three-dimensional: each of its 32 kernels is a
# block of 3 rows, 3 columns and **15 frames**. Such a kernel is a little film of its own, and it answers where the
# clip moves as that film does: an edge that rises, for instance.
#
# Count along the time axis. A kernel of 15 frames fits into 17 frames at 3 places (the 18th frame would be discarded
# by the pooling, so it is cropped at once). The pooling keeps the strongest of those 3. So each output has seen
# nearly the whole clip, and the network cannot say *when* something moved, only *that* it did.
#
# This is why the interval between frames matters. Fifteen frames of SMIC are 0.15 s; of CAS(ME)^2, which was filmed
# at 30 frames a second, they are half a second. The same movement is slow to one kernel and over at once to another.
# And the 18 frames must hold the movement: the authors take the first 18 of a clip, so a clip that begins too early
# shows a face at rest.

# %%
keras.utils.set_random_seed(SEED)
model = models.build_microexp_stcnn(
    protocol.frames, protocol.size, len(names), protocol.kernel_size
)
model.summary(line_length=90, print_fn=print)

# %% [markdown]
# Nearly all of the 1,643,267 parameters are in `dense_1`: 20x20 places x 32 kernels = 12,800 inputs, times 128. With
# about 120 training clips such a layer can learn every clip by heart. The dropout (half of the values set to 0 at
# random, in training only) is what holds against it.
#
# ## Training
#
# Pixels are standardised first: the mean of all clips is subtracted, and the rest divided by its largest value. A
# fifth of the clips is held out. After each epoch `callbacks.BestWeights`, which `training.fit` adds, compares the
# accuracy on these clips with the best so far, and writes an `.h5` file when it is higher.

# %%
inputs, standardized_by = preprocessing.network_inputs(samples.stacks)
(fold,) = splits.folds(protocol, samples)
training.compile_model(
    model, protocol.learning_rate, protocol.momentum, protocol.probability_floor
)

outcome = training.fit(
    model,
    inputs,
    samples.labels,
    fold,
    folder,
    replace(protocol, epochs=EPOCHS),
    SEED,
    metadata={
        "statistics": {name: one._asdict() for name, one in standardized_by.items()},
        "synthetic": samples.synthetic,
    },
    progress=False,
)
for path in sorted(folder.glob("*.h5")):
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")

# %% [markdown]
# `weights-improvement-...` is the best epoch's; Keras' own `model.load_weights` reads it. `last.weights.h5` is what a
# killed run resumes from. Now the curves:

# %%
weights_files.load_weights(model, outcome.best_path)
scores = metrics.score(
    samples.labels[fold.score],
    training.predict(model, inputs, fold.score).argmax(axis=1),
    names,
)
Image(
    plots.curves(
        outcome.history,
        folder / "curves.png",
        outcome.best_epoch,
        scores.majority_rate,
        f"MicroExpSTCNN on {origin}, {EPOCHS} epochs",
    ),
    width=760,
)

# %% [markdown]
# The dotted line is the accuracy of always answering the most frequent class. A network below it has learned nothing
# that counts. The training curve is measured *with* dropout, which is why it can lie below the other. That the score
# jumps from epoch to epoch is the small number of held-out clips: one clip of 32 is three points.
#
# ## What the score is worth
#
# An accuracy alone says little. The report adds its interval, the constant answer's accuracy and UF1 and UAR, the
# means over classes of F1 and recall. The remarks say what makes the score too good.

# %%
print(f"MicroExpSTCNN on {origin}, weights of epoch {outcome.best_epoch}\n")
print(text_report.scores_text(scores))
print()
for remark in splits.remarks(fold, samples) + [datasets.SYNTHETIC_NOTE] * samples.synthetic:
    print("*", remark)

# %% [markdown]
# ## Throughput of this device
#
# The median epoch, so that the first one (in which TensorFlow prepares its graph) does not count. An epoch is all
# training steps, a look at the held-out clips and the writing of the files.

# %%
seconds = statistics.median(row["seconds"] for row in outcome.history)
print(
    f"{', '.join(runs.devices())}: {seconds:.2f} s an epoch, {len(fold.train) / seconds:.0f} training clips a second"
)

# %% [markdown]
# ## The same in one command
#
# ```
# python -m microexp_keras.train --dataset smic --data PATH
# ```
#
# It also writes predictions, the confusion matrix and `config.json`, from which every number can be made again. The
# next notebook scores such files.
