"""Files written whole or not at all, and one writer to a folder."""

import contextlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from microexp_keras.errors import MicroExpError

REMEDY = "Free space on that disk or choose another folder, then run the command again."


@contextlib.contextmanager
def replacing(path: str | Path, room: int = 0, remedy: str = REMEDY) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes its place in one step, on failure nothing changes.

    It has the same suffixes. The file is flushed to the disk before the rename, so that a reader, or a run resumed
    after a kill or a power cut, sees the old file or the new one, never a part. `room` is the bytes to reserve first,
    for the HDF5 library: a full disk makes it end the whole program. `remedy` is the hint of the error.

    Raises
    ------
    MicroExpError
        If the disk is full, the folder is not writable or the write fails in another way.
    """
    path = Path(path)
    temporary = path.with_name(f".writing-{uuid.uuid4().hex[:12]}{''.join(path.suffixes[-2:])}")
    try:
        temporary.touch(exist_ok=False)
        if room:
            reserve(temporary, room)
        yield temporary
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
        if hasattr(os, "O_DIRECTORY"):  # Windows flushes no folders: a power cut may bring the old file back
            folder = os.open(path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
    except OSError as error:
        kept = "The previous file is intact." if os.path.exists(path) else "Nothing was written."
        found = f"could not be written ({error.strerror or ' '.join(str(error).split())})"
        raise MicroExpError(path, found, f"{kept} {remedy}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def reserve(path: str | Path, room: int) -> None:
    """Make the disk keep `room` bytes for a file, as far as the system can; an OSError if it has not got them."""
    if hasattr(os, "posix_fallocate"):
        with open(path, "rb+") as file:
            os.posix_fallocate(file.fileno(), 0, room)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` (UTF-8, and the bytes of file names that are not) to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape", newline="\n")


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON to `path`, whole or not at all. NaN is refused: use None with a reason."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


@contextlib.contextmanager
def only_writer(folder: str | Path, wait: bool = False, name: str = ".lock") -> Iterator[None]:
    """Hold `folder` for this process, by a lock on its file `name`; `wait` until another process lets go of it.

    A killed process holds nothing, and what it left half-written there is removed.
    """
    import filelock

    lock = filelock.FileLock(Path(folder) / name, blocking=wait)
    try:
        lock.acquire()
    except filelock.Timeout:
        hint = "Wait for it to end, or give this one another --out."
        raise MicroExpError(folder, "another run is writing here", hint) from None
    except OSError as error:
        found = f"cannot be written to, or its disk has no locks ({error.strerror})"
        raise MicroExpError(folder, found, "Choose another folder.") from error
    try:
        for left_behind in Path(folder).glob(".writing-*"):  # by a killed process: nobody else writes here
            if left_behind.is_file():
                left_behind.unlink()
        yield
    finally:
        lock.release()
