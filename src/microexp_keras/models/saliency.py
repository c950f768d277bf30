"""From a network and clips to saliency: how strongly each pixel of each frame moves a class's score."""

from collections.abc import Mapping

import numpy as np

from microexp_keras.backend import gradients, keras
from microexp_keras.errors import MicroExpError

AT_ONCE = 4  # clips: the convolution of one CAS(ME)^2 clip and its gradient take 0.1 GB each


def saliency(
    model: keras.Model, inputs: Mapping[str, np.ndarray], classes: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Differentiate the score of a class by every pixel of the clips, and take absolute values.

    The score is the logit, what the softmax takes in: a probability near 0 or 1 hardly changes with any pixel, so its
    gradient says how sure the network is and little of where it looks. Dropout is off.

    Parameters
    ----------
    model : keras.Model
        One of `models.build_*`, with its weights. It is left as it is.
    inputs : dict of str to float32 array (clips, rows, columns, time, 1)
        Standardised, as `preprocessing.network_inputs` gives them.
    classes : int array (clips,), optional
        Whose score; by default the class that the network predicts for each clip.

    Returns
    -------
    dict of str to float32 array (clips, rows, columns, time)
        For each input of the network, at least 0: change of the score per change of the standardised pixel. It is zero
        in the rows, columns and frames at the far end that the pooling discards: with 18 frames of 64x64 pixels the
        last frame, two rows and two columns.

    Raises
    ------
    MicroExpError
        If the network does not end in a softmax.

    References
    ----------
    Simonyan et al., "Deep Inside Convolutional Networks", 2014, section 3.
    """
    last = model.layers[-1]
    if not isinstance(last, keras.layers.Softmax):
        text = f"must end in a layer Softmax, as those of models.build_* do, not in {type(last).__name__}"
        raise MicroExpError(model.name, text, "Its logits are needed.")
    names = [tensor.name for tensor in model.inputs]
    scores, clips = keras.Model(model.inputs, last.input), len(inputs[names[0]])
    found = {name: np.empty(inputs[name].shape[:-1], np.float32) for name in names}
    for start in range(0, clips, AT_ONCE):
        few = slice(start, start + AT_ONCE)

        def summed(*tensors: keras.KerasTensor, few: slice = few) -> keras.KerasTensor:
            """No clip touches another's score, so the gradient of the sum is that of every clip at once."""
            logits = scores(list(tensors), training=False)
            chosen = keras.ops.argmax(logits, axis=1) if classes is None else np.asarray(classes[few], np.int32)
            return keras.ops.sum(logits * keras.ops.one_hot(chosen, logits.shape[1], dtype=logits.dtype))

        for name, one in zip(names, gradients(summed, [inputs[name][few] for name in names]), strict=True):
            found[name][few] = np.abs(one[..., 0])
    return found


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
    """
    flat = np.sort(maps.reshape(len(maps), -1), axis=1)
    weakest = flat[:, -max(round(share * flat.shape[1]), 1)].reshape(-1, 1, 1, 1)
    return (maps >= weakest) & (maps > 0)
