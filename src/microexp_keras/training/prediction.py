"""From a network and clips to probabilities, and to the validation logs of an epoch."""

import numpy as np

from microexp_keras.backend import keras
from microexp_keras.errors import MicroExpError
from microexp_keras.training.batches import Inputs, keras_inputs

PREDICTED = 16  # clips at a time: no more memory than a step of training takes


def held_out_logs(
    model: keras.Model, inputs: Inputs, targets: np.ndarray, positions: np.ndarray, batch_size: int
) -> dict[str, float]:
    """Return `val_loss`, `val_accuracy` and `val_only_class` over some clips.

    The last is the class if all clips are given the same one, else -1. The loss is that of training, in float64.
    """
    floor = model.loss.floor
    right, losses, answers = 0, 0.0, set[int]()
    for start in range(0, len(positions), batch_size):
        chosen = positions[start : start + batch_size]
        probabilities = model.predict_on_batch(keras_inputs(inputs, chosen)).astype("float64")
        wanted = targets[chosen].astype(bool)
        losses -= np.log(np.clip(probabilities[wanted], floor, 1 - floor)).sum()
        answered = probabilities.argmax(axis=1)
        right += int(np.count_nonzero(answered == wanted.argmax(axis=1)))
        answers.update(answered.tolist())
    clips = len(positions)
    only = answers.pop() if len(answers) == 1 and clips > 1 else -1
    return {"val_loss": losses / clips, "val_accuracy": right / clips, "val_only_class": only}


def predict(model: keras.Model, inputs: Inputs, positions: np.ndarray | None = None) -> np.ndarray:
    """Predict the classes of clips, a batch at a time.

    Parameters
    ----------
    model : keras.Model
    inputs : dict of str to float32 array (clips, rows, columns, time, 1)
        As for `Batches`.
    positions : int array, optional
        Of which clips; by default all.

    Returns
    -------
    float32 array (positions, classes)
        Probabilities.

    Raises
    ------
    MicroExpError
        If they are not finite.
    """
    if positions is None:
        positions = np.arange(len(next(iter(inputs.values()))))
    batches = [positions[start : start + PREDICTED] for start in range(0, len(positions), PREDICTED)]
    probabilities = np.concatenate([model.predict_on_batch(keras_inputs(inputs, chosen)) for chosen in batches])
    if not np.isfinite(probabilities).all():
        raise MicroExpError(
            "predictions", "finite probabilities", "NaN", "The weights or the clips are beyond float32."
        )
    return probabilities
