"""Files and machines that people have, where a command is needed to see it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from own_clips import write_own
from trees import write_smic

from microexp_keras import datasets, train
from microexp_keras.datasets.__main__ import main as datasets_command
from microexp_keras.datasets.frames import read_frames


def command(*arguments, flags=(), **environment):
    run = [sys.executable, *flags, "-m", "microexp_keras", *map(str, arguments)]
    paths = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "PYTHONPATH": paths, **environment}
    return subprocess.run(run, capture_output=True, env=environment, timeout=300)


@pytest.fixture(scope="module")
def people(small_faces, tmp_path_factory):
    """A table of three clips: one person, two people beside each other, nobody."""
    root = tmp_path_factory.mktemp("people")
    [face] = read_frames(datasets.find_clips(small_faces)[0], slice(0, 1))
    for name, image in (("one", face), ("two", np.hstack([face, face])), ("nobody", np.full_like(face, 90))):
        (root / name).mkdir()
        for number in range(18):
            cv2.imwrite(str(root / name / f"img{number}.png"), image)
    rows = ["clip,subject,label", "one,1,a", "two,2,b", "nobody,3,a"]
    (root / "clips.csv").write_text("\n".join(rows) + "\n")
    return root / "clips.csv"


def test_of_two_people_check_says_what_training_stops_at(people, tmp_path, capsys):
    assert datasets_command(["check", str(people)]) == 0
    assert datasets_command(["check", str(people), "--crop", "face"]) == 1
    said = capsys.readouterr().out
    two, nobody = people.parent / "two" / "img0.png", people.parent / "nobody" / "img0.png"
    assert f"{two}: shows 2 faces wider than an eighth of it" in said
    assert f"{nobody}: shows no face wider than an eighth of it" in said
    assert "one/img0.png" not in said
    arguments = ["--data", str(people), "--protocol", "paper", "--crop", "face", "--out", str(tmp_path / "run")]
    assert train.main(arguments) == 2
    assert re.search(r"(two.*shows 2 faces|nobody.*shows no face) wider than an eighth", capsys.readouterr().err)


def damaged(root):
    """Two clips of images and two videos, all but the first with bytes in the middle lost."""
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    rows = ["clip,subject,label"]
    for name in ("whole.png", "lost.png", "lost.jpg", "lost.tiff", "lost.bmp", "lost.webp"):
        folder = root / name.replace(".", "_")
        folder.mkdir()
        data = bytearray(cv2.imencode(Path(name).suffix, image)[1].tobytes())
        data[len(data) // 2 :] = data[len(data) // 2 :] if name == "whole.png" else bytes(9)
        (folder / f"img1{Path(name).suffix}").write_bytes(data)
        rows.append(f"{folder.name},1,{'ab'[len(rows) % 2]}")
    for name, codec in (("av1.mp4", ["libaom-av1", "-cpu-used", "8"]), ("mpeg4.avi", ["mpeg4"])):
        film = ["-f", "lavfi", "-i", "testsrc2=size=96x64", "-frames:v", "12", "-pix_fmt", "yuv420p", "-c:v", *codec]
        subprocess.run([ffmpeg, "-v", "error", *film, root / name], check=True)
        data = bytearray((root / name).read_bytes())
        data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
        (root / name).write_bytes(data)
        rows.append(f"{name},2,{'ab'[len(rows) % 2]}")
    (root / "clips.csv").write_text("\n".join(rows) + "\n")
    return root / "clips.csv"


@pytest.mark.slow
def test_what_libraries_say_of_damaged_files_is_not_shown(tmp_path):
    done = command("datasets", "check", damaged(tmp_path))
    said, shown = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == 1 and all(f"lost_{kind}" in said for kind in ("png", "jpg", "tiff", "bmp", "webp"))
    assert "av1.mp4: damaged" in said and "mpeg4.avi: damaged" in said and "whole_png/img1.png" not in said
    assert [line for line in re.split(r"[\r\n]+", shown) if line and not line.startswith("reading files")] == []


MACHINES = {
    "LANG=C": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "tr_TR": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    "python -O": {"flags": ["-O"]},
}


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_language_and_flags_of_python_change_nothing(machine, tmp_path, capsys):
    own, smic, given = write_own(tmp_path / "own"), write_smic(tmp_path / "smic" / "HS"), MACHINES[machine]
    check, table = ["check", str(own), "--json"], ["table", str(smic), "--dataset", "smic", "--out"]
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    assert datasets_command(check) == 0
    expected = capsys.readouterr().out
    assert datasets_command([*table, str(here)]) == 0
    done = command("datasets", *check, **given)
    assert done.returncode == 0 and done.stdout.decode() == expected, done.stderr
    done = command("datasets", *table, there, **given)
    assert done.returncode == 0 and there.read_bytes() == here.read_bytes(), done.stderr
