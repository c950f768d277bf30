"""All methods: the three networks, each with its builder and the original's files, the rivals, and a user's own."""

import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microexp_keras.data import frozen, read_toml
from microexp_keras.errors import MicroExpError

if TYPE_CHECKING:
    import keras

__all__ = [
    "METHODS",
    "NETWORKS",
    "RIVALS",
    "Method",
    "Network",
    "OwnMethod",
    "get_method",
    "register",
]

NOTHING = frozenset[str]()

STEPWISE = frozenset({"epochs", "learning_rate", "batch_size", "patience", "tensorboard"})
"""Settings of a run that concern methods trained step by step."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """What can be trained and scored: a row of Table V, or a user's own method.

    Attributes
    ----------
    name : str
        As the commands and files write it: `"stcnn"`.
    title : str
        As the paper writes it: `"MicroExpSTCNN"`; a reconstruction says that it is one.
    sees : str
        What it judges by, in a few words.
    printed : str
        The beginning of its row in the paper's table.
    module : str
        Module of this package that fits and predicts it.
    inputs : tuple of str
        What is cut out of a frame: `("face",)`, or `("eyes", "mouth")`.
    size : int
        Rows and columns of each input in pixels (Tables I and II).
    takes : frozenset of str
        Settings of a run that mean something to it, of those that not all methods know.
    gigabytes : (float, float)
        Memory of a process that trains folds, at 18 and at 96 frames.
    """

    name: str
    title: str
    sees: str
    printed: str
    module: str
    inputs: tuple[str, ...] = ("face",)
    size: int = 64
    takes: frozenset[str] = NOTHING
    gigabytes: tuple[float, float] = (1.0, 2.9)

    @property
    def on_whole_face(self) -> bool:
        """Whether it sees the whole face, so that no landmarks are needed."""
        return self.inputs == ("face",)

    @property
    def has_epochs(self) -> bool:
        """Whether it is trained step by step."""
        return "epochs" in self.takes

    @property
    def is_own(self) -> bool:
        """Whether it is a user's own."""
        return isinstance(self, OwnMethod)

    def fit(self, job: Any) -> Any:
        """Fit it on a fold, a `training.job.Job`, and predict the fold's test clips: `training.history.FoldResult`."""
        return self._code.fit(job)

    def predict(self, path: Any, samples: Any, positions: Any, num_classes: int, **options: Any) -> Any:
        """Predict samples at some positions by a file that `fit` wrote: float array (positions, num_classes)."""
        return self._code.predict(path, samples, positions, num_classes, **options)

    @property
    def _code(self) -> Any:
        return importlib.import_module(f"microexp_keras.{self.module}")  # which may need Keras: seconds


@dataclass(frozen=True, kw_only=True)
class Network(Method):
    """One network of the paper.

    Attributes
    ----------
    builder : str
        Function of `models` that builds it.
    validation_files : dict of str to str
        For each input the beginning of the names under which the original saves its held-out clips.
    """

    takes: frozenset[str] = STEPWISE | {"kernel_size", "precision", "weights", "training_images"}
    builder: str
    validation_files: dict[str, str]

    def build(
        self,
        frames: int = 18,
        size: int | tuple[int, int] | None = None,
        num_classes: int = 3,
        kernel_size: tuple[int, int, int] = (3, 3, 15),
        conv_initializer: str = "keras2_glorot_uniform",
        seed: int | None = None,
    ) -> "keras.Model":
        """Build the network, by default at its own size; see `models.build_microexp_stcnn` for the parameters."""
        builders = importlib.import_module("microexp_keras.models.builders")  # Keras takes seconds to load
        build = getattr(builders, self.builder)
        return build(frames, size or self.size, num_classes, kernel_size, conv_initializer, seed)


def _read() -> dict[str, Method]:
    found: dict[str, Method] = {}
    for name, own in frozen(read_toml(__package__, "methods.toml")).items():
        if "builder" in own:
            found[name] = Network(name=name, **own)
        else:
            found[name] = Method(name=name, takes=STEPWISE if own["module"] == "baselines.networks" else NOTHING, **own)
    return found


METHODS = _read()
"""All rows of Table V, in its order; see `methods.toml`."""

NETWORKS = {name: method for name, method in METHODS.items() if isinstance(method, Network)}

RIVALS = {name: method for name, method in METHODS.items() if name not in NETWORKS}
"""The methods that the paper compares with; see `baselines`."""

EXPECTED = "a function that builds and compiles a Keras model, or a scikit-learn estimator"


@dataclass(frozen=True, kw_only=True)
class OwnMethod(Method):
    """A method that a user brings.

    Attributes
    ----------
    make : callable or scikit-learn estimator
        A function gives a compiled Keras model, and is called for each fold. It takes nothing, or by name any of
        `input_shape`, (rows, columns, time, 1), and `num_classes`. An estimator is cloned for each fold.
    callbacks : callable or None
        Gives the Keras callbacks of a fold; called for each.
    """

    sees: str = "gray levels of the whole face over time"
    printed: str = ""
    module: str = "training.own"
    make: Any
    callbacks: Callable[[], list[Any]] | None = None


OWN: dict[str, OwnMethod] = {}
"""Those that this process knows."""


def register(make: Any, name: str | None = None, callbacks: Callable[[], list[Any]] | None = None) -> OwnMethod:
    """Make a user's own method known to this process by `name`, else by its own, in place of an earlier one.

    Raises
    ------
    MicroExpError
        If it is no function and no estimator, or its name is that of a method of this package.
    """
    estimator = not inspect.isclass(make) and all(hasattr(make, one) for one in ("fit", "predict", "get_params"))
    if not estimator and (inspect.isclass(make) or not callable(make) or hasattr(make, "layers")):
        what = "a class" if inspect.isclass(make) else f"a {type(make).__name__}"
        raise MicroExpError(f"method: {what} is given, but it must be {EXPECTED}.")
    if callbacks is not None and (estimator or not callable(callbacks)):
        raise MicroExpError(
            "callbacks: give a function that returns a list of Keras callbacks (it is called for each fold), and a "
            "method that is trained in epochs."
        )
    called = str(name or (type(make).__name__ if estimator else getattr(make, "__name__", "")))
    name = re.sub(r"[^\w.:-]+", "_", called).strip("_") or "own_model"
    if name in METHODS:
        raise MicroExpError(f"method: {name} is a method of this package, so give yours another name.")
    takes = NOTHING if estimator else frozenset({"epochs", "batch_size"})
    OWN[name] = OwnMethod(name=name, title=name.rpartition(":")[2], takes=takes, make=make, callbacks=callbacks)
    return OWN[name]


def get_method(name: str) -> Method:
    """Return the method of a name; one written `module:function` is imported, from the working folder too.

    Raises
    ------
    MicroExpError
        If there is none, or the module cannot be imported; the message lists those that there are.
    """
    if name in OWN:
        return OWN[name]
    if name in METHODS:
        return METHODS[name]
    module, colon, attribute = name.partition(":")
    if not colon:
        raise MicroExpError(f"model: {name!r} is none of {', '.join(METHODS)}, and no MODULE:FUNCTION of your own.")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        make = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # the user's module may fail in any way
        raise MicroExpError(
            f"{name}: cannot be imported ({type(error).__name__}: {error}). Write the module's name, as Python imports "
            f"it from this folder, and after a colon the name of {EXPECTED}."
        ) from error
    return register(make, name)
