"""Files and machines that people have, where a command is needed to see it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import microexp, refused
from own_clips import write_own
from trees import write_smic

from microexp_keras import datasets
from microexp_keras.datasets.frames import read_frames


def write_table(root, *clips):
    """A table of these clips, of one subject and two classes."""
    rows = [f"{clip},1,{'ab'[number % 2]}" for number, clip in enumerate(clips)]
    (root / "clips.csv").write_text("\n".join(["clip,subject,label", *rows]) + "\n")


def test_of_two_people_check_says_what_training_stops_at(small_faces, inside):
    [face] = read_frames(datasets.find_clips(small_faces)[0], slice(0, 1))
    clips = {"one": face, "two": np.hstack([face, face]), "nobody": np.full_like(face, 90)}
    for name, image in clips.items():
        (inside / name).mkdir()
        for number in range(18):
            cv2.imwrite(str(inside / name / f"img{number}.png"), image)
    write_table(inside, *clips)
    microexp("check clips.csv")
    said = microexp("check clips.csv --crop face", 1).out
    assert "two/img0.png: shows 2 faces wider than an eighth of it" in said
    assert "nobody/img0.png: shows no face wider than an eighth of it" in said
    assert "one/img0.png" not in said
    error = refused("train --data clips.csv --protocol paper --crop face --out run")
    assert re.search(r"(two.*shows 2 faces|nobody.*shows no face) wider than an eighth", error)


def command(*arguments, flags=(), **environment):
    run = [sys.executable, *flags, "-m", "microexp_keras", *map(str, arguments)]
    paths = os.pathsep.join(filter(None, sys.path))
    return subprocess.run(run, capture_output=True, env={**os.environ, "PYTHONPATH": paths, **environment}, timeout=300)


IMAGES = ("whole.png", "lost.png", "lost.jpg", "lost.tiff", "lost.bmp", "lost.webp")
VIDEOS = {"av1.mp4": ["libaom-av1", "-cpu-used", "8"], "mpeg4.avi": ["mpeg4"]}


@pytest.mark.slow
def test_what_libraries_say_of_damaged_files_is_not_shown(tmp_path):
    """Clips of an image and videos, all but the first with bytes in the middle lost."""
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for name in IMAGES:
        data = bytearray(cv2.imencode(Path(name).suffix, image)[1].tobytes())
        data[len(data) // 2 :] = data[len(data) // 2 :] if name == "whole.png" else bytes(9)
        (tmp_path / name.replace(".", "_")).mkdir()
        (tmp_path / name.replace(".", "_") / f"img1{Path(name).suffix}").write_bytes(data)
    for name, codec in VIDEOS.items():
        film = ["-f", "lavfi", "-i", "testsrc2=size=96x64", "-frames:v", "12", "-pix_fmt", "yuv420p", "-c:v", *codec]
        subprocess.run([ffmpeg, "-v", "error", *film, tmp_path / name], check=True)
        data = bytearray((tmp_path / name).read_bytes())
        data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
        (tmp_path / name).write_bytes(data)
    write_table(tmp_path, *(name.replace(".", "_") for name in IMAGES), *VIDEOS)
    done = command("datasets", "check", tmp_path / "clips.csv")
    said, shown = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == 1 and all(name.replace(".", "_") in said for name in IMAGES[1:])
    assert "av1.mp4: damaged" in said and "mpeg4.avi: damaged" in said and "whole_png/img1.png" not in said
    assert [line for line in re.split(r"[\r\n]+", shown) if line and not line.startswith("reading files")] == []


MACHINES = {
    "LANG=C": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "tr_TR": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    "python -O": {"flags": ["-O"]},
}


@pytest.mark.slow
def test_language_and_flags_of_python_change_nothing(tmp_path):
    own, smic, here = write_own(tmp_path / "own"), write_smic(tmp_path / "smic" / "HS"), tmp_path / "here.csv"
    expected = microexp(f"check '{own}' --json").out
    microexp(f"datasets table {smic} --dataset smic --out {here}")
    for number, machine in enumerate(MACHINES.values()):
        there = tmp_path / f"there {number}.csv"
        done = command("check", own, "--json", **machine)
        assert done.returncode == 0 and done.stdout.decode() == expected, done.stderr
        done = command("datasets", "table", smic, "--dataset", "smic", "--out", there, **machine)
        assert done.returncode == 0 and there.read_bytes() == here.read_bytes(), done.stderr
