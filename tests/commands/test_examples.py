"""The examples run on a small table of clips, and are short."""

import subprocess
import sys
from pathlib import Path

import pytest
from own_clips import write_own

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_prints_a_score(path, tmp_path):
    done = subprocess.run([sys.executable, path, write_own(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("accuracy ")
    lines = [
        line
        for line in path.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith(("import", "from"))
    ]
    assert len(lines) <= 20
