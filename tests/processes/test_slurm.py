"""The example for SLURM: a batch script that sbatch could read, and that trains with srun played by this machine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_sbatch_could_read_it():
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


@pytest.mark.slow
def test_it_trains_with_srun_played_by_this_machine(three_people, tmp_path):
    stub = tmp_path / "bin" / "srun"
    stub.parent.mkdir()
    stub.write_text(SRUN)
    stub.chmod(0o755)
    surroundings = {
        **os.environ,
        "PATH": f"{stub.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "SLURM_JOB_ID": "7",
        "SLURM_NTASKS": "2",
        "SRUN_LOG": str(tmp_path / "srun.log"),
    }
    options = ["--dataset", "smic", "--data", three_people, "--model", "lbp-top", "--protocol", "loso", "--out", "run"]
    line = ["bash", SCRIPT, *options]
    done = subprocess.run(line, capture_output=True, text=True, env=surroundings, cwd=tmp_path, timeout=600)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "srun.log").read_text() == "2\n"
    assert len((tmp_path / "run" / "predictions.csv").read_text().splitlines()) == 1 + 9
    assert not (tmp_path / ".cluster-7").exists()
