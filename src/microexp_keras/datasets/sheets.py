"""From workbooks (.xlsx, .xls) and CSV files to rows of cells, and to the one table that has the wanted columns."""

import csv
import functools
import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

from microexp_keras.datasets.clips import Folders, Table
from microexp_keras.errors import MicroExpError

WORKBOOKS = (".xlsx", ".xls")
TABLES = (".csv", ".tsv", *WORKBOOKS)

# Cells of the rows of a sheet, or lines; an empty cell is None in a workbook.
Rows = list[list[Any]]

# Cells by the names of the columns, in lower case without spaces and marks.
Row = dict[str, Any]

NamedRows = list[tuple[int, Row]]


class Sheet(NamedTuple):
    """The rows of a table by the names of its columns, each with its number in the sheet."""

    path: Path
    where: str  # file and sheet, for a message
    rows: NamedRows
    others: list[list[Any]]  # cells of the rows of the file's other sheets


def read_sheets(path: Path) -> dict[str, Rows]:
    """Read the sheets of a workbook by their names, or the one table of a CSV file."""
    if path.suffix.lower() not in WORKBOOKS:
        return {path.name: _read_csv(path)}
    with open(path, "rb") as file, warnings.catch_warnings():  # by content, whatever its name says
        warnings.simplefilter("ignore")  # of parts that openpyxl does not support
        try:
            import pandas

            sheets = pandas.read_excel(file, sheet_name=None, header=None, dtype=object, keep_default_na=False)
        except Exception as error:  # damaged parts raise whatever the parser of that part does
            said = " ".join(str(error).split())[:200] or type(error).__name__
            found, hint = f"cannot be read as a workbook ({said})", "Restore it, or remove it from the folder."
            raise MicroExpError(path, found, hint) from error
    return {str(name): [[*map(_cell, row)] for row in sheet.values.tolist()] for name, sheet in sheets.items()}


def _cell(cell: Any) -> Any:
    if isinstance(cell, float):
        return "#N/A" if cell != cell else int(cell) if cell.is_integer() else cell
    return None if isinstance(cell, str) and not cell.strip() else cell


def _read_csv(path: Path) -> Rows:
    """Read the lines of a CSV file, divided by semicolons, tabs or commas."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise MicroExpError(path, f"is not text in UTF-8 (byte {error.start})", 'Save it as "CSV UTF-8".') from None
    separator = max(",;\t", key=text.lstrip().partition("\n")[0].count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return [*lines]
    except csv.Error as error:
        found = f"is a malformed CSV row ({error})"
        raise MicroExpError(f"{path}, line {lines.line_num}", found, "Correct its quotes.") from None


def text_table(path: Path, required: Sequence[str], known: Sequence[str], hint: str) -> dict[str, dict[str, str]]:
    """Read a table whose first row names its columns: texts by place (`line 7`, of a workbook `row 7`) and column."""
    kind, sheets = "row" if path.suffix.lower() in WORKBOOKS else "line", read_sheets(path)
    rows = [
        (f"{kind} {number}", ["" if cell is None else normalize("NFC", str(cell)).strip() for cell in cells])
        for number, cells in enumerate(next(iter(sheets.values())), 1)
    ]
    (first, head), *rest = [row for row in rows if any(row[1])] or [("line 1", [])]
    names = [name.casefold() for name in head]
    missing = [name for name in required if name not in names]
    repeated = [name for name in known if names.count(name) > 1]
    if missing or repeated:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        text = f"has no column {', '.join(missing[:3])}{more}" if missing else f"has {repeated[0]} more than once"
        raise MicroExpError(f"{path}, {first}", text, hint)
    for place, texts in rest:
        if any(texts[len(names) :]):
            text = "has more cells than there are columns"
            raise MicroExpError(f"{path}, {place}", text, "Quote cells that hold the separator.")
    return {place: dict.fromkeys(names, "") | dict(zip(names, texts, strict=False)) for place, texts in rest}


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


def below_head(columns: Sequence[str], rows: Rows) -> NamedRows:
    """Name the cells of the rows below that which has the columns; none without."""
    for place, cells in enumerate(rows[:60], 1):
        names = [re.sub(r"[\W_]", "", text_of(cell)) for cell in cells]
        if {*columns} <= {*names}:
            head = {name: at for at, name in reversed([*enumerate(names)]) if name}
            return [
                (number, {name: cells[at] if at < len(cells) else None for name, at in head.items()})
                for number, cells in enumerate(rows[place:], place + 1)
            ]
    return []


def annotations(path: Path, named: Callable[[Rows], NamedRows]) -> list[Sheet]:
    """The sheets of a file whose rows can be named; a CSV that cannot be read is none of a database."""
    try:
        sheets = read_sheets(path)
    except MicroExpError:
        if path.suffix.lower() in WORKBOOKS:
            raise
        return []
    return [
        Sheet(
            path,
            f"{path.name}, sheet {name!r}" if name != path.name else name,
            below,
            [cells for other, others in sheets.items() if other != name for cells in others],
        )
        for name, rows in sheets.items()
        if (below := named(rows))
    ]


def find_sheet(
    table: Table,
    folders: Folders,
    columns: Sequence[str],
    fits: Callable[[Row], bool],
    named: Callable[[Rows], NamedRows] | None = None,
    kinds: tuple[str, ...] = TABLES,
) -> Sheet:
    """Find the sheet with most rows that fit; of several workbooks with at least half as many the last by name."""
    named = named or functools.partial(below_head, columns)
    paths = [folder.path / name for folder in folders.values() for name in folder.files if name.lower().endswith(kinds)]
    found = [(sum(fits(row) for _, row in sheet.rows), sheet) for path in paths for sheet in annotations(path, named)]
    if not found:
        seen = f"; there are {', '.join(sorted(path.name for path in paths))}" if paths else ""
        raise MicroExpError(
            next(iter(folders)),
            f"no workbook with the columns {', '.join(columns)} lies in this folder or below{seen}",
            "Put the annotation there, point at the folder above that holds it too, or name its columns so.",
        )
    found.sort(key=lambda one: one[0])  # of a workbook the last is the best
    meant = {sheet.path: sheet for rows, sheet in found if 2 * rows >= found[-1][0]}
    *others, table.workbook = sorted(meant, key=lambda path: path.name)
    if others:
        names = ", ".join(path.name for path in others)
        table.warn(table.workbook, f"is read, not {names}", "Move it away if another is meant.")
    return meant[table.workbook]


def listed_rows(
    table: Table, sheet: Sheet, paths: Mapping[str, Path], key_of: Callable[[Row], str]
) -> Iterator[tuple[str, str, Row]]:
    """Yield place, key and cells of each row of a clip that is there or of three filled cells; note folders without."""
    listed: dict[str, int] = {}
    for number, row in sheet.rows:
        key, where = key_of(row), f"{sheet.where}, row {number}"
        if key not in paths and sum(map(bool, map(text_of, row.values()))) < 3:  # a note below the table
            continue
        if listed.setdefault(key, number) == number:
            yield where, key, row
        else:
            table.error(where, f"{key} is also in row {listed[key]}", "Remove one of the rows.")
    for key in [key for key in paths if key not in listed]:
        table.warn(paths[key], "has no row in the workbook, so it is left out")
    table.annotated = len(listed)
