# %% [markdown]
# # 6. What the published numbers are
#
# * **Needs:** nothing but the package. No data, no training.
# * **Takes:** about 10 seconds.
#
# A printed accuracy is a fraction: so many clips right of so many. With the size of the test set, which often can be
# worked out from the paper and its programs, one can ask which fraction it was, and what else has the same value.
# That is an *audit*. It needs arithmetic only, and everything below can be followed with a pocket calculator.
#
# The audit is not an accusation. The authors published their programs, weights and arrays, without which none of this
# could be known.
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
SHOW_ALL = False  # print every claim of the audit, with its arithmetic

# %%
import tempfile
import textwrap
from collections import Counter
from pathlib import Path

from IPython.display import Image

from microexp_keras import metrics, paper
from microexp_keras.datasets.database import DATABASES
from microexp_keras.models.networks import NETWORKS
from microexp_keras.paper.published import PAPER
from microexp_keras.results import plots

scratch = tempfile.TemporaryDirectory()  # runs.new_folder() keeps the files
folder = Path(scratch.name)
claims = {claim.key: claim for claim in paper.audit()}


def show(*keys):
    """Print claims of the audit: what was published, what was found, and how."""
    for key in keys:
        claim = claims[key]
        more = {"inferred, not computed": claim.inferred, "cannot be known": claim.unknown}
        lines = [f"=> {claim.verdict} [{claim.kind}]", *claim.arithmetic]
        lines += [f"{what}: {text}" for what, text in more.items() if text]
        print(claim.subject)
        for line in lines:
            print(textwrap.fill(line, 96, initial_indent="    ", subsequent_indent="      "))
        print()


certain = sum(claim.certain for claim in claims.values())
print(f"{len(claims)} claims, {certain} of them arithmetic throughout")
for kind, count in Counter(claim.kind for claim in claims.values()).most_common():
    print(f"{count:3} {kind}: {paper.KINDS[kind]}")

# %% [markdown]
# ## Which fraction is it?
#
# Table V gives 68.75 % for MicroExpSTCNN on SMIC. The program holds out 32 clips, and 22/32 is exactly that. It gives
# 54.77 % for the Intermediate MicroExpFuseNet. No count of 32 is 54.77 %, but 109 of 199 is: and 199 is *all* that
# this program's arrays hold, training clips included.

# %%
show("accuracy-stcnn-smic", "accuracy-intermediate-smic")

# %% [markdown]
# ## How sure is a fraction?
#
# If 22 of 32 clips are right, how good is the network? Other 32 clips would have given another count. The Wilson
# interval holds all accuracies under which a count like this one would not be surprising (95 %). With 32 clips it is
# 31 points wide.
#
# The other thing to compare with is the *majority rate*: the accuracy of always answering the most frequent class. A
# network must beat that before its accuracy means anything.


# %%
def row(cell, value, interval=None):
    """A row of the figure: a cell of Table V beside another value."""
    return {
        "group": DATABASES[cell.dataset].title,
        "label": NETWORKS[cell.protocol.model].title,
        "value": value,
        "interval": interval,
        "published": cell.percent / 100,
        "majority": max(cell.counts) / cell.clips,
    }


cells = paper.table_5(PAPER)
rows = []
for cell in cells:
    count = paper.fractions(cell.percent, cell.clips)[0]
    rows.append(row(cell, count / cell.clips, metrics.wilson_interval(count, cell.clips)))
title = "Table V: printed accuracies, the counts that give them, and what one answer for all clips scores"
Image(
    plots.accuracies(rows, folder / "table5.png", title, points="count recomputed"), width=800
)

# %% [markdown]
# (The points are fractions worked out from the print. Nothing was trained.)
#
# Read it from the ticks. MicroExpSTCNN's interval on SMIC reaches down to the majority rate: 32 clips cannot tell it
# from always saying *negative*. The Intermediate network lies *on* the tick. The narrow intervals of the fused
# networks are no better: they count 199 and 203 clips, of which four fifths trained the network.

# %%
show("interval-stcnn-smic", "constant-table5", "selection-intermediate-smic")

# %% [markdown]
# The labels make it worse: that program appends every *surprise* clip twice but writes the labels by position, so
# that 43 second copies are called *negative*. That is how 66 negative clips become 109, and why "always negative"
# scores 54.77 %.
#
# ## The confusion matrix, and the split behind it
#
# Table VII has 19 negative, 6 positive and 7 surprise clips. The program's split has a fixed seed, so its labels
# (66/47/43) can be split again, without a single picture:

# %%
show("split-smic", "table4-smic")

# %% [markdown]
# The matrix agrees with the program, and so Table IV cannot be right: it lists 79 negative clips where SMIC has 70.
#
# ## The best of a hundred epochs
#
# The programs score the held-out clips after every epoch and keep the best. With 32 clips an epoch's accuracy jumps
# by several points, and the best of a hundred jumps is high by luck alone. Table VIII gives the mean over the last
# ten epochs: the points of the next figure. The best epoch of Table V is the diamond.

# %%
rows = [row(cell, PAPER.last_ten[cell.protocol.model, cell.dataset][0] / 100) for cell in cells]
title = "Points: mean of epochs 91 to 100 (Table VIII). Diamonds: best epoch (Table V)"
points = "mean of epochs 91 to 100"
Image(plots.accuracies(rows, folder / "table8.png", title, points=points), width=800)

# %%
show("gain-table8")

# %% [markdown]
# The best epoch is 3.6 to 6.3 points higher everywhere, 0.8 to 2.5 standard deviations of a single epoch. On SMIC the
# mean of MicroExpSTCNN is 62.5 %, three points above the majority rate.
#
# ## The same people on both sides
#
# The split is drawn over clips. SMIC has 16 people, so clips of one person train the network and others of that
# person are scored. A network then gains by recognising the person. The field therefore leaves out one *subject* at a
# time (MEGC 2019):

# %%
show("other-protocol-smic")

# %% [markdown]
# ## Table IX
#
# Six of the twelve cells are constant answers. Notebook 5 draws them.

# %%
show("constant-table9")

# %% [markdown]
# ## What is left
#
# MicroExpSTCNN's 87.80 % on CAS(ME)^2 is 36 of 41 clips, well above the majority rate of 51.2 %: that network told
# these clips apart. Whether it would tell apart clips of new people, nobody knows, for it was never asked. What those
# clips are is not known either: a clip of 96 frames is three seconds long, and CAS(ME)^2 has 57 micro-expressions,
# not 203.

# %%
show("accuracy-stcnn-casme2", "clips-casme2")

# %% [markdown]
# Four questions to take along, for any table of accuracies:
#
# 1. Of how many clips is it a fraction?
# 2. What does the constant answer score on them?
# 3. Did any of them train the network, or choose its epoch?
# 4. Is any *person* among them also among the training clips?
#
# All claims: `python -m microexp_keras.audit`, or `SHOW_ALL = True` above.

# %%
if SHOW_ALL:
    show(*claims)
