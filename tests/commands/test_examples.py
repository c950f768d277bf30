"""The examples run on a small table of clips, and are short."""

import runpy
import sys
from pathlib import Path

import pytest
from own_clips import write_own

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_prints_a_score(path, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(path), str(write_own(tmp_path))])
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.startswith("accuracy ")
    lines = [
        line
        for line in path.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith(("import", "from"))
    ]
    assert len(lines) <= 20
