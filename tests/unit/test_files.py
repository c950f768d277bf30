"""A file is written whole or not at all, whatever goes wrong in the middle."""

import errno
import fcntl
import os
import subprocess
import sys
import threading

import pytest
from helpers import as_nobody, on_a_full_disk

from microexp_keras import atomic
from microexp_keras.errors import MicroExpError
from microexp_keras.runs.run import fold_folder

FILL_THE_DISK = """
import sys
from microexp_keras import atomic
from microexp_keras.errors import MicroExpError
path = sys.argv[1] + "/state.bin"
with atomic.replacing(path) as temporary:
    temporary.write_bytes(b"old" * 1000)
try:
    with atomic.replacing(path) as temporary:
        temporary.write_bytes(b"new" * 1_000_000)
except MicroExpError as error:
    print(error)
import os
print(os.listdir(sys.argv[1]), open(path, "rb").read() == b"old" * 1000)
"""


def test_replaces_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "a.weights.h5"
    atomic.write_text(path, "one")
    with atomic.replacing(path) as temporary:
        assert temporary.name.endswith(".weights.h5")
        temporary.write_text("two")
        assert path.read_text() == "one"
    assert path.read_text() == "two" and os.listdir(tmp_path) == ["a.weights.h5"]


def test_an_exception_in_the_middle_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    atomic.write_text(path, "one")
    with pytest.raises(KeyboardInterrupt), atomic.replacing(path) as temporary:
        temporary.write_text("tw")
        raise KeyboardInterrupt
    assert path.read_text() == "one" and os.listdir(tmp_path) == ["a.txt"]


def test_a_full_disk_keeps_the_old_file_and_says_so(tmp_path):
    done = on_a_full_disk(FILL_THE_DISK, tmp_path / "disk", megabytes=1)
    message, left = done.stdout.splitlines()
    assert "could not be written" in message and "The previous file is intact" in message and "Free space" in message
    assert left == "['state.bin'] True", done


def test_an_unwritable_folder_is_said(tmp_path):
    atomic.write_text(tmp_path / "a.txt", "one")
    tmp_path.chmod(0o555)
    said = as_nobody(tmp_path, lambda: atomic.write_text("a.txt", "two"))
    assert said.startswith(
        "MicroExpError: a.txt: could not be written (Permission denied). The previous file is intact"
    )
    assert (tmp_path / "a.txt").read_text() == "one"

    def hold():
        with atomic.only_writer("."):
            pass

    assert as_nobody(tmp_path, hold).startswith("MicroExpError: .: cannot be written to (Permission denied)")


def test_two_writers_in_one_folder_are_refused_and_a_dead_one_is_forgotten(tmp_path):
    hold = "with atomic.only_writer(sys.argv[1]): print(flush=True); time.sleep(60)"
    hold = f"import sys, time; from microexp_keras import atomic\n{hold}"
    other = subprocess.Popen([sys.executable, "-c", hold, str(tmp_path)], stdout=subprocess.PIPE)
    other.stdout.readline()
    with pytest.raises(MicroExpError, match=f"process {other.pid}"), atomic.only_writer(tmp_path):
        pass
    (tmp_path / ".writing-123.h5").write_bytes(b"half")
    other.kill()
    other.wait()
    with atomic.only_writer(tmp_path):
        assert not (tmp_path / ".writing-123.h5").exists()


def test_nan_is_not_json(tmp_path):
    with pytest.raises(ValueError):
        atomic.write_json(tmp_path / "a.json", {"accuracy": float("nan")})
    assert not (tmp_path / "a.json").exists()


LOCKS = {
    "a link": lambda lock, other: lock.symlink_to(other),
    "a link to nothing": lambda lock, other: lock.symlink_to("nothing"),
    "a second name": lambda lock, other: os.link(other, lock),
    "a pipe": lambda lock, other: os.mkfifo(lock),
}


@pytest.mark.parametrize("kind", LOCKS)
def test_a_lock_that_leads_elsewhere_is_refused(tmp_path, kind):
    (tmp_path / "run").mkdir()
    other = tmp_path / "other.txt"
    other.write_text("precious")
    LOCKS[kind](tmp_path / "run" / ".lock", other)
    with pytest.raises(MicroExpError, match="Remove it"), atomic.only_writer(tmp_path / "run"):
        pass
    assert other.read_text() == "precious" and not (tmp_path / "run" / "nothing").exists()


def test_a_folder_named_as_what_is_half_written_stays(tmp_path):
    (tmp_path / ".writing-x").mkdir()
    (tmp_path / ".writing-y").write_text("half")
    with atomic.only_writer(tmp_path):
        assert (tmp_path / ".writing-x").is_dir() and not (tmp_path / ".writing-y").exists()


HOLD_ON_A_FULL_DISK = """
import os, sys
from microexp_keras import atomic
folder = sys.argv[1]
open(folder + "/.lock", "w").close()
try:
    with open(folder + "/filler", "wb", buffering=0) as file:
        while file.write(bytes(512)):
            pass
except OSError:
    pass
with atomic.only_writer(folder):
    print("held")
"""


def test_a_folder_on_a_full_disk_can_be_held(tmp_path):
    done = on_a_full_disk(HOLD_ON_A_FULL_DISK, tmp_path / "disk", megabytes=1)
    assert done.stdout == "held\n", done.stderr


def test_a_fold_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "fold-01").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MicroExpError, match="a link"):
        fold_folder(tmp_path / "run", 0, 3)
    assert fold_folder(tmp_path / "run", 1, 3) == tmp_path / "run" / "fold-02"
    assert fold_folder(tmp_path / "run", 0, 1) == tmp_path / "run"


def test_who_waits_gets_the_folder_when_it_is_free(tmp_path):
    entered = threading.Event()

    def wait():
        with atomic.only_writer(tmp_path, wait=True):
            entered.set()

    waiting = threading.Thread(target=wait)
    with atomic.only_writer(tmp_path):
        waiting.start()
        assert not entered.wait(0.3)
    assert entered.wait(10)
    waiting.join()


def test_a_disk_without_locks_says_so(tmp_path, monkeypatch):
    def refuse(handle, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(MicroExpError, match=r"a disk with locks.*No locks available"), atomic.only_writer(tmp_path):
        pass
