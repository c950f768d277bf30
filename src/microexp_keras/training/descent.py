"""Stochastic gradient descent that updates large weights where they lie."""

from typing import Any

from microexp_keras.backend import descend, keras


class SGD(keras.optimizers.SGD):
    """`keras.optimizers.SGD`, the same to the bit, but without arrays of the weights' size beside the gradient.

    Where the backend has no such operation, Keras' own step is taken.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        velocity = self.momentums[self._get_variable_index(variable)] if self.momentum else None
        if self.nesterov or not descend(variable, gradient, learning_rate, self.momentum, velocity):
            super().update_step(gradient, variable, learning_rate)
