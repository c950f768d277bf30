"""The notebooks are what their sources make of them, say nothing of the machine, and run; so does their set-up."""

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import matplotlib.pyplot as plt
import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat import v4

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
execute = SimpleNamespace(**runpy.run_path(str(FOLDER / "execute.py")))
SOURCES = execute.sources()

QUICK = {
    "01": "DATA = {smic!r}; EPOCHS = 1",
    "02": "SMIC = {smic!r}; CASME2 = {casme2!r}; EPOCHS = 1",
    "03": "DATA = {smic!r}; EPOCHS = 1",
    "04": "DATA = {smic!r}",
    "05": "SHOW_ALL = True",
}
"""What each notebook's settings cell is changed to, so that a test of it takes seconds."""

each = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def test_there_are_five_notebooks_and_no_others_and_one_place_for_the_repositorys_address():
    assert [source.stem[:2] for source in SOURCES] == [*QUICK]
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == {source.stem for source in SOURCES}
    assert sum(len(source.read_text(encoding="utf-8").splitlines()) for source in SOURCES) <= 765
    places = [path.name for path in FOLDER.glob("*.py") if "PLACEHOLDER" in path.read_text(encoding="utf-8")]
    assert places == ["setup_cell.py"]


@each
def test_the_notebook_is_its_source_executed_in_order_and_small(source):
    path = source.with_suffix(".ipynb")
    made, found = execute.read(source).cells, nbformat.read(path, as_version=4).cells
    compared = [[(cell.cell_type, cell.source, cell.metadata.get("tags")) for cell in cells] for cells in (made, found)]
    assert compared[0] == compared[1], "run make notebooks"
    counts = [cell.execution_count for cell in found if cell.cell_type == "code"]
    assert counts == [*range(1, len(counts) + 1)] and path.stat().st_size < 700_000

    head, setup, settings, *others = made
    assert re.match(rf"# {int(source.stem[:2])}\. .+\n\n\* \*\*Needs:\*\* .+\n\* \*\*Takes:\*\* about ", head.source)
    assert setup.source == (FOLDER / "setup_cell.py").read_text(encoding="utf-8").rstrip()
    assert settings.metadata["tags"] == ["parameters"]
    assert not any("parameters" in cell.metadata.get("tags", []) for cell in others)


@each
def test_outputs_say_nothing_of_the_machine_and_call_synthetic_results_so(source):
    cells = nbformat.read(source.with_suffix(".ipynb"), as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert {output["output_type"] for output in outputs} <= {"stream", "execute_result", "display_data"}
    assert any("image/png" in output.get("data", {}) for output in outputs)
    texts = [text for one in outputs for text in (one.get("text", ""), one.get("data", {}).get("text/plain", ""))]
    for text in texts:
        assert not re.search(r"(^|[\s'\"(=:])(/[\w.-]+){2,}|[A-Z]:\\|\x1b|\d{4}-\d\d-\d\dT", text), text
    if source.stem[:2] != "05":  # which has no others than published figures
        assert any("synthetic SMIC" in text for text in texts)
        assert not any(re.search(r"(FuseNet|STCNN|model|pixels) on (SMIC|CAS)", text) for text in texts)


@pytest.mark.slow
@each
def test_the_notebook_runs_on_a_few_synthetic_clips(source, small_faces, small_videos, tmp_path, monkeypatch):
    """Here, where Keras is loaded already."""
    for name in ("docs", "notebooks", "weights"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for cell in execute.read(source).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{source.name}, {cell.id}", "exec"), names)
        if "parameters" in cell.metadata.get("tags", []):
            exec(QUICK[source.stem[:2]].format(smic=str(small_faces), casme2=str(small_videos)), names)
    plt.close("all")
    assert (tmp_path / "runs/notebook-001").is_dir()


def test_cells_are_executed_in_a_kernel_and_one_that_raises_ends_it(tmp_path):
    cells = [v4.new_code_cell(text) for text in ("count = 2", "print(count)")]
    cells[0].metadata["tags"] = ["parameters"]
    executed = execute.execute(v4.new_notebook(cells=cells), tmp_path, "count = 3").cells
    assert all(cell.execution_count for cell in executed) and executed[1].outputs[0].text == "3\n"
    with pytest.raises(CellExecutionError, match="no such thing"):
        execute.execute(v4.new_notebook(cells=[v4.new_code_cell("raise ValueError('no such thing')")]), tmp_path)


def test_the_set_up_cell_clones_once_and_works_again_after_a_restart(tmp_path):
    origin, content, package = (tmp_path / name for name in ("origin", "content", "package"))
    (package / "microexp_keras").mkdir(parents=True)
    (package / "microexp_keras/backend.py").write_text(
        "import sys\n__version__ = '3'\ndevices = lambda: ['cpu:0']\nimport_keras = lambda: sys.modules[__name__]"
    )
    (package / "microexp_keras/__init__.py").touch()
    (origin / "notebooks").mkdir(parents=True)
    content.mkdir()
    shutil.copy(FOLDER / "setup_colab.py", origin / "notebooks")
    git = ["git", "-C", str(origin), "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run([*git, *command], check=True)
    cell = re.sub(r'(?m)^REPOSITORY = ".*"', f"REPOSITORY = {str(origin)!r}", execute.read(SOURCES[0]).cells[1].source)

    def run(cell):
        environment = {"PYTHONPATH": str(package), "PATH": "/usr/bin:/bin"}
        line = [sys.executable, "-c", f"{cell}\nprint(OUT, os.getcwd())"]
        return subprocess.run(line, capture_output=True, text=True, cwd=content, env=environment)

    for number in (1, 2):
        done = run(cell)
        assert done.returncode == 0, done.stderr
        assert "computes on: cpu:0\nNo GPU. In Colab" in done.stdout
        assert done.stdout.endswith(f"runs/notebook-00{number} {content}/microexp-keras\n")
    shutil.rmtree(content / "microexp-keras")
    done = run(cell.replace(str(origin), str(tmp_path / "nothing")))
    assert done.returncode == 1 and "nothing cannot be cloned. Put the repository's address above." in done.stderr


def test_data_of_google_drive_is_unpacked_once_and_runs_are_kept_there(tmp_path, monkeypatch, capsys):
    drive = tmp_path / "drive/MyDrive/microexp"
    (tmp_path / "made/SMIC/HS").mkdir(parents=True)
    (tmp_path / "made/SMIC/HS/a.bmp").write_bytes(b"a")
    (drive / "data").mkdir(parents=True)
    shutil.make_archive(str(drive / "data/smic"), "zip", tmp_path / "made")
    shutil.copytree(tmp_path / "made/SMIC", drive / "data/folder")
    (drive / "data/clips.csv").write_text("clip,subject,label\n")
    root = tmp_path / "root"
    (root / "data").mkdir(parents=True)
    (root / "runs/notebook-001").mkdir(parents=True)
    monkeypatch.chdir(root)
    colab = ModuleType("google.colab")
    colab.drive = SimpleNamespace(mount=lambda place: print("mounted at", place))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    set_up = runpy.run_path(str(FOLDER / "setup_colab.py"))["set_up"]
    set_up.__globals__["print_device"] = lambda: None
    assert set_up(True, tmp_path / "drive") == Path("runs/notebook-001")
    assert (root / "data/smic/SMIC/HS/a.bmp").read_bytes() == (root / "data/folder/HS/a.bmp").read_bytes() == b"a"
    assert (root / "data/clips.csv").is_file() and not (root / "data/.half/smic").exists()
    assert (drive / "runs/notebook-001").is_dir() and (root / "runs-before-drive/notebook-001").is_dir()
    assert capsys.readouterr().out.count("from Google Drive") == 3
    assert set_up(True, tmp_path / "drive") == Path("runs/notebook-002")
    assert "from Google Drive" not in capsys.readouterr().out
