"""The shape of the package: nothing heavy is loaded early, the repository stays small."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "microexp_keras"


def test_only_one_module_imports_a_backend_of_keras():
    importing = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            importing |= {path.name for name in names if name.split(".")[0] in ("tensorflow", "jax", "torch")}
    assert importing == {"backend.py"}  # Keras itself has no gradient by an input


@pytest.mark.parametrize(
    "command",
    [
        "import microexp_keras",
        "from microexp_keras.__main__ import main; main(['--help'])",
        "from microexp_keras.train import parser; parser().format_help()",
        "from microexp_keras.evaluate import parser; parser().format_help()",
        "from microexp_keras.audit import parser; parser().format_help()",
        "from microexp_keras.predict import parser; parser().format_help()",
        "from microexp_keras.datasets.__main__ import parser; parser().format_help()",
        "from microexp_keras.landmarks.__main__ import parser; parser().format_help()",
        "import microexp_keras.weights",
        "from microexp_keras.reproduce import parser; parser().format_help()",
        "from microexp_keras.protocols.__main__ import parser; parser().format_help()",
    ],
)
def test_looking_at_a_command_loads_nothing_heavy(command):
    heavy = {"keras", "tensorflow", "cv2", "dlib", "sklearn", "matplotlib", "openpyxl", "xlrd"}
    check = f"import sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", f"{command}; {check}"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
@pytest.mark.parametrize(
    "lines",
    [
        "from microexp_keras import models; models.build_microexp_stcnn()",
        "from microexp_keras.models import saliency",
        "from microexp_keras.training.checkpoint import Checkpoint",
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


def test_the_repository_stays_small():
    golden = sum(
        path.stat().st_size for path in (SOURCE.parent.parent / "tests" / "golden").rglob("*") if path.is_file()
    )
    assert golden < 6.5e6
