"""From settings to trained folds, in this process or in several, and from these to one report: what every run does."""

import contextlib
import functools
import json
import logging
import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

import numpy as np

from microexp_keras import (
    arrays,
    datasets,
    landmarks,
    metrics,
    pages,
    plots,
    preprocessing,
    protocols,
    reports,
    runs,
    splits,
)
from microexp_keras import weights as weights_files
from microexp_keras.commands import cores, import_keras, progress_bar
from microexp_keras.errors import MicroExpError
from microexp_keras.files import only_writer, write_json

WORKER = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # several processes share a GPU
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}
"""Environment of a process that trains folds. The order of sums, and so the last bits, depends on the threads: with one
thread a fold comes out the same however many processes there are."""

RESULT = "result.json"

SALIENCY_CLIPS = 4  # on a sheet: a page's length


def protocol_of(settings):
    """Return the protocol that the settings of a run name, with what they change in it.

    Raises
    ------
    MicroExpError
        If the kernel is too large for its clips.
    """
    changes = {name: settings[name] for name in ("epochs", "batch_size")}
    published = protocols.get(settings["protocol"], settings["model"], settings["dataset"])
    protocol = replace(published, **changes, kernel_size=tuple(settings["kernel_size"]))
    most = tuple(length - 2 for length in (protocol.size, protocol.size, protocol.frames))  # pooling takes 3 more
    if settings["data"] and any(one > limit for one, limit in zip(protocol.kernel_size, most, strict=True)):
        sizes = ["x".join(map(str, size)) for size in (most, protocol.kernel_size)]
        raise MicroExpError(
            f"kernel: expected at most {sizes[0]} with {protocol.frames} frames of {protocol.size}x{protocol.size} "
            f"pixels, received {sizes[1]}. Take a smaller one."
        )
    return protocol


def settings_for(protocol, **given):
    """Return the settings of a run, see `runs.SETTINGS`: those given, else the protocol's, else none."""
    return {
        "dataset": protocol.dataset,
        "model": protocol.model,
        "protocol": protocol.name,
        "data": None,
        "options": {},
        "training_images": [],
        "training_labels": None,
        "landmarks": None,
        "epochs": protocol.epochs,
        "batch_size": protocol.batch_size,
        "kernel_size": list(protocol.kernel_size),
        "seed": 0,
        "weights": None,
        "keep_all": False,
        "tensorboard": False,
    } | {name: value for name, value in given.items() if value is not None}


def load(settings, progress=True):
    """Return the `preprocessing.Samples` that the settings of a run name: clips of a folder, or arrays."""
    protocol = protocol_of(settings)
    if settings["data"]:
        points = landmarks.CsvLandmarks(settings["landmarks"]) if settings["landmarks"] else None
        return preprocessing.load_samples(settings["data"], protocol, points, progress, **settings["options"])
    return preprocessing.load_arrays(settings["training_images"], settings["training_labels"], protocol)


def prepare(folder, settings, samples):
    """Divide the clips and write config.json, before anything is trained.

    Returns
    -------
    list of splits.Fold

    Raises
    ------
    MicroExpError
        If the run in this folder was started with other clips.
    """
    protocol = protocol_of(settings)
    _make(folder)
    if (folder / "config.json").exists():
        _demand_same_clips(folder, settings, samples, runs.read_config(folder))
    folds = splits.folds(protocol, samples)
    statistics = [_statistics(protocol, samples, fold) for fold in folds]
    runs.write_config(folder, settings, protocol, samples, folds, statistics)
    return folds


def fold_folder(folder, number, folds):
    """Return where a fold, counted from 0, has its files: the run's own folder if it is the only one."""
    return folder if len(folds) == 1 else folder / f"fold-{number + 1:02d}"


def is_done(folder):
    """Whether the fold in this folder has its predictions, the last file that it writes."""
    return (folder / RESULT).exists()


def train_fold(folder, settings, samples, folds, number, progress=True):
    """Train one fold, or go on with it, choose the epoch and predict the clips that are scored.

    Parameters
    ----------
    folder : Path
        Of the run.
    settings : dict
        See `runs.SETTINGS`.
    samples : preprocessing.Samples
    folds : list of splits.Fold
    number : int
        Which of them, from 0.
    progress : bool
        Show a progress bar on stderr.
    """
    keras = import_keras()

    from microexp_keras import models, training

    protocol = protocol_of(settings)
    fold, here = folds[number], fold_folder(folder, number, folds)
    _make(here)
    inputs, statistics = preprocessing.network_inputs(samples.stacks, _statistics(protocol, samples, fold))
    class_names = datasets.CLASS_NAMES[protocol.dataset]
    keras.utils.set_random_seed(settings["seed"])
    _, rows, columns, frames, _ = inputs[protocol.inputs[0]].shape
    model = models.BUILDERS[protocol.model](
        frames, (rows, columns), len(class_names), protocol.kernel_size, protocol.conv_initializer
    )
    if settings["weights"] and not (here / "last.weights.h5").exists():
        weights_files.load_weights(model, settings["weights"])
    training.compile_model(model, protocol.learning_rate, protocol.momentum, protocol.probability_floor)
    metadata = {
        "model": protocol.model,
        "dataset": protocol.dataset,
        "protocol": protocol.name,
        "split": protocol.split.__name__,
        "fold": number,
        "started_from": settings["weights"],
        "synthetic": samples.synthetic,
        "seed": settings["seed"],
        "class_names": class_names,
        "statistics": {name: one._asdict() for name, one in statistics.items()},
        "data_fingerprint": samples.fingerprint,
    }
    if len(folds) == 1:
        seen = protocol.training_inputs(inputs)
        arrays.write_validation(here, protocol.model, seen, samples.labels, len(class_names), fold.held_out)
    callbacks = [keras.callbacks.TensorBoard(here / "tensorboard")] if settings["tensorboard"] else []
    keep_all, seed = settings["keep_all"], settings["seed"]
    outcome = training.fit(
        model, inputs, samples.labels, fold, here, protocol, seed, metadata, keep_all, callbacks, progress
    )
    weights_files.load_weights(model, outcome.best_path)
    probabilities = training.predict(model, inputs, fold.score)
    result = {
        "subjects": sorted({str(samples.subjects[position]) for position in fold.score}),
        "clips": [samples.names[position] for position in fold.score],
        "probabilities": probabilities.tolist(),
        "best_epoch": outcome.best_epoch,
        "weights": outcome.best_path.name,
        "diverged": outcome.diverged,
        "devices": runs.devices(),
    }
    if number == 0:  # one fold's are enough to look at
        result["saliency"] = _draw_saliency(here, model, inputs, samples, fold.score, probabilities, class_names)
    write_json(here / RESULT, result)
    if len(folds) > 1:  # a finished fold is not gone on with
        (here / "last.weights.h5").unlink(missing_ok=True)


def train_folds(tasks, jobs=None):
    """Train folds of runs in processes of their own, those that are not done already.

    Parameters
    ----------
    tasks : list of (Path, int)
        Folder of a run that is prepared, and number of a fold.
    jobs : int, optional
        How many at once; by default as many as there are cores. The results do not depend on it.

    Returns
    -------
    dict of Path to str
        Runs of which a fold failed, with its message. The others are trained all the same. Called again, it goes on
        with what is missing.

    Raises
    ------
    MicroExpError
        If a process was ended from outside.
    """
    folders, epochs, left = [], [], []
    for folder, number in tasks:
        config = runs.read_config(folder)
        here = fold_folder(folder, number, config["folds"])
        folders.append(here)
        epochs.append(config["settings"]["epochs"])
        if not is_done(here):
            left.append((folder, number))
        elif here != folder:  # killed between its result and this
            (here / "last.weights.h5").unlink(missing_ok=True)
    if not left:
        return {}
    jobs = min(jobs or cores(), len(left))
    what = f"{len(left)} {'fold' if len(left) == 1 else 'folds'} in {jobs} {'process' if jobs == 1 else 'processes'}"
    spawn = multiprocessing.get_context("spawn")
    with progress_bar(total=sum(epochs), desc=what, unit="epoch") as bar:
        pool = ProcessPoolExecutor(jobs, spawn, initializer=_become_worker)
        try:
            with _deaf_to_ctrl_c():
                waiting = {pool.submit(_train_in_worker, folder, number): folder for folder, number in left}
            failed, started = {}, waiting
            while waiting:
                done, waiting = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
                bar.n = sum(map(_epochs_done, folders))
                bar.refresh() if sys.stderr.isatty() else bar.update(0)
                for one in done:
                    try:
                        one.result()
                    except MicroExpError as error:
                        failed.setdefault(started[one], str(error))
            return failed
        except BrokenProcessPool:
            raise MicroExpError(
                "a process that trained a fold was ended from outside, or by a lack of memory. Run the command again "
                "with --resume; a smaller --jobs takes less memory."
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()


def report(folder, settings, samples, folds):
    """Pool the predictions of all folds, write the run's report and return its text and whether all trained well.

    Returns
    -------
    str
    bool
        False if a fold diverged.
    """
    protocol = protocol_of(settings)
    class_names = datasets.CLASS_NAMES[protocol.dataset]
    clips = [[samples.names[position] for position in fold.score] for fold in folds]
    folders = [fold_folder(folder, number, folds) for number in range(len(folds))]
    ended = [_outcome(here, of_fold, class_names) for here, of_fold in zip(folders, clips, strict=True)]
    outcomes, results = zip(*ended, strict=True)
    scored = np.concatenate([fold.score for fold in folds])
    probabilities = np.concatenate([np.array(result["probabilities"], np.float32) for result in results])
    true, predicted = samples.labels[scored], probabilities.argmax(axis=1)
    scores = metrics.score(true, predicted, class_names)
    title = f"{weights_files.TITLES[protocol.model]} on {datasets.origin(protocol.dataset, samples.synthetic)}"
    best_epoch = outcomes[0].best_epoch if len(folds) == 1 else None
    plots.curves(_mean_history(outcomes), folder / "curves.png", best_epoch, scores.majority_rate, title)
    text = reports.write(
        folder,
        title,
        _notes(settings, protocol, samples, folds, outcomes, predicted == true),
        scores,
        [name for of_fold in clips for name in of_fold],
        true,
        probabilities,
        subjects=[samples.subjects[position] for position in scored],
        folds=[
            {
                "fold": number + 1,
                "subjects": result["subjects"],
                "epoch": outcome.best_epoch,
                "collapsed_to": None if outcome.only_class is None else class_names[outcome.only_class],
                "weights": str(outcome.best_path.relative_to(folder)),
                "devices": result["devices"],
                "saliency": result.get("saliency"),
            }
            for number, (outcome, result) in enumerate(zip(outcomes, results, strict=True))
        ],
        held_out=_held_out(folds, samples, predicted == true),
        chosen_on_scored=any(np.isin(fold.score, fold.select).any() for fold in folds),
        ten_epochs=_ten_epochs(_mean_history(outcomes)),
    )
    pages.write(folder)
    return text, not any(outcome.diverged for outcome in outcomes)


def _draw_saliency(folder, model, inputs, samples, scored, probabilities, class_names):
    """Draw what moves the scores of some clips, wrong ones first; give the sheets drawn, or why there are none."""
    from microexp_keras import saliency

    predicted, true = probabilities.argmax(axis=1), samples.labels[scored]
    wrong = _spread(np.flatnonzero(predicted != true), SALIENCY_CLIPS // 2)
    chosen = [*wrong, *_spread(np.flatnonzero(predicted == true), SALIENCY_CLIPS - len(wrong))]
    few = {name: one[scored[chosen]] for name, one in inputs.items()}
    try:
        maps = saliency.saliency(model, few, predicted[chosen])
    except MicroExpError as error:
        return {"sheets": [], "missing": str(error)}
    titles = [
        f"{samples.names[scored[one]]}: {class_names[true[one]]}, called {class_names[predicted[one]]} "
        f"({probabilities[one, predicted[one]]:.0%})"
        for one in chosen
    ]
    plain = [title.encode("ascii", "backslashreplace").decode().replace("$", r"\$") for title in titles]  # no formulas
    for name, clips in few.items():
        path = folder / f"saliency_{name}.png"
        plots.saliency_sheet(clips[..., 0], saliency.binarize(maps[name]), path, plain, title=f"Saliency: {name}")
    sheets = [{"input": name, "file": f"saliency_{name}.png", "clips": titles} for name in few]
    return {"sheets": sheets, "missing": None}


def _spread(positions, wanted):
    """Some of the positions, from the first to the last."""
    return positions[np.linspace(0, len(positions) - 1, min(wanted, len(positions))).astype(int)]


def _statistics(protocol, samples, fold):
    """What a fold's clips are standardised by; arrays of the original's are standardised already."""
    positions = {"all": None, "train": fold.train}[protocol.standardized_by]
    gray = {name: stacks for name, stacks in samples.stacks.items() if stacks.dtype == np.uint8}
    return {name: preprocessing.measure(stacks, positions) for name, stacks in gray.items()}


def _make(folder):
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise MicroExpError(f"{folder}: expected a folder, could not make one ({error.strerror}). Free it.") from None


@contextlib.contextmanager
def _deaf_to_ctrl_c():
    """What is started meanwhile does not hear Ctrl-C, which a terminal sends to all processes: the parent ends them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _become_worker():
    """Make this process one that trains folds: one thread, gone when its parent is gone."""
    os.environ.update(WORKER)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of one graph per model
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def _train_in_worker(folder, number):
    settings, samples, folds = _prepared(folder)
    here = fold_folder(folder, number, folds)
    _make(here)
    with only_writer(here):
        try:
            train_fold(folder, settings, samples, folds, number, progress=False)
        except MicroExpError as error:
            raise MicroExpError(f"{here}: {error}") from None


@functools.lru_cache(maxsize=1)
def _prepared(folder):
    """What `prepare` was called with, from the run's folder."""
    config = runs.read_config(folder)
    settings = config["settings"]
    samples = load(settings, progress=False)
    _demand_same_clips(folder, settings, samples, config)
    return settings, samples, splits.folds(protocol_of(settings), samples)


def _demand_same_clips(folder, settings, samples, config):
    if config["data"]["fingerprint"] != samples.fingerprint:
        raise MicroExpError(
            f"{settings['data'] or settings['training_images']}: expected the clips that the run in {folder} was "
            "started with, found others. Restore them, or start a new run."
        )


def _epochs_done(folder):
    try:
        return len((folder / "history.csv").read_text(encoding="utf-8").splitlines()) - 1
    except OSError:
        return 0


def _outcome(folder, clips, class_names):
    """How the fold that scores these clips ended: a `runs.Outcome`, and its result.json."""
    path = folder / RESULT
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        best = folder / result["weights"]
        history = runs.History(folder / "history.csv").rows
        if result["clips"] != clips or np.shape(result["probabilities"]) != (len(clips), len(class_names)):
            raise ValueError("of other clips")
        outcome = runs.Outcome(history, result["best_epoch"], best, result["diverged"])
        outcome.only_class, result["subjects"], result["devices"]
        return outcome, result
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise MicroExpError(
            f"{path}: expected the result of a fold, found something else ({error!r}). Remove this file and go on with "
            "--resume."
        ) from None


def _mean_history(outcomes):
    """Mean over the folds of what they logged after each epoch that all have behind them."""
    epochs = zip(*[outcome.history for outcome in outcomes], strict=False)
    return [{name: float(np.mean([row[name] for row in rows])) for name in rows[0]} for rows in epochs]


def _held_out(folds, samples, right):
    """Of the scored clips that do not train: how many, how many right, how many with a label not their folder's."""
    unseen = ~np.concatenate([np.isin(fold.score, fold.train) for fold in folds])
    wrong = np.concatenate([samples.mislabelled[fold.score] for fold in folds])
    counts = {"clips": unseen, "correct": unseen & right, "mislabelled": unseen & wrong}
    return {name: int(chosen.sum()) for name, chosen in counts.items()}


def _ten_epochs(history):
    """Table VIII: mean and deviation of the accuracy after epochs 91 to 100 (from 1), or the last ten if fewer."""
    rows = history[:100][-10:]
    values = [row["val_accuracy"] for row in rows]
    span = {"first": int(rows[0]["epoch"]) + 1, "last": int(rows[-1]["epoch"]) + 1}
    return {"mean": float(np.mean(values)), "deviation": float(np.std(values)), **span}


def _notes(settings, protocol, samples, folds, outcomes, right):
    """What a reader must know to judge the score."""
    published = protocols.get(protocol.name, protocol.model, protocol.dataset)
    changed = [
        f"{name} {getattr(protocol, name)} instead of the protocol's {getattr(published, name)}"
        for name in ("epochs", "batch_size", "kernel_size")
        if getattr(protocol, name) != getattr(published, name)
    ]
    if settings["weights"]:
        changed.append(f"started from {settings['weights']}")
    if settings["landmarks"]:
        changed.append(f"landmarks from {settings['landmarks']}")
    if len(folds) == 1:
        remarks = splits.remarks(folds[0], samples, right)
    else:
        remarks = dict.fromkeys(remark for fold in folds for remark in splits.remarks(fold, samples))
    return [
        *reports.training_notes(outcomes, protocol, datasets.CLASS_NAMES[protocol.dataset]),
        *samples.notes,
        *remarks,
        *([UNSEEN] if protocol.unseen_subjects and not settings["weights"] else []),
        *([f"Differs from the protocol: {'; '.join(changed)}."] if changed else []),
        *([datasets.SYNTHETIC_NOTE] if samples.synthetic else []),
    ]


UNSEEN = (
    "Every clip is scored once, by a network that has seen nothing of its subject: neither to train, nor to choose the "
    "epoch, nor to standardise. Predictions are pooled over the folds."
)
