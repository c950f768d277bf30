"""The .npy arrays of the original programs, channels first and standardised, in and out."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras.atomic import replacing, write_json
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import Network
from microexp_keras.preprocessing.standardization import Inputs


def read(
    images_paths: Sequence[str | Path], labels_path: str | Path, names: Sequence[str], num_classes: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Read images, a .npy for each of `names`, and labels as the original programs save them; nothing is unpickled.

    Images are float32 `(clips, 1, rows, columns, time)`, labels `(clips,)` or one-hot `(clips, num_classes)`. Gives
    float32 `(clips, rows, columns, time)` by name, and labels, int `(clips,)`; an error if an array is not like that.
    """
    if len(images_paths) != len(names):
        wanted = f"Give {len(names)} .npy files ({', '.join(names)}, in this order)."
        raise MicroExpError("images", f"{len(images_paths)} is not the number of the network's inputs", wanted)
    stacks = {}
    for name, path in zip(names, images_paths, strict=True):
        images = _read_npy(path)
        fits = images.ndim == 5 and images.shape[1] == 1 and images.dtype == np.float32 and images.size > 0
        if not fits or not np.isfinite(images).all():
            found = f"{images.dtype} of shape {images.shape}{' with NaN or infinity' if fits else ''}"
            raise MicroExpError(path, f"holds {found}, not finite float32 of shape (clips, 1, rows, columns, time)")
        stacks[name] = images[:, 0]
    shapes = sorted({stack.shape for stack in stacks.values()})
    if len(shapes) > 1:
        where = " and ".join(map(str, images_paths))
        raise MicroExpError(where, f"differ in shape: {shapes}", "Take both from the same folder.")
    labels, clips = _read_npy(labels_path), shapes[0][0]
    if labels.ndim == 2 and labels.shape[1] == num_classes and (np.sort(labels) == np.eye(num_classes)[-1]).all():
        labels = labels.argmax(axis=1)
    if labels.shape != (clips,) or not np.isin(labels, np.arange(num_classes)).all():
        wanted = f"not {clips} labels from 0 to {num_classes - 1}, or one-hot rows of {num_classes}"
        raise MicroExpError(labels_path, f"holds {labels.dtype} of shape {labels.shape}, {wanted}")
    return stacks, labels.astype(int)


def _read_npy(path: str | Path) -> np.ndarray:
    try:
        # Mapped first: an array that declares more than the file holds is refused before any memory is taken.
        array = np.array(np.lib.format.open_memmap(path, mode="r"))
        if array.dtype.kind not in "biuf":
            raise ValueError(f"an array of {array.dtype}")
    except Exception as error:  # numpy's reader fails in many ways on foreign files
        raise MicroExpError(path, f"is no .npy file of numbers ({error})") from error
    return array


def write_validation(
    folder: Path,
    network: Network,
    inputs: Inputs,
    labels: np.ndarray,
    num_classes: int,
    positions: np.ndarray,
    origin: Mapping[str, Any],
) -> None:
    """Write the clips at `positions` under the original's names, channels first, so that its users' programs read them.

    `inputs` and `labels` are of all clips, `inputs` as `preprocessing.network_inputs` gives them. `origin` says where
    they come from, in JSON's types: beside each .npy file of images a .json file of its name keeps it.
    """
    for name, start in network.validation_files.items():
        clips = inputs[name]
        shape = (len(positions), 1, *clips.shape[1:4])
        header = {"descr": np.lib.format.dtype_to_descr(clips.dtype), "fortran_order": False, "shape": shape}
        with replacing(folder / f"{start}_images.npy") as temporary, open(temporary, "wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for position in positions:  # one after the other: they may not fit into memory together
                clip = np.ascontiguousarray(clips[position : position + 1])
                file.write(clip.data)  # the place of an axis of length 1 changes no byte
        write_json(folder / f"{start}_images.json", origin)
        with replacing(folder / f"{start}_labels.npy") as temporary:
            np.save(temporary, np.eye(num_classes)[labels[positions]])


def are_synthetic(images_paths: Sequence[str | Path]) -> bool:
    """Say whether the files beside any of these arrays call its clips generated; arrays of others have no such file."""
    said = []
    for beside in (Path(path).with_suffix(".json") for path in images_paths):
        try:
            said.append(beside.exists() and json.loads(beside.read_text(encoding="utf-8")).get("synthetic"))
        except (OSError, ValueError, AttributeError) as error:
            found = f"does not say where the arrays come from ({error})"
            raise MicroExpError(beside, found, "Remove it from the folder.") from None
    return True in said
