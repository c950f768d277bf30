"""From the result.json of a fold to what it says, every field of it checked."""

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from microexp_keras.errors import MicroExpError
from microexp_keras.regular import read_json

RESULT = "result.json"

OPTIONAL = ("saliency", "chosen", "images")
"""Fields that not every fold has."""

REMEDY = "Remove this file and resume with --resume; if it lies in a folder fold-NN, remove that folder instead."


def read_result(path: Path, clips: Sequence[str], num_classes: int, epochs: int | None) -> dict[str, Any]:
    """Read the result of a fold.

    Parameters
    ----------
    path : Path
    clips : sequence of str
        Names of the clips that the fold scores.
    num_classes : int
    epochs : int or None
        How many the fold has trained; None of a method that is not trained step by step.

    Returns
    -------
    dict
        `subjects`, `clips`, `probabilities`, `best_epoch`, `weights`, `diverged`, `devices`, of a network's first fold
        `saliency`, and of a rival method what it adds (`training.task.Learned`).

    Raises
    ------
    MicroExpError
        If a field is missing or is not what `train_fold` writes; it is named.
    """
    try:
        result = read_json(path)
    except (OSError, ValueError) as error:
        raise MicroExpError(path, "the result of a fold", f"something else ({error})", REMEDY) from None
    shape = f"{len(clips)} rows of {num_classes} probabilities from 0 to 1 that add up to 1"
    best = "null" if epochs is None else f"a number from 0 to {epochs - 1}"
    fields: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "subjects": ("names", _are_texts),
        "clips": ("the names of this fold's clips", lambda value: value == list(clips)),
        "probabilities": (shape, lambda value: _are_probabilities(value, len(clips), num_classes)),
        "best_epoch": (best, lambda value: _is_epoch(value, epochs)),
        "weights": ("the name of a file or null", lambda value: value is None or _is_file_name(value)),
        "diverged": ("a text or null", lambda value: value is None or isinstance(value, str)),
        "devices": ("names or null", lambda value: value is None or _are_texts(value)),
        "saliency": ("names of figures", _are_figures),
        "chosen": ("an object with a cost above 0", _are_choices),
        "images": ("how many images are called right, of how many", _are_counts),
    }
    if not isinstance(result, dict):
        raise MicroExpError(path, "an object", type(result).__name__, REMEDY)
    for name, (expected, fits) in fields.items():
        if name not in result and name not in OPTIONAL:
            raise MicroExpError(path, f"{name}: {expected}", "none", REMEDY)
        if name in result and not fits(result[name]):
            raise MicroExpError(path, f"{name}: {expected}", f"something else ({ascii(result[name])[:80]})", REMEDY)
    return result


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _are_probabilities(value: Any, rows: int, columns: int) -> bool:
    if not isinstance(value, list) or len(value) != rows:
        return False
    if not all(isinstance(row, list) and len(row) == columns for row in value):
        return False
    numbers = [number for row in value for number in row]
    in_range = all(type(number) in (int, float) and 0 <= number <= 1 for number in numbers)
    return in_range and all(math.isclose(sum(row), 1, abs_tol=1e-3) for row in value)


def _is_epoch(value: Any, epochs: int | None) -> bool:
    return value is None if epochs is None else type(value) is int and 0 <= value < epochs


def _are_choices(value: Any) -> bool:
    cost = value.get("cost") if isinstance(value, dict) else None
    return isinstance(cost, int | float) and cost is not True and 0 < cost < math.inf


def _are_counts(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 2 or any(type(count) is not int for count in value):
        return False
    return 0 <= value[0] <= value[1] and value[1] > 0


def _is_file_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[\w.-]+", value) is not None and value.strip(".") != ""


def _are_figures(value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, dict) or not isinstance(value.get("missing"), str | None):
        return False
    sheets = value.get("sheets")
    return isinstance(sheets, list) and all(
        isinstance(sheet, dict)
        and isinstance(sheet.get("input"), str)
        and _is_file_name(sheet.get("file"))
        and sheet["file"] == f"saliency_{sheet['input']}.png"
        and _are_texts(sheet.get("clips"))
        for sheet in sheets
    )
