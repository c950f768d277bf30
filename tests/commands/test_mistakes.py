"""Command lines that cannot be: one line says what is wrong, and nothing is written."""

import pytest
from helpers import as_nobody, best_weights, refused
from trees import write_video

from microexp_keras import runs

TRAIN, REPRODUCE = "train --dataset smic --data {smic}", "reproduce --dataset smic --data {three}"
FUSED_ARRAYS = "--validation-images {fused}/{pre}_eval_images.npy --validation-labels {fused}/{pre}_eval_labels.npy"

MISTAKES = {
    "train --dataset smic": "no clips of SMIC below",
    "train --dataset smic --data no": "no: does not exist",
    "train --resume .": "no config.json",
    "train --resume {trained} --seed 0": "does not go with --seed",
    "train --resume {trained} --epochs 1": "fewer than the 2",
    "train --resume {trained} --data {three}": "these are not the clips",
    "train --resume {fused} --landmarks points.csv": "the run was started without",
    f"{TRAIN} --out {{trained}}": "--resume",
    f"{TRAIN} --seed -1": "from 0 to 4294967295",
    f"{TRAIN} --seed 4294967296": "from 0 to 4294967295",
    f"{TRAIN} --weights no.h5": "no.h5: no such file",
    f"{TRAIN} --landmarks points.csv": "goes with a fused network only",
    f"{TRAIN} --model late --weights {{fused_best}}": "weights of Intermediate MicroExpFuseNet, not of Late",
    f"{TRAIN} --model json:small": "json:small: cannot be imported",
    f"{TRAIN} --protocol loso --kernel-size 3 3 30": "kernel: 3x3x30 is too large",
    "train --data '{own}' --protocol paper --crop face --model late": "goes with methods that see the whole face",
    "evaluate --data {smic} --weights no.h5": "no.h5: no such file",
    "evaluate --weights {best} --validation-images x.npy": "one is missing",
    f"evaluate --weights {{fused_best}} --data {{smic}} {FUSED_ARRAYS}": "go with clips only",
    "evaluate --weights {best} --data {smic} --landmarks points.csv": "is for the fused networks",
    "evaluate --weights {best} --data {smic} --model json:dumps": "json:dumps is not the function that learned",
    f"evaluate --weights {{fused_best}} {FUSED_ARRAYS}": "Give 2 .npy files (eyes, mouth, in this order)",
    f"inspect {'x' * 300}": "no such file",
    f"check {'x' * 300}": "File name too long",
    f"datasets synthesize --dataset smic --out {'x' * 300}": "File name too long",
    "datasets table {smic} {smic} --out new.csv": "a database is named twice: SMIC, SMIC",
    "datasets table {smic} {videos} --dataset smic --out new.csv": "names 1 for 2 folders",
    "datasets table {faces} {videos} --expressions micro --out new.csv": "--expressions micro: means nothing with the",
    "predict film.avi": "try it with --weights synthetic; docs/authors-weights.md says where",
    "predict film.avi --weights {home}/text.h5": "no complete HDF5 file",
    "predict film.avi --weights {best} --dataset casme2": "of SMIC (18 frames), not of CAS(ME)^2 (96 frames). Give --",
    "predict film.avi --weights {best} --like a.png --crop none": "--like",
    "predict film.avi --weights {fused_best} --crop face": "--crop, --like: they are for MicroExpSTCNN only",
    "reproduce": "dataset: none is named",
    f"{REPRODUCE} --synthetic": "leave it out or name no data of your own",
    f"{REPRODUCE} --tables VI": "for SMIC there is V, VII, VIII or IX, not VI",
    "reproduce --data '{own}' --tables V VII": "for my clips there is V, VIII or IX, not VII",
    f"{REPRODUCE} --protocols glorot --models stcnn": "leave nothing to train",
    f"{REPRODUCE} --tables IX --models late": "leave nothing to train",
    "reproduce --resume .": "is not the record of a reproduction",
    "reproduce --resume . --epochs 3": "does not go with --epochs",
    "reproduce --dataset smic --data no": "no: does not exist",
}


@pytest.fixture(scope="module")
def places(trained, fused, small_smic, small_faces, small_videos, three_people, own, tmp_path_factory):
    """What the lines name."""
    home = tmp_path_factory.mktemp("places")
    (home / "full").mkdir()
    for name in ("text.h5", "full/report.txt"):
        (home / name).write_text("no weights")
    clips = {"smic": small_smic, "faces": small_faces, "videos": small_videos, "three": three_people, "own": own}
    found = {"best": best_weights(trained), "fused_best": best_weights(fused), "pre": "intermediate_microexpfusenet"}
    return {**clips, **found, "trained": trained, "fused": fused, "home": home}


@pytest.mark.slow
@pytest.mark.parametrize("line", MISTAKES)
def test_a_wrong_line_is_answered_in_one_and_leaves_nothing(line, places, inside):
    write_video(inside / "film.avi", 20)
    assert MISTAKES[line] in refused(line.format(**places))
    assert {path.name for path in inside.rglob("*")} - {"runs"} == {"film.avi"}  # and no run


@pytest.mark.slow
@pytest.mark.parametrize("line", ["predict film.avi", "evaluate --synthetic"])
def test_a_folder_that_is_taken_is_refused_before_anything_is_read(line, places):
    for out, said in (("text.h5/out", "is a file, not a folder"), ("full", "there are files in this folder")):
        error = refused(f"{line} --weights {places['best']} --out {places['home']}/{out}")
        assert said in error and "--resume" not in error


def test_a_folder_that_may_not_be_written_or_read_is_refused(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o555)
    said = as_nobody(tmp_path, lambda: runs.require_free("closed/out"))
    assert "cannot be written to" in said and not list((tmp_path / "closed").iterdir())
    (tmp_path / "closed").chmod(0o000)
    assert "error: closed/clips: " in as_nobody(tmp_path, lambda: refused("check closed/clips"))
