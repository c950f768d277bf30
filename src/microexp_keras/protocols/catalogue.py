"""All protocols: the six programs, the paper's text, and what this package adds."""

from dataclasses import replace
from typing import Any

from microexp_keras.datasets.database import CASME2, DATABASES, SMIC, Database, get_database
from microexp_keras.errors import MicroExpError
from microexp_keras.models.networks import (
    INTERMEDIATE,
    LATE,
    METHODS,
    NETWORKS,
    RIVALS,
    STCNN,
    Method,
    Network,
    get_method,
)
from microexp_keras.protocols import splits
from microexp_keras.protocols.protocol import Protocol
from microexp_keras.weights.layers import flattened_features, weighted_layers

_UPSTREAM = [
    Protocol(
        name="upstream",
        network=STCNN,
        database=SMIC,
        frames=18,  # SMIC/MicroExpSTCNN.py:18
        size=64,
        labels_by_position=True,  # SMIC/MicroExpSTCNN.py:78-80
        batch_size=16,  # SMIC/MicroExpSTCNN.py:142
        epochs=100,
        source="SMIC/MicroExpSTCNN.py",
    ),
    Protocol(
        name="upstream",
        network=INTERMEDIATE,
        database=SMIC,
        frames=18,  # SMIC/Intermediate_MicroFuseNet.py:61
        size=32,  # SMIC/Intermediate_MicroFuseNet.py:68
        landmark_faults="stop",
        last_class_copies=2,  # SMIC/Intermediate_MicroFuseNet.py:133-136
        labels_by_position=True,  # SMIC/Intermediate_MicroFuseNet.py:147-149
        eyes_trained_on="mouth",  # SMIC/Intermediate_MicroFuseNet.py:231
        split=splits.last_fifth_scored_on_all,
        batch_size=4,  # SMIC/Intermediate_MicroFuseNet.py:240
        epochs=250,
        source="SMIC/Intermediate_MicroFuseNet.py",
    ),
    Protocol(
        name="upstream",
        network=LATE,
        database=SMIC,
        frames=18,  # SMIC/Late_MicroFuseNet.py:61
        size=32,  # SMIC/Late_MicroFuseNet.py:68
        landmark_faults="stop",
        last_class_copies=2,  # SMIC/Late_MicroFuseNet.py:133-136
        labels_by_position=True,  # SMIC/Late_MicroFuseNet.py:147-149
        split=splits.last_fifth_scored_on_all,
        batch_size=16,  # SMIC/Late_MicroFuseNet.py:246
        epochs=250,
        source="SMIC/Late_MicroFuseNet.py",
    ),
    Protocol(
        name="upstream",
        network=STCNN,
        database=CASME2,
        frames=96,  # CASME-SQUARE/MicroExpSTCNN.py:21
        size=64,
        swapped_colours=True,  # CASME-SQUARE/MicroExpSTCNN.py:37: imageio's frames are red, green, blue
        labels_by_position=True,  # CASME-SQUARE/MicroExpSTCNN.py:78-80
        batch_size=16,  # CASME-SQUARE/MicroExpSTCNN.py:143
        epochs=100,
        source="CASME-SQUARE/MicroExpSTCNN.py",
    ),
    *(
        Protocol(
            name="upstream",
            network=network,
            database=CASME2,
            frames=96,  # line 71 of both programs
            size=32,  # :77
            swapped_colours=True,  # :78
            landmark_faults="stop",
            labels_by_position=True,  # :154-156
            split=splits.last_fifth_scored_on_all,
            batch_size=16,  # Intermediate :248, Late :253
            epochs=100,
            source=f"CASME-SQUARE/{network.name.capitalize()}_MicroExpFuseNet.py",
        )
        for network in (INTERMEDIATE, LATE)
    ),
]


def _paper(network: Network, database: Database) -> Protocol:
    return Protocol(
        name="paper",
        network=network,
        database=database,
        frames=database.frames,
        all_frames=database.sampling == "interpolate",
        crop=database.crop,
        size=database.size or network.size,
        batch_size=8,
        epochs=100,
        source="Reddy et al. 2019, section IV (batch 8, 100 epochs, 20 % held out)",
    )


def _features(protocol: Protocol) -> tuple[int, int]:
    """Return the features of a region (3,200 at 18 frames, 86,400 at 96) and the inputs of the first dense layer."""
    flattened = flattened_features((protocol.size, protocol.size, protocol.frames), protocol.kernel_size)
    layers = weighted_layers(protocol.model, protocol.kernel_size, flattened, protocol.database.num_classes)
    return flattened, next(kernel[0] for _, kernel, streams in layers if streams)


# What makes the fused networks learn, found by benchmarks/fusenet_learning.py on synthetic clips: initial values as
# Glorot's rule gives them; the lower floor lets a network that saturates all the same go on. A step moves what a dense
# layer gives by the learning rate times the sum of its squared inputs. Longer clips have more of them, 27 times as many
# at 96 frames, where one step at SMIC's rate saturates the softmax: their rate goes down with the number of inputs of
# the first dense layer, and momentum makes up for it.
def _glorot(paper: Protocol) -> Protocol:
    glorot = replace(
        paper,
        name="glorot",
        batch_size=16,
        conv_initializer="glorot_uniform",
        probability_floor=1e-30,
        source="this package: paper's settings, batch 16, initial values by Glorot's rule in full, loss floor 1e-30",
    )
    features, inputs = _features(glorot)
    if features <= 3200:  # those of SMIC's clips
        return glorot
    return replace(
        glorot,
        learning_rate=0.0004 * 86400 / inputs,
        momentum=0.9,
        source=f"{glorot.source}, learning rate by the length of the clips, momentum 0.9",
    )


# The same settings under rules that measure what a reader takes the accuracy for: how it goes with people never seen.
def _loso(row: Protocol, name: str) -> Protocol:
    return replace(
        row,
        name=name,
        split=splits.leave_one_subject_out,
        unseen_subjects=True,
        standardized_by="train",
        source=f"this package: {row.name}'s settings, one subject left out at a time (MEGC 2019)",
    )


_IN_PAPER = [database for database in DATABASES.values() if database.in_paper]
_PAPER = [_paper(network, database) for database in _IN_PAPER for network in NETWORKS.values()]
_GLOROT = [_glorot(paper) for paper in _PAPER if not paper.network.on_whole_face]
_LOSO = [_loso(row, name) for name, rows in (("loso", _PAPER), ("loso-glorot", _GLOROT)) for row in rows]

# The rivals of Table V. What `baselines.parameters` has of each: rows and columns, frames and settings of training.
_STEPS: dict[str, dict[str, Any]] = {
    "lbp-top": {"epochs": 0, "batch_size": 0},  # not trained step by step
    "stclqp": {"epochs": 0, "batch_size": 0},
    "cnn-augmentation": {"epochs": 30, "batch_size": 32, "momentum": 0.9},
    "3d-fcnn": {"epochs": 100, "batch_size": 8},
}

_PUBLISHED_FRAMES = {  # of SMIC's clips, all of whose frames are read: size, frames
    "lbp-top": (160, 10),  # faces as distributed are about 160 x 130 (Guo et al. 2019, ELBPTOP, Table I)
    "stclqp": (160, 10),
    "cnn-augmentation": (64, 18),
    "3d-fcnn": (64, 18),
}


def _rival(model: str, database: Database, **more: Any) -> Protocol:
    own = {
        "frames": database.frames,
        "all_frames": database.sampling == "interpolate",
        "crop": database.crop,
        "size": database.size or RIVALS[model].size,
        **_STEPS[model],
        **more,
    }
    return Protocol(network=RIVALS[model], database=database, standardized_by="method", **own)


def _rival_loso(model: str, database: Database, **more: Any) -> Protocol:
    own = {
        "name": "loso",
        "split": splits.leave_one_subject_out,
        "unseen_subjects": True,
        "source": "this package: one subject left out at a time (MEGC 2019), frames as the networks see them",
        **more,
    }
    return _rival(model, database, **own)


def _rival_published(model: str, database: Database) -> Protocol:
    size, frames = _PUBLISHED_FRAMES[model]
    return _rival_loso(
        model,
        database,
        name="published",
        size=size,
        source="Guo et al. 2019, ELBPTOP, say of the published values that one subject is left out; all clips",
        **({"frames": frames, "all_frames": True} if database is SMIC else {}),
    )


_RIVALS = [
    protocol
    for database in _IN_PAPER
    for model in RIVALS
    for protocol in (
        _rival(model, database, name="upstream", source="this package: the split of SMIC/MicroExpSTCNN.py"),
        _rival_loso(model, database),
        _rival_published(model, database),
    )
]


def _of_others(method: Method, database: Database) -> list[Protocol]:
    """Protocols on a database that the paper has no numbers of, and the original no programs for."""
    if not isinstance(method, Network):
        return [_rival_loso(method.name, database)]
    paper = _paper(method, database)
    glorot = [] if method.on_whole_face else [_glorot(paper)]
    return [_loso(paper, "loso"), paper, *glorot, *[_loso(row, "loso-glorot") for row in glorot]]


_OTHERS = [
    protocol
    for database in DATABASES.values()
    if not database.in_paper
    for method in METHODS.values()
    for protocol in _of_others(method, database)
]

ALL = [*_UPSTREAM, *_PAPER, *_GLOROT, *_LOSO, *_RIVALS, *_OTHERS]

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
    """Return the protocols that there are for a method on a database; the default first.

    Raises
    ------
    MicroExpError
        If there is no such method or database.
    """
    method, database = get_method(model), get_database(dataset)
    if database.is_known:
        return [protocol for protocol in ALL if (protocol.network, protocol.database) == (method, database)]
    return _of_others(method, database)


def names(model: str, dataset: str | Database) -> tuple[str, ...]:
    """Return the names of the protocols that there are for a network on a database; the first is the default."""
    return tuple(protocol.name for protocol in of(model, dataset))


def get(name: str, model: str = "stcnn", dataset: str | Database = "smic") -> Protocol:
    """Return the protocol of that name for a network on a database.

    Raises
    ------
    MicroExpError
        If there is none; the message lists those that there are.
    """
    database = dataset if isinstance(dataset, Database) else DATABASES.get(dataset)
    other = database if database and not database.in_paper else None
    for protocol in of(model, other) if other else ALL:
        if (protocol.name, protocol.model) == (name, model) and dataset in (protocol.dataset, protocol.database):
            return protocol
    if other:
        there = ", ".join(names(model, other))
        raise MicroExpError("protocol", f"one of {there} for {model} on {other.title}", name, "Take one of these.")
    alike = [f"{name} for {protocol.model} on {protocol.dataset}" for protocol in ALL if protocol.name == name]
    known = "; ".join(alike or NAMES)
    raise MicroExpError(
        "protocol", f"one of [{known}]", f"{name} for {model} on {database.name if database else dataset}"
    )
