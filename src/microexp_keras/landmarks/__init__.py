"""From frames to 68 points of the face to the boxes of eyes and mouth; the only room that knows dlib."""

import importlib
from typing import TYPE_CHECKING, Any

from microexp_keras.landmarks.dlib_detector import DlibLandmarks
from microexp_keras.landmarks.points import (
    POINTS,
    UNKNOWN,
    Landmarks,
    boxes,
    fill_missing_landmarks,
    find_faults,
    regions,
)
from microexp_keras.landmarks.table import CsvLandmarks, write_csv

if TYPE_CHECKING:
    from microexp_keras.landmarks.__main__ import main, parser

__all__ = [
    "POINTS",
    "UNKNOWN",
    "CsvLandmarks",
    "DlibLandmarks",
    "Landmarks",
    "boxes",
    "fill_missing_landmarks",
    "find_faults",
    "main",
    "parser",
    "regions",
    "write_csv",
]


def __getattr__(name: str) -> Any:  # the command stays unread until it is run, so that `python -m` reads it once
    if name in ("main", "parser"):
        return getattr(importlib.import_module(f"{__name__}.__main__"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
