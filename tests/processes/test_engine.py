"""The engine under real kills: of a worker, of one fold three times, of client and scheduler; and who is kept out."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from loso import command, contents, options, until

from microexp_keras import train
from microexp_keras.runs import Workers
from microexp_keras.runs.engine import client, run_tasks, versions


def holder(fold):
    """The living process that holds the folder of a fold, or None."""
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        process = psutil.Process(int((fold / ".lock").read_text()))
        return process if process.is_running() and process.status() != psutil.STATUS_ZOMBIE else None


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
    surroundings = {**os.environ, **environment}
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


def test_a_killed_worker_changes_nothing(serial, four_people, tmp_path):
    out = tmp_path / "run"
    process = command(*options(four_people, out), "--jobs", "2")
    until((out / "fold-01" / "history.csv").exists, process)
    worker = until(lambda: holder(out / "fold-02"), process)
    assert worker.pid != process.pid
    worker.kill()
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert contents(out) == contents(serial)
    gone(process.pid)


def test_a_fold_that_dies_three_times_is_named_and_the_others_finish(serial, four_people, tmp_path):
    out = tmp_path / "run"
    process = command(*options(four_people, out), "--jobs", "2")
    killed = set()
    while len(killed) < 3:
        worker = until(lambda: holder(out / "fold-02"), process)
        if worker.pid not in killed:
            worker.kill()
            killed.add(worker.pid)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 2 and str(out / "fold-02") in said and "Traceback" not in said
    assert [(out / f"fold-0{number}" / "result.json").exists() for number in range(1, 5)] == [True, False, True, True]
    gone(process.pid)
    assert train.main(["--resume", str(out)]) == 0
    assert contents(out) == contents(serial)


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    """The scheduler file of a cluster."""
    with cluster(tmp_path_factory.mktemp("two") / "cluster") as (file, _, _):
        yield file


def test_a_cluster_gives_the_same_bits_and_its_folds_outlive_a_killed_client(
    two_workers, serial, four_people, tmp_path, capsys
):
    out = tmp_path / "run"
    process = command(*options(four_people, out), "--cluster", two_workers)
    until(lambda: holder(out / "fold-02") and (out / "fold-01" / "history.csv").exists(), process)
    process.kill()
    process.wait()
    assert train.main(["--resume", str(out), "--cluster", two_workers]) == 0, capsys.readouterr().err
    assert contents(out) == contents(serial)


def test_a_run_of_one_fold_is_trained_on_a_cluster_and_resumed_there(two_workers, four_people, tmp_path):
    out = tmp_path / "run"
    line = ["--dataset", "smic", "--data", str(four_people), "--out", str(out), "--epochs", "2"]
    for arguments in (line, ["--resume", str(out), "--epochs", "3"]):
        assert train.main([*arguments, "--cluster", two_workers]) == 0
    assert len((out / "history.csv").read_text().splitlines()) == 4 and (out / "report.html").exists()


def test_a_fold_that_nobody_waits_for_ends_after_its_epoch(two_workers, four_people, tmp_path):
    out = tmp_path / "run"
    process = command(*options(four_people, out, epochs=100_000), "--cluster", two_workers)
    until(lambda: holder(out / "fold-01") and (out / "fold-01" / "history.csv").exists(), process)
    process.kill()
    process.wait()
    history = out / "fold-01" / "history.csv"
    epochs = -1
    while epochs != (epochs := len(history.read_text().splitlines())):
        assert epochs < 20_000
        time.sleep(2)
    assert not (out / "fold-01" / "result.json").exists() and not (out / "fold-03").exists()


def test_without_its_scheduler_a_run_ends_and_so_do_the_workers(four_people, tmp_path):
    with cluster(tmp_path / "cluster") as (file, scheduler, workers):
        out = tmp_path / "run"
        process = command(*options(four_people, out, epochs=100_000), "--cluster", file)
        until((out / "fold-01" / "history.csv").exists, process)
        scheduler.kill()
        _, said = process.communicate(timeout=120)
        assert process.returncode == 2 and "scheduler" in said and "Traceback" not in said
        gone(process.pid)
        gone(workers.pid)


def other_keras(folder):
    """What makes Python believe that Keras 3.0.0 is installed."""
    about = folder / "keras-3.0.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: keras\nVersion: 3.0.0\n")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path[1:]])}


def test_a_worker_of_another_version_is_refused(serial, four_people, tmp_path, capsys):
    out, ours = tmp_path / "run", versions()["keras"]
    with cluster(tmp_path / "cluster", workers=1, **other_keras(tmp_path / "other")) as (file, _, _):
        assert train.main([*options(four_people, out), "--cluster", file]) == 2
        said = capsys.readouterr().err
        assert f"expected keras {ours}, found keras 3.0.0" in said
        assert not (out / "fold-01").exists()


def test_workers_of_several_threads_are_refused(four_people, tmp_path, capsys):
    with cluster(tmp_path / "cluster", workers=1, threads=2) as (file, _, _):
        assert train.main([*options(four_people, tmp_path / "run"), "--cluster", file]) == 2
    assert "workers of one thread, found 2" in capsys.readouterr().err


def test_a_scheduler_without_the_package_is_named(four_people, tmp_path, capsys):
    """A module of the same name hides it there."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "microexp_keras.py").write_text("")
    with cluster(tmp_path / "cluster", workers=1, scheduler_path=str(tmp_path / "other")) as (file, _, _):
        assert train.main([*options(four_people, tmp_path / "run"), "--cluster", file]) == 2
    said = capsys.readouterr().err
    assert "a scheduler or worker of it has no microexp_keras like that here" in said and "bug" not in said


def test_what_fails_in_a_worker_is_of_one_fold(tmp_path):
    def fail_once(folder, number):
        if number == 1:
            raise RuntimeError("CUDA out of memory")

    tasks = [(tmp_path, number) for number in range(3)]
    with client(Workers(), 1) as dask:
        errors = {task: error for ended in run_tasks(dask, fail_once, tasks) for task, error in ended.items()}
    assert list(errors) == tasks and errors[tasks[0]] is None and errors[tasks[2]] is None
    assert "failed (RuntimeError: CUDA out of memory). Traceback written to " in str(errors[tasks[1]])


def test_a_program_from_stdin_trains_in_processes_into_a_folder_named_from_here(serial, four_people, tmp_path):
    """As `python - <<EOF` has it."""
    text = f"from microexp_keras import train\nprint(train.main({[*options(four_people, 'run'), '--jobs', '2']!r}))"
    done = subprocess.run([sys.executable, "-"], input=text, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.stdout.endswith("\n0\n"), done.stderr
    assert contents(tmp_path / "run") == contents(serial)
