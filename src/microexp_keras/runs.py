"""The folder of one run: where it stands, its epochs, and the config.json that says how every number came about."""

import csv
import dataclasses
import io
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

from microexp_keras import __version__
from microexp_keras.datasets import CLASS_NAMES
from microexp_keras.errors import MicroExpError
from microexp_keras.files import write_json, write_text

SETTINGS = {
    "dataset": str,
    "model": str,
    "protocol": str,
    "data": str | None,
    "options": dict,
    "training_images": list,
    "training_labels": str | None,
    "landmarks": str | None,
    "epochs": int,
    "batch_size": int,
    "kernel_size": list,
    "seed": int,
    "weights": str | None,
    "keep_all": bool,
    "tensorboard": bool,
}
"""What `train --resume` needs to repeat a command, with the types in config.json."""


def demand_free(out):
    """Raise a MicroExpError if the folder `out` (a path, or None) holds something already."""
    if out is not None and Path(out).is_dir() and any(child.name != ".lock" for child in Path(out).iterdir()):
        raise MicroExpError(
            f"{out}: expected an empty or new folder, found files. Give another --out; a training that began there is "
            f"gone on with by --resume {out}."
        )


def new_folder(out, name):
    """Make the folder of a new run: `out`, or by default the next free `runs/NAME-001`.

    Raises
    ------
    MicroExpError
        If `out` is a file, holds something already, or cannot be made.
    """
    demand_free(out)
    try:
        if out is None:
            return _next_free(Path("runs"), name)
        Path(out).mkdir(parents=True, exist_ok=True)
        return Path(out)
    except OSError as error:
        raise MicroExpError(
            f"{out or 'runs'}: the run's folder could not be made ({error.strerror}). Give another --out."
        ) from error


def remove_if_empty(folder):
    """Remove the folder of a run that never began: it holds nothing but the lock."""
    if [child.name for child in folder.iterdir()] == [".lock"]:
        (folder / ".lock").unlink()
        folder.rmdir()


def read_config(folder):
    """Read the config.json of a run.

    Raises
    ------
    MicroExpError
        If there is none or it is not one of ours.
    """
    path = Path(folder) / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        config["data"]["fingerprint"], config["resumed"], config["folds"][0]
        for name, kind in SETTINGS.items():
            if not isinstance(config["settings"][name], kind):
                raise TypeError(f"settings: {name}")
    except FileNotFoundError:
        raise MicroExpError(
            f"{folder}: expected the folder of a run, found no config.json. Start it without --resume."
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MicroExpError(
            f"{path}: expected the record of a run, found something else ({error!r}). Start a new run."
        ) from error
    return config


def write_config(folder, settings, protocol, samples, folds, statistics):
    """Write config.json: how every number of this run comes about.

    Parameters
    ----------
    folder : Path
    settings : dict
        What `train --resume` needs to repeat the command.
    protocol : protocols.Protocol
    samples : preprocessing.Samples
    folds : list of splits.Fold
    statistics : list of dict of str to preprocessing.Statistics
        Of each fold: what its clips are standardised by.
    """
    path = Path(folder) / "config.json"
    now, before = provenance(), read_config(folder) if path.exists() else None
    origin = {name: before[name] for name in now} if before else now
    resumed = [*before["resumed"], now] if before else []
    class_names = CLASS_NAMES[protocol.dataset]
    per_class = {name: int((samples.labels == label).sum()) for label, name in enumerate(class_names)}
    described = {
        **origin,
        "resumed": resumed,
        "settings": settings,
        "protocol": {**dataclasses.asdict(protocol), "split": protocol.split.__name__},
        "data": {
            "fingerprint": samples.fingerprint,
            "synthetic": samples.synthetic,
            "clips": len(samples.names),
            "clips_per_class": per_class,
            "subjects": len(set(samples.subjects) - {None}),
        },
        "class_names": class_names,
        "folds": [
            {
                **{part: [samples.names[one] for one in getattr(fold, part)] for part in ("train", "select", "score")},
                "statistics": {name: one._asdict() for name, one in of_fold.items()},
            }
            for fold, of_fold in zip(folds, statistics, strict=True)
        ],
    }
    write_json(path, described)


class History:
    """One row per epoch, kept in a CSV file that is never half-written.

    Parameters
    ----------
    path : str or Path
        Read if it exists, rewritten with every row.
    """

    def __init__(self, path):
        self.path, self.rows, self._last = Path(path), [], time.perf_counter()
        if self.path.exists():
            try:
                with open(self.path, newline="", encoding="utf-8") as file:
                    rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
                self.rows = [{**row, "epoch": int(row["epoch"])} for row in rows]
            except (ValueError, TypeError, KeyError) as error:
                raise MicroExpError(
                    f"{self.path}: expected the history of a run, found something else ({error})."
                ) from error

    def add(self, epoch, logs):
        """Append the epoch's logs and the seconds since the row before."""
        now = time.perf_counter()
        self.rows.append(
            {"epoch": epoch, **{name: float(value) for name, value in logs.items()}, "seconds": now - self._last}
        )
        self._last = now
        self._write()

    def keep_until(self, epoch):
        """Drop rows of later epochs: a run was killed between this file and its weights."""
        self.rows = [row for row in self.rows if row["epoch"] <= epoch]
        self._last = time.perf_counter()

    def _write(self):
        text = io.StringIO()
        writer = csv.DictWriter(text, self.rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self.path, text.getvalue())


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How training ended.

    Attributes
    ----------
    history : list of dict
        One row per epoch.
    best_epoch : int
        Counted from 0.
    best_path : Path
        File with its weights.
    diverged : str or None
        Why training stopped early, if it did.
    """

    history: list
    best_epoch: int
    best_path: Path
    diverged: str | None


def provenance():
    """Command, time, versions, commit (of the working tree that the package runs from, if any) and machine."""
    packages = (
        "tensorflow",
        "jax",
        "torch",
        "keras",
        "numpy",
        "opencv-python",
        "dlib-bin",
        "h5py",
        "scikit-learn",
        "matplotlib",
    )
    return {
        "command": shlex.join([Path(sys.executable).name, *sys.orig_argv[1:]]),
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": {
            "microexp-keras": __version__,
            "python": platform.python_version(),
            **{name: version for name in packages if (version := _installed(name))},
        },
        "commit": commit(),
        "machine": {"system": platform.platform(), "cores": os.cpu_count(), "devices": devices()},
    }


def commit():
    """Commit of the checkout that this package runs from, with `+changes` if files differ; None outside git."""
    here = Path(__file__).parent

    def git(*arguments):
        done = subprocess.run(
            ["git", "-C", str(here), *arguments], capture_output=True, text=True, check=True, timeout=10
        )
        return done.stdout.strip()

    try:
        if not git("ls-files", "__init__.py"):  # installed inside somebody else's checkout
            return None
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", ".") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _next_free(parent, name):
    for number in range(1, 10_000):
        folder = parent / f"{name}-{number:03d}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise MicroExpError(f"{parent}: holds 9,999 runs named {name}. Give another --out.")


def _installed(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def devices():
    """What the Keras backend computes on, such as `["cpu:0"]`; None before Keras is loaded."""
    if "keras" not in sys.modules:
        return None
    import keras

    return [f"{keras.backend.backend()} {device}" for device in keras.distribution.list_devices()]
