"""From the folder of a database to its annotation workbook to the cells of its sheets (.xlsx or .xls)."""

import re
from pathlib import Path
from typing import Any

from microexp_keras.datasets.folders import walk
from microexp_keras.errors import MicroExpError

Sheet = tuple[str, list[tuple[Any, ...]]]
"""Name and rows of cells."""


def find_workbook(root: Path, pattern: str, example: str) -> Path:
    """Find the one workbook below `root` whose name holds the pattern.

    Parameters
    ----------
    root : Path
    pattern : str
        A regular expression for part of the name; case does not matter.
    example : str
        A name for the error message.

    Returns
    -------
    Path

    Raises
    ------
    MicroExpError
        If there is none, or more than one.
    """
    workbooks = [
        folder / name
        for folder, _, files in walk(root)
        for name in files
        if re.search(pattern, name, re.IGNORECASE) and re.search(r"\.xlsx?$", name, re.IGNORECASE)
        if not name.startswith("~$")  # what a spreadsheet program keeps while a workbook is open
    ]
    if not workbooks:
        raise MicroExpError(
            root,
            f"the annotation workbook ({example}) in this folder or below",
            "none",
            "Put it there, or point at the folder above that holds it too.",
        )
    if len(workbooks) > 1:
        raise MicroExpError(
            root,
            "one annotation workbook",
            " and ".join(sorted(map(str, workbooks))),
            "Move all but one away.",
        )
    return workbooks[0]


def read_sheets(path: Path, formulas: bool = False) -> list[Sheet]:
    """Read all cells of a workbook.

    Parameters
    ----------
    path : Path
    formulas : bool
        Give formulas as they were typed, not the values that they had; only an .xlsx keeps them.

    Returns
    -------
    list of (str, list of tuple)
        Name and rows of each sheet; an empty cell is None.

    Raises
    ------
    MicroExpError
        If the workbook is damaged, or what reads it is not installed.
    """
    try:
        return _xls(path) if path.suffix.lower() == ".xls" else _xlsx(path, formulas)
    except ImportError as error:
        raise MicroExpError(
            path,
            f"the package {error.name}, which reads this workbook",
            "none",
            f"Run pip install {error.name}.",
        ) from error
    except Exception as error:  # damaged parts raise whatever the parser of that part does
        said = " ".join(str(error).split()) or type(error).__name__
        raise MicroExpError(
            path,
            "a workbook",
            f"one that cannot be read ({said})",
            "Restore it.",
        ) from error


def whole(cell: Any) -> int | None:
    """Return the whole number in a cell (12, 12.0, "12"), 0 for an empty cell, None for anything else."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return 0
    try:
        number = float(cell)
        return int(number) if number == int(number) else None
    except (TypeError, ValueError, OverflowError):
        return None


def text(cell: Any) -> str:
    """Return a cell's text in lower case without spaces around it; "" for an empty cell."""
    return "" if cell is None else " ".join(str(cell).lower().split())


def _xlsx(path: Path, formulas: bool) -> list[Sheet]:
    import openpyxl

    with open(path, "rb") as file:
        book = openpyxl.load_workbook(file, read_only=True, data_only=not formulas)
        sheets = []
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # the size written in the file may be wrong
            sheets.append((sheet.title, list(sheet.iter_rows(values_only=True))))
        return sheets


def _xls(path: Path) -> list[Sheet]:
    import xlrd

    with open(path, "rb") as file:
        book = xlrd.open_workbook(file_contents=file.read())
    return [
        (
            sheet.name,
            [tuple(None if cell == "" else cell for cell in sheet.row_values(row)) for row in range(sheet.nrows)],
        )
        for sheet in book.sheets()
    ]
