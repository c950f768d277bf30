"""From a seed to a folder like CASME II's or SAMM's: a few clips as in the synthetic SMIC, of other people.

Trees, names of files and the workbooks' columns are those that are described of the databases; counts are not: every
subject has as many clips of each class.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import openpyxl

from microexp_keras.datasets.database import CASMEII, SAMM
from microexp_keras.datasets.synthetic.smic import (
    MIN_FRAMES,
    MOTIONS,
    jpeg,
    make_subject,
    new_folder,
    render_clip,
    write_all,
)
from microexp_keras.errors import MicroExpError

SUBJECTS = 8
CLIPS_PER_CLASS = (2, 1, 1)  # of each subject: negative, positive, surprise
APEX = 9  # the motion of a clip is at its apex about here, its first frame being 0


class Planned(NamedTuple):
    """A clip to be written: number of its person and of its clip, both from 1, class, path below the folder, onset."""

    person: int
    take: int
    label: str
    path: str
    onset: int


@dataclass(frozen=True)
class Form:
    """How a database is given out.

    Attributes
    ----------
    people : int
        Added to a person's number where random numbers are keyed: nobody is also in another synthetic database.
    path, image : str
        Of a clip's folder and its frames, by `{person}`, `{take}` and `{number}`.
    gray : bool
        Whether frames are gray.
    workbook : str
    head : list of rows
        Above the rows of the clips.
    row : callable
        From subject, clip, onset, apex, offset and emotion to a row.
    emotions : dict of str to tuple of str
        As the workbook names them, by class, taken in turn.
    other : str
        Emotion of one more clip of the first person, which is of no class.
    """

    people: int
    path: str
    image: str
    gray: bool
    workbook: str
    head: list[list[Any]]
    row: Callable[[str, str, int, Any, int, str], list[Any]]
    emotions: dict[str, tuple[str, ...]]
    other: str


FORMS = {
    CASMEII.name: Form(
        people=200,
        path="Cropped/sub{person:02d}/EP{take:02d}_{person:02d}f",
        image="reg_img{number}.jpg",
        gray=False,
        workbook="CASME2-coding-20140508.xlsx",
        head=[
            ["Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units",
             "Estimated Emotion"],
        ],
        row=lambda subject, clip, onset, apex, offset, emotion: [
            subject.removeprefix("sub"), clip, None, onset, apex, offset, None, "4", emotion,
        ],
        emotions={"negative": ("disgust", "repression"), "positive": ("happiness",), "surprise": ("surprise",)},
        other="others",
    ),
    SAMM.name: Form(
        people=300,
        path="{person:03d}/{person:03d}_{take}_1",
        image="{person:03d}_{number:05d}.jpg",
        gray=True,
        workbook="SAMM_Micro_FACS_Codes_v2.xlsx",
        head=[
            *[[f"Line {line} of the text above the table"] for line in range(1, 14)],
            ["Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration", "Micro",
             "Action Units", "Estimated Emotion", "Objective Classes", "Notes"],
        ],
        row=lambda subject, clip, onset, apex, offset, emotion: [
            subject, clip, 1, onset, apex, offset, offset - onset + 1, "Micro - 1/2", "4", emotion, 1, None,
        ],
        emotions={
            "negative": ("Anger", "Contempt", "Disgust", "Fear", "Sadness"),
            "positive": ("Happiness",),
            "surprise": ("Surprise",),
        },
        other="Other",
    ),
}  # fmt: skip


def write_coded(
    dataset: str,
    root: str | Path,
    seed: int = 0,
    subjects: int = SUBJECTS,
    clips_per_class: Sequence[int] = CLIPS_PER_CLASS,
    progress: bool = True,
    workers: int | None = None,
) -> Path:
    """Write a synthetic CASME II or SAMM, with one more clip of an emotion that is of no class.

    Parameters
    ----------
    dataset : str
        `"casmeii"` or `"samm"`.
    root : str or Path
        The folder to make. It appears only when it is complete.
    seed : int
        The same seed gives the same pixels, however many workers there are (with the same numpy and OpenCV).
    subjects : int
        How many people, up to 99.
    clips_per_class : (int, int, int)
        Clips of negative, positive and surprise of each of them.
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
        If `root` exists and is not an empty folder, if it cannot be written, or if there are too many subjects.
    """
    if not 1 <= subjects <= 99:
        raise MicroExpError("subjects", "1 to 99", str(subjects))
    form = FORMS[dataset]
    plan = _plan(form, subjects, clips_per_class)
    with new_folder(root, dataset, seed) as whole:
        people = {number: make_subject(seed, form.people + number) for number in range(1, subjects + 1)}
        book, lengths = openpyxl.Workbook(write_only=True), dict[Planned, int]()
        sheet = book.create_sheet()

        def write_clip(clip: Planned) -> None:
            folder = whole / clip.path
            folder.mkdir(parents=True)
            motion = MOTIONS.get(clip.label, MOTIONS["negative"])
            key = (seed, form.people + clip.person, clip.take)
            lengths[clip] = 0
            for number, frame in enumerate(render_clip(people[clip.person], key, motion), start=clip.onset):
                shown = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) if form.gray else frame
                (folder / form.image.format(person=clip.person, number=number)).write_bytes(jpeg(shown))
                lengths[clip] += 1

        write_all(write_clip, plan, progress, workers)
        for cells in form.head:
            sheet.append(cells)
        for place, clip in enumerate(plan):
            names, offset = form.emotions.get(clip.label, (form.other,)), clip.onset + lengths[clip] - 1
            apex = "/" if place == 1 else clip.onset + APEX  # some are missing, and written so
            _, subject, name = ["", *clip.path.split("/")][-3:]
            sheet.append(form.row(subject, name, clip.onset, apex, offset, names[place % len(names)]))
        book.save(whole / form.workbook)
    return Path(root)


def _plan(form: Form, subjects: int, clips_per_class: Sequence[int]) -> list[Planned]:
    """Every clip, person by person; the onsets have three to five digits."""
    plan = []
    for person in range(1, subjects + 1):
        labels = [label for label, count in zip(MOTIONS, clips_per_class, strict=True) for _ in range(count)]
        for take, label in enumerate([*labels, *([form.other] if person == 1 else [])], start=1):
            path = form.path.format(person=person, take=take)
            plan.append(Planned(person, take, label, path, 90 + 7 * MIN_FRAMES * (person - 1) ** 2 + 11 * take))
    return plan
