"""What every run does: from settings to trained folds, and from these to one report."""

from microexp_keras.runs.folder import new_folder, read_config, require_free, require_only, results_in, writing
from microexp_keras.runs.provenance import commit, devices, provenance
from microexp_keras.runs.settings import Settings
from microexp_keras.runs.workers import WHERE, Workers, add_options

__all__ = [
    "WHERE",
    "Settings",
    "Workers",
    "add_options",
    "commit",
    "devices",
    "new_folder",
    "provenance",
    "read_config",
    "require_free",
    "require_only",
    "results_in",
    "writing",
]
