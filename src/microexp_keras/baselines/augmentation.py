"""From clips to single images with augmented copies, and from predictions of images to those of clips.

The CNN with data augmentation is a reconstruction: that training images are synthesised is the paper's, all else ours.

References
----------
Takalkar and Xu, "Image based facial micro-expression recognition using deep learning on small datasets", DICTA 2017
(abstract).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from microexp_keras.errors import MicroExpError


@dataclass(frozen=True)
class Change:
    """How an augmented copy differs from its image; by default it does not.

    Attributes
    ----------
    flip : bool
        Left and right exchanged, before all else.
    angle : float
        Turned about the middle, in degrees, anticlockwise.
    right, down : float
        Moved, as a share of the columns and of the rows.
    zoom : float
        Enlarged about the middle; 1 keeps the size.
    """

    flip: bool = False
    angle: float = 0.0
    right: float = 0.0
    down: float = 0.0
    zoom: float = 1.0


def draw(
    random: np.random.Generator, flip: float = 0.5, angle: float = 10.0, shift: float = 0.05, zoom: float = 0.05
) -> Change:
    """Draw a random change: a flip with probability `flip`, the rest uniformly within the given limits."""
    flipped = bool(random.random() < flip)
    angle, right, down, larger = random.uniform(-1, 1, 4) * (angle, shift, shift, zoom)
    return Change(flipped, float(angle), float(right), float(down), float(1 + larger))


def changed(image: np.ndarray, change: Change) -> np.ndarray:
    """Return an augmented copy of an image (linear interpolation, border replicated).

    Parameters
    ----------
    image : uint8 array (rows, columns), 0-255
    change : Change

    Returns
    -------
    uint8 array (rows, columns), 0-255
        With `Change()` the image itself, to the bit.
    """
    rows, columns = image.shape
    source = np.ascontiguousarray(image[:, ::-1] if change.flip else image)
    middle = ((columns - 1) / 2, (rows - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, change.angle, change.zoom)
    matrix[:, 2] += change.right * columns, change.down * rows
    return cv2.warpAffine(source, matrix, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def pick_images(stack: np.ndarray, images: int = 8) -> np.ndarray:
    """Return equally spaced frames of a clip, from its first to its last; positions between frames are rounded down.

    Parameters
    ----------
    stack : uint8 array (rows, columns, time), 0-255
    images : int
        How many, at least 2.

    Returns
    -------
    uint8 array (images, rows, columns), 0-255

    Raises
    ------
    MicroExpError
        If the clip has fewer frames, or fewer than 2 are asked for.
    """
    frames = stack.shape[2]
    if not 2 <= images <= frames:
        raise MicroExpError(
            "images of a clip",
            f"from 2 to {frames}, as there are frames",
            str(images),
            "Ask for fewer, or interpolate the clip to more frames (preprocessing.tim).",
        )
    return np.ascontiguousarray(stack[:, :, np.arange(images) * (frames - 1) // (images - 1)].transpose(2, 0, 1))


def training_images(
    images: np.ndarray,
    train: np.ndarray,
    seed: int,
    copies: int = 4,
    flip: float = 0.5,
    angle: float = 10.0,
    shift: float = 0.05,
    zoom: float = 0.05,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of the training clips, each followed by its augmented copies.

    The copies of a clip depend on the seed and on its position in the data set, not on which other clips train.

    Parameters
    ----------
    images : uint8 array (clips, images, rows, columns), 0-255
        As `pick_images` gives them, of all clips.
    train : int array
        Positions of the training clips; no others are looked at.
    seed : int
    copies : int
        Changed copies of each image.
    flip, angle, shift, zoom : float
        As for `draw`.

    Returns
    -------
    uint8 array (train * images * (1 + copies), rows, columns), 0-255
        Clip by clip in the order of `train`, image by image, the unchanged one first.
    int array
        The clip that each of them is of, as a position in the data set.
    """
    found = []
    for clip in np.asarray(train, int):
        random = np.random.default_rng([seed, clip])
        for image in images[clip]:
            found.append(image)
            found += [changed(image, draw(random, flip, angle, shift, zoom)) for _ in range(copies)]
    return np.stack(found), np.repeat(train, images.shape[1] * (1 + copies))


def clip_probabilities(of_images: np.ndarray, images: int = 8) -> np.ndarray:
    """Average a network's predictions over the images of each clip.

    Parameters
    ----------
    of_images : float array (clips * images, classes)
        Class probabilities of unchanged images, clip by clip.
    images : int
        Images of each clip.

    Returns
    -------
    float array (clips, classes)

    Raises
    ------
    MicroExpError
        If the answers do not divide into clips.
    """
    if len(of_images) % images:
        raise MicroExpError(
            "answers",
            f"a multiple of the {images} images of each clip",
            str(len(of_images)),
            "Give the answers to all images of all clips.",
        )
    return of_images.reshape(-1, images, of_images.shape[1]).mean(axis=1)
