"""SMIC's trees, the original programs' and the distributed one: class folders of clip folders of frames.

`Negative/s1_ne_01/reg_image001.bmp` and `HS/s1/micro/negative/s1_ne_01/reg_image001.bmp` read the same: a class folder
is found at any depth by its name, every folder inside it is a clip, and `non_micro` is never entered.
"""

import os
import re
from pathlib import Path

from microexp_keras.datasets import CLASS_NAMES, Clip
from microexp_keras.errors import MicroExpError

FRAME_SUFFIXES = (".bmp", ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
CAMERAS = ("HS", "VIS", "NIR")


def find_clips(root):
    """Find the SMIC clips below `root`; see `microexp_keras.datasets.find_clips`."""
    classes = CLASS_NAMES["smic"]
    folders = _class_folders(root, classes)
    missing = [name for name in classes if not folders[name]]
    if missing:
        raise MicroExpError(
            f"{root}: expected the folders {', '.join(classes)}, found none for {', '.join(missing)}. "
            'See data/README.md, "SMIC".'
        )
    _refuse_mixed_cameras(root, [folder for name in classes for folder in folders[name]])
    clips = []
    for label, name in enumerate(classes):
        paths = [path for folder in folders[name] for path in _visible(folder)]
        found = [_read_clip(path, label) for path in paths]
        if not found:
            raise MicroExpError(f"{folders[name][0]}: expected a folder of frames for each clip, found none.")
        clips += sorted(found, key=lambda clip: natural_order(clip.id))
    _refuse_repeated_names(clips)
    return clips


def natural_order(name):
    """Sort key that compares the numbers in a name by value: `image9` before `image10`."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", str(name))], str(name)


def _class_folders(root, classes):
    """Class name -> its folders, at any depth below `root` (a user may point at `HS/s1/micro` itself)."""
    folders = {name: [] for name in classes}
    walked = set()
    for folder, children, _ in os.walk(root, followlinks=True, onerror=_raise):
        if os.path.realpath(folder) in walked:  # a link back up would never end
            children.clear()
        walked.add(os.path.realpath(folder))
        children.sort(key=natural_order)
        entered = []
        for child in children:
            if child.lower() in folders:
                folders[child.lower()].append(Path(folder, child))
            elif child.lower() != "non_micro" and not child.startswith("."):
                entered.append(child)
        children[:] = entered
    return folders


def _raise(error):
    raise error


def _visible(folder):
    """What a person sees in a folder: no hidden files, no files that systems leave behind."""
    left_behind = ("thumbs.db", "desktop.ini")
    return [path for path in folder.iterdir() if not path.name.startswith(".") and path.name.lower() not in left_behind]


def _read_clip(path, label):
    if not path.is_dir():
        raise MicroExpError(f"{path}: expected only clip folders in {path.parent.name}/, found a file. Move it away.")
    frames = sorted(_visible(path), key=lambda frame: natural_order(frame.name))
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


def _refuse_repeated_names(clips):
    seen = {}
    for clip in clips:
        other = seen.setdefault(clip.id, clip)
        if other is not clip:
            raise MicroExpError(
                f"{clip.frames[0].parent}: expected every clip once, found {clip.id} also as "
                f"{other.frames[0].parent}. Point at one copy of the database."
            )
