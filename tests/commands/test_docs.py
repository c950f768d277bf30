"""Every command in README and documentation is one that there is, and what no other test runs is run.

It runs on small synthetic clips and shortened (`SHORTER`), once, however many documents have it. Programs in Python run
too.
"""

import argparse
import glob
import os
import re
import runpy
import shlex
import sys

import cv2
import numpy as np
import pytest
from documents import DOCUMENTS, ROOT, blocks, commands, name_of

from microexp_keras import __main__, models, train, weights
from microexp_keras.datasets import find_clips, synthesize

RUNNING = [path for path in DOCUMENTS if any(block.language in ("sh", "python") for block in blocks(path))]
MODULE = "microexp_keras."
SHORTER = {"--seeds": ["0"], "--epochs": ["1"], "--seconds": ["1"]}
"""What the values of options are replaced by; `train` and `reproduce` without --epochs get it."""
NOT_BY_EPOCHS = ("lbp-top", "stclqp")
TABLE = ["datasets", "table", "SMIC_all_cropped", "--dataset", "smic", "--out", "clips.csv"]
TRAIN = ["train", "--dataset", "smic", "--data", "SMIC_all_cropped", "--epochs", "1"]

RUN_ELSEWHERE = [
    ("reproduce",),  # test_reproduce
    ("train", "lbp-top"),  # test_rivals
    ("train", "stclqp"),
    ("train", "intermediate"),  # test_fusenet_commands
    ("train", "--landmarks"),
    ("train", "glorot"),  # test_own_clips
    ("train", "casme2", "loso"),  # the same is run on SMIC
    ("train", "loso", "--sampling"),  # the same is run with paper
]
"""Commands with all of these words are parsed and not run: other tests run them, or these documents run their like."""


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """Folder with everything that the documents name: small synthetic trees, a video, a run, the authors' files."""
    folder = tmp_path_factory.mktemp("documents")
    synthesize("smic", folder / "SMIC_all_cropped", clips=(6, 5, 5), easy=True, progress=False)
    for name, layout in (("casme2", "flat"), ("casme2_raw", "rawvideo")):
        synthesize("casme2", folder / name, layout=layout, clips=(3, 3, 3), progress=False)
    for name in ("weights", "examples"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "data").mkdir()
    (folder / "data" / "synthetic-smic").symlink_to(folder / "SMIC_all_cropped")
    write_video(folder / "face.avi", find_clips(folder / "SMIC_all_cropped", "smic")[0])
    model = models.build_microexp_stcnn(frames=18, seed=0)
    weights.save_keras2_hdf5(model, folder / "weights-improvement-40-0.69.hdf5")
    here = os.getcwd()
    os.chdir(folder)
    try:
        assert __main__.main(TABLE) == 0
        assert train.main(TRAIN[1:]) == 0
        for array in (folder / "runs" / "smic-stcnn-upstream-001").glob("*.npy"):
            (folder / array.name).symlink_to(array)
        yield folder
    finally:
        os.chdir(here)


def write_video(path, clip):
    """Film a clip twice, so that it is longer than a window."""
    frames = [cv2.imread(str(image)) for image in clip.images] * 2
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 100, frames[0].shape[1::-1])
    for frame in frames:
        writer.write(np.ascontiguousarray(frame))
    writer.release()


def shortened(words):
    """Give the arguments of a command of the package as they run here: on small data, for one epoch."""
    command, *given = words
    result, replaced = [command], False
    for word in given:
        replaced = replaced and not word.startswith("-")
        if not replaced:
            result += sorted(glob.glob(word)) or [word]
        if word in SHORTER:
            replaced = True
            result += SHORTER[word]
    if "--synthetic" in result:
        data = {"smic": "SMIC_all_cropped", "casme2": "casme2"}[result[result.index("--dataset") + 1]]
        place = result.index("--synthetic")
        result[place : place + 1] = ["--data", data]
    if command in ("train", "reproduce") and not {"--help", "--epochs", *NOT_BY_EPOCHS} & set(given):
        result += ["--epochs", "1"]
    if "--resume" in given:
        result[result.index("--epochs") + 1] = "2"  # more than before
    if command == "train" and "casme2" in given and "--kernel-size" not in given:
        result += ["--kernel-size", "3", "3", "80"]  # a fifth of the parameters
    return result


def targets():
    """Give the targets of the Makefile."""
    return set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def run(words, done):
    """Parse a command, and run it if nobody else has; give its exit code, None of what is no command of ours."""
    if words[0] == "make":
        return 0 if set(words[1:]) <= targets() else 1
    if words[:2] == ["python", "-m"] and words[2].startswith(MODULE):
        words = ["microexp-keras", words[2].removeprefix(MODULE), *words[3:]]
    if words[0] == "microexp-keras":
        arguments = shortened(words[1:])
        if any({*those} <= {*arguments} for those in RUN_ELSEWHERE):
            return parsed(words[1:])
        if tuple(arguments) not in done:
            done[tuple(arguments)] = result_of(lambda: __main__.main(arguments))
        return done[tuple(arguments)]
    if words[:1] == ["python"] and words[1].startswith("examples/"):
        return 0 if (ROOT / words[1]).exists() else 1  # test_examples runs them all
    if words[0] == "python" and words[1].endswith(".py"):
        sys.argv = words[1:]
        return result_of(lambda: runpy.run_path(words[1], run_name="__main__") and 0)
    return None


def parsed(arguments):
    """Let a command read its options and end."""
    parse = argparse.ArgumentParser.parse_args

    def parse_and_end(*given, **options):
        parse(*given, **options)
        raise SystemExit(0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse_and_end)
        return result_of(lambda: __main__.main(arguments))


def result_of(call):
    """Call, and give the exit code also of what exits."""
    try:
        return call()
    except SystemExit as end:
        return end.code or 0


@pytest.fixture(scope="module")
def done():
    """Exit codes of the commands that have run."""
    return {tuple(TABLE): 0, tuple(TRAIN): 0}


@pytest.mark.slow
@pytest.mark.parametrize("path", RUNNING, ids=name_of)
def test_what_a_document_tells_to_run_runs(path, workplace, done, monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", sys.argv)
    names = {}
    for block in blocks(path):
        where = f"{name_of(path)}, line {block.line}"
        if block.why_skipped:
            continue
        if block.language == "sh":
            for words in commands(block):
                code = run(words, done)
                assert code is not None, f"{where}: this test cannot run {words}"
                assert code == 0, f"{where}: {' '.join(words)} ended with {code}: {capfd.readouterr().err[-500:]}"
        elif block.language == "python":
            exec(compile(block.text, where, "exec"), names)


@pytest.mark.parametrize("path", RUNNING, ids=name_of)
def test_commands_that_are_too_long_to_run_have_the_options_that_there_are(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_models.py").write_text("def my_model(): ...")
    for block in blocks(path):
        if block.why_skipped and block.language == "sh":
            for words in commands(block):
                if words[:2] == ["python", "-m"] and words[2].startswith(MODULE):
                    assert parsed([words[2].removeprefix(MODULE), *words[3:]]) == 0, words


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("python -m microexp_keras.train --dataset smic --data SMIC_all_cropped --protocl loso", 2),
        ("python -m microexp_keras.train --dataset smic --data SMIC_all_cropped --model lbp-top --protocl loso", 2),
        ("microexp-keras datasets check nowhere", 2),
        ("make dinner", 1),
        ("brew tea", None),
    ],
)
def test_a_wrong_command_does_not_pass(line, code, workplace, done):
    assert run(shlex.split(line), done) == code
