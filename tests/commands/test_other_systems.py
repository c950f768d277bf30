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
from microexp_keras import __main__
data, out = sys.argv[1:]
assert not hasattr(os, "fchmod")
smic = ["--dataset", "smic", "--data", data]
for arguments in (
    ["datasets", "check", data, "--dataset", "smic"],
    ["train", *smic, "--epochs", "1", "--no-faces", "--out", out + "/one"],
    ["train", *smic, "--protocol", "loso", "--model", "lbp-top", "--jobs", "1", "--out", out + "/folds"],
    ["evaluate", "--weights", out + "/one/last.weights.h5", "--data", data, "--out", out + "/scored"],
    ["protocols", "upstream", "loso"],
    ["audit"],
    ["datasets", "cache", "list"],
):
    print("ran", arguments[0], __main__.main(arguments))
"""


@pytest.mark.slow
def test_the_commands_run_without_what_windows_and_macos_lack(three_people, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WITHOUT)  # for the processes that train folds, too
    paths = os.pathsep.join([str(tmp_path / "site"), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": paths, "MICROEXP_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-c", f"import os, sys\n{COMMANDS}", str(three_people), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    ran = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("ran ")]
    names = ["datasets", "train", "train", "evaluate", "protocols", "audit", "datasets"]
    assert ran == [[name, "0"] for name in names], done.stderr
    assert (tmp_path / "folds" / "fold-02" / "result.json").exists()
