"""From the folder of a database to its annotation workbook to the cells of its sheets (.xlsx or .xls)."""

import io
import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from microexp_keras.datasets.folders import walk
from microexp_keras.errors import MicroExpError
from microexp_keras.regular import open_regular

MAX_BYTES, MAX_CELLS = 2**22, 2**18
"""Of a workbook, unpacked: those of the databases take a tenth at most."""

MAX_STYLES = 2**19
"""Bytes of a workbook's parts but its sheets and texts, of which openpyxl makes eighty times as much."""

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
    """Read all cells of a workbook, within limits far above those of the databases'.

    Parameters
    ----------
    path : Path
    formulas : bool
        Give formulas as they were typed, not the values that they had; only an .xlsx keeps them.

    Returns
    -------
    list of (str, list of tuple)
        Name and rows of each sheet, one at least; an empty cell is None.

    Raises
    ------
    MicroExpError
        If the workbook is damaged, larger than `MAX_BYTES` or `MAX_CELLS`, without sheets, or what reads it is not
        installed.
    """
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise _too_large(path)
            sheets = _xls(path, file) if path.suffix.lower() == ".xls" else _xlsx(path, file, formulas)
        if not sheets:
            raise MicroExpError(path, "a workbook with sheets", "none", "Restore it.")
        return sheets
    except MicroExpError:
        raise
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


def _too_large(path: Path) -> MicroExpError:
    return MicroExpError(
        path, f"a workbook of at most {MAX_BYTES} bytes and {MAX_CELLS} rows and cells, unpacked", "more", "Restore it."
    )


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


def _xlsx(path: Path, file: BinaryIO, formulas: bool) -> list[Sheet]:
    import openpyxl

    with zipfile.ZipFile(file) as parts:
        sizes = {part.filename: part.file_size for part in parts.infolist()}  # no part is unpacked any further
    others = [size for name, size in sizes.items() if not re.search(r"worksheets/|sharedStrings|media/", name)]
    if sum(sizes.values()) > MAX_BYTES or sum(others) > MAX_STYLES:
        raise _too_large(path)
    book = openpyxl.load_workbook(file, read_only=True, data_only=not formulas)
    sheets = [(sheet.title, sheet) for sheet in book.worksheets]
    for _, sheet in sheets:
        sheet.reset_dimensions()  # the size written in the file may be wrong
    return _within_limits(path, [(name, sheet.iter_rows(values_only=True)) for name, sheet in sheets])


def _xls(path: Path, file: BinaryIO) -> list[Sheet]:
    import xlrd

    book = xlrd.open_workbook(file_contents=file.read(), on_demand=True, ragged_rows=True, logfile=io.StringIO())

    def rows(number: int) -> Iterator[tuple[Any, ...]]:
        sheet = book.sheet_by_index(number)
        for row in range(sheet.nrows):
            yield tuple(None if cell == "" else cell for cell in sheet.row_values(row))
        book.unload_sheet(number)

    return _within_limits(path, [(name, rows(number)) for number, name in enumerate(book.sheet_names())])


def _within_limits(path: Path, sheets: Iterable[tuple[str, Iterable[tuple[Any, ...]]]]) -> list[Sheet]:
    """Take the rows of sheets as long as there are not too many."""
    left, found = MAX_CELLS, []
    for name, rows in sheets:
        taken: list[tuple[Any, ...]] = []
        for row in rows:
            left -= 1 + len(row)
            if left < 0:
                raise _too_large(path)
            taken.append(row)
        found.append((name, taken))
    return found
