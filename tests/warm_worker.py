"""Loaded by the process from which tests fork workers: what a worker loads, set up as a worker is.

Nothing may be computed here: what has started threads cannot be forked.
"""

import os

from microexp_keras.backend import choose_backend
from microexp_keras.runs.engine import become_worker

become_worker()
choose_backend()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # both as `backend.import_keras` has them
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import distributed  # noqa: E402, F401
import keras  # noqa: E402, F401
import sklearn.svm  # noqa: E402, F401
