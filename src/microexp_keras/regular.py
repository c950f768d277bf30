"""Files from elsewhere, opened only if they are regular ones: a pipe or a device could be waited for without end."""

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from microexp_keras.errors import MicroExpError

NOT_WAITING, NOT_FOLLOWING = getattr(os, "O_NONBLOCK", 0), getattr(os, "O_NOFOLLOW", 0)
"""Flags to open a file: a pipe is not waited for, a link is an error. Windows has neither flag."""

MAX_JSON = 2**26  # bytes; the longest that is written here, 10,000 clips with their names, takes a fiftieth of it


def open_regular(path: str | Path, follow: bool = True) -> BinaryIO:
    """Open a regular file to read its bytes.

    Parameters
    ----------
    path : str or Path
    follow : bool
        Whether the file may be a link to another.

    Raises
    ------
    MicroExpError
        If it is a named pipe, a socket or a device, or a link that is not to be followed.
    OSError
        If it cannot be opened.
    """
    if not follow and os.path.islink(path):
        raise MicroExpError(path, "a file", "a link", "Copy what it leads to, if that is yours.")
    more = NOT_WAITING if follow else NOT_WAITING | NOT_FOLLOWING
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | more))  # noqa: SIM115 (given away)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise MicroExpError(path, "a regular file", "a pipe or a device", "Copy its content into a file.")
    return file


def read_json(path: str | Path) -> Any:
    """Read a JSON file (UTF-8, finite numbers).

    Raises
    ------
    ValueError
        If it is not JSON, nested beyond reason, too long, or not a regular file.
    OSError
        If it cannot be read.
    """
    with open_regular(path) as file:
        text = file.read(MAX_JSON + 1)
    if len(text) > MAX_JSON:
        raise ValueError(f"more than {MAX_JSON} bytes")
    try:
        return json.loads(text.decode("utf-8"), parse_constant=_refuse)  # NaN and Infinity are no JSON
    except RecursionError:
        raise ValueError("nested beyond reason") from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
