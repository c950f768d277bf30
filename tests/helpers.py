"""What several tests share: where the golden files are, noise, commands, a process without rights, a small disk."""

import contextlib
import csv
import io
import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from microexp_keras import __main__
from microexp_keras.datasets.frames import writing

GOLDEN = [Path(__file__).parent / "golden", *map(Path, filter(None, [os.environ.get("MICROEXP_GOLDEN")]))]

SHORT = ["--epochs", "2", "--batch-size", "5", "--seed", "3"]  # how the run `trained` was trained

SECONDS, MEGABYTES = 20, 200  # what reading a file of a stranger may take in a test


def write_clips(root, clips, frames=19, size=70, suffix=".png", seed=0, brightest=200):
    """Write a folder of noisy frames at `root/NAME` for each clip, no two alike."""
    random = np.random.default_rng(seed)
    for place, name in enumerate(clips):
        folder = Path(root) / name
        folder.mkdir(parents=True)
        for frame in range(frames):
            image = random.integers(0, brightest + place % 50, (size, size, 3), np.uint8)
            cv2.imwrite(str(folder / f"reg_image{frame + 1}{suffix}"), image)


def write_film(path, frames, rate=25):
    """Write frames, uint8 (rows, columns, BGR), as a video that loses nothing."""
    with writing(path, "ffv1", frames[0].shape[1::-1], rate) as write:
        for number, frame in enumerate(frames):
            write(frame, number / rate)
    return path


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def read_rows(path):
    """Rows of a CSV file as dicts."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def smic_names(subjects):
    """Paths of clips as in SMIC's distributed tree, one of each class for each subject."""
    labels = ("negative", "positive", "surprise")
    return [f"HS/s{n}/micro/{label}/s{n}_{label[:2]}_01" for n in range(1, subjects + 1) for label in labels]


def best_weights(run):
    """The one file of best weights in the folder of a run."""
    [path] = run.glob("weights-improvement-*.weights.h5")
    return path


class Said(NamedTuple):
    """What a command printed, and what it said on stderr."""

    out: str
    err: str

    @property
    def report(self):
        """What it printed, and the whole of the report that it names."""
        *_, path = re.findall(r"ll numbers: (.*report\.txt)\.", self.out)
        return self.out + Path(path).read_text(encoding="utf-8")


def microexp(line, *codes):
    """Run what is typed behind `microexp-keras`; it must end with one of the exit codes, or 0. Give what it said."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            found = __main__.main(shlex.split(line))
        except SystemExit as end:
            found = end.code
    assert found in (codes or (0,)), err.getvalue()
    return Said(out.getvalue(), err.getvalue())


def refused(line):
    """Run a command that must fail with one line, and give that line."""
    said = microexp(line, 2).err
    error = said[said.rindex("error: ") :]
    assert "Traceback (" not in said and error.count("\n") == 1
    return error


def python(*arguments, site="", **environment):
    """Run Python with the modules of a folder before all others, in an environment that names no backend."""
    own = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    own |= {"PYTHONPATH": os.pathsep.join(filter(None, [str(site), *sys.path])), **environment}
    line = [sys.executable, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, encoding="utf-8", env=own, timeout=1200)


def said_by_a_child(function, prepare):
    """Call two functions in a process of its own; give what the second returned or raised, as text."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            prepare()
            said = repr(function())
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    with open(reader) as answer:
        said = answer.read()
    status = os.waitpid(child, 0)[1]
    return said if status == 0 else f"ended by {signal.Signals(os.WTERMSIG(status)).name}"


def as_nobody(folder, function):
    """Call a function in `folder` in a process without root's rights; give what it returned or raised, as text."""

    def prepare():
        os.chdir(folder)  # a test's folder is closed to others from above
        if os.geteuid() == 0:
            os.setuid(65534)

    return said_by_a_child(function, prepare)


def limited(function):
    """Call a function in a process that may take SECONDS and MEGABYTES more; give what it returned or raised."""

    def prepare():
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEGABYTES * 2**20,) * 2)
        signal.alarm(SECONDS)

    return said_by_a_child(function, prepare)


def on_a_full_disk(script, folder, megabytes):
    """Run a script on `folder`: a small tmpfs where this machine allows one, else under a limit on a file's size."""
    folder.mkdir()
    python = [sys.executable, "-c", script, str(folder)]
    mount = f'mount -t tmpfs -o size={megabytes}m tmpfs "$0" && exec "$@"'
    tmpfs = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, str(folder)]
    allowed = shutil.which("unshare") and subprocess.run([*tmpfs, "true"], capture_output=True).returncode == 0
    limit = ["sh", "-c", f'ulimit -f {megabytes * 2048} && exec "$@"', "limit"]
    return subprocess.run([*(tmpfs if allowed else limit), *python], capture_output=True, text=True)
