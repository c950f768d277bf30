"""All protocols: the six programs, the paper's text, and what this package adds."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from microexp_keras.data import read_toml
from microexp_keras.datasets import READING
from microexp_keras.datasets.database import CROPS, DATABASES, SAMPLINGS, Database, get_database, trained_on
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import NETWORKS, RIVALS, Method, Network, get_method
from microexp_keras.models.original import LAYERS, flattened_features
from microexp_keras.protocols import splits
from microexp_keras.protocols.protocol import Protocol
from microexp_keras.text import either

_PROGRAMS = read_toml(__package__, "programs.toml")
_RIVALS = _PROGRAMS["rivals"]

SHORT, LONG = 3200, 86400  # features of a region at SMIC's 18 frames and at CAS(ME)^2's 96


def _by_length(protocol: Protocol) -> tuple[float, float]:
    """Return learning rate and momentum, from 0.01 and 0 at SMIC's length, evenly in the logarithm of the features.

    A step moves what a dense layer gives by the learning rate times the sum of its squared inputs, of which a longer
    clip has more: at 96 frames one step at SMIC's rate saturates the softmax. Momentum makes up for part of the lower
    rate. At 96 frames it is 0.9, and the rate is 0.0004 for a dense layer that sees one region, half for one that sees
    two; benchmarks/fusenet_learning.py has what lies between.
    """
    features = flattened_features((protocol.size, protocol.size, protocol.frames), protocol.kernel_size)
    regions = max(layer.streams for layer in LAYERS[protocol.model])
    along = math.log(max(features, SHORT) / SHORT) / math.log(LONG / SHORT)
    return 0.01 ** (1 - along) * (0.0004 / regions) ** along, 1 - 0.1**along


# What makes the fused networks learn, found by benchmarks/fusenet_learning.py on synthetic clips: initial values as
# Glorot's rule gives them; the lower floor lets a network that saturates all the same go on.
def _glorot(paper: Protocol) -> Protocol:
    source = "this package: paper's settings, batch 16, initial values by Glorot's rule in full, loss floor 1e-30"
    glorot = replace(
        paper,
        name="glorot",
        more_frames_than=None,
        batch_size=16,
        conv_initializer="glorot_uniform",
        probability_floor=1e-30,
        source=source,
    )
    rate, momentum = _by_length(glorot)
    if not momentum:
        return glorot
    longer = f"{source}, learning rate and momentum by the length of the clips"
    return replace(glorot, learning_rate=rate, momentum=momentum, source=longer)


# The same settings under rules that measure what a reader takes the accuracy for: how it goes with people never seen.
def _loso(row: Protocol, name: str, settings: str = "", **more: Any) -> Protocol:
    own = {
        "more_frames_than": None,
        "split": splits.leave_one_subject_out,
        "unseen_subjects": True,
        "standardized_by": "method" if row.standardized_by == "method" else "train",
        "source": f"this package: {settings}one subject left out at a time (MEGC 2019)",
    }
    return replace(row, name=name, **own | more)


def _of(method: Method, database: Database, **reading: Any) -> list[Protocol]:
    """Return all protocols of a method on a database, the default first; `reading` changes how clips are read."""
    rival, short = method.name in RIVALS, database.more_frames_than
    how = {"frames": database.frames, "sampling": database.sampling, "crop": database.crop}
    how |= {"size": database.size or method.size, **reading}
    steps = {"epochs": 100, "batch_size": 8} if method.has_epochs else {"epochs": 0, "batch_size": 0}
    base = Protocol(
        name="paper",
        network=method,
        database=database,
        **{**how, **steps, **_RIVALS.get(method.name, {}).get("steps", {})},
        standardized_by="method" if rival else "all",
        source="Reddy et al. 2019: 20 % held out",
    )
    paper = replace(base, more_frames_than=short)
    source = "this package: the split of SMIC/MicroExpSTCNN.py"
    upstream = [replace(paper, name="upstream", source=source)] * database.in_paper
    if rival:
        source = "this package: one subject left out at a time (MEGC 2019), frames as the networks see them"
        loso = _loso(base, "loso", source=source)
        return [*upstream, loso, *[_published(base)] * database.in_paper]
    if not isinstance(method, Network):
        return [_loso(base, "loso"), paper, *upstream]
    paper = replace(paper, source="Reddy et al. 2019, section IV (batch 8, 100 epochs, 20 % held out)")
    glorot = [] if method.on_whole_face else [_glorot(paper)]
    loso = _loso(paper, "loso", "paper's settings, ")
    honest = [_loso(row, "loso-glorot", "glorot's settings, ") for row in glorot]
    if not database.in_paper:
        return [loso, paper, *glorot, *honest]
    own = _PROGRAMS[method.name][database.name]
    split = splits.SPLITS[own.get("split", "random_fifth")]
    program = replace(paper, name="upstream", labels_by_position=True, **own | {"split": split})
    return [program, paper, *glorot, loso, *honest]


def _published(rival: Protocol) -> Protocol:
    own = _RIVALS[rival.model]
    all_frames = {"frames": own["frames"], "sampling": "interpolate"} if rival.dataset == "smic" else {}
    source = "Guo et al. 2019, ELBPTOP, say of the published values that one subject is left out; all clips"
    return _loso(rival, "published", size=own["size"], source=source, **all_frames)


ALL = [
    protocol
    for database in DATABASES.values()
    for method in (*NETWORKS.values(), *RIVALS.values())
    for protocol in _of(method, database)
]

ABOUT = {
    "upstream": "the original's six programs, every quirk of theirs included",
    "paper": "what the paper's text says",
    "glorot": "paper with what makes the fused networks learn",
    "loso": "paper's settings, but scored on people that the network has never seen: leave one subject out",
    "loso-glorot": "glorot's settings, leave one subject out",
    "published": "the rivals of Table V as published: leave one subject out, on all clips and all their frames",
}

NAMES = tuple(ABOUT)


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
        itself.

    Raises
    ------
    MicroExpError
        If there is none; the message lists those that there are. If clips shall be read otherwise under a protocol
        that reads them as published.
    """
    there = {protocol.name: protocol for protocol in of(model, dataset)}
    if name not in there:
        title = get_database(dataset).title
        raise MicroExpError(
            "protocol", f"there is no {name} for {model} on {title}", f"Take one of {', '.join(there)}."
        )
    protocol = there[name]
    other = {setting: value for setting, value in reading.items() if value != getattr(protocol, setting)}
    if not other:
        return protocol
    if protocol.reads_as_published:
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
    if not _is_reading(reading):
        raise MicroExpError(
            "weights", f"expected how clips are read: {', '.join(READING)}, found {str(reading)[:80]!a}"
        )
    return get(name, model, database, **reading)


LONGEST = 4096  # frames, rows or columns that weights may ask for


def _is_reading(value: Any) -> bool:
    """Whether a value that a file holds says how clips are read."""
    if not isinstance(value, Mapping) or {*value} != {*READING}:
        return False
    whole = all(type(value[name]) is int and 0 < value[name] <= LONGEST for name in ("frames", "size"))
    return whole and value["sampling"] in SAMPLINGS and value["crop"] in CROPS
