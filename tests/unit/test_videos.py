"""Videos as cameras, phones and cutting programs make them: the pixels that FFmpeg decodes, and no false alarm."""

import re
import subprocess

import cv2
import numpy as np
import pytest

from microexp_keras.datasets import Clip, Video
from microexp_keras.datasets.check import read_media
from microexp_keras.datasets.frames import VideoFile, read_frames, writing
from microexp_keras.errors import MicroExpError

ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="requirements.txt brings FFmpeg for these tests")

FILM = ["-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25", "-frames:v", "24"]
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
INTERLACED = ["-flags", "+ilme+ildct"]

INTERLACED_FILMS = {
    "h264_tff.mp4": ["-vf", "setfield=tff", *H264, *INTERLACED, "-x264opts", "tff=1"],
    "h264_bff.mp4": ["-vf", "setfield=bff", *H264, *INTERLACED, "-x264opts", "bff=1"],
    "avchd.mts": ["-vf", "setfield=tff", *H264, *INTERLACED, "-x264opts", "tff=1", "-mpegts_m2ts_mode", "1"],
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
    return subprocess.run(
        [ffmpeg.get_ffmpeg_exe(), "-v", "error", *map(str, arguments)], capture_output=True, check=True
    ).stdout


def film(folder, name, arguments):
    run(*FILM, *arguments, folder / name)
    return folder / name


def read(path):
    return np.stack(list(read_frames(Clip("", "", 0, Video(path)))))


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
    medium = read_media([Clip("", "", 0, Video(path))], progress=False)[path]
    frames = read(path)
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
    turned = read(tmp_path / "turned.mp4")
    np.testing.assert_array_equal(turned, np.rot90(read(plain), angle // 90, axes=(1, 2)))


COVER = ["-disposition:v:0", "attached_pic"]
WHOLE = {
    "edit list": ["-ss", "0.3", "-i", "IN.mp4", "-c", "copy", "OUT.mp4"],
    "starts at 3 s": ["-i", "IN.mp4", "-c", "copy", "-output_ts_offset", "3", "OUT.mkv"],
    "longer sound": ["-i", "IN.mp4", "-f", "lavfi", "-i", "sine=duration=3", "-c:v", "copy", "OUT.mkv"],
    "cover picture": ["-i", "IN.mp4", "-i", "IN.png", "-map", 1, "-map", 0, "-c", "copy", *COVER, "OUT.mp4"],
    "uneven times": [
        "-i",
        "IN.mp4",
        "-vf",
        "setpts='if(lt(N,9),N,N*3-18)/25/TB'",
        "-fps_mode",
        "passthrough",
        "OUT.mkv",
    ],
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_video_raises_no_alarm(tmp_path, kind):
    film(tmp_path, "in.mp4", H264)
    run("-i", tmp_path / "in.mp4", "-frames:v", 1, tmp_path / "in.png")
    out = tmp_path / f"out{WHOLE[kind][-1][3:]}"
    run(*(str(part).replace("IN.", f"{tmp_path}/in.").replace("OUT.", f"{tmp_path}/out.") for part in WHOLE[kind]))
    medium = read_media([Clip("", "", 0, Video(out))], progress=False)[out]
    assert medium.error is None and medium.length == (16 if kind == "edit list" else 24)


@pytest.mark.parametrize("name", ["x.avi", "x.mp4", "x.mkv", "hole.avi", "mpeg4.avi"])
def test_a_damaged_video_is_refused_where_the_damage_is(tmp_path, name):
    arguments = FILMS["mpeg4.avi" if name == "mpeg4.avi" else "mjpeg.avi"] if name.endswith("avi") else H264
    if name == "x.mp4":
        arguments = [*arguments, "-movflags", "+faststart"]
    path = film(tmp_path, name, arguments)
    whole, data = read(path), bytearray(path.read_bytes())
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
    frames = list(read_frames(Clip("", "", 0, Video(path)), slice(0, good)))
    np.testing.assert_array_equal(frames, whole[:good])
    with pytest.raises(MicroExpError, match=r"damaged|cut off"):
        list(read_frames(Clip("", "", 0, Video(path)), slice(0, good + 1)))
    medium = read_media([Clip("", "", 0, Video(path))], progress=False)[path]
    assert medium.size and medium.error and medium.length == good


@pytest.mark.parametrize("content", [b"", b"no video" * 100, b"\x89PNG\r\n\x1a\n" + bytes(100), b"RIFF....AVI "])
def test_what_is_no_video_is_said_in_one_sentence(tmp_path, content, capfd):
    path = tmp_path / "my film.avi"
    path.write_bytes(content)
    with pytest.raises(MicroExpError, match=r"no video .*ffmpeg -i '.*my film\.avi' video\.mp4"):
        read(path)
    assert not capfd.readouterr().err


def test_frames_written_keep_their_pixels_and_times(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (6, 48, 64, 3), np.uint8)
    times = [0, 0.04, 0.08, 0.2, 0.32, 0.36]
    for name, codec in (("x.avi", "ffv1"), ("x.webm", "libvpx")):
        with writing(tmp_path / name, codec, (64, 48), 25) as write:
            for number, frame in enumerate(frames):
                write(frame, times[number] if codec == "libvpx" else number / 25)
    np.testing.assert_array_equal(read(tmp_path / "x.avi"), frames)
    with VideoFile(tmp_path / "x.webm") as video:
        assert sum(1 for _ in video.frames()) == 6 and video.times == pytest.approx(times, abs=0.001)
