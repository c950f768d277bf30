"""The shape of the package: imports point one way, nothing heavy is loaded early, the repository stays small."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "microexp_keras"

# What each module may import of ours. Data moves from files to clips, stacks, model, predictions, scores, report.
BASE = {"errors", "files", "commands"}
ALLOWED = {
    "errors": set(),
    "files": {"errors"},
    "commands": {"errors"},
    "datasets": BASE | {"cache", "datasets", "frames"},  # frames: datasets/check.py alone; cache: the command
    "frames": BASE | {"datasets"},
    "cache": BASE | {"datasets"},
    "landmarks": BASE | {"cache", "datasets", "frames"},
    "preprocessing": BASE | {"arrays", "cache", "datasets", "frames", "landmarks"},
    "footage": BASE | {"datasets", "frames", "landmarks", "preprocessing"},
    "models": BASE,
    "metrics": BASE,
    "published": BASE,
    "tables": BASE | {"audit", "datasets", "protocols", "published", "weights"},
    "splits": BASE,
    "weights": BASE,
    "protocols": BASE | {"datasets", "splits"},
    "plots": BASE,
    "reports": BASE | {"metrics", "plots"},
    "pages": BASE | {"audit", "datasets", "protocols", "published", "splits"},
    "arrays": BASE,
    "evaluation": BASE | {"arrays", "preprocessing", "protocols", "splits"},
    "callbacks": BASE | {"weights"},
    "training": BASE | {"callbacks", "runs", "weights"},
    "runs": BASE | {"", "datasets"},
    "experiments": BASE
    | {
        "arrays",
        "datasets",
        "landmarks",
        "metrics",
        "models",
        "pages",
        "plots",
        "preprocessing",
        "protocols",
        "reports",
    }
    | {"runs", "saliency", "splits", "training", "weights"},
    "gradients": BASE,
    "saliency": BASE | {"gradients"},
}
COMMANDS = {"predict", "reproduce", "train", "evaluate", "audit", "__main__", "__init__"}


def module_name(path):
    inside = path.relative_to(SOURCE).with_suffix("").parts
    return inside[0]


def our_imports(path):
    """Names of our modules that a file imports, at its top or within functions; "" is the package itself."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("microexp_keras"):
            inside = node.module.split(".")[1:]
            names = inside[:1] or [alias.name for alias in node.names]
            found.update("" if name.startswith("__") else name for name in names)
    return found


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way(path):
    name = module_name(path)
    if name not in COMMANDS:
        assert our_imports(path) <= ALLOWED[name] | {name}
    assert not our_imports(path) & {"train", "evaluate", "predict"}


def test_only_gradients_imports_a_backend_of_keras():
    importing = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            importing |= {path.name for name in names if name.split(".")[0] in ("tensorflow", "jax", "torch")}
    assert importing == {"gradients.py"}  # Keras itself has no gradient by an input


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
        "from microexp_keras.landmarks import parser; parser().format_help()",
        "import microexp_keras.weights",
    ],
)
def test_looking_at_a_command_loads_nothing_heavy(command):
    heavy = {"keras", "tensorflow", "cv2", "dlib", "sklearn", "matplotlib", "openpyxl", "xlrd"}
    check = f"import sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", f"{command}; {check}"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_output_that_nobody_reads_is_no_error():
    command = f"{sys.executable} -c 'from microexp_keras.commands import command\n@command\ndef main(argv):\n"
    command += " while True: print(1)\nimport sys; sys.exit(main())' | head -1; echo ${PIPESTATUS[0]}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["1", "141"] and not done.stderr


def test_the_repository_stays_small():
    golden = sum(
        path.stat().st_size for path in (SOURCE.parent.parent / "tests" / "golden").rglob("*") if path.is_file()
    )
    assert golden < 6.5e6
