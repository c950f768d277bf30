"""Two layers that compute what those of Keras do, faster in these networks; weights and files stay those of Keras."""

from collections.abc import Callable
from typing import Any

from microexp_keras.backend import after, keras
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
    """`keras.layers.Dense` for many inputs and few clips, with a gradient that reads its large kernel at full speed."""

    def call(self, inputs: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        kernel = ops.reshape(self.kernel, self.kernel.shape)  # a tensor: TensorFlow takes no variable there
        return self.activation(ops.add(_product(inputs, kernel), self.bias))


@ops.custom_gradient
def _product(x: Any, kernel: Any) -> tuple[Any, Callable[..., tuple[Any, Any]]]:
    """Multiply (clips, inputs) by (inputs, units).

    The gradient with respect to `x` is the transpose of kernel times gradient: gradient times transposed kernel, as
    Keras has it, is 4 to 6 times as slow with TensorFlow on a CPU. The kernel's own gradient waits for it, so that
    the kernel is updated where it lies: TensorFlow copies a variable that is still being read.
    """

    def gradient(*clips: Any, upstream: Any = None) -> tuple[Any, Any]:
        above = clips[0] if upstream is None else upstream  # PyTorch gives it by name
        of_x = ops.transpose(ops.matmul(kernel, ops.transpose(above)))
        return of_x, ops.matmul(ops.transpose(x), after(of_x, above))

    return ops.matmul(x, kernel), gradient
