"""Options that say where folds are trained."""

import argparse
import os
import re

import pytest
import yaml

from microexp_keras import reproduce, train
from microexp_keras.errors import MicroExpError
from microexp_keras.runs import workers
from microexp_keras.runs.workers import Workers


def read(*line):
    parser = argparse.ArgumentParser()
    workers.add_options(parser)
    return Workers.of(parser.parse_args(line))


def test_options_become_workers(tmp_path):
    assert read() == Workers() and read("--jobs", "3") == Workers(jobs=3)
    there = read("--cluster", "tls://host:8786", "--tls", str(tmp_path))
    assert (there.cluster, there.tls) == ("tls://host:8786", tmp_path)
    assert read("--jobs", "3").title(2) == "in 2 processes" and read("--jobs", "1").title(9) == "in 1 process"


@pytest.mark.parametrize("line", [["--jobs", "2", "--cluster", "tcp://host:1"], ["--tls", "keys"]])
def test_options_that_do_not_go_together_are_refused(line):
    with pytest.raises(MicroExpError):
        read(*line)


def test_a_dashboard_without_bokeh_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(workers, "find_spec", lambda name: None)
    for command in (train, reproduce):
        assert command.main(["--dataset", "smic", "--synthetic", "--dashboard"]) == 2
        assert "pip install bokeh" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nowhere.json"])
def test_a_cluster_that_is_not_there_is_said(address, monkeypatch):
    monkeypatch.setattr(workers, "CONNECT_SECONDS", 1)
    with pytest.raises(MicroExpError, match=f"none at {re.escape(address)}"), Workers(cluster=address).client(1):
        pass


def test_the_flags_of_xla_that_are_set_are_kept(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_deterministic_ops=true")
    flags = workers.environment()["XLA_FLAGS"]
    assert flags == f"--xla_gpu_deterministic_ops=true {workers.XLA_FLAGS}"
    monkeypatch.setenv("XLA_FLAGS", flags)
    assert workers.environment()["XLA_FLAGS"] == flags


def test_dask_knows_every_setting_of_ours():
    import dask
    import distributed  # noqa: F401 (brings its settings)

    def names(tree, before=""):
        for name, value in tree.items():
            yield from names(value, f"{before}{name}.") if isinstance(value, dict) else [f"{before}{name}"]

    ours = list(names(yaml.safe_load(workers.DASK_SETTINGS.read_text())))
    assert len(ours) > 8
    for name in ours:
        dask.config.get(name)  # a KeyError, if newer versions have dropped it
    assert "MALLOC_TRIM_THRESHOLD_" not in os.environ
