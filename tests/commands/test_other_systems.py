"""The commands where a system lacks what only Linux has: fcntl, fchmod, flags of open, affinity, reservation."""

import os
import subprocess
import sys

import pytest

WITHOUT = """
import os, sys
import locket  # Dask's locks, which on Windows need no fcntl
sys.modules["fcntl"] = None
for name in ("fchmod", "O_NOFOLLOW", "O_DIRECTORY", "posix_fallocate", "sched_getaffinity"):
    delattr(os, name)
os.process_cpu_count = os.cpu_count  # Python's own, since 3.13, where there is no sched_getaffinity
"""

COMMANDS = """
import sys
from microexp_keras import __main__
data, out = sys.argv[1:]
short = ["--dataset", "smic", "--data", data, "--epochs", "1", "--no-faces", "--out"]
for arguments in (
    ["datasets", "check", data, "--dataset", "smic"],
    ["train", *short, out + "/one"],
    ["train", *short[:4], "--out", out + "/folds", "--protocol", "loso", "--model", "lbp-top", "--jobs", "2"],
    ["train", "--resume", out + "/one", "--epochs", "2"],
    ["evaluate", "--weights", out + "/one/last.weights.h5", "--data", data, "--out", out + "/scored"],
    ["weights", "inspect", out + "/one/last.weights.h5"],
    ["protocols", "upstream", "loso"],
    ["audit"],
    ["datasets", "cache", "list"],
):
    code = __main__.main(arguments)
    print("ran", arguments[0], code)
"""


@pytest.mark.slow
def test_the_commands_run_without_what_windows_and_macos_lack(small_smic, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WITHOUT)  # for the processes that train folds, too
    few = tmp_path / "few"
    for subject in (1, 2, 3):
        (few / "HS").mkdir(parents=True, exist_ok=True)
        (few / "HS" / f"s{subject}").symlink_to(small_smic / "HS" / f"s{subject}")
    paths = os.pathsep.join([str(tmp_path / "site"), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": paths, "MICROEXP_CACHE": str(tmp_path / "cache")}
    script = f"import os\nassert not hasattr(os, 'fchmod')\n{COMMANDS}"
    command = [sys.executable, "-c", script, str(few), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    ran = [line for line in done.stdout.splitlines() if line.startswith("ran ")]
    assert [line.split()[1] for line in ran] == [
        "datasets", "train", "train", "train", "evaluate", "weights", "protocols", "audit", "datasets"
    ], done.stderr  # fmt: skip
    assert all(line.endswith(" 0") for line in ran), done.stderr
    assert len((tmp_path / "one" / "history.csv").read_text().splitlines()) == 3
    assert (tmp_path / "folds" / "fold-02" / "result.json").exists()
