"""Stochastic gradient descent that updates large weights where they lie; for TensorFlow."""

from collections.abc import Sequence
from typing import Any

from microexp_keras.backend import descend, keras, together


class SGD(keras.optimizers.SGD):
    """`keras.optimizers.SGD` on one device and without Nesterov's momentum, the same to the bit, in less memory.

    Weights are updated once all gradients are there: TensorFlow copies a variable that is still being read. A step
    takes no arrays of the weights' size beside the gradients. And nothing is summed over replicas: TensorFlow registers
    a gradient of that sum for the whole process, and with it keeps every model that was trained.
    """

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        super().apply(together(grads), trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        velocity = self.momentums[self._get_variable_index(variable)] if self.momentum else None
        descend(variable, gradient, learning_rate, self.momentum, velocity)

    def _all_reduce_sum_gradients(self, grads_and_vars: list[Any]) -> list[Any]:
        return grads_and_vars
