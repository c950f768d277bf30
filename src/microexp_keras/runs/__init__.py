"""What every run does: from settings to trained folds, and from these to one report."""

from microexp_keras.runs.folder import new_folder, provenance, read_config, require_free, results_in, writing
from microexp_keras.runs.options import WHERE, Workers, require_only, require_weights
from microexp_keras.runs.settings import Settings

__all__ = [
    "WHERE",
    "Settings",
    "Workers",
    "new_folder",
    "provenance",
    "read_config",
    "require_free",
    "require_only",
    "require_weights",
    "results_in",
    "writing",
]
