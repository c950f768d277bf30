"""From a seed to a folder like CAS(ME)^2's, distributed or flat, of films made from one portrait; see `synthetic`.

People, movements and camera are those of the synthetic SMIC; an expression is again nothing but a motion over time, and
a face rests in a random mixture of those motions, so that no frame before the onset knows the class. Films are longer:
the head wanders, the eyes blink now and then, and one film may hold several expressions.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from microexp_keras.datasets.database import CASME2
from microexp_keras.datasets.frames import open_video
from microexp_keras.datasets.synthetic import smic as synthetic
from microexp_keras.datasets.synthetic.smic import SIZE, rise_and_fall
from microexp_keras.errors import MicroExpError

FRAMES_PER_SECOND = 30
FOURCC = "XVID"
SUBJECTS = (15, 16, *range(19, 28), *range(29, 39), 40)  # in the order of the workbook's index, which counts from 1
PEOPLE = 100  # added to a subject's number where random numbers are keyed: nobody is also in the synthetic SMIC

VIDEOS = {
    "angry": {"anger1": "0401girlcrashing", "anger2": "0402beatingpregnantwoman"},
    "happy": {
        "happy1": "0502funnyerrors",
        "happy2": "0503unnyfarting",
        "happy3": "0505funnyinnovations",
        "happy4": "0507climbingthewall",
        "happy5": "0508funnydunkey",
    },
    "disgust": {"disgust1": "0101disgustingteeth", "disgust2": "0102eatingworms"},
}
"""What subjects watched, by the class it is meant to evoke: the workbook's code, and the rest of the file's name."""

MOVEMENTS = (
    *synthetic.MOVEMENTS.values(),
    (((101, 120), (13, 6), (0, -1)), ((102, 106), (16, 8), (0, -0.5))),  # upper lip up, and the nose with it
)


class Emotion(NamedTuple):
    """What a face does, and how the workbook says it.

    Attributes
    ----------
    motion : (float,) * 8
        At the apex, in the order of `MOVEMENTS` and pixels of the portrait.
    action_units, estimated, reported : str
    """

    motion: tuple[float, ...]
    action_units: str
    estimated: str
    reported: str


EMOTIONS = {
    "angry": Emotion((-1.9, 1.9, 0.6, 0.2, -0.3, -1.4, -1.0, -0.4), "4+7+23", "negative", "anger"),
    "happy": Emotion((0.6, 0.0, -0.2, 1.6, 1.8, 1.3, 0.0, 0.0), "6+12", "positive", "happiness"),
    "disgust": Emotion((-0.6, 0.0, -1.3, 1.2, -0.9, 0.3, 0.8, 1.8), "4+9+10", "negative", "disgust"),
    "surprise": Emotion((1.6, 0.0, 0.8, 0.0, 0.0, -0.4, 1.8, 0.0), "1+2+5+26", "surprise", "surprise"),
    "sadness": Emotion((0.8, 1.2, -0.5, 0.0, -1.5, -0.2, -0.4, 0.0), "1+4+15", "negative", "sadness"),
}
REST = 2.0  # a film rests up to so many times every class's motion from the portrait, either way

MICRO = 57 / 357  # of CAS(ME)^2's expressions are micro-expressions
MISSING = 8  # every so many rows lack the offset, as 44 of CAS(ME)^2's 357 do

FLAT_FRAMES = (168, 175)  # of the shortest and the longest clip of the flat layout
FLAT_APEX = 120  # about here: the middle of frames 72 to 167, which the networks see
SLOT = 132  # frames of a recording for each of its expressions, whose apex is about in the middle
LEAD = 30  # frames of a recording before its first slot
MOST_IN_ONE = 3  # expressions of a recording
MOST_OF_A_CLASS = 110  # expressions, as five of each subject and another emotion fill two recordings
OTHERS = {"happy": "surprise", "disgust": "sadness"}  # what the first subjects also show in recordings of a class
SHOW_OTHERS = 6  # subjects

WORKBOOK = "CAS(ME)^2code_final.xlsx"


class Expression(NamedTuple):
    """One expression of a film.

    Attributes
    ----------
    emotion : str
        Key of `EMOTIONS`.
    micro : bool
        Whether it is a micro-expression: over within half a second.
    onset, apex, offset : int
        Frames, the film's first being 0; at rest up to the onset and from the offset on.
    strength : float
        Times the emotion's motion.
    """

    emotion: str
    micro: bool
    onset: int
    apex: int
    offset: int
    strength: float


class Film(NamedTuple):
    """One video to be written.

    Attributes
    ----------
    path : str
        Below the data set's folder.
    subject : int
    key : tuple of int
        Keys the random numbers of everything but the expressions.
    frames : int
    expressions : list of Expression
    """

    path: str
    subject: int
    key: tuple[int, ...]
    frames: int
    expressions: list[Expression]


def write_casme2(
    root: str | Path,
    seed: int = 0,
    layout: str = "rawvideo",
    clips_per_class: Sequence[int] = (75, 93, 35),
    progress: bool = True,
    workers: int | None = None,
) -> Path:
    """Write a synthetic CAS(ME)^2.

    Parameters
    ----------
    root : str or Path
        The folder to make. It appears only when it is complete.
    seed : int
        The same seed gives the same pixels, however many workers there are (with the same numpy and OpenCV).
    layout : str
        `"rawvideo"`, as distributed: recordings `root/rawvideo/s15/15_0101disgustingteeth.avi` of one to three
        expressions, and the workbook `root/CAS(ME)^2code_final.xlsx`. `"flat"`, as the original programs want it:
        clips `root/disgust/15_0101disgustingteeth_1.avi` of at least 168 frames, at rest outside frames 72 to 167.
    clips_per_class : (int, int, int)
        Expressions of angry, happy and disgust, dealt to the 22 subjects in turn; at most 110 of each. In the flat
        layout a clip is the same however many others there are. The rawvideo layout adds up to twelve of surprise and
        sadness.
    progress : bool
        Whether to show a progress bar.
    workers : int or None
        Threads; None takes one for each core.

    Returns
    -------
    Path
        `root`.

    Raises
    ------
    MicroExpError
        If `root` exists and is not an empty folder, if it cannot be written, if more clips are asked than there are,
        or if there is no such layout.
    """
    layouts = {"rawvideo": _recordings, "flat": _clips}
    if layout not in layouts:
        raise MicroExpError("layout", f"one of {', '.join(layouts)}", repr(layout))
    for label, wanted in zip(CASME2.class_names, clips_per_class, strict=True):
        if not 0 <= wanted <= MOST_OF_A_CLASS:
            raise MicroExpError("clips_per_class", f"0 to {MOST_OF_A_CLASS} {label} clips", str(wanted))
    plan = layouts[layout](seed, clips_per_class)
    with synthetic.new_folder(root, "casme2", seed) as whole:
        subjects = {number: make_subject(seed, number) for number in sorted({film.subject for film in plan})}
        for folder in {(whole / film.path).parent for film in plan}:
            folder.mkdir(parents=True)
        if layout == "rawvideo":
            _write_workbook(whole / WORKBOOK, plan)

        def write_film(film: Film) -> None:
            frames = render_film(subjects[film.subject], film.key, film.frames, film.expressions)
            _write_video(whole / film.path, frames, film.frames)

        synthetic.write_all(write_film, plan, progress, workers)
    return Path(root)


def make_subject(seed: int, number: int) -> synthetic.Subject:
    """Draw subject `number` of CAS(ME)^2; see `synthetic.Subject`."""
    return synthetic.make_subject(seed, PEOPLE + number)


def render_film(
    subject: synthetic.Subject, key: tuple[int, ...], frames: int, expressions: Sequence[Expression]
) -> Iterator[np.ndarray]:
    """Film a face.

    Parameters
    ----------
    subject : synthetic.Subject
    key : sequence of int
        Keys the random numbers: everything about the film but its expressions.
    frames : int
    expressions : list of Expression

    Yields
    ------
    uint8 (160, 160, 3), BGR, 0-255
        `frames` times.
    """
    rng = np.random.default_rng(key)
    time = np.arange(frames)
    size = len(subject.image)
    fields = synthetic.displacements((*MOVEMENTS, synthetic.BLINK), size)
    motions = np.array([EMOTIONS[label].motion for label in CASME2.class_names])
    rest = (rng.uniform(-REST, REST, len(motions)) @ motions).astype(np.float32)
    still = synthetic.grid(size) - subject.warp - np.tensordot(rest, fields[:-1], axes=1)

    blinks = np.cumsum(rng.uniform(50, 150, 2 + frames // 50)) - rng.uniform(0, 100)
    moves = [(np.sum([rise_and_fall(time, at - 3, at, at + 4) for at in blinks], axis=0), fields[-1])]
    for emotion, _, onset, apex, offset, strength in expressions:
        motion = np.tensordot(np.array(EMOTIONS[emotion].motion, np.float32), fields[:-1], axes=1)
        moves.append((strength * rise_and_fall(time, onset, apex, offset), motion))

    turn = rng.normal(0, 1.2) + 0.12 * _wander(rng, frames)  # degrees
    zoom = synthetic.ZOOM * (rng.uniform(0.98, 1.02) + 0.0015 * _wander(rng, frames))
    shift = rng.normal(0, 1.2, 2) + 0.25 * np.stack([_wander(rng, frames), _wander(rng, frames)], axis=1)
    flicker = rng.normal(0, 0.005, frames)
    for index in range(frames):
        source = still
        for course, field in moves:
            if course[index] > 0:
                source = source - np.float32(course[index]) * field
        frame = synthetic.photograph(subject, source, turn[index], zoom[index], shift[index])
        # Gray noise takes a third of the time and of the codec's bits that coloured noise takes.
        noise = rng.standard_normal((SIZE, SIZE, 1), dtype=np.float32)
        yield np.clip(frame * np.float32(1 + flicker[index]) + 2 * noise, 0, 255).astype(np.uint8)


def _clips(seed: int, clips_per_class: Sequence[int]) -> list[Film]:
    """The flat layout's films: one expression each."""
    plan = []
    for label, name in enumerate(CASME2.class_names):
        videos = list(VIDEOS[name].values())
        for clip in range(clips_per_class[label]):
            turn, place = divmod(clip, len(SUBJECTS))
            number = SUBJECTS[place]
            key = (seed, PEOPLE + number, 1 + label, 1 + turn)
            rng = np.random.default_rng((*key, 1))
            frames = int(rng.integers(*FLAT_FRAMES, endpoint=True))
            expression = _draw_expression(rng, name, FLAT_APEX, 6)
            take = f"{number}_{videos[(place + turn) % len(videos)]}_{turn // len(videos) + 1}"
            plan.append(Film(f"{name}/{take}.avi", number, key, frames, [expression]))
    return plan


def _recordings(seed: int, clips_per_class: Sequence[int]) -> list[Film]:
    """The rawvideo layout's films: those of one subject and class hold about equally many expressions."""
    plan = []
    for place, number in enumerate(SUBJECTS):
        for label, name in enumerate(CASME2.class_names):
            emotions = [name] * len(range(place, clips_per_class[label], len(SUBJECTS)))
            if emotions and name in OTHERS and place < SHOW_OTHERS:
                emotions.append(OTHERS[name])
            videos = list(VIDEOS[name].values())
            parts = -(-len(emotions) // MOST_IN_ONE)
            for part in range(parts):
                key = (seed, PEOPLE + number, 1 + label, 1 + part)
                rng = np.random.default_rng((*key, 1))
                expressions = [
                    _draw_expression(rng, emotion, LEAD + SLOT * slot + SLOT // 2, 12)
                    for slot, emotion in enumerate(emotions[part::parts])
                ]
                frames = LEAD + SLOT * len(expressions) + int(rng.integers(30))
                path = f"rawvideo/s{number}/{number}_{videos[(place + part) % len(videos)]}.avi"
                plan.append(Film(path, number, key, frames, expressions))
    return plan


def _draw_expression(rng: np.random.Generator, emotion: str, middle: int, spread: int) -> Expression:
    """Draw when and how strongly; the apex is at most `spread` frames from `middle`, the ends at most 36 from it."""
    micro = bool(rng.random() < MICRO)
    apex = int(rng.integers(middle - spread, middle + spread, endpoint=True))
    rise, fall = rng.integers((4, 4), (7, 8), endpoint=True) if micro else rng.integers((14, 14), (30, 36))
    return Expression(emotion, micro, apex - int(rise), apex, apex + int(fall), rng.uniform(0.9, 1.3))


def _wander(rng: np.random.Generator, frames: int) -> np.ndarray:
    """A slow random course, float (frames,), about unit spread; it turns every 40 frames."""
    knots = 2 + frames // 40
    return np.interp(np.arange(frames), 40 * np.arange(knots), rng.standard_normal(knots))


def _write_video(path: Path, frames: Iterable[np.ndarray], count: int) -> None:
    """Encode `count` frames; an encoder that fails halfway says nothing, so the file is read again."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*FOURCC), FRAMES_PER_SECOND, (SIZE, SIZE))
    try:
        if not writer.isOpened():
            raise OSError(f"OpenCV {cv2.__version__} could not start a video of the codec {FOURCC}")
        for frame in frames:
            writer.write(frame)
    finally:
        writer.release()
    with open_video(path) as capture:
        written = 0
        while capture.grab():
            written += 1
    if written != count:
        raise OSError(f"{path.name} came out with {written} of its {count} frames")


def _write_workbook(path: Path, plan: list[Film]) -> None:
    """Write the annotation as distributed: no headers, frames counted from 1, 0 for an offset nobody saw.

    Its sheets `naming rule1` (subject, folder, index) and `naming rule2` (start of the file's name, code) say what the
    first sheet's index and code stand for.
    """
    import openpyxl

    codes = {video: code for videos in VIDEOS.values() for code, video in videos.items()}
    shown = [(film, take, what) for film in plan for take, what in enumerate(film.expressions, start=1)]
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    annotation = book.create_sheet("CASFEcode_final")
    for row, (film, take, expression) in enumerate(shown, start=1):
        emotion = EMOTIONS[expression.emotion]
        annotation.append(
            [
                SUBJECTS.index(film.subject) + 1,
                f"{codes[Path(film.path).stem.partition('_')[2]]}_{take}",
                expression.onset + 1,
                expression.apex + 1,
                0 if row % MISSING == 2 else expression.offset + 1,
                emotion.action_units,
                emotion.estimated,
                "micro-expression" if expression.micro else "macro-expression",
                emotion.reported,
            ]
        )
    rule1 = book.create_sheet("naming rule1")
    for index, number in enumerate(SUBJECTS, start=1):
        rule1.append([number, f"s{number}", index])
    rule2 = book.create_sheet("naming rule2")
    for video, code in codes.items():
        rule2.append([video[:4], code])
    book.save(path)
