"""What four evaluation rules make of the same methods on the same clips of real faces. Never micro-expression accuracy.

    python benchmarks/evaluation_rules.py VIDEOS.csv --out FOLDER [--methods stcnn lbp-top] [--motions 100 25] ...

VIDEOS.csv has the columns `video` (relative to it) and `person`. From each video come windows of 18 frames in which the
mouth opens, closes or stays still, labelled by landmarks (`real_windows.py`). Four rules then divide the same windows:

    paper    a random fifth is scored and chooses the epoch: the people are known, and the choice sees the scored clips
    people   a random division of the same sizes as loso's, epoch chosen on other clips: only the people are known
    choice   people held out as under loso, epoch chosen on the scored clips: only the choice sees them (not of methods
             without epochs)
    loso     people held out, epoch chosen on other people

and controls take away what is to be learned: `shuffled` (the frames of each window in random order), `frozen` (the
middle frame repeated), `labels` (exchanged between windows). Every prediction is a row of FOLDER/predictions.csv; what
stands there already is not computed again. At the end the tables are printed and the figure is drawn.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import real_windows
from harness import begin, whole

import microexp_keras as mk
from microexp_keras import landmarks, metrics, preprocessing
from microexp_keras.models import METHODS
from microexp_keras.protocols import Fold
from microexp_keras.runs.run import statistics_of
from microexp_keras.training.job import Job

RULES = ("paper", "people", "choice", "loso")
CONTROLS = ("none", "shuffled", "frozen", "labels")
KEY = ["method", "rule", "motion", "control", "seed"]


def folds(rule, labels, subjects, seed):
    """The folds of a rule; the seed draws what is random in it."""
    from sklearn.model_selection import train_test_split

    if rule == "paper":
        train, scored = train_test_split(np.arange(len(labels)), test_size=0.2, random_state=seed)
        return [Fold(train=train, validation=scored, test=scored)]
    by_person = [leaving_out(person, np.array(subjects)) for person in sorted(set(subjects))]
    if rule == "loso":
        return by_person
    if rule == "choice":
        return [replace(fold, validation=fold.test) for fold in by_person]
    random = np.random.default_rng(seed)
    tests = np.split(random.permutation(len(labels)), np.cumsum([len(fold.test) for fold in by_person])[:-1])
    found = []
    for fold, test in zip(by_person, tests, strict=True):
        others = random.permutation(np.setdiff1d(np.arange(len(labels)), test))
        train, validation = np.split(others, [len(fold.train)])
        found.append(Fold(train=train, validation=validation, test=test))
    return found


def leaving_out(person, subjects):
    """A fold that tests one person. As there are so few, the one who chooses has the share of clips nearest a fifth."""
    others = subjects[subjects != person]
    names, counts = np.unique(others, return_counts=True)
    chooses = names[np.abs(counts - len(others) / 5).argmin()]
    parts = (~np.isin(subjects, (person, chooses)), subjects == chooses, subjects == person)
    train, validation, test = map(np.flatnonzero, parts)
    return Fold(train=train, validation=validation, test=test)


def controlled(samples, control, seed):
    """The same samples without what a control takes away."""
    random = np.random.default_rng(seed)
    if control == "labels":
        return replace(samples, labels=random.permutation(samples.labels))
    orders = np.tile(np.arange(real_windows.FRAMES), (len(samples.labels), 1))
    if control == "shuffled":
        orders = random.permuted(orders, axis=1)
    elif control == "frozen":
        orders[:] = real_windows.FRAMES // 2
    stacks = {name: np.take_along_axis(one[:], orders[:, None, None], axis=3) for name, one in samples.stacks.items()}
    return replace(samples, stacks=stacks)


def predict(protocol, samples, rule, seed):
    """Fit each fold of a rule; rows of predictions."""
    names, rows = protocol.database.class_names, []
    for number, fold in enumerate(folds(rule, samples.labels, samples.subjects, seed), start=1):
        fitted = fold if protocol.network.has_epochs else fold.without_validation()
        with tempfile.TemporaryDirectory() as folder:
            job = Job(
                samples=samples,
                fold=fitted,
                protocol=protocol,
                statistics=statistics_of(protocol, samples, fitted),
                folder=Path(folder),
                seed=seed,
                metadata={},
                progress=False,
            )
            result = protocol.network.fit(job)
        for clip, probabilities in zip(fold.test, result.probabilities, strict=True):
            rows.append(
                {
                    "fold": number,
                    "epoch": result.best_epoch,
                    "epochs": len(result.history),
                    "clip": samples.names[clip],
                    "subject": samples.subjects[clip],
                    "true": names[samples.labels[clip]],
                    "predicted": names[int(probabilities.argmax())],
                }
            )
    return rows


def run(args, tables, wanted):
    """Compute what is not in predictions.csv yet."""
    path = args.out / "predictions.csv"
    done = set()
    if path.exists():
        done = set(pandas.read_csv(path, keep_default_na=False)[KEY].itertuples(index=False, name=None))
    for key in wanted:
        method, rule, motion, control, seed = key
        if key in done or (rule == "choice" and not METHODS[method].has_epochs):
            continue
        table = tables[motion / 100]
        data = mk.load(table / "clips.csv", classes=list(real_windows.CLASSES), name="mouths")
        protocol = data.protocol("loso", method)
        if protocol.batch_size < len(data):  # STSTNet's epoch is one step: it keeps its 500
            protocol = replace(protocol, epochs=min(args.epochs, protocol.epochs))
        points = None if protocol.network.on_whole_face else landmarks.CsvLandmarks(table / "points.csv")
        samples = preprocessing.load_samples(table / "clips.csv", protocol, points, progress=False)
        rows = predict(protocol, controlled(samples, control, seed), rule, seed)
        frame = pandas.DataFrame([dict(zip(KEY, key, strict=True)) | row for row in rows])
        frame.to_csv(path, mode="a", header=not path.exists(), index=False)
        right = (frame["true"] == frame["predicted"]).mean()
        print(f"{method:16} {rule:7} motion {motion:3} % control {control:8} seed {seed}: {right:.1%}", flush=True)


def summary(rows):
    """Scores of each method, rule, motion and control over the seeds, one row each."""
    classes, found = list(real_windows.CLASSES), []
    for key, own in rows.groupby(KEY[:-1], sort=False):
        scored = [metrics.score(one["true"], one["predicted"], classes) for _, one in own.groupby("seed")]
        number = {name: label for label, name in enumerate(classes)}
        true, predicted = own["true"].map(number), own["predicted"].map(number)
        interval = metrics.subject_intervals(true, predicted, own["subject"], len(classes))["accuracy"]
        moving = own[(own["true"] != "still") & (own["predicted"] != "still")]
        found.append(
            {
                **dict(zip(KEY[:-1], key, strict=True)),
                "seeds": len(scored),
                "accuracy": np.mean([one.accuracy for one in scored]),
                "deviation": np.std([one.accuracy for one in scored]),
                "low": interval[0],
                "high": interval[1],
                "uar": np.mean([one.uar for one in scored]),
                "uf1": np.mean([one.uf1 for one in scored]),
                "majority": np.mean([one.majority_rate for one in scored]),
                "direction": (moving["true"] == moving["predicted"]).mean(),
            }
        )
    return pandas.DataFrame(found)


def draw(table, path):
    """The four rules side by side, a group of points for each method, its interval over people behind it."""
    from matplotlib.figure import Figure

    plain = table[(table["motion"] == 100) & (table["control"] == "none")]
    methods = [method for method in METHODS if method in set(plain["method"])]
    figure = Figure((8, 4.6), layout="constrained")
    axes = figure.subplots()
    colours = ("#c0392b", "#e08e45", "#7f8c8d", "#2c6fad")
    for place, (rule, colour) in enumerate(zip(RULES, colours, strict=True)):
        own = plain[plain["rule"] == rule].set_index("method").reindex(methods)
        x = np.arange(len(methods)) + 0.18 * (place - 1.5)
        axes.vlines(x, 100 * own["low"], 100 * own["high"], color=colour, alpha=0.35, linewidth=5)
        axes.plot(x, 100 * own["accuracy"], "o", color=colour, label=MEANING[rule])
    majority = 100 * plain.loc[plain["rule"] == "loso", "majority"].max()
    axes.axhline(majority, color="black", linewidth=0.8, linestyle="--", label="majority-class baseline, all clips")
    names = [METHODS[one].title.replace(" MicroExpFuseNet", "").partition(" (our")[0] for one in methods]
    axes.set_xticks(range(len(methods)), names)
    axes.set_ylabel("accuracy (%)")
    axes.set_ylim(0, 100)
    figure.suptitle("Evaluation rules on real faces (mouth opening, closing, still): no micro-expressions", fontsize=11)
    figure.legend(fontsize=8, ncols=2, loc="outside lower center", frameon=False)
    figure.savefig(path, dpi=130)


MEANING = {
    "paper": "paper: people known, epoch chosen on scored clips",
    "people": "people known, epoch chosen on other clips",
    "choice": "people unseen, epoch chosen on scored clips",
    "loso": "leave-one-subject-out: both held out",
}


def main():
    """Make the windows, run what is asked for, print the tables and draw the figure."""
    args = begin(
        __doc__,
        ("videos", {"type": Path, "help": "table of videos and people"}),
        ("--out", {"type": Path, "required": True, "help": "folder for windows, predictions and figure"}),
        ("--methods", {"nargs": "*", "default": [*METHODS], "help": "default: all; none only prints the tables"}),
        ("--rules", {"nargs": "+", "default": [*RULES], "choices": RULES, "help": "default: all"}),
        ("--motions", whole([100], "per cent of the motion", nargs="+")),
        ("--controls", {"nargs": "+", "default": ["none"], "choices": CONTROLS, "help": "default: none"}),
        ("--seeds", whole(5, "of initial weights and random divisions")),
        ("--epochs", whole(20, "of each fold at most; STSTNet, whose epoch is one step, has 500")),
    )
    args.out.mkdir(parents=True, exist_ok=True)
    shares = sorted({1.0, 0.5, 0.25, 0.12} | {motion / 100 for motion in args.motions}, reverse=True)
    tables = real_windows.write(real_windows.read_videos(args.videos), args.out, shares)
    clips = pandas.read_csv(tables[1.0] / "clips.csv")
    print(pandas.crosstab(clips["subject"], clips["label"], margins=True).to_string(), flush=True)
    wanted = [
        (method, rule, motion, control, seed)
        for motion in args.motions
        for control in args.controls
        for seed in range(args.seeds)
        for method in args.methods
        for rule in args.rules
    ]
    run(args, tables, wanted)
    rows = pandas.read_csv(args.out / "predictions.csv", keep_default_na=False)
    table = summary(rows)
    print(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    table.to_csv(args.out / "summary.csv", index=False, float_format="%.4f")
    draw(table, args.out / "rules.png")


if __name__ == "__main__":
    main()
