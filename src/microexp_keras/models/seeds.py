"""From one seed to those of a model's layers, drawn from a private generator."""

import random

from microexp_keras.backend import keras


class Seeds:
    """Seeds for initial values and dropout, drawn in the order in which Keras would draw them.

    Keras takes them from Python's global `random`, so that any thread may draw in between. After
    `keras.utils.set_random_seed(seed)` in a quiet process it would take the same numbers as these.

    Parameters
    ----------
    seed : int or None
        None leaves every layer to Keras.
    """

    def __init__(self, seed: int | None) -> None:
        self._random = None if seed is None else random.Random(seed)

    def next(self) -> int | None:
        """Return the seed of the next layer, or None if Keras is to draw it."""
        return None if self._random is None else self._random.randint(1, 10**9)

    def glorot(self) -> str | keras.initializers.Initializer:
        """Return Keras' default initialiser of kernels."""
        return self.initializer("glorot_uniform")

    def initializer(self, name: str) -> str | keras.initializers.Initializer:
        """Return an initialiser that Keras knows by name; one that draws nothing takes no seed."""
        if self._random is None:
            return name
        config = keras.initializers.get(name).get_config()
        if "seed" in config:
            config["seed"] = self.next()
        return keras.initializers.get({"class_name": name, "config": config})
