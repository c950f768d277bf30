"""From frames to points to boxes, as the original programs find them; faults are named, and mended where asked."""

import io
import shutil
import sys
import types
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from trees import write_workbook

from microexp_keras import landmarks, preprocessing, protocols
from microexp_keras.datasets import Clip, Video, find_clips
from microexp_keras.errors import MicroExpError
from microexp_keras.landmarks import CsvLandmarks, Landmarks, boxes, dlib_detector, fill_missing_landmarks, write_csv
from microexp_keras.landmarks.__main__ import main as landmarks_command
from microexp_keras.video import windows

GOLDEN = Path(__file__).parents[1] / "golden" / "clips" / "smic"
SHAPE = (100, 120)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """A cache of its own for every test."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("MICROEXP_CACHE", str(folder))
    return folder


def face(left=20, top=30):
    """Points in the proportions of a face: the jaw around, brows above, all else in the middle."""
    points = np.full((68, 2), (left + 30, top + 30), np.int32)
    points[:17, 0] = np.linspace(left, left + 60, 17)
    points[:17, 1] = top + 50 * np.sin(np.linspace(0.2, np.pi - 0.2, 17))
    points[17:27] = np.stack([np.linspace(left + 5, left + 55, 10), np.full(10, top)], axis=1)
    return points


def clip_of(frames, name="s03_ne_01"):
    return Clip(name, "s03", 0, tuple(Path(f"/data/{name}/image{frame}.bmp") for frame in range(frames)))


def found_in(faces):
    """Landmarks with so many faces in each frame, each frame's face one pixel right of the last one's."""
    points = [face(left=20 + frame) if count else np.zeros((68, 2)) for frame, count in enumerate(faces)]
    return Landmarks(np.array(faces, np.int32), np.array(points, np.int32))


def test_points_are_found_once_for_the_same_pixels_and_again_where_the_cache_is_damaged(cache, monkeypatch):
    frames = [*np.random.default_rng(0).integers(0, 256, (2, 9, 9, 3), np.uint8)]
    other = [frames[0], frames[1].copy()]
    other[1][-1, -1, -1] ^= 1
    calls = []
    monkeypatch.setattr(dlib_detector, "detect", lambda images: calls.append(1) or found_in([1] * len(images)))
    for seen in (frames, other, frames[::-1], [frame[..., ::-1] for frame in frames], frames):
        found = landmarks.DlibLandmarks()(clip_of(2, f"clip {len(calls)}"), seen)
        assert np.array_equal(found.points, found_in([1, 1]).points) and found.faces.tolist() == [1, 1]
        assert found.points.dtype == found.faces.dtype == np.int32
    path, *others = sorted(cache.rglob("*.npz"), key=lambda one: one.stat().st_mtime_ns)
    assert len(calls) == 4 == len([path, *others])
    for damage in (
        lambda data: data[:-300],
        lambda data: data[:900] + b"\xff" + data[901:],
        lambda data: saved(**found_in([1, 1, 1])._asdict()),  # of other frames
        lambda data: saved(faces=np.array([{}], object), points=0),  # a pickle
    ):
        path.write_bytes(damage(path.read_bytes()))
        assert np.array_equal(landmarks.DlibLandmarks()(clip_of(2), frames).points, found_in([1, 1]).points)
        assert dlib_detector._read_cached(path, 2)
    assert len(calls) == 8
    landmarks.DlibLandmarks(cache=False)(clip_of(2), frames)
    assert len(calls) == 9


def saved(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_nothing_but_the_original_model_is_used(monkeypatch):
    load = dlib_detector._load_predictor.__wrapped__
    for name, value, said in (
        ("MODEL_SHA256", "0" * 64, "shape_predictor_68"),
        ("MODEL_FILE", "models/none.dat", r"none\.dat"),
        ("MODEL_PACKAGE", "no_such_package", "no_such_package"),
    ):
        monkeypatch.setattr(dlib_detector, name, value)
        with pytest.raises(MicroExpError, match=f"{said}.*is missing, or not the original.*install dlib-bin face"):
            load()
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(MicroExpError, match=r"package dlib.*pip install dlib-bin face"):
        landmarks.DlibLandmarks()(clip_of(1), [np.zeros((9, 9, 3), np.uint8)])


def test_faults_stop_with_the_frame_and_what_was_found():
    found = found_in([1, 1, 1])
    for policy in ("stop", "neighbours"):
        points, said = fill_missing_landmarks(clip_of(3), found, [SHAPE] * 3, policy)
        assert points is found.points and said == []
    outside = found_in([1, 1])
    outside.points[1, :, 0] += 110
    video = Clip("a", "s01", 0, Video(Path("/data/a.avi"), 72))
    for clip, found, policy, said in (
        (clip_of(3), found_in([0, 3, 0]), "neighbours", r"/s03_ne_01: .* no face in frames 0, 2, 3 faces in frame 1"),
        (clip_of(3), found_in([1, 0, 2]), "stop", r"s03_ne_01/image1\.bmp: no face, so .*--landmarks points\.csv"),
        (clip_of(2), outside, "stop", r"image1\.bmp: eyes beyond the border, so that eyes and mouth cannot"),
        (video, found_in([1, 0]), "stop", r"a\.avi, frame 73: no face"),
    ):
        with pytest.raises(MicroExpError, match=said):
            fill_missing_landmarks(clip, found, [SHAPE] * len(found.faces), policy)


def boxed(eyes, mouth):
    """Points whose boxes (top, bottom, left, right) these are; both begin in columns and end in rows of their own."""
    points = np.zeros((68, 2), np.int32)
    for box, (top, bottom, left, right) in ((eyes, (19, 1, 1, 15)), (mouth, (2, 6, 2, 14))):
        points[top, 1], points[bottom, 1], points[left, 0], points[right, 0] = box
    return points


# Boxes as SMIC/Intermediate_MicroFuseNet.py:67,70 cuts them out of 100 rows and 120 columns, and by hand the pixels
# that the slices of numpy then hold: up to the border; a negative number counts from the other end. None where nothing
# is left, which ends the original at its next statement.
@pytest.mark.parametrize(
    ("box", "pixels"),
    [
        ((30, 48, 20, 80), (30, 48, 20, 80)),
        ((80, 130, 70, 150), (80, 100, 70, 120)),  # beyond the right and the lower border
        ((30, 48, -90, -10), (30, 48, 30, 110)),  # both ends left of it
        ((-30, -10, 20, 80), (70, 90, 20, 80)),
        ((30, 48, -500, -10), (30, 48, 0, 110)),
        ((30, 48, -1, 150), (30, 48, 119, 120)),
        ((-5, 48, 20, 80), None),
        ((30, 48, -5, 80), None),
        ((30, 48, 120, 150), None),
        ((48, 30, 20, 80), None),  # upside down
    ],
)
@pytest.mark.parametrize(("region", "faces"), [("eyes", 1), ("mouth", 1), ("eyes", 2)])
def test_upstream_cuts_and_stops_where_the_original_does(tmp_path, box, pixels, region, faces):
    # line 70 takes the left end of both from other points than line 67
    eyes, mouth = (box, (60, 90, 25, 75)) if region == "eyes" else ((30, 48, 20, 80), box)
    image = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "image0.png"), image)
    clip = Clip("s03_ne_01", "s03", 0, (tmp_path / "image0.png",))
    found = Landmarks(np.array([faces], np.int32), boxed(eyes, mouth)[None])
    protocol = replace(protocols.get("upstream", "late"), frames=1)
    if pixels is None:
        with pytest.raises(MicroExpError, match=r"image0\.png: .* cannot be cut out"):
            preprocessing.region_stacks([clip], protocol, lambda *_: found, progress=False)
        return
    stacks, notes = preprocessing.region_stacks([clip], protocol, lambda *_: found, progress=False)
    top, bottom, left, right = pixels
    resized = cv2.resize(image[top:bottom, left:right].copy(), (32, 32), interpolation=cv2.INTER_AREA)
    assert np.array_equal(stacks[region][0, :, :, 0], cv2.cvtColor(resized, cv2.COLOR_BGR2GRAY))
    assert bool(notes) == (faces > 1 or box != pixels)
    assert all(("2 faces" if faces == 2 else "border") in note and "frame 0" in note for note in notes)


def test_the_protocol_decides_on_frames_of_several_sizes_and_without_a_face(tmp_path):
    clip = Clip("s03_ne_01", "s03", 0, (tmp_path / "0.png", tmp_path / "1.png"))
    for path, rows in zip(clip.images, (100, 140), strict=True):
        cv2.imwrite(str(path), np.full((rows, 120, 3), rows, np.uint8))
    points = boxed((30, 48, 20, 80), (110, 130, 20, 80))
    found = Landmarks(np.ones(2, np.int32), np.stack([points - [[0, 40]], points]))
    found.points[0, [1, 19], 1] = 48, 30
    upstream, paper = (replace(protocols.get(name, "late"), frames=2) for name in ("upstream", "paper"))

    def stacks(protocol):
        return preprocessing.region_stacks([clip], protocol, lambda *_: found, progress=False)

    regions, notes = stacks(upstream)
    assert regions["mouth"][0, 5, 5].tolist() == [100, 140] and not notes
    with pytest.raises(MicroExpError, match="frames of several sizes: 120x100, 120x140"):
        stacks(paper)
    shutil.copy(clip.images[1], clip.images[0])
    found.faces[0] = 0
    regions, notes = stacks(paper)
    assert notes == ["s03_ne_01: no face in frame 0; their points are those of the neighbouring frames"]
    assert regions["eyes"].shape == (1, 32, 32, 2)
    with pytest.raises(MicroExpError, match=r"0\.png: no face, so that"):
        stacks(upstream)


def test_points_are_those_of_the_frames_that_are_read_wherever_these_begin(tmp_path):
    for frame in range(8):
        cv2.imwrite(str(tmp_path / f"{frame}.png"), np.full((*SHAPE, 3), 30 * frame, np.uint8))
    clip = Clip("a", "s1", 0, tuple(tmp_path / f"{frame}.png" for frame in range(8)), apex=5)
    found = found_in([0, 0, 0, 0, 1, 1, 0, 0])  # of frames 4 and 5 alone, which stand around the apex
    write_csv(tmp_path / "points.csv", {"a": found})
    protocol = replace(protocols.get("upstream", "late"), frames=2, sampling="apex")
    stacks, notes = preprocessing.region_stacks([clip], protocol, CsvLandmarks(tmp_path / "points.csv"), progress=False)
    assert stacks["eyes"][0, 9, 9].tolist() == [120, 150] and not notes


def test_a_box_is_good_up_to_the_border():
    for point, axis, value, fault in (
        (19, 1, -1, "eyes beyond the border"),
        (15, 0, 121, "eyes beyond the border"),
        (6, 1, 101, "mouth beyond the border"),
        (19, 1, 90, "empty box of the eyes"),
        (6, 1, 100, None),
        (19, 1, 0, None),
        (8, 1, 300, None),  # the chin is in no box
    ):
        found = found_in([1])
        found.points[0, point, axis] = value
        assert landmarks.find_faults(found, [SHAPE]) == [fault]


def test_neighbours_lend_their_points_in_proportion():
    found = found_in([0, 1, 0, 0, 2, 1, 0])
    points, said = fill_missing_landmarks(clip_of(7), found, [SHAPE] * 7, "neighbours")
    assert points[:, 0, 0].tolist() == [21, 21, 22, 23, 24, 25, 25]  # the face moves by a pixel a frame
    assert np.array_equal(points[5], found.points[5]) and points.dtype == np.int32 and points.shape == (7, 68, 2)
    assert said == [
        "s03_ne_01: no face in frames 0, 2-3, 6, 2 faces in frame 4; their points are those of the neighbouring frames"
    ]
    assert not found.points[0].any()  # what was found is left as it was


def table(tmp_path, change=lambda lines: lines, faces=(1, 0, 2)):
    path = tmp_path / "points.csv"
    write_csv(path, {"s03_ne_01": found_in(faces), "s1, the other": found_in([1])})
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    return path


def test_a_table_reads_as_it_was_written(tmp_path):
    source, images = CsvLandmarks(table(tmp_path)), [None] * 3
    found, expected = source(clip_of(3), images), found_in([1, 0, 2])
    assert all(np.array_equal(a, b) and a.dtype == np.int32 for a, b in zip(found, expected, strict=True))
    assert source(clip_of(1, "s1, the other"), images[:1]).faces.tolist() == [1]
    assert source(clip_of(3), images[:2]).faces.tolist() == [1, 0]  # a protocol may read fewer frames
    assert source(clip_of(3), images[:2], 1).faces.tolist() == [0, 2]  # or later ones


def test_a_table_may_leave_out_rows_and_the_column_of_faces(tmp_path):
    path = table(tmp_path, lambda lines: [",".join(line.split(",")[:2] + line.split(",")[3:]) for line in lines[:2]])
    path.write_text("\ufeff" + path.read_text().replace("s03_ne_01,0", "s03_ne_01,1"), encoding="utf-8")
    found = CsvLandmarks(path)(clip_of(3), [None] * 3)
    assert found.faces.tolist() == [landmarks.UNKNOWN, 1, landmarks.UNKNOWN]
    with pytest.raises(MicroExpError, match=r"image0\.bmp: row missing in your CSV"):
        fill_missing_landmarks(clip_of(3), found, [SHAPE] * 3, "stop")
    points, [said] = fill_missing_landmarks(clip_of(3), found, [SHAPE] * 3, "neighbours")
    assert (points == found.points[1]).all() and "row missing in your CSV in frames 0, 2" in said
    found.faces[:] = landmarks.UNKNOWN
    with pytest.raises(MicroExpError, match=r"row missing in your CSV in frames 0-2") as error:
        fill_missing_landmarks(clip_of(3), found, [SHAPE] * 3, "neighbours")
    assert "preview" not in str(error.value)
    write_csv(path, {"s03_ne_01": found})
    assert len(path.read_text().splitlines()) == 1


def cell(line, column, text):
    def change(lines):
        values = lines[line].split(",")
        values[column] = text
        return [*lines[:line], ",".join(values), *lines[line + 1 :]]

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (cell(0, 5, "X2"), "line 1: has no column x_2"),
        (cell(0, 2, "x_0"), "line 1: has x_0 more than once"),
        (lambda lines: [], "line 1: has no column clip, frame, x_0 and 135 more"),
        (cell(1, 70, "left"), "line 2, column x_67: 'left' is not a number of pixels"),
        (cell(1, 71, "nan"), "line 2, column y_0: 'nan' is"),
        (cell(1, 71, ""), "line 2, column y_0: '' is"),
        (cell(3, 1, "1.5"), "line 4, column frame: '1.5' is not a whole number from 0"),
        (cell(3, 2, "-1"), "line 4, column faces: '-1' is"),
        (cell(3, 1, "0"), "line 4: is of a frame that an earlier row gives too"),
        (cell(1, 2, "0"), "line 2: has points, but 0 in the column faces"),
        (lambda lines: [*lines[:2], lines[2] + ",5"], "line 3: has more cells than there are columns"),
        (lambda lines: [*lines[:2], "s03_ne_01"], "line 3, column frame: '' is not a whole number"),
        (lambda lines: [*lines[:2], "x" * 200_000], "line 3: .*field"),
    ],
)
def test_a_table_that_is_none_names_file_and_line(tmp_path, change, said):
    with pytest.raises(MicroExpError, match=r"points\.csv, " + said):
        CsvLandmarks(table(tmp_path, change))


@pytest.mark.parametrize("saved_as", ["decimal commas", "xlsx"])
def test_a_table_that_a_spreadsheet_program_saved_again_reads_the_same(tmp_path, saved_as):
    path = table(tmp_path)
    expected = CsvLandmarks(path)(clip_of(3), [None] * 3)
    rows = [line.split(",") for line in path.read_text().replace('"s1, the other"', "other").splitlines()]
    rows = [[*row, "", ""] for row in [*rows, [""] * len(rows[0]), [""] * len(rows[0])]]
    if saved_as == "xlsx":
        path = tmp_path / "points.xlsx"
        cells = [[int(cell) if cell.lstrip("-").isdigit() else cell or None for cell in row] for row in rows]
        write_workbook(path, {"points": cells})
    else:
        rows[1:4] = [[*row[:3], *(f"{cell},25" for cell in row[3:-2]), "", ""] for row in rows[1:4]]
        path.write_text("\ufeff" + "\r\n".join(map(";".join, rows)) + "\r\n\r\n", newline="")
    found = CsvLandmarks(path)(clip_of(3), [None] * 3)
    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


def test_a_table_without_the_clip_or_of_another_clip(tmp_path):
    (tmp_path / "points.xlsx").write_bytes(b"PK" + bytes(100))
    with pytest.raises(MicroExpError, match=r"points\.xlsx: cannot be read as a workbook"):
        CsvLandmarks(tmp_path / "points.xlsx")
    source = CsvLandmarks(table(tmp_path))
    with pytest.raises(MicroExpError, match=r"points\.csv: has no row for the clip s9"):
        source(clip_of(3, "s9"), [None] * 3)
    with pytest.raises(MicroExpError, match=r"points\.csv, line 4: .* does not have: its frames are 0 to 1\."):
        source(clip_of(2), [None] * 2)


@pytest.fixture
def database(tmp_path):
    """Three clips of real frames; the second frame of the last shows no face."""
    sources = sorted((GOLDEN / "Negative" / "s1_ne_01").iterdir())[:3]
    for name in ("Negative/s1_ne_01", "Positive/s1_po_01", "Surprise/s1_sur_01"):
        (tmp_path / "smic" / name).mkdir(parents=True)
        for source in sources:
            shutil.copy(source, tmp_path / "smic" / name)
    blank = tmp_path / "smic" / "Surprise" / "s1_sur_01" / sources[1].name
    cv2.imwrite(str(blank), np.full((240, 240, 3), 90, np.uint8))
    return tmp_path / "smic"


def test_detect_writes_the_table_and_names_the_faults(database, tmp_path, capsys):
    out = tmp_path / "points.csv"
    arguments = ["detect", str(database), "--dataset", "smic", "--frames", "3", "--out", str(out)]
    assert landmarks_command(arguments) == 0
    said = capsys.readouterr().out
    assert "3 clips, 9 frames: 1 without a face, 0 with several, 0 with" in said
    assert "s1_sur_01: no face in frame 1\n" in said and "s1_ne_01:" not in said
    clips = find_clips(database, "smic")
    for clip in clips:
        read = CsvLandmarks(out)(clip, [None] * 3)  # the box with which the regions equal the original's arrays
        assert boxes(read.points[0]) == {"eyes": (77, 106, 70, 160), "mouth": (117, 158, 71, 158)}
    assert read.faces.tolist() == [1, 0, 1]


def film_of(path, *frames):
    path.parent.mkdir(exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, frames[0].shape[1::-1])
    for frame in frames:
        writer.write(frame)
    writer.release()


def test_frames_of_cas_me_2_are_shown_as_the_original_shows_them(tmp_path, capsys, monkeypatch):
    shown = []
    monkeypatch.setattr(dlib_detector, "detect", lambda images: shown.extend(images) or found_in([1] * len(images)))
    for red, name in zip((10, 20, 30), ("angry", "happy", "disgust"), strict=True):
        film_of(tmp_path / name / f"15_{name}.avi", *[np.full((*SHAPE, 3), (250, 90, red), np.uint8)] * 75)
    assert landmarks_command(["detect", str(tmp_path), "--dataset", "casme2", "--frames", "2"]) == 0
    assert "3 clips, 6 frames" in capsys.readouterr().out
    assert len(shown) == 6 and all(image[0, 0, 0] < 60 < 200 < image[0, 0, 2] for image in shown)


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ("smic/Surprise/s1_sur_01", "3 frames of s1_sur_01, 1 with faults"),
        ("smic/Negative/s1_ne_01/reg_image004000.webp", "1 frame of reg_image004000.webp, none with faults"),
        ("video.avi", "2 frames of video.avi, none with faults"),
    ],
)
@pytest.mark.slow
def test_preview_draws_a_clip_an_image_and_a_video(database, tmp_path, capsys, which, said):
    face = cv2.imread(str(database / "Negative" / "s1_ne_01" / "reg_image004000.webp"))
    film_of(tmp_path / "video.avi", face, face)
    out = tmp_path / "sheet.png"
    assert landmarks_command(["preview", str(tmp_path / which), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: {said}\n"
    sheet = cv2.imread(str(out))
    colours = np.array([(0xB2, 0x72, 0), (0, 0x9F, 0xE6), (0, 0, 0xCC)])[:, None, None]
    eyes, mouth, fault = (np.abs(sheet - colours).max(axis=-1) <= 3).sum(axis=(1, 2))
    assert eyes > 500 and mouth > 500
    assert (fault > 3000) == ("1 with" in said)  # the legend shows a little of it


def test_mistakes_of_preview_are_one_line(tmp_path, capsys):
    (tmp_path / "text.txt").write_text("no video")
    for name, said in (("no", "cannot be read (No such file"), ("text.txt", "no video that can be read")):
        assert landmarks_command(["preview", str(tmp_path / name), "--out", str(tmp_path / "sheet.png")]) == 2
        assert said in capsys.readouterr().err


def test_predict_shows_a_network_faces_as_it_was_trained_on_them():
    for name, synthetic, cut in (("samm", False, False), ("samm", True, True), ("smic", False, True)):
        file = types.SimpleNamespace(path="x", metadata={"synthetic": synthetic})
        template = windows.template_for(file, protocols.get("loso", "stcnn", name), None, None)
        assert (template is not None) == cut
