"""What all readers share: class folders at any depth, natural order, no file passed over in silence."""

import os
import re
from pathlib import Path

from microexp_keras.errors import MicroExpError

LEFT_BEHIND = ("thumbs.db", "desktop.ini")
"""Files that systems leave in folders, in lower case."""


def natural_order(name):
    """Sort key that compares the numbers in a name by value: `image9` before `image10`."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", str(name))], str(name)


def class_folders(root, classes, section):
    """Find the folders named after the classes, at any depth below `root`; `non_micro` is never entered.

    Parameters
    ----------
    root : Path
        A user may point at the database or at any folder inside it that still holds the class folders.
    classes : sequence of str
        In lower case; on the disk the case does not matter.
    section : str
        Of data/README.md, for the error message.

    Returns
    -------
    dict of str to list of Path
        For every class at least one folder, in natural order.

    Raises
    ------
    MicroExpError
        If a class has no folder.
    """
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
    missing = [name for name in classes if not folders[name]]
    if missing:
        raise MicroExpError(
            f"{root}: expected the folders {', '.join(classes)}, found none for {', '.join(missing)}. "
            f'See data/README.md, "{section}".'
        )
    return folders


def visible(folder):
    """List what a person sees in a folder: no hidden files, nothing that systems leave behind."""
    return [path for path in folder.iterdir() if not path.name.startswith(".") and path.name.lower() not in LEFT_BEHIND]


def refuse_repeated_names(clips):
    """Raise a MicroExpError if two clips have the same id."""
    seen = {}
    for clip in clips:
        other = seen.setdefault(clip.id, clip)
        if other is not clip:
            raise MicroExpError(
                f"{clip.path}: expected every clip once, found {clip.id} also as {other.path}. "
                "Point at one copy of the database."
            )


def _raise(error):
    raise error
