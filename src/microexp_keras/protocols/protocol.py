"""Everything in which protocols differ, as a frozen dataclass, and all that there are: by name, method and database."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar, get_origin, get_type_hints

from microexp_keras.data import read_toml
from microexp_keras.datasets import READING
from microexp_keras.datasets.database import CROPS, DATABASES, SAMPLINGS, Database, get_database, trained_on
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import METHODS, RIVALS, Method, Network, get_method
from microexp_keras.models.original import LAYERS, flattened_features
from microexp_keras.protocols import splits
from microexp_keras.protocols.splits import Split
from microexp_keras.text import by, either

T = TypeVar("T")

_DATA = read_toml(__package__, "protocols.toml")

#: What each protocol is, by name.
ABOUT: dict[str, str] = {name: one["about"] for name, one in _DATA["protocols"].items()}

NAMES = tuple(ABOUT)

LONGEST = 4096  # frames, rows or columns that weights may ask for

SHORT, LONG = 3200, 86400  # features of a region at SMIC's 18 frames and at CAS(ME)^2's 96

#: Settings of methods that take the one that stands before them.
SETTINGS_OF = {
    "epochs": ("batch_size", "epochs", "patience"),
    "learning_rate": ("learning_rate", "optimizer", "momentum", "probability_floor"),
    "kernel_size": ("kernel_size", "conv_initializer"),
}

AS_PUBLISHED = ("upstream", "paper", "published")


@dataclass(frozen=True, kw_only=True, repr=False)
class Protocol:
    """How a network, or another method, is trained and scored on a database.

    `get` finds one by its name, method and database.
    """

    name: str  #: `"upstream"`.
    network: Method  #: A network of the paper, or a rival, or a user's own method.
    database: Database  #: Whose clips.
    frames: int  #: Frames of each clip that the method sees.
    size: int  #: Rows and columns of a frame, or of a region, after resizing, in pixels.
    #: Which frames these are, one of `datasets.database.SAMPLINGS`: the clip's first ones, those around its apex, or
    #: all that it has, brought to `frames` by temporal interpolation.
    sampling: str = "first"
    #: Only clips with more frames are kept: section IV.A.2 of the paper keeps those clips of SMIC that have more than
    #: 18, which is 159 of the 164 of SMIC-HS. None keeps all.
    more_frames_than: int | None = None
    #: Of each frame, one of `datasets.database.CROPS`; networks on eyes and mouth cut these out instead.
    crop: str = "none"
    #: Whether frames are taken as red, green, blue where the conversion to gray expects blue, green, red, so that the
    #: weights of red and blue are exchanged.
    swapped_colours: bool = False
    #: What happens to a frame in which the detector finds no face, or several, or a region beyond the border, see
    #: `landmarks.fill_missing_landmarks`: `"stop"` where the original programs stop and go on where they go on, or
    #: `"neighbours"`: take the points of the frames before and after it; the report says so.
    landmark_faults: str = "neighbours"
    last_class_copies: int = 1  #: How often each clip of the last class stands in the arrays.
    #: Whether labels are written by position from the numbers of clips in the class folders, the rest staying class 0,
    #: instead of clip by clip. It makes a difference only where clips stand in the arrays more than once.
    labels_by_position: bool = False
    eyes_trained_on: str = "eyes"  #: Region that the input `eyes` sees in training; scored is always with the eyes.
    #: Clips whose mean and maximum standardise all others too: `"all"`, or `"train"`, those that a fold trains on;
    #: `"method"`: the method does it itself, by its training clips.
    standardized_by: str = "all"
    #: `(labels, subjects) -> list[Fold]`, a function of `protocols.splits`. Scores are pooled over the folds.
    split: Split = splits.random_fifth
    #: Whether no clip of a scored subject is used for training or epoch selection; see `preprocessing.folds`.
    unseen_subjects: bool = False
    kernel_size: tuple[int, int, int] = (3, 3, 15)  #: Of the convolutions: rows, columns, time.
    batch_size: int  #: Clips per step.
    epochs: int  #: Passes over the training clips.
    #: How many epochs in a row may bring no better validation accuracy before training ends; None for all epochs. No
    #: protocol has it of itself, see `may_stop_early`.
    patience: int | None = None
    learning_rate: float = 0.01  #: Of the optimizer; what 'SGD' means in Keras 2.0.0.
    optimizer: str = "sgd"  #: Stochastic gradient descent, or `"adam"`.
    momentum: float = 0.0
    conv_initializer: str = "keras2_glorot_uniform"  #: Of the convolutions, see `models.build_microexp_stcnn`.
    #: Probabilities below it count as this value in the loss and have no gradient, see `training.Crossentropy`; as in
    #: keras/backend/common.py of Keras 2.0.0.
    probability_floor: float = 1e-7
    source: str  #: Where these settings come from.

    def __repr__(self) -> str:
        split = self.split.__name__.replace("_", " ")
        return f"{self.name}: {self.network.title} on {self.database.title}, {split} ({self.source})"

    @property
    def model(self) -> str:
        """Name of the network or other method."""
        return self.network.name

    @property
    def dataset(self) -> str:
        """Name of the database."""
        return self.database.name

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the network's inputs."""
        return self.network.inputs

    @property
    def unused(self) -> frozenset[str]:
        """Settings that mean nothing to its method: those of epochs, of the optimiser, or of kernels."""
        return frozenset().union(*(names for of, names in SETTINGS_OF.items() if of not in self.network.takes))

    @property
    def reading(self) -> dict[str, Any]:
        """How clips are read: `frames`, `size`, `sampling` and `crop`."""
        return {name: getattr(self, name) for name in READING}

    @property
    def reads_as_published(self) -> bool:
        """Whether frames are read as published: never otherwise, and a clip of too few is an error."""
        return self.name in AS_PUBLISHED and self.database.in_paper

    @property
    def may_stop_early(self) -> bool:
        """Whether it may be given a `patience`: not if it stands for what others have published."""
        return self.name not in AS_PUBLISHED

    def training_inputs(self, inputs: Mapping[str, T]) -> dict[str, T]:
        """Return for each input of the network the array that it is trained on, of a dict of those it is scored on."""
        return {name: inputs[self.eyes_trained_on if name == "eyes" else name] for name in inputs}

    def as_json(self) -> dict[str, Any]:
        """Return all settings for JSON: network, database and split by their names."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        key = {"name": self.name, "model": self.model, "dataset": self.database.as_json()}
        del own["network"], own["database"]
        return key | own | {"split": self.split.__name__}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Protocol":
        """Read what `as_json` gave, as config.json has it; KeyError or TypeError if a setting is not as it was."""
        own = {**record, "split": splits.SPLITS[record["split"]]}
        own["network"], own["database"] = get_method(record["model"]), Database.from_json(record["dataset"])
        return cls(**typed(cls, own))


def typed(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value for each field of a dataclass as JSON had it, lists as tuples; KeyError, TypeError if not."""
    read = {}
    for name, hint in get_type_hints(cls).items():
        kind = get_origin(hint) if get_origin(hint) in (dict, tuple, Callable) else hint
        read[name] = tuple(values[name]) if kind is tuple else values[name]
        if not isinstance(read[name], kind):
            raise TypeError(f"settings: {name}")
    return read


def _glorot(protocol: Protocol) -> dict[str, Any]:
    """What makes the fused networks learn, found by benchmarks/fusenet_learning.py on synthetic clips.

    Initial values are as Glorot's rule gives them; the lower floor lets a network that saturates all the same go on.

    Learning rate and momentum are 0.01 and 0 at SMIC's length, from there evenly in the logarithm of the features: a
    step moves what a dense layer gives by the learning rate times the sum of its squared inputs, of which a longer clip
    has more; at 96 frames one step at SMIC's rate saturates the softmax. Momentum makes up for part of the lower rate.
    At 96 frames it is 0.9, and the rate is 0.0004 for a dense layer that sees one region, half for one that sees two.
    """
    features = flattened_features((protocol.size, protocol.size, protocol.frames), protocol.kernel_size)
    regions = max(layer.streams for layer in LAYERS[protocol.model])
    along = math.log(max(features, SHORT) / SHORT) / math.log(LONG / SHORT)
    return {
        "batch_size": 16,
        "conv_initializer": "glorot_uniform",
        "probability_floor": 1e-30,
        "learning_rate": 0.01 ** (1 - along) * (0.0004 / regions) ** along,
        "momentum": 1 - 0.1**along,
    }


def _by_name(name: str, dataset: str | Database, **reading: Any) -> dict[str, Protocol]:
    """Return all protocols of a method on a database, the default first; `reading` changes how clips are read."""
    method, database, rival = get_method(name), get_database(dataset), name in RIVALS
    how = {"frames": database.frames, "sampling": database.sampling, "crop": database.crop}
    steps = {"epochs": 100, "batch_size": 8} if method.has_epochs else {"epochs": 0, "batch_size": 0}
    standardized_by = "method" if rival else "all"
    settings = how | {"size": database.size or method.size} | reading | steps | _DATA["rivals"].get(name, {})
    base = Protocol(name="", network=method, database=database, standardized_by=standardized_by, source="", **settings)
    # What a reader takes the accuracy for: how it goes with people never seen.
    loso: dict[str, Any] = {"split": splits.leave_one_subject_out, "unseen_subjects": True}
    loso |= {} if rival else {"standardized_by": "train"}
    rule = {"more_frames_than": database.more_frames_than}
    there: dict[str, dict[str, Any]] = {"loso": loso}
    if not rival:
        there["paper"] = rule
    if database.in_paper:
        there["upstream"] = rule
    if database.in_paper and name in _DATA["published"]:
        own = _DATA["published"][name]
        all_frames = {"frames": own["frames"], "sampling": "interpolate"} if database.name == "smic" else {}
        there["published"] = {**loso, "size": own["size"], **all_frames}
    if database.in_paper and isinstance(method, Network):
        own = _DATA["programs"][name][database.name]
        split = splits.SPLITS[own.get("split", "random_fifth")]
        there["upstream"] = {**rule, "labels_by_position": True, **own, "split": split}
    if isinstance(method, Network) and not method.on_whole_face:
        there["glorot"] = _glorot(base)
        there["loso-glorot"] = there["glorot"] | loso
    default = "upstream" if database.in_paper and not method.is_own else "loso"
    return {
        one: replace(base, **{"name": one, "source": _DATA["protocols"][one]["source"], **there[one]})
        for one in sorted(there, key=lambda one: (one != default, NAMES.index(one)))
    }


def of(model: str, dataset: str | Database) -> list[Protocol]:
    """Return the protocols that there are for a method on a database; the default first."""
    return [*_by_name(model, dataset).values()]


ALL = [protocol for dataset in DATABASES for model in METHODS for protocol in of(model, dataset)]


def names(model: str, dataset: str | Database) -> tuple[str, ...]:
    """Return the names of the protocols that there are for a network on a database; the first is the default."""
    return tuple(_by_name(model, dataset))


def get(name: str, model: str = "stcnn", dataset: str | Database = "smic", **reading: Any) -> Protocol:
    """Return the protocol of that name for a network on a database.

    Parameters
    ----------
    name, model : str
    dataset : str or Database
    **reading
        `frames`, `size`, `sampling` and `crop`, where clips shall be read in another way than the protocol does of
        itself; not under one that reads them as published.
    """
    there = _by_name(model, dataset)
    if name not in there:
        found = f"there is no {name} for {model} on {get_database(dataset).title}"
        raise MicroExpError("protocol", found, f"Take one of {', '.join(there)}.")
    protocol = there[name]
    other = {setting: value for setting, value in reading.items() if value != getattr(protocol, setting)}
    if other and protocol.reads_as_published:
        own = [one.name for one in there.values() if not one.reads_as_published]
        said = ", ".join(f"{setting} {value}" for setting, value in other.items())
        raise MicroExpError(
            f"protocol {name} reads clips of {protocol.database.title} as published ({protocol.frames} frames, "
            f"sampling {protocol.sampling}), so {said} goes only with {either(own)}: take --protocol {own[0]}, or "
            "leave it out."
        )
    return _by_name(model, dataset, **other)[name]


def for_weights(name: str | None, model: str, database: Database, metadata: Mapping[str, Any]) -> Protocol:
    """Return a protocol under which clips are read as those were that trained some weights.

    Without a name it is that of the training if there is one of this name, else the default. Of another known database
    than that of the training, clips are read as its protocol says. The metadata may be a stranger's.
    """
    there, trained = names(model, database), metadata.get("protocol")
    name = name or (trained if isinstance(trained, str) and trained in there else there[0])
    reading = metadata.get("reading")
    if reading is None or (database.is_known and trained_on(metadata) != database):
        return get(name, model, database)
    known = isinstance(reading, Mapping) and {*reading} == {*READING}
    whole = known and all(type(reading[name]) is int and 0 < reading[name] <= LONGEST for name in ("frames", "size"))
    if not whole or reading["sampling"] not in SAMPLINGS or reading["crop"] not in CROPS:
        found = f"do not say how clips are read ({', '.join(READING)}), but {str(reading)[:80]!a}"
        raise MicroExpError("weights", found, "Take the file that the training wrote.")
    return get(name, model, database, **reading)


def side_by_side(chosen: list[Protocol], everything: bool = False) -> list[list[str]]:
    """Tabulate protocols beside each other, as rows of text cells: the first row and the first column are headings.

    Only settings in which they differ are given, or all that mean something to any of them.
    """
    columns = [
        {name: "" if name in one.unused else _text(value) for name, value in one.as_json().items()}
        | {"dataset": one.dataset}
        for one in chosen
    ]
    unused = frozenset.intersection(*(one.unused for one in chosen))
    (_, *key), *settings = ([name, *(one[name] for one in columns)] for name in columns[0] if name not in unused)
    return [["", *key], *(row for row in settings if everything or len(set(row[1:])) > 1)]


def _text(value: object) -> str:
    """What a person reads of a setting."""
    if isinstance(value, tuple):
        return by(value)
    return {True: "yes", False: "no", None: "no"}[value] if isinstance(value, bool | None) else str(value)
