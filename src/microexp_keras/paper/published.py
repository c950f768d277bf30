"""The published figures as `published.toml` has them, and what the paper's accuracies of Table V can be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from microexp_keras.data import frozen, read_toml
from microexp_keras.models.networks import RIVALS
from microexp_keras.paper.arithmetic import by_class, constant, labels_of
from microexp_keras.protocols.protocol import Protocol, get
from microexp_keras.protocols.splits import Fold

Key = tuple[str, str]  #: A network or another method, and a database, by their names.

MATRIX_OF = "stcnn"  # the network that Tables VI, VII and IX are about
KERNELS_OF = "stcnn-casme2"  # what Table IX is about


class Published(NamedTuple):
    """Figures of the paper that stand beside ours, as `published.toml` explains them; percentages as printed."""

    label_counts: dict[Key, tuple[int, ...]]
    accuracy: dict[Key, float]
    rivals: dict[Key, float]
    last_ten: dict[Key, tuple[float, float]]
    confusion: dict[str, tuple[tuple[int, ...], ...]]
    kernel_sizes: dict[tuple[int, int, int], float]
    kernel_in_text: tuple[int, int, int]


def published(figures: Mapping[str, Any]) -> Published:
    """Pick what tables need out of the contents of `published.toml`."""
    tables = {name: {key: own[key] for key in own if key != "source"} for name, own in frozen(figures).items()}
    of_methods: dict[str, Any] = {
        name: {(method, dataset): value for dataset, row in tables[name].items() for method, value in row.items()}
        for name in ("label_counts", "accuracy", "rivals", "last_ten")
    }
    kernels: dict[Any, float] = {tuple(map(int, size.split("x"))): it for size, it in tables["kernel_sizes"].items()}
    in_text = tables["text"]["kernel"]
    return Published(**of_methods, confusion=tables["confusion"], kernel_sizes=kernels, kernel_in_text=in_text)


FIGURES = read_toml(__package__, "published.toml")  #: The contents of `published.toml`.

PAPER = published(FIGURES)  #: The paper as printed.


@dataclass(frozen=True, eq=False)
class Cell:
    """One of the paper's own accuracies in Table V, and the program that it comes from."""

    protocol: Protocol  #: The program's settings.
    percent: float  #: As printed.
    folders: np.ndarray  #: Classes of all that the program's arrays hold, by the folder, int (entries,).
    labels: np.ndarray  #: The same by the label.
    fold: Fold  #: Positions in them.
    counts: tuple[int, ...]  #: Scored clips by class: rows of the confusion matrix if one was printed.

    @property
    def dataset(self) -> str:
        return self.protocol.dataset

    @property
    def key(self) -> str:
        """For keys of claims: `stcnn-smic`."""
        return f"{self.protocol.model}-{self.protocol.dataset}"

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
    name, _ = constant(percent, cell)
    return None if name == "none" else name


class Value(NamedTuple):
    """An accuracy that the paper prints, in percent, and what it can be; None where it prints none."""

    percent: float | None = None
    comparable: bool = False  # whether it can be a share of the clips in question, so that ours may stand beside it
    meaning: str = "the paper prints no value here"  # for a reader
    constant: str | None = None  # the class whose constant answer scores the same

    @property
    def printed(self) -> str:
        """The percentage as tables have it, empty where there is none."""
        return "" if self.percent is None else f"{self.percent:.2f}%"


def published_value(protocol: Protocol) -> Value:
    """Look up what Table V, or of another kernel Table IX, has of the method and the database of a protocol."""
    method, key = protocol.network, f"{protocol.model}-{protocol.dataset}"
    about = read_toml(__package__, "claims.toml")
    if not protocol.database.in_paper:  # another may have the same name
        return Value()
    cells = {cell.key: cell for cell in table_5(PAPER)}
    if method.name in RIVALS:
        percent = PAPER.rivals.get((method.printed, protocol.dataset))
        return Value() if percent is None else Value(percent, **about["rivals"][key])
    printed = {PAPER.kernel_in_text: cells[key].percent} if key in cells else {}
    percent = (PAPER.kernel_sizes | printed if key == KERNELS_OF else printed).get(protocol.kernel_size)
    if percent is None:
        return Value()
    constant, meaning = constant_answer(percent, cells[key]), about["networks"][method.name]
    if constant:
        meaning += f"; a constant {constant} scores the same there"
    return Value(percent, True, meaning, constant)
