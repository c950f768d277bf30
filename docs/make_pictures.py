"""The pictures of README and documentation, from SYNTHETIC clips: `python docs/make_pictures.py RUN CLIP`.

RUN is the folder of a `train` on synthetic SMIC, CLIP a folder of frames of it. The head of the run's page is
photographed by Chromium; the rest is drawn by the package itself. Writes `docs/images/`, one of them in motion.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from microexp_keras import predict
from microexp_keras.landmarks.__main__ import main as landmarks_command

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
WEIGHTS = ROOT / "weights" / "microexp-stcnn_synthetic-smic_upstream_seed0.weights.h5"
LARGEST = 600_000  # bytes of a picture
FRAME_TIME = 150  # ms in which a frame of the one in motion is shown: slowly
SMALLER = 0.7  # the one in motion, of which every second frame is shown
HEAD = (860, 640)  # of the report: width and height in pixels
MARGIN = 40  # pixels of wall around the face in the film


def report_head(run, folder):
    """Photograph the head of a run's page; uint8 (rows, columns, 3)."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        sys.exit("expected Chromium or Chrome on the path, found neither")
    size = f"--window-size={HEAD[0]},{HEAD[1]}"
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", size]
    page = (run / "report.html").absolute().as_uri()
    subprocess.run([browser, *flags, f"--screenshot={folder / 'head.png'}", page], check=True, capture_output=True)
    return cv2.imread(str(folder / "head.png"))


def annotated_film(clip, folder):
    """Film a clip before a plain wall, let `predict` draw on it; a list of uint8 (rows, columns, 3)."""
    film = None
    for path in sorted(clip.iterdir()):
        frame = cv2.copyMakeBorder(cv2.imread(str(path)), *[MARGIN] * 4, cv2.BORDER_CONSTANT, value=(196, 196, 204))
        frame = cv2.resize(frame, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        if film is None:
            film = cv2.VideoWriter(str(folder / "film.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 100, frame.shape[1::-1])
        film.write(frame)
    film.release()
    out = folder / "prediction"
    if predict.main([str(folder / "film.avi"), "--weights", str(WEIGHTS), "--annotated", "--out", str(out)]):
        sys.exit(1)
    video = cv2.VideoCapture(str(out / "annotated.webm"))
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1])
    return frames


def side_by_side(head, frame):
    """The head of a page, and beside it a frame as high."""
    scale = HEAD[1] / frame.shape[0]
    both = np.hstack([head, cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)])
    return cv2.resize(both, None, fx=SMALLER, fy=SMALLER, interpolation=cv2.INTER_AREA)


def write(name, *pictures):
    """Write a picture, or several as one in motion, in 256 colours and say how large it is."""
    path = IMAGES / name
    images = [Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)) for picture in pictures]
    colours = images[len(images) // 2].quantize(256, kmeans=2)
    first, *others = [image.quantize(palette=colours, dither=Image.Dither.NONE) for image in images]
    motion = {"save_all": True, "append_images": others, "duration": FRAME_TIME, "loop": 0} if others else {}
    first.save(path, optimize=True, **motion)
    if path.stat().st_size > LARGEST:
        sys.exit(f"{path}: expected at most {LARGEST} bytes, found {path.stat().st_size}")
    print(f"{path.relative_to(ROOT)}: {first.width} x {first.height}, {path.stat().st_size} bytes")


def main():
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("clip", type=Path)
    args = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        head, film = report_head(args.run, folder), annotated_film(args.clip, folder)
        sheet = str(folder / "sheet.png")
        if landmarks_command(["preview", str(args.clip), "--out", sheet, "--frames", "3"]):
            sys.exit(1)
        points = cv2.resize(cv2.imread(sheet), None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    write("overview.gif", *[side_by_side(head, frame) for frame in film[::2]])
    write("annotated.png", film[len(film) // 2])
    write("landmarks.png", points)


if __name__ == "__main__":
    main()
