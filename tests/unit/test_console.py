"""What every command promises: one line for whatever goes wrong, and names that an encoding lacks are printed."""

import importlib
import os
import pickle
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from microexp_keras import __main__
from microexp_keras.console import BUG, command
from microexp_keras.datasets import __main__ as datasets_command
from microexp_keras.errors import Issue, MicroExpError


def failing(error):
    @command
    def main(argv=None):
        raise error

    return main


def test_a_bug_is_one_line_that_names_its_log_or_holds_the_traceback(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert failing(ZeroDivisionError("of zero"))([]) == BUG
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "bug" in said and "of zero" in said and "Traceback (most" not in said
    log = Path(re.search(r"\S+\.log", said)[0])
    assert log.parent == tmp_path and "ZeroDivisionError" in log.read_text() and "test_console.py" in log.read_text()
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
        (ModuleNotFoundError("No module named 'cv2'", name="cv2"), "pip install --force-reinstall opencv-python"),
    ],
)
def test_what_the_user_can_mend_is_one_line(capsys, error, part):
    assert failing(error)([]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1 and part in said


TWO = [Issue("error", "a", "is empty"), Issue("error", "b", "is odd", "Look.")]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MicroExpError("x.csv", "exists already", "Give another --out."), "x.csv: exists already. Give another"),
        (MicroExpError("row 2", "is empty").within("clips.csv"), "clips.csv: row 2: is empty."),
        (MicroExpError.of("x", TWO, "Mend it."), "x: 2 problems: a: is empty; b: is odd; Look. Mend it."),
    ],
)
def test_what_an_error_says_and_a_worker_sends_back(error, said):
    sent = pickle.loads(pickle.dumps(error))
    assert str(error).startswith(said) and str(sent) == str(error) and sent.issues == error.issues


def test_names_that_are_not_utf_8_on_a_strict_output():
    script = "import os; from microexp_keras.console import command\n@command\n"
    script += "def main(argv): print('n\\u00f6n', os.fsdecode(b'caf\\xe9'))\nimport sys; sys.exit(main())"
    for encoding, shown in (("utf-8", "n\u00f6n caf\\udce9"), ("ascii", "n\\xf6n caf\\udce9")):
        strict = {**os.environ, "PYTHONIOENCODING": f"{encoding}:strict"}
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, env=strict)
        assert (done.returncode, done.stdout.decode(encoding), done.stderr) == (0, shown + "\n", b"")


@pytest.mark.parametrize("arguments", [[], ["check", "x", "--dataset", "mmew"], ["chekc"]])
def test_a_mistake_in_a_subcommand_is_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        datasets_command.main(arguments)
    said = capsys.readouterr().err
    assert end.value.code == 2 and said.startswith("error: ") and said.count("\n") == 1


@pytest.mark.parametrize("name", [name for name in __main__.COMMANDS if name not in ("check", "inspect")])
def test_help_ends_with_three_examples_that_can_be_parsed(name, capsys):
    with pytest.raises(SystemExit) as end:
        __main__.main([name, "--help"])
    said = capsys.readouterr().out
    assert end.value.code == 0 and "usage: " in said
    if name in ("train", "evaluate", "predict", "reproduce"):
        module = importlib.import_module(f"microexp_keras.{name}")
        examples = re.findall(rf"^  .*microexp_keras\.{name} (.*)", said.partition("examples:")[2], re.MULTILINE)
        assert len(examples) == 3 and all(module.parser().parse_args(shlex.split(one)) for one in examples)


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
