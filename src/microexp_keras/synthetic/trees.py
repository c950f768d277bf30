"""From a seed to the folder of a database: which films it holds, where they lie, and its workbook.

Trees, names of files and the workbooks' columns are those that are described of the databases (`films.toml`). The names
and lengths of SMIC's clips are SMIC-HS's own. Nobody is in two databases.
"""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from microexp_keras.errors import MicroExpError
from microexp_keras.parallel import in_threads
from microexp_keras.synthetic import MARK_FILE
from microexp_keras.synthetic.film import DATA, MOTIONS, SIZE, Expression, Film, render
from microexp_keras.text import either

# What is different of a database, as films.toml has it.
Form = dict[str, Any]

FORMS: dict[str, Form] = {name: DATA[name] for name in ("smic", "casme2", "casmeii", "samm")}
SMIC, CASME2 = FORMS["smic"], FORMS["casme2"]
JPEG_QUALITY = 90  # its loss is no larger than the sensor noise; 95 takes half as much room again
FOURCC = "XVID"

MARK = """The clips in this folder are synthetic: microexp_keras made them (seed {seed}) from one portrait in
the public domain, NASA's of the astronaut Eileen Collins (https://flic.kr/p/r9qvLn): all people in it are warps of her.
They are not {title}, and no expression of hers.
"""


def write(
    dataset: str, root: Path, seed: int, layout: str, clips: Sequence[int] | None, easy: bool, progress: bool
) -> Path:
    """Write a tree into a temporary folder beside `root`, which on success becomes `root` in one step: `synthesize`."""
    films = plan(dataset, seed, layout, clips, easy)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise MicroExpError(root, "is there already and not an empty folder", "Choose another, or remove it yourself.")
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{root.name}-", dir=root.parent) as beside:
            whole = Path(beside) / dataset
            whole.mkdir()
            mark = MARK.format(seed=seed, title=FORMS[dataset]["title"])
            (whole / MARK_FILE).write_text(mark, encoding="utf-8")
            _fill(whole, films, dataset, layout, progress)
            os.replace(whole, root)
    except OSError as error:
        found = f"could not be written ({error.strerror or error})"
        hint = "Nothing is left there. Free space on that disk, or choose another folder."
        raise MicroExpError(root, found, hint) from error
    return root


def _fill(whole: Path, films: Sequence[Film], dataset: str, layout: str, progress: bool) -> None:
    """Write the films of a tree and its workbook."""
    form = FORMS[dataset]
    rest = form["rest"] * np.array([MOTIONS[name] for name in form["classes"]])

    def write_film(film: Film) -> None:
        write = _write_video if Path(film.path).suffix else _write_images
        write(whole / film.path, render(film, rest), film, form)

    for folder in {(whole / film.path).parent for film in films}:
        folder.mkdir(parents=True, exist_ok=True)
    if "columns" in form:
        _write_workbook(whole / form["workbook"], {"Sheet": _coded_rows(form, films)})
    elif layout == "rawvideo":
        _write_workbook(whole / form["workbook"], _casme2_sheets(films))
    in_threads(write_film, films, "writing clips", progress=progress)


def plan(
    dataset: str, seed: int = 0, layout: str = "flat", clips: Sequence[int] | None = None, easy: bool = False
) -> list[Film]:
    """List the films of a tree; see `synthesize`."""
    if dataset not in FORMS:
        raise MicroExpError("dataset", f"{dataset!r} is none of {', '.join(FORMS)}")
    form = FORMS[dataset]
    clips = form["clips"] if clips is None else clips
    layouts = [own for name, own in PLANS if name == dataset]
    if layout not in layouts:
        raise MicroExpError("layout", f"{form['title']} is written as {either(layouts)}, not {layout}")
    return [*PLANS[dataset, layout](form, seed, clips, easy)]


def _smic(_: Form, seed: int, clips: Sequence[int], easy: bool) -> Iterator[Film]:
    """SMIC's clips, class by class; the last number of a key counts a person's clips over all classes from 1."""
    for label, (name, code) in enumerate(zip(SMIC["classes"], ("ne", "po", "sur"), strict=True)):
        of_class = [
            (number, clip, sum(map(len, lengths[:label])) + clip, frames)
            for number, lengths in SMIC["frames"].items()
            for clip, frames in enumerate(lengths[label], start=1)
        ]
        for number, clip, take, frames in of_class[: clips[label]]:
            path = f"HS/s{number}/micro/{name}/s{number}_{code}_{clip:02d}"
            yield _short_film(path, (seed, int(number), take), name, None if easy else frames)


def _short_film(path: str, key: tuple[int, ...], motion: str, frames: int | None) -> Film:
    """A film that begins with an onset and ends with an offset, of the easy lengths if none is given."""
    rng = np.random.default_rng((*key, 1))
    shortest, longest = SMIC["easy_frames"]
    span, frames = frames or SMIC["easy_span"], frames or int(rng.integers(shortest, longest, endpoint=True))
    onset, offset = int(rng.integers(1, 3, endpoint=True)), span - 1 - int(rng.integers(0, 2, endpoint=True))
    apex = onset + round(rng.uniform(*SMIC["apex"]) * (offset - onset))
    return Film(path, key, frames, (Expression(motion, onset, apex, offset, rng.uniform(0.9, 1.2)),))


def _coded(form: Form, seed: int, clips: Sequence[int], _: bool) -> Iterator[Film]:
    """CASME II's or SAMM's clips, person by person."""
    for place in range(form["subjects"]):
        of_classes = zip(form["classes"], clips, strict=True)
        names = [name for name, count in of_classes for _ in range(place, count, form["subjects"])]
        names += form["classes"][:1] if place == 0 else []  # which the workbook calls by the emotion `other`
        for take, name in enumerate(names, start=1):
            path, key = form["path"].format(person=place + 1, take=take), (seed, form["people"] + place + 1, take)
            yield _short_film(path, key, name, None)


def _first_frame(film: Film) -> int:
    """The number of the first frame of a clip of CASME II or SAMM; they have three or four digits."""
    _, person, take = film.key
    return 90 + 126 * (person % 100 - 1) ** 2 + 11 * take


def _flat(form: Form, seed: int, clips: Sequence[int], _: bool) -> Iterator[Film]:
    """Clips of CAS(ME)^2, each one video of one expression, at rest outside frames 72 to 167."""
    shortest, longest = form["flat_frames"]
    for label, (name, videos) in enumerate(form["videos"].items()):
        for clip in range(clips[label]):
            turn, place = divmod(clip, len(form["subjects"]))
            number, watched = form["subjects"][place], list(videos.values())
            key = (seed, form["people"] + number, 1 + label, 1 + turn)
            rng = np.random.default_rng((*key, 1))
            frames = int(rng.integers(shortest, longest, endpoint=True))
            expression = _draw_expression(rng, name, form["flat_apex"], 6)
            take = f"{number}_{watched[(place + turn) % len(watched)]}_{turn // len(watched) + 1}"
            yield Film(f"{name}/{take}.avi", key, frames, (expression,))


def _recordings(form: Form, seed: int, clips: Sequence[int], _: bool) -> Iterator[Film]:
    """Recordings of CAS(ME)^2: those of one subject and class hold about equally many expressions."""
    others, slot, lead = form["others"], form["slot"], form["lead"]
    for place, number in enumerate(form["subjects"]):
        for label, (name, videos) in enumerate(form["videos"].items()):
            emotions = [name] * len(range(place, clips[label], len(form["subjects"])))
            if emotions and name in others and place < form["show_others"]:
                emotions.append(others[name])
            parts, watched = -(-len(emotions) // form["most_in_one"]), list(videos.values())
            for part in range(parts):
                key = (seed, form["people"] + number, 1 + label, 1 + part)
                rng = np.random.default_rng((*key, 1))
                expressions = tuple(
                    _draw_expression(rng, emotion, lead + slot * turn + slot // 2, 12)
                    for turn, emotion in enumerate(emotions[part::parts])
                )
                frames = lead + slot * len(expressions) + int(rng.integers(30))
                path = f"rawvideo/s{number}/{number}_{watched[(place + part) % len(watched)]}.avi"
                yield Film(path, key, frames, expressions)


# What lists the films of a tree, by dataset and layout.
PLANS: dict[tuple[str, str], Callable[[Form, int, Sequence[int], bool], Iterator[Film]]] = {
    ("smic", "flat"): _smic,
    ("casme2", "flat"): _flat,
    ("casme2", "rawvideo"): _recordings,
    ("casmeii", "flat"): _coded,
    ("samm", "flat"): _coded,
}


def _draw_expression(rng: np.random.Generator, emotion: str, middle: int, spread: int) -> Expression:
    """Draw when and how strongly; the apex is at most `spread` frames from `middle`, the ends at most 36 from it."""
    micro = bool(rng.random() < CASME2["micro"])
    apex = int(rng.integers(middle - spread, middle + spread, endpoint=True))
    rise, fall = rng.integers((4, 4), (7, 8), endpoint=True) if micro else rng.integers((14, 14), (30, 36))
    return Expression(emotion, apex - int(rise), apex, apex + int(fall), rng.uniform(0.9, 1.3))


def _write_images(folder: Path, frames: Iterable[np.ndarray], film: Film, form: Form) -> None:
    folder.mkdir()
    first, person = 1 if form is SMIC else _first_frame(film), film.key[1] - form["people"]
    for number, frame in enumerate(frames, start=first):
        shown = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) if form["gray"] else frame
        _, data = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        (folder / form["image"].format(person=person, number=number)).write_bytes(data.tobytes())


def _write_video(path: Path, frames: Iterable[np.ndarray], film: Film, form: Form) -> None:
    """Encode the frames; an encoder that fails says nothing, so they are counted."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*FOURCC), form["frames_per_second"], (SIZE, SIZE))
    try:
        for frame in frames:
            writer.write(frame)
    finally:
        writer.release()
    written = int(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT))
    if written != film.frames:
        raise OSError(f"{path.name} came out with {written} of its {film.frames} frames")


def _write_workbook(path: Path, sheets: dict[str, Iterable[Sequence[Any]]]) -> None:
    import pandas

    with pandas.ExcelWriter(path) as book:
        for name, rows in sheets.items():
            pandas.DataFrame([*rows], dtype=object).to_excel(book, sheet_name=name, header=False, index=False)


def _coded_rows(form: Form, films: Sequence[Film]) -> Iterator[Sequence[Any]]:
    """Rows of the workbook of CASME II or SAMM."""
    for line in range(form["heading"]):
        yield [f"Line {line + 1} of the text above the table", *[None] * (len(form["columns"]) - 1)]
    yield [column or None for column in form["columns"]]
    of_person_one = sum(film.key[1] == form["people"] + 1 for film in films)
    for place, film in enumerate(films):
        (expression,), first = film.expressions, _first_frame(film)
        names = form["emotions"][expression.motion]
        cells = {
            "subject": Path(film.path).parent.name.removeprefix("sub"),
            "filename": Path(film.path).name,
            "onsetframe": first,
            "apexframe": "/" if place == 1 else first + expression.apex,  # some are missing, and written so
            "offsetframe": first + film.frames - 1,
            "estimatedemotion": form["other"] if place == of_person_one - 1 else names[place % len(names)],
        }
        yield [cells.get(column.replace(" ", "").lower()) for column in form["columns"]]


def _casme2_sheets(films: Sequence[Film]) -> dict[str, Iterable[Sequence[Any]]]:
    """Sheets of the annotation as distributed: no heads, frames counted from 1, 0 for an offset nobody saw."""
    subjects = CASME2["subjects"]
    codes = {video: code for videos in CASME2["videos"].values() for code, video in videos.items()}
    shown = [(film, take, what) for film in films for take, what in enumerate(film.expressions, start=1)]
    annotation = []
    for row, (film, take, (emotion, onset, apex, offset, _)) in enumerate(shown, start=1):
        action_units, estimated, reported = CASME2["codes"][emotion]
        frames = onset + 1, apex + 1, 0 if row % CASME2["missing"] == 2 else offset + 1
        kind = "micro-expression" if offset - onset <= CASME2["micro_frames"] else "macro-expression"
        code = f"{codes[Path(film.path).stem.partition('_')[2]]}_{take}"
        index = subjects.index(film.key[1] - CASME2["people"]) + 1
        annotation.append([index, code, *frames, action_units, estimated, kind, reported])
    return {
        "CASFEcode_final": annotation,
        "naming rule1": [[number, f"s{number}", index] for index, number in enumerate(subjects, start=1)],
        "naming rule2": [[video[:4], code] for video, code in codes.items()],
    }
