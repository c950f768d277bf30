"""What every command promises: one line for whatever goes wrong, and names that an encoding lacks are printed."""

import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import as_nobody

from microexp_keras import weights
from microexp_keras.console import BUG, command
from microexp_keras.datasets import __main__ as datasets_command
from microexp_keras.errors import Issue, MicroExpError
from microexp_keras.text import cell, from_cell, plain
from microexp_keras.weights import __main__ as weights_command


def failing(error):
    @command
    def main(argv=None):
        raise error

    return main


def test_a_bug_is_one_line_that_names_its_log(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert failing(ZeroDivisionError("of zero"))([]) == BUG
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "bug" in said and "of zero" in said and "Traceback (most" not in said
    log = Path(re.search(r"\S+\.log", said)[0])
    assert log.parent == tmp_path and "ZeroDivisionError" in log.read_text() and "test_console.py" in log.read_text()


def test_without_a_place_for_the_log_the_traceback_is_in_the_line(capsys, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    assert failing(ZeroDivisionError("of zero"))([]) == BUG
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Traceback" in said


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (MicroExpError("x\n", "is a", "B."), "is a"),
        (PermissionError(13, "Permission denied", "/x\n"), "Permission denied"),
        (MemoryError(), "memory"),
    ],
)
def test_what_the_user_can_mend_is_one_line(capsys, error, part):
    assert failing(error)([]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1 and part in said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MicroExpError("x.csv", "exists already", "Give another --out."), "x.csv: exists already. Give another"),
        (MicroExpError("row 2", "is empty").within("clips.csv"), "clips.csv: row 2: is empty."),
        (
            MicroExpError.of(
                "x", [Issue("error", "a", "is empty"), Issue("error", "b", "is odd", "Look.")], "Mend it."
            ),
            "x: 2 problems: a: is empty; b: is odd; Look. Mend it.",
        ),
    ],
)
def test_what_an_error_says_and_a_worker_sends_back(error, said):
    sent = pickle.loads(pickle.dumps(error))
    assert str(error).startswith(said) and str(sent) == str(error) and sent.issues == error.issues


def test_names_that_are_not_utf_8_on_a_strict_output():
    script = "import os; from microexp_keras.console import command\n@command\n"
    script += "def main(argv): print('n\\u00f6n', os.fsdecode(b'caf\\xe9'))\nimport sys; sys.exit(main())"
    for encoding, shown in (("utf-8", "n\u00f6n caf\\udce9"), ("ascii", "n\\xf6n caf\\udce9")):
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": f"{encoding}:strict"},
        )
        assert (done.returncode, done.stdout.decode(encoding), done.stderr) == (0, shown + "\n", b"")


@pytest.mark.parametrize("name", ["x" * 300, "no/" * 2000])
def test_names_that_are_too_long(capsys, tmp_path, name):
    for main, arguments in (
        (weights_command.main, ["inspect", str(tmp_path / name)]),
        (datasets_command.main, ["check", str(tmp_path / name)]),
        (datasets_command.main, ["synthesize", "--dataset", "smic", "--out", str(tmp_path / name)]),
    ):
        assert main(arguments) == 2
        assert "Traceback" not in capsys.readouterr().err
    with pytest.raises(MicroExpError):
        weights.inspect(tmp_path / name)


def test_a_path_below_a_folder_that_may_not_be_read(tmp_path, capfd):
    tmp_path.chmod(0o755)
    (tmp_path / "closed" / "clips").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o000)
    assert as_nobody(tmp_path, lambda: datasets_command.main(["check", "closed/clips"])) == "2"
    said = capfd.readouterr().err
    assert said.startswith("error: closed") and said.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["check", "x", "--dataset", "mmew"], ["chekc"]])
def test_a_mistake_in_a_subcommand_is_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        datasets_command.main(arguments)
    said = capsys.readouterr().err
    assert end.value.code == 2 and said.startswith("error: ") and said.count("\n") == 1


@pytest.mark.parametrize(
    "name", ["=cmd|calc!A0", "@SUM(1+1)*cmd", "+1", "-1", "\t=1", "'=1", "''-1", "s1_ne_01", "'a", ""]
)
def test_a_name_is_no_formula_in_a_table(name):
    assert from_cell(cell(name)) == name and cell(name)[:1] not in ("=", "+", "-", "@", "\t", "\r")


def test_plain_leaves_text_alone():
    assert plain("smörgås \u4e2d\n\t$x$") == "smörgås \u4e2d\n\t$x$"


def started(*arguments):
    return subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["microexp_keras.train", "microexp_keras"])
def test_ctrl_c_while_a_command_loads_or_ends_gives_no_traceback(module):
    """From the moment at which the package is imported; before that Python itself is starting."""
    command = [f"-m{module}", "--help"]
    began = time.monotonic()
    started(*command).communicate()
    whole = time.monotonic() - began
    for part in (0.3, 0.6, 0.8, 0.95):
        process = started(*command)
        time.sleep(whole * part)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
        assert {*re.findall(r'File ".*/microexp_keras/(\S+)"', said)} <= {"__init__.py"}, said  # its first lines
