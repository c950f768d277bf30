"""From NN_name.py to NN_name.ipynb beside it, executed: `python notebooks/execute.py [NN ...]`, by default all.

The sources are Python files in jupytext's percent format; their set-up cell is `setup_cell.py`. A cell that raises ends
this with the error and leaves the .ipynb as it was. Progress bars, and what tells of this machine or of the time of
day, are not written.
"""

import argparse
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

from microexp_keras.atomic import write_text

HERE = Path(__file__).parent
SETUP = "setup"  # tag of the cell that is the same in all notebooks
SETTINGS = "parameters"  # tag of the cell that a reader changes


def sources():
    """Give the paths of all notebooks' sources, in order."""
    return sorted(HERE.glob("[0-9][0-9]_*.py"))


def read(source):
    """Give the notebook that a source describes, not executed, always with the same bytes."""
    notebook = jupytext.read(source, fmt="py:percent")
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        if SETUP in cell.metadata.get("tags", []):
            cell.source = (HERE / "setup_cell.py").read_text(encoding="utf-8").rstrip()
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    return notebook


def execute(notebook, folder, settings=""):
    """Run a notebook with `folder` as the current one; `settings`, Python code, runs after its settings cell.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell raises.
    """
    kept = list(notebook.cells)
    if settings:
        places = [
            place
            for place, cell in enumerate(kept)
            if SETTINGS in cell.metadata.get("tags", [])
        ]
        notebook.cells.insert(places[0] + 1, nbformat.v4.new_code_cell(settings))
    client = NotebookClient(
        notebook,
        timeout=1200,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        coalesce_streams=True,
    )
    metadata = notebook.metadata.copy()
    client.execute()
    notebook.metadata, notebook.cells = metadata, kept
    return notebook


def without_progress(notebook):
    """Remove what was written to stderr, where progress bars are."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    return notebook


def main(argv=None):
    """Execute the named notebooks and say how long each took."""
    parser = argparse.ArgumentParser(
        prog="python notebooks/execute.py", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "names", nargs="*", metavar="NN", help="how their names begin (default: all)"
    )
    names = parser.parse_args(argv).names
    for source in sources():
        if names and not source.stem.startswith(tuple(names)):
            continue
        start = time.perf_counter()
        notebook = without_progress(execute(read(source), HERE))
        text = nbformat.writes(notebook) + "\n"
        write_text(source.with_suffix(".ipynb"), text)
        print(
            f"{source.stem}: {time.perf_counter() - start:.0f} s, {len(text) / 1000:.0f} kB",
            file=sys.stderr,
            flush=True,
        )


if __name__ == "__main__":
    main()
