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

STEPWISE = frozenset({"epochs", "learning_rate", "batch_size", "patience"})
"""Settings of a run that concern methods trained step by step."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """What can be trained and scored: a row of Table V, or a user's own method."""

    name: str  # as the commands and files write it: `"stcnn"`
    title: str  # as the paper writes it: `"MicroExpSTCNN"`; a reconstruction says that it is one
    sees: str  # what it judges by, in a few words
    printed: str  # the beginning of its row in the paper's table
    module: str  # of this package, which fits and predicts it
    inputs: tuple[str, ...] = ("face",)  # what is cut out of a frame; else `("eyes", "mouth")`
    size: int = 64  # rows and columns of each input in pixels (Tables I and II)
    takes: frozenset[str] = frozenset()  # settings of a run that it knows and not all methods do
    gigabytes: tuple[float, float] = (1.0, 2.9)  # memory of a process that trains folds, at 18 and at 96 frames

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

    def predict(self, file: Any, samples: Any, positions: Any, num_classes: int) -> Any:
        """Predict samples at some positions by the file that `fit` wrote: float array (positions, num_classes)."""
        return self._code.predict(file, samples, positions, num_classes)

    @property
    def _code(self) -> Any:
        return importlib.import_module(f"microexp_keras.{self.module}")  # which may need Keras: seconds


@dataclass(frozen=True, kw_only=True)
class Network(Method):
    """One network of the paper."""

    takes: frozenset[str] = STEPWISE | {"kernel_size", "weights"}
    builder: str  # function of `models` that builds it
    validation_files: dict[str, str]  # by input: how the names begin under which the original saves its held-out clips

    def build(self, frames: int = 18, size: Any = None, *options: Any, **named: Any) -> "keras.Model":
        """Build the network, by default at its own size; see `models.build_microexp_stcnn` for the parameters."""
        builders = importlib.import_module("microexp_keras.models.builders")  # Keras takes seconds to load
        return getattr(builders, self.builder)(frames, size or self.size, *options, **named)


def _method(name: str, own: dict[str, Any]) -> Method:
    if "builder" in own:
        return Network(name=name, **own)
    return Method(name=name, takes=STEPWISE if own["module"] == "baselines.networks" else frozenset(), **own)


METHODS = {name: _method(name, own) for name, own in frozen(read_toml(__package__, "methods.toml")).items()}
"""All rows of Table V, in its order, and a reference that is not in it; see `methods.toml`."""

NETWORKS = {name: method for name, method in METHODS.items() if isinstance(method, Network)}

RIVALS = {name: method for name, method in METHODS.items() if name not in NETWORKS}
"""The methods that the paper compares with, and the reference; see `baselines`."""

EXPECTED = "a function that builds and compiles a Keras model, or a scikit-learn estimator"


@dataclass(frozen=True, kw_only=True)
class OwnMethod(Method):
    """A method that a user brings."""

    sees: str = "gray levels of the whole face over time"
    printed: str = ""
    module: str = "training.own"
    make: Any  # an estimator, or a function: see `crossval.cross_validate`
    callbacks: Callable[[], list[Any]] | None = None  # gives the Keras callbacks of a fold; called for each


OWN: dict[str, OwnMethod] = {}
"""Those that this process knows."""


def register(make: Any, name: str | None = None, callbacks: Callable[[], list[Any]] | None = None) -> OwnMethod:
    """Make a user's own method known to this process by `name`, else by its own, in place of an earlier one."""
    estimator = not inspect.isclass(make) and all(hasattr(make, one) for one in ("fit", "predict", "get_params"))
    if not estimator and (inspect.isclass(make) or not callable(make) or hasattr(make, "layers")):
        what = "a class" if inspect.isclass(make) else f"a {type(make).__name__}"
        raise MicroExpError(f"method: {what} is given, but it must be {EXPECTED}.")
    if callbacks is not None and (estimator or not callable(callbacks)):
        said = "give a function that returns a list of Keras callbacks (it is called for each fold)"
        raise MicroExpError(f"callbacks: {said}, and a method that is trained in epochs.")
    called = str(name or (type(make).__name__ if estimator else getattr(make, "__name__", "")))
    name = re.sub(r"[^\w.:-]+", "_", called).strip("_") or "own_model"
    if name in METHODS:
        raise MicroExpError(f"method: {name} is a method of this package, so give yours another name.")
    takes = frozenset(() if estimator else ("epochs", "batch_size"))
    OWN[name] = OwnMethod(name=name, title=name.rpartition(":")[2], takes=takes, make=make, callbacks=callbacks)
    return OWN[name]


def get_method(name: str) -> Method:
    """Return the method of a name; one written `module:function` is imported, from the working folder too."""
    if name in OWN or name in METHODS:
        return OWN.get(name) or METHODS[name]
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
