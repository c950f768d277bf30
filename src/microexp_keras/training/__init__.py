"""From standardised stacks and a fold to trained weights in a run folder, repeatable and resumable to the bit."""

import importlib
from typing import Any

__all__ = ["Batches", "Checkpoint", "compile_model", "fit", "held_out_logs", "keras_inputs", "predict", "train_epoch"]


def __getattr__(name: str) -> Any:  # Keras is loaded when a name is asked for
    if name in __all__:
        return getattr(importlib.import_module(f"{__name__}.loop"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
