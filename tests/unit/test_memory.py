"""How much memory a process needs, beside what was measured, and how many are started."""

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from microexp_keras import protocols
from microexp_keras.preprocessing import Samples
from microexp_keras.runs import Settings, Workers, memory
from microexp_keras.runs.memory import as_many_as_fit, bytes_of_a_process, free_bytes
from microexp_keras.runs.run import Run

GB = 10**9
MEASURED = [  # method, protocol, frames, clips, batch, and the peak in GB by benchmarks/memory.py
    ("stcnn", "loso", 18, 40, 8, 0.91),
    ("stcnn", "loso", 18, 160, 8, 0.95),
    ("stcnn", "loso", 96, 40, 4, 2.16),
    ("stcnn", "loso", 96, 40, 8, 2.5),
    ("stcnn", "loso", 96, 200, 8, 2.89),
    ("stcnn", "loso", 96, 60, 32, 4.83),
    ("late", "loso", 18, 40, 8, 0.96),
    ("late", "loso-glorot", 18, 40, 16, 0.99),
    ("late", "loso", 96, 40, 8, 3.82),
    ("late", "loso", 96, 60, 32, 4.51),
    ("late", "loso-glorot", 96, 40, 16, 5.94),
    ("intermediate", "loso", 18, 40, 8, 0.98),
    ("intermediate", "loso-glorot", 18, 40, 16, 1.01),
    ("intermediate", "loso", 96, 40, 8, 4.94),
    ("intermediate", "loso-glorot", 96, 40, 16, 6.5),
    ("3d-fcnn", "loso", 18, 40, 8, 1.04),
    ("3d-fcnn", "loso", 18, 160, 8, 1.3),
    ("cnn-augmentation", "loso", 18, 160, 32, 1.05),
    ("lbp-top", "loso", 18, 160, 0, 0.27),
    ("stclqp", "loso", 18, 160, 0, 0.33),
]


def prepared(folder, model="stcnn", protocol="loso", frames=18, clips=40, batch=None, folds=4):
    """A run of which only the sizes matter; its clips take no memory."""
    own = protocols.get(protocol, model, {18: "smic", 96: "casme2"}[frames])
    shape = (clips, own.size, own.size, frames)
    stacks = {name: np.broadcast_to(np.uint8(0), shape) for name in own.inputs}
    places = np.arange(clips)
    samples = Samples([*map(str, places)], ["s"] * clips, places, stacks, places, places > clips)
    settings = Settings.of(own, data="nowhere", batch_size=batch)
    return Run(folder, settings, settings.applied_protocol(), samples, [SimpleNamespace()] * folds, [{}] * folds)


@pytest.mark.parametrize(("model", "protocol", "frames", "clips", "batch", "peak"), MEASURED)
def test_the_estimate_is_near_what_was_measured(model, protocol, frames, clips, batch, peak, tmp_path):
    estimate = bytes_of_a_process(prepared(tmp_path, model, protocol, frames, clips, batch)) / GB
    assert 0.9 * peak <= estimate <= 1.4 * peak


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it reads /proc")
@pytest.mark.parametrize("case", ["stcnn:loso:18:40:", "intermediate:loso:18:40:", "lbp-top:loso:18:160:"])
def test_a_process_takes_what_was_estimated(case):
    measured = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "memory.py"))["measured"]
    peak, estimate = measured(case)
    assert 0.9 * peak <= estimate <= 1.4 * peak


@pytest.fixture
def machine(monkeypatch):
    """Eight cores, and as much free memory as is said."""

    def with_free(count):
        monkeypatch.setattr(memory, "cores", lambda: 8)
        monkeypatch.setattr("microexp_keras.runs.workers.cores", lambda: 8)
        monkeypatch.setattr(memory, "free_bytes", lambda: count)

    return with_free


def test_as_many_processes_are_started_as_fit(machine, tmp_path, capsys):
    run = prepared(tmp_path, "late", "loso-glorot", 96, folds=22)
    need = bytes_of_a_process(run)
    for free, expected in [(need, 1), (2 * need - 1, 1), (2 * need, 2), (7.9 * need, 7), (8 * need, 8), (99 * need, 8)]:
        machine(int(free))
        assert as_many_as_fit(Workers(), [run]).processes(22) == expected
        said = capsys.readouterr().err
        assert ("8 cores, but a process of Late MicroExpFuseNet on CAS(ME)^2 needs about" in said) == (expected < 8)
        assert "WARNING" not in said and said.count("\n") == (expected < 8)
    machine(2 * need)
    few = prepared(tmp_path, "late", "loso-glorot", 96, folds=2)
    assert as_many_as_fit(Workers(), [few]) == Workers() and capsys.readouterr().err == ""
    small = prepared(tmp_path / "small")
    assert as_many_as_fit(Workers(), [small, run]).processes(26) == 2  # a process may get a fold of any run


def test_what_does_not_fit_is_warned_of(machine, tmp_path, capsys):
    run = prepared(tmp_path, "late", "loso-glorot", 96, folds=22)
    need = bytes_of_a_process(run)
    machine(3 * need)
    assert as_many_as_fit(Workers(jobs=3), [run]) == Workers(jobs=3) and capsys.readouterr().err == ""
    assert as_many_as_fit(Workers(jobs=5), [run]) == Workers(jobs=5)  # whoever says so has it
    said = capsys.readouterr().err
    assert said.startswith("WARNING: ") and "--jobs 3 would be safer" in said
    machine(need - 1)
    assert as_many_as_fit(Workers(), [run]).processes(22) == 1
    said = capsys.readouterr().err
    assert said.startswith("WARNING: ") and "training in 1 process" in said and "--jobs" not in said
    assert as_many_as_fit(Workers(jobs=1), [run]) == Workers(jobs=1) and "--jobs" not in capsys.readouterr().err


def test_what_is_done_and_what_runs_elsewhere_needs_nothing(machine, tmp_path, capsys):
    machine(1)
    run = prepared(tmp_path, folds=2)
    cluster = Workers(cluster="tcp://host:1")
    assert as_many_as_fit(cluster, [run]) == cluster
    for number in (1, 2):
        (tmp_path / f"fold-0{number}").mkdir()
        (tmp_path / f"fold-0{number}" / "result.json").touch()
    assert as_many_as_fit(Workers(), [run]) == Workers() and capsys.readouterr().err == ""


def test_the_limit_of_a_container_counts(monkeypatch):
    import psutil

    assert 0 < free_bytes() <= psutil.virtual_memory().available * 1.05
    limit = psutil.Process().memory_info().rss + GB // 2
    monkeypatch.setattr("distributed.system.MEMORY_LIMIT", limit)
    assert free_bytes() == pytest.approx(GB // 2, rel=0.2)
