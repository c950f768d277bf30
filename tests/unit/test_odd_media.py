"""Images and videos from strangers, or from a camera: what is refused, and what is read and said."""

import io
import os
import shutil
import struct
import zlib
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from helpers import limited, write_clips
from PIL import Image
from trees import write_video

from microexp_keras import protocols
from microexp_keras.datasets import Clip, Video, check, frames
from microexp_keras.datasets.frames import read_frames
from microexp_keras.datasets.image_header import MAX_PIXELS, Header, read_header
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
    [frame] = read_frames(Clip("", "", 0, (path,)), 1)
    return frame


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


def bmp_bomb():
    data = bytearray(encoded(".bmp"))
    struct.pack_into("<ii", data, 18, LARGE, LARGE)
    return bytes(data)


def tiff_bomb(tags=(256, 257)):
    data = bytearray(encoded(".tiff"))
    (place,) = struct.unpack_from("<I", data, 4)
    for entry in range(place + 2, place + 2 + 12 * struct.unpack_from("<H", data, place)[0], 12):
        tag = struct.unpack_from("<H", data, entry)[0]
        if tag in (256, 257):
            struct.pack_into("<HHII", data, entry, tags[tag - 256], 4, 1, LARGE)
    return bytes(data)


def webp_bomb():
    data = bytearray(with_pillow("WEBP", rotation=6))  # an extended header
    data[24:30] = 2 * (LARGE - 1).to_bytes(3, "little")
    return bytes(data)


@pytest.mark.parametrize("make", [png_bomb, jpeg_bomb, bmp_bomb, tiff_bomb, webp_bomb], ids=lambda make: make.__name__)
def test_an_image_of_too_many_pixels_is_not_decoded(tmp_path, make):
    path = written(tmp_path / "bomb.png", make())
    said = limited(lambda: read(path))
    assert said.startswith(f"MicroExpError: {path}: expected at most {MAX_PIXELS} pixels, found {LARGE}x{LARGE}")


def test_large_tiles_of_a_small_image_count(tmp_path):
    header = read_header(tiff_bomb((322, 323)))
    assert header is None or header.columns * header.rows > MAX_PIXELS


def test_an_image_file_of_gigabytes_is_not_read(tmp_path):
    with open(tmp_path / "x.bmp", "wb") as file:
        file.write(encoded(".bmp"))
        file.truncate(2**33)
    assert "bytes" in limited(lambda: read(tmp_path / "x.bmp"))


def test_a_pipe_is_no_frame_and_no_video(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    assert "regular file" in limited(lambda: read(tmp_path / "x.png"))
    assert "regular file" in limited(lambda: list(read_frames(Clip("", "", 0, Video(tmp_path / "x.png")), 1)))


def test_a_header_cut_off_anywhere_is_no_image():
    for data in (*map(encoded, (".png", ".jpg", ".bmp", ".tiff")), with_pillow("WEBP", rotation=6)):
        for length in range(0, min(len(data), 400)):
            read_header(data[:length])  # raises nothing
        assert read_header(data[:12]) is None


# ---------------------------------------------------------------------------------- what headers say


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_rotation_is_applied_and_seen_in_the_header(tmp_path, kind):
    for rotation in (None, 6):
        path = written(tmp_path / "x.png", with_pillow(kind, rotation))
        headers = {}
        [frame] = read_frames(Clip("", "", 0, (path,)), 1, headers)
        header = headers[path]
        assert header.rotation == (rotation or 1)
        assert (header.columns, header.rows) == (10, 6) and header.size == frame.shape[1::-1]


@pytest.mark.parametrize(
    ("suffix", "image", "expected"),
    [
        (".png", NOISE, Header(10, 6)),
        (".png", NOISE.astype(np.uint16) * 256, Header(10, 6, 16)),
        (".png", np.dstack([NOISE, NOISE[..., 0]]), Header(10, 6, alpha=True)),
        (".tiff", NOISE.astype(np.uint16) * 256, Header(10, 6, 16)),
        (".tiff", np.dstack([NOISE, NOISE[..., 0]]), Header(10, 6, alpha=True)),
        (".bmp", NOISE, Header(10, 6)),
        (".bmp", np.dstack([NOISE, NOISE[..., 0]]), Header(10, 6, alpha=True)),
        (".jpg", NOISE, Header(10, 6)),
        (".webp", NOISE, Header(10, 6)),
        (".webp", np.dstack([NOISE, NOISE[..., 0]]), Header(10, 6, alpha=True)),
    ],
)
def test_headers_are_read_as_opencv_reads_them(suffix, image, expected):
    data = encoded(suffix, image)
    assert read_header(data) == expected
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED).shape[:2] == (6, 10)


def test_what_follows_the_end_of_a_jpeg_does_not_matter(tmp_path):
    data = encoded(".jpg")
    plain = read(written(tmp_path / "x.jpg", data))
    np.testing.assert_array_equal(read(written(tmp_path / "x.jpg", data + bytes(2048))), plain)
    with pytest.raises(MicroExpError, match="whole image"):
        read(written(tmp_path / "x.jpg", data[:-2] + bytes(2048)))


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_few_bits_in_sixteen_are_refused_instead_of_black(tmp_path, suffix, bits):
    path = written(tmp_path / "x.png", encoded(suffix, NOISE.astype(np.uint16) << (bits - 8)))
    with pytest.raises(MicroExpError, match="upper"):
        read(path)
    np.testing.assert_allclose(read(written(path, encoded(suffix, NOISE.astype(np.uint16) * 256))), NOISE, atol=1)


def test_check_and_training_read_a_compressed_tiff_of_16_bits_the_same_way(tmp_path):
    write_clips(tmp_path, CLIPS, size=8, suffix=".tiff")
    image = NOISE[:, :8].repeat(2, 0)[:8].astype(np.uint16) * 256
    data = cv2.imencode(".tiff", image, [cv2.IMWRITE_TIFF_COMPRESSION, 5])[1].tobytes()  # LZW
    written(tmp_path / CLIPS[0] / "reg_image3.tiff", data)
    samples = load_samples(tmp_path, PROTOCOL, progress=False)
    assert [problem.kind for problem in samples.problems] == ["16-bit image"]
    report = check.check(tmp_path, "smic", progress=False)
    assert samples.problems[0] in report.problems and not report.stops_training


# ---------------------------------------------------------------------------------------------- videos


def frames_of(path):
    return list(read_frames(Clip("", "", 0, Video(path)), None))


@pytest.mark.parametrize("name", [b"caf\xe9.avi", b"100%d.avi", b"http:x.avi"])
def test_a_video_of_any_name_is_read(tmp_path, name):
    write_video(tmp_path / "plain.avi", 5)
    path = tmp_path / os.fsdecode(name)
    os.rename(tmp_path / "plain.avi", path)
    assert limited(lambda: len(frames_of(path))) == "5"


@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile secret.avi\n", "#EXTM3U\n#EXTINF:1,\nsecret.avi\n"])
def test_a_list_of_videos_is_no_video(tmp_path, text):
    write_video(tmp_path / "secret.avi", 5)
    path = tmp_path / "list.avi"
    path.write_text(text)
    with pytest.raises(MicroExpError, match="another kind of file"):
        frames_of(path)


def test_a_video_of_too_large_frames_is_refused(tmp_path, monkeypatch):
    write_video(tmp_path / "x.avi", 2)
    assert len(frames_of(tmp_path / "x.avi")) == 2
    monkeypatch.setattr(frames, "MAX_PIXELS", 255)  # of the frames there are 256
    with pytest.raises(MicroExpError, match="at most 255 pixels, found 16x16"):
        frames_of(tmp_path / "x.avi")


# ---------------------------------------------------------------------- what training does not pass over


def rewritten(path, change):
    cv2.imwrite(str(path), change(cv2.imread(str(path))))


ODD = {
    "missing frames": lambda root: (root / CLIPS[0] / "reg_image5.png").unlink(),
    "mixed sizes": lambda root: rewritten(root / CLIPS[0] / "reg_image5.png", lambda image: image[:4]),
    "clips of several sizes": lambda root: write_clips(root, ["negative/s1_ne_2"], size=9),
    "16-bit image": lambda root: rewritten(
        root / CLIPS[0] / "reg_image5.png", lambda image: image.astype(np.uint16) * 257
    ),
    "alpha channel": lambda root: rewritten(
        root / CLIPS[0] / "reg_image5.png", lambda image: np.dstack([image, image[..., 0]])
    ),
    "turned image": lambda root: Image.fromarray(NOISE[:6, :6].repeat(2, 0).repeat(2, 1)[:8, :8]).save(
        root / CLIPS[0] / "reg_image5.png", exif=exif(6)
    ),
    "other folder": lambda root: write_clips(root, ["fear/s1_fe_1"], size=8),
    "same clip twice": lambda root: shutil.copytree(root / CLIPS[0], root / "positive" / "s2_po_1"),
}


def exif(rotation):
    made = Image.Exif()
    made[274] = rotation
    return made


@pytest.mark.parametrize("kind", ODD)
def test_training_says_what_check_knows(tmp_path, capsys, kind):
    write_clips(tmp_path, CLIPS, frames=20, size=8)
    assert load_samples(tmp_path, PROTOCOL).problems == []
    ODD[kind](tmp_path)
    capsys.readouterr()
    read_now = load_samples(tmp_path, PROTOCOL)
    said = capsys.readouterr().err
    assert [problem.kind for problem in read_now.problems] == [kind] and f"{kind} (1)" in said
    from_cache = load_samples(tmp_path, PROTOCOL, progress=False)
    assert from_cache.problems == read_now.problems and not capsys.readouterr().err
    [note] = [note for note in read_now.all_notes if note.level == "warning"]
    assert kind in note.text
    report = check.check(tmp_path, "smic", progress=False)
    assert kind in {problem.kind for problem in report.problems}


def test_a_strange_kind_of_image_among_the_frames_is_refused(tmp_path):
    write_clips(tmp_path, CLIPS, size=8)
    memory = io.BytesIO()
    Image.fromarray(NOISE[:1, :1]).save(memory, "GIF")
    written(tmp_path / CLIPS[0] / "reg_image5.png", memory.getvalue())
    with pytest.raises(MicroExpError, match=r"reg_image5\.png: expected a whole image: BMP"):
        load_samples(tmp_path, PROTOCOL)


def test_a_link_out_of_the_folder_is_followed_and_said(tmp_path):
    root, away = tmp_path / "root", tmp_path / "away"
    write_clips(root, CLIPS, size=8)
    assert load_samples(root, PROTOCOL, progress=False).problems == []
    shutil.move(root / CLIPS[0], away)
    (root / CLIPS[0]).symlink_to(away)
    secret = root / CLIPS[1] / "reg_image5.png"
    shutil.move(secret, tmp_path / "secret.png")
    secret.symlink_to(tmp_path / "secret.png")
    inside = root / CLIPS[2] / "reg_image5.png"
    inside.unlink()
    inside.symlink_to(root / CLIPS[2] / "reg_image4.png")
    problems = load_samples(root, PROTOCOL, progress=False).problems
    assert [problem.kind for problem in problems] == ["link out of the folder"] * 2
    assert str(away) in problems[0].found and str(tmp_path / "secret.png") in problems[1].found


def test_the_same_pixels_on_both_sides_are_said():
    fold = splits.Fold(*map(np.array, ([0, 1], [2], [2, 3])))
    samples = SimpleNamespace(
        subjects=["s1", "s2", "s3", "s4"],
        clips=np.arange(4),
        mislabelled=np.zeros(4, bool),
        pixels=np.array([0, 1, 1, 3]),
    )
    assert "1 of the scored clips have the very pixels" in " ".join(splits.remarks(fold, samples))
