"""From workbooks (.xlsx, .xls) and CSV files to rows of cells, and to the one table that has the wanted columns."""

import csv
import io
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

from microexp_keras.datasets.clips import Request, Table
from microexp_keras.datasets.scan import Folder
from microexp_keras.errors import MicroExpError

WORKBOOKS = (".xlsx", ".xls")
TABLES = (".csv", ".tsv", *WORKBOOKS)

BROKEN = "#N/A"
"""What a cell holds whose formula failed."""

Rows = list[tuple[int, list[Any]]]
"""Numbers of the rows, or lines, and their cells; an empty cell is None in a workbook."""

Row = dict[str, Any]
"""Cells by the names of the columns, in lower case without spaces and marks."""


class Sheet(NamedTuple):
    """The rows of a table by the names of its columns, each with its number in the sheet."""

    path: Path
    where: str  # file and sheet, for a message
    rows: list[tuple[int, Row]]
    others: list[list[Any]]  # cells of the rows of the file's other sheets


def read_sheets(path: Path) -> list[tuple[str, Rows]]:
    """Read name and rows of each sheet of a workbook, or of the one table of a CSV file."""
    if path.suffix.lower() not in WORKBOOKS:
        return [(path.name, _read_csv(path))]
    kept: dict[str, Any] = {"header": None, "dtype": object, "keep_default_na": False}
    with open(path, "rb") as file, warnings.catch_warnings():  # by content, whatever its name says
        warnings.simplefilter("ignore")  # of parts that openpyxl does not support
        try:
            import pandas

            sheets = pandas.read_excel(file, sheet_name=None, **kept)  # formulas as their stored values
        except ImportError as error:
            hint = "Run pip install pandas openpyxl xlrd."
            raise MicroExpError(path, f"needs a package to be read that is missing ({error})", hint) from error
        except Exception as error:  # damaged parts raise whatever the parser of that part does
            said = " ".join(str(error).split())[:200] or type(error).__name__
            found, hint = f"cannot be read as a workbook ({said})", "Restore it, or remove it from the folder."
            raise MicroExpError(path, found, hint) from error
    return [
        (str(name), [*enumerate(([*map(_cell, row)] for row in sheet.values.tolist()), 1)])
        for name, sheet in sheets.items()
    ]


def _cell(cell: Any) -> Any:
    if isinstance(cell, float):
        return BROKEN if cell != cell else int(cell) if cell.is_integer() else cell
    return None if isinstance(cell, str) and not cell.strip() else cell


def _read_csv(path: Path) -> Rows:
    """Read the lines of a CSV file, divided by a semicolon, tab or comma, or as `sep=` says."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        remedy = 'Save it as "CSV UTF-8".'
        raise MicroExpError(path, f"is not text in UTF-8 (byte {error.start})", remedy) from None
    named = re.match(r"sep=(.)\r?\n", text, re.IGNORECASE)
    head = text[named.end() if named else 0 :].lstrip().partition("\n")[0]
    separator = named[1] if named else max(",;\t", key=head.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: Rows = []
    try:
        rows.extend((lines.line_num, cells) for cells in lines)
    except csv.Error as error:
        found = f"is a malformed CSV row ({error})"
        raise MicroExpError(f"{path}, line {lines.line_num}", found, "Correct its quotes.") from None
    return rows[bool(named) :]


def text_rows(path: Path) -> list[tuple[str, list[str]]]:
    """Place (`line 7`, of a workbook `row 7`) and texts, without spaces around them, of all rows that have any text.

    Of a workbook those of the first sheet. Letters with accents are composed.
    """
    kind = "row" if path.suffix.lower() in WORKBOOKS else "line"
    rows = [
        (f"{kind} {number}", ["" if cell is None else normalize("NFC", str(cell)).strip() for cell in cells])
        for number, cells in read_sheets(path)[0][1]
    ]
    return [(place, texts) for place, texts in rows if any(texts)]


def whole(cell: Any) -> int | None:
    """Return the whole number in a cell (12, 12.0, "12"), None for anything else."""
    try:
        number = float(cell)
        return int(number) if abs(number) < 1e12 and number == int(number) else None
    except (TypeError, ValueError, OverflowError):
        return None


def text_of(cell: Any) -> str:
    """Return a cell's text in lower case with single spaces; "" for an empty cell."""
    return "" if cell is None else " ".join(str(cell).lower().split())


def with_columns(columns: Sequence[str]) -> Callable[[Rows], list[tuple[int, Row]]]:
    """Make what names the cells of rows by the row that has the columns, and gives the rows below; none without."""

    def named(rows: Rows) -> list[tuple[int, Row]]:
        for place, (_, cells) in enumerate(rows[:60]):
            names = [re.sub(r"[\W_]", "", text_of(cell)) for cell in cells]
            if {*columns} <= {*names}:
                head = {name: at for at, name in reversed([*enumerate(names)]) if name}
                return [
                    (number, {name: cells[at] if at < len(cells) else None for name, at in head.items()})
                    for number, cells in rows[place + 1 :]
                ]
        return []

    return named


def annotations(path: Path, named: Callable[[Rows], list[tuple[int, Row]]]) -> list[Sheet]:
    """The sheets of a file whose rows can be named; a CSV that cannot be read is none of a database."""
    try:
        sheets = read_sheets(path)
    except MicroExpError:
        if path.suffix.lower() in WORKBOOKS:
            raise
        return []
    return [
        Sheet(path, f"{path.name}, sheet {name!r}" if name != path.name else name, below, others)
        for name, rows in sheets
        if (below := named(rows))
        for others in [[cells for other, all_rows in sheets if other != name for _, cells in all_rows]]
    ]


def find_sheet(
    table: Table,
    request: Request,
    what: str,
    named: Callable[[Rows], list[tuple[int, Row]]],
    fits: Callable[[Row], bool],
    kinds: Sequence[str] = TABLES,
) -> Sheet:
    """Find the annotation below the folder that the user named by its columns, and note where another could be meant.

    The sheet with most rows that fit, those of clips that are there, is meant; of several workbooks the newest of those
    with at least half as many. A MicroExpError says that there is none, or that it is not clear which is the newest.
    """
    paths = [folder.path / name for folder in request.folders.values() for name in folder.files]
    paths = [path for path in paths if path.suffix.lower() in kinds]
    found = [(sum(fits(row) for _, row in sheet.rows), sheet) for path in paths for sheet in annotations(path, named)]
    if not found:
        seen = f"; there are {', '.join(sorted(path.name for path in paths))}" if paths else ""
        raise MicroExpError(
            request.root,
            f"no workbook with {what} lies in this folder or below{seen}",
            "Put the annotation there, point at the folder above that holds it too, or name its columns so.",
        )
    found.sort(key=lambda one: one[0])  # of a workbook the last is the best
    meant = {sheet.path: sheet for rows, sheet in found if 2 * rows >= found[-1][0]}
    table.workbook = _newest(table, request.root, meant)
    return meant[table.workbook]


def _newest(table: Table, root: Path, paths: Iterable[Path]) -> Path:
    """Take the newest of several workbooks, by the dates in their names or else of the files, and say so."""
    dates = {path: _date(path) for path in paths}
    if not all(dates.values()):
        dates = {path: (int(path.stat().st_mtime),) for path in dates}
    first, *others = sorted(dates, key=lambda path: dates[path], reverse=True)
    if others and dates[others[0]] == dates[first]:
        names = " and ".join(sorted(map(str, dates)))
        raise MicroExpError(root, f"it is not clear which annotation is meant: {names}", "Move all but one away.")
    if others:
        names = ", ".join(sorted(path.name for path in others))
        table.warn(first, f"is read, being newer than {names}", "Move it away if another is meant.")
    return first


def _date(path: Path) -> tuple[int, ...]:
    """Year, month and day in a name, as 20190701, 2019217 or 2019."""
    match = re.search(r"(?<!\d)(20\d\d)(?:(\d{1,2})(\d\d))?(?!\d)", path.stem)
    return tuple(int(part or 0) for part in match.groups()) if match else ()


def annotated_rows(
    table: Table,
    request: Request,
    columns: Sequence[str],
    folders: Mapping[str, Folder],
    key_of: Callable[[Row], str],
    is_clip: Callable[[str, Row], bool],
    fits: Callable[[Row], bool],
) -> Iterator[tuple[str, str, Row]]:
    """Yield place, key and cells of each row of a clip that has no row above, and note the folders without a row.

    A row is a clip's if a folder has its key or `is_clip` says so; else it is a note below the table, or empty.
    """
    sheet = find_sheet(table, request, f"the columns {', '.join(columns)}", with_columns(columns), fits)
    listed: dict[str, int] = {}
    for number, row in sheet.rows:
        key, where = key_of(row), f"{sheet.where}, row {number}"
        if key not in folders and not is_clip(key, row):
            continue
        if listed.setdefault(key, number) == number:
            yield where, key, row
        else:
            table.error(where, f"{key} is also in row {listed[key]}", "Remove one of the rows.")
    for key in folders.keys() - listed.keys():
        table.warn(folders[key].path, "has no row in the workbook, so it is left out")
    table.annotated = len(listed)
