"""From frames to 68 points of the face to the boxes of eyes and mouth; the only room that knows dlib."""

from microexp_keras.landmarks.dlib_detector import DlibLandmarks
from microexp_keras.landmarks.points import (
    POINTS,
    UNKNOWN,
    CsvLandmarks,
    Landmarks,
    boxes,
    fill_missing_landmarks,
    find_faults,
    regions,
    write_csv,
)

__all__ = [
    "POINTS",
    "UNKNOWN",
    "CsvLandmarks",
    "DlibLandmarks",
    "Landmarks",
    "boxes",
    "fill_missing_landmarks",
    "find_faults",
    "regions",
    "write_csv",
]
