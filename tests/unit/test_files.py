"""A file is written whole or not at all, whatever goes wrong in the middle."""

import errno
import fcntl
import importlib
import os
import subprocess
import sys
import threading

import pytest
from helpers import as_nobody, on_a_full_disk

from microexp_keras import atomic
from microexp_keras.errors import MicroExpError

FILL_THE_DISK = """
import os, sys
from microexp_keras import atomic
from microexp_keras.errors import MicroExpError
os.chdir(sys.argv[1])
atomic.write_text("state", "old")
try:
    atomic.write_text("state", "new" * 1_000_000)
except MicroExpError as error:
    print(error)
with open("filler", "wb", buffering=0) as file:
    try:
        while file.write(bytes(512)):
            pass
    except OSError:
        pass
with atomic.only_writer("."):
    print(sorted(os.listdir()), open("state").read())
"""


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.weights.h5"
    atomic.write_text(path, "one")
    with pytest.raises(KeyboardInterrupt), atomic.replacing(path) as temporary:
        temporary.write_text("tw")
        raise KeyboardInterrupt
    with pytest.raises(ValueError):
        atomic.write_json(path, {"accuracy": float("nan")})
    assert path.read_text() == "one" and os.listdir(tmp_path) == ["a.weights.h5"]
    with atomic.replacing(path) as temporary:
        assert temporary.name.endswith(".weights.h5")
        temporary.write_text("two")
        assert path.read_text() == "one"
    assert path.read_text() == "two" and os.listdir(tmp_path) == ["a.weights.h5"]
    (tmp_path / "other").touch()
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_full_disk_keeps_the_old_file_and_says_so(tmp_path):
    done = on_a_full_disk(FILL_THE_DISK, tmp_path / "disk", megabytes=1)
    message, left = done.stdout.splitlines()
    assert "could not be written" in message and "The previous file is intact" in message and "Free space" in message
    assert left == "['.lock', 'filler', 'state'] old", done


def test_an_unwritable_folder_is_said(tmp_path):
    atomic.write_text(tmp_path / "a.txt", "one")
    tmp_path.chmod(0o555)
    said = as_nobody(tmp_path, lambda: atomic.write_text("a.txt", "two"))
    assert said.startswith(
        "MicroExpError: a.txt: could not be written (Permission denied). The previous file is intact"
    )
    assert (tmp_path / "a.txt").read_text() == "one"

    importlib.import_module("filelock")  # which a process without rights may not read
    said = as_nobody(tmp_path, lambda: atomic.only_writer(".").__enter__())
    assert said.startswith("MicroExpError: .: cannot be written to, or its disk has no locks (Perm")


def test_two_writers_in_one_folder_are_refused_one_may_wait_and_a_dead_one_is_forgotten(tmp_path):
    hold = "with atomic.only_writer(sys.argv[1]): print(flush=True); time.sleep(60)"
    hold = f"import sys, time; from microexp_keras import atomic\n{hold}"
    other = subprocess.Popen([sys.executable, "-c", hold, str(tmp_path)], stdout=subprocess.PIPE)
    other.stdout.readline()
    with pytest.raises(MicroExpError, match="another run is writing here"), atomic.only_writer(tmp_path):
        pass
    entered = threading.Event()

    def wait():
        with atomic.only_writer(tmp_path, wait=True):
            entered.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not entered.wait(0.3)
    (tmp_path / ".writing-123.h5").write_bytes(b"half")
    (tmp_path / ".writing-x").mkdir()  # of the user
    other.kill()
    other.wait()
    assert entered.wait(10)
    waiting.join()
    with atomic.only_writer(tmp_path):
        assert not (tmp_path / ".writing-123.h5").exists() and (tmp_path / ".writing-x").is_dir()


def test_a_disk_without_locks_says_so(tmp_path, monkeypatch):
    def refuse(handle, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(MicroExpError, match=r"its disk has no locks.*No locks available"), atomic.only_writer(tmp_path):
        pass
