"""Reproduction of MicroExpSTCNN and MicroExpFuseNet (Reddy et al., IJCNN 2019) in Keras 3.

The modules and their public names, data moving from left to right:

    datasets.find_clips -> preprocessing.load_samples -> models.build_* -> metrics.score -> plots, reports

Importing this package imports neither Keras nor OpenCV; a module is loaded when it is first used.
"""

import importlib

__version__ = "0.1.0"

_MODULES = (
    "arrays",
    "cache",
    "callbacks",
    "datasets",
    "evaluation",
    "experiments",
    "footage",
    "frames",
    "gradients",
    "landmarks",
    "metrics",
    "models",
    "plots",
    "preprocessing",
    "protocols",
    "published",
    "reports",
    "saliency",
    "splits",
    "tables",
    "training",
    "weights",
)

__all__ = [*_MODULES, "__version__"]


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
