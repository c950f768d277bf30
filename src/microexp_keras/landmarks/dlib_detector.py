"""From frames to 68 points by dlib's detector and model, as the original programs find them; kept in the cache."""

import functools
import hashlib
import importlib.util
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from microexp_keras.atomic import replacing
from microexp_keras.cache import REMEDY, place
from microexp_keras.datasets import Clip
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks.points import POINTS, Landmarks

MODEL_PACKAGE, MODEL_FILE = "face_recognition_models", "models/shape_predictor_68_face_landmarks.dat"
MODEL_SHA256 = "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"  # byte for byte the original's
INSTALL = "Install both: pip install dlib-bin face-recognition-models"
LICENCE_NOTE = "note: dlib's 68-point model was trained on iBUG 300-W, whose licence excludes commercial use."


class DlibLandmarks:
    """Detect faces and points as the original programs do; many threads may call it at once.

    The frames are shown to the detector in the order of channels in which they come, enlarged once. The first of
    several faces is the one that the detector is surest of.

    Parameters
    ----------
    cache : bool
        Keep what was found in `cache.folder()`, one file for each clip, under a name made of all its pixels, and look
        there first. Found points are kept before any fault is mended.

    References
    ----------
    `SMIC/Intermediate_MicroFuseNet.py:21-39`.
    """

    def __init__(self, cache: bool = True) -> None:
        self.cache = cache

    @staticmethod
    def identity() -> str:
        """Name detector and model."""
        return f"dlib {_import_dlib().__version__}, upsampled once, {MODEL_SHA256}"

    def __call__(self, clip: Clip | None, images: Sequence[np.ndarray], first: int = 0) -> Landmarks:
        """Find the points in the images of a clip, which `first` they begin with does not matter; see `Landmarks`."""
        images = [np.ascontiguousarray(image) for image in images]
        if not self.cache:
            return detect(images)
        digest = hashlib.sha256(self.identity().encode())
        for image in images:
            digest.update(f"\n{image.dtype} {image.shape}\n".encode())
            digest.update(image.data)
        path = place("landmarks", f"{digest.hexdigest()}.npz")
        found = _read_cached(path, len(images))
        if found is None:
            found = detect(images)
            with replacing(path, remedy=REMEDY) as temporary:
                np.savez(temporary, faces=found.faces, points=found.points)
        return found


def detect(images: Sequence[np.ndarray]) -> Landmarks:
    """Find the points in the images of a clip, whatever the cache holds."""
    with _loading:
        predictor = _load_predictor()  # which threads may share: THREAD SAFETY in its shape_predictor_abstract.h
    try:
        detector = idle_detectors.pop()
    except IndexError:
        detector = _import_dlib().get_frontal_face_detector()
    found = Landmarks(np.zeros(len(images), np.int32), np.zeros((len(images), POINTS, 2), np.int32))
    for frame, image in enumerate(images):
        faces = detector(image, 1)  # enlarged once
        found.faces[frame] = len(faces)
        if faces:
            found.points[frame] = [(point.x, point.y) for point in predictor(image, faces[0]).parts()]
    idle_detectors.append(detector)
    return found


_loading = threading.Lock()

# A detector keeps the image that it scans, so threads must not share one; making one takes as long as some frames.
idle_detectors: list[Any] = []


def _import_dlib() -> ModuleType:
    try:
        import dlib
    except ImportError as error:
        found = f"they need the package dlib, which cannot be imported ({error})"
        raise MicroExpError("eye and mouth regions", found, INSTALL) from None
    return dlib


@functools.cache
def _load_predictor() -> Any:
    """Load the 68-point model, once in a process, after checking every byte of it."""
    from tqdm import tqdm

    dlib = _import_dlib()
    spec = importlib.util.find_spec(MODEL_PACKAGE)  # importing it needs pkg_resources, which setuptools dropped
    path = Path(((spec and spec.submodule_search_locations) or [MODEL_PACKAGE])[0], MODEL_FILE)
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != MODEL_SHA256:
        raise MicroExpError(path, "is missing, or not the original's model", INSTALL)
    tqdm.write(LICENCE_NOTE, file=sys.stderr)  # not through a progress bar
    return dlib.shape_predictor(str(path))


def _read_cached(path: Path, frames: int) -> Landmarks | None:
    try:
        with np.load(path, allow_pickle=False) as kept:
            found = Landmarks(kept["faces"], kept["points"])
    except Exception:  # a damaged archive fails in many ways, and none matters: the points are detected again
        return None
    return found if found.faces.shape == (frames,) and found.points.shape == (frames, POINTS, 2) else None
