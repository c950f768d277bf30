"""Prediction on one's own footage: the windows, the cuts as in training, the honest report, and every fault a line."""

import time

import cv2
import numpy as np
import pytest
from helpers import microexp, read_json, read_rows, refused, write_film

from microexp_keras import datasets, models, predict, preprocessing, protocols, weights
from microexp_keras.datasets.frames import VideoFile, read_frames, writing
from microexp_keras.landmarks import face_box
from microexp_keras.video import source
from microexp_keras.video import windows as video_windows

LEVELS = {"mean": 140.5, "max": 255.0}
TRAINED = {"dataset": "smic", "protocol": "upstream", "synthetic": True, "epoch": 7, "val_accuracy": 0.625}
CLASSES = ("negative", "positive", "surprise")
FRAMES = 40


@pytest.fixture(scope="module")
def clips(small_faces):
    return datasets.find_clips(small_faces)


@pytest.fixture(scope="module")
def film(clips):
    """A face that moves to and fro before a gray wall, uint8 (40, 240, 300, 3); it takes 160x160 pixels."""
    face = list(read_frames(clips[0], slice(0, 18)))
    film = np.full((FRAMES, 240, 300, 3), 120, np.uint8)
    for number, frame in enumerate(film):
        frame[50:210, 80:240] = face[abs((number + 17) % 34 - 17)]
    return film


@pytest.fixture(scope="module")
def video(film, tmp_path_factory):
    return write_film(tmp_path_factory.mktemp("film") / "film.avi", film)


@pytest.fixture(scope="module")
def stcnn(tmp_path_factory):
    """A file of weights that were never trained, and the model."""
    model, path = models.build_microexp_stcnn(), tmp_path_factory.mktemp("weights") / "face.weights.h5"
    weights.save_weights(model, path, {**TRAINED, "statistics": {"face": LEVELS}})
    return path, model


def ask(out, source, file, options=""):
    """Let the command predict; give what it said, and the table."""
    said = microexp(f"predict '{source}' --weights {file} --out {out} {options}")
    return said, read_rows(out / "predictions.csv")


def look(path, protocol, template=None, every=1, stride=100):
    """Stacks of the windows of a video or folder, cut as the command does."""
    filmed = source.Source(path)
    faces = video_windows.find_faces(filmed.read(protocol.swapped_colours), every)
    windows = video_windows.windows(faces, protocol, stride, template)
    return windows, dict(video_windows.stacks(filmed.read(protocol.swapped_colours), windows, faces, protocol))


@pytest.fixture(scope="module")
def seen(video, stcnn, tmp_path_factory):
    """The folder of a prediction on the video, and its table."""
    out = tmp_path_factory.mktemp("seen") / "out"
    return out, ask(out, video, stcnn[0])[1]


def test_every_window_has_its_frames_times_and_probabilities(seen):
    out, rows = seen
    assert [int(row["first_frame"]) for row in rows] == [0, 6, 12, 18]
    times = [(row["last_frame"], row["start_s"], row["end_s"]) for row in rows[1:3]]
    assert times == [("23", "0.240", "0.960"), ("29", "0.480", "1.200")]
    for row in rows:
        found = {name: float(row[f"p_{name}"]) for name in CLASSES}
        assert sum(found.values()) == pytest.approx(1, abs=1e-5) and row["predicted"] == max(found, key=found.get)
    assert (out / "report.html").exists()
    said = (out / "report.txt").read_text(encoding="utf-8")
    for text in (
        "trained on synthetic SMIC (protocol 'upstream', epoch 7): validation accuracy 62.5%, which is optimistic",
        "SYNTHETIC clips were used to train these weights: their predictions for real faces mean nothing",
        "not calibrated",
        'no class "no expression"',
        "covers 0.72 s at 25 frames a second, and 0.18 s at the 100 of SMIC-HS. So movements look 4.0 times as fast",
        "looked for in 9 of 40 frames (--face-every 5) and found in all of them",  # the last frame too
    ):
        assert text in said
    summary = read_json(out / "summary.json")
    assert summary["windows"] == 4 and summary["trained"]["epoch"] == 7 and summary["command"]


def test_a_folder_and_a_video_of_the_same_frames_give_the_same(seen, film, stcnn, tmp_path):
    (tmp_path / "frames").mkdir()
    for number, frame in enumerate(film):
        cv2.imwrite(str(tmp_path / "frames" / f"image{number}.png"), frame)
    said, rows = ask(tmp_path / "out", tmp_path / "frames", stcnn[0])
    assert rows[1]["start_s"] == "0.060" and "100 are assumed. Say it with --fps" in said.report
    times = {"start_s": "", "end_s": ""}
    assert [row | times for row in rows] == [row | times for row in seen[1]]


def test_the_table_holds_what_the_network_says_of_the_windows(seen, video, stcnn):
    _, stacks = look(video, protocols.get("upstream"), face_box.SYNTHETIC, every=5, stride=6)
    faces = np.stack([stacks[position]["face"] for position in range(4)])
    expected = stcnn[1].predict_on_batch(((faces - 140.5) / (255 - 140.5)).astype("float32")[..., None])
    found = [[float(row[f"p_{name}"]) for name in CLASSES] for row in seen[1]]
    assert np.allclose(found, expected, atol=1e-5)


def test_a_clip_cut_as_in_training_gives_nearly_the_stack_of_training(clips, film, video):
    protocol = protocols.get("upstream")
    training = preprocessing.face_stacks(clips, protocol, progress=False)
    [window, *_], stacks = look(video, protocol, face_box.SYNTHETIC)
    assert np.abs(np.array(window.box) - (50, 210, 80, 240)).max() <= 6  # people differ from the mean face
    [window, *_], stacks = look(video, protocol, face_box.template_of(clips[0].images[0]))
    assert np.abs(np.array(window.box) - (50, 210, 80, 240)).max() <= 2
    alike = [np.corrcoef(stacks[0]["face"].ravel(), one.ravel())[0, 1] for one in training]
    others = [one for one, clip in zip(alike, clips, strict=True) if clip.subject != clips[0].subject]
    assert alike[0] > 0.9 > max(others)


def test_whole_frames_are_those_of_training(clips, small_videos):
    protocol = protocols.get("upstream")
    _, stacks = look(clips[0].path, protocol)
    assert np.array_equal(stacks[0]["face"], preprocessing.face_stacks(clips[:1], protocol, progress=False)[0])
    protocol = protocols.get("upstream", dataset="casme2")  # frames 72 to 167, red and blue exchanged
    [clip, *_] = datasets.find_clips(small_videos, "casme2")
    _, stacks = look(clip.path, protocol, every=24, stride=72)
    assert np.array_equal(stacks[1]["face"], preprocessing.face_stacks([clip], protocol, progress=False)[0])


def test_eyes_and_mouth_are_those_of_training(clips):
    protocol = protocols.get("paper", "late")
    _, stacks = look(clips[0].path, protocol)
    expected, _ = preprocessing.region_stacks(clips[:1], protocol, progress=False)
    assert all(np.array_equal(stacks[0][name], expected[name][0]) for name in ("eyes", "mouth"))


def test_the_box_puts_the_face_where_it_was_in_training():
    points = np.zeros((3, 68, 2))
    for place, numbers in enumerate((slice(36, 42), slice(42, 48), slice(48, 55))):
        points[:, numbers] = face_box.SYNTHETIC.anchors[place]
    assert face_box.face_box(points) == (0, 160, 0, 160)
    assert face_box.face_box(2 * points + (30, -40)) == (-40, 280, 30, 350)
    points[1] += 50  # one frame that trembles moves nothing
    assert face_box.face_box(points) == (0, 160, 0, 160)
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(video_windows.cut(image, (1, 3, 2, 4)), image[1:3, 2:4])
    assert video_windows.cut(image, (-1, 2, 3, 6)).tolist() == [[3, 3, 3], [3, 3, 3], [7, 7, 7]]


def test_points_between_two_looks_lie_on_a_line(film):
    each = video_windows.find_faces(iter(film[:13]), 1)
    some = video_windows.find_faces(iter(film[:13]), 6)
    assert some.looks.tolist() == [0, 6, 12] and each.looks.tolist() == [*range(13)]
    assert np.array_equal(some.points, each.points[[0, 6, 12]])
    between = video_windows.points_in(some, 2, 8)
    assert between.shape == (7, 68, 2) and np.array_equal(between[4], some.points[1])
    assert np.abs(between[1] - (some.points[0] + some.points[1]) / 2).max() <= 0.5


def test_windows_without_a_face_are_listed_with_the_reason(film, stcnn, tmp_path):
    film = np.concatenate([film, film])
    film[25:30] = 0
    film[60:] = np.roll(film[60:], -80, axis=2)
    said, rows = ask(tmp_path / "out", write_film(tmp_path / "gaps.avi", film), stcnn[0], "--annotated")
    reasons = {int(row["first_frame"]): row["reason"] for row in rows}
    assert reasons[0] == reasons[30] == "" and reasons[6] == reasons[24] == "no face at frame 25"
    assert reasons[42] == reasons[54] == "the face leaps between frames 55 and 60" and reasons[60] == ""
    for row in rows:
        assert bool(row["predicted"]) == bool(row["p_surprise"]) == (not row["reason"])
    assert "11 windows of 18 frames, 4 with a prediction. No prediction in 4: no face at frame N" in said.out
    assert "No prediction in 3: the face leaps" in said.out
    annotated, shown = cv2.VideoCapture(str(tmp_path / "out" / "annotated.webm")), []
    assert annotated.get(cv2.CAP_PROP_FPS) == 25
    assert int(annotated.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little") == b"VP80"  # which browsers play
    while (frame := annotated.read())[0]:
        shown.append(frame[1])
    assert len(shown) == len(film)
    for frame in shown:  # "trained on synthetic clips", yellow on black
        strip = frame[2:22].astype(int)
        assert (np.minimum(strip[..., 1], strip[..., 2]) - strip[..., 0] > 100).sum() > 300
    page = (tmp_path / "out" / "report.html").read_text()
    assert 'src="annotated.webm"' in page and "media-src 'self'" in page


def test_fused_networks_see_eyes_and_mouth_of_every_frame(video, tmp_path):
    path = tmp_path / "late.weights.h5"
    statistics = {"eyes": LEVELS, "mouth": LEVELS}
    weights.save_weights(models.build_late_fusenet(), path, {"dataset": "smic", "statistics": statistics})
    said, rows = ask(tmp_path / "out", video, path)
    assert len(rows) == 4 and "looked for in 21 of 40 frames (--face-every 2)" in said.report
    assert "In no window, for a whole one does not fit: the last 4 frames." in said.report
    assert "SYNTHETIC" not in said.report
    assert "was not measured" in said.report and "does not say how well it did" in said.report


def test_weights_that_say_nothing_are_warned_of(stcnn, video, tmp_path):
    weights.save_keras2_hdf5(stcnn[1], tmp_path / "strange.hdf5", whole_model=False)
    said, rows = ask(tmp_path / "out", video, tmp_path / "strange.hdf5")
    assert len(rows) == 4
    for text in (
        "does not say what it was trained on",
        "is taken for SMIC",
        "channels_first is assumed",
        "WARNING: the weights file does not say by which mean and maximum",
    ):
        assert text in said.report
    _, stacks = look(video, protocols.get("upstream"), face_box.SYNTHETIC, every=5, stride=6)
    mean = np.mean([stack["face"].mean() for stack in stacks.values()])
    assert read_json(tmp_path / "out" / "summary.json")["statistics"]["face"]["mean"] == pytest.approx(mean)


def test_the_face_can_be_cut_as_in_a_frame_of_ones_own(video, stcnn, film, tmp_path):
    own = tmp_path / "own.png"
    cv2.imwrite(str(own), film[0, 40:220, 60:260])
    said, rows = ask(tmp_path / "out", video, stcnn[0], f"--like {own} --fps 50")
    assert [row["start_s"] for row in rows[:3]] == ["0.000", "0.120", "0.240"]
    faces = video_windows.find_faces(iter(film[:1]), 1)
    box = face_box.face_box(faces.points, face_box.template_of(own))
    assert np.abs(np.array(box) - (40, 220, 60, 260)).max() <= 3
    assert f"so that eyes and mouth lie as in {own}" in said.report


def test_times_are_those_of_the_file(film, stcnn, tmp_path):
    """A phone's video: 25 frames a second, later 8."""
    seconds = np.cumsum([0, *[0.04] * 19, *[0.12] * (FRAMES - 20)])
    with writing(tmp_path / "phone.mkv", "libvpx", film.shape[2:0:-1], 25) as write:
        for frame, second in zip(film, seconds, strict=True):
            write(frame, second)
    said, rows = ask(tmp_path / "out", tmp_path / "phone.mkv", stcnn[0], "--annotated")
    for row in rows:
        first, last = int(row["first_frame"]), int(row["last_frame"])
        assert float(row["start_s"]) == pytest.approx(seconds[first], abs=0.002)
        assert last == FRAMES - 1 or float(row["end_s"]) == pytest.approx(seconds[last + 1], abs=0.002)
    assert "WARNING: the frames come at uneven times, 40 to 120 ms after each other" in said.report
    with VideoFile(tmp_path / "out" / "annotated.webm") as annotated:
        assert sum(1 for _ in annotated.frames()) == FRAMES
        assert annotated.times == pytest.approx(seconds, abs=0.002)


def test_what_can_be_read_of_a_damaged_video_is_shown_and_said(film, stcnn, tmp_path):
    path = write_film(tmp_path / "cut.avi", film)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    said, rows = ask(tmp_path / "out", path, stcnn[0])
    assert 0 < len(rows) < 4 and "of the video could be read" in said.report and "cut off" in said.report


class Camera:
    """A camera of 50 frames a second, in the place of cv2.VideoCapture."""

    def __init__(self, film):
        self.film, self.taken = film, 0

    def isOpened(self):
        return True

    def read(self):
        time.sleep(0.02)
        self.taken += 1
        return True, self.film[self.taken % len(self.film)]

    def release(self):
        pass


def test_a_camera_is_recorded_and_the_recording_kept(film, stcnn, tmp_path, monkeypatch):
    opened = cv2.VideoCapture
    monkeypatch.setattr(source, "WARM_UP", 0.2)
    monkeypatch.setattr(cv2, "VideoCapture", lambda source: Camera(film) if source == 3 else opened(source))
    said, rows = ask(tmp_path / "out", "3", stcnn[0], "--seconds 1")
    assert rows and "MicroExpSTCNN on recording.avi" in said.out
    with VideoFile(tmp_path / "out" / "recording.avi") as kept:
        assert int(rows[-1]["last_frame"]) < sum(1 for _ in kept.frames())


def cut_off(path, film):
    path.write_bytes(write_film(path, film).read_bytes()[:9000])  # the header promises all


BEFORE = {  # what is found out before the network is loaded: the name, what is there, what is said
    "missing": ("film.avi", lambda path, film: None, "cannot be read (No such file or directory)"),
    "text": ("my film.avi", lambda path, film: path.write_text("no video" * 100), "no video that can be read"),
    "picture": ("face.jpg", lambda path, film: cv2.imwrite(str(path), film[0]), "no video that can be read"),
    "empty folder": ("HS", lambda path, film: path.mkdir(), "there are no frames in this folder"),
    "folders": ("HS", lambda path, film: (path / "s1").mkdir(parents=True), "Name the folder of one clip"),
    "camera": ("99", lambda path, film: None, "camera 99: cannot be opened"),
}
FAULTS = BEFORE | {
    "cut off": ("my film.avi", cut_off, "cut off"),
    "short": ("film.avi", lambda path, film: write_film(path, film[:7]), "has 7 frames, and the network looks at 18"),
    "blank": (
        "film.avi",
        lambda path, film: write_film(path, np.zeros((30, 120, 160, 3), np.uint8)),
        "a face throughout (no face at frame 0 in the first of 3; 0 of 7 looks found a face)",
    ),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_of_the_source_is_one_line(kind, film, stcnn, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if kind in BEFORE:
        monkeypatch.setattr(predict, "import_keras", lambda: pytest.fail("the network was loaded"))
    name, write, said = FAULTS[kind]
    write(tmp_path / name, film)
    error = refused(f"predict '{name}' --weights {stcnn[0]} --out out")
    assert said in error and not (tmp_path / "out").exists()
    assert kind not in ("text", "cut off") or f"ffmpeg -i '{name}' video.mp4" in error


def test_a_network_that_gives_one_answer_is_warned_of(video, tmp_path):
    model, path = models.build_microexp_stcnn(), tmp_path / "collapsed.weights.h5"
    kernel, bias = model.get_layer("dense_2").get_weights()
    model.get_layer("dense_2").set_weights([0 * kernel, np.array([0, 0, 50], bias.dtype)])
    weights.save_weights(model, path, {**TRAINED, "statistics": {"face": LEVELS}})
    said, _ = ask(tmp_path / "out", video, path)
    assert "* COLLAPSED: the network predicts surprise for all 4 windows" in said.out
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.index("COLLAPSED") < page.index("windows of 18 frames")
