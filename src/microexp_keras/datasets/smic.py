"""SMIC's trees, the original programs' and the distributed one: class folders of clip folders of frames.

`Negative/s1_ne_01/reg_image001.bmp` and `HS/s1/micro/negative/s1_ne_01/reg_image001.bmp` read the same: a class folder
is found at any depth by its name, every folder inside it is a clip, and `non_micro` is never entered.
"""

import re

from microexp_keras.datasets import CLASS_NAMES, Clip
from microexp_keras.datasets.folders import class_folders, natural_order, refuse_repeated_names, visible
from microexp_keras.errors import MicroExpError

FRAME_SUFFIXES = (".bmp", ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
CAMERAS = ("HS", "VIS", "NIR")


def find_clips(root):
    """Find the SMIC clips below `root`; see `microexp_keras.datasets.find_clips`."""
    classes = CLASS_NAMES["smic"]
    folders = class_folders(root, classes, "SMIC")
    _refuse_mixed_cameras(root, [folder for name in classes for folder in folders[name]])
    clips = []
    for label, name in enumerate(classes):
        paths = [path for folder in folders[name] for path in visible(folder)]
        found = [_read_clip(path, label) for path in paths]
        if not found:
            raise MicroExpError(f"{folders[name][0]}: expected a folder of frames for each clip, found none.")
        clips += sorted(found, key=lambda clip: natural_order(clip.id))
    refuse_repeated_names(clips)
    return clips


def _read_clip(path, label):
    if not path.is_dir():
        raise MicroExpError(f"{path}: expected only clip folders in {path.parent.name}/, found a file. Move it away.")
    frames = sorted(visible(path), key=lambda frame: natural_order(frame.name))
    strange = [frame.name for frame in frames if frame.suffix.lower() not in FRAME_SUFFIXES or not frame.is_file()]
    if strange:
        raise MicroExpError(
            f"{path}: expected only frames ({', '.join(FRAME_SUFFIXES)}), found {', '.join(strange[:3])}. Move it away."
        )
    if not frames:
        raise MicroExpError(
            f"{path}: expected the frames of a clip, found none. Remove the folder or restore the frames."
        )
    return Clip(path.name, _subject(path), label, tuple(frames))


def _subject(path):
    """`s03` from `s3_ne_01`, or from the nearest folder above that is named like a subject."""
    match = re.match(r"s(\d+)(?:_|$)", path.name, re.IGNORECASE)
    for parent in path.parents:
        match = match or re.fullmatch(r"s(\d+)", parent.name, re.IGNORECASE)
    if not match:
        raise MicroExpError(
            f"{path}: expected the subject in the clip's name (s1_ne_01) or in a folder above (s1/), found neither. "
            "Rename the clip folder."
        )
    return f"s{int(match[1]):02d}"


def _refuse_mixed_cameras(root, folders):
    cameras = sorted({part for folder in folders for part in folder.relative_to(root).parts if part.upper() in CAMERAS})
    if len(cameras) > 1:
        raise MicroExpError(
            f"{root}: expected the clips of one camera, found {', '.join(cameras)}. Point at one of these folders; "
            "the paper used HS."
        )
