"""The notebooks are what their sources make of them, say nothing of the machine, and still run."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
from nbclient.exceptions import CellExecutionError
from nbformat import v4

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("execute", ROOT / "notebooks" / "execute.py")
execute = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(execute)

SOURCES = execute.sources()
SHIPPED = ROOT / "weights" / "microexp-stcnn_synthetic-smic_upstream_seed0.weights.h5"

QUICK = {
    "01": "DATA = {smic!r}; EPOCHS = 1",
    "02": "DATA = {smic!r}; CASME2 = {casme2!r}; WEIGHTS = {weights!r}; EPOCHS = 1",
    "03": "DATA = {smic!r}; EPOCHS = EPOCHS_UPSTREAM = 1",
    "04": "DATA = {smic!r}; WEIGHTS = {weights!r}",
    "05": "DATA = {casme2!r}; KERNELS = [(3, 3, 15)]; EPOCHS = 1",
    "06": "SHOW_ALL = True",
    "07": "DATA = {smic!r}; EPOCHS = dict.fromkeys(EPOCHS, 1)",
}
"""What each notebook's settings cell is changed to, so that a test of it takes seconds."""

each = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def database(source):
    """The database that a notebook trains on; Table IX is of CAS(ME)^2."""
    return "CAS(ME)^2" if source.stem[:2] == "05" else "SMIC"


def executed(source):
    """Cells of the .ipynb beside a source."""
    return json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]


def outputs(source):
    """Outputs of all code cells."""
    return [output for cell in executed(source) for output in cell.get("outputs", [])]


def texts(source):
    """All text that the outputs show."""
    for output in outputs(source):
        yield "".join(output.get("text", ""))
        yield from ("".join(shown) for kind, shown in output.get("data", {}).items() if not kind.startswith("image"))


def test_there_are_seven_notebooks_and_no_others():
    assert [source.stem[:2] for source in SOURCES] == [*QUICK]
    assert {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} == {source.stem for source in SOURCES}


@each
def test_the_notebook_is_in_step_with_its_source(source):
    made = [(cell.cell_type, cell.source, cell.metadata.get("tags")) for cell in execute.read(source).cells]
    kept = [(cell["cell_type"], "".join(cell["source"]), cell["metadata"].get("tags")) for cell in executed(source)]
    assert kept == made, "run make notebooks"


@each
def test_every_cell_was_executed_in_order_and_none_complained(source):
    counts = [cell["execution_count"] for cell in executed(source) if cell["cell_type"] == "code"]
    assert counts == [*range(1, len(counts) + 1)]
    assert {output["output_type"] for output in outputs(source)} <= {"stream", "execute_result", "display_data"}
    assert {output.get("name") for output in outputs(source)} <= {None, "stdout"}


@each
def test_the_notebook_says_nothing_of_the_machine_and_is_small(source):
    for text in texts(source):
        assert not re.search(r"(^|[\s'\"(=:])(/[\w.-]+){2,}|[A-Z]:\\|\x1b|\d{4}-\d\d-\d\dT", text), text
    assert source.with_suffix(".ipynb").stat().st_size < 700_000


@each
def test_results_on_synthetic_clips_are_called_so(source):
    if source.stem[:2] != "06":  # which has no others than published figures
        assert any(f"synthetic {database(source)}" in text for text in texts(source))
        for text in texts(source):
            assert not re.search(r"(FuseNet|STCNN) on (SMIC|CAS)", text), text


@each
def test_the_notebook_begins_with_what_it_needs_the_set_up_and_its_settings(source):
    head, setup, *others = execute.read(source).cells
    assert re.match(rf"# {int(source.stem[:2])}\. .+\n\n\* \*\*Needs:\*\* .+", head.source)
    assert re.search(r"\n\* \*\*Takes:\*\* about [\w ]*(second|minute)", head.source)
    assert setup.source == execute.read(SOURCES[0]).cells[1].source
    tagged = [cell for cell in others if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert (
        source.stem[:2] == "06" or f"DATA = None  # or the path of your copy of {database(source)}" in tagged[0].source
    )


@each
def test_the_notebook_runs_on_a_few_synthetic_clips(source, small_faces, small_videos, tmp_path):
    settings = QUICK[source.stem[:2]].format(smic=str(small_faces), casme2=str(small_videos), weights=str(SHIPPED))
    cells = execute.execute(execute.read(source), tmp_path, settings).cells
    assert all(cell.execution_count for cell in cells if cell.cell_type == "code")


def test_a_cell_that_raises_ends_the_execution(tmp_path):
    with pytest.raises(CellExecutionError, match="no such thing"):
        execute.execute(v4.new_notebook(cells=[v4.new_code_cell("raise ValueError('no such thing')")]), tmp_path)
