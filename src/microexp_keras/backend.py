"""Keras loaded without start-up remarks, and what Keras has no call for; the only module that imports a backend.

All modules of this package take Keras by `from microexp_keras.backend import keras`, so that plain Python and notebooks
are as quiet as the commands: import one of them, or call `import_keras`, before TensorFlow is imported by another way.
"""

import contextlib
import functools
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microexp_keras.errors import MicroExpError

if TYPE_CHECKING:
    import numpy as np

#: Those of Keras that train, the preferred first.
BACKENDS = {"tensorflow": "TensorFlow", "torch": "PyTorch", "jax": "JAX"}


def gradients(function: Callable[..., Any], arrays: "Sequence[np.ndarray]") -> "list[np.ndarray]":
    """Differentiate a function of float32 arrays, made of `keras.ops` and layers, by each of them."""
    keras = import_keras()
    tensors, name = [keras.ops.convert_to_tensor(array) for array in arrays], keras.backend.backend()
    if name == "tensorflow":
        import tensorflow

        with tensorflow.GradientTape(watch_accessed_variables=False) as tape:  # the weights need no gradients
            tape.watch(tensors)
            value = function(*tensors)
        found = tape.gradient(value, tensors)
    elif name == "jax":
        import jax

        found = jax.grad(function, argnums=tuple(range(len(tensors))))(*tensors)
    else:
        import torch

        for tensor in tensors:
            tensor.requires_grad_()
        found = torch.autograd.grad(function(*tensors), tensors)
    return [keras.ops.convert_to_numpy(one) for one in found]


def together(tensors: Sequence[Any]) -> list[Any]:
    """Return the tensors of TensorFlow; what is computed from any of them waits for all."""
    import tensorflow

    return tensorflow.tuple(tensors)


def descend(variable: Any, gradient: Any, learning_rate: Any, momentum: float, velocity: Any) -> None:
    """Take a step of stochastic gradient descent with TensorFlow, where the variable lies.

    `velocity` is the variable of the momentum, None without.
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


def choose_backend() -> str:
    """Return the backend that Keras has or is to load, and settle it for this process and those that it starts.

    It is what $KERAS_BACKEND names, else the user's keras.json, else the first of `BACKENDS` that is installed. One
    that nobody named is said on stderr, unless it is TensorFlow. No backend is loaded.
    """
    there = [one for one in BACKENDS if find_spec(one)]
    if not there:
        found = "needs TensorFlow, PyTorch or JAX, and none is installed"
        install = "Run: python -m pip install tensorflow (or torch, where there is no TensorFlow for your Python)."
        raise MicroExpError(f"Keras {found}. {install}")
    where, name = "KERAS_BACKEND", os.environ.get("KERAS_BACKEND")
    if "keras" in sys.modules:
        name = sys.modules["keras"].backend.backend()
    elif not name:
        where, name = "keras.json", _named_in_keras_json()
        if name == "tensorflow" and name not in there:  # not the user's word: Keras writes it into a new keras.json
            name = there[0]
            print(f"note: TensorFlow is not installed, computing with {BACKENDS[name]}", file=sys.stderr)
    if name not in there:
        fault = "is not installed" if name in BACKENDS else "is none that Keras 3 trains with"
        install = f"Install it (python -m pip install {name}), or write" if name in BACKENDS else "Write"
        raise MicroExpError(
            f"{where} names the backend {name!r}, which {fault}. {install} one that is installed: {', '.join(there)}."
        )
    os.environ["KERAS_BACKEND"] = name
    return name


def _named_in_keras_json() -> str:
    home = os.path.expanduser("~")
    folder = os.environ.get("KERAS_HOME") or os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")
    with contextlib.suppress(OSError, ValueError, TypeError):  # without one, Keras takes its defaults
        settings = dict(json.loads(Path(folder, "keras.json").expanduser().read_text(encoding="utf-8")))
        return settings.get("backend") or "tensorflow"
    return "tensorflow"


def devices() -> list[str] | None:
    """Return what the loaded Keras computes on: `["tensorflow cpu:0"]`; None before it is loaded."""
    keras = sys.modules.get("keras")
    if keras is None:
        return None
    name = keras.backend.backend()
    if name == "torch":  # for which Keras has no list
        return [f"torch {keras.ops.zeros(1).device}"]
    return [f"{name} {device}" for device in keras.distribution.list_devices()]


@functools.cache
def import_keras() -> Any:
    """Import Keras without the remarks on the machine that TensorFlow writes past Python to stderr.

    The backend looks for its devices here. What limits them (`tf.config.set_visible_devices`, `set_memory_growth`,
    `CUDA_VISIBLE_DEVICES`) must be said before.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # off on processors without AVX-512, which it helps most
    name = choose_backend()
    with without_remarks():
        try:
            import keras

            keras.ops.zeros(1)  # the first operation looks for devices, and is the last to remark on them
        except (ImportError, OSError) as error:
            install = f"Install it anew (python -m pip install --force-reinstall {name})."
            raise MicroExpError(f"{BACKENDS[name]} is installed but cannot be loaded: {error}. {install}") from error
        except ValueError as error:
            raise MicroExpError(f"keras.json: Keras cannot use these settings. {error}") from error
    if keras.config.floatx() != "float32":
        raise MicroExpError(
            f"keras.json sets floatx to {keras.config.floatx()!r}, but this package computes in float32. Write "
            '"floatx": "float32" there, or set KERAS_HOME to another folder.'
        )
    return keras


_drawing: ContextVar[Any] = ContextVar("_drawing", default=random)


class _Seeds:
    """What Keras draws the seeds of its layers from, in the place of Python's `random`."""

    @staticmethod
    def randint(low: int, high: int) -> int:
        return _drawing.get().randint(low, high)


@contextlib.contextmanager
def drawing_from(seed: int | None) -> Iterator[None]:
    """Let layers that this thread builds meanwhile draw their seeds from this one alone; None changes nothing.

    They are those that Keras would draw after `keras.utils.set_random_seed(seed)`, if no other thread drew in between.
    From then on Keras draws through `_Seeds`, which outside of this gives what Python's `random` gives.
    """
    from keras.src.random import seed_generator

    if seed_generator.python_random is not _Seeds:  # an AttributeError if another Keras draws in another way
        seed_generator.python_random = _Seeds
    before = _drawing.set(_drawing.get() if seed is None else random.Random(seed))
    try:
        yield
    finally:
        _drawing.reset(before)


@contextlib.contextmanager
def in_float32() -> Iterator[None]:
    """Let layers that are built meanwhile compute in float32, whatever the program has set for its own."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def drawn_seed() -> int:
    """Draw the seed of a dropout as Keras would; without one, Keras drops on PyTorch by numbers that no seed sets."""
    return _Seeds.randint(1, 10**9)


@contextlib.contextmanager
def without_remarks() -> Iterator[None]:
    """Keep back what libraries write past Python to stderr; should the block fail, it is shown after all."""
    stderr = os.dup(2)
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
