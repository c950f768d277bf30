"""From videos of faces to short windows of real mouth motion, labelled by landmarks: for `evaluation_rules.py`.

What is opening, closing and still is a rule on dlib's points, fixed before anything was trained: how far the inner lips
are apart, in distances between the eyes, and by how much that changes from the first to the last three frames.
"""

import csv
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from microexp_keras import landmarks
from microexp_keras.video.source import Source
from microexp_keras.video.windows import MAX_LEAP, find_faces

FRAMES = 18  # of a window, as of SMIC
GAP = 12  # frames between two windows, so that no motion reaches from one into the next
SIZE = 128  # rows and columns of a window
EYES = (
    (0.35, 0.34),
    (0.65, 0.34),
)  # where the eyes of a window's first frame come to lie, in shares of columns and rows
MOVED = (
    0.05  # distances between the eyes: a mouth that opens or closes moves at least so far; dlib's pixel is 0.01 to 0.02
)
STILL = 0.025  # the same: a still mouth moves at most so far, between any two frames
CLASSES = ("opening", "closing", "still")
MOST = 20  # windows of a class of one person


class Window(NamedTuple):
    """Frames of a video that follow each other."""

    person: str
    video: Path
    first: int
    label: str
    points: np.ndarray  # float (FRAMES, 68, 2), in the whole frame

    @property
    def name(self) -> str:
        """Unique among all windows."""
        return f"{self.person}_{self.video.stem}_{self.first:05d}"

    @property
    def matrix(self) -> np.ndarray:
        """The similarity that brings the first frame's eyes to `EYES`, one for all frames: the head's motion stays."""
        eyes = np.float32([self.points[0, part].mean(axis=0) for part in (slice(36, 42), slice(42, 48))])
        return cv2.estimateAffinePartial2D(eyes, np.float32(EYES) * SIZE)[0]

    @property
    def aligned_points(self) -> np.ndarray:
        """The points in the window's own pixels, float (FRAMES, 68, 2)."""
        return self.points @ self.matrix[:, :2].T + self.matrix[:, 2]


def read_videos(table):
    """Pairs of a video, its path relative to the table, and who is seen."""
    with open(table, newline="", encoding="utf-8") as file:
        return [(Path(table).parent / row["video"], row["person"]) for row in csv.DictReader(file)]


def find_points(video, cache):
    """How many faces each frame has, int (frames,), and the points of the surest, float (frames, 68, 2)."""
    kept = Path(cache) / f"{video.stem}.npz"
    if not kept.exists():
        faces = find_faces(Source(video).read(), every=1)
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, counts=faces.counts, points=faces.points)
    with np.load(kept) as found:
        return found["counts"], found["points"]


def openness(points):
    """Distance of the inner lips in distances between the eyes, float (frames,)."""
    eyes = points[:, 42:48].mean(axis=1) - points[:, 36:42].mean(axis=1)
    apart = np.maximum(np.linalg.norm(eyes, axis=1), 1)  # no face: no points, and the frame is not used
    return np.linalg.norm(points[:, 66] - points[:, 62], axis=1) / apart


def label_of(opened):
    """Class of a window by how far the mouth is open in each frame, None if it is neither clearly moving nor still."""
    change = opened[-3:].mean() - opened[:3].mean()
    if abs(change) >= MOVED:
        return "opening" if change > 0 else "closing"
    return "still" if np.ptp(opened) <= STILL else None


def find_windows(videos, cache):
    """All windows: from the front, each as early as the gap to the one before allows; see `thinned`."""
    found = []
    for video, person in videos:
        counts, points = find_points(video, cache)
        middles, widths = points.mean(axis=1), np.ptp(points[..., 0], axis=1)
        leaps = np.linalg.norm(np.diff(middles, axis=0), axis=1) > MAX_LEAP * widths[1:]
        opened, first = openness(points), 0
        while first + FRAMES <= len(counts):
            part = slice(first, first + FRAMES)
            usable = (counts[part] == 1).all() and not leaps[first : first + FRAMES - 1].any()
            window = Window(person, video, first, label_of(opened[part]) if usable else None, points[part])
            taken = window.label and window.aligned_points.min() >= 0 and window.aligned_points.max() < SIZE
            if taken:
                found.append(window)
            first += FRAMES + GAP if taken else 1
    return thinned(found)


def thinned(windows):
    """At most `MOST` windows of a class and person, evenly over time; still ones no more than of the larger motion."""
    kept = []
    for person in dict.fromkeys(window.person for window in windows):
        own = {label: [one for one in windows if (one.person, one.label) == (person, label)] for label in CLASSES}
        moving = max(len(own["opening"]), len(own["closing"]))
        for label, some in own.items():
            most = min(len(some), MOST, moving if label == "still" else MOST)
            kept += [some[round(place)] for place in np.linspace(0, len(some) - 1, most)]
    return kept


def aligned(window, frames):
    """The window as SIZE x SIZE gray levels, uint8 (FRAMES, rows, columns)."""
    pictures = [cv2.warpAffine(frame, window.matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE) for frame in frames]
    return np.stack([cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in pictures])


def scaled(stack, points, share):
    """The same face with only a share of its motion: each frame warped so that its points move so much less.

    The warp is a thin-plate spline of the points, smoothed over three frames, toward the first frame's; the border
    stays where it is. From uint8 (frames, rows, columns) and float (frames, 68, 2) to the same.
    """
    from scipy.interpolate import RBFInterpolator
    from scipy.ndimage import gaussian_filter1d

    if share == 1:
        return stack, points
    smooth = gaussian_filter1d(points, 1.0, axis=0, mode="nearest")
    motion = (1 - share) * (smooth - smooth[0])  # what is taken back
    edge = np.linspace(0, SIZE - 1, 5)
    border = np.array([(x, y) for x in edge for y in edge if {x, y} & {edge[0], edge[-1]}])
    coarse = np.linspace(0, SIZE - 1, 33)
    grid = np.stack(np.meshgrid(coarse, coarse), axis=-1).reshape(-1, 2)
    rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    warped = [stack[0]]
    for frame, at, back in zip(stack[1:], smooth[1:], motion[1:], strict=True):
        places = np.concatenate([at - back, border])
        shifts = np.concatenate([back, np.zeros_like(border)])
        spline = RBFInterpolator(places, shifts, kernel="thin_plate_spline", smoothing=1.0)
        field = cv2.resize(spline(grid).reshape(33, 33, 2).astype(np.float32), (SIZE, SIZE))
        at_field = columns + field[..., 0], rows + field[..., 1]
        warped.append(cv2.remap(frame, *at_field, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))
    return np.stack(warped), points - motion


def write(videos, folder, shares):
    """Write the windows as folders of pictures with a table of clips and one of points, for each share of motion."""
    folder = Path(folder)
    windows = find_windows(videos, folder / "points")
    tables = {share: folder / f"motion-{round(100 * share)}" for share in shares}
    if all((place / "clips.csv").exists() for place in tables.values()):
        return tables
    points = {share: {} for share in shares}
    for video, _ in videos:
        starts = {window.first: window for window in windows if window.video == video}
        recent = []
        for number, frame in enumerate(Source(video).read()):
            recent = [*recent[-FRAMES + 1 :], frame]
            if window := starts.get(number - FRAMES + 1):
                stack = aligned(window, recent)
                for share, place in tables.items():
                    pictures, moved = scaled(stack, window.aligned_points, share)
                    points[share][window.name] = landmarks.Landmarks(
                        np.ones(FRAMES, np.int32), np.rint(moved).astype(np.int32)
                    )
                    (place / window.name).mkdir(parents=True, exist_ok=True)
                    for time, picture in enumerate(pictures):
                        cv2.imwrite(str(place / window.name / f"{time:02d}.png"), picture)
    for share, place in tables.items():
        landmarks.write_csv(place / "points.csv", points[share])
        with open(place / "clips.csv", "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["clip", "subject", "label"])
            rows.writerows([window.name, window.person, window.label] for window in windows)
    return tables
