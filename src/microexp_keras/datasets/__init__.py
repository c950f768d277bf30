"""From a folder on the disk to clips: which frames, of which subject, of which class. `check` alone reads pixels."""

from microexp_keras.datasets.clips import Clip, Table, Video, are_synthetic
from microexp_keras.datasets.database import DATABASES, SMIC, Database, get_database, trained_on
from microexp_keras.datasets.find import find_clips, find_dataset, read_table
from microexp_keras.datasets.options import (
    OPTIONS,
    READING,
    chosen_options,
    chosen_reading,
    data_folder,
    data_of,
    data_or_synthetic,
    database_of,
)
from microexp_keras.datasets.table import is_table, own_database
from microexp_keras.synthetic import synthesize, synthetic_folder

__all__ = [
    "DATABASES",
    "OPTIONS",
    "READING",
    "SMIC",
    "Clip",
    "Database",
    "Table",
    "Video",
    "are_synthetic",
    "chosen_options",
    "chosen_reading",
    "data_folder",
    "data_of",
    "data_or_synthetic",
    "database_of",
    "find_clips",
    "find_dataset",
    "get_database",
    "is_table",
    "own_database",
    "read_table",
    "synthesize",
    "synthetic_folder",
    "trained_on",
]
