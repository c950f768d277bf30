"""All protocols: the six programs, the paper's text, and what this package adds."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from microexp_keras.data import read_toml
from microexp_keras.datasets import READING
from microexp_keras.datasets.database import CROPS, DATABASES, SAMPLINGS, Database, get_database, trained_on
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import METHODS, RIVALS, Method, Network, get_method
from microexp_keras.models.original import LAYERS, flattened_features
from microexp_keras.protocols import splits
from microexp_keras.protocols.protocol import Protocol
from microexp_keras.text import either

_DATA = read_toml(__package__, "protocols.toml")

#: What each protocol is, by name.
ABOUT: dict[str, str] = {name: one["about"] for name, one in _DATA["protocols"].items()}

NAMES = tuple(ABOUT)

LONGEST = 4096  # frames, rows or columns that weights may ask for

SHORT, LONG = 3200, 86400  # features of a region at SMIC's 18 frames and at CAS(ME)^2's 96


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


def _of(method: Method, database: Database, **reading: Any) -> list[Protocol]:
    """Return all protocols of a method on a database, the default first; `reading` changes how clips are read."""
    rival, name = method.name in RIVALS, method.name
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
    return [
        replace(base, **{"name": one, "source": _DATA["protocols"][one]["source"], **there[one]})
        for one in sorted(there, key=lambda one: (one != default, NAMES.index(one)))
    ]


ALL = [protocol for database in DATABASES.values() for method in METHODS.values() for protocol in _of(method, database)]


def of(model: str, dataset: str | Database) -> list[Protocol]:
    """Return the protocols that there are for a method on a database; the default first."""
    return _of(get_method(model), get_database(dataset))


def names(model: str, dataset: str | Database) -> tuple[str, ...]:
    """Return the names of the protocols that there are for a network on a database; the first is the default."""
    return tuple(protocol.name for protocol in of(model, dataset))


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
    there = {protocol.name: protocol for protocol in of(model, dataset)}
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
    return next(one for one in _of(protocol.network, protocol.database, **other) if one.name == name)


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
