"""From standardised stacks and a fold to trained weights in a run folder, repeatable and resumable to the bit."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from microexp_keras.training.batches import Batches, keras_inputs, train_epoch
    from microexp_keras.training.callbacks import (
        BestWeights,
        DivergedError,
        EpochBar,
        NotWantedError,
        RunState,
        StopOnNaN,
        StopUnlessWanted,
    )
    from microexp_keras.training.loop import compile_model, fit
    from microexp_keras.training.prediction import held_out_logs, predict

_HOMES = {
    "batches": ("Batches", "keras_inputs", "train_epoch"),
    "callbacks": (
        "BestWeights",
        "DivergedError",
        "EpochBar",
        "NotWantedError",
        "RunState",
        "StopOnNaN",
        "StopUnlessWanted",
    ),
    "loop": ("compile_model", "fit"),
    "prediction": ("held_out_logs", "predict"),
}

__all__ = [
    "Batches",
    "BestWeights",
    "DivergedError",
    "EpochBar",
    "NotWantedError",
    "RunState",
    "StopOnNaN",
    "StopUnlessWanted",
    "compile_model",
    "fit",
    "held_out_logs",
    "keras_inputs",
    "predict",
    "train_epoch",
]


def __getattr__(name: str) -> Any:  # Keras is loaded when a name is asked for
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
