"""The figures of the paper, what they can be, and its tables with ours beside them."""

from microexp_keras.paper.arithmetic import fractions
from microexp_keras.paper.claims import KINDS, Claim, audit
from microexp_keras.paper.published import FIGURES, PAPER, Cell, Published, constant_answer, table_5

__all__ = [
    "FIGURES",
    "KINDS",
    "PAPER",
    "Cell",
    "Claim",
    "Published",
    "audit",
    "constant_answer",
    "fractions",
    "table_5",
]
