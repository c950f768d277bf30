"""From a folder on the disk to clips: which frames, of which subject, of which class. `check` alone reads pixels."""

from microexp_keras.datasets.clip_table import own_database
from microexp_keras.datasets.clips import SYNTHETIC_MARK, SYNTHETIC_NOTE, Clip, Video, are_synthetic
from microexp_keras.datasets.database import CASME2, DATABASES, SMIC, Database, get_database, trained_on
from microexp_keras.datasets.find import find_clips, find_dataset, find_layout, read_tree
from microexp_keras.datasets.options import (
    LABELS,
    OPTIONS,
    add_options,
    add_own_options,
    chosen_options,
    database_of,
    require_dataset,
)
from microexp_keras.datasets.synthetic import synthesize, synthetic_folder
from microexp_keras.datasets.table_rows import is_table
from microexp_keras.datasets.tree import Layout, Problem, Tree

__all__ = [
    "CASME2",
    "DATABASES",
    "LABELS",
    "OPTIONS",
    "SMIC",
    "SYNTHETIC_MARK",
    "SYNTHETIC_NOTE",
    "Clip",
    "Database",
    "Layout",
    "Problem",
    "Tree",
    "Video",
    "add_options",
    "add_own_options",
    "are_synthetic",
    "chosen_options",
    "database_of",
    "find_clips",
    "find_dataset",
    "find_layout",
    "get_database",
    "is_table",
    "own_database",
    "read_tree",
    "require_dataset",
    "synthesize",
    "synthetic_folder",
    "trained_on",
]
