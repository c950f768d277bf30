"""Stacks from the cache are those of the frames, to the bit, in bounded memory and whatever happened to the file."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from helpers import as_nobody, on_a_full_disk, write_clips

from microexp_keras import cache, evaluate, landmarks, models, preprocessing, protocols, train, training
from microexp_keras.datasets import __main__ as datasets_command
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks import dlib_detector
from microexp_keras.preprocessing import stack_cache, standardization
from microexp_keras.preprocessing import stacks as stacks_module

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

    def __call__(self, clip, images):
        points = np.full((68, 2), 50, np.int32)
        points[[1, 2, 6, 14, 15, 19]] = np.add([(0, 20), (0, 30), (10, 60), (50, 0), (50, 0), (0, 5)], (self.left, 20))
        return landmarks.Landmarks(np.ones(len(images), np.int32), np.stack([points] * len(images)))


def load(root, protocol=FACE, **options):
    points = None if protocol is FACE else FixedPoints()
    return preprocessing.load_samples(root, protocol, points, progress=False, **options)


def stream(monkeypatch):
    """Take every data set for too large for the memory."""
    for module in (stack_cache, standardization):
        monkeypatch.setattr(module, "IN_MEMORY", 1000)


def forbid_reading(monkeypatch):
    def read(*arguments):
        raise AssertionError("a frame was read")

    monkeypatch.setattr(stacks_module, "read_frames", read)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("protocol", [FACE, FUSED], ids=["face", "fused"])
def test_cached_stacks_are_those_of_the_frames(data, protocol, streamed, monkeypatch):
    if streamed:
        stream(monkeypatch)
    plain, cold, warm = load(data, protocol, cache=False), load(data, protocol), load(data, protocol)
    assert len(plain.names) == (8 if protocol is FACE else 10)
    some = np.array([7, 0, 0, 3])
    for samples in (cold, warm):
        for name, stacks in samples.stacks.items():
            assert isinstance(stacks, stack_cache.Stacks) and stacks.shape == plain.stacks[name].shape
            np.testing.assert_array_equal(stacks, plain.stacks[name])
            np.testing.assert_array_equal(stacks[some], plain.stacks[name][some])
            np.testing.assert_array_equal(stacks[-1], plain.stacks[name][-1])
            assert stacks[some[:0]].shape == plain.stacks[name][:0].shape
        assert (samples.names, samples.notes, samples.fingerprint) == (plain.names, plain.notes, plain.fingerprint)


@pytest.mark.parametrize("protocol", [FACE, FUSED], ids=["face", "fused"])
def test_streamed_numbers_are_those_in_memory(data, protocol, monkeypatch):
    plain, kept = load(data, protocol, cache=False), load(data, protocol)
    expected, statistics = preprocessing.network_inputs(plain.stacks)
    loaded, measured = preprocessing.network_inputs(kept.stacks)
    assert measured == statistics
    for name, array in expected.items():
        assert isinstance(loaded[name], np.ndarray)
        np.testing.assert_array_equal(loaded[name], array)
    stream(monkeypatch)
    for stacks in (load(data, protocol).stacks, kept.stacks, plain.stacks):
        streamed, measured = preprocessing.network_inputs(stacks)
        assert measured == statistics
        for name, array in expected.items():
            assert statistics[name].mean == plain.stacks[name].mean(dtype=np.float64)
            assert not isinstance(streamed[name], np.ndarray) and streamed[name].dtype == np.float32
            assert (streamed[name].shape, len(streamed[name])) == (array.shape, len(array))
            for chosen in (slice(None), np.array([5, 1, 1]), np.array([], int)):
                np.testing.assert_array_equal(streamed[name][chosen], array[chosen])


def test_the_sum_of_levels_does_not_overflow_or_round():
    sums = np.array([2**53 + 1, 2**53 + 1])
    levels = np.zeros((2, 4, 4, 4), np.uint8)
    assert stack_cache.Stacks(levels, None, sums, None).mean == (2**54 + 2) / 128


@pytest.mark.slow
def test_fused_training_streamed_from_the_cache_is_training_in_memory(data, tmp_path, monkeypatch):
    def run(name, samples):
        inputs, _ = preprocessing.network_inputs(samples.stacks)
        [fold] = FUSED.split(samples.labels, samples.subjects)
        keras.utils.set_random_seed(3)
        model = models.build_intermediate_fusenet(kernel_size=(3, 3, 3))
        training.compile_model(model, 0.01)
        targets = keras.utils.to_categorical(samples.labels, 3)
        batches = training.Batches(FUSED.training_inputs(inputs), targets, fold.train, 3, 3)
        rows = [training.train_epoch(model, batches, epoch) for epoch in range(2)]
        rows.append(training.held_out_logs(model, inputs, targets, fold.select, 3))
        return rows, training.predict(model, inputs, fold.score)

    expected, probabilities = run("plain", load(data, FUSED, cache=False))
    stream(monkeypatch)
    rows, streamed = run("streamed", load(data, FUSED))
    assert rows == expected and len(streamed) == 10
    np.testing.assert_array_equal(streamed, probabilities)


@pytest.mark.slow
def test_the_commands_give_the_same_files_streamed_and_in_memory(small_smic, tmp_path, monkeypatch):
    def run(name):
        out = tmp_path / name
        options = ["--dataset", "smic", "--data", str(small_smic), "--out"]
        assert train.main([*options, str(out), "--epochs", "1", "--batch-size", "8"]) == 0
        [weights] = out.glob("weights-improvement-*")
        assert evaluate.main(["--weights", str(weights), *options, str(tmp_path / f"{name} again")]) == 0
        names = [f"microexpstcnn_val_{kind}.npy" for kind in ("images", "labels")]
        files = [out / file for file in (*names, "predictions.csv")]
        return [path.read_bytes() for path in (*files, tmp_path / f"{name} again" / "predictions.csv")]

    expected = run("in memory")
    stream(monkeypatch)
    assert run("streamed") == expected


def test_a_second_run_reads_no_frame(data, monkeypatch, capsys):
    preprocessing.load_samples(data, FACE)
    assert "reading clips" in capsys.readouterr().err
    forbid_reading(monkeypatch)
    preprocessing.load_samples(data, FACE)
    assert capsys.readouterr().err == "the stacks of 8 clips come from the cache\n"
    with pytest.raises(AssertionError):
        load(data, FUSED)


CHANGES = {
    "touched": lambda frame, data: os.utime(frame),
    "changed, its old time set": lambda frame, data: rewritten(frame),
    "renamed": lambda frame, data: frame.rename(frame.with_name("reg_image5b.png")),
    "a clip renamed": lambda frame, data: frame.parent.rename(frame.parent.with_name("s9_ne_1")),
    "a clip removed": lambda frame, data: frame.parent.rename(data.parent / "elsewhere"),
    "a clip of another class": lambda frame, data: frame.parent.rename(data / "positive" / frame.parent.name),
    "moved": lambda frame, data: (data.rename(data.parent / "moved"), data.symlink_to(data.parent / "moved")),
}


def rewritten(frame):
    before = frame.stat()
    frame.write_bytes(frame.read_bytes())
    os.utime(frame, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", CHANGES)
def test_changed_files_are_read_anew(data, monkeypatch, change):
    load(data)
    time.sleep(0.02)  # the clock of file systems ticks a hundred times a second
    CHANGES[change](data / "negative" / "s1_ne_1" / "reg_image5.png", data)
    if change == "moved":  # the same files under the same name
        forbid_reading(monkeypatch)
    load(data)
    assert len(cache.find("stacks")) == (1 if change == "moved" else 2)


def test_other_settings_are_read_anew(data):
    others = [{}, {"frames": 17}, {"size": 63}, {"swapped_colours": True}, {"batch_size": 7, "epochs": 3}]
    for other in others:
        preprocessing.load_samples(data, replace(FACE, **other), progress=False)
    assert len(cache.find("stacks")) == 4  # how it is trained makes no difference
    for points in (FixedPoints(20), FixedPoints(21), FixedPoints(20)):
        preprocessing.load_samples(data, FUSED, points, progress=False)
    assert len(cache.find("stacks")) == 6


def test_frames_behind_the_last_one_that_is_read_make_no_difference(data):
    load(data)
    write_clips(data / "negative", ["more"], frames=1, size=96)
    more = data / "negative" / "more" / "reg_image1.png"
    more.rename(data / "negative" / "s1_ne_1" / "reg_image99.png")
    (data / "negative" / "more").rmdir()
    load(data)
    assert len(cache.find("stacks")) == 1


def test_points_of_unknown_origin_are_not_kept(data):
    points = FixedPoints()
    samples = preprocessing.load_samples(data, FUSED, lambda *arguments: points(*arguments), progress=False)
    assert isinstance(samples.stacks["eyes"], np.ndarray) and cache.find("stacks") == []


def flip(path, place):
    with open(path, "r+b") as file:
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 1]))


def inside(path, change):
    with h5py.File(path, "r+") as file:
        change(file)


def other_shape(file):
    levels = file["face/levels"][:, :, :, :17]
    del file["face/levels"]
    file["face/levels"] = levels


def change_row(table):
    table[3] = table[3] + 1


def level_offset(path):
    with h5py.File(path) as file:
        return file["face/levels"].id.get_offset()


DAMAGES = {
    "cut off": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: path.write_bytes(b""),
    "no HDF5": lambda path: path.write_bytes(b"no HDF5" * 1000),
    "a pixel": lambda path: flip(path, level_offset(path) + 400_000),
    "zeros": lambda path: inside(path, lambda file: file["face/levels"].write_direct(np.zeros((8, 64, 64, 18), "u1"))),
    "a digest": lambda path: inside(path, lambda file: change_row(file["face/sha256"])),
    "a sum": lambda path: inside(path, lambda file: change_row(file["face/sum"])),
    "no digests": lambda path: inside(path, lambda file: file.__delitem__("face/sha256")),
    "notes": lambda path: inside(path, lambda file: file["about"].__setitem__(0, ord("["))),
    "shape": lambda path: inside(path, other_shape),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_said_and_made_again(data, monkeypatch, capsys, damage):
    expected = load(data, cache=False)
    load(data)
    [kept] = cache.find("stacks")
    DAMAGES[damage](kept.path)
    again = load(data)
    said = capsys.readouterr().err
    assert said.startswith(f"{kept.path}: damaged (") and said.count("\n") == 1
    np.testing.assert_array_equal(again.stacks["face"], expected.stacks["face"])
    forbid_reading(monkeypatch)
    assert load(data).fingerprint == expected.fingerprint and capsys.readouterr().err == ""


READ = """
import sys, time
from microexp_keras import preprocessing, protocols
from microexp_keras.preprocessing import stacks
plain, seen = stacks.read_frames, []
def slowly(clip, *more):
    yield from plain(clip, *more)
    seen.append(clip)
    if len(seen) == 4 and "stop" in sys.argv:
        print(flush=True)
        time.sleep(60)
stacks.read_frames = slowly
samples = preprocessing.load_samples(sys.argv[1], protocols.get("upstream"), progress=False)
print(samples.fingerprint, len(seen))
"""


def reader(data, *more):
    return subprocess.Popen([sys.executable, "-c", READ, str(data), *more], stdout=subprocess.PIPE, text=True)


def test_what_a_killed_process_leaves_is_never_believed(data, folder):
    expected = load(data, cache=False).fingerprint
    process = reader(data, "stop")
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    [half] = (folder / "stacks").iterdir()
    assert half.name.startswith(".writing-") and cache.find("stacks") == []
    assert load(data).fingerprint == expected and half.exists()  # it might be another's that is still at work
    os.utime(half, (0, 0))
    cache.find("stacks")[0].path.unlink()
    assert load(data).fingerprint == expected and not half.exists()
    assert [kept.path for kept in cache.find("stacks")] == list((folder / "stacks").iterdir())


@pytest.mark.slow
def test_two_processes_at_once_do_each_other_no_harm(data, folder):
    expected = load(data, cache=False).fingerprint
    for counts in ((8, 8), (0, 0)):
        both = [reader(data) for _ in counts]
        said = [process.communicate(timeout=60)[0].split() for process in both]
        assert [fingerprint for fingerprint, _ in said] == [expected] * 2
        assert all(int(count) in (0, counts[0]) for _, count in said)
        assert len(list((folder / "stacks").iterdir())) == 1


FILL_THE_DISK = """
import os, sys
os.environ["MICROEXP_CACHE"] = sys.argv[1]
from microexp_keras import preprocessing, protocols
from microexp_keras.errors import MicroExpError
try:
    preprocessing.load_samples(DATA, protocols.get("upstream"), progress=False)
except MicroExpError as error:
    print(error)
print(os.listdir(sys.argv[1] + "/stacks"))
"""


def test_a_full_disk_is_said_with_the_way_out(small_smic, tmp_path):
    script = FILL_THE_DISK.replace("DATA", repr(str(small_smic)))
    done = on_a_full_disk(script, tmp_path / "disk", megabytes=1)
    message, left = done.stdout.splitlines()
    assert "could not be written" in message and "Nothing was written" in message and "MICROEXP_CACHE" in message
    assert left == "[]", done


def test_a_folder_that_cannot_be_written_is_named(data, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MICROEXP_CACHE", str(tmp_path / "file"))
    with pytest.raises(MicroExpError, match=r"file/stacks: the cache could not be made .* MICROEXP_CACHE"):
        load(data)
    (tmp_path / "closed" / "stacks").mkdir(parents=True)
    (tmp_path / "closed" / "stacks").chmod(0o555)
    monkeypatch.setenv("MICROEXP_CACHE", "closed")
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    path = cache.place("stacks", "0" * 64)
    said = as_nobody(tmp_path, lambda: stack_cache.make_stacks(path, ("face",), (1, 2, 2, 2), {}, lambda keep: []))
    assert said.startswith("MicroExpError: closed/stacks/") and "set MICROEXP_CACHE" in said
    load(data, cache=False)


def test_a_spoiled_frame_leaves_nothing(data, folder):
    (data / "surprise" / "s2_su_1" / "reg_image18.png").write_bytes(b"no image")
    with pytest.raises(MicroExpError, match=r"reg_image18\.png: expected a whole image"):
        load(data)
    assert list((folder / "stacks").iterdir()) == []


def test_the_command_lists_and_clears(data, folder, capsys, monkeypatch):
    stream(monkeypatch)

    def command(what):
        assert datasets_command.main(["cache", what]) == 0
        return capsys.readouterr().out.splitlines()

    assert command("list") == [f"{folder}: stacks of 0 data sets, landmarks of 0 clips (0.0 MB); 0.0 MB in all"]
    face, fused = load(data), load(data, FUSED)
    path = cache.place("landmarks", "0" * 64)
    dlib_detector._write_cached(path, landmarks.Landmarks(np.ones(1, "i4"), np.ones((1, 68, 2), "i4")))
    (folder / "stacks" / f"{'1' * 64}.h5").write_bytes(b"damaged")
    (folder / "stacks" / ".writing-abc.h5").write_bytes(b"half")
    foreign = [folder / "mine.h5", folder / "stacks" / "mine.h5", folder / "landmarks" / f"{'0' * 64}.txt"]
    for file in foreign:
        file.write_text("mine")
    *lines, total = command("list")
    assert len(lines) == 3 and total.startswith(f"{folder}: stacks of 3 data sets, landmarks of 1 clip (0.0 MB)")
    assert sum(f"SMIC, face 64x64x18, 8 clips of {data}, 20" in line for line in lines) == 1
    assert sum(f"SMIC, eyes and mouth 32x32x18, 8 clips of {data}, 20" in line for line in lines) == 1
    assert sum("damaged" in line for line in lines) == 1 and not any("synthetic" in line for line in lines)
    [said] = command("clear")
    assert said.startswith(f"{folder}: removed stacks of 4 data sets, landmarks of 1 clip") and said.endswith("free")
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == sorted(foreign)
    np.testing.assert_array_equal(face.stacks["face"], load(data, cache=False).stacks["face"])  # still open
    assert fused.stacks["eyes"][0].any()


def test_synthetic_clips_are_listed_as_such(data, capsys):
    (data / "SYNTHETIC.txt").write_text("")
    load(data)
    datasets_command.main(["cache", "list"])
    assert "synthetic SMIC, face" in capsys.readouterr().out


def test_the_file_takes_hardly_more_than_the_pixels(data):
    load(data)
    [kept] = cache.find("stacks")
    assert kept.size < 8 * 64 * 64 * 18 + 100_000 and json.dumps(kept.about)


def test_where_the_cache_is(monkeypatch):
    monkeypatch.setenv("MICROEXP_CACHE", "/own")
    assert cache.folder() == Path("/own")
    monkeypatch.delenv("MICROEXP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/users")
    assert cache.folder() == Path("/users/microexp_keras")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache.folder() == Path("/home/somebody/.cache/microexp_keras")


def test_a_cache_that_others_may_write_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("MICROEXP_CACHE", str(tmp_path / "shared"))
    cache.place("stacks", "0" * 64)
    for folder, mode, refused in (
        (tmp_path / "shared", 0o777, True),
        (tmp_path / "shared", 0o1777, False),  # as /tmp: others add files, but replace none of ours
        (tmp_path / "shared" / "stacks", 0o777, True),
        (tmp_path / "shared" / "stacks", 0o1777, True),
        (tmp_path / "shared", 0o755, False),
    ):
        before = folder.stat().st_mode
        folder.chmod(mode)
        if refused:
            with pytest.raises(MicroExpError, match="nobody else may write"):
                cache.place("stacks", "0" * 64)
        else:
            assert cache.place("stacks", "0" * 64)
        folder.chmod(before)


def test_a_cache_is_made_for_oneself_whatever_the_umask(tmp_path, monkeypatch):
    monkeypatch.setenv("MICROEXP_CACHE", str(tmp_path / "own"))
    before = os.umask(0)
    try:
        cache.place("stacks", "0" * 64)
    finally:
        os.umask(before)
    assert cache.place("stacks", "0" * 64)


def test_somebody_elses_cache_is_read_and_what_it_lacks_is_not_kept(small_smic, tmp_path, monkeypatch):
    monkeypatch.setenv("MICROEXP_CACHE", str(tmp_path / "shared"))
    kept = preprocessing.load_samples(small_smic, FACE, progress=False)
    new = tmp_path / "new"
    write_clips(new, ["negative/s1_ne_1", "positive/s1_po_1", "surprise/s1_su_1"], size=8)
    (tmp_path / "shared" / "stacks").chmod(0o555)
    monkeypatch.setattr(cache, "may_write", lambda path: False)  # the superuser may write everywhere
    files = sorted((tmp_path / "shared").rglob("*"))
    assert preprocessing.load_samples(small_smic, FACE, progress=False).fingerprint == kept.fingerprint
    assert len(preprocessing.load_samples(new, FACE, progress=False).names) == 3
    assert sorted((tmp_path / "shared").rglob("*")) == files
