"""From a CSV or .xlsx file to the rows of a table of clips, as text; what is wrong with them is found, not raised."""

import csv
import io
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from microexp_keras.datasets.folders import Findings
from microexp_keras.datasets.workbooks import read_sheets
from microexp_keras.errors import MicroExpError

REQUIRED = ("clip", "subject", "label")
OPTIONAL = ("first", "last", "apex", "name", "database")
WORKBOOKS = (".xlsx", ".xls")
TABLES = (".csv", ".tsv", *WORKBOOKS)
LARGEST = 2**26
"""Bytes of a table: a clip's row takes some hundred."""


@dataclass(frozen=True, eq=False)
class Row:
    """A row of the table.

    Attributes
    ----------
    table : Path
    place : str
        `line 7`, or `row 7` of a workbook.
    cells : dict of str to str
        By column.
    """

    table: Path
    place: str
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    @property
    def where(self) -> str:
        """File and place, for a message."""
        return f"{self.table}, {self.place}"


def is_table(path: str | Path | None) -> bool:
    """Return whether a path names a table of clips, not a folder."""
    return path is not None and Path(path).suffix.lower() in TABLES and not Path(path).is_dir()


def require_table(path: str | Path) -> Path:
    """Return the path of a table that is there.

    Raises
    ------
    MicroExpError
        If it is no file, or none of the kinds that are read.
    """
    path = Path(path)
    if not is_table(path) or not path.is_file():
        found = "a folder" if path.is_dir() else "another file" if path.is_file() else "nothing"
        raise MicroExpError(path, f"a table of clips ({', '.join(TABLES)})", found, "Name another file.")
    if path.stat().st_size > LARGEST:
        raise MicroExpError(path, f"a table of at most {LARGEST // 2**20} MB", "a larger file", "Divide it.")
    return path


def read_rows(path: Path, findings: Findings) -> list[Row]:
    """Read the rows below the head.

    Parameters
    ----------
    path : Path
    findings : Findings
        Gets what is wrong with single cells.

    Returns
    -------
    list of Row
        Of all that are not empty.

    Raises
    ------
    MicroExpError
        If the file cannot be read, or has no column clip, subject or label, or one twice.
    """
    kind, lines = ("row", _workbook(path)) if path.suffix.lower() in WORKBOOKS else ("line", _csv(path))
    lines = [(place, [_text(cell) for cell in cells]) for place, cells in lines]
    lines = [(place, cells) for place, cells in lines if any(cells)]
    first, head = lines[0] if lines else (1, [])
    head = [name.casefold() for name in head]
    missing = [name for name in REQUIRED if name not in head]
    repeated = [name for name in (*REQUIRED, *OPTIONAL) if head.count(name) > 1]
    if missing or repeated:
        found = f"no {', '.join(missing)}" if missing else f"{', '.join(repeated)} more than once"
        raise MicroExpError(
            f"{path}, {kind} {first}", f"the columns {', '.join(REQUIRED)}", found, "Name the columns in the first row."
        )
    if len(lines) == 1:
        raise MicroExpError(path, "a row for each clip", "none", "Add them below the columns' names.")
    unused = [name for name in head if name and name not in (*REQUIRED, *OPTIONAL)]
    if unused:
        found, remedy = ", ".join(unused), "Nothing needs to be done if none of them is meant for one of these."
        findings.note("unused column", f"{path}, {kind} {first}", f"{', '.join((*REQUIRED, *OPTIONAL))}", found, remedy)
    rows = []
    for place, cells in lines[1:]:
        row = Row(path, f"{kind} {place}", dict(zip(head, cells, strict=False)))
        rows.append(row)
        if any(cells[len(head) :]):
            found = str(len(cells))
            findings.stop("damaged row", row.where, f"{len(head)} cells", found, "Quote cells that hold the separator.")
        for column in (*REQUIRED, *OPTIONAL):
            if row[column].startswith("="):
                remedy = "Paste its value in its place."
                findings.stop("formula", row.where, f"text or a number in {column}", "a formula", remedy)
            if not row[column].isprintable():
                found, remedy = ascii(row[column])[:80], "Remove what cannot be printed."
                findings.stop("damaged cell", row.where, f"text in {column}", found, remedy)
    return rows


def _text(cell: Any) -> str:
    """Text of a cell without spaces around it, in composed letters; 12.0 is `12`."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return "" if cell is None else unicodedata.normalize("NFC", str(cell)).strip()


def _workbook(path: Path) -> list[tuple[int, list[Any]]]:
    """Rows of the first sheet, with formulas as they are typed."""
    sheets = read_sheets(path, formulas=True)
    return [(number, [*cells]) for number, cells in enumerate(sheets[0][1], 1)] if sheets else []


def _csv(path: Path) -> list[tuple[int, list[Any]]]:
    """Lines of a file, divided by that of semicolon, tab and comma which the first line has most of."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        remedy = 'Save it as "CSV UTF-8".'
        raise MicroExpError(path, "text in UTF-8", f"byte {error.start} that is none", remedy) from None
    head = text.lstrip().partition("\n")[0]
    table = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    rows = []
    try:
        for cells in table:
            rows.append((table.line_num, [*cells]))
    except csv.Error as error:
        raise MicroExpError(
            f"{path}, line {table.line_num}", "a row of a table", f"none ({error})", "Correct its quotes."
        ) from None
    return rows
