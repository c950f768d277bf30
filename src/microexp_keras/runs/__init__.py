"""From settings to trained folds, and from these to one report: what every run does."""

from microexp_keras.runs.folder import new_folder, read_config, require_free, require_only, writing
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
    "writing",
]
