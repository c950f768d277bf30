"""Folds in processes under real kills: of a worker, of client and scheduler; and who is kept out of a cluster."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from loso import command, contents, options, until

from microexp_keras import train
from microexp_keras.runs import engine
from microexp_keras.runs.engine import versions

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

steady, killed_once, killed_thrice = Constant("steady"), Constant("once", (1,)), Constant("thrice", (1, 2, 3))
raising, endless = Constant("raising", (), (1,)), Constant("endless")
"""


@pytest.fixture(scope="module")
def own_estimators(tmp_path_factory):
    """A folder with the module `estimators`."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "estimators.py").write_text(ESTIMATORS)
    return folder


def none_left(session):
    """Whether no process of a session is alive."""
    return not [
        process
        for process in psutil.process_iter()
        if process.status() != psutil.STATUS_ZOMBIE and os.getsid(process.pid) == session
    ]


def gone(session):
    def check():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            return none_left(session)

    return until(check, seconds=60)


@contextlib.contextmanager
def cluster(folder, workers=2, threads=1, scheduler_path=None, **environment):
    """A scheduler, and workers that join it by its file, each in a session of its own; gives the file and both."""
    folder.mkdir(exist_ok=True)
    file = folder / "scheduler.json"
    surroundings = {**os.environ, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "3s", **environment}
    with contextlib.ExitStack() as running:

        def start(program, *arguments, **more):
            line = [sys.executable, "-m", f"distributed.cli.dask_{program}", "--scheduler-file", str(file), *arguments]
            with open(folder / f"{program}.log", "a") as log:
                process = subprocess.Popen(
                    line, stderr=log, stdout=log, env=surroundings | more, start_new_session=True
                )
            running.callback(end, process)
            return process

        path = {"PYTHONPATH": scheduler_path} if scheduler_path else {}
        scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show", **path)
        until(file.exists)
        size = ["--nworkers", str(workers), "--nthreads", str(threads)]
        worker = start("worker", *size, "--no-dashboard", "--host", "127.0.0.1")
        yield str(file), scheduler, worker


def end(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def train_own(name, data, out):
    """Train an estimator on four folds in one process beside this; give the exit code and which folds are done."""
    own = ["--dataset", "smic", "--data", str(data), "--protocol", "loso", "--out", str(out), "--jobs", "1"]
    code = train.main([*own, "--model", f"estimators:{name}"])
    return code, [(out / f"fold-0{number}" / "result.json").exists() for number in range(1, 5)]


def test_a_killed_worker_changes_nothing(own_estimators, four_people, tmp_path, monkeypatch):
    monkeypatch.chdir(own_estimators)
    for name in ("steady", "killed_once"):
        assert train_own(name, four_people, tmp_path / name) == (0, [True] * 4)
    predictions = [(tmp_path / name / "predictions.csv").read_text() for name in ("steady", "killed_once")]
    assert predictions[0] == predictions[1].replace("killed_once", "steady")


@pytest.mark.parametrize(
    ("name", "said"), [("killed_thrice", "worker died 3 times"), ("raising", "RuntimeError: CUDA out of memory")]
)
def test_a_fold_that_fails_is_named_and_the_others_finish(
    name, said, own_estimators, four_people, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(own_estimators)
    out = tmp_path / "run"
    assert train_own(name, four_people, out) == (2, [True, False, True, True])
    told = capsys.readouterr().err
    assert said in told and str(out / "fold-02") in told and "Traceback (" not in told
    assert train.main(["--resume", str(out)]) == 0 and (out / "fold-02" / "result.json").exists()


def test_ctrl_c_ends_all_processes_and_says_how_to_go_on(own_estimators, four_people, tmp_path):
    out, mark = tmp_path / "stopped", own_estimators / "endless"
    own = ["--dataset", "smic", "--data", four_people, "--protocol", "loso", "--out", out, "--jobs", "2"]
    process = command(*own, "--model", "estimators:endless", cwd=own_estimators)
    until(lambda: mark.exists() and len(mark.read_text()) == 2, process)
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and f"--resume {out}" in said and "Traceback" not in said
    gone(process.pid)


def test_a_program_from_stdin_trains_in_processes_into_a_folder_named_from_here(serial, four_people, tmp_path):
    """As `python - <<EOF` has it; two processes, started as a user's are, come to the same bits as one."""
    text = f"from microexp_keras import train\nprint(train.main({[*options(four_people, 'run'), '--jobs', '2']!r}))"
    done = subprocess.run([sys.executable, "-"], input=text, capture_output=True, text=True, timeout=900, cwd=tmp_path)
    assert done.stdout.endswith("\n0\n"), done.stderr
    assert contents(tmp_path / "run") == contents(serial)


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    """The scheduler file of a cluster, its scheduler and its workers."""
    with cluster(tmp_path_factory.mktemp("two") / "cluster") as running:
        yield running


def test_a_cluster_gives_the_same_bits(two_workers, serial, four_people, tmp_path):
    out = tmp_path / "run"
    assert train.main([*options(four_people, out), "--cluster", two_workers[0]]) == 0
    assert contents(out) == contents(serial)


def test_a_run_of_one_fold_is_trained_on_a_cluster_and_resumed_there(two_workers, four_people, tmp_path):
    out = tmp_path / "run"
    line = ["--dataset", "smic", "--data", str(four_people), "--out", str(out), "--epochs", "2"]
    for arguments in (line, ["--resume", str(out), "--epochs", "3"]):
        assert train.main([*arguments, "--cluster", two_workers[0]]) == 0
    assert len((out / "history.csv").read_text().splitlines()) == 4 and (out / "report.html").exists()


def test_a_fold_whose_command_was_killed_ends_after_its_epoch(two_workers, four_people, tmp_path):
    out, history = tmp_path / "run", tmp_path / "run" / "fold-01" / "history.csv"
    process = command(*options(four_people, out, epochs=100_000), "--cluster", two_workers[0])
    until(history.exists, process)
    process.kill()
    process.wait()
    epochs = -1
    while epochs != (epochs := len(history.read_text().splitlines())):
        assert epochs < 20_000
        time.sleep(2)
    assert not (out / "fold-01" / "result.json").exists() and not (out / "fold-03").exists()


def test_without_its_scheduler_a_run_ends_and_so_do_the_workers(
    two_workers, four_people, tmp_path, monkeypatch, capsys
):
    """The last test of this cluster."""
    file, scheduler, workers = two_workers
    out = tmp_path / "run"
    monkeypatch.setattr(engine, "CONNECT_SECONDS", 2)

    def kill_when_it_trains():
        until((out / "fold-01" / "history.csv").exists)
        scheduler.kill()

    killer = threading.Thread(target=kill_when_it_trains)
    killer.start()
    assert train.main([*options(four_people, out, epochs=100_000), "--cluster", file]) == 2
    killer.join()
    said = capsys.readouterr().err
    assert "lost the connection to the scheduler" in said and "Traceback" not in said
    gone(workers.pid)


def other_keras(folder):
    """What makes Python believe that Keras 3.0.0 is installed."""
    about = folder / "keras-3.0.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: keras\nVersion: 3.0.0\n")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path[1:]])}


def test_a_worker_of_another_version_is_refused(four_people, tmp_path, capsys):
    out, ours = tmp_path / "run", versions()["keras"]
    with cluster(tmp_path / "cluster", workers=1, **other_keras(tmp_path / "other")) as (file, _, _):
        assert train.main([*options(four_people, out), "--cluster", file]) == 2
        said = capsys.readouterr().err
        assert f"has keras 3.0.0, but here it is keras {ours}" in said
        assert not (out / "fold-01").exists()


def test_workers_of_several_threads_are_refused(four_people, tmp_path, capsys):
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as here:
        assert train.main([*options(four_people, tmp_path / "run"), "--cluster", here.scheduler_address]) == 2
    assert "a worker has 2 threads instead of one" in capsys.readouterr().err


def test_a_scheduler_without_the_package_is_named(four_people, tmp_path, capsys):
    """A module of the same name hides it there."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "microexp_keras.py").write_text("")
    with cluster(tmp_path / "cluster", workers=1, scheduler_path=str(tmp_path / "other")) as (file, _, _):
        assert train.main([*options(four_people, tmp_path / "run"), "--cluster", file]) == 2
    said = capsys.readouterr().err
    assert "a scheduler or worker of it has no microexp_keras like that here" in said and "bug" not in said
