"""Workbooks from strangers: what would take gigabytes, or is no workbook, is refused in one line."""

import os
import struct
import zipfile

import openpyxl
import pytest
from helpers import limited
from trees import EXPRESSIONS, write_casme2, write_code_final

from microexp_keras.datasets import find_clips
from microexp_keras.datasets.workbooks import read_sheets
from microexp_keras.errors import MicroExpError

SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
STYLES = b'<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><fonts>%s</fonts></styleSheet>'
BOOK = b'<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheets/></workbook>'
ROW = b'<row r="1"><c r="A1"><v>1</v></c></row>'


def xlsx(path, **parts):
    """A workbook of one cell, some of its parts replaced."""
    book = openpyxl.Workbook()
    book.active.append([1])
    book.save(path)
    with zipfile.ZipFile(path) as file:
        found = {name: file.read(name) for name in file.namelist()}
    found |= {next(name for name in found if name.endswith(f"{part}.xml")): data for part, data in parts.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in found.items():
            file.writestr(name, data)
    return path


def xls(rows, sheets, column):
    """An .xls of so many sheets that are one and the same, a cell in each of its rows."""

    def record(kind, data):
        return struct.pack("<HH", kind, len(data)) + data

    def begin(kind):
        return record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0x0DBB, 1996, 0, 0))

    def head(start):
        named = (struct.pack("<IBBBB", start, 0, 0, 2, 0) + b"%02d" % number for number in range(sheets))
        return begin(5) + b"".join(record(0x85, name) for name in named) + record(10, b"")

    cells = b"".join(record(0x0203, struct.pack("<HHHd", row, column, 0, 1.0)) for row in range(rows))
    return head(len(head(0))) + begin(16) + cells + record(10, b"")


BOMBS = {
    "a sheet of 70 MB in 200 KB": {"sheet1": SHEET % (ROW * 1_700_000)},
    "a cell in the last row and column": {"sheet1": SHEET % b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'},
    "rows of 16,384 cells": {
        "sheet1": SHEET % b"".join(b'<row r="%d"><c r="XFD%d"><v>1</v></c></row>' % (row, row) for row in range(1, 60))
    },
    "a million fonts": {"styles": STYLES % (b"<font/>" * 500_000)},
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_workbook_that_would_take_gigabytes_is_refused(tmp_path, name):
    path = xlsx(tmp_path / "x.xlsx", **BOMBS[name])
    assert path.stat().st_size < 250_000
    assert limited(lambda: read_sheets(path)).startswith(f"MicroExpError: {path}: expected a workbook of at most")


def test_an_old_workbook_of_one_sheet_many_times_is_refused(tmp_path):
    path = tmp_path / "x.xls"
    path.write_bytes(xls(3, 2, 4))
    [(name, rows), _] = read_sheets(path)
    assert name == "00" and rows == [(None, None, None, None, 1.0)] * 3
    path.write_bytes(xls(20_000, 8, 255))
    assert limited(lambda: read_sheets(path)).startswith(f"MicroExpError: {path}: expected a workbook of at most")


def test_a_pipe_is_no_workbook(tmp_path):
    os.mkfifo(tmp_path / "x.xlsx")
    assert "regular file" in limited(lambda: read_sheets(tmp_path / "x.xlsx"))


def test_a_workbook_without_sheets_is_refused(tmp_path):
    with pytest.raises(MicroExpError, match="with sheets"):
        read_sheets(xlsx(tmp_path / "x.xlsx", workbook=BOOK))


@pytest.mark.parametrize("column", range(len(EXPRESSIONS[0])))
def test_a_cell_of_5000_digits_is_refused_or_passed_over(tmp_path, column):
    write_casme2(tmp_path, "selectedpic", frames=20)
    row = list(EXPRESSIONS[1])
    row[column] = str(row[column]) + "1" * 5000
    write_code_final(tmp_path / "CAS(ME)^2code_final.xlsx", [EXPRESSIONS[0], row, *EXPRESSIONS[2:]])
    try:
        clips = find_clips(tmp_path, "casme2", frames=5)
        assert column in (5, 6, 7, 8) and len(clips) in (4, 5)
    except MicroExpError:
        assert column not in (5, 8)


def test_a_rule_of_5000_digits_is_refused(tmp_path):
    write_casme2(tmp_path, "selectedpic", frames=20)
    rules = {"naming rule1": [("1" * 5000, "s15", "2" * 5000)]}
    write_code_final(tmp_path / "CAS(ME)^2code_final.xlsx", **rules)
    with pytest.raises(MicroExpError):
        find_clips(tmp_path, "casme2", frames=5)
