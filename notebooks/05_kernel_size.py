# %% [markdown]
# # 5. The size of the kernel
#
# * **Needs:** nothing but the package; the synthetic clips of notebook 1 are used again, or generated. A copy of SMIC
#   is one changed cell.
# * **Takes:** about 4 minutes on 2 cores.
#
# Table IX of the paper varies the size of the convolution kernel, from 3x3x3 to 7x7x19 (rows, columns, frames), and
# concludes that 3x3x15 is best. This notebook looks at that table, and then trains a small grid of its own.
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
KERNELS = [(3, 3, 3), (3, 3, 7), (3, 3, 15), (7, 7, 15)]
EPOCHS = 25  # of each kernel; the protocol has 100

# %%
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from IPython.display import Image

from microexp_keras.backend import import_keras
from microexp_keras.datasets.database import DATABASES

keras = import_keras()

from microexp_keras import datasets, metrics, models, paper, protocols, runs
from microexp_keras.paper import tables
from microexp_keras.paper.published import PAPER
from microexp_keras.results import plots
from microexp_keras.runs import Settings
from microexp_keras.runs.fold import train_fold
from microexp_keras.runs.report import report
from microexp_keras.runs.run import Run, load_samples

scratch = tempfile.TemporaryDirectory()  # runs.new_folder() keeps the files
folder = Path(scratch.name)

# %% [markdown]
# ## The published table
#
# It was made on CAS(ME)^2, where MicroExpSTCNN was scored on 41 clips: 12 angry, 21 happy, 8 disgust. So every
# accuracy in it is a count of 41. Two of these counts need no network at all: a program that always says *happy*
# scores 21/41 = 51.22 %, always *angry* 12/41 = 29.27 %. The audit compares:

# %%
(claim,) = [claim for claim in paper.audit() if claim.key == "constant-table9"]
print(f"{claim.verdict}\n\ninferred, not computed: {claim.inferred}")

# %%
(cell,) = [cell for cell in paper.table_5(PAPER) if cell.key == "stcnn-casme2"]
rows = []
for kernel, percent in PAPER.kernel_sizes.items():
    count = next(iter(paper.fractions(percent, cell.clips)), None)
    if count is None:
        print(
            f"{'x'.join(map(str, kernel))}: {percent:.2f} % is no count of {cell.clips} clips, so it is not drawn"
        )
        continue
    constant = [
        name for name, size in zip(cell.classes, cell.counts, strict=True) if size == count
    ]
    rows.append(
        {
            "group": None,
            "label": "x".join(map(str, kernel))
            + "".join(f" = always {name}" for name in constant),
            "value": count / cell.clips,
            "interval": metrics.wilson_interval(count, cell.clips),
            "published": percent / 100,
            "majority": max(cell.counts) / cell.clips,
        }
    )
title = "Table IX as printed, with the counts and Wilson intervals recomputed from it"
Image(plots.accuracies(rows, folder / "table9.png", title, points="count of 41"), width=760)

# %% [markdown]
# Half of the table is what one answer for every clip scores. (That these networks collapsed is an inference: other
# answers can come to the same count.) The three best cells, 36, 34 and 33 of 41, lie within each other's intervals:
# three clips make the difference between "best" and "third". And each cell is one run, with the epoch chosen on the
# scored clips.
#
# ## What the kernel decides
#
# Its *time* axis says how long a movement one kernel can see: 3 frames of SMIC are 30 ms, 15 are 150 ms. A short
# kernel sees many short pieces and leaves it to the dense layer to put them together. That has a price:

# %%
print("kernel    outputs of the pooling  parameters")
for kernel in KERNELS:
    model = models.build_microexp_stcnn(kernel_size=kernel)
    pooled = model.get_layer("pool").output.shape[1:]
    print(
        f"{'x'.join(map(str, kernel)):8} {'x'.join(map(str, pooled)):>23} {model.count_params():11,}"
    )

# %% [markdown]
# A kernel of 19 frames, as in Table IX, does not fit into the 18 frames of SMIC.
#
# ## A small grid
#
# MicroExpSTCNN under protocol `upstream`, one seed, a few epochs.

# %%
# %%capture
data = DATA or datasets.synthetic_folder("smic")
protocol = protocols.get("upstream", model="stcnn", dataset="smic")
settings = Settings.of(protocol, data=str(data), epochs=EPOCHS)
samples = load_samples(settings, progress=False)

# %%
found, seconds = [], []
for kernel in KERNELS:
    start = time.perf_counter()
    of_kernel = replace(settings, kernel_size=kernel)
    here = folder / "x".join(map(str, kernel))
    run = Run.of(here, of_kernel, samples)
    run.write_config()
    train_fold(run, 0, progress=False)
    report(run)
    scores = json.loads((here / "scores.json").read_text())
    about = {name: getattr(settings, name) for name in ("model", "dataset", "protocol", "seed")}
    found.append({"folder": here.name, "kernel": kernel, **about, **scores})
    seconds.append((time.perf_counter() - start) / EPOCHS)
    print(f"{here.name}: {seconds[-1]:.1f} s an epoch")

# %%
origin = DATABASES["smic"].origin(samples.synthetic)
table = tables.tables(["IX"], found, "smic")["IX"]
rows = [
    {
        "group": None,
        "label": row["kernel"],
        "value": row["ours"],
        "interval": row["interval"],
        "published": None,
        "majority": row["majority_rate"],
    }
    for row in table
]
Image(
    plots.accuracies(
        rows, folder / "grid.png", f"MicroExpSTCNN on {origin}, best of {EPOCHS} epochs"
    ),
    width=760,
)

# %% [markdown]
# After so few epochs hardly any kernel is clear of the majority rate, and the intervals (over subjects, here)
# overlap, as they must with 32 clips. A grid like this finds out which kernels *fail*; it cannot rank those that
# work. For that, train several seeds and look at the mean of the last ten epochs, which no choice has improved:

# %%
print(f"{origin}\nkernel    best epoch  mean of the last ten")
for row in table:
    print(f"{row['kernel']:8} {row['ours']:11.1%} {row['ten_epochs']:21.1%}")

# %% [markdown]
# ## What the full grid costs
#
# ```
# python -m microexp_keras.reproduce --dataset smic --data PATH --tables IX --seeds 0 1 2
# ```
#
# Nine of the twelve kernels fit into 18 frames; three seeds of 100 epochs each are 2,700 epochs:

# %%
hours = 9 * 3 * 100 * sum(seconds) / len(seconds) / 3600
print(
    f"at the mean of the {len(seconds)} kernels above: about {hours:.1f} hours on {', '.join(runs.devices())}"
)

# %% [markdown]
# On CAS(ME)^2, where Table IX comes from, all twelve fit, and each clip has 96 frames. By the README's 1.55 s for 32
# such clips on two cores, 100 epochs of 162 training clips are 13 minutes for 3x3x15, and several times that for 7x7:
# reckon with a night for one seed, or take a GPU.
