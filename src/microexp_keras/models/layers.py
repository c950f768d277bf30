"""Two layers that compute what those of Keras do, faster in these networks; weights and files stay those of Keras."""

from microexp_keras.backend import keras
from microexp_keras.models.networks import POOL

ops = keras.ops


class Conv3D(keras.layers.Conv3D):
    """`keras.layers.Conv3D` over one channel; faster where a clip fills just one pooling window in time, as SMIC's.

    There the frames are taken as channels of a 2D convolution that has one set of kernels for each step in time: the
    3D kernels, shifted by that step and zero elsewhere.
    """

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        steps = inputs.shape[3] - self.kernel_size[2] + 1
        if steps != POOL:
            return super().call(inputs)
        kernel = ops.squeeze(self.kernel, 3)  # rows, columns, time, filters
        shifted = [ops.pad(kernel, ((0, 0), (0, 0), (step, steps - 1 - step), (0, 0))) for step in range(steps)]
        y = ops.conv(ops.squeeze(inputs, 4), ops.concatenate(shifted, axis=3), padding="valid")
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
