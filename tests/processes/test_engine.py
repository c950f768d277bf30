"""Folds in processes under real kills: of a worker, of client and scheduler; who is kept out of a cluster; SLURM."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest
from distributed import Client, LocalCluster
from helpers import microexp, read_json, refused
from loso import contents, started, times_of, training, until

from microexp_keras import preprocessing, protocols
from microexp_keras.atomic import only_writer
from microexp_keras.errors import MicroExpError
from microexp_keras.runs import Settings, Workers, engine
from microexp_keras.runs.run import Run

pytestmark = pytest.mark.slow

ESTIMATORS = """
import os, signal, time
from pathlib import Path

from sklearn.base import BaseEstimator

class Constant(BaseEstimator):
    '''Predicts the first class; in some of its fits it raises, or its process is killed.'''

    def __init__(self, name, killed=(), raises=()):
        self.name, self.killed, self.raises = name, killed, raises

    def fit(self, clips, labels):
        mark = Path(__file__).with_name(self.name)
        fits = len(mark.read_text()) if mark.exists() else 0
        with open(mark, "a") as file:
            file.write("x")
        if fits in self.killed:
            os.kill(os.getpid(), signal.SIGKILL)
        if fits in self.raises:
            raise RuntimeError("CUDA out of memory")
        if self.name == "endless":
            time.sleep(600)
        return self

    def predict(self, clips):
        return [0] * len(clips)

killed_then_raising, killed_thrice = Constant("once", killed=(0,), raises=(2,)), Constant("thrice", killed=(1, 2, 3))
endless = Constant("endless")
"""


@pytest.fixture(scope="module")
def own_estimators(tmp_path_factory):
    """A folder with the module `estimators`."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "estimators.py").write_text(ESTIMATORS)
    return folder


def gone(session):
    """Wait until no process of a session is alive."""

    def none_left():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            alive = (one for one in psutil.process_iter() if one.status() != psutil.STATUS_ZOMBIE)
            return not [one for one in alive if os.getsid(one.pid) == session]

    return until(none_left, seconds=200, pause=0.5)


@contextlib.contextmanager
def dask_program(program, file, *arguments, **environment):
    """A scheduler of Dask, or a worker that joins it by its file, in a session of its own."""
    line = [sys.executable, "-m", f"distributed.cli.dask_{program}", "--scheduler-file", str(file), *arguments]
    line += ["--no-dashboard", "--host", "127.0.0.1"]
    surroundings = {**os.environ, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "3s", **environment}
    with open(file.with_name(f"{program}.log"), "a") as log:
        process = subprocess.Popen(line, stderr=log, stdout=log, env=surroundings, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def dask_scheduler(folder, **environment):
    """A scheduler's file, and its process."""
    file = folder / "scheduler.json"
    with dask_program("scheduler", file, "--port", "0", "--no-show", **environment) as process:
        until(file.exists)
        yield file, process


def folds_done(out):
    return [(out / f"fold-0{number}" / "result.json").exists() for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("name", "said"),
    [("killed_thrice", "worker died 3 times"), ("killed_then_raising", "RuntimeError: CUDA out of memory")],
)
def test_a_fold_whose_worker_dies_is_tried_again_and_one_that_fails_named_while_the_others_finish(
    name, said, own_estimators, three_people, tmp_path, monkeypatch
):
    monkeypatch.chdir(own_estimators)
    out, own = tmp_path / "run", f"--protocol loso --jobs 1 --model estimators:{name}"
    error = refused(f"train --dataset smic --data {three_people} --out {out} {own}")
    assert folds_done(out) == [True, False, True] and said in error and str(out / "fold-02") in error
    microexp(f"train --resume {out}")
    assert folds_done(out) == [True] * 3


def test_ctrl_c_ends_all_processes_and_says_how_to_go_on(own_estimators, three_people, tmp_path):
    out, mark = tmp_path / "stopped", own_estimators / "endless"
    own = "--protocol loso --jobs 2 --model estimators:endless"
    process = started(f"train --dataset smic --data {three_people} --out {out} {own}", own_estimators)
    until(lambda: mark.exists() and len(mark.read_text()) == 2, process)
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and f"--resume {out}" in said and "Traceback" not in said
    gone(process.pid)


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory):
    """The scheduler file of a cluster, its scheduler and its worker."""
    with (
        dask_scheduler(tmp_path_factory.mktemp("two")) as (file, scheduler),
        dask_program("worker", file, "--nthreads", "1") as worker,
    ):
        yield file, scheduler, worker


def test_a_cluster_gives_the_same_bits_and_weights_that_were_not_kept_are_made_again(
    one_worker, serial, three_people, tmp_path
):
    out, kept, there = tmp_path / "run", contents(serial), f"--cluster {one_worker[0]}"
    microexp(training(three_people, out, more=there))
    bare = contents(out)
    assert (bare["predictions.csv"], bare["result"], bare["weights"]) == (kept["predictions.csv"], kept["result"], {})
    assert "The weights of 3 folds were not kept" in bare["report.txt"] and "--keep-weights" not in kept["report.txt"]
    assert "--keep-weights" in (out / "report.html").read_text()
    assert [fold["weights"] for fold in read_json(out / "scores.json")["folds"]] == [None] * 3
    times = times_of([*(out / "fold-01").iterdir(), *(out / "fold-03").iterdir()])
    shutil.rmtree(out / "fold-02")
    microexp(f"train --resume {out} --keep-weights {there}")
    again = contents(out)
    assert again["weights"] == {name: one for name, one in kept["weights"].items() if name.parts[0] == "fold-02"}
    assert (len(again["weights"]), again["predictions.csv"]) == (1, kept["predictions.csv"])
    assert times_of(times) == times


def test_a_run_of_one_fold_is_trained_on_a_cluster_and_resumed_there(one_worker, three_people, tmp_path):
    out, there = tmp_path / "run", f"--cluster {one_worker[0]}"
    microexp(f"train --dataset smic --data {three_people} --out {out} --epochs 2 --no-faces {there}")
    microexp(f"train --resume {out} --epochs 3 {there}")
    assert len((out / "history.csv").read_text().splitlines()) == 4 and (out / "report.html").exists()


def other_keras(folder):
    """What makes Python believe that version 0.0.1 of Keras is installed."""
    about = folder / "keras-0.0.1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: keras\nVersion: 0.0.1\n")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path[1:]])}


def test_a_worker_of_another_version_is_refused(one_worker, three_people, tmp_path):
    out, file = tmp_path / "run", one_worker[0]
    with (
        dask_program("worker", file, "--nthreads", "1", "--no-nanny", **other_keras(tmp_path)),
        Client(read_json(file)["address"]) as dask,
    ):
        dask.wait_for_workers(2)
        error = refused(training(three_people, out, more=f"--cluster {file}"))
    assert f"has keras 0.0.1, but here it is keras {version('keras')}" in error and not (out / "fold-01").exists()


def test_a_fold_whose_command_is_gone_ends_after_its_epoch(one_worker, three_people, tmp_path):
    loso = protocols.get("loso")
    settings = Settings.of(loso, data=str(three_people), epochs=100_000, faces=False)
    Run.of(tmp_path, settings, preprocessing.load_samples(three_people, loso, progress=False)).write_config()
    fold = tmp_path / "fold-01"
    with engine.client(Workers(cluster=str(one_worker[0]))) as dask:
        task = dask.submit(engine.train, tmp_path, 0, loso.network, pure=False)
        until(lambda: (fold / "history.csv").exists() or task.done())
    with only_writer(fold, wait=True):
        epochs = len((fold / "history.csv").read_text().splitlines()) - 1
        assert 0 < epochs < 20_000 and not (fold / "result.json").exists()


def test_without_its_scheduler_a_run_ends_and_so_does_the_worker(one_worker, three_people, tmp_path, monkeypatch):
    """The last test of this cluster."""
    file, scheduler, worker = one_worker
    out = tmp_path / "run"
    monkeypatch.setattr(engine, "CONNECT_SECONDS", 2)

    def kill_when_it_trains():
        until((out / "fold-01" / "history.csv").exists)
        scheduler.kill()

    killer = threading.Thread(target=kill_when_it_trains)
    killer.start()
    error = refused(training(three_people, out, 40, f"--cluster {file}"))
    killer.join()
    assert "lost the connection to the scheduler" in error
    gone(worker.pid)


def test_workers_of_several_threads_are_refused(three_people, tmp_path):
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as here:
        error = refused(training(three_people, tmp_path / "run", more=f"--cluster {here.scheduler_address}"))
    assert "a worker has 2 threads instead of one" in error


def test_a_scheduler_without_the_package_is_named(three_people, tmp_path):
    """A module of the same name hides it there."""
    (tmp_path / "microexp_keras.py").write_text("")
    with (
        dask_scheduler(tmp_path, PYTHONPATH=str(tmp_path)) as (file, _),
        dask_program("worker", file, "--nthreads", "1", "--no-nanny"),
    ):
        error = refused(training(three_people, tmp_path / "run", more=f"--cluster {file}"))
    assert "a scheduler or worker of it has no microexp_keras like that here" in error and "bug" not in error


def test_processes_that_do_not_come_back_are_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "WITHOUT_WORKERS", 2)
    with engine.client(Workers(1), 1) as dask:
        dask.wait_for_workers(1)
        dask.cluster.scale(0)
        until(lambda: not dask.nthreads())
        with pytest.raises(MicroExpError, match="none could be started again"):
            list(engine.run_tasks(dask, os.path.join, [(tmp_path, 0)]))


SCRIPT = Path(__file__).parents[2] / "examples" / "slurm" / "folds.sbatch"

SRUN = """#!/bin/bash
# What srun does with --ntasks=N COMMAND: N times the command, at once.
[[ $1 == --ntasks=* ]] || exit 64
tasks=${1#--ntasks=}; shift
echo "$tasks" >> "$SRUN_LOG"
trap 'kill $(jobs -p)' TERM
for ((task = 0; task < tasks; task++)); do "$@" & done
wait
"""


def test_sbatch_could_read_the_example():
    assert subprocess.run(["bash", "-n", SCRIPT], capture_output=True, text=True).stderr == ""
    lines = SCRIPT.read_text().splitlines()
    assert lines[0] == "#!/bin/bash"
    asked = [line for line in lines if line.startswith("#SBATCH")]
    first_command = next(place for place, line in enumerate(lines) if line and not line.startswith("#"))
    assert all(place < first_command for place, line in enumerate(lines) if line in asked)  # it stops reading there
    found = dict(re.fullmatch(r"#SBATCH --([a-z-]+)=(\S+)", line).groups() for line in asked)
    assert int(found["ntasks"]) > 1 and found["cpus-per-task"] == "1"
    assert re.fullmatch(r"\d+[KMGT]", found["mem-per-cpu"]) and re.fullmatch(r"\d\d:\d\d:\d\d", found["time"])
    assert "%j" in found["output"]


def test_the_example_trains_with_srun_played_by_this_machine(three_people, tmp_path):
    stub = tmp_path / "bin" / "srun"
    stub.parent.mkdir()
    stub.write_text(SRUN)
    stub.chmod(0o755)
    surroundings = {"PATH": f"{stub.parent}{os.pathsep}{os.environ['PATH']}", "PYTHON": sys.executable}
    surroundings |= {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "2", "SRUN_LOG": str(tmp_path / "srun.log")}
    line = ["bash", SCRIPT, *f"--dataset smic --data {three_people} --model lbp-top --protocol loso --out run".split()]
    where = {"env": {**os.environ, **surroundings}, "cwd": tmp_path}
    done = subprocess.run(line, capture_output=True, text=True, timeout=600, **where)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "srun.log").read_text() == "2\n"
    assert len((tmp_path / "run" / "predictions.csv").read_text().splitlines()) == 1 + 9
    assert not (tmp_path / ".cluster-7").exists()
