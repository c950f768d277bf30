"""What the builders are made of: two layers of Keras computed faster, and what Keras 2.0.0 does differently."""

from typing import Any

from microexp_keras.backend import keras
from microexp_keras.models.original import POOL

ops = keras.ops

LAST = "channels_last"  # said to every layer: a user's keras.json may have another default


class Conv3D(keras.layers.Conv3D):
    """`keras.layers.Conv3D` over one channel; faster where a clip fills just one pooling window in time, as SMIC's.

    There the frames are taken as channels of a 2D convolution that has one set of kernels for each step in time: the
    3D kernels, shifted by that step and zero elsewhere. Weights and files stay those of Keras.
    """

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        steps = inputs.shape[3] - self.kernel_size[2] + 1
        if steps != POOL:
            return super().call(inputs)
        kernel = ops.squeeze(self.kernel, 3)  # rows, columns, time, filters
        shifted = [ops.pad(kernel, ((0, 0), (0, 0), (step, steps - 1 - step), (0, 0))) for step in range(steps)]
        y = ops.conv(ops.squeeze(inputs, 4), ops.concatenate(shifted, axis=3), padding="valid", data_format=LAST)
        y = ops.add(y, ops.tile(self.bias, steps))
        return ops.reshape(y, (-1, y.shape[1], y.shape[2], steps, self.filters))


class Dense(keras.layers.Dense):
    """`keras.layers.Dense` of (clips, features) with a bias; its matrix product is written as a batch of one product.

    TensorFlow on a CPU takes another routine for that, whose gradient with respect to many features of few clips is
    five times as fast.
    """

    def call(self, inputs: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        product = ops.matmul(ops.expand_dims(inputs, 0), ops.expand_dims(self.kernel, 0))
        return self.activation(ops.add(ops.squeeze(product, 0), self.bias))


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
        clipped = ops.clip(probabilities, self.floor, 1 - self.floor)
        return -ops.sum(targets * ops.log(clipped), axis=-1)
