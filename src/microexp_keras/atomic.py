"""Files written whole or not at all, and one writer to a folder."""

import contextlib
import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microexp_keras.errors import MicroExpError
from microexp_keras.regular import NOT_FOLLOWING, NOT_WAITING

if TYPE_CHECKING:
    import numpy as np

UMASK = os.umask(0)  # it can only be read by setting it, which other threads would see: once, when this is imported
os.umask(UMASK)


REMEDY = "Free space on that disk or choose another folder, then run the command again."


@contextlib.contextmanager
def replacing(path: str | Path, room: int = 0, remedy: str = REMEDY) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes its place in one step, on failure nothing changes.

    The file is flushed to the disk before the rename, so that a reader, or a run resumed after a kill or a power cut,
    sees the old file or the new one, never a part.

    Parameters
    ----------
    path : str or Path
        Where the file shall stand in the end.
    room : int
        Bytes that the disk must have free before anything is written: what the file will take. For writers that do
        not survive a full disk, as the HDF5 library, which ends the whole program.
    remedy : str
        What to do if the file cannot be written, for the message.

    Yields
    ------
    Path
        An empty file in the same folder with the same suffixes, to be written by the caller.

    Raises
    ------
    MicroExpError
        If the disk is full, the folder is not writable or the write fails in another way. What stood at `path`
        before is untouched.
    """
    path, temporary = Path(path), None
    try:
        handle, name = tempfile.mkstemp(prefix=".writing-", suffix="".join(path.suffixes[-2:]), dir=path.parent)
        temporary = Path(name)
        try:
            os.chmod(handle if os.chmod in os.supports_fd else name, 0o666 & ~UMASK)
        finally:
            os.close(handle)
        if room:
            reserve(temporary, room)
        yield temporary
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
        temporary = None
        _sync_folder(path.parent)
    except OSError as error:
        kept = "The previous file is intact." if os.path.exists(path) else "Nothing was written."
        found = f"could not be written ({error.strerror or ' '.join(str(error).split())})"
        raise MicroExpError(path, found=found, remedy=f"{kept} {remedy}") from error
    finally:
        if temporary is not None:
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


def write_npy(path: str | Path, array: "np.ndarray") -> None:
    """Write `array` as .npy to `path`, whole or not at all."""
    import numpy as np

    with replacing(path) as temporary:
        np.save(temporary, array, allow_pickle=False)


@contextlib.contextmanager
def only_writer(folder: str | Path, wait: bool = False) -> Iterator[None]:
    """Hold `folder` for this process; a second process that asks for it is refused. A killed process holds nothing.

    What a killed process left half-written there is removed.

    Parameters
    ----------
    folder : str or Path
    wait : bool
        Until another process lets go of it.

    Raises
    ------
    MicroExpError
        If another process is writing there, or the disk has no locks.
    """
    path = Path(folder) / ".lock"
    try:
        if path.is_symlink():
            raise MicroExpError(path, "a file of this package", "a link", "Remove it.")
        handle = os.open(path, os.O_RDWR | os.O_CREAT | NOT_FOLLOWING | NOT_WAITING, 0o666)
    except OSError as error:
        if path.is_symlink():
            raise MicroExpError(path, "a file of this package", "a link", "Remove it.") from None
        found = f"cannot be written to ({error.strerror})"
        raise MicroExpError(folder, found=found, remedy="Choose another folder.") from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:  # a second name of another file is as bad as a link
            raise MicroExpError(path, "a file of this package", "another", "Remove it.")
        if not _locked(folder, handle, wait):
            os.lseek(handle, 1, os.SEEK_SET)
            process = os.read(handle, 20).decode("ascii", "replace").strip() or "unknown"
            raise MicroExpError(
                folder,
                found=f"another run (process {process}) is writing here",
                remedy="Wait for it to end, or give this one another --out.",
            )
        with contextlib.suppress(OSError):  # on a full disk the lock holds without the number, too
            os.ftruncate(handle, 0)
            os.write(handle, f" {os.getpid()}".encode())  # Windows lets nobody read the first byte, which it locks
        for left_behind in Path(folder).glob(".writing-*"):  # by a killed process: nobody else writes here
            if not left_behind.is_dir():  # which is none of ours
                left_behind.unlink()
        yield
    finally:
        os.close(handle)


def _locked(folder: str | Path, handle: int, wait: bool) -> bool:
    """Lock an open file until it is closed, by whatever end; False if another process has locked it."""
    import filelock

    try:
        return filelock.lock_descriptor(handle, blocking=wait)
    except OSError as error:
        if error.errno == errno.ENOSYS:  # a system without locks: nobody is refused
            return True
        found = f"that it has none ({error.strerror})"
        raise MicroExpError(folder, "a disk with locks", found, "Choose a folder on another.") from error


def _sync_folder(folder: Path) -> None:
    """Flush the rename itself, where folders can be opened: not on Windows, which may forget it in a power cut."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
