"""The paper's own accuracies of Table V, each with the program, labels and split that it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from microexp_keras.paper.arithmetic import by_class, count_as_printed, labels_of
from microexp_keras.paper.published import Published
from microexp_keras.protocols.catalogue import get
from microexp_keras.protocols.protocol import Protocol
from microexp_keras.protocols.splits import Fold

MATRIX_OF = "stcnn"  # the network that Tables VI, VII and IX are about


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
        Class by folder and by label of all that the program's arrays hold.
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
        """Name of the database."""
        return self.protocol.dataset

    @property
    def key(self) -> str:
        """Network and database, for keys of claims."""
        return f"{self.protocol.model}-{self.dataset}"

    @property
    def name(self) -> str:
        """Network and database, in words."""
        return f"{self.protocol.network.title} on {self.protocol.database.title}"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.protocol.database.class_names

    @property
    def clips(self) -> int:
        """Number of scored clips."""
        return sum(self.counts)


def table_5(published: Published) -> list[Cell]:
    """Return a `Cell` for each of the paper's own accuracies."""
    from microexp_keras.preprocessing import arrange

    cells = []
    for (model, dataset), percent in published.accuracy.items():
        protocol, folders = get("upstream", model, dataset), labels_of(published.label_counts[model, dataset])
        order, labels = arrange(folders, protocol)
        (fold,) = protocol.split(labels, [None] * len(labels))
        rows = matrix_rows(published, dataset) if model == MATRIX_OF else by_class(labels[fold.score])
        cells.append(Cell(protocol, percent, folders[order], labels, fold, rows))
    return cells


def constant_answer(published: Published, percent: float, cell: Cell) -> str | None:
    """Return the class whose constant answer scores this percentage on a `Cell`'s clips; None if there is none."""
    k, _ = count_as_printed(published, percent, cell.clips)
    return next((name for name, count in zip(cell.classes, cell.counts, strict=True) if count == k), None)


def cell_of(cells: Sequence[Cell], model: str, dataset: str) -> Cell:
    """Return the cell of a network and a database."""
    return next(cell for cell in cells if (cell.protocol.model, cell.dataset) == (model, dataset))


def matrix_rows(published: Published, dataset: str) -> tuple[int, ...]:
    """Return the sums of the rows of a printed confusion matrix: held-out clips by class."""
    return tuple(map(sum, published.confusion[dataset]))


def label_counts(published: Published, dataset: str) -> list[tuple[int, ...]]:
    """Return the class counts in the programs of a database."""
    return [*dict.fromkeys(counts for (_, of), counts in published.label_counts.items() if of == dataset)]


def split_ignores_subjects(cell: Cell) -> bool:
    """Return whether the split ignores whose clips they are."""
    (other,) = cell.protocol.split(cell.labels, [f"s{number}" for number in range(len(cell.labels))])
    return np.array_equal(cell.fold.train, other.train)


def printed(published: Published, cell: Cell) -> str:
    """Return the accuracy of a cell with its name, as printed."""
    return f"{cell.name}, {cell.percent:.{published.decimals}f} %"
