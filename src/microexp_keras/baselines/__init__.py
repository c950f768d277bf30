"""The rival methods of the paper's Table V: from clips to features, kernels and networks.

Importing this package loads none of its modules; each is loaded when it is first used.
"""

import importlib
from types import ModuleType

_MODULES = (
    "augmentation",
    "codebooks",
    "flow",
    "hand_crafted",
    "kernels",
    "lbp_top",
    "networks",
    "parameters",
    "planes",
    "rival",
    "rivals",
    "scaling",
    "stclqp",
    "svm",
    "trained",
)

__all__ = [*_MODULES]


def __getattr__(name: str) -> ModuleType:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
