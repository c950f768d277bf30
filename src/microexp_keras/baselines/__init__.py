"""The rival methods of the paper's Table V: from clips to features, kernels and networks.

Importing this package loads none of its modules; each is loaded when it is first used.
"""

import importlib
from types import ModuleType

__all__ = ["augmentation", "flow", "lbp_top", "networks", "settings", "stclqp", "svm"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
