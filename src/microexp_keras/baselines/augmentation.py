"""From clips to single images with augmented copies.

The CNN with data augmentation is a reconstruction: that training images are synthesised is the paper's, all else ours.

References
----------
Takalkar and Xu, "Image based facial micro-expression recognition using deep learning on small datasets", DICTA 2017
(abstract).
"""

from typing import Any

import cv2
import numpy as np

from microexp_keras.baselines.settings import settings
from microexp_keras.errors import MicroExpError


def draw(random: np.random.Generator) -> dict[str, Any]:
    """Draw a random change: a flip with the probability, the rest uniformly within the limits of the settings."""
    own = settings("cnn-augmentation")
    flip = bool(random.random() < own.flip)
    angle, right, down, larger = random.uniform(-1, 1, 4) * (own.angle, own.shift, own.shift, own.zoom)
    return {"flip": flip, "angle": angle, "right": right, "down": down, "zoom": 1 + larger}


def changed(
    image: np.ndarray, flip: bool = False, angle: float = 0, right: float = 0, down: float = 0, zoom: float = 1
) -> np.ndarray:
    """Return an augmented copy of an image, uint8 (rows, columns): linear interpolation, border replicated.

    Left and right are exchanged before all else by `flip`; `angle` turns it about the middle, in degrees,
    anticlockwise; `right` and `down` move it, as a share of columns and rows; `zoom` enlarges it about the middle. By
    default it is the image itself, to the bit.
    """
    rows, columns = image.shape
    source = np.ascontiguousarray(image[:, ::-1] if flip else image)
    matrix = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), angle, zoom)
    matrix[:, 2] += right * columns, down * rows
    return cv2.warpAffine(source, matrix, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def pick_images(stack: np.ndarray, images: int) -> np.ndarray:
    """Return equally spaced frames of a clip, from its first to its last; positions between frames are rounded down.

    From uint8 (rows, columns, time) to uint8 (images, rows, columns); there are at least 2.
    """
    frames = stack.shape[2]
    if not 2 <= images <= frames:
        found = f"{images}, but they must be from 2 to {frames}, the frames"
        raise MicroExpError("images of a clip", found, "Interpolate the clip to more frames.")
    return np.ascontiguousarray(stack[:, :, np.arange(images) * (frames - 1) // (images - 1)].transpose(2, 0, 1))


def training_images(images: np.ndarray, train: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of the training clips, each followed by its augmented copies, and the clip that each is of.

    From uint8 (clips, images, rows, columns) of all clips and the positions of the training clips, no others being
    looked at, to uint8 (train * images * (1 + copies), rows, columns), clip by clip, image by image, the unchanged one
    first, and positions, int. The copies of a clip depend on the seed and on its position in the data set, not on which
    other clips train.
    """
    copies = settings("cnn-augmentation").copies
    found = []
    for clip in np.asarray(train, int):
        random = np.random.default_rng([seed, clip])
        for image in images[clip]:
            found.append(image)
            found += [changed(image, **draw(random)) for _ in range(copies)]
    return np.stack(found), np.repeat(train, images.shape[1] * (1 + copies))
