"""Stacks from the cache are those of the frames, to the bit, in bounded memory and whatever happened to the file."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import on_a_full_disk, write_clips

from microexp_keras import cache, landmarks, preprocessing, protocols
from microexp_keras.datasets import __main__ as datasets_command
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import stacks as stacks_module
from microexp_keras.preprocessing import standardization
from microexp_keras.runs import provenance

FACE = protocols.get("upstream")
FUSED = protocols.get("upstream", "intermediate")  # clips of the last class stand twice, eyes are trained on mouths


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A cache of its own for every test."""
    monkeypatch.setenv("MICROEXP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def data(tmp_path):
    """Eight clips, too few for good scores and enough for a fold."""
    names = [f"negative/s{n}_ne_1" for n in range(3)] + [f"positive/s{n}_po_1" for n in range(3)]
    write_clips(tmp_path / "data", [*names, "surprise/s1_su_1", "surprise/s2_su_1"], size=96)
    return tmp_path / "data"


class FixedPoints:
    """A face that is found at the same place in every frame."""

    def __init__(self, left=20):
        self.left = left

    def identity(self):
        return f"fixed {self.left}"

    def __call__(self, clip, images, first):
        points = np.full((68, 2), 50, np.int32)
        points[[1, 2, 6, 14, 15, 19]] = np.add([(0, 20), (0, 30), (10, 60), (50, 0), (50, 0), (0, 5)], (self.left, 20))
        return landmarks.Landmarks(np.ones(len(images), np.int32), np.stack([points] * len(images)))


def load(root, protocol=FACE, **options):
    points = None if protocol is FACE else FixedPoints()
    return preprocessing.load_samples(root, protocol, points, progress=False, **options)


def kept_files():
    """The .npy files of whole data sets."""
    return [path for path in cache.files("stacks") if path.suffix == ".npy" and not path.name.startswith(".")]


def stream(monkeypatch):
    """Take every data set for too large for the memory."""
    monkeypatch.setattr(standardization, "IN_MEMORY", 1000)


def forbid_reading(monkeypatch):
    def read(*arguments):
        raise AssertionError("a frame was read")

    monkeypatch.setattr(stacks_module, "read_frames", read)


@pytest.mark.parametrize("protocol", [FACE, FUSED], ids=["face", "fused"])
def test_cached_and_streamed_stacks_are_those_of_the_frames(data, protocol, monkeypatch):
    plain, cold, warm = load(data, protocol, cache=False), load(data, protocol), load(data, protocol)
    assert len(plain.names) == (8 if protocol is FACE else 10)
    expected, statistics = preprocessing.network_inputs(plain.stacks)
    some, none = np.array([7, 0, 0, 3]), np.array([], int)
    for samples in (cold, warm):
        assert (samples.names, samples.notes, samples.fingerprint) == (plain.names, plain.notes, plain.fingerprint)
        loaded, measured = preprocessing.network_inputs(samples.stacks)
        assert measured == statistics
        for name, stacks in samples.stacks.items():
            assert stacks.shape == plain.stacks[name].shape
            for chosen in (slice(None), some, none, -1):
                np.testing.assert_array_equal(stacks[chosen], plain.stacks[name][chosen])
            assert preprocessing.measure(stacks, some) == preprocessing.measure(plain.stacks[name], some)
            np.testing.assert_array_equal(loaded[name], expected[name])
    stream(monkeypatch)
    for samples in (plain, cold):
        streamed, measured = preprocessing.network_inputs(samples.stacks)
        assert measured == statistics
        for name, array in expected.items():
            assert not isinstance(streamed[name], np.ndarray) and streamed[name].dtype == np.float32
            assert (streamed[name].shape, len(streamed[name])) == (array.shape, len(array))
            for chosen in (slice(None), some, none):
                np.testing.assert_array_equal(streamed[name][chosen], array[chosen])


def test_clips_of_the_last_class_stand_twice_with_their_own_pixels_and_names_apart(data):
    twice, once = load(data, FUSED), load(data, protocols.get("paper", "intermediate"))
    places = [*range(6), 6, 6, 7, 7]
    assert twice.clips.tolist() == places
    assert twice.names == [*once.names[:6], *(name + end for name in once.names[6:] for end in ("", "#2"))]
    assert twice.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 0, 0] and once.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    assert twice.mislabelled.tolist() == [False] * 8 + [True] * 2  # they go by position
    for name, stacks in twice.stacks.items():
        np.testing.assert_array_equal(stacks[:], once.stacks[name][:][places])


def test_a_second_run_reads_no_frame_and_points_of_unknown_origin_are_not_kept(data, monkeypatch, capsys):
    points = FixedPoints()
    samples = preprocessing.load_samples(data, FUSED, lambda *arguments: points(*arguments), progress=False)
    assert isinstance(samples.stacks["eyes"], np.ndarray) and kept_files() == []
    preprocessing.load_samples(data, FACE)
    assert "reading clips" in capsys.readouterr().err
    forbid_reading(monkeypatch)
    preprocessing.load_samples(data, FACE)
    assert capsys.readouterr().err == "the stacks of 8 clips come from the cache\n"
    with pytest.raises(AssertionError):
        load(data, FUSED)


def rewritten(frame, data):
    before = frame.stat()
    frame.write_bytes(frame.read_bytes())
    os.utime(frame, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = {  # what happens, and whether the clips are the same then
    "touched": (lambda frame, data: os.utime(frame), False),
    "changed, its old time set": (rewritten, False),
    "renamed": (lambda frame, data: frame.rename(frame.with_name("reg_image5b.png")), False),
    "a clip renamed": (lambda frame, data: frame.parent.rename(frame.parent.with_name("s9_ne_1")), False),
    "a clip removed": (lambda frame, data: frame.parent.rename(data.parent / "elsewhere"), False),
    "a clip of another class": (lambda frame, data: frame.parent.rename(data / "positive" / frame.parent.name), False),
    "moved": (lambda frame, data: (data.rename(data.parent / "new"), data.symlink_to(data.parent / "new")), True),
    "a frame more than is read": (lambda frame, data: shutil.copy(frame, frame.with_name("reg_image99.png")), True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_files_are_read_anew(data, monkeypatch, change):
    load(data)
    time.sleep(0.02)  # the clock of file systems ticks a hundred times a second
    act, are_the_same = CHANGES[change]
    act(data / "negative" / "s1_ne_1" / "reg_image5.png", data)
    if are_the_same:
        forbid_reading(monkeypatch)
    load(data)
    assert len(kept_files()) == (1 if are_the_same else 2)


def test_other_settings_are_read_anew(data):
    for other in ({}, {"frames": 17}, {"size": 63}, {"swapped_colours": True}, {"batch_size": 7, "epochs": 3}):
        preprocessing.load_samples(data, replace(FACE, **other), progress=False)
    assert len(kept_files()) == 4  # how it is trained makes no difference
    for points in (FixedPoints(20), FixedPoints(21), FixedPoints(20)):
        preprocessing.load_samples(data, FUSED, points, progress=False)
    assert len(kept_files()) == 6


def reworded(path):
    text = path.with_suffix(".json").read_text()
    assert '"remarks": [' in text
    path.with_suffix(".json").write_text(text.replace('"remarks": [', '"remarks": ["calm",', 1))


DAMAGES = {
    "cut off": lambda path: os.truncate(path, path.stat().st_size // 2),
    "a pixel": lambda path: np.save(path, np.load(path) + 1),
    "shape": lambda path: np.save(path, np.load(path)[..., :17]),
    "no JSON": lambda path: path.with_suffix(".json").write_text("{"),
    "a note": reworded,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_said_and_made_again(data, monkeypatch, capsys, damage):
    expected = load(data, cache=False)
    load(data)
    [kept] = kept_files()
    time.sleep(0.02)  # the clock of file systems ticks a hundred times a second
    DAMAGES[damage](kept)
    again = load(data)
    assert capsys.readouterr().err == f"{kept}: damaged, so the clips are read again.\n"
    np.testing.assert_array_equal(again.stacks["face"], expected.stacks["face"])
    forbid_reading(monkeypatch)
    assert load(data).fingerprint == expected.fingerprint and capsys.readouterr().err == ""


READ = """
import os, sys, time
from microexp_keras import preprocessing, protocols
from microexp_keras.preprocessing import stacks
data, os.environ["MICROEXP_CACHE"] = sys.argv[1:3]
plain, seen = stacks.read_frames, []
def slowly(clip, *more):
    yield from plain(clip, *more)
    seen.append(clip)
    if len(seen) == 4:
        print(flush=True)
        time.sleep(60)
stacks.read_frames = slowly
preprocessing.load_samples(data, protocols.get("upstream"), progress=False)
"""


def test_what_a_killed_process_leaves_is_never_believed(data, folder):
    expected = load(data, cache=False).fingerprint
    line = [sys.executable, "-c", READ, str(data), str(folder)]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    [half] = (folder / "stacks").iterdir()
    assert half.name.startswith(".writing-") and kept_files() == []
    assert load(data).fingerprint == expected
    kept_files()[0].with_suffix(".json").unlink()  # as if it had been killed just before the end
    assert load(data).fingerprint == expected
    [kept] = kept_files()
    assert {kept, kept.with_suffix(".json"), half} == {*(folder / "stacks").iterdir()}


class Nameless(FixedPoints):
    def identity(self):
        return None


def test_what_is_cut_by_points_that_do_not_say_whose_they_are_is_not_kept(data):
    found = [preprocessing.load_samples(data, FUSED, Nameless(left), progress=False) for left in (20, 24)]
    assert kept_files() == [] and not np.array_equal(*(one.stacks["eyes"] for one in found))


def test_a_full_disk_is_said_with_the_way_out(small_smic, tmp_path):
    script = f"import sys; sys.argv.insert(1, {str(small_smic)!r}){READ}"
    done = on_a_full_disk(script, tmp_path / "disk", megabytes=1)
    message = done.stderr.splitlines()[-1]
    assert "could not be written" in message and "Nothing was written" in message and "MICROEXP_CACHE" in message


def test_the_command_lists_and_clears(data, folder, capsys, monkeypatch):
    stream(monkeypatch)

    def command(what):
        assert datasets_command.main(["cache", what]) == 0
        return capsys.readouterr().out.splitlines()

    assert command("list") == [f"{folder}: stacks of 0 data sets, landmarks of 0 clips; 0.0 MB in all"]
    face = load(data)
    fused = load(data, FUSED)
    path = cache.place("landmarks", f"{'0' * 64}.npz")
    np.savez(path, faces=np.ones(1, "i4"), points=np.ones((1, 68, 2), "i4"))
    (folder / "stacks" / f"{'1' * 64}.npy").write_bytes(b"damaged")
    (folder / "stacks" / ".writing-abc.npy").write_bytes(b"half")
    foreign = [folder / name for name in ("mine.npy", "stacks/mine.npy")]
    for file in foreign:
        file.write_text("mine")
    [total] = command("list")
    assert total.startswith(f"{folder}: stacks of 4 data sets, landmarks of 1 clip; ")
    [said] = command("clear")
    assert said.startswith(f"{folder}: removed stacks of 4 data sets, landmarks of 1 clip") and said.endswith("free")
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == sorted(foreign)
    np.testing.assert_array_equal(face.stacks["face"], load(data, cache=False).stacks["face"])  # still open
    assert fused.stacks["eyes"][0].any()


def test_where_the_cache_is(monkeypatch, tmp_path):
    assert cache.folder() == Path(os.environ["MICROEXP_CACHE"])
    monkeypatch.delenv("MICROEXP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/users")
    assert cache.folder() == Path("/users/microexp_keras")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache.folder() == Path("/home/somebody/.cache/microexp_keras")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)  # a container without an entry of the user
    with pytest.raises(MicroExpError, match=r"no home folder.* Set MICROEXP_CACHE"):
        cache.folder()
    monkeypatch.setenv("MICROEXP_CACHE", str(tmp_path))
    assert cache.place("stacks", "x") == tmp_path / "stacks" / "x"
    assert set(provenance()["versions"]) >= {"keras", "numpy", "python"}
