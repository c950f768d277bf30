# %% [markdown]
# # 3. Your own model, tested on people it has never seen
#
# * **Needs:** nothing but the package. Without a copy of SMIC it takes synthetic clips, which are written once.
# * **Takes:** about a minute on 2 cores, and half a minute more where synthetic clips must be written first.
#
# A Keras function or a scikit-learn estimator goes through the same folds, checks and report as the paper's networks.
# The protocol is `loso`, *leave one subject out*: each **fold** trains on all people but one and is scored on that one.

# %% tags=["setup"]

# %% tags=["parameters"]
DATA = None  # or the path of your copy of SMIC; None looks in data/, then takes synthetic clips
EPOCHS = 4
JOBS = 1  # folds at once, each in a process; None: one a core, for larger networks

# %%
import keras
import matplotlib.pyplot as plt
import pandas
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import microexp_keras as mk

data = mk.load(
    "smic", DATA or mk.datasets.data_or_synthetic("smic")
)  # of a table: mk.load("clips.csv")
title = str(data).partition(":")[0]
print(data)
print("a clip:", data.input_shape, "(rows, columns, time, 1)")

# %% [markdown]
# ## A function that builds and compiles a network
#
# It is called once for each fold, so nothing of one fold reaches the next. This one looks only at what changed since
# the first frame: a face at rest, which tells people apart, is subtracted.


# %%
def my_model(input_shape, num_classes):
    clip = keras.Input(input_shape)
    change = 10 * (clip[:, :, :, 1:] - clip[:, :, :, :1])
    x = keras.layers.AveragePooling3D((4, 4, 4))(change)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.Dense(num_classes, activation="softmax")(x)
    model = keras.Model(clip, x)
    adam = keras.optimizers.Adam(0.01)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


result = mk.cross_validate(
    my_model,
    data,
    protocol="loso",
    epochs=EPOCHS,
    jobs=JOBS,
    callbacks=lambda: [keras.callbacks.EarlyStopping("val_loss", patience=2)],
)
print(result)

# %% [markdown]
# Read the last lines first: does the interval of the accuracy lie above the *majority-class baseline*, the score of
# predicting one class for all clips? UF1 and UAR count a rare class as much as a frequent one. Synthetic clips are easy
# for this model: all people in them move alike, as real people do not.

# %%
result.plot_confusion()

# %% [markdown]
# ## A scikit-learn estimator
#
# It is cloned for each fold and gets each clip as one row of pixels. This one keeps the main components of whole faces:
# mostly who it is, not what moves.

# %%
pixels = make_pipeline(PCA(10), LogisticRegression(max_iter=2000))
other = mk.cross_validate(pixels, data, protocol="loso", jobs=1)
for name, one in (("my_model", result.scores), ("pixels", other.scores)):
    low, high = one.accuracy_interval
    print(f"{name} on {title}: accuracy {one.accuracy:.1%} ({low:.1%} to {high:.1%}),", end=" ")
    print(f"UF1 {one.uf1:.3f}, UAR {one.uar:.3f}; majority {one.majority_rate:.1%}")

# %% [markdown]
# ## Is one better than the other?
#
# Clips of one person are not independent. So besides McNemar's test over clips, which ignores that, `compare` swaps
# the two methods' answers for whole subjects: p is the share of swaps that give at least such a difference.

# %%
pair = result.compare(other)
print(f"only my_model correct: {pair.first_only} clips, only pixels: {pair.second_only}")
print(f"McNemar p = {pair.p_clips:.2g}; over subjects p = {pair.p_subjects:.2g}")

# %% [markdown]
# Both tables of predictions, person by person: an average over all clips hides for whom a method fails.

# %%
print(result.predictions.head(3).round(2).to_string(index=False))
right = {
    name: (table["true"] == table["predicted"]).groupby(table["subject"]).mean()
    for name, table in {"my_model": result.predictions, "pixels": other.predictions}.items()
}
axes = pandas.DataFrame(right).plot.bar(figsize=(9, 2.6), ylabel="accuracy", title=title, rot=0)
axes.axhline(
    result.scores.majority_rate, color="black", linestyle=":", label="majority baseline"
)
axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
plt.show()

# %% [markdown]
# ## The report
#
# The same report as for the paper's networks, with every fold, figure and setting: open `report.html` in a browser.

# %%
page = result.report(OUT / "my_model")
print(*sorted(path.name for path in page.parent.iterdir() if path.is_file()))

# %% [markdown]
# ## A loop of your own
#
# `folds` gives the arrays of each fold, standardised on its training clips alone; the rest is up to you.

# %%
for fold in mk.folds(data, "loso"):
    model = my_model(data.input_shape, data.num_classes)
    model.fit(*fold.train, validation_data=fold.validation, epochs=EPOCHS, verbose=0)
    loss, accuracy = model.evaluate(*fold.test, verbose=0)
    print(f"{title}, without {', '.join(fold.test_subjects)}: accuracy {accuracy:.1%}")
    break  # one fold is enough to show it
