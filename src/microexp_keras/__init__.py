"""Reproduction of MicroExpSTCNN and MicroExpFuseNet (Reddy et al., IJCNN 2019) in Keras 3.

The rooms and their public names, data moving from left to right:

    datasets.find_clips -> preprocessing.load_samples -> models.build_* -> metrics.score -> results

or, in short, `load`, `cross_validate` and `folds`.

Importing this package imports neither Keras nor OpenCV; a module is loaded when it is first used.
"""

import importlib
import os
import signal
import sys
from typing import Any

__version__ = "0.1.0"

if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # One of our modules is about to run as a program: while its imports load, Ctrl-C just ends it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**25))  # OpenCV reads these when it is imported
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # what it says of damaged files, we say in one line

_MODULES = (
    "baselines",
    "cache",
    "crossval",
    "datasets",
    "landmarks",
    "metrics",
    "models",
    "paper",
    "preprocessing",
    "protocols",
    "results",
    "runs",
    "training",
    "video",
    "weights",
)

_ENTRANCE = ("load", "folds", "cross_validate")  #: Functions of `crossval`, with which most programs begin.

__all__ = [*_ENTRANCE, *_MODULES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _ENTRANCE:
        return getattr(importlib.import_module(f"{__name__}.crossval"), name)
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
