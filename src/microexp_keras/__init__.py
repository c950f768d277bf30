"""Reproduction of MicroExpSTCNN and MicroExpFuseNet (Reddy et al., IJCNN 2019) in Keras 3.

The rooms and their public names, data moving from left to right:

    datasets.find_clips -> preprocessing.load_samples -> models.build_* -> metrics.score -> results

Importing this package imports neither Keras nor OpenCV; a module is loaded when it is first used.
"""

import importlib
import signal
import sys
import types

__version__ = "0.1.0"

if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # One of our modules is about to run as a program: while its imports load, Ctrl-C just ends it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

_MODULES = (
    "baselines",
    "cache",
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

__all__ = [*_MODULES, "__version__"]


def __getattr__(name: str) -> types.ModuleType:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
