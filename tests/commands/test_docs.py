"""Every command in README and documentation is one that there is, and runs; of trainings, up to the first epoch.

Programs in Python, the examples among them, run to their end. All is on small synthetic clips.
"""

import argparse
import functools
import glob
import re
import runpy
import shlex
import shutil
import sys

import pytest
from documents import DOCUMENTS, ROOT, blocks, commands, name_of
from helpers import microexp, write_film
from own_clips import write_own

from microexp_keras import __main__, models, weights
from microexp_keras.datasets import find_clips, synthesize
from microexp_keras.datasets.frames import read_frames
from microexp_keras.runs import engine

pytestmark = pytest.mark.slow

RUNNING = [path for path in DOCUMENTS if any(block.language in ("sh", "python") for block in blocks(path))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
MODULE = "microexp_keras."
EMPTY = "empty"  # the folder where commands are only parsed
NEEDS_A_TRAINED_RUN = "runs/clips-stcnn-paper-001/weights-improvement-*.weights.h5"  # one that a command above trains


@pytest.fixture(scope="module")
def workplace(small_faces, small_videos, three_people, trained, tmp_path_factory):
    """Folder with everything that the documents name: small synthetic trees, a video, a run, the authors' files."""
    folder = tmp_path_factory.mktemp("documents")
    synthesize("casme2", folder / "casme2_raw", layout="rawvideo", clips=(3, 3, 3), progress=False)
    made = shutil.copytree(three_people, folder / "data" / "synthetic-smic")
    (made / "SYNTHETIC.txt").touch()
    run = shutil.copytree(trained, folder / "runs" / "smic-stcnn-upstream-001")
    links = {"SMIC_all_cropped": small_faces, "casme2": small_videos}
    links |= {name: ROOT / name for name in ("weights", "examples")} | {path.name: path for path in run.glob("*.npy")}
    for name, target in links.items():
        (folder / name).symlink_to(target)
    face = [*read_frames(find_clips(small_faces, "smic")[0])]
    write_film(folder / "face.avi", [*face, *face], 100)  # longer than a window
    weights.save_keras2_hdf5(models.build_microexp_stcnn(frames=18), folder / "weights-improvement-40-0.69.hdf5")
    (folder / EMPTY).mkdir()
    (folder / EMPTY / "my_models.py").write_text("def my_model(): ...")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        microexp("datasets table SMIC_all_cropped --dataset smic --out clips.csv")
        yield folder


@functools.cache
def run(*words, only_parse=False):
    """Run a command, a training up to its first epoch; give its exit code, None of what is no command of ours.

    Once, however many documents have it.
    """
    if words[0] == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        return 0 if {*words[1:]} <= {*targets} else 1
    if words[:2] == ("python", "-m") and words[2].startswith(MODULE):
        words = ("microexp-keras", words[2].removeprefix(MODULE), *words[3:])
    if words[0] == "microexp-keras":
        if only_parse or words[1:3] == ("datasets", "table") or NEEDS_A_TRAINED_RUN in words:
            return parsed(words[1:])
        return up_to_training([path for word in words[1:] for path in sorted(glob.glob(word)) or [word]])
    if words[0] != "python" or only_parse:
        return None
    if words[1].startswith("examples/"):
        return 0 if ROOT / words[1] in EXAMPLES else 1  # each runs in a test of its own
    sys.argv = list(words[1:])
    return code_of(lambda: runpy.run_path(words[1], run_name="__main__") and 0)


def parsed(arguments):
    """Let a command read its options, where there are no files, and end."""
    parse = argparse.ArgumentParser.parse_args

    def parse_and_end(*given, **options):
        parse(*given, **options)
        sys.exit(0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse_and_end)
        patch.chdir(EMPTY)
        return code_of(__main__.main, arguments)


def up_to_training(arguments):
    """Let a command run, and end where it would train."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("train_run", "train_folds"):
            patch.setattr(engine, name, lambda *_: sys.exit(0))
        return code_of(__main__.main, arguments)


def code_of(call, *arguments):
    """Call, and give the exit code also of what exits."""
    try:
        return call(*arguments)
    except SystemExit as end:
        return end.code or 0


@pytest.mark.parametrize("path", RUNNING, ids=name_of)
def test_what_a_document_tells_to_run_runs(path, workplace, monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", sys.argv)
    names = {}
    for block in blocks(path):
        where = f"{name_of(path)}, line {block.line}"
        for words in commands(block) if block.language == "sh" else ():
            code = run(*words, only_parse=bool(block.why_skipped))
            assert code is not None or block.why_skipped, f"{where}: this test cannot run {words}"
            assert not code, f"{where}: {' '.join(words)} ended with {code}: {capfd.readouterr().err[-500:]}"
        if block.language == "python" and not block.why_skipped:
            exec(compile(block.text, where, "exec"), names)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("python -m microexp_keras.train --dataset smic --data SMIC_all_cropped --protocl loso", 2),
        ("python -m microexp_keras.train --dataset smic --data SMIC_all_cropped --model lbp-top --epochs 3", 2),
        ("microexp-keras datasets check nowhere", 2),
        ("make dinner", 1),
        ("brew tea", None),
    ],
)
def test_a_wrong_command_does_not_pass(line, code, workplace):
    assert run(*shlex.split(line)) == code


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_short_runs_and_prints_a_score(path, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(path), str(write_own(tmp_path))])
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.startswith("accuracy ")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line and not line.startswith(("import", "from"))]) <= 20
