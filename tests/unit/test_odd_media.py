"""Images and videos from strangers, or from a camera: what is refused, and what is read and said."""

import io
import os
import shutil
import struct
import zlib

import cv2
import numpy as np
import pytest
from helpers import limited, write_clips
from PIL import Image
from trees import write_video

from microexp_keras import preprocessing, protocols
from microexp_keras.datasets import Clip, Video, check
from microexp_keras.datasets import frames as reading
from microexp_keras.datasets.frames import MAX_PIXELS, read_frames, read_image
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import load_samples
from microexp_keras.protocols import splits

PROTOCOL = protocols.get("upstream", "stcnn", "smic")
NOISE = np.random.default_rng(0).integers(0, 256, (6, 10, 3), np.uint8)
CLIPS = ["negative/s1_ne_1", "positive/s1_po_1", "surprise/s1_su_1"]
LARGE = 30_000  # columns and rows


def encoded(suffix, image=NOISE):
    return cv2.imencode(suffix, image)[1].tobytes()


def with_pillow(kind, rotation=None, **options):
    memory, exif = io.BytesIO(), Image.Exif()
    if rotation and kind == "TIFF":
        options["tiffinfo"] = {274: rotation}
    elif rotation:
        exif[274] = rotation
        options["exif"] = exif
    Image.fromarray(NOISE).save(memory, kind, **options)
    return memory.getvalue()


def read(path):
    return read_image(path)


def written(path, data):
    path.write_bytes(data)
    return path


# ------------------------------------------------------------------------------------------------ bombs


def png_bomb():
    """A PNG of 900 million pixels in 900 KB, whole: all of them are black."""
    head = struct.pack(">IIBBBBB", LARGE, LARGE, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1000), 9)
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(bytes(LARGE + 1)) for _ in range(LARGE)) + packer.flush()
    chunks = [(b"IHDR", head), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def jpeg_bomb():
    data = bytearray(encoded(".jpg"))
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, LARGE, LARGE)
    return bytes(data)


def large_bmp():
    """8193x4097: within what Pillow takes, too large for us."""
    data = bytearray(encoded(".bmp"))
    struct.pack_into("<ii", data, 18, 8193, 4097)
    return bytes(data)


@pytest.mark.parametrize("make", [png_bomb, jpeg_bomb, large_bmp])
def test_an_image_of_too_many_pixels_is_not_decoded(tmp_path, make):
    path = written(tmp_path / "bomb.png", make())
    said = limited(lambda: read(path))
    assert said.startswith(f"MicroExpError: {path}: ")
    assert f"more than {MAX_PIXELS} pixels" in said


# ---------------------------------------------------------------------------------- what headers say


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_rotation_is_applied(tmp_path, kind):
    stored = read(written(tmp_path / "x.png", with_pillow(kind)))
    np.testing.assert_array_equal(read(written(tmp_path / "x.png", with_pillow(kind, 6))), np.rot90(stored, -1))


def test_of_16_bits_the_upper_8_are_read_and_of_alpha_nothing(tmp_path):
    np.testing.assert_array_equal(
        read(written(tmp_path / "x.png", encoded(".png", NOISE.astype(np.uint16) * 257))), NOISE
    )
    np.testing.assert_array_equal(
        read(written(tmp_path / "x.png", encoded(".png", np.dstack([NOISE, NOISE[..., 0]])))), NOISE
    )


def test_what_follows_the_end_of_a_jpeg_does_not_matter(tmp_path):
    data = encoded(".jpg")
    plain = read(written(tmp_path / "x.jpg", data))
    np.testing.assert_array_equal(read(written(tmp_path / "x.jpg", data + bytes(2048))), plain)
    with pytest.raises(MicroExpError, match="cut off"):
        read(written(tmp_path / "x.jpg", data[:-2] + bytes(2048)))


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_few_bits_in_sixteen_are_refused_instead_of_black(tmp_path, suffix, bits):
    path = written(tmp_path / "x.png", encoded(suffix, NOISE.astype(np.uint16) << (bits - 8)))
    with pytest.raises(MicroExpError, match="upper"):
        read(path)
    np.testing.assert_allclose(read(written(path, encoded(suffix, NOISE.astype(np.uint16) * 256))), NOISE, atol=1)


# ---------------------------------------------------------------------------------------------- videos


def frames_of(path):
    return list(read_frames(Clip("", "", 0, Video(path))))


@pytest.mark.parametrize("name", [b"caf\xe9.avi", b"100%d.avi", b"http:x.avi"])
def test_a_video_of_any_name_is_read(tmp_path, name):
    write_video(tmp_path / "plain.avi", 5)
    path = tmp_path / os.fsdecode(name)
    os.rename(tmp_path / "plain.avi", path)
    assert limited(lambda: len(frames_of(path))) == "5"


def test_a_video_of_too_large_frames_is_refused(tmp_path, monkeypatch):
    write_video(tmp_path / "x.avi", 2)
    assert len(frames_of(tmp_path / "x.avi")) == 2
    monkeypatch.setattr(reading, "MAX_PIXELS", 255)  # of the frames there are 256
    with pytest.raises(MicroExpError, match="frames of 16x16 are larger than the 255 pixels"):
        frames_of(tmp_path / "x.avi")


# ---------------------------------------------------------------------- what training does not pass over


def rewritten(path, change):
    cv2.imwrite(str(path), change(cv2.imread(str(path))))


ODD = {
    "number 5 is missing": lambda root: (root / CLIPS[0] / "reg_image5.png").unlink(),
    "frames of several sizes": lambda root: rewritten(root / CLIPS[0] / "reg_image5.png", lambda image: image[:4]),
    "clips of several sizes": lambda root: write_clips(root, ["negative/s1_ne_2"], size=9),
    "lies in no folder of the classes": lambda root: write_clips(root, ["fear/s1_fe_1"], size=8),
    "has the": lambda root: shutil.copytree(root / CLIPS[0], root / "positive" / "s2_po_1"),
}


@pytest.mark.parametrize("kind", ODD)
def test_training_says_what_check_knows(tmp_path, capsys, kind):
    write_clips(tmp_path, CLIPS, frames=20, size=8)
    assert load_samples(tmp_path, PROTOCOL).issues == []
    ODD[kind](tmp_path)
    capsys.readouterr()
    read_now = load_samples(tmp_path, PROTOCOL)
    said = capsys.readouterr().err
    assert [kind in issue.text for issue in read_now.issues] == [True] and "note: 1 remark on the data" in said
    from_cache = load_samples(tmp_path, PROTOCOL, progress=False)
    assert from_cache.issues == read_now.issues and not capsys.readouterr().err
    [note] = [note for note in read_now.all_notes if note.level == "warning"]
    assert kind in str(note)
    report = check.check(tmp_path, "smic", progress=False)
    assert any(kind in issue.text for issue in report.issues)


def test_the_same_pixels_on_both_sides_are_said():
    fold = splits.Fold(*map(np.array, ([0, 1], [2], [2, 3])))
    stacks = {"face": np.array([0, 1, 1, 3], np.uint8).reshape(4, 1, 1, 1)}
    samples = preprocessing.Samples(
        list("abcd"), list("1234"), np.zeros(4, int), stacks, np.arange(4), np.zeros(4, bool)
    )
    assert "1 of the test clips have the same pixels" in " ".join(preprocessing.remarks(fold, samples))
