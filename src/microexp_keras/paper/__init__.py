"""The figures of the paper, what they can be, and its tables with ours beside them."""

from microexp_keras.paper.arithmetic import fractions
from microexp_keras.paper.cells import Cell, constant_answer, table_5
from microexp_keras.paper.claim import KINDS, Claim
from microexp_keras.paper.claims import audit
from microexp_keras.paper.published import PAPER, Published

__all__ = ["KINDS", "PAPER", "Cell", "Claim", "Published", "audit", "constant_answer", "fractions", "table_5"]
