"""Where folds are trained: options, how many processes fit into the memory, and what a worker is made."""

import os
import re
import runpy
import sys
from pathlib import Path

import pytest

from microexp_keras import protocols, train
from microexp_keras.errors import MicroExpError
from microexp_keras.models import METHODS
from microexp_keras.runs import Settings, Workers, engine
from microexp_keras.runs.engine import bytes_of_a_process, free_bytes, processes_that_fit
from microexp_keras.runs.run import Run


def test_options_become_workers():
    for line, expected in (([], Workers()), (["--jobs", "3"], Workers(3)), (["--cluster", "x"], Workers(cluster="x"))):
        assert Workers.of(train.parser().parse_args(line)) == expected
    with pytest.raises(MicroExpError):
        Workers.of(train.parser().parse_args(["--jobs", "2", "--cluster", "tcp://host:1"]))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nowhere.json"])
def test_a_cluster_that_is_not_there_is_said(address, monkeypatch):
    monkeypatch.setattr(engine, "CONNECT_SECONDS", 1)
    said = f"no scheduler of a Dask cluster answers at {re.escape(address)}"
    with pytest.raises(MicroExpError, match=said), engine.client(Workers(cluster=address)):
        pass


def test_a_worker_keeps_the_flags_of_xla_and_takes_its_turn_of_the_cards(monkeypatch):
    for name in engine.ENVIRONMENT:
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_deterministic_ops=true")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    for _ in range(2):  # it does so before every fold
        engine.become_worker(3)
        assert os.environ["XLA_FLAGS"] == f"--xla_gpu_deterministic_ops=true {engine.XLA_FLAGS}"
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "5" and os.environ["OMP_NUM_THREADS"] == "1"


def run_of(model, frames=18):
    """A run of which only method and frames matter."""
    protocol = protocols.get("loso", model, {18: "smic", 96: "casme2"}[frames])
    return Run(Path("nowhere"), Settings.of(protocol, data="nowhere"), None, [], [])


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc")
def test_a_process_takes_what_was_estimated():
    for model in METHODS:
        short, long = (bytes_of_a_process(run_of(model, frames)) / 1e9 for frames in (18, 96))
        assert 0.2 < short <= long < 8
    measured = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "memory.py"))["measured"]
    peak, estimate = measured("stcnn:loso:18:40:")
    assert 0.9 * peak <= estimate <= 1.6 * peak


def test_as_many_processes_are_started_as_fit(monkeypatch, capsys):
    long = run_of("late", 96)
    need = bytes_of_a_process(long)
    monkeypatch.setattr(engine, "cores", lambda: 8)
    for jobs, free, folds, expected, said in [
        (None, 8, 22, 8, ""),
        (None, 2, 2, 2, ""),
        (None, 2, 22, 2, "2 at once instead of 8"),
        (None, 0.9, 22, 1, "1 at once instead of 8"),
        (3, 3, 22, 3, ""),
        (5, 3, 22, 5, "with 5 of them some may be killed"),  # whoever says so has it
    ]:
        monkeypatch.setattr(engine, "free_bytes", lambda free=free: int(free * need))
        # a process may get a fold of any run
        assert processes_that_fit(Workers(jobs), [run_of("stcnn"), long], folds) == expected
        warned = capsys.readouterr().err
        assert said in warned and warned.startswith("WARNING: a process needs about 6.0 GB") == bool(said)


def test_the_limit_of_a_container_counts(monkeypatch):
    import psutil

    assert 0 < free_bytes() <= psutil.virtual_memory().available * 1.05
    limit = psutil.Process().memory_info().rss + 10**9 // 2
    monkeypatch.setattr("distributed.system.MEMORY_LIMIT", limit)
    assert free_bytes() == pytest.approx(10**9 // 2, rel=0.2)
