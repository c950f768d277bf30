"""What every command promises: one line for whatever goes wrong, quiet and quick loading, names that are no text."""

import ast
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
from helpers import GOLDEN

from microexp_keras import __main__
from microexp_keras.console import BUG, command
from microexp_keras.datasets import __main__ as datasets_command
from microexp_keras.errors import Issue, MicroExpError

STCNN = GOLDEN[0] / "keras2" / "stcnn.hdf5"
SOURCE = Path(__file__).parents[2] / "src" / "microexp_keras"


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


# ------------------------------------------------------------------------------------ what loading the package does


def test_only_one_module_imports_a_backend_of_keras():
    importing = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            importing |= {path.name for name in names if name.split(".")[0] in ("tensorflow", "jax", "torch")}
    assert importing == {"backend.py"}  # Keras itself has no gradient by an input


LOOKING_AT_COMMANDS = """import importlib
for name in ("", ".__main__", ".train", ".evaluate", ".predict", ".reproduce", ".audit", ".weights.__main__",
             ".datasets.__main__", ".landmarks.__main__", ".protocols.__main__"):
    module = importlib.import_module("microexp_keras" + name)
    if hasattr(module, "parser"):
        module.parser().format_help()"""
HEAVY = {"keras", "tensorflow", "cv2", "dlib", "sklearn", "matplotlib", "openpyxl", "xlrd"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lines", "unloaded"),
    [
        (LOOKING_AT_COMMANDS, HEAVY),
        ("from microexp_keras.datasets import smic, casme2", HEAVY | {"pandas"}),
        (f"from microexp_keras import weights; weights.inspect({str(STCNN)!r})", HEAVY | {"h5py"}),
        ("from microexp_keras import models; models.build_microexp_stcnn()", {}),
        ("from microexp_keras import training; training.fit", {}),
        ("from microexp_keras.backend import keras; keras.ops.zeros(1)", {}),
    ],
)
def test_plain_python_is_as_quiet_as_the_commands_and_loads_no_more_than_it_needs(lines, unloaded):
    lines += f"\nimport sys\nassert not {{*{unloaded}}} & {{*sys.modules}}"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_output_that_nobody_reads_is_no_error():
    command = f"{sys.executable} -c 'from microexp_keras.console import command\n@command\ndef main(argv):\n"
    command += " while True: print(1)\nimport sys; sys.exit(main())' | head -1; echo ${PIPESTATUS[0]}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["1", "141"] and not done.stderr
