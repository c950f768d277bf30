"""From a network and clips to saliency: how strongly each pixel of each frame moves a class's score."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from microexp_keras.backend import gradients, keras
from microexp_keras.errors import MicroExpError

AT_ONCE = 4  # clips: the convolution of one CAS(ME)^2 clip and its gradient take 0.1 GB each

Box = tuple[int, int, int, int]
"""Top, bottom, left, right in pixels, ends not included."""

THIRDS = {"eyes": (0, 1 / 3), "mouth": (2 / 3, 1)}  # of the rows, from the top


class RegionShare(NamedTuple):
    """How much of the saliency of each clip lies in a region.

    Attributes
    ----------
    saliency : float64 array (clips,), 0-1
        Share of the clip's saliency; NaN for a clip that has none at all.
    area : float64 array (clips,), 0-1
        Share of the pixels. Saliency spread evenly gives each region its share of the area.
    """

    saliency: np.ndarray
    area: np.ndarray


def gradient(
    model: keras.Model, inputs: Mapping[str, np.ndarray] | np.ndarray, classes: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Differentiate the score of a class by every pixel of the clips.

    The score is the logit, what the softmax takes in: a probability near 0 or 1 hardly changes with any pixel, so its
    gradient says how sure the network is and little of where it looks. Dropout is off.

    Parameters
    ----------
    model : keras.Model
        One of `models.build_*`, with its weights. It is left as it is.
    inputs : dict of str to float32 array (clips, rows, columns, time, 1)
        Standardised, as `preprocessing.network_inputs` gives them. A network of one input also takes the array alone.
    classes : int array (clips,), optional
        Whose score; by default the class that the network predicts for each clip.

    Returns
    -------
    dict of str to float32 array (clips, rows, columns, time)
        For each input of the network: change of the score per change of the standardised pixel. It is zero in the rows,
        columns and frames at the far end that the pooling discards: with 18 frames of 64x64 pixels the last frame, two
        rows and two columns.

    Raises
    ------
    MicroExpError
        If the inputs are not those of the network, if there is not one class for each clip or a class does not exist,
        if the network has no layer "softmax", or if a gradient is not finite.
    """
    names = [tensor.name for tensor in model.inputs]
    if not isinstance(inputs, Mapping):
        if len(names) > 1:
            raise MicroExpError("inputs", f"a dict of {' and '.join(names)}", type(inputs).__name__)
        inputs = {names[0]: inputs}
    if sorted(inputs) != sorted(names):
        raise MicroExpError("inputs", " and ".join(names), " and ".join(inputs))
    clips, scores = len(inputs[names[0]]), _scores(model)
    if classes is not None:
        classes = np.asarray(classes)
        if classes.shape != (clips,) or not np.isin(classes, range(scores.output_shape[-1])).all():
            raise MicroExpError(
                "classes", f"one of 0 to {scores.output_shape[-1] - 1} for each of {clips} clips", str(classes.tolist())
            )
    found = {name: np.empty(inputs[name].shape[:-1], np.float32) for name in names}
    for start in range(0, clips, AT_ONCE):
        few = slice(start, start + AT_ONCE)
        of_few = gradients(_summed(scores, None if classes is None else classes[few]), [inputs[n][few] for n in names])
        for name, one in zip(names, of_few, strict=True):
            found[name][few] = one[..., 0]
    if not all(np.isfinite(one).all() for one in found.values()):
        raise MicroExpError("saliency", "finite gradients", "NaN", "The weights or the clips are beyond float32.")
    return found


def _scores(model: keras.Model) -> keras.Model:
    """The network without its softmax, sharing its layers."""
    last = model.layers[-1]
    if not isinstance(last, keras.layers.Softmax):
        raise MicroExpError(
            model.name,
            "a network that ends in a layer Softmax, as models.build_* make them",
            f"{type(last).__name__} {last.name}",
            "Its logits are needed.",
        )
    return keras.Model(model.inputs, last.input)


def _summed(scores: keras.Model, classes: np.ndarray | None) -> Callable[..., keras.KerasTensor]:
    """Sum of one score of each clip. No clip touches another's score, so its gradient is that of every clip at once."""

    def function(*tensors: keras.KerasTensor) -> keras.KerasTensor:
        found = scores(list(tensors), training=False)
        chosen = keras.ops.argmax(found, axis=1) if classes is None else keras.ops.convert_to_tensor(classes, "int32")
        return keras.ops.sum(found * keras.ops.one_hot(chosen, found.shape[1], dtype=found.dtype))

    return function


def saliency(
    model: keras.Model, inputs: Mapping[str, np.ndarray] | np.ndarray, classes: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return the absolute value of `gradient`, whose parameters it takes.

    Returns
    -------
    dict of str to float32 array (clips, rows, columns, time), at least 0

    References
    ----------
    Simonyan et al., "Deep Inside Convolutional Networks", 2014, section 3.
    """
    return {name: np.abs(one) for name, one in gradient(model, inputs, classes).items()}


def binarize(maps: np.ndarray, share: float = 0.05) -> np.ndarray:
    """Mark the strongest pixels of each clip.

    Figure 4 of Reddy et al. shows binarised maps, but the paper does not say where it draws the line. Here a clip's
    threshold is taken over all its frames, so that frames that matter more show more marks.

    Parameters
    ----------
    maps : float array (clips, rows, columns, time), at least 0
        Of one input of the network, see `saliency`.
    share : float
        Of a clip's pixels, above 0, at most 1. Pixels as strong as the weakest of these are marked with them, pixels
        without saliency never.

    Returns
    -------
    bool array (clips, rows, columns, time)

    Raises
    ------
    MicroExpError
        If `share` is out of range.
    """
    if not 0 < share <= 1:
        raise MicroExpError("share", "more than 0 and at most 1", str(share))
    flat = np.sort(maps.reshape(len(maps), -1), axis=1)
    weakest = flat[:, -max(round(share * flat.shape[1]), 1)].reshape(-1, 1, 1, 1)
    return (maps >= weakest) & (maps > 0)


def region_shares(maps: np.ndarray, boxes: Sequence[Mapping[str, Box]] | None = None) -> dict[str, RegionShare]:
    """Return how much of a face's saliency lies at the eyes, at the mouth and elsewhere.

    Parameters
    ----------
    maps : float array (clips, rows, columns, time), at least 0
        Of whole faces, see `saliency`.
    boxes : sequence of dict of str to (top, bottom, left, right), optional
        For each clip the boxes of `"eyes"` and `"mouth"` in pixels of the maps, ends not included; see `scale_boxes`.
        By default the upper and the lower third of the frame, which is fair to frames cropped to the face and to no
        others.

    Returns
    -------
    dict of str to RegionShare
        `"eyes"`, `"mouth"` and `"rest"`; together they are 1.

    Raises
    ------
    MicroExpError
        If there are not as many boxes as clips, or if a box is empty, leaves the frame or overlaps the other one.
    """
    clips, rows, columns, _ = maps.shape
    if boxes is None:
        thirds = {name: (round(top * rows), round(end * rows), 0, columns) for name, (top, end) in THIRDS.items()}
        boxes = [thirds] * clips
    if len(boxes) != clips:
        raise MicroExpError("boxes", f"one pair for each of {clips} clips", str(len(boxes)))
    inside = {name: np.zeros((clips, rows, columns), bool) for name in THIRDS}
    for clip, of_clip in enumerate(boxes):
        for name, mask in inside.items():
            top, bottom, left, right = of_clip[name]
            if not (0 <= top < bottom <= rows and 0 <= left < right <= columns):
                raise MicroExpError(
                    f"clip {clip}",
                    f"a box of the {name} within {rows}x{columns} pixels",
                    f"rows {top}:{bottom}, columns {left}:{right}",
                    "Scale boxes of other frames by scale_boxes.",
                )
            mask[clip, top:bottom, left:right] = True
    overlapping = (inside["eyes"] & inside["mouth"]).any(axis=(1, 2))
    if overlapping.any():
        raise MicroExpError(f"clip {overlapping.argmax()}", "boxes apart", "eyes and mouth that overlap")
    inside["rest"] = ~(inside["eyes"] | inside["mouth"])
    still = maps.sum(axis=3, dtype=np.float64)
    total = still.sum(axis=(1, 2))
    total[total == 0] = np.nan
    return {
        name: RegionShare((still * mask).sum(axis=(1, 2)) / total, mask.mean(axis=(1, 2)))
        for name, mask in inside.items()
    }


def scale_boxes(boxes: Mapping[str, Box], shape: tuple[int, ...], size: tuple[int, ...]) -> dict[str, Box]:
    """Scale boxes from a frame to the resized frame that the network sees.

    Parameters
    ----------
    boxes : dict of str to (top, bottom, left, right)
        As `landmarks.boxes` gives them.
    shape : (int, int)
        Rows and columns of the frame.
    size : (int, int)
        Rows and columns after resizing.

    Returns
    -------
    dict of str to (int, int, int, int)
        Rounded to whole pixels.
    """
    tall, wide = size[0] / shape[0], size[1] / shape[1]
    return {
        name: (round(top * tall), round(bottom * tall), round(left * wide), round(right * wide))
        for name, (top, bottom, left, right) in boxes.items()
    }
