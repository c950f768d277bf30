"""The published figures as `published.toml` has them, and what the paper's accuracies of Table V can be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from microexp_keras.data import frozen, read_toml
from microexp_keras.models.networks import Method
from microexp_keras.paper.arithmetic import by_class, count_as_printed, labels_of
from microexp_keras.protocols.catalogue import get
from microexp_keras.protocols.protocol import Protocol
from microexp_keras.protocols.splits import Fold

Key = tuple[str, str]
"""A network or another method, and a database, by their names."""

MATRIX_OF = "stcnn"  # the network that Tables VI, VII and IX are about


@dataclass(frozen=True, kw_only=True)
class Published:
    """Figures of the paper that stand beside ours, as `published.toml` explains them; percentages as printed."""

    label_counts: dict[Key, tuple[int, ...]]
    accuracy: dict[Key, float]
    rivals: dict[Key, float]
    confusion: dict[str, tuple[tuple[int, ...], ...]]
    last_ten: dict[Key, tuple[float, float]]
    kernel_sizes: dict[tuple[int, int, int], float]
    kernel_in_text: tuple[int, int, int]


def published(figures: Mapping[str, Any]) -> Published:
    """Pick what tables need out of the contents of `published.toml`."""
    tables = _without_source(frozen(figures))
    found: dict[str, Any] = {"confusion": tables["confusion"]}
    for name in ("label_counts", "accuracy", "rivals", "last_ten"):
        by_dataset = tables[name].items()
        found[name] = {(method, dataset): value for dataset, all_of in by_dataset for method, value in all_of.items()}
    kernels: dict[Any, float] = {tuple(map(int, size.split("x"))): it for size, it in tables["kernel_sizes"].items()}
    return Published(**found, kernel_sizes=kernels, kernel_in_text=tables["text"]["kernel"])


def _without_source(value: Any) -> Any:
    """Return a table and those in it without their sources."""
    if isinstance(value, dict):
        return {key: _without_source(item) for key, item in value.items() if key != "source"}
    return value


FIGURES = read_toml(__package__, "published.toml")
"""The contents of `published.toml`."""

PAPER = published(FIGURES)
"""The paper as printed."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One of the paper's own accuracies in Table V, and the program that it comes from.

    Attributes
    ----------
    protocol : Protocol
        The program's settings.
    percent : float
        As printed.
    folders, labels : int array (entries,)
        Classes of all that the program's arrays hold, by the folder and by the label.
    fold : Fold
        Positions in them.
    counts : tuple of int
        Scored clips by class: rows of the confusion matrix where one was printed, else as the program has them.
    """

    protocol: Protocol
    percent: float
    folders: np.ndarray
    labels: np.ndarray
    fold: Fold
    counts: tuple[int, ...]

    @property
    def dataset(self) -> str:
        return self.protocol.dataset

    @property
    def key(self) -> str:
        """For keys of claims: `stcnn-smic`."""
        return f"{self.protocol.model}-{self.dataset}"

    @property
    def name(self) -> str:
        """For readers: `MicroExpSTCNN on SMIC`."""
        return f"{self.protocol.network.title} on {self.protocol.database.title}"

    @property
    def classes(self) -> tuple[str, ...]:
        return self.protocol.database.class_names

    @property
    def clips(self) -> int:
        """How many are scored."""
        return sum(self.counts)


def table_5(published: Published) -> list[Cell]:
    """Return a `Cell` for each of the paper's own accuracies."""
    from microexp_keras.preprocessing import arrange

    cells = []
    for (model, dataset), percent in published.accuracy.items():
        protocol, folders = get("upstream", model, dataset), labels_of(published.label_counts[model, dataset])
        order, labels = arrange(folders, protocol)
        (fold,) = protocol.split(labels, [None] * len(labels))
        rows = tuple(map(sum, published.confusion[dataset])) if model == MATRIX_OF else by_class(labels[fold.test])
        cells.append(Cell(protocol, percent, folders[order], labels, fold, rows))
    return cells


def constant_answer(percent: float, cell: Cell) -> str | None:
    """Return the class whose constant answer scores this percentage on a `Cell`'s clips; None if there is none."""
    k, _ = count_as_printed(percent, cell.clips)
    return next((name for name, count in zip(cell.classes, cell.counts, strict=True) if count == k), None)


class RivalValue(NamedTuple):
    """A value that the paper prints of a method that it compares with."""

    percent: float | None  # None where the paper prints none
    comparable: bool  # whether it can be the share of a whole database's clips, so that ours may stand beside it
    meaning: str  # what it can be, for a reader


def rival_value(published: Published, method: Method, dataset: str) -> RivalValue:
    """Look up a printed value of a rival on a database, and what it can be."""
    percent = published.rivals.get((method.printed, dataset))
    if percent is None:
        return RivalValue(None, False, "the paper prints no value here")
    return RivalValue(percent, **read_toml(__package__, "claims.toml")["rivals"][f"{method.name}-{dataset}"])
