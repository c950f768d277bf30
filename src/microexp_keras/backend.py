"""Keras loaded without start-up remarks, and what Keras has no call for; the only module that imports a backend.

`from microexp_keras.backend import keras` gives Keras as `import_keras` loads it. All modules of this package take it
so, so that plain Python and notebooks are as quiet as the commands: import one of them, or call `import_keras`, before
TensorFlow is imported by another way.

Keras has no call for gradients. What it has, an optimiser that moves a variable by its gradient, gives exact values
too, but only after the network's own weights are frozen and a model is compiled, and so changes what it looks at;
`gradients` changes nothing.
"""

import contextlib
import functools
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microexp_keras.errors import MicroExpError

if TYPE_CHECKING:
    import numpy as np


def gradients(function: Callable[..., Any], arrays: "Sequence[np.ndarray]") -> "list[np.ndarray]":
    """Differentiate a function by each of its arguments.

    Parameters
    ----------
    function : callable
        Takes as many tensors as there are arrays, gives a tensor of one number; made of `keras.ops` and layers.
    arrays : sequence of float32 array

    Returns
    -------
    list of float32 array
        Of the shapes of `arrays`.

    Raises
    ------
    MicroExpError
        If Keras runs on a backend that has no gradients.
    """
    import keras

    backend = keras.backend.backend()
    if backend not in _BACKENDS:
        raise MicroExpError(
            "gradients",
            f"Keras on {' or '.join(_BACKENDS)}",
            backend,
            "Set KERAS_BACKEND=tensorflow.",
        )
    found = _BACKENDS[backend](function, [keras.ops.convert_to_tensor(array) for array in arrays])
    return [keras.ops.convert_to_numpy(one) for one in found]


def _tensorflow(function: Callable[..., Any], tensors: list[Any]) -> list[Any]:
    import tensorflow

    with tensorflow.GradientTape(watch_accessed_variables=False) as tape:  # the weights need no gradients
        tape.watch(tensors)
        value = function(*tensors)
    return tape.gradient(value, tensors)


def _jax(function: Callable[..., Any], tensors: list[Any]) -> list[Any]:
    import jax

    return jax.grad(function, argnums=tuple(range(len(tensors))))(*tensors)


def _torch(function: Callable[..., Any], tensors: list[Any]) -> list[Any]:
    import torch

    for tensor in tensors:
        tensor.requires_grad_()
    return torch.autograd.grad(function(*tensors), tensors)


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}


def together(tensors: Sequence[Any]) -> list[Any]:
    """Return the tensors of TensorFlow; what is computed from any of them waits for all."""
    import tensorflow

    return tensorflow.tuple(tensors)


def descend(variable: Any, gradient: Any, learning_rate: Any, momentum: float, velocity: Any) -> None:
    """Take a step of stochastic gradient descent with TensorFlow, where the variable lies.

    Parameters
    ----------
    variable : tf.Variable
    gradient, learning_rate : tensor
    momentum : float
    velocity : keras.Variable or None
        What momentum remembers; None without momentum.
    """
    from tensorflow import raw_ops

    if velocity is None:
        raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=learning_rate, delta=gradient)
    else:
        raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle, accum=velocity.value.handle, lr=learning_rate, grad=gradient, momentum=momentum
        )


def __getattr__(name: str) -> Any:
    if name == "keras":
        return import_keras()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def backend_name() -> str:
    """Return the backend that Keras has, or would load: $KERAS_BACKEND, else its keras.json, else tensorflow."""
    folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        configured = json.loads((folder / "keras.json").read_text(encoding="utf-8")).get("backend")
    except (OSError, ValueError, AttributeError):
        configured = None
    return os.environ.get("KERAS_BACKEND") or configured or "tensorflow"


@functools.cache
def import_keras() -> Any:
    """Import Keras without the remarks on the machine that TensorFlow writes past Python to stderr.

    The backend looks for its devices here. What limits them (`tf.config.set_visible_devices`, `set_memory_growth`,
    `CUDA_VISIBLE_DEVICES`) must be said before.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with without_remarks():
        import keras

        keras.ops.zeros(1)  # the first operation looks for devices, and is the last to remark on them
    return keras


@contextlib.contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Let models that are built meanwhile compute in `"float32"`, or in `"bfloat16"` with weights of float32."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if precision == "float32" else f"mixed_{precision}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextlib.contextmanager
def without_remarks() -> Iterator[None]:
    """Keep back what libraries write past Python to stderr; should the block fail, it is shown after all."""
    try:
        stderr = os.dup(2)
    except OSError:  # a program without a terminal, as pythonw on Windows: there is nothing to keep back
        yield
        return
    with tempfile.TemporaryFile() as remarks:
        try:
            os.dup2(remarks.fileno(), 2)
            yield
        except BaseException:
            remarks.seek(0)
            os.write(stderr, remarks.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
