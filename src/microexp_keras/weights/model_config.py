"""From the `model_config` of a Keras file to flatten order and clip size, if it is one of our networks."""

import json
from typing import Any

from microexp_keras.errors import MicroExpError
from microexp_keras.hdf5 import shown
from microexp_keras.models.networks import FILTERS, LAYER_CLASSES, POOL

_OURS = {"ReLU": "relu", "Softmax": "softmax", "Cropping3D": "linear"}  # what our builders use beside them

SETTINGS: dict[str, dict[str, Any]] = {
    "InputLayer": {"dtype": "float32", "sparse": False},
    "Conv3D": {"strides": [1, 1, 1], "padding": "valid", "dilation_rate": [1, 1, 1], "filters": FILTERS},
    "MaxPooling3D": {"strides": [POOL] * 3, "padding": "valid", "pool_size": [POOL] * 3},
    "Dropout": {"rate": 0.5},
    "Concatenate": {"axis": 1},
}


def config_facts(text: str, network: str) -> tuple[str, tuple[int, int, int]]:
    """Return the flatten order and (rows, columns, frames) of a `model_config` if it is our network."""
    try:
        config = json.loads(text)["config"]
        config = config if isinstance(config, list) else config["layers"]
        steps = [(layer["class_name"], layer["config"]) for layer in config]
        for name, settings in steps:
            if name not in LAYER_CLASSES.values() and name not in _OURS:
                raise MicroExpError("model_config", f"no layer {shown(str(name))} in this network")
            for key in ("strides", "padding", "dilation_rate", "pool_size"):  # what would change predictions unnoticed
                expected, found = SETTINGS.get(name, {}).get(key), settings.get(key)
                if expected not in (None, found):
                    raise MicroExpError(
                        f"model_config: {name} {key}",
                        expected,
                        str(shown(str(found))),
                    )
        activations = [_OURS.get(name) or settings.get("activation", "linear") for name, settings in steps]
        flatten = max(place for place, (name, _) in enumerate(steps) if name == "Flatten")
        streams = [name for name in activations[:flatten] if name != "linear"]
        head = [name for name in activations[flatten:] if name != "linear"]
        expected = ["relu", "softmax"] if network == "stcnn" else ["softmax"]
        if set(streams) != {"relu"} or head != expected:
            raise MicroExpError(
                "model_config",
                f"the activations relu before the flatten and {expected} behind it",
                f"{shown(str(streams))} and {shown(str(head))}",
            )
        (channels,) = {settings["data_format"] for name, settings in steps if name in ("Conv3D", "MaxPooling3D")}
        keys = ("batch_input_shape", "batch_shape")
        ((_, *shape),) = {tuple(settings[key]) for _, settings in steps for key in keys if key in settings}
        if shape.pop(0 if channels == "channels_first" else -1) != 1 or not all(0 < n < 10**5 for n in shape):
            raise ValueError(f"input shape {shape}")
        rows, columns, frames = shape
        # Since Keras 2.2 a flatten that is told channels first moves the channels to the end itself.
        moved = {"channels_first"} == {settings.get("data_format") for name, settings in steps if name == "Flatten"}
        return ("channels_last" if moved else channels), (rows, columns, frames)
    except MicroExpError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise MicroExpError("model_config", found=f"cannot be understood ({shown(str(error))})") from error
