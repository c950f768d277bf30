"""CAS(ME)^2 as the original programs want it: the folders angry/, happy/ and disgust/ with one .avi per clip."""

import re

from microexp_keras.datasets import CLASS_NAMES, Clip, Video
from microexp_keras.datasets.folders import class_folders, natural_order, refuse_repeated_names, visible
from microexp_keras.errors import MicroExpError

VIDEO_SUFFIXES = (".avi", ".mp4", ".mov", ".mkv")
FIRST_FRAME = 72  # CASME-SQUARE/MicroExpSTCNN.py:33


def find_clips(root):
    """Find the CAS(ME)^2 clips below `root`; see `microexp_keras.datasets.find_clips`."""
    classes = CLASS_NAMES["casme2"]
    folders = class_folders(root, classes, "CAS(ME)^2")
    clips = []
    for label, name in enumerate(classes):
        found = [_read_clip(path, label) for folder in folders[name] for path in visible(folder)]
        if not found:
            raise MicroExpError(f"{folders[name][0]}: expected a video for each clip, found none.")
        clips += sorted(found, key=lambda clip: natural_order(clip.id))
    refuse_repeated_names(clips)
    return clips


def _read_clip(path, label):
    if not path.is_file() or path.suffix.lower() not in VIDEO_SUFFIXES:
        raise MicroExpError(
            f"{path}: expected only videos ({', '.join(VIDEO_SUFFIXES)}) in {path.parent.name}/, found something else. "
            "Move it away."
        )
    match = re.match(r"s?(\d+)_", path.name, re.IGNORECASE)
    if not match:
        raise MicroExpError(
            f"{path}: expected the subject at the start of the name (15_0101disgustingteeth.avi), found none. "
            "Rename it."
        )
    return Clip(path.stem, f"s{int(match[1]):02d}", label, Video(path, FIRST_FRAME))
