"""What Keras 2.0.0 does differently, for Keras 3: its initialiser and its loss."""

from typing import Any

from microexp_keras.backend import keras


class Keras2GlorotUniform(keras.initializers.RandomUniform):
    """Glorot's uniform initialiser as Keras 2.0.0 has it for the kernel of a 3D convolution.

    It leaves the kernel's third axis out of the fans, so that a 3x3x15 kernel over one channel starts 3.9 times as
    large as Glorot's rule says: up to 0.142 instead of 0.037. With it the fused networks, whose dense layers are
    linear, can saturate in the first steps.

    References
    ----------
    `keras/initializers.py:435` of Keras 2.0.0.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(seed=seed)

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> keras.KerasTensor:
        """Draw a kernel of `shape` (rows, columns, frames, channels, filters)."""
        rows, columns, _, channels, filters = shape
        self.maxval = (6 / (rows * columns * (channels + filters))) ** 0.5
        self.minval = -self.maxval
        return super().__call__(shape, dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the initialiser's configuration, from which Keras rebuilds it."""
        return {"seed": super().get_config()["seed"]}


class Crossentropy(keras.losses.Loss):
    """Categorical cross-entropy of probabilities, as Keras 2.0.0 computes it.

    A probability below the floor counts as the floor and has no gradient. A network that saturates on a wrong answer
    is therefore stuck. Keras 3 takes the logits instead where its backend can find them (TensorFlow), which hides it.

    Parameters
    ----------
    floor : float
        1e-7 as in Keras; a value near the smallest float32 keeps the gradient alive.

    References
    ----------
    `keras/backend/tensorflow_backend.py`, `categorical_crossentropy`, of Keras 2.0.0.
    """

    def __init__(self, floor: float = 1e-7) -> None:
        super().__init__(name="categorical_crossentropy")
        self.floor = floor

    def call(self, targets: keras.KerasTensor, probabilities: keras.KerasTensor) -> keras.KerasTensor:
        """Return the loss of each clip; both arguments are (clips, classes)."""
        clipped = keras.ops.clip(probabilities, self.floor, 1 - self.floor)
        return -keras.ops.sum(targets * keras.ops.log(clipped), axis=-1)
