"""The paper's three networks as Keras models, and saliency maps."""

import importlib
from typing import Any

from microexp_keras.models.networks import METHODS, NETWORKS, RIVALS, Method, Network, get_method

__all__ = [
    "METHODS",
    "NETWORKS",
    "RIVALS",
    "Crossentropy",
    "Keras2GlorotUniform",
    "Method",
    "Network",
    "build_intermediate_fusenet",
    "build_late_fusenet",
    "build_microexp_stcnn",
    "get_method",
]


def __getattr__(name: str) -> Any:  # Keras is loaded when a builder is asked for
    if name in __all__:
        module = "layers" if name in ("Crossentropy", "Keras2GlorotUniform") else "builders"
        return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
