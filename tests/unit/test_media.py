"""Images and videos as cameras, phones and cutting programs make them, or damaged: the pixels, and what is said."""

import io
import os
import re
import shutil
import struct
import subprocess
import zlib

import cv2
import numpy as np
import pytest
from helpers import limited, write_clips
from PIL import Image
from trees import write_video

from microexp_keras import protocols
from microexp_keras.datasets import Clip, Video, check
from microexp_keras.datasets import frames as reading
from microexp_keras.datasets.check import read_media
from microexp_keras.datasets.frames import MAX_PIXELS, VideoFile, read_frames, read_image, writing
from microexp_keras.errors import MicroExpError
from microexp_keras.preprocessing import load_samples

PROTOCOL = protocols.get("upstream", "stcnn", "smic")
NOISE = np.random.default_rng(0).integers(0, 256, (6, 10, 3), np.uint8)
CLIPS = ["negative/s1_ne_1", "positive/s1_po_1", "surprise/s1_su_1"]


def encoded(suffix, image=NOISE):
    return cv2.imencode(suffix, image)[1].tobytes()


def read(path, data):
    """Read an image from a file with these bytes, whatever its name says."""
    path.write_bytes(data)
    return read_image(path)


# ---------------------------------------------------------------------------------------------- images


def png_bomb():
    """A PNG of 900 million pixels in 900 KB, whole: all of them are black."""
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(bytes(30_001)) for _ in range(30_000)) + packer.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def jpeg_bomb():
    data = bytearray(encoded(".jpg"))
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, 30_000, 30_000)
    return bytes(data)


def large_bmp():
    """8193x4097: within what Pillow takes, too large for us."""
    data = bytearray(encoded(".bmp"))
    struct.pack_into("<ii", data, 18, 8193, 4097)
    return bytes(data)


@pytest.mark.parametrize("make", [png_bomb, jpeg_bomb, large_bmp])
def test_an_image_of_too_many_pixels_is_not_decoded(tmp_path, make):
    said = limited(lambda: read(tmp_path / "bomb.png", make()))
    assert said.startswith(f"MicroExpError: {tmp_path / 'bomb.png'}: ")
    assert f"more than {MAX_PIXELS} pixels" in said


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_rotation_is_applied(tmp_path, kind):
    def stored(rotation):
        memory, exif = io.BytesIO(), Image.Exif()
        exif[274] = rotation
        Image.fromarray(NOISE).save(
            memory, kind, **({"tiffinfo": {274: rotation}} if kind == "TIFF" else {"exif": exif})
        )
        return memory.getvalue()

    plain = read(tmp_path / "x.png", stored(1))
    np.testing.assert_array_equal(read(tmp_path / "x.png", stored(6)), np.rot90(plain, -1))


def test_bits_alpha_and_bytes_behind_the_end_that_do_not_matter(tmp_path):
    path, jpeg = tmp_path / "x.png", encoded(".jpg")
    np.testing.assert_array_equal(read(path, encoded(".png", NOISE.astype(np.uint16) * 257)), NOISE)
    np.testing.assert_array_equal(read(path, encoded(".png", np.dstack([NOISE, NOISE[..., 0]]))), NOISE)
    np.testing.assert_array_equal(read(path, jpeg + bytes(2048)), read(path, jpeg))
    with pytest.raises(MicroExpError, match="cut off"):
        read(path, jpeg[:-2] + bytes(2048))


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_few_bits_in_sixteen_are_refused_instead_of_black(tmp_path, suffix, bits):
    path = tmp_path / "x.png"
    with pytest.raises(MicroExpError, match="upper"):
        read(path, encoded(suffix, NOISE.astype(np.uint16) << (bits - 8)))
    np.testing.assert_allclose(read(path, encoded(suffix, NOISE.astype(np.uint16) * 256)), NOISE, atol=1)


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


# ---------------------------------------------------------------------------------------------- videos

FILM = ["-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25", "-frames:v", "24"]
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
INTERLACED = [*H264, "-flags", "+ilme+ildct", "-x264opts", "tff=1"]

INTERLACED_FILMS = {
    "h264_tff.mp4": ["-vf", "setfield=tff", *INTERLACED],
    "h264_bff.mp4": ["-vf", "setfield=bff", *INTERLACED[:-1], "bff=1"],
    "avchd.mts": ["-vf", "setfield=tff", *INTERLACED, "-mpegts_m2ts_mode", "1"],
    "dv.avi": ["-vf", "scale=720:576,setfield=bff", "-c:v", "dvvideo", "-pix_fmt", "yuv420p"],
}
FILMS = INTERLACED_FILMS | {
    "fake_interlaced.mp4": [*H264, "-x264opts", "fake-interlaced=1"],
    "transport.mts": H264,
    "hevc.mp4": ["-c:v", "libx265", "-x265-params", "log-level=error"],
    "ten_bits.mkv": ["-c:v", "libx264", "-pix_fmt", "yuv420p10le"],
    "bt709.mp4": [*H264, "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"],
    "mjpeg.avi": ["-c:v", "mjpeg", "-q:v", "3"],
    "gray.avi": ["-c:v", "rawvideo", "-pix_fmt", "gray"],
    "mpeg4.avi": ["-c:v", "mpeg4"],
    "vp9.webm": ["-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p", "-deadline", "realtime"],
    "av1.mp4": ["-c:v", "libaom-av1", "-cpu-used", "8", "-pix_fmt", "yuv420p"],
    "film.gif": [],
    "odd_size.avi": ["-vf", "crop=93:61", "-c:v", "ffv1"],
}


def run(*arguments):
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="requirements.txt brings FFmpeg for these tests")
    command = [ffmpeg.get_ffmpeg_exe(), "-v", "error", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=True).stdout


def film(folder, name, arguments):
    run(*FILM, *arguments, folder / name)
    return folder / name


def clip_of(path):
    return Clip("", "", 0, Video(path))


def frames_of(path):
    return np.stack(list(read_frames(clip_of(path))))


def checked(path):
    return read_media([clip_of(path)], progress=False)[path]


def decoded_by_ffmpeg(path):
    by_field = ["-vf", "scale=interl=-1", "-sws_flags", "bicubic", "-fps_mode", "passthrough"]
    return np.frombuffer(run("-i", path, *by_field, "-f", "rawvideo", "-pix_fmt", "bgr24", "-"), np.uint8)


def decoded_by_opencv(path):
    capture, frames = cv2.VideoCapture(str(path)), []
    while (frame := capture.read())[0]:
        frames.append(frame[1])
    return np.stack(frames).ravel()


@pytest.mark.parametrize("name", FILMS)
def test_pixels_are_those_that_ffmpeg_or_opencv_decodes(tmp_path, name, capfd):
    path = film(tmp_path, name, FILMS[name])
    medium, frames = checked(path), frames_of(path)
    assert not capfd.readouterr().err
    assert medium.length == len(frames) and medium.error is None
    assert medium.size == frames.shape[2:0:-1]
    not_for_opencv = name in INTERLACED_FILMS or name.startswith("av1")
    expected = decoded_by_ffmpeg(path) if not_for_opencv else decoded_by_opencv(path)
    np.testing.assert_array_equal(frames, expected.reshape(frames.shape))


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_rotation_noted_in_the_file_is_undone(tmp_path, angle):
    plain = film(tmp_path, "plain.mp4", H264)
    run("-display_rotation", angle, "-i", plain, "-c", "copy", tmp_path / "turned.mp4")
    turned = frames_of(tmp_path / "turned.mp4")
    np.testing.assert_array_equal(turned, np.rot90(frames_of(plain), angle // 90, axes=(1, 2)))


UNEVEN = "setpts='if(lt(N,9),N,N*3-18)/25/TB'"
WHOLE = {  # what FFmpeg does with in.mp4 and in.png, the file that comes out, its frames
    "edit list": ("-ss 0.3 -i in.mp4 -c copy", "out.mp4", 16),
    "starts at 3 s": ("-i in.mp4 -c copy -output_ts_offset 3", "out.mkv", 24),
    "longer sound": ("-i in.mp4 -f lavfi -i sine=duration=3 -c:v copy", "out.mkv", 24),
    "cover picture": ("-i in.mp4 -i in.png -map 1 -map 0 -c copy -disposition:v:0 attached_pic", "out.mp4", 24),
    "uneven times": (f"-i in.mp4 -vf {UNEVEN} -fps_mode passthrough", "out.mkv", 24),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_video_raises_no_alarm(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    arguments, name, frames = WHOLE[kind]
    film(tmp_path, "in.mp4", H264)
    run("-i", "in.mp4", "-frames:v", 1, "in.png")
    run(*arguments.split(), name)
    medium = checked(tmp_path / name)
    assert medium.error is None and medium.length == frames


@pytest.mark.parametrize("name", ["x.avi", "x.mp4", "x.mkv", "hole.avi", "mpeg4.avi"])
def test_a_damaged_video_is_refused_where_the_damage_is(tmp_path, name):
    arguments = FILMS["mpeg4.avi" if name == "mpeg4.avi" else "mjpeg.avi"] if name.endswith("avi") else H264
    if name == "x.mp4":
        arguments = [*arguments, "-movflags", "+faststart"]
    path = film(tmp_path, name, arguments)
    whole, data = frames_of(path), bytearray(path.read_bytes())
    if name == "hole.avi":
        place = [found.start() for found in re.finditer(rb"\xff\xd8\xff", data)][12]
        data[place : place + 700] = bytes(700)
    elif name == "mpeg4.avi":
        place = len(data) // 2
        data[place : place + 100] = bytes(100)
    else:
        del data[len(data) * 2 // 3 :]
    path.write_bytes(data)
    with VideoFile(path) as video, pytest.raises(MicroExpError, match=r"damaged|cut off") as said:
        for _ in video.frames():
            pass
    good = len(video.times)
    assert 6 < good < 24 and f"ffmpeg -i {path} video.mp4" in str(said.value)
    frames = list(read_frames(clip_of(path), slice(0, good)))
    np.testing.assert_array_equal(frames, whole[:good])
    with pytest.raises(MicroExpError, match=r"damaged|cut off"):
        list(read_frames(clip_of(path), slice(0, good + 1)))
    medium = checked(path)
    assert medium.size and medium.error and medium.length == good


@pytest.mark.parametrize("content", [b"", b"no video" * 100, b"\x89PNG\r\n\x1a\n" + bytes(100), b"RIFF....AVI "])
def test_what_is_no_video_is_said_in_one_sentence(tmp_path, content, capfd):
    path = tmp_path / "my film.avi"
    path.write_bytes(content)
    with pytest.raises(MicroExpError, match=r"no video .*ffmpeg -i '.*my film\.avi' video\.mp4"):
        frames_of(path)
    assert not capfd.readouterr().err


@pytest.mark.parametrize("name", [b"caf\xe9.avi", b"100%d.avi", b"http:x.avi"])
def test_a_video_of_any_name_is_read_but_not_of_too_large_frames(tmp_path, monkeypatch, name):
    path = tmp_path / os.fsdecode(name)
    write_video(tmp_path / "plain.avi", 5)
    os.rename(tmp_path / "plain.avi", path)
    assert limited(lambda: len(frames_of(path))) == "5"
    monkeypatch.setattr(reading, "MAX_PIXELS", 255)  # of the frames there are 256
    with pytest.raises(MicroExpError, match="frames of 16x16 are larger than the 255 pixels"):
        frames_of(path)


def test_frames_written_keep_their_pixels_and_times(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (6, 48, 64, 3), np.uint8)
    times = [0, 0.04, 0.08, 0.2, 0.32, 0.36]
    for name, codec in (("x.avi", "ffv1"), ("x.webm", "libvpx")):
        with writing(tmp_path / name, codec, (64, 48), 25) as write:
            for number, frame in enumerate(frames):
                write(frame, times[number] if codec == "libvpx" else number / 25)
    np.testing.assert_array_equal(frames_of(tmp_path / "x.avi"), frames)
    with VideoFile(tmp_path / "x.webm") as video:
        assert sum(1 for _ in video.frames()) == 6 and video.times == pytest.approx(times, abs=0.001)
