"""weights/ holds what its manifest.json says, git ships nothing else, and the shipped weights do what they should."""

import argparse
import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers import read_json

from microexp_keras import models, preprocessing, protocols, training, weights
from microexp_keras.runs import options, scored_clips
from microexp_keras.runs.options import weights_file

FOLDER = Path(__file__).parents[2] / "weights"
SPEC = importlib.util.spec_from_file_location("manifest", FOLDER / "manifest.py")
manifest = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(manifest)

ENTRIES = manifest.read(FOLDER)
SHIPPED, OTHERS = ([entry for entry in ENTRIES if entry["shipped"] == shipped] for shipped in (True, False))
OURS = "microexp-stcnn_synthetic-smic_upstream_seed0.weights.h5"


def test_shipped_files_are_what_the_manifest_says_and_files_of_others_are_only_named():
    assert OURS in [entry["file"] for entry in SHIPPED]
    lines = manifest.verify(FOLDER)
    assert len(lines) == len(ENTRIES) and lines[0].endswith("synthetic smic, protocol upstream, seed 0, 32/32")
    for entry in SHIPPED:
        size = (FOLDER / entry["file"]).stat().st_size
        assert entry["sha256"] and entry["synthetic"] is True and size == entry["bytes"] < 10_000_000
        assert not entry["commit"].endswith("+changes") and not re.search(r'[ "]/', json.dumps(entry))  # no path
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert len(OTHERS) == 5
    for entry in OTHERS:
        assert entry["sha256"] is None and entry["sha256_unknown"] and entry["synthetic"] is False
        assert entry["file"].removesuffix(".hdf5").removeprefix("weights-improvement-") in page


def test_git_holds_only_the_weights_that_the_manifest_ships():
    listed = subprocess.run(["git", "-C", FOLDER, "ls-files"], capture_output=True, text=True)
    if listed.returncode or not listed.stdout:
        pytest.skip("not a git checkout")
    named = {entry["file"] for entry in SHIPPED}
    assert set(listed.stdout.split()) == {"README.md", "manifest.json", "manifest.py"} | named
    for stranger in ("weights-improvement-40-0.69.hdf5", "x.weights.h5", "local/x.weights.h5", "x.npy"):
        ignored = subprocess.run(["git", "-C", FOLDER, "check-ignore", "--quiet", "--no-index", stranger])
        assert ignored.returncode == 0, stranger


def test_shipped_weights_tell_synthetic_clips_apart(small_faces):
    path = FOLDER / OURS
    samples = preprocessing.load_samples(small_faces, protocols.get("upstream"), progress=False)
    inputs, _ = preprocessing.network_inputs(samples.stacks, scored_clips.known_statistics(weights.inspect(path)))
    model = models.build_microexp_stcnn()
    weights.load_weights(model, path)
    right = (training.predict(model, inputs).argmax(axis=1) == samples.labels).sum()
    assert right >= 11, f"{right} of 16"  # 12 when they were shipped; always answering negative: 6


@pytest.fixture
def copy(tmp_path):
    """A copy of the shipped weights and the manifest."""
    for name in (OURS, "manifest.json"):
        shutil.copy(FOLDER / name, tmp_path)
    return tmp_path


def refused(capsys, *arguments):
    """Run the command, which must refuse; give its one line."""
    assert manifest.main([*map(str, arguments)]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1
    return shown.err


def test_a_damaged_file_is_named(copy, capsys):
    assert manifest.main(["verify", str(copy)]) == 0
    assert f"{OURS}: as described" in capsys.readouterr().out
    data = bytearray((copy / OURS).read_bytes())
    data[-5] ^= 1
    (copy / OURS).write_bytes(data)
    said = refused(capsys, "verify", copy)
    assert str(copy / OURS) in said and SHIPPED[0]["sha256"] in said and "found" in said
    (copy / OURS).unlink()
    assert f"{copy / OURS}: expected the file" in refused(capsys, "verify", copy)


def test_a_manifest_that_says_something_else_or_is_none_is_refused(copy, capsys):
    file, entries = copy / "manifest.json", manifest.read(copy)
    wrong = {"network": "late", "dataset": "casme2", "protocol": "paper", "seed": 1, "epoch": 3}
    for name, value in wrong.items():
        file.write_text(json.dumps([{**entries[0], name: value}]))
        assert f"{name} {value}, found" in refused(capsys, "verify", copy)
    for text in ("{", "3", '["x"]', '[{"file": "x"}]'):
        file.write_text(text)
        assert "expected a list of files" in refused(capsys, "verify", copy)
    file.unlink()
    assert "found none" in refused(capsys, "verify", copy)


def test_a_run_is_taken_in_with_its_own_scores(synthetic_run, tmp_path, capsys):
    file = tmp_path / "local" / "a.weights.h5"
    for _ in range(2):  # an entry of the same name is replaced
        assert manifest.main(["add", str(synthetic_run), str(file)]) == 0
    (entry,) = manifest.read(file.parent)
    assert entry["sha256"] in capsys.readouterr().out
    scores = read_json(synthetic_run / "scores.json")
    assert entry["scores"]["correct"] == scores["correct"] and entry["scores"]["ten_epochs"] == scores["ten_epochs"]
    assert (entry["seed"], entry["epoch"], entry["synthetic"], entry["shipped"]) == (3, 0, True, False)
    assert [path.name for path in sorted(file.parent.iterdir())] == ["a.weights.h5", "manifest.json"]
    assert manifest.main(["verify", str(file.parent)]) == 0
    shutil.copy(FOLDER / "manifest.json", tmp_path)
    manifest.add(synthetic_run, tmp_path / "b.weights.h5")
    assert manifest.read(tmp_path)[1:] == ENTRIES  # the others stay as they are


def test_runs_on_a_database_unfinished_ones_and_large_files_are_refused(synthetic_run, tmp_path, capsys, monkeypatch):
    real = shutil.copytree(synthetic_run, tmp_path / "real")
    config = read_json(real / "config.json")
    config["data"]["synthetic"] = False
    (real / "config.json").write_text(json.dumps(config))
    assert "may be no more passed on" in refused(capsys, "add", real, tmp_path / "a.weights.h5")
    monkeypatch.setattr(manifest, "HERE", tmp_path)
    monkeypatch.setattr(manifest, "LARGEST", 6_000_000)
    error = refused(capsys, "add", synthetic_run, tmp_path / "a.weights.h5")
    assert "6,000,000 bytes" in error and f"{tmp_path.name}/local" in error
    unfinished = shutil.copytree(synthetic_run, tmp_path / "unfinished", ignore=shutil.ignore_patterns("scores.json"))
    assert "--resume" in refused(capsys, "add", unfinished, tmp_path / "local" / "a.weights.h5")
    assert not list(tmp_path.rglob("a.weights.h5"))


def test_weights_are_named_by_a_runs_folder_or_as_synthetic(tmp_path, monkeypatch):
    assert weights_file("synthetic") == options.SHIPPED and weights_file("some.h5") == Path("some.h5")
    run = tmp_path / "run"
    for place in (run, run / "fold-01", run / "fold-02"):
        place.mkdir()
    with pytest.raises(argparse.ArgumentTypeError, match="holds 0 files of weights"):
        weights_file(str(run))
    best = run / "fold-02" / "weights-improvement-03-0.50.weights.h5"
    for file in (best, run / "fold-02" / "last.weights.h5", run / "fold-01" / "learned.h5"):
        file.touch()
    assert weights_file(str(run / "fold-02")) == best and weights_file(str(run / "fold-01")).name == "learned.h5"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "synthetic").touch()  # a file of the user's goes before
    assert weights_file("synthetic") == Path("synthetic")
