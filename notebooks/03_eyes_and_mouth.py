# %% [markdown]
# # 3. Eyes and mouth: the fused networks
#
# * **Needs:** nothing but the package; the synthetic clips of notebook 1 are used again, or generated. A copy of SMIC
#   is one changed cell.
# * **Takes:** about 3 minutes on 2 cores; finding 156 clips' faces, once, is a part of it.
#
# An expression shows at the eyes and at the mouth; hair and cheeks are only more pixels to learn by heart. The two
# MicroExpFuseNets therefore look at two small pictures instead of one face. This notebook finds these pictures,
# trains both networks, and shows why the authors' settings make them answer always the same.
#
# ## Set-up

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

# %% tags=["parameters"]
DATA = None  # or the path of your copy of SMIC
EPOCHS = 40  # of each network under protocol glorot; the protocol has 100
EPOCHS_UPSTREAM = 6  # under protocol upstream, which has 250

# %%
import tempfile
from pathlib import Path

import cv2
import numpy as np
from IPython.display import Image

from microexp_keras.backend import import_keras
from microexp_keras.datasets.database import DATABASES
from microexp_keras.models.networks import NETWORKS

keras = import_keras()

from microexp_keras import datasets, landmarks, models, protocols
from microexp_keras.results import plots
from microexp_keras.runs import Settings
from microexp_keras.runs.fold import train_fold
from microexp_keras.runs.report import report
from microexp_keras.runs.run import Run, load_samples
from microexp_keras.training.history import History

scratch = tempfile.TemporaryDirectory()  # runs.new_folder() keeps the files
folder = Path(scratch.name)

# %% [markdown]
# ## 68 points
#
# dlib finds the face in every frame and 68 points on it. (Its model was trained on pictures whose licence excludes
# commercial use.) From the points come two boxes: the *eyes*, from the brow to the level of the ear, and the *mouth*,
# which begins right below the eyes and so holds the nose too. Frames of one clip:

# %%
# %%capture
data = DATA or datasets.synthetic_folder("smic")
clip = datasets.find_clips(data, "smic")[0]
assert (
    landmarks.main(
        ["preview", str(clip.path), "--frames", "4", "--out", str(folder / "points.png")]
    )
    == 0
)

# %%
# As JPEG the photographs take much less room.
points = cv2.imread(str(folder / "points.png"))
_, jpeg = cv2.imencode(".jpg", points, [cv2.IMWRITE_JPEG_QUALITY, 75])
Image(data=jpeg.tobytes(), format="jpeg", width=760)

# %% [markdown]
# The boxes follow the points from frame to frame. That is good, since a nodding head stays in place, and bad, since a
# point that jumps by a pixel looks like a movement of the whole face by a pixel. Micro-expressions are not much
# larger.
#
# Each region becomes 32x32 pixels. What the networks see:


# %%
# %%capture
def load(name, model, epochs):
    """Settings and samples of a protocol."""
    protocol = protocols.get(name, model, "smic")
    settings = Settings.of(protocol, data=str(data), epochs=epochs)
    return settings, load_samples(settings, progress=False)


settings, samples = load("glorot", "intermediate", EPOCHS)
names = DATABASES["smic"].class_names
origin = DATABASES["smic"].origin(samples.synthetic)
shown = [int((samples.labels == label).argmax()) for label in range(len(names))]
for region, stacks in samples.stacks.items():
    plots.contact_sheet(
        stacks[shown],
        folder / f"{region}.png",
        [names[samples.labels[one]] for one in shown],
        title=f"{origin}: {region}",
    )

# %%
Image(folder / "eyes.png", width=620)

# %%
Image(folder / "mouth.png", width=620)

# %% [markdown]
# ## Two ways to fuse
#
# Both networks run the convolution of notebook 1 over each region. They differ in where the two streams meet:
#
# * **Intermediate**: right after the convolutions. The dense layers can combine a brow with a lip.
# * **Late**: each region has dense layers of its own, and only the last layer sees both.
#
# All their dense layers are linear. Two linear layers behind each other can do no more than one, but they are harder
# to train, as we shall see.

# %%
for model in ("intermediate", "late"):
    built = NETWORKS[model].build()
    print(
        f"{model}: {built.count_params():,} parameters, inputs",
        ", ".join(one.name for one in built.inputs),
    )

# %% [markdown]
# ## Training under protocol `glorot`
#
# The paper's settings with three changes: batch 16, initial values by Glorot's rule, and a loss that has a gradient
# everywhere. The reasons follow below.


# %%
def train(name, model, epochs):
    """Train a fused network and print its report; give the run's folder."""
    settings, samples = load(name, model, epochs)
    here = folder / f"{model}-{name}"
    run = Run.of(here, settings, samples)
    run.write_config()
    train_fold(run, 0, progress=False)
    text, _ = report(run)
    print(text)
    return here


# %%
intermediate = train("glorot", "intermediate", EPOCHS)
Image(intermediate / "curves.png", width=760)

# %%
late = train("glorot", "late", EPOCHS)
Image(late / "curves.png", width=760)

# %% [markdown]
# ## The same network under `upstream`: collapse
#
# Now what the authors' program does, for a few epochs. It trains the eye stream on *mouths*, takes 4 clips a step,
# scores on all clips, and has the initial values and the loss of Keras 2.0.0.

# %%
collapsed = train("upstream", "intermediate", EPOCHS_UPSTREAM)

# %%
history = History(collapsed / "history.csv").rows
print("epoch      loss  accuracy  the one class given to all clips")
for row in history:
    only = int(row["val_only_class"])
    print(
        f"{row['epoch']:5d} {row['loss']:9.2f} {row['val_accuracy']:9.2%}  {names[only] if only >= 0 else 'none'}"
    )

# %% [markdown]
# The loss of pure guessing between three classes is ln 3 = 1.10. This network is far above: it is not undecided, it
# is *sure and wrong*. The accuracy is that of one answer for every clip: 109, 47 or 43 of the 199 labels, 54.77 %,
# 23.62 % or 21.61 %. Which of the three depends on the seed and on how long one waits: our run of all 250 epochs on
# synthetic clips said *surprise* for 18 epochs and *negative* for the other 232. And 54.77 % is what the paper
# reports for this network on SMIC.
#
# ## Why
#
# Two things in Keras 2.0.0, and linear layers that let both through.
#
# **Kernels that start too large.** Glorot's rule chooses the initial range so that values neither grow nor shrink
# from layer to layer; it needs the number of inputs of a unit. Keras 2.0.0 forgot the third axis of a 3D kernel:

# %%
shape = (3, 3, 15, 1, 32)  # rows, columns, frames, channels, filters
bounds = {
    "Keras 2.0.0": np.abs(models.Keras2GlorotUniform(seed=0)(shape)).max(),
    "Glorot's rule": np.abs(keras.initializers.GlorotUniform(seed=0)(shape)).max(),
}
for name, bound in bounds.items():
    print(f"{name}: initial values up to {bound:.3f}")
ratio = bounds["Keras 2.0.0"] / bounds["Glorot's rule"]
print(f"ratio {ratio:.1f}")

# %% [markdown]
# The outputs are too large by that factor, and so are the gradients. MicroExpSTCNN survives it on SMIC: its dense
# layer has a ReLU and small initial values. Here nothing stops it. After a few steps the softmax gives one class a
# probability of 1.
#
# **A loss without a way back.** Keras 2.0.0 clips probabilities at 0.0000001 before it takes the logarithm. A wrong
# answer that is *that* sure costs 16.1, and its gradient is zero: no step leads away from it. Protocol `glorot` moves
# the clip far out, and starts where it is not needed.
#
# So the published accuracy of this network is most probably a collapsed network's. The arithmetic is certain, the
# cause is inferred: nobody but the authors has their run. Notebook 6 has the arithmetic.
