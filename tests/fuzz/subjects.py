"""Whole files of each kind that this package reads, and what reading one must come to: the same content or an error."""

import itertools
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from helpers import GOLDEN
from trees import write_code_final, write_video

from microexp_keras import weights
from microexp_keras.datasets import Clip, Video
from microexp_keras.datasets.casme2 import named_rows
from microexp_keras.datasets.check import read_media
from microexp_keras.datasets.frames import MAX_PIXELS, read_frames
from microexp_keras.datasets.sheets import annotations
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks import CsvLandmarks, Landmarks, write_csv
from microexp_keras.models.networks import NETWORKS
from microexp_keras.preprocessing import original_npy, stacks
from microexp_keras.runs.run import read_result
from microexp_keras.weights.hdf5 import opened
from microexp_keras.weights.identify import identify

CLIPS = ["s1_ne_1", "s1_po_1", "s2_su_1"]


class Subject(NamedTuple):
    """A file to change, always of one name, and `read`: from a path to what was read, something that `==` compares.

    `structure` says where in the file there is more to damage than numbers, as pairs of first byte and end; an empty
    one is the whole file. Where `sealed`, a change that is not refused must not change what is read.
    """

    name: str
    bytes: bytes
    read: Callable[[Path], Any]
    structure: Sequence[tuple[int, int]] = ()
    sealed: bool = False


def h5(folder):
    """Weights of Keras 2.0.0, which have no checksums, and ours of all three kinds, which have."""
    from microexp_keras.backend import import_keras

    keras = import_keras()
    keras.utils.set_random_seed(0)
    ours = []
    for network, size in (("stcnn", (9, 8)), ("late", (8, 8))):
        model = NETWORKS[network].build(frames=18, size=size, kernel_size=(3, 3, 15))
        model.compile("sgd", "mse")
        model.optimizer.build(model.trainable_variables)
        whole, only, own, legacy = (folder / f"{network}.{end}" for end in ("h5", "only.h5", "weights.h5", "legacy.h5"))
        weights.save_keras2_hdf5(model, whole)
        weights.save_keras2_hdf5(model, only, whole_model=False)
        weights.save_weights(model, own)
        model.save(legacy)
        ours += [_h5(path, sealed=path is not legacy) for path in (whole, only, own, legacy)]
    golden = GOLDEN[0] / "keras2"
    return [*ours, *(_h5(path, sealed=False) for path in golden.glob("stcnn.*hdf5"))]


def npy(folder):
    """Images and labels as the original programs save them."""
    images = np.random.default_rng(0).normal(size=(3, 1, 4, 5, 6)).astype("float32")
    np.save(folder / "x.npy", images)
    np.save(folder / "y.npy", np.eye(3))

    def read(path):
        pair = {"x.npy": folder / "x.npy", "y.npy": folder / "y.npy"} | {path.name: path}
        stacks, labels = original_npy.read([pair["x.npy"]], pair["y.npy"], ["face"], 3)
        return stacks["face"].tobytes(), labels.tolist()

    return [Subject(name, (folder / name).read_bytes(), read, [(0, 128)]) for name in ("x.npy", "y.npy")]


def result(folder):
    """The result.json of a fold."""
    value = {
        "clips": CLIPS,
        "probabilities": [[0.7, 0.2, 0.1], [0.25, 0.5, 0.25], [0.0, 0.0, 1.0]],
        "best_epoch": 2,
        "weights": "weights-improvement-02-0.67.weights.h5",
        "diverged": None,
        "devices": ["CPU"],
        "saliency": {"sheets": [{"input": "face", "file": "saliency_face.png", "clips": CLIPS}], "missing": None},
    }
    text = json.dumps(value, indent=2).encode()

    def read(path):
        rows = "".join(f"{epoch},0.67,-1\n" for epoch in range(5))
        (path.parent / "history.csv").write_text(f"epoch,val_accuracy,val_only_class\n{rows}")
        found = read_result(path.parent, CLIPS, 3, True)
        assert (found.probabilities >= 0).all() and 0 <= found.best_epoch < 5
        return found.probabilities.tolist(), found.best_epoch, found.best_path, found.saliency

    return [Subject("result.json", text, read)]


def cache(folder):
    """Stacks in the cache, and what lies beside them."""
    (folder / "damaged").mkdir(exist_ok=True)
    path, shape = folder / "damaged" / "cache.npy", (2, 3, 4, 5, 6)

    def fill(levels):
        levels[:] = np.random.default_rng(0).integers(0, 256, shape[1:], np.uint8)
        return ["a note"]

    stacks.make_stacks(path, shape, fill)

    whole = {one.name: one.read_bytes() for one in (path, path.with_suffix(".json"))}

    def read(changed):
        (other,) = whole.keys() - {changed.name}
        changed.with_name(other).write_bytes(whole[other])
        kept = stacks.kept_stacks(path, ["eyes", "mouth"], shape)
        return kept and ({name: stacks.tobytes() for name, stacks in kept[0].items()}, kept[1])

    return [Subject(name, data, read, sealed=True) for name, data in whole.items()]


def image(folder):
    """A frame in every kind of image that is read, of 8 and of 16 bits, with and without alpha."""
    frame = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
    frames = {
        "x.png": frame, "x.jpg": frame, "x.bmp": frame, "x.webp": frame, "x.tiff": frame,
        "deep.png": frame.astype(np.uint16) * 256, "deep.tiff": frame.astype(np.uint16) * 256,
        "alpha.png": np.dstack([frame, frame[..., 0]]),
    }  # fmt: skip

    def read(path):
        clip = Clip("", "", 0, (path,))
        read_media([clip], progress=False)
        [found] = read_frames(clip, slice(0, 1))
        assert found.size <= 3 * MAX_PIXELS
        return found.tobytes(), found.shape

    data = {name: cv2.imencode(Path(name).suffix, picture)[1].tobytes() for name, picture in frames.items()}
    return [Subject(name, one, read, [(0, 64), (0, len(one))]) for name, one in data.items()]


def video(folder):
    """A video of the codec that needs no other library than OpenCV's."""
    path = folder / "x.avi"
    write_video(path, 6)

    def read(path):
        clip = Clip("", "", 0, Video(path))
        read_media([clip], progress=False)
        return [found.tobytes() for found in itertools.islice(read_frames(clip), 50)]

    data = path.read_bytes()
    return [Subject(path.name, data, read, [(0, 400), (0, len(data))])]


def workbook(folder):
    """The parts of the annotation of CAS(ME)^2, and the archive that holds them."""
    path = folder / "CAS(ME)^2code_final.xlsx"
    write_code_final(path)
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}

    def read_whole(path):
        sheets = annotations(path, named_rows)
        if not sheets:
            raise MicroExpError(path, "has no names of expressions")
        return sheets[0].rows, sheets[0].others

    def subject(part):
        def read(changed):
            with zipfile.ZipFile(path, "w") as file:
                for name, data in {**parts, part: changed.read_bytes()}.items():
                    file.writestr(name, data)
            return read_whole(path)

        return Subject(part.replace("/", " "), parts[part], read)

    changed = [name for name in parts if name.endswith(".xml") and "theme" not in name and "docProps" not in name]
    return [Subject(path.name, path.read_bytes(), read_whole), *map(subject, changed)]


def landmarks(folder):
    """A table of points."""
    path = folder / "points.csv"
    points = np.arange(2 * 68 * 2, dtype=np.int32).reshape(2, 68, 2)
    write_csv(path, {"s1_ne_1": Landmarks(np.ones(2, np.int32), points)})

    def read(path):
        table = CsvLandmarks(path)
        return {name: rows.to_csv() for name, rows in table.rows.items()}

    return [Subject(path.name, path.read_bytes(), read)]


KINDS = {one.__name__: one for one in (h5, npy, result, cache, image, video, workbook, landmarks)}


def _h5(path, sealed):
    def read(path):
        with opened(path, verify=True) as contents:
            file, layers = identify(contents, path)
            return [(name, [array.tobytes() for array in arrays]) for name, arrays in layers], file.metadata

    return Subject(path.name, path.read_bytes(), read, _structure(path), sealed)


def _structure(path):
    """Where an HDF5 file holds no numbers of an array."""
    with opened(path) as contents:
        stored = [array for array in contents.arrays.values() if isinstance(array, np.memmap)]
    arrays = sorted((array.offset, array.offset + array.nbytes) for array in stored)
    firsts, ends = [0, *(end for _, end in arrays)], [*(first for first, _ in arrays), path.stat().st_size]
    return [(first, end) for first, end in zip(firsts, ends, strict=True) if end > first]
