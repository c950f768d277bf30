"""The shape of the package: nothing heavy is loaded early, and it is as quiet in Python as its commands."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import GOLDEN

STCNN = GOLDEN[0] / "keras2" / "stcnn.hdf5"
SOURCE = Path(__file__).parents[2] / "src" / "microexp_keras"


def test_only_one_module_imports_a_backend_of_keras():
    importing = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            importing |= {path.name for name in names if name.split(".")[0] in ("tensorflow", "jax", "torch")}
    assert importing == {"backend.py"}  # Keras itself has no gradient by an input


def test_looking_at_a_command_loads_nothing_heavy():
    heavy = {"keras", "tensorflow", "cv2", "dlib", "sklearn", "matplotlib", "openpyxl", "xlrd"}
    script = f"""import importlib, sys
for name in ("", ".__main__", ".train", ".evaluate", ".predict", ".reproduce", ".audit", ".weights.__main__",
             ".datasets.__main__", ".landmarks.__main__", ".protocols.__main__"):
    module = importlib.import_module("microexp_keras" + name)
    if hasattr(module, "parser"):
        module.parser().format_help()
    if loaded := {heavy} & set(sys.modules):
        sys.exit(f"{{name}} loads {{loaded}}")"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("lines", "unloaded"),
    [
        ("from microexp_keras.datasets import smic, casme2", {"cv2", "pandas", "openpyxl", "xlrd"}),
        (f"from microexp_keras import weights; weights.inspect({str(STCNN)!r})", {"h5py", "keras", "tensorflow"}),
    ],
)
def test_looking_for_clips_and_at_weights_loads_little(lines, unloaded):
    lines += f"; import sys; print({unloaded} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True).stdout == "set()\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "lines",
    [
        "from microexp_keras import models; models.build_microexp_stcnn()",
        "from microexp_keras import training; training.fit",
        "from microexp_keras.backend import keras; keras.ops.zeros(1)",
    ],
)
def test_plain_python_is_as_quiet_as_the_commands(lines):
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    assert done.stderr == "" and done.stdout == ""


def test_output_that_nobody_reads_is_no_error():
    command = f"{sys.executable} -c 'from microexp_keras.console import command\n@command\ndef main(argv):\n"
    command += " while True: print(1)\nimport sys; sys.exit(main())' | head -1; echo ${PIPESTATUS[0]}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["1", "141"] and not done.stderr
