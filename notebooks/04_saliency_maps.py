# %% [markdown]
# # 4. Where does the network look?
#
# * **Needs:** nothing but the package, the weights in `weights/` and the synthetic clips of notebook 1, which are
#   generated if missing. A copy of SMIC and weights trained on it are one changed cell.
# * **Takes:** about 20 seconds on 2 cores.
#
# A network that is right may be right for the wrong reason: it may read the hair-cut of the subject who smiled most.
# Figure 4 of the paper shows *saliency maps* to find out. This notebook makes such maps, draws them as the paper
# does, and then measures what the eye only guesses: how much of the saliency lies at the eyes, at the mouth and
# elsewhere.
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
WEIGHTS = "weights/microexp-stcnn_synthetic-smic_upstream_seed0.weights.h5"  # or another .h5

# %%
import tempfile
from pathlib import Path

import cv2
import numpy as np
from IPython.display import Image

from microexp_keras.backend import import_keras
from microexp_keras.datasets.database import DATABASES

keras = import_keras()

from microexp_keras import (
    datasets,
    landmarks,
    metrics,
    models,
    preprocessing,
    protocols,
    training,
)
from microexp_keras import weights as weights_files
from microexp_keras.datasets import frames
from microexp_keras.models import saliency
from microexp_keras.results import plots
from microexp_keras.runs import scored_clips

scratch = tempfile.TemporaryDirectory()  # runs.new_folder() keeps the files
folder = Path(scratch.name)

# %%
# %%capture
data = DATA or datasets.synthetic_folder("smic")
protocol = protocols.get("upstream", model="stcnn", dataset="smic")
samples = preprocessing.load_samples(data, protocol, progress=False)
names = DATABASES["smic"].class_names

# %% [markdown]
# Clips that the weights were not trained on, and what the network says of them:

# %%
file = weights_files.inspect(WEIGHTS)
origin = DATABASES["smic"].origin(samples.synthetic)
clips = scored_clips.from_samples(samples, protocol, file, origin, "held-out")
model = models.build_microexp_stcnn(
    protocol.frames, protocol.size, len(names), file.kernel_size
)
weights_files.load_weights(model, WEIGHTS)
predicted = training.predict(model, clips.inputs, clips.positions).argmax(axis=1)
scores = metrics.score(clips.labels, predicted, names)
print(f"{origin}: {scores.correct} of {scores.clips} held-out clips right")

# %% [markdown]
# ## The gradient of a class's score
#
# Take the score of the predicted class and ask of each pixel of each frame: if it were a little brighter, how much
# would the score change? That is the gradient of the score by the input; its absolute value is the saliency (Simonyan
# et al., 2014). One backward pass gives all 64 x 64 x 18 values of a clip.
#
# The score is the *logit*, what goes into the softmax. The probability itself would be a bad choice: where the
# network is sure, no pixel changes it, and its gradient is near zero everywhere.

# %%
inputs = {"face": clips.inputs["face"][clips.positions]}
maps = saliency.saliency(model, inputs)["face"]
print("saliency:", maps.shape, "(clips, rows, columns, time)")
print(
    "share of each frame:",
    " ".join(f"{share:.1%}" for share in maps.sum(axis=(0, 1, 2)) / maps.sum()),
)

# %% [markdown]
# The last frame has none: no pooling window reaches it, so the network never sees it. The frames in the middle are
# seen by all three places of the 15-frame kernel, the first and the last ones by fewer.
#
# ## As in Figure 4
#
# The paper shows binarised maps of four clips, seven frames of each, and does not say where it draws the line. Here
# the strongest 5 % of a clip's pixels are marked, over all its frames together: frames that matter more show more
# marks.

# %%
chosen = [
    *np.unique(clips.labels, return_index=True)[1],
    len(clips.labels) - 1,
]  # each class, and one more
stacks = samples.stacks["face"][clips.positions][chosen]
titles = [
    f"{names[clips.labels[one]]}, called {names[predicted[one]]} ({clips.names[one]})"
    for one in chosen
]
marks = saliency.binarize(maps[chosen], share=0.05)
sheet = plots.saliency_sheet(
    stacks, marks, folder / "saliency.png", titles, title=f"Saliency, {origin}"
)

# Noise and dots compress badly: at the size at which it is shown, and as JPEG, the sheet is half as large.
sheet = cv2.resize(cv2.imread(str(sheet)), None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
_, jpeg = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, 85])
Image(data=jpeg.tobytes(), format="jpeg", width=760)

# %% [markdown]
# It is tempting to read a story into such dots. Before you do, measure.
#
# ## Eyes, mouth and the rest
#
# The boxes of eyes and mouth come from the landmarks of a frame in the middle of each clip (notebook 3), scaled to
# 64x64. If saliency were spread evenly, each region would have the share of its area: the orange line. A bar beyond
# the line is a region that the network uses more than others of its size.

# %%
# %%capture
MIDDLE = protocol.frames // 2
by_id = {clip.id: clip for clip in datasets.find_clips(data, "smic")}
find = landmarks.DlibLandmarks()


def boxes_of(name):
    """Boxes of eyes and mouth in pixels of the network's frames."""
    image = list(frames.read_frames(by_id[name], protocol.frames))[MIDDLE]
    points, _ = landmarks.settle(
        by_id[name], find(by_id[name], [image]), image.shape[:2], "neighbours"
    )
    return saliency.scale_boxes(
        landmarks.boxes(points[0]), image.shape[:2], (protocol.size, protocol.size)
    )


boxes = [boxes_of(name) for name in clips.names]

# %%
shares = saliency.region_shares(maps, boxes)
Image(
    plots.shares(
        shares, folder / "shares.png", f"MicroExpSTCNN on {origin}, {len(boxes)} clips"
    ),
    width=620,
)

# %% [markdown]
# ## Against a network that knows nothing
#
# Edges are salient to *any* convolution, and eyes and mouths have many edges. So ask the same of a network with
# random weights (Adebayo et al., 2018). Only what the trained network shows beyond this one has been learned.

# %%
keras.utils.set_random_seed(0)
untrained = models.build_microexp_stcnn(
    protocol.frames, protocol.size, len(names), file.kernel_size
)
random_maps = saliency.saliency(untrained, inputs)["face"]
random_shares = saliency.region_shares(random_maps, boxes)
Image(
    plots.shares(random_shares, folder / "random.png", f"Random weights on {origin}"), width=620
)

# %%
print(f"{origin}, mean of {len(boxes)} clips")
print("region   pixels  random weights  trained")
for region in shares:
    area, of_random, of_trained = (
        np.nanmean(values)
        for values in (
            shares[region].area,
            random_shares[region].saliency,
            shares[region].saliency,
        )
    )
    print(f"{region:6} {area:8.1%} {of_random:15.1%} {of_trained:8.1%}")

# %% [markdown]
# On the synthetic clips the trained network, right on every one of them, has hardly more saliency at the eyes than
# random weights have, and rather less at the mouth. What lies beyond the orange lines is mostly there without any
# training. So these maps do not show that the network looks at eyes and mouth, and without the second network one
# would have believed it.
#
# A gradient is a local question, about pixels a little brighter; it says nothing of a frame taken away, and nothing
# of real faces if the clips are synthetic. Treat the maps as a check that can fail, not as an explanation.
