"""The .npy arrays of the original programs, channels first and standardised, in and out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from microexp_keras.atomic import replacing, write_json, write_npy
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import Network
from microexp_keras.preprocessing.standardization import StandardizedInput
from microexp_keras.regular import open_regular, read_json


def read(
    images_paths: Sequence[str | Path], labels_path: str | Path, names: Sequence[str], num_classes: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Read images and labels as the original programs save them.

    Parameters
    ----------
    images_paths : sequence of str or Path
        A .npy file for each input of the network: float32 `(clips, 1, rows, columns, time)`.
    labels_path : str or Path
        .npy, labels `(clips,)` or one-hot `(clips, num_classes)`.
    names : sequence of str
        Inputs of the network, in the order of `images_paths`: `face`, or `eyes` and `mouth`.
    num_classes : int

    Returns
    -------
    dict of str to float32 array (clips, rows, columns, time)
    int array (clips,)
        Labels.

    Raises
    ------
    MicroExpError
        If an array is not like that. Pickled objects are never loaded.
    """
    if len(images_paths) != len(names):
        raise MicroExpError(
            "images", f"{len(names)} .npy files ({', '.join(names)}, in this order)", str(len(images_paths))
        )
    stacks = {}
    for name, path in zip(names, images_paths, strict=True):
        images = _read_npy(path)
        fits = images.ndim == 5 and images.shape[1] == 1 and images.dtype == np.float32 and images.size > 0
        if not fits or not np.isfinite(images).all():
            raise MicroExpError(
                path,
                "finite float32 of shape (clips, 1, rows, columns, time)",
                f"{images.dtype} of shape {images.shape}{' with NaN or infinity' if fits else ''}",
            )
        stacks[name] = images[:, 0]
    shapes = {stack.shape for stack in stacks.values()}
    if len(shapes) > 1:
        raise MicroExpError(
            str(" and ".join(map(str, images_paths))),
            "arrays of one shape",
            str(" and ".join(str((s[0], 1, *s[1:])) for s in sorted(shapes))),
            "Take both from the same folder.",
        )
    clips = len(stacks[names[0]])
    labels = _read_npy(labels_path)
    one_hot = [0] * (num_classes - 1) + [1]
    if labels.ndim == 2 and labels.shape[1] == num_classes and (np.sort(labels, axis=1) == one_hot).all():
        labels = labels.argmax(axis=1)
    if labels.shape != (clips,) or not np.isin(labels, np.arange(num_classes)).all():
        raise MicroExpError(
            labels_path,
            f"{clips} labels from 0 to {num_classes - 1}, or one-hot rows of {num_classes}",
            f"{labels.dtype} of shape {labels.shape}",
        )
    return stacks, labels.astype(int)


def names(images_path: str | Path, clips: int) -> list[str]:
    """Name the clips of an array: `microexpstcnn_val_images.npy[0]` and so on."""
    return [f"{Path(images_path).name}[{position}]" for position in range(clips)]


def write_validation(
    folder: Path,
    network: Network,
    inputs: Mapping[str, np.ndarray | StandardizedInput],
    labels: np.ndarray,
    num_classes: int,
    positions: np.ndarray,
    origin: Mapping[str, Any],
) -> None:
    """Write held-out clips under the original's names, channels first, so that its users' programs read them.

    Parameters
    ----------
    folder : Path
    network : models.Network
    inputs : dict of str to float32 array (clips, rows, columns, time, 1)
        Of all clips; or what gives such arrays for positions, as `preprocessing.network_inputs`.
    labels : int array (clips,)
    num_classes : int
    positions : int array
        Which of the clips are held out.
    origin : dict
        Where the clips come from, of JSON's types; beside each .npy file of images a .json file of its name keeps it.
    """
    for name, start in network.validation_files.items():
        _write_clips(folder / f"{start}_images.npy", inputs[name], positions)
        write_json(folder / f"{start}_images.json", origin)
        write_npy(folder / f"{start}_labels.npy", np.eye(num_classes)[labels[positions]])


def are_synthetic(images_paths: Sequence[str | Path]) -> bool:
    """Say whether the files beside any of these arrays call its clips generated; arrays of others have no such file.

    Raises
    ------
    MicroExpError
        If a file beside an array is not what `write_validation` writes.
    """
    for path in map(Path, images_paths):
        beside = path.with_suffix(".json")
        try:
            origin = read_json(beside)
            if not isinstance(origin, Mapping):
                raise ValueError("no record")
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise MicroExpError(
                beside, f"the record of where {path.name} comes from", f"something else ({error})", "Move it away."
            ) from None
        if origin.get("synthetic") is True:
            return True
    return False


def _write_clips(path: Path, clips: np.ndarray | StandardizedInput, positions: np.ndarray) -> None:
    """Write clips one after the other as (positions, 1, rows, columns, time): they may not fit into memory together."""
    shape = (len(positions), 1, *clips.shape[1:4])
    header = {"descr": np.lib.format.dtype_to_descr(clips.dtype), "fortran_order": False, "shape": shape}
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for position in positions:
            clip = np.ascontiguousarray(clips[position : position + 1])
            file.write(clip.data)  # the place of an axis of length 1 changes no byte


def _read_npy(path: str | Path) -> np.ndarray:
    try:
        open_regular(path).close()
        # Mapped first: an array that declares more than the file holds is refused before any memory is taken.
        array = np.array(np.lib.format.open_memmap(path, mode="r"))
    except MicroExpError:
        raise
    except Exception as error:  # numpy's reader fails in many ways on foreign files
        raise MicroExpError(
            path,
            "a .npy file of numbers",
            f"something else ({error})",
        ) from error
    if array.dtype.kind not in "biuf":
        raise MicroExpError(path, "a .npy file of numbers", f"one of {array.dtype}")
    return array
