"""The engine under real kills: of a worker, of one fold three times, of client and scheduler; and who is kept out."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from loso import command, contents, options, until

from microexp_keras import train
from microexp_keras.errors import MicroExpError
from microexp_keras.runs import Workers
from microexp_keras.runs.worker import Expected, versions
from microexp_keras.runs.workers import DASK_SETTINGS


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
def cluster(folder, workers=2, **environment):
    """A scheduler, and workers that join it by its file, each in a session of its own; gives the file and both."""
    folder.mkdir(exist_ok=True)
    file = folder / "scheduler.json"
    surroundings = {**os.environ, "DASK_CONFIG": str(DASK_SETTINGS), **environment}
    with contextlib.ExitStack() as running:

        def start(program, *arguments):
            line = [sys.executable, "-m", f"distributed.cli.dask_{program}", "--scheduler-file", str(file), *arguments]
            with open(folder / f"{program}.log", "a") as log:
                process = subprocess.Popen(line, stderr=log, stdout=log, env=surroundings, start_new_session=True)
            running.callback(end, process)
            return process

        scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
        until(file.exists)
        worker = start("worker", "--nworkers", str(workers), "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")
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


def test_a_run_in_a_folder_named_from_here_is_the_same(serial, four_people, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train.main([*options(four_people, "run"), "--jobs", "2"]) == 0
    assert contents(tmp_path / "run") == contents(serial)


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


def test_a_cluster_gives_the_same_bits_and_its_folds_outlive_a_killed_client(serial, four_people, tmp_path, capsys):
    with cluster(tmp_path / "cluster") as (file, _, _):
        out = tmp_path / "run"
        process = command(*options(four_people, out), "--cluster", file)
        until(lambda: holder(out / "fold-02") and (out / "fold-01" / "history.csv").exists(), process)
        process.kill()
        process.wait()
        assert train.main(["--resume", str(out), "--cluster", file]) == 0, capsys.readouterr().err
        assert contents(out) == contents(serial)
        again = tmp_path / "again"
        assert train.main([*options(four_people, again), "--cluster", file]) == 0
        assert contents(again) == contents(serial)


def test_a_fold_that_nobody_waits_for_ends_after_its_epoch(four_people, tmp_path):
    with cluster(tmp_path / "cluster", workers=1) as (file, _, _):
        out = tmp_path / "run"
        process = command(*options(four_people, out, epochs=100_000), "--cluster", file)
        until(lambda: holder(out / "fold-01") and (out / "fold-01" / "history.csv").exists(), process)
        process.kill()
        process.wait()
        history = out / "fold-01" / "history.csv"
        epochs = -1
        while epochs != (epochs := len(history.read_text().splitlines())):
            assert epochs < 20_000
            time.sleep(2)
        assert not (out / "fold-01" / "result.json").exists() and not (out / "fold-02").exists()


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


def test_a_stranger_on_this_machine_is_refused(tmp_path):
    from distributed import Client, Security

    with Workers(jobs=1).client(1) as client:
        assert client.submit(sum, [1, 2]).result() == 3
        address = client.scheduler.address
        assert address.startswith("tls://127.0.0.1:")
        for stranger in (None, Security.temporary()):
            plain = address.replace("tls", "tcp") if stranger is None else address
            with pytest.raises((OSError, TypeError)):
                Client(plain, security=stranger, timeout=2)
        me = psutil.Process()
        ports = {
            connection.laddr.port
            for process in (me, *me.children(recursive=True))
            for connection in process.net_connections(kind="tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        assert len(ports) >= 3  # of scheduler, nanny and worker
        for port in ports:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
                plain.sendall(b"GET /health HTTP/1.0\r\n\r\n")
                with contextlib.suppress(ConnectionError):
                    assert b"HTTP" not in plain.recv(1000)


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


def test_a_worker_of_another_version_that_joins_later_leaves(serial, four_people, tmp_path):
    out = tmp_path / "run"
    with cluster(tmp_path / "cluster", workers=1) as (file, _, _):
        process = command(*options(four_people, out), "--cluster", file)
        until(lambda: holder(out / "fold-01"), process)
        surroundings = {**os.environ, **other_keras(tmp_path / "other")}
        line = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", file, "--nthreads", "1"]
        late = subprocess.Popen([*line, "--no-dashboard"], env=surroundings, stderr=subprocess.DEVNULL)
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0 and "found keras 3.0.0" in said
        assert late.wait(timeout=60) == 0
    assert contents(out) == contents(serial)


def test_a_worker_must_see_the_same_run_and_have_one_thread(serial):
    expected = Expected.of([serial])
    expected.require(threads=1)
    with pytest.raises(MicroExpError, match="one thread, found 2"):
        expected.require(threads=2)
    with pytest.raises(MicroExpError, match="found another"):
        Expected(versions(), {serial: "0" * 64}).require(threads=1)
    with pytest.raises(MicroExpError, match="found none"):
        Expected(versions(), {Path("/nowhere"): "0" * 64}).require(threads=1)
